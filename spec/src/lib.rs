//! Reference codec of the nulltrace marker format (`spec/FORMAT.md`).
//!
//! A program marks a span by writing one line to the null device where the span begins and one where it
//! ends. This crate reads and writes such lines. It does no I/O, has no `unsafe` code, borrows from the
//! bytes it is given, and allocates only where an escape must be undone.
//!
//! # Reading
//!
//! [`parse`] reads one marker:
//!
//! ```
//! use nulltrace_spec::{Dir, Id, parse};
//!
//! let marker = parse(b">:t:checkout.pay:cart=7,user=9:").unwrap();
//! assert_eq!(marker.dir, Dir::Enter);
//! assert_eq!(marker.id, Id::Thread);
//! let tags: Vec<_> = marker.tags.iter().collect();
//! assert_eq!(tags, [&b"checkout"[..], b"pay"]);
//! assert_eq!(marker.args.get(b"cart").as_deref(), Some(&b"7"[..]));
//! ```
//!
//! The same marker may be written as JSON, which can hold any character. What matching needs of a path
//! are its [canonical](Tags::canonical) bytes, the same in both forms:
//!
//! ```
//! # use nulltrace_spec::parse;
//! let simple = parse(b"<:t:checkout.pay::").unwrap();
//! let json = parse(br#"["<", "t", ["checkout", "pay"]]"#).unwrap();
//! assert_eq!(simple.tags.canonical(), json.tags.canonical());
//! ```
//!
//! Bytes that are no marker are refused with a named error and the place of it:
//!
//! ```
//! # use nulltrace_spec::{Code, parse};
//! let error = parse(b">:gui-7:menu::").unwrap_err();
//! assert_eq!((error.code, error.offset), (Code::Id, 3));
//! ```
//!
//! A write may hold several markers, one per line: [`markers`] finds them. A marker may be spread over
//! several writes of a thread: a [`Fragment`] per thread joins them.
//!
//! # Writing
//!
//! A [`Draft`] is written into a vector or a buffer on the stack; what it says is what [`parse`] reads:
//!
//! ```
//! use nulltrace_spec::{Dir, Draft, Id, parse};
//!
//! let mut line = [0; 128];
//! let draft = Draft { dir: Dir::Exit, id: Id::None, tags: &[b"a\nb"], args: &[] };
//! let len = draft.encode_into(&mut line).unwrap();
//! assert_eq!(&line[..len], br#"["<","",["a\nb"]]"#);
//! assert_eq!(parse(&line[..len]).unwrap().tags.iter().next().unwrap(), &b"a\nb"[..]);
//! ```
#![forbid(unsafe_code)]

mod args;
mod encode;
mod error;
mod fragment;
mod json;
mod lines;
mod parent;
mod simple;
mod tags;
mod text;

use core::fmt;

pub use args::Args;
pub use encode::Draft;
pub use error::{Code, Error};
pub use fragment::{Fragment, Joined};
pub use lines::{Found, begins, markers, parse};
pub use parent::{PARENT_ARG, Parent, UNIQUE};
pub use tags::{Tags, parent_path};

/// How many bytes of a write are seen, and the longest marker.
pub const MARKER_MAX: usize = 4096;
/// The deepest tag path.
pub const TAGS_MAX: usize = 32;
/// The most arguments of a marker.
pub const ARGS_MAX: usize = 64;
/// How long an unfinished marker waits for its end, nanoseconds from its first part.
pub const FRAGMENT_NS: u64 = 1_000_000_000;

/// Which end of a span a marker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// `>`
    Enter,
    /// `<`
    Exit,
}

impl Dir {
    /// As written: `>` or `<`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Enter => ">",
            Self::Exit => "<",
        }
    }
}

impl fmt::Display for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The id field as written, before `t`, `p` and `pp` are resolved.
///
/// ```
/// use nulltrace_spec::Id;
///
/// assert_eq!(Id::Thread.resolve(42, 40, 1), Id::Number(42));
/// assert_eq!(Id::Thread.to_string(), "t");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// Empty.
    None,
    /// `g`
    Global,
    /// `t`
    Thread,
    /// `p`
    Process,
    /// `pp`
    Parent,
    /// A signed 64-bit decimal.
    Number(i64),
}

impl Id {
    /// The id that markers are matched by: `t`, `p` and `pp` become the number of the thread, the
    /// process or the parent process that wrote the marker.
    #[must_use]
    pub fn resolve(self, tid: u32, pid: u32, ppid: u32) -> Self {
        match self {
            Self::Thread => Self::Number(tid.into()),
            Self::Process => Self::Number(pid.into()),
            Self::Parent => Self::Number(ppid.into()),
            Self::None | Self::Global | Self::Number(_) => self,
        }
    }

    /// The id as written, but for a number.
    pub(crate) const fn letters(self) -> &'static str {
        match self {
            Self::None | Self::Number(_) => "",
            Self::Global => "g",
            Self::Thread => "t",
            Self::Process => "p",
            Self::Parent => "pp",
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            other => f.write_str(other.letters()),
        }
    }
}

/// How a marker was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `>:id:tags:args:`
    Simple,
    /// `[">", id, […], […]]`
    Json,
}

/// One marker, borrowed from the written bytes.
#[derive(Clone, Copy, Debug)]
pub struct Marker<'a> {
    /// Enter or exit.
    pub dir: Dir,
    /// The id as written.
    pub id: Id,
    /// The tag path.
    pub tags: Tags<'a>,
    /// The arguments.
    pub args: Args<'a>,
    /// How it was written.
    pub format: Format,
    /// The write was longer than what is seen, and the cut fell behind the tags: the args are those
    /// that were whole.
    pub cut: bool,
}
