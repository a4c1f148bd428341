//! One comparison: a field, an operator, and what it is compared with.

use std::fmt;

use super::literal::Literal;
use super::matcher::{Matcher, compare};
use super::op::{Function, Op};
use super::truth::Truth;
use crate::query::field::{At, Field, Source, Type, Value};

/// A field, and what is made of its values: the innermost function is the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) field: Field,
    pub(super) functions: Vec<Function>,
}

impl Operand {
    /// The type of its values.
    pub(super) fn type_(&self) -> Type {
        let last = self.functions.last();
        last.map_or(self.field.info().type_, |function| function.gives())
    }

    /// Whether `f` holds for one of its values.
    #[inline]
    fn any<'a>(&self, at: &At<'a>, mut f: impl FnMut(&Value<'a>) -> bool) -> bool {
        if self.functions.is_empty() {
            return self.field.any(at, |value| f(&value));
        }
        self.field.any(at, |value| {
            let functions = self.functions.iter();
            let value = functions.fold(value, |value, function| function.apply(value));
            value != Value::Absent && f(&value)
        })
    }

    /// Whether it must be known which file a call is on.
    fn is_of_file(&self) -> bool {
        matches!(self.field.info().source, Source::File | Source::Ends)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions = || self.functions.iter().rev();
        functions().try_for_each(|function| write!(f, "{}(", function.name()))?;
        write!(f, "{}", self.field)?;
        functions().try_for_each(|_| f.write_str(")"))
    }
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Nothing: whether there is a value.
    Nothing,
    /// A value.
    One(Literal),
    /// Values in parentheses.
    List(Vec<Literal>),
    /// Another field.
    Field(Operand),
}

/// A comparison.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(super) left: Operand,
    pub(super) op: Op,
    pub(super) right: Right,
    /// What it compares with, made ready; nothing where that is a field.
    pub(super) matcher: Option<Matcher>,
}

/// What was made ready follows from the rest.
impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        (&self.left, self.op, &self.right) == (&other.left, other.op, &other.right)
    }
}

impl Eq for Test {}

impl Test {
    /// What it says of a subject: of a field with several values, that one of them is so.
    #[inline]
    pub(super) fn truth(&self, at: &At<'_>) -> Truth {
        if at.is_before_end() && self.is_of_end() {
            return Truth::ANY;
        }
        let (found, any) = self.found(at);
        let truth = if self.is_of_file() && at.file().is_some_and(|file| !file.is_known()) {
            self.of_lost(found)
        } else if any || self.op == Op::Exists {
            Truth::of(found)
        } else {
            Truth::UNKNOWN
        };
        match self.op {
            Op::NotEqual => truth.not(),
            _ => truth,
        }
    }

    /// The same of a call on a file that is not known, for which there are the names it goes by, and no more.
    #[cold]
    const fn of_lost(&self, found: bool) -> Truth {
        match self.op {
            Op::Exists if !found => Truth::EITHER,
            op if found && (op.is_equality() || matches!(op, Op::Exists)) => Truth::YES,
            _ => Truth::ANY,
        }
    }

    /// Whether a value is as it should be, and whether there is any.
    #[inline]
    fn found(&self, at: &At<'_>) -> (bool, bool) {
        let mut any = false;
        let found = match (&self.right, &self.matcher) {
            (Right::Field(right), _) => self.left.any(at, |left| {
                right.any(at, |right| {
                    any = true;
                    compare(self.op, left, right)
                })
            }),
            (_, Some(matcher)) => self.left.any(at, |value| {
                any = true;
                matcher.is(value)
            }),
            _ => self.left.any(at, |_| true),
        };
        (found, any)
    }

    /// The fields in it.
    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        let right = match &self.right {
            Right::Field(right) => Some(&right.field),
            _ => None,
        };
        [&self.left.field].into_iter().chain(right)
    }

    /// Whether it is about what is known of a span only when that has ended.
    pub(super) fn is_of_end(&self) -> bool {
        self.fields()
            .any(|field| field.info().source == Source::End)
    }

    fn is_of_file(&self) -> bool {
        let right = matches!(&self.right, Right::Field(right) if right.is_of_file());
        right || self.left.is_of_file()
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.op.text())?;
        match &self.right {
            Right::Nothing => Ok(()),
            Right::One(value) => write!(f, " {value}"),
            Right::Field(right) if right.functions.is_empty() => write!(f, " val({right})"),
            Right::Field(right) => write!(f, " {right}"),
            Right::List(values) => {
                f.write_str(" (")?;
                for (at, value) in values.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str(")")
            }
        }
    }
}
