//! Fields of markers.

use std::borrow::Cow;

use nulltrace_spec::{Format, Marker};

use super::super::at::At;
use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use super::text::{joined, place};

pub(super) const FIELDS: &[Info] = &[
    Info {
        name: "marker.dir",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Marker,
        meaning: "> of an enter marker, < of an exit marker",
        get: |at, _| marker(at).map(|marker| marker.dir.text().as_bytes()).into(),
    },
    Info {
        name: "marker.id",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Marker,
        meaning: "id as it was written: t, p, pp, g or a number",
        get: |at, _| {
            let text = marker(at).map(|marker| marker.id.to_string());
            text.map_or(Value::Absent, |text| Value::text(text.into_bytes()))
        },
    },
    Info {
        name: "marker.tags",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Marker,
        meaning: "its tags, joined by dots",
        get: |at, _| marker(at).map(|marker| marker.tags.canonical()).into(),
    },
    Info {
        name: "marker.tag",
        key: KeyKind::Number { from_last: true },
        type_: Type::Text,
        source: Source::Marker,
        meaning: "one of its tags: 0 is the first, -1 the last",
        get: |at, key| {
            marker(at)
                .and_then(|marker| tag(marker, key.number()))
                .into()
        },
    },
    Info {
        name: "marker.ntags",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Marker,
        meaning: "how many tags it has",
        get: |at, _| marker(at).map_or(Value::Absent, |marker| Value::count(marker.tags.len())),
    },
    Info {
        name: "marker.arg",
        key: KeyKind::Name,
        type_: Type::Text,
        source: Source::Marker,
        meaning: "one of its arguments, by its name",
        get: |at, key| {
            marker(at)
                .and_then(|marker| marker.args.get(key.bytes()))
                .into()
        },
    },
    Info {
        name: "marker.args",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Marker,
        meaning: "its arguments: NAME=VALUE, joined by commas",
        get: |at, _| {
            marker(at).map_or(Value::Absent, |marker| {
                Value::text(joined(marker.args.iter()))
            })
        },
    },
    Info {
        name: "marker.nargs",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Marker,
        meaning: "how many arguments it has",
        get: |at, _| marker(at).map_or(Value::Absent, |marker| Value::count(marker.args.len())),
    },
    Info {
        name: "marker.format",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Marker,
        meaning: "how it was written: simple or json",
        get: |at, _| {
            let name = |marker: &Marker<'_>| match marker.format {
                Format::Simple => &b"simple"[..],
                Format::Json => b"json",
            };
            marker(at).map(name).into()
        },
    },
    Info {
        name: "marker.cut",
        key: KeyKind::None,
        type_: Type::Boolean,
        source: Source::Marker,
        meaning: "whether it was too long, so that arguments are missing",
        get: |at, _| marker(at).map_or(Value::Absent, |marker| Value::Boolean(marker.cut)),
    },
    Info {
        name: "marker.time",
        key: KeyKind::None,
        type_: Type::Time,
        source: Source::Marker,
        meaning: "when it was written",
        get: |at, _| {
            at.written()
                .map_or(Value::Absent, |written| Value::Time(written.ts))
        },
    },
];

fn marker<'a>(at: &At<'a>) -> Option<&'a Marker<'a>> {
    at.written().map(|written| written.marker)
}

fn tag<'a>(marker: &Marker<'a>, n: i16) -> Option<Cow<'a, [u8]>> {
    marker.tags.iter().nth(place(n, marker.tags.len())?)
}
