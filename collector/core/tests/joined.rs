//! What is joined once, beside what is joined as it comes.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;
mod stream;

use nulltrace_core::activity::{Inside, Reach};
use nulltrace_core::input::event::Event;
use nulltrace_core::input::joiner::Joiner;
use nulltrace_core::input::record::KIND_WRITE;
use nulltrace_core::spans::consumer::{Consumer, Malformed, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::{Limits, OpenSpan};
use nulltrace_core::spans::span::Closed;
use proptest::prelude::*;
use stream::{Happens, Record, Seen, execs, happenings, limits, steps};

/// Keeps the stream with its markers joined, and all that came out.
#[derive(Default)]
struct Tap {
    seen: Seen,
    joiner: Joiner,
    stream: Vec<Happens>,
}

impl Consumer for Tap {
    fn wants(&self) -> Wants {
        self.seen.wants() | Wants::JOINED
    }
    fn opened(&mut self, span: &OpenSpan<'_>) {
        self.seen.opened(span);
    }
    fn closed(&mut self, span: &Closed) {
        self.seen.closed(span);
    }
    fn inside(&mut self, inside: &Inside<'_>) {
        self.seen.inside(inside);
    }
    fn malformed(&mut self, bad: &Malformed<'_>) {
        self.seen.malformed(bad);
    }
    fn idle(&mut self, tid: u32, ts: u64) {
        self.seen.idle(tid, ts);
    }
    fn joined(&mut self, event: &Event<'_>) {
        let record = self.joiner.record(event).unwrap();
        self.stream.push(Happens::Event(Record::new(record)));
    }
}

/// Takes in what happens by its writes, and again by its joined markers, which gives the same. Returns what was
/// joined.
fn compare(happens: Vec<Happens>, limits: Limits) -> Vec<Happens> {
    let (mut first, mut tap) = (Correlator::new(limits), Tap::default());
    for happens in happens {
        match happens {
            Happens::Event(record) => {
                first.push(&Event::decode(record.bytes()).unwrap(), &mut tap);
                if record.kind() != KIND_WRITE {
                    tap.stream.push(Happens::Event(record));
                }
            }
            Happens::Tick(now) => {
                first.tick(now, &mut tap);
                tap.stream.push(Happens::Tick(now));
            }
        }
    }
    // What is unfinished then is in the stream, too.
    first.finish(1 << 62, &mut tap);

    let (mut second, mut seen) = (Correlator::new(limits), Seen::default());
    for happens in &tap.stream {
        happens.to(&mut second, &mut seen);
    }
    second.finish(1 << 62, &mut seen);
    assert_eq!(sorted(seen), sorted(tap.seen));
    assert_eq!(second.ledger(), first.ledger());
    assert_eq!(second.outside(), first.outside());
    common::check(&second);
    tap.stream
}

/// Takes in what happens by its writes. Who begins after `cut` of it, with a snapshot, and goes on with the joined
/// markers, sees the same from there on.
fn compare_from(happens: &[Happens], cut: usize, limits: Limits) {
    let (mut first, mut tap) = (Correlator::new(limits), Tap::default());
    let take = |first: &mut Correlator, tap: &mut Tap, happens: &[Happens]| {
        for happens in happens {
            match happens {
                Happens::Event(record) => {
                    first.push(&Event::decode(record.bytes()).unwrap(), tap);
                    if record.kind() != KIND_WRITE {
                        tap.stream.push(Happens::Event(record.clone()));
                    }
                }
                Happens::Tick(now) => {
                    first.tick(*now, tap);
                    tap.stream.push(Happens::Tick(*now));
                }
            }
        }
    };
    let (before, after) = happens.split_at(cut.min(happens.len()));
    take(&mut first, &mut tap, before);
    // What is one too many goes with whatever comes next.
    first.tick(0, &mut tap);

    let mut second = Correlator::new(limits);
    first.snapshot_joined(&mut |record| {
        let record = Record::new(record);
        second.push(
            &Event::decode(record.bytes()).unwrap(),
            &mut Seen::default(),
        );
    });
    tap = Tap::default();
    take(&mut first, &mut tap, after);
    first.finish(1 << 62, &mut tap);
    let mut seen = Seen::default();
    for happens in &tap.stream {
        happens.to(&mut second, &mut seen);
    }
    second.finish(1 << 62, &mut seen);
    assert_eq!(sorted(seen), sorted(tap.seen));
    common::check(&second);
}

/// At the end all threads settle, in any order.
fn sorted(seen: Seen) -> Vec<String> {
    let mut lines = seen.lines;
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn both_give_the_same(steps in steps(), limits in limits(), wide: bool) {
        let reach = if wide { Reach::Process } else { Reach::Thread };
        compare(happenings(&steps), Limits { reach, ..limits });
    }

    #[test]
    fn who_begins_later_sees_the_same(steps in steps(), cut in 0..60_usize, limits in limits()) {
        compare_from(&happenings(&steps), cut, limits);
    }

    #[test]
    fn both_give_the_same_where_threads_call_exec(steps in execs(), limits in limits()) {
        compare(happenings(&steps), limits);
    }
}

fn write(ts: u64, number: u32, text: &str) -> Happens {
    use nulltrace_core::input::record::Head;
    let head = Head {
        ts,
        pid: 1,
        tid: 1,
        size: 0,
        kind: 0,
        flags: 0,
        number,
    };
    Happens::Event(Record::of(head, KIND_WRITE, &head, text.as_bytes()))
}

/// The kinds of what is told of writes.
#[test]
fn what_was_no_marker_is_not_kept() {
    use nulltrace_core::input::joined::{
        KIND_MARKER, KIND_REFUSED, KIND_WRITE_BEGINS, KIND_WRITE_ENDS,
    };
    for (texts, kinds) in [
        (&[">:t:a::\n"][..], &[KIND_MARKER][..]),
        (&["password"], &[KIND_WRITE_ENDS]),
        (
            &[">:t:a::\npassword\n"],
            &[KIND_WRITE_BEGINS, KIND_MARKER, KIND_WRITE_ENDS],
        ),
        (
            &[">:t:a::\n<:t:a::\n"],
            &[KIND_WRITE_BEGINS, KIND_MARKER, KIND_MARKER, KIND_WRITE_ENDS],
        ),
        (
            &[">:t:a", "::"],
            &[
                KIND_WRITE_ENDS,
                KIND_WRITE_BEGINS,
                KIND_MARKER,
                KIND_WRITE_ENDS,
            ],
        ),
        (
            &[">:t:::"],
            &[KIND_WRITE_BEGINS, KIND_REFUSED, KIND_WRITE_ENDS],
        ),
        (&[">:t:unfinished"], &[KIND_WRITE_ENDS, KIND_REFUSED]),
    ] {
        let happens = (1..)
            .zip(texts)
            .map(|(n, text)| write(u64::from(n), n, text));
        let stream = compare(happens.collect(), Limits::default());
        let found = stream.iter().map(|happens| match happens {
            Happens::Event(record) => {
                let bytes = record.bytes();
                assert!(!bytes.windows(8).any(|part| part == b"password"));
                record.kind()
            }
            Happens::Tick(_) => 0,
        });
        assert_eq!(found.collect::<Vec<_>>(), kinds, "{texts:?}");
    }
}

/// What was lost before a snapshot is not lost after it.
#[test]
fn losses_are_counted_from_a_snapshot_on() {
    use nulltrace_core::input::made::Made;
    let mut made = Made::default();
    let mut lose = |of: &mut Correlator, n| {
        let record = Record::new(made.losses(5, [("ring_full", Some(n))]));
        of.push(
            &Event::decode(record.bytes()).unwrap(),
            &mut Seen::default(),
        );
    };
    let (mut first, mut second) = (
        Correlator::new(Limits::default()),
        Correlator::new(Limits::default()),
    );
    lose(&mut first, 7);
    first.snapshot_joined(&mut |record| {
        let record = Record::new(record);
        second.push(
            &Event::decode(record.bytes()).unwrap(),
            &mut Seen::default(),
        );
    });
    assert_eq!(second.lost().ring_full, 0);
    lose(&mut second, 9);
    assert_eq!(
        (second.lost().ring_full, first.lost().ring_full),
        (2.into(), 7.into())
    );
}
