//! Fields of single events.

use super::super::at::At;
use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::seen::Seen;
use super::super::value::{Type, Value};
use super::arguments::{data, each, error, result};
use crate::facts::errno;
use crate::facts::syscall::{self, Direction, Syscall};
use crate::input::full::SyscallRecord;
use crate::spans::single::{Act, Single};

const fn field(
    name: &'static str,
    type_: Type,
    meaning: &'static str,
    get: for<'a> fn(&At<'a>, &super::super::key::Key) -> Value<'a>,
) -> Info {
    Info {
        name,
        key: KeyKind::None,
        type_,
        source: Source::Event,
        meaning,
        get,
    }
}

pub(super) const FIELDS: &[Info] = &[
    field(
        "evt.num",
        Type::Number,
        "number of the event in the capture, from 1, whatever is filtered",
        |at, _| of(at, |_, seen| Value::Number(seen.number)),
    ),
    field(
        "evt.time",
        Type::Time,
        "when it happened: of a call, when it returned",
        |at, _| of(at, |event, seen| Value::Time(time(event, seen))),
    ),
    field(
        "evt.rawtime",
        Type::Integer,
        "when it happened, in nanoseconds since 1970",
        |at, _| {
            of(at, |event, seen| {
                let time = time(event, seen).cast_signed();
                Value::Integer(time.saturating_add(seen.wall))
            })
        },
    ),
    field(
        "evt.reltime",
        Type::Duration,
        "time since the capture began",
        |at, _| {
            of(at, |event, seen| {
                Value::Duration(time(event, seen).saturating_sub(seen.began))
            })
        },
    ),
    field(
        "evt.deltatime",
        Type::Duration,
        "time since the event before",
        |at, _| {
            of(at, |event, seen| {
                Value::Duration(event.ts.saturating_sub(seen.before))
            })
        },
    ),
    field(
        "evt.latency",
        Type::Duration,
        "how long the call, the request to a block device or the interrupt took",
        |at, _| of(at, |event, seen| Value::duration(latency(event, seen))),
    ),
    field(
        "evt.latency.human",
        Type::Text,
        "the same for people, as 1.2ms",
        |at, _| {
            of(at, |event, seen| {
                latency(event, seen).map_or(Value::Absent, super::text::human)
            })
        },
    ),
    field(
        "evt.dir",
        Type::Text,
        "< of an event at its return, > of one at its beginning, which --enter-events adds, and of an enter marker",
        |at, _| of(at, |event, seen| Value::text(dir(event, seen).as_bytes())),
    ),
    field(
        "evt.category",
        Type::Text,
        "what it is for: file, net, ipc, memory, process, sleep, system, signal, user, time, wait, scheduler, marker, \
         io, interrupt or other",
        |at, _| {
            of(at, |event, seen| {
                Value::text(category(event, seen).as_bytes())
            })
        },
    ),
    field(
        "evt.cpu",
        Type::Number,
        "the cpu; nothing of a marker",
        |at, _| of(at, |event, _| cpu(event).into()),
    ),
    field(
        "evt.args",
        Type::Text,
        "its arguments: NAME=VALUE, joined by spaces",
        |at, _| of(at, |event, seen| Value::text(args(event, seen))),
    ),
    Info {
        name: "evt.arg",
        key: KeyKind::Name,
        type_: Type::Text,
        source: Source::Event,
        meaning: "one of its arguments, by its name",
        get: |at, key| {
            of(at, |event, seen| {
                one(event, seen, |_, name| name.as_bytes() == key.bytes())
            })
        },
    },
    Info {
        name: "evt.arg",
        key: KeyKind::Number { from_last: false },
        type_: Type::Text,
        source: Source::Event,
        meaning: "one of its arguments: 0 is the first",
        get: |at, key| {
            of(at, |event, seen| {
                one(event, seen, |at, _| i16::try_from(at) == Ok(key.number()))
            })
        },
    },
    field(
        "evt.info",
        Type::Text,
        "its arguments and its result, as in a line",
        |at, _| of(at, |event, seen| Value::text(info(event, seen))),
    ),
    field(
        "evt.res",
        Type::Text,
        "SUCCESS, or the name of the error of a call that failed",
        |at, _| {
            returned(at, |call, _| {
                let name = error(call).map(|number| errno::name(number).unwrap_or("unknown"));
                Value::text(name.unwrap_or("SUCCESS").as_bytes())
            })
        },
    ),
    field(
        "evt.rawres",
        Type::Integer,
        "what the call returned; the negative number of an error",
        |at, _| returned(at, |call, _| Value::Integer(call.result)),
    ),
    field(
        "evt.failed",
        Type::Boolean,
        "whether the call returned an error",
        |at, _| returned(at, |call, _| Value::Boolean(error(call).is_some())),
    ),
    field(
        "evt.is_io",
        Type::Boolean,
        "whether the call reads or writes",
        |at, _| of_call(at, |call| Value::Boolean(call.io.is_some())),
    ),
    field(
        "evt.is_io_read",
        Type::Boolean,
        "whether the call reads",
        |at, _| of_call(at, |call| Value::Boolean(call.io == Some(Direction::Read))),
    ),
    field(
        "evt.is_io_write",
        Type::Boolean,
        "whether the call writes",
        |at, _| of_call(at, |call| Value::Boolean(call.io == Some(Direction::Write))),
    ),
    field(
        "evt.io_dir",
        Type::Text,
        "read or write, of a call that does",
        |at, _| {
            of_call(at, |call| match call.io {
                Some(Direction::Read) => Value::text(&b"read"[..]),
                Some(Direction::Write) => Value::text(&b"write"[..]),
                None => Value::Absent,
            })
        },
    ),
    field(
        "evt.is_wait",
        Type::Boolean,
        "whether the call is there to wait, like poll, futex and nanosleep",
        |at, _| of_call(at, |call| Value::Boolean(call.waits)),
    ),
    field(
        "evt.buflen",
        Type::Size,
        "how much a call read or wrote",
        |at, _| {
            returned(at, |call, syscall| {
                let len = u64::try_from(call.result).ok();
                len.filter(|_| syscall.io.is_some()).into()
            })
        },
    ),
    field(
        "evt.buffer",
        Type::Text,
        "what a call read or wrote, as far as it was recorded",
        |at, _| of(at, |event, seen| data(event).filter(|_| !seen.enter).into()),
    ),
    field("evt.count", Type::Number, "always 1, for sums", |at, _| {
        of(at, |_, _| Value::Number(1))
    }),
    field(
        "fd.num",
        Type::Number,
        "the descriptor that the call is about, an argument or its result",
        |at, _| {
            of(at, |event, _| match event.act {
                Act::Syscall { call, .. } => u32::try_from(call.fd).ok().into(),
                _ => Value::Absent,
            })
        },
    ),
    field(
        "thread.ismain",
        Type::Boolean,
        "whether it is the first thread of its process",
        |at, _| of(at, |event, _| Value::Boolean(event.pid == event.tid)),
    ),
    field(
        "proc.duration",
        Type::Duration,
        "how long the process had run by then",
        |at, _| {
            of(at, |event, _| {
                let process = event.process.filter(|process| process.start > 0);
                Value::duration(process.and_then(|process| event.ts.checked_sub(process.start)))
            })
        },
    ),
];

