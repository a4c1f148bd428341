//! What a field is, what it is read from, and what it may have.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::activity::Inside;
use crate::facts::ancestor::Ancestor;
use crate::facts::names::Known;
use crate::facts::path::TagPath;

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Bytes of others, never trusted.
    Text,
    /// A whole number.
    Number,
    /// An address of the Internet protocols.
    Address,
    /// A system call: a number in the machine's own table, for people a name.
    Call,
}

impl Type {
    /// The name of the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Address => "address",
            Self::Call => "system call",
        }
    }
}

/// What a field is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The innermost span.
    Span,
    /// Each of the spans the call was made in: it has a value for each.
    Enclosing,
    /// The file the call was made on.
    File,
    /// Either end of the socket the call was made on: it has a value for each.
    Ends,
    /// The call itself.
    Call,
    /// The thread or its process.
    Process,
    /// The user, whom [`Known`] names.
    User,
    /// The ancestors of the process, which [`Known`] tells.
    Ancestor,
    /// Any of these: it has a value for each.
    Ancestors,
    /// The cgroup.
    Cgroup,
}

/// A field of the table.
#[derive(Debug)]
pub struct Info {
    /// Its name; `[n]` stands for a number.
    pub name: &'static str,
    /// What its values are.
    pub type_: Type,
    /// What it is read from.
    pub source: Source,
    /// What it means.
    pub meaning: &'static str,
    pub(super) get: for<'a> fn(&At<'a>, i16) -> Value<'a>,
}

/// What a field has for one call. The order is one for sorting, no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value<'a> {
    /// Nothing: a call on no file has no `fd.name`.
    Absent,
    /// Bytes of others, never empty.
    Text(Cow<'a, [u8]>),
    /// A number.
    Number(u64),
    /// An address.
    Address(IpAddr),
    /// A system call, by its number.
    Call(u32),
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

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Absent => Value::Absent,
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Number(n) => Value::Number(n),
            Self::Address(address) => Value::Address(address),
            Self::Call(nr) => Value::Call(nr),
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

impl From<u32> for Value<'_> {
    fn from(n: u32) -> Self {
        Self::Number(n.into())
    }
}

/// Calls of one number on one file, and what a field may be read from.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The segment.
    pub inside: &'a Inside<'a>,
    /// What else is known of its process.
    pub known: Known<'a>,
    /// Which of its calls.
    pub call: usize,
    /// Which of the spans it lay in, for the fields that have a value for each.
    pub enclosing: Option<&'a TagPath>,
    /// Which of the ancestors of its process, for the fields that have a value for each.
    pub ancestor: Option<&'a Ancestor>,
    /// Which end of a socket, for the fields that have a value for each.
    pub end: Option<SocketAddr>,
}

/// A field, with the number in its brackets if it has any.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub(super) info: &'static Info,
    pub(super) index: i16,
}

impl Field {
    /// Its line in the table.
    #[must_use]
    pub const fn info(&self) -> &'static Info {
        self.info
    }

    /// Its value.
    #[must_use]
    pub fn get<'a>(&self, at: &At<'a>) -> Value<'a> {
        (self.info.get)(at, self.index)
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        (self.info.name, self.index) == (other.info.name, other.index)
    }
}

impl Eq for Field {}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info.name.strip_suffix("[n]") {
            Some(name) => write!(f, "{name}[{}]", self.index),
            None => f.write_str(self.info.name),
        }
    }
}
