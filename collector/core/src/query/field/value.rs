//! Values, and the types they are of.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Bytes of others, never trusted.
    Text,
    /// A whole number.
    Number,
    /// A whole number that may be negative.
    Integer,
    /// An address of the Internet protocols.
    Address,
    /// A system call: a number in the machine's own table, for people a name.
    Call,
    /// How long something took, nanoseconds.
    Duration,
    /// When something happened, `CLOCK_MONOTONIC` nanoseconds.
    Time,
    /// How much, in bytes.
    Size,
    /// True or false.
    Boolean,
}

impl Type {
    /// The name of the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Address => "address",
            Self::Call => "system call",
            Self::Duration => "duration",
            Self::Time => "time",
            Self::Size => "size",
            Self::Boolean => "boolean",
        }
    }

    /// The unit of its numbers, as programs get them.
    #[must_use]
    pub const fn unit(self) -> Option<&'static str> {
        match self {
            Self::Duration | Self::Time => Some("ns"),
            Self::Size => Some("bytes"),
            _ => None,
        }
    }
}

/// What a subject has for a field. The order is one for sorting, no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value<'a> {
    /// Nothing: a call on no file has no `fd.name`.
    Absent,
    /// Bytes of others, never empty.
    Text(Cow<'a, [u8]>),
    /// A number.
    Number(u64),
    /// A number that may be negative.
    Integer(i64),
    /// An address.
    Address(IpAddr),
    /// A system call, by its number.
    Call(u32),
    /// A duration, nanoseconds.
    Duration(u64),
    /// A time, `CLOCK_MONOTONIC` nanoseconds.
    Time(u64),
    /// True or false.
    Boolean(bool),
}

/// One word for each value, and the bytes of text: a derived one gives the hasher two or three.
impl Hash for Value<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, word) = match self {
            Self::Absent => (0, 0),
            Self::Text(text) => {
                state.write(text);
                (1, text.len() as u64)
            }
            Self::Number(n) => (2, *n),
            Self::Address(address) => {
                address.hash(state);
                (3, 0)
            }
            Self::Call(nr) => (4, u64::from(*nr)),
            Self::Duration(ns) => (5, *ns),
            Self::Time(ns) => (6, *ns),
            Self::Boolean(is) => (7, u64::from(*is)),
            Self::Integer(n) => (8, n.cast_unsigned()),
        };
        state.write_u64(word.rotate_left(8) ^ kind);
    }
}

impl<'a> Value<'a> {
    /// Text; nothing if it is empty.
    pub(in crate::query) fn text(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        let bytes = bytes.into();
        match bytes.is_empty() {
            true => Self::Absent,
            false => Self::Text(bytes),
        }
    }

    /// A duration, if it is known.
    pub(in crate::query) fn duration(ns: Option<u64>) -> Self {
        ns.map_or(Self::Absent, Self::Duration)
    }

    /// How many there are.
    pub(in crate::query) fn count(n: usize) -> Self {
        Self::Number(n as u64)
    }

    /// Whether it is equal to another. Mostly both are text, which the derived comparison finds out late.
    #[inline]
    pub(crate) fn is(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Text(one), Value::Text(other)) => **one == **other,
            (one, other) => one == other,
        }
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Absent => Value::Absent,
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Number(n) => Value::Number(n),
            Self::Integer(n) => Value::Integer(n),
            Self::Address(address) => Value::Address(address),
            Self::Call(nr) => Value::Call(nr),
            Self::Duration(ns) => Value::Duration(ns),
            Self::Time(ns) => Value::Time(ns),
            Self::Boolean(is) => Value::Boolean(is),
        }
    }

    /// Bytes of text in it.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 0,
        }
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(of: Option<T>) -> Self {
        of.map_or(Self::Absent, Into::into)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::text(bytes)
    }
}

impl<'a> From<Cow<'a, [u8]>> for Value<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        Self::text(bytes)
    }
}

impl From<u32> for Value<'_> {
    fn from(n: u32) -> Self {
        Self::Number(n.into())
    }
}

impl From<u64> for Value<'_> {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}
