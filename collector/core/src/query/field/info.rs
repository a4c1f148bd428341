//! What a field is: its line in the table.

use std::fmt;

use crate::activity::Reach;

use super::at::{At, Many, Subject};
use super::key::{Key, KeyKind};
use super::value::{Type, Value};

/// What a field is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The call itself.
    Call,
    /// The file the call was made on.
    File,
    /// Either end of the socket the call was made on: it has a value for each.
    Ends,
    /// The span, or the innermost span: what its enter marker says.
    Innermost,
    /// The tags of each of the spans around: it has a value for each.
    Paths,
    /// Each of the spans around: it has a value for each.
    Spans,
    /// Each of the spans that are open in that reach of an event: it has a value for each.
    Reach(Reach),
    /// The span, or the innermost span: what is known while it is open.
    Span,
    /// The span, or the innermost span: what is known when it has ended.
    End,
    /// The spans around an event, from the innermost to the outermost.
    Chain,
    /// The event.
    Event,
    /// The marker.
    Marker,
    /// The thread.
    Thread,
    /// The process.
    Process,
    /// The user, whom [`Known`](super::Known) names.
    User,
    /// The ancestors of the process, which [`Known`](super::Known) has.
    Ancestor,
    /// Any of these: it has a value for each.
    Ancestors,
    /// The cgroup.
    Cgroup,
    /// The container, which [`Known`](super::Known) has.
    Container,
}

impl Source {
    /// What has the fields of this source.
    #[must_use]
    pub const fn subjects(self) -> &'static [Subject] {
        use Subject::{Call, Event, Marker, Process, Segment, Span};
        match self {
            Self::Call | Self::File | Self::Ends => &[Call, Event],
            Self::Paths | Self::Spans => &[Call, Segment, Event],
            Self::Innermost => &[Call, Segment, Span, Event],
            Self::Span | Self::End => &[Span, Event],
            Self::Chain | Self::Reach(_) | Self::Event => &[Event],
            Self::Marker => &[Marker, Event],
            Self::Thread => &[Call, Segment, Span, Marker, Event],
            Self::Process
            | Self::User
            | Self::Ancestor
            | Self::Ancestors
            | Self::Cgroup
            | Self::Container => &[Call, Segment, Span, Marker, Process, Event],
        }
    }

    /// What there may be several of, each with a value.
    #[must_use]
    pub const fn many(self) -> Option<Many> {
        match self {
            Self::Paths => Some(Many::Paths),
            Self::Spans => Some(Many::Spans),
            Self::Reach(reach) => Some(Many::Reach(reach)),
            Self::Ancestors => Some(Many::Ancestors),
            Self::Ends => Some(Many::Ends),
            _ => None,
        }
    }
}

/// A field of the table.
#[derive(Debug)]
pub struct Info {
    /// Its name, without a key.
    pub name: &'static str,
    /// What stands behind the name.
    pub key: KeyKind,
    /// What its values are.
    pub type_: Type,
    /// What it is read from.
    pub source: Source,
    /// What it means.
    pub meaning: &'static str,
    pub(super) get: for<'a> fn(&At<'a>, &Key) -> Value<'a>,
}

impl Info {
    /// Whether a subject of this kind has it.
    #[must_use]
    pub fn is_of(&self, subject: Subject) -> bool {
        self.source.subjects().contains(&subject)
    }

    /// Its value, of the one that `at` is at where there are several.
    #[inline]
    #[must_use]
    pub fn get<'a>(&self, at: &At<'a>, key: &Key) -> Value<'a> {
        (self.get)(at, key)
    }

    /// Whether `f` holds for one of its values.
    pub fn any<'a>(&self, at: &At<'a>, key: &Key, mut f: impl FnMut(Value<'a>) -> bool) -> bool {
        let mut holds = |at: &At<'a>| match self.get(at, key) {
            Value::Absent => false,
            value => f(value),
        };
        match self.source.many() {
            None => holds(at),
            Some(many) => at.any(many, holds),
        }
    }

    /// Gives each of its values.
    pub fn each<'a>(&self, at: &At<'a>, key: &Key, f: &mut dyn FnMut(Value<'a>)) {
        self.any(at, key, |value| {
            f(value);
            false
        });
    }
}

/// As a person would write it: `n` stands for a number, `NAME` for a name.
impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.key)
    }
}

/// A field, with its key.
#[derive(Clone, Debug)]
pub struct Field {
    pub(super) info: &'static Info,
    pub(super) key: Key,
}

impl Field {
    /// Its line in the table.
    #[must_use]
    #[inline]
    pub const fn info(&self) -> &'static Info {
        self.info
    }

    /// Its value; see [`Info::get`].
    #[must_use]
    #[inline]
    pub fn get<'a>(&self, at: &At<'a>) -> Value<'a> {
        self.info.get(at, &self.key)
    }

    /// Whether `f` holds for one of its values.
    pub fn any<'a>(&self, at: &At<'a>, f: impl FnMut(Value<'a>) -> bool) -> bool {
        self.info.any(at, &self.key, f)
    }

    /// Gives each of its values.
    pub fn each<'a>(&self, at: &At<'a>, f: &mut dyn FnMut(Value<'a>)) {
        self.info.each(at, &self.key, f);
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        (self.info.name, &self.key) == (other.info.name, &other.key)
    }
}

impl Eq for Field {}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.info.name, self.key)
    }
}
