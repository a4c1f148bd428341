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
mod dir;
mod encode;
mod error;
mod format;
mod fragment;
mod id;
mod json;
mod limits;
mod lines;
mod marker;
mod parent;
mod simple;
mod tags;
mod text;

pub use args::Args;
pub use dir::Dir;
pub use encode::Draft;
pub use error::{Code, Error};
pub use format::Format;
pub use fragment::{Fragment, Joined};
pub use id::Id;
pub use limits::{ARGS_MAX, FRAGMENT_NS, MARKER_MAX, TAGS_MAX};
pub use lines::{Found, begins, markers, parse};
pub use marker::Marker;
pub use parent::{PARENT_ARG, Parent, UNIQUE};
pub use tags::{Tags, parent_path};
