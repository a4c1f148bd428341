//! Fields of each of the spans around what happened.

use super::super::at::At;
use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use super::text::{joined, tag};
use crate::activity::Reach;
use crate::facts::args::ArgList;
use crate::facts::path::TagPath;

/// The fields of each span of a kind: which of them are read from the paths, which from the spans.
macro_rules! fields {
    ($prefix:literal, $around:literal, $paths:expr, $spans:expr) => {
        &[
            Info {
                name: concat!("evtin.span.", $prefix, "tags"),
                key: KeyKind::None,
                type_: Type::Text,
                source: $paths,
                meaning: concat!("tags of each span ", $around, ""),
                get: |at, _| path(at).map(TagPath::canonical).into(),
            },
            Info {
                name: concat!("evtin.span.", $prefix, "tag"),
                key: KeyKind::Number { from_last: true },
                type_: Type::Text,
                source: $paths,
                meaning: concat!("one tag of each span ", $around, ""),
                get: |at, key| path(at).and_then(|path| tag(path, key.number())).into(),
            },
            Info {
                name: concat!("evtin.span.", $prefix, "ntags"),
                key: KeyKind::None,
                type_: Type::Number,
                source: $paths,
                meaning: concat!("how many tags each span ", $around, " has"),
                get: |at, _| {
                    path(at).map_or(Value::Absent, |path| Value::count(path.segments().len()))
                },
            },
            Info {
                name: concat!("evtin.span.", $prefix, "seq"),
                key: KeyKind::None,
                type_: Type::Number,
                source: $spans,
                meaning: concat!("number of each span ", $around, ""),
                get: |at, _| at.one_span().and_then(|span| span.seq).into(),
            },
            Info {
                name: concat!("evtin.span.", $prefix, "id"),
                key: KeyKind::None,
                type_: Type::Text,
                source: $spans,
                meaning: concat!(
                    "id of each span ",
                    $around,
                    "; a number where it was t, p or pp"
                ),
                get: |at, _| {
                    let id = at.one_span().and_then(|span| span.id);
                    id.map_or(Value::Absent, |id| Value::text(id.to_string().into_bytes()))
                },
            },
            Info {
                name: concat!("evtin.span.", $prefix, "arg"),
                key: KeyKind::Name,
                type_: Type::Text,
                source: $spans,
                meaning: concat!(
                    "one argument of the enter marker of each span ",
                    $around,
                    ", by its name"
                ),
                get: |at, key| args(at).and_then(|args| args.get(key.bytes())).into(),
            },
            Info {
                name: concat!("evtin.span.", $prefix, "args"),
                key: KeyKind::None,
                type_: Type::Text,
                source: $spans,
                meaning: concat!(
                    "arguments of the enter marker of each span ",
                    $around,
                    ": NAME=VALUE, joined by commas"
                ),
                get: |at, _| {
                    args(at).map_or(Value::Absent, |args| Value::text(joined(args.iter())))
                },
            },
            Info {
                name: concat!("evtin.span.", $prefix, "nargs"),
                key: KeyKind::None,
                type_: Type::Number,
                source: $spans,
                meaning: concat!(
                    "how many arguments the enter marker of each span ",
                    $around,
                    " has"
                ),
                get: |at, _| args(at).map_or(Value::Absent, |args| Value::count(args.len())),
            },
        ]
    };
}

pub(super) const FIELDS: &[Info] = fields!("", "around", Source::Paths, Source::Spans);

pub(super) const OF_PROCESS: &[Info] = fields!(
    "p.",
    "that is open in the process",
    Source::Reach(Reach::Process),
    Source::Reach(Reach::Process)
);

pub(super) const OF_SCRIPT: &[Info] = fields!(
    "s.",
    "that is open in the process, its parent, its children and its siblings",
    Source::Reach(Reach::Script),
    Source::Reach(Reach::Script)
);

pub(super) const OF_MACHINE: &[Info] = fields!(
    "m.",
    "that is open on the machine",
    Source::Reach(Reach::Machine),
    Source::Reach(Reach::Machine)
);

fn path<'a>(at: &At<'a>) -> Option<&'a TagPath> {
    at.one_span().map(|span| &**span.path)
}

fn args<'a>(at: &At<'a>) -> Option<&'a ArgList> {
    at.one_span().and_then(|span| span.args)
}