/// The value for an event; nothing of anything else.
fn of<'a>(at: &At<'a>, get: impl FnOnce(&'a Single<'a>, &'a Seen<'a>) -> Value<'a>) -> Value<'a> {
    at.single()
        .map_or(Value::Absent, |(event, seen)| get(event, seen))
}

/// The value for a system call.
fn of_call<'a>(at: &At<'a>, get: impl FnOnce(&'a Syscall) -> Value<'a>) -> Value<'a> {
    of(at, |_, seen| seen.syscall.map_or(Value::Absent, get))
}

/// The value for a system call that has returned.
fn returned<'a>(
    at: &At<'a>,
    get: impl FnOnce(&'a SyscallRecord, &'a Syscall) -> Value<'a>,
) -> Value<'a> {
    of(at, |event, seen| match (event.act, seen.syscall) {
        (
            Act::Syscall {
                call,
                no_return: false,
                ..
            },
            Some(syscall),
        ) if !seen.enter => get(call, syscall),
        _ => Value::Absent,
    })
}

/// The number that stands for what happened in `evt.type`.
pub(super) const fn type_of(event: &Single<'_>) -> u32 {
    match event.act {
        Act::Marker { .. } => syscall::TRACER,
        Act::Syscall { call, .. } => call.nr,
        Act::Switch(_) => syscall::SWITCH,
        Act::Wakeup { .. } => syscall::WAKEUP,
        Act::Block(_) => syscall::BLOCK,
        Act::Irq { soft: false, .. } => syscall::IRQ,
        Act::Irq { soft: true, .. } => syscall::SOFTIRQ,
    }
}

