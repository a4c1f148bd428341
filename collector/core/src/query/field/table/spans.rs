//! Fields of spans. What the enter marker says is known from the beginning, so that what is inside of the span has
//! it too.

use super::super::at::{At, Subject};
use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use super::text::{human, joined, place, tag};
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
        source: Source::End,
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
        source: Source::End,
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
        source: Source::End,
        meaning: "arguments of both markers, those of the enter marker first",
        get: |at, _| both(at).map_or(Value::Absent, |args| Value::text(joined(args))),
    },
    Info {
        name: "span.nargs",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::End,
        meaning: "how many arguments both markers have",
        get: |at, _| both(at).map_or(Value::Absent, |args| Value::count(args.count())),
    },
    Info {
        name: "span.failed",
        key: KeyKind::None,
        type_: Type::Boolean,
        source: Source::End,
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
        name: "span.parent.seq",
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
        name: "span.time",
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
        source: Source::End,
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
            // Of an event that waited for the end of its span.
            let then = || {
                let (event, span) = (at.single()?.0, at.ended()?);
                (event.ts < span.end).then(|| event.ts.saturating_sub(span.start))
            };
            Value::duration(at.still_open().map(since).or_else(then))
        },
    },
    Info {
        name: "span.duration",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::End,
        meaning: "time from its beginning to its end; nothing while it is open, or where its end was lost",
        get: |at, _| Value::duration(measured(at).map(Closed::duration)),
    },
    Info {
        name: "span.self",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::End,
        meaning: "the part of its duration in which no child was open",
        get: |at, _| Value::duration(measured(at).map(Closed::self_ns)),
    },
    Info {
        name: "span.cpu",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::End,
        meaning: "time on a cpu, its own and that of the spans in it",
        get: |at, _| time(at, |times| times.all.on_cpu()),
    },
    Info {
        name: "span.runnable",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::End,
        meaning: "time waiting for a cpu",
        get: |at, _| time(at, |times| times.all.runnable),
    },
    Info {
        name: "span.blocked",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::End,
        meaning: "time asleep",
        get: |at, _| time(at, |times| times.all.blocked),
    },
    Info {
        name: "span.interleaved",
        key: KeyKind::None,
        type_: Type::Duration,
        source: Source::End,
        meaning: "time in which its thread did something else",
        get: |at, _| time(at, |times| times.interleaved),
    },
    Info {
        name: "span.status",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::End,
        meaning: "its argument status if it has one; else error if it failed, or ok; nothing while it is open",
        get: |at, _| at.ended().map_or(Value::Absent, status),
    },
    Info {
        name: "span.duration.human",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::End,
        meaning: "its duration for people, as 1.2ms",
        get: |at, _| measured(at).map_or(Value::Absent, |span| human(span.duration())),
    },
    Info {
        name: "span.arg",
        key: NUMBER,
        type_: Type::Text,
        source: Source::Innermost,
        meaning: "one argument of the enter marker: 0 is the first, -1 the last",
        get: |at, key| {
            let args = at.enter_args();
            args.and_then(|args| {
                let at = place(key.number(), args.len())?;
                args.iter().nth(at).map(|(_, value)| value)
            })
            .into()
        },
    },
    Info {
        name: "span.depth",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Chain,
        meaning: "how many spans are around the innermost span",
        get: |at, _| match at.chain() {
            [] => Value::Absent,
            [_, around @ ..] => Value::count(around.len()),
        },
    },
    Info {
        name: "span.parent.id",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Chain,
        meaning: "id of the parent of the innermost span",
        get: |at, _| {
            let id = at.chain().get(1).and_then(|span| span.id);
            id.map_or(Value::Absent, |id| Value::text(id.to_string().into_bytes()))
        },
    },
    Info {
        name: "span.trace",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Chain,
        meaning: "number of the outermost span around: the same for all of a trace",
        get: |at, _| at.chain().last().and_then(|span| span.seq).into(),
    },
];

fn all<'a>(args: &ArgList) -> Value<'a> {
    Value::text(joined(args.iter()))
}

/// The arguments of both markers of a span: within it, those of its exit marker are not known yet.
fn both<'a>(at: &At<'a>) -> Option<impl Iterator<Item = (&'a [u8], &'a [u8])>> {
    let is_span = matches!(at.subject(), Subject::Span | Subject::Event);
    let enter = at.enter_args().filter(|_| is_span)?;
    let exit = at.ended().map(|span| &span.exit_args);
    Some([enter].into_iter().chain(exit).flat_map(ArgList::iter))
}

/// What it says of itself, or what its arguments do.
fn status(span: &Closed) -> Value<'_> {
    let said = span.exit_args.get(b"status");
    let said = said.or_else(|| span.enter_args.get(b"status"));
    let derived = || if span.failed() { &b"error"[..] } else { b"ok" };
    Value::text(said.filter(|of| !of.is_empty()).unwrap_or_else(derived))
}

/// The span, if it has ended and it is known when.
fn measured<'a>(at: &At<'a>) -> Option<&'a Closed> {
    at.ended().filter(|span| span.how != End::Lost)
}

fn time<'a>(at: &At<'a>, of: fn(&SpanTimes) -> u64) -> Value<'a> {
    Value::duration(at.times().map(of))
}
