//! What is wrong with the text of a filter, and where.

use std::ops::Range;

use super::op::{Function, Op};
use crate::query::field::{Field, Subject, Type};

/// Why a text is no filter, and the place in it that is wrong, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFilter {
    /// The place.
    pub at: Range<usize>,
    /// What is wrong there.
    pub why: Why,
}

impl BadFilter {
    pub(super) const fn new(at: Range<usize>, why: Why) -> Self {
        Self { at, why }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A field must stand here.
    ExpectedField,
    /// There is no such field.
    NoField(String),
    /// There is one, and what is filtered does not have it.
    NotOf(Field, Subject),
    /// One field is known when a call is made, the other when its span ends: they cannot be compared.
    Apart(Field, Field),
    /// An operator must stand here; what stands there instead, if anything.
    ExpectedOperator(String),
    /// An operator of sysdig that does not exist here.
    NoSuchOperator(&'static str),
    /// Values of this type cannot be compared so.
    NotFor(Op, Type),
    /// No such function.
    NoFunction(String),
    /// The function takes text, and this is something else.
    FunctionNotFor(Function, Type),
    /// There is no value behind the operator.
    NoValue,
    /// A list in parentheses must stand here.
    ExpectedList,
    /// It is no value of this type.
    BadValue(Type, String),
    /// A pattern cannot be read from a field.
    PatternOfField(Op),
    /// The fields that are compared have different types.
    Differ(Type, Type),
    /// It is no regular expression: what the library says.
    BadRegex(String),
    /// A quote that does not end.
    OpenQuote,
    /// A key in brackets that does not end.
    OpenKey,
    /// `\x` without two hexadecimal digits.
    BadEscape,
    /// A parenthesis that does not end.
    OpenParenthesis,
    /// A comma where `and` or `or` must stand.
    Comma,
    /// `and` or `or` must stand here.
    ExpectedAnd,
    /// More parentheses, `not` and functions in each other than [`DEPTH_MAX`](super::DEPTH_MAX).
    TooDeep,
    /// Longer than [`TEXT_MAX`](super::TEXT_MAX).
    TooLong,
    /// More regular expressions than [`REGEXES_MAX`](super::REGEXES_MAX).
    TooManyRegexes,
    /// A pattern longer than [`PATTERN_MAX`](super::PATTERN_MAX).
    PatternTooLong,
    /// More comparisons of calls are mixed with comparisons of spans than [`MIXED_MAX`](super::MIXED_MAX).
    TooMixed,
}

/// Something in a filter that is right, and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The place, in bytes.
    pub at: Range<usize>,
    /// The number without a unit, which is one of nanoseconds.
    pub number: u64,
}
