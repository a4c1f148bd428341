//! The filter language: comparisons of fields, joined by `and`, `or` and `not`.
//!
//! A comparison of a value that the subject does not have is neither true nor false, and so is `not` of it; a filter
//! that depends on it is unknown.
//!
//! ```
//! use nulltrace_core::query::field::{At, Known};
//! use nulltrace_core::query::filter::{Filter, Verdict, Why, Words};
//!
//! let filter = Filter::parse("proc.pid in (7, 8) and not proc.name=sh", &Words::ANY).unwrap();
//! assert_eq!(filter.to_string(), "proc.pid in (7, 8) and not proc.name = sh");
//! // Of a process of which no more than its number is known:
//! let verdict = |pid| filter.check(&At::process(pid, None, Known::default()));
//! assert_eq!((verdict(9), verdict(7)), (Verdict::No, Verdict::Unknown));
//!
//! let wrong = Filter::parse("fd.lport=http", &Words::ANY).unwrap_err();
//! assert_eq!(wrong.at, 9..13);
//! assert!(matches!(wrong.why, Why::BadValue(..)));
//! ```

mod check;
mod cursor;
mod divided;
mod error;
mod glob;
mod limits;
mod literal;
mod matcher;
mod op;
mod parser;
mod test;
mod tree;
mod truth;
mod words;

use std::fmt;

pub(crate) use divided::{Divided, Holds, OfCall, SoFar};
pub use error::{BadFilter, Note, Why};
pub use limits::{DEPTH_MAX, MIXED_MAX, PATTERN_MAX, REGEXES_MAX, TEXT_MAX};
pub use op::{Function, Op};
pub use truth::Verdict;
pub use words::Words;

use super::field::{At, Field};
use tree::Expr;

/// A filter.
#[derive(Clone, Debug)]
pub struct Filter {
    expr: Expr,
    notes: Vec<Note>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn parse(text: &str, words: &Words<'_>) -> Result<Self, BadFilter> {
        let (expr, notes) = parser::read(text, words)?;
        Ok(Self { expr, notes })
    }

    /// Both must hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let first = self.expr.clone();
        Self {
            expr: Expr::all(vec![self.expr, other.expr]).unwrap_or(first),
            notes: [self.notes, other.notes].concat(),
        }
    }

    /// What it says of a subject.
    #[must_use]
    #[inline]
    pub fn check(&self, at: &At<'_>) -> Verdict {
        self.expr.truth(at).verdict()
    }

    /// What it will say of a subject of which these fields may have other values later, as far as that is known:
    /// whether it holds.
    pub(crate) fn check_so_far(&self, at: &At<'_>, later: &dyn Fn(&Field) -> bool) -> Option<bool> {
        self.expr.truth_so_far(at, later).is_yes()
    }

    /// What is right in it, and probably not meant.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The fields that it reads.
    #[must_use]
    pub fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        self.expr.each(&mut |test| fields.extend(test.fields()));
        fields
    }

    /// Whether it asks for what is known of a span only when that has ended: what it says of an event in an open span may
    /// be [undecided](Verdict::Undecided) until then.
    #[must_use]
    pub fn is_of_ends(&self) -> bool {
        let mut found = false;
        self.expr.each(&mut |test| found |= test.is_of_end());
        found
    }

    /// Its parts of which all must hold, each as it is read again, and whether it is [of ends](Self::is_of_ends).
    #[must_use]
    pub fn clauses(&self) -> Vec<(String, bool)> {
        let parts = match &self.expr {
            Expr::All(parts) => &parts[..],
            one => std::slice::from_ref(one),
        };
        let of_ends = |part: &Expr| {
            let mut found = false;
            part.each(&mut |test| found |= test.is_of_end());
            found
        };
        parts
            .iter()
            .map(|part| (part.to_string(), of_ends(part)))
            .collect()
    }

    /// Whether more comparisons of calls are mixed with those of spans than can be kept for each call.
    pub(crate) fn is_too_mixed(&self) -> bool {
        self.divided().mixed() > MIXED_MAX
    }

    /// What is known of a call when it is made, and of a span when it ends.
    pub(crate) fn divided(&self) -> Divided {
        Divided::new(&self.expr)
    }
}

/// What there is to say of it is no part of it.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

impl Eq for Filter {}

/// So that it is read again.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

#[cfg(test)]
mod tests;
