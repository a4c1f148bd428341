//! Fields of each of the spans around what happened.

use super::super::at::At;
use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use super::text::{joined, tag};
use crate::facts::args::ArgList;
use crate::facts::path::TagPath;

pub(super) const FIELDS: &[Info] = &[
    Info {
        name: "evtin.span.tags",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Paths,
        meaning: "tags of each span around",
        get: |at, _| path(at).map(TagPath::canonical).into(),
    },
    Info {
        name: "evtin.span.tag",
        key: KeyKind::Number { from_last: true },
        type_: Type::Text,
        source: Source::Paths,
        meaning: "one tag of each span around",
        get: |at, key| path(at).and_then(|path| tag(path, key.number())).into(),
    },
    Info {
        name: "evtin.span.ntags",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Paths,
        meaning: "how many tags each span around has",
        get: |at, _| path(at).map_or(Value::Absent, |path| Value::count(path.segments().len())),
    },
    Info {
        name: "evtin.span.seq",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Spans,
        meaning: "number of each span around",
        get: |at, _| at.one_span().and_then(|span| span.seq).into(),
    },
    Info {
        name: "evtin.span.id",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Spans,
        meaning: "id of each span around; a number where it was t, p or pp",
        get: |at, _| {
            let id = at.one_span().and_then(|span| span.id);
            id.map_or(Value::Absent, |id| Value::text(id.to_string().into_bytes()))
        },
    },
    Info {
        name: "evtin.span.arg",
        key: KeyKind::Name,
        type_: Type::Text,
        source: Source::Spans,
        meaning: "one argument of the enter marker of each span around, by its name",
        get: |at, key| args(at).and_then(|args| args.get(key.bytes())).into(),
    },
    Info {
        name: "evtin.span.args",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Spans,
        meaning: "arguments of the enter marker of each span around: NAME=VALUE, joined by commas",
        get: |at, _| args(at).map_or(Value::Absent, |args| Value::text(joined(args.iter()))),
    },
    Info {
        name: "evtin.span.nargs",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Spans,
        meaning: "how many arguments the enter marker of each span around has",
        get: |at, _| args(at).map_or(Value::Absent, |args| Value::count(args.len())),
    },
];

fn path<'a>(at: &At<'a>) -> Option<&'a TagPath> {
    at.one_span().map(|span| &**span.path)
}

fn args<'a>(at: &At<'a>) -> Option<&'a ArgList> {
    at.one_span().and_then(|span| span.args)
}
