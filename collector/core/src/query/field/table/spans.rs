//! Fields of spans. What the enter marker says is known from the beginning, so that what is inside of the span has
//! it too.

use super::super::at::{At, Subject};
use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use super::text::{joined, tag};
use crate::activity::SpanTimes;
use crate::facts::args::ArgList;
use crate::facts::path::TagPath;
use crate::spans::matcher::OpenSpan;
use crate::spans::span::{Closed, End};

const NUMBER: KeyKind = KeyKind::Number { from_last: true };

pub(super) const FIELDS: &[Info] = &[
    Info {
        name: "span.tags",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Innermost,
        meaning: "tags of the span, joined by dots",
        get: |at, _| at.path().map(TagPath::canonical).into(),
    },
    Info {
        name: "span.tag",
        key: NUMBER,
        type_: Type::Text,
        source: Source::Innermost,
        meaning: "one tag of the span: 0 is the first, -1 the last",
        get: |at, key| at.path().and_then(|path| tag(path, key.number())).into(),
    },
    Info {
        name: "span.ntags",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Innermost,
        meaning: "how many tags the span has",
        get: |at, _| match at.path() {
            None => Value::Absent,
            Some(path) => Value::count(path.segments().len()),
        },
    },
    Info {
        name: "span.seq",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Innermost,
        meaning: "number of the span: spans are counted from 1 as they are opened",
        get: |at, _| at.seq().into(),
    },
    Info {
        name: "span.arg",
        key: KeyKind::Name,
        type_: Type::Text,
        source: Source::Innermost,
        meaning: "one argument of the enter marker, or of the exit marker if that has none, by its name",
        get: |at, key| {
            let exit = || at.ended()?.exit_args.get(key.bytes());
            let enter = at.enter_args().and_then(|args| args.get(key.bytes()));
            enter.or_else(exit).into()
        },
    },
    Info {
        name: "span.enterarg",
        key: KeyKind::Name,
        type_: Type::Text,
        source: Source::Innermost,
        meaning: "one argument of the enter marker, by its name",
        get: |at, key| {
            at.enter_args()
                .and_then(|args| args.get(key.bytes()))
                .into()
        },
    },
    Info {
        name: "span.enterargs",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Innermost,
        meaning: "arguments of the enter marker: NAME=VALUE, joined by commas",
        get: |at, _| at.enter_args().map_or(Value::Absent, all),
    },
    Info {
        name: "span.exitarg",
        key: KeyKind::Name,
        type_: Type::Text,
        source: Source::Span,
        meaning: "one argument of the exit marker, by its name",
        get: |at, key| {
            at.ended()
                .and_then(|span| span.exit_args.get(key.bytes()))
                .into()
        },
    },
    Info {
        name: "span.exitargs",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Span,
        meaning: "arguments of the exit marker: NAME=VALUE, joined by commas",
        get: |at, _| {
            at.ended()
                .map_or(Value::Absent, |span| all(&span.exit_args))
        },
    },
    Info {
        name: "span.args",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Span,
        meaning: "arguments of both markers, those of the enter marker first",
        get: |at, _| both(at).map_or(Value::Absent, |args| Value::text(joined(args))),
    },
    Info {
        name: "span.nargs",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Span,
        meaning: "how many arguments both markers have",
        get: |at, _| both(at).map_or(Value::Absent, |args| Value::count(args.count())),
    },
    Info {
        name: "span.failed",
        key: KeyKind::None,
        type_: Type::Boolean,
        source: Source::Span,
        meaning: "whether its arguments say that it failed: error=… or status=error; nothing while it is open",
        get: |at, _| {
            at.ended()
                .map_or(Value::Absent, |span| Value::Boolean(span.failed()))
        },
    },
    Info {
        name: "span.id",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Span,
        meaning: "id of the span; a number where it was t, p or pp",
        get: |at, _| {
            let open = at.still_open().map(|(span, _)| span.id);
            let id = at.ended().map(|span| span.id).or(open);
            id.map_or(Value::Absent, |id| Value::text(id.to_string().into_bytes()))
        },
    },
    Info {
        name: "span.parent_seq",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Span,
        meaning: "number of the parent",
        get: |at, _| {
            let open = at.still_open().and_then(|(span, _)| span.parent);
            at.ended().and_then(|span| span.parent).or(open).into()
        },
    },
    Info {
        name: "span.start",
        key: KeyKind::None,
        type_: Type::Time,
        source: Source::Span,
        meaning: "when it was opened",
        get: |at, _| {
            let open = at.still_open().map(|(span, _)| span.start);
            let start = at.ended().map(|span| span.start).or(open);
            start.map_or(Value::Absent, Value::Time)
        },
    },
    Info {
        name: "span.end",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Span,
        meaning: "how it ended: exit, thread_exit, process_exit, expired, evicted or lost; nothing while it is open",
        get: |at, _| at.ended().map(|span| span.how.name().as_bytes()).into(),
    },
    Info {
        name: "span.open",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::Span,
        meaning: "for how long it has been open; nothing once it has ended",
        get: |at, _| {
            let since = |(span, now): (&OpenSpan<'_>, u64)| now.saturating_sub(span.start);
            Value::duration(at.still_open().map(since))
        },
    },
    Info {
        name: "span.duration",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::Span,
        meaning: "time from its beginning to its end; nothing while it is open, or where its end was lost",
        get: |at, _| Value::duration(measured(at).map(Closed::duration)),
    },
    Info {
        name: "span.self",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::Span,
        meaning: "the part of its duration in which no child was open",
        get: |at, _| Value::duration(measured(at).map(Closed::self_ns)),
    },
    Info {
        name: "span.on_cpu",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::Span,
        meaning: "time on a cpu, its own and that of the spans in it",
        get: |at, _| time(at, |times| times.all.on_cpu()),
    },
    Info {
        name: "span.runnable",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::Span,
        meaning: "time waiting for a cpu",
        get: |at, _| time(at, |times| times.all.runnable),
    },
    Info {
        name: "span.blocked",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::Span,
        meaning: "time asleep",
        get: |at, _| time(at, |times| times.all.blocked),
    },
    Info {
        name: "span.interleaved",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::Span,
        meaning: "time in which its thread did something else",
        get: |at, _| time(at, |times| times.interleaved),
    },
    Info {
        name: "evtin.span.tags",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Paths,
        meaning: "tags of each span around",
        get: |at, _| around(at).map(TagPath::canonical).into(),
    },
    Info {
        name: "evtin.span.tag",
        key: NUMBER,
        type_: Type::Text,
        source: Source::Paths,
        meaning: "one tag of each span around",
        get: |at, key| around(at).and_then(|path| tag(path, key.number())).into(),
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
        name: "evtin.span.arg",
        key: KeyKind::Name,
        type_: Type::Text,
        source: Source::Spans,
        meaning: "one argument of the enter marker of each span around, by its name",
        get: |at, key| {
            let args = at.one_span().and_then(|span| span.args);
            args.and_then(|args| args.get(key.bytes())).into()
        },
    },
];

fn around<'a>(at: &At<'a>) -> Option<&'a TagPath> {
    at.one_span().map(|span| &**span.path)
}

fn all<'a>(args: &ArgList) -> Value<'a> {
    Value::text(joined(args.iter()))
}

/// The arguments of both markers of a span: within it, those of its exit marker are not known yet.
fn both<'a>(at: &At<'a>) -> Option<impl Iterator<Item = (&'a [u8], &'a [u8])>> {
    let enter = at.enter_args().filter(|_| at.subject() == Subject::Span)?;
    let exit = at.ended().map(|span| &span.exit_args);
    Some([enter].into_iter().chain(exit).flat_map(ArgList::iter))
}

/// The span, if it has ended and it is known when.
fn measured<'a>(at: &At<'a>) -> Option<&'a Closed> {
    at.ended().filter(|span| span.how != End::Lost)
}

fn time<'a>(at: &At<'a>, of: fn(&SpanTimes) -> u64) -> Value<'a> {
    Value::duration(at.times().map(of))
}