fn time(event: &Single<'_>, seen: &Seen<'_>) -> u64 {
    match event.act {
        Act::Syscall { call, .. } if seen.enter => event.ts.saturating_sub(call.time),
        _ => event.ts,
    }
}

fn latency(event: &Single<'_>, seen: &Seen<'_>) -> Option<u64> {
    match event.act {
        Act::Syscall { call, .. } if !seen.enter => Some(call.time),
        Act::Block(block) => Some(block.time),
        Act::Irq { irq, .. } => Some(irq.time),
        _ => None,
    }
}

fn dir(event: &Single<'_>, seen: &Seen<'_>) -> &'static str {
    match event.act {
        Act::Marker { marker, .. } => marker.dir.text(),
        _ if seen.enter => ">",
        _ => "<",
    }
}

fn category(event: &Single<'_>, seen: &Seen<'_>) -> &'static str {
    match event.act {
        Act::Marker { .. } => "marker",
        Act::Syscall { .. } => seen.syscall.map_or("other", |call| call.category),
        Act::Switch(_) | Act::Wakeup { .. } => "scheduler",
        Act::Block(_) => "io",
        Act::Irq { .. } => "interrupt",
    }
}

fn cpu(event: &Single<'_>) -> Option<u32> {
    let cpu = match event.act {
        Act::Marker { .. } | Act::Block(_) => return None,
        Act::Syscall { call, .. } => call.cpu,
        Act::Switch(switch) => switch.cpu,
        Act::Wakeup { wakeup, .. } => wakeup.cpu,
        Act::Irq { irq, .. } => irq.cpu,
    };
    Some(cpu.into())
}

fn args(event: &Single<'_>, seen: &Seen<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(128);
    each(event, seen, &mut |name, value| {
        put(name, value, &mut text);
        true
    });
    text
}

fn put(name: &str, value: &[u8], to: &mut Vec<u8>) {
    if !to.is_empty() {
        to.push(b' ');
    }
    to.extend_from_slice(name.as_bytes());
    to.push(b'=');
    to.extend_from_slice(value);
}

fn one<'a>(event: &Single<'_>, seen: &Seen<'_>, is: impl Fn(usize, &str) -> bool) -> Value<'a> {
    let (mut found, mut at) = (Value::Absent, 0);
    each(event, seen, &mut |name, value| {
        let this = is(at, name);
        if this {
            found = Value::text(value.to_vec());
        }
        at += 1;
        !this
    });
    found
}

/// The result first, as sysdig has it.
fn info(event: &Single<'_>, seen: &Seen<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(128);
    if let (
        Act::Syscall {
            call,
            no_return: false,
            ..
        },
        Some(syscall),
        false,
    ) = (event.act, seen.syscall, seen.enter)
    {
        text.extend_from_slice(b"res=");
        result(event, call, syscall, &mut text);
    }
    each(event, seen, &mut |name, value| {
        put(name, value, &mut text);
        true
    });
    text
}
