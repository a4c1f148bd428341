//! One value.

use std::borrow::Cow;
use std::sync::Arc;

use nulltrace_spec::Id;

use crate::facts::args::ArgList;
use crate::facts::path::TagPath;

/// A value, in a table or among words.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// There is none.
    Absent,
    /// Text, maybe of others.
    Text(Cow<'static, [u8]>),
    /// Text of which the end says the most, as of a path.
    Path(Cow<'static, [u8]>),
    /// A tag path, of which the last `own` are not those of the row above.
    Tags {
        /// All of it.
        path: Arc<TagPath>,
        /// How many of its tags the rows above do not show.
        own: usize,
    },
    /// A count, or a number that is a name: a port, a process id.
    Number(u64),
    /// An id of a marker.
    Id(Id),
    /// Arguments of a marker, of others.
    Args(ArgList),
    /// A moment, nanoseconds since the beginning of 1970 in UTC.
    Time(u64),
    /// Nanoseconds.
    Ns(u128),
    /// Bytes.
    Bytes(u64),
    /// A part of 1.
    Share(f64),
    /// Counts by class, as [`Unit::Counts`] of the column names them.
    Counts(Box<[u64]>),
}

/// A sentence without a full stop, or a part of one: text and values in turn.
pub type Words = Vec<Cell>;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Text, or numbers that are names.
    None,
    /// Counts.
    Count,
    /// Nanoseconds.
    Ns,
    /// Bytes.
    Bytes,
    /// Parts of 1.
    Share,
    /// Counts by class, with the names of the classes.
    Counts(&'static [&'static str]),
}

impl Unit {
    /// The name of the unit, if it has any.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Count | Self::Counts(_) => Some("count"),
            Self::Ns => Some("ns"),
            Self::Bytes => Some("bytes"),
            Self::Share => Some("share"),
        }
    }
}

impl Cell {
    /// Text of others.
    #[must_use]
    pub fn text(bytes: &[u8]) -> Self {
        Self::Text(Cow::Owned(bytes.to_vec()))
    }

    /// Nanoseconds, if there are any.
    #[must_use]
    pub fn ns(ns: Option<impl Into<u128>>) -> Self {
        ns.map_or(Self::Absent, |ns| Self::Ns(ns.into()))
    }

    /// `part` of `whole`, unless there is no whole.
    ///
    /// ```
    /// use nulltrace_core::view::model::Cell;
    ///
    /// assert_eq!(Cell::share(1, 4), Cell::Share(0.25));
    /// assert_eq!(Cell::share(0, 0), Cell::Absent);
    /// ```
    #[must_use]
    pub fn share(part: u64, whole: u64) -> Self {
        match whole {
            0 => Self::Absent,
            _ => Self::Share(part as f64 / whole as f64),
        }
    }
}

impl From<&'static str> for Cell {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text.into_bytes()))
    }
}
