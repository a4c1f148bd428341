//! The parts of a filter.

use std::fmt;

use super::test::Test;
use super::truth::Truth;
use crate::query::field::{At, Field};

/// A filter, or a part of one. What is in [`All`](Self::All) is no other `All`, what is in [`Any`](Self::Any) no other
/// `Any`, and there are at least two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expr {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(Box<Test>),
}

impl Expr {
    /// All of these must hold.
    pub(super) fn all(parts: Vec<Self>) -> Option<Self> {
        let inner = |part| match part {
            Self::All(parts) => Ok(parts),
            part => Err(part),
        };
        joined(parts, inner, Self::All)
    }

    /// One of these must hold.
    pub(super) fn any(parts: Vec<Self>) -> Option<Self> {
        let inner = |part| match part {
            Self::Any(parts) => Ok(parts),
            part => Err(part),
        };
        joined(parts, inner, Self::Any)
    }

    /// What it says of a subject.
    pub(crate) fn truth(&self, at: &At<'_>) -> Truth {
        match self {
            Self::Test(test) => test.truth(at),
            Self::Not(part) => part.truth(at).not(),
            Self::All(parts) => all(parts, |part| part.truth(at)),
            Self::Any(parts) => any(parts, |part| part.truth(at)),
        }
    }

    /// What it says of a subject of which these fields may have other values later.
    pub(super) fn truth_so_far(&self, at: &At<'_>, later: &dyn Fn(&Field) -> bool) -> Truth {
        match self {
            Self::Test(test) if test.fields().any(later) => Truth::ANY,
            Self::Test(test) => test.truth(at),
            Self::Not(part) => part.truth_so_far(at, later).not(),
            Self::All(parts) => all(parts, |part| part.truth_so_far(at, later)),
            Self::Any(parts) => any(parts, |part| part.truth_so_far(at, later)),
        }
    }

    /// Gives each comparison in it.
    pub(super) fn each<'e>(&'e self, f: &mut dyn FnMut(&'e Test)) {
        match self {
            Self::Test(test) => f(test),
            Self::Not(part) => part.each(f),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(f)),
        }
    }

    /// Whether it must stand in parentheses as a part of one that `and` joins, or of `not`.
    const fn is_joined(&self) -> bool {
        matches!(self, Self::All(_) | Self::Any(_))
    }
}

/// All of them, as far as it must be known.
pub(super) fn all<P>(parts: &[P], truth: impl Fn(&P) -> Truth) -> Truth {
    let mut all = Truth::YES;
    for part in parts {
        all = all.and(truth(part));
        if all == Truth::NO {
            break;
        }
    }
    all
}

/// Any of them, as far as it must be known.
pub(super) fn any<P>(parts: &[P], truth: impl Fn(&P) -> Truth) -> Truth {
    let mut any = Truth::NO;
    for part in parts {
        any = any.or(truth(part));
        if any == Truth::YES {
            break;
        }
    }
    any
}

/// One level of parts: the only one by itself.
fn joined(
    parts: Vec<Expr>,
    inner: impl Fn(Expr) -> Result<Vec<Expr>, Expr>,
    join: fn(Vec<Expr>) -> Expr,
) -> Option<Expr> {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match inner(part) {
            Ok(parts) => flat.extend(parts),
            Err(part) => flat.push(part),
        }
    }
    match flat.len() {
        0 | 1 => flat.pop(),
        _ => Some(join(flat)),
    }
}

/// So that it is read again.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::Test(test) => return test.fmt(f),
            Self::Not(part) if part.is_joined() => return write!(f, "not ({part})"),
            Self::Not(part) => return write!(f, "not {part}"),
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
        };
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                f.write_str(word)?;
            }
            match part {
                Self::Any(_) => write!(f, "({part})")?,
                part => part.fmt(f)?,
            }
        }
        Ok(())
    }
}
