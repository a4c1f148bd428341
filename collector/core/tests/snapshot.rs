//! A reader that begins in the middle with a snapshot, beside one that saw all.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;
mod stream;

use nulltrace_core::activity::Reach;
use nulltrace_core::input::event::Event;
use nulltrace_core::input::layout::Reader;
use nulltrace_core::input::record::{FLAG_EXEC, Head, KIND_PROCESS, KIND_WRITE, SNAPSHOT_KINDS};
use nulltrace_core::input::snapshot::{
    KIND_DEAD, KIND_OPEN, KIND_THREAD, OPEN_THREAD_GONE, OpenRecord, ThreadRecord,
};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use nulltrace_core::spans::span::{Closed, End};
use proptest::prelude::*;
use stream::{Happens, Record, Seen, execs, happenings, limits, steps};
use zerocopy::{FromBytes, IntoBytes};

fn snapshot(of: &Correlator) -> Vec<Record> {
    let mut records = Vec::new();
    of.snapshot(&mut |record| records.push(Record::new(record)));
    records
}

/// The records in an order of their own, as what is in no order comes in any.
fn sorted(of: &Correlator) -> Vec<Record> {
    let mut records = snapshot(of);
    // How many markers a thread has written, and when some were lost, matters only for spans that it has.
    let spans: Vec<_> = records
        .iter()
        .filter(|of| of.kind() == KIND_OPEN)
        .map(|of| {
            (
                of.thread(),
                OpenRecord::read_from_prefix(of.bytes()).unwrap().0,
            )
        })
        .filter(|(_, span)| span.flags & OPEN_THREAD_GONE == 0)
        .map(|(thread, span)| (thread, span.seq))
        .collect();
    for record in &mut records {
        if record.kind() == KIND_THREAD {
            let of_thread = spans
                .iter()
                .filter(|(thread, _)| *thread == record.thread());
            let first = of_thread.map(|(_, seq)| *seq).min();
            let (thread, _) = ThreadRecord::mut_from_prefix(record.words.as_mut_bytes()).unwrap();
            if first.is_none() {
                thread.head.number = 0;
            }
            if first.is_none_or(|first| thread.lost < first) {
                thread.lost = 0;
            }
        }
        let kind = record.kind();
        let (bytes, len) = (record.words.as_mut_bytes(), record.len);
        if kind == KIND_DEAD {
            let pids = <[u32]>::mut_from_bytes(&mut bytes[size_of::<Head>()..len]).unwrap();
            pids.sort_unstable();
        }
    }
    records.sort();
    // The path of a cgroup may be reported again where processes are reported in another order.
    records.dedup();
    records
}

/// A snapshot of both has the same records.
fn same(left: &Correlator, right: &Correlator) {
    let (left, right) = (sorted(left), sorted(right));
    let not_in = |all: &[Record], of: &[Record]| -> Vec<Record> {
        all.iter()
            .filter(|record| !of.contains(record))
            .cloned()
            .collect()
    };
    assert_eq!(not_in(&left, &right), not_in(&right, &left));
}

fn feed(correlator: &mut Correlator, records: &[Record], seen: &mut Seen) {
    let mut reader = Reader::default();
    for record in records {
        if let Ok(event) = reader.read(record.bytes()) {
            correlator.push(&event, seen);
        }
    }
}

/// Begins anew after `cut` of what happens, and compares from there on. Returns how many spans were open then.
fn compare(happens: &[Happens], cut: usize, limits: Limits, only_spans: bool) -> usize {
    let new = || Seen {
        only_spans,
        lines: Vec::new(),
    };
    let mut whole = Correlator::new(limits);
    let (before, after) = happens.split_at(cut.min(happens.len()));
    before
        .iter()
        .for_each(|happens| happens.to(&mut whole, &mut new()));

    // What is one too many goes with whatever comes next.
    whole.tick(0, &mut new());
    let (mut second, mut restored) = (Correlator::new(limits), new());
    feed(&mut second, &snapshot(&whole), &mut restored);
    let open: Vec<_> = whole
        .open_by_age()
        .map(|span| format!("opened {span:?}"))
        .collect();
    assert_eq!(restored.lines, open);
    assert_eq!(second.ledger().lost.bad_record, 0);
    same(&second, &whole);
    common::check(&second);

    for (at, happens) in after.iter().enumerate() {
        let (mut expected, mut seen) = (new(), new());
        happens.to(&mut whole, &mut expected);
        happens.to(&mut second, &mut seen);
        assert_eq!(seen.lines, expected.lines, "event {at} after the cut");
        common::check(&second);
        if at == after.len() / 2 {
            let (mut expected, mut seen) = (new(), new());
            let records = snapshot(&second);
            // Records let time pass up to theirs, which events that came late may not have done.
            let latest = records.iter().map(|record| record.head().ts).max();
            let latest = latest.unwrap_or_default();
            whole.tick(latest, &mut expected);
            second.tick(latest, &mut seen);
            assert_eq!(seen, expected);
            // In the middle of its stream a snapshot of what it knows changes nothing.
            let records = snapshot(&second);
            feed(&mut second, &records, &mut seen);
            assert_eq!(seen, expected);
        }
    }
    if !after.is_empty() && !only_spans {
        same(&second, &whole);
    }
    let (mut expected, mut seen) = (new(), new());
    whole.finish(u64::MAX, &mut expected);
    second.finish(u64::MAX, &mut seen);
    assert_eq!(seen, expected);
    common::check(&second);
    open.len()
}

fn write(ts: u64, text: &str) -> Happens {
    let head = Head {
        ts,
        pid: 1,
        tid: 1,
        size: 0,
        kind: 0,
        flags: 0,
        number: 0,
    };
    Happens::Event(Record::of(head, KIND_WRITE, &head, text.as_bytes()))
}

/// One span of each sort, cut while all are open.
#[test]
fn what_is_open_goes_on() {
    let before = [
        write(100, ">:t:a:k=v:"),
        write(110, ">:t:a.b::"),
        write(120, "<:t:a.b::"),
        write(130, ">:t:a.c::"),
        write(140, ">:t:un"),
    ];
    let mut first = Correlator::new(Limits::default());
    before
        .iter()
        .for_each(|of| of.to(&mut first, &mut Seen::default()));
    let mut second = Correlator::new(Limits::default());
    feed(&mut second, &snapshot(&first), &mut Seen::default());
    assert_eq!((second.open(), second.ledger().spans.before), (2, 2));

    let mut closed = Vec::new();
    let mut out = |span: &Closed| closed.push(span.clone());
    for (ts, text) in [
        (150, "finished::"),
        (160, "<:t:unfinished::"),
        (170, "<:t:a.c::"),
        (200, "<:t:a::"),
    ] {
        let Happens::Event(record) = write(ts, text) else {
            unreachable!()
        };
        second.push(&Event::decode(record.bytes()).unwrap(), &mut out);
    }
    let rows: Vec<_> = closed
        .iter()
        .map(|span| {
            (
                span.tags.canonical(),
                span.seq,
                span.parent,
                span.start,
                span.duration(),
                span.self_ns(),
                span.child_hits,
            )
        })
        .collect();
    let expected: [(&[u8], _, _, _, _, _, _); 3] = [
        (b"unfinished", 4, Some(3), 140, 20, 20, 0),
        (b"a.c", 3, Some(1), 130, 40, 20, 1),
        (b"a", 1, None, 100, 100, 50, 2),
    ];
    assert_eq!(rows, expected);
    assert!(closed.iter().all(|span| span.how == End::Exit));
    assert_eq!(closed[2].enter_args.get(b"k"), Some(&b"v"[..]));
    let ledger = second.ledger();
    assert_eq!(
        (ledger.spans.before, ledger.spans.opened, ledger.spans.exit),
        (2, 1, 3)
    );
    assert_eq!(ledger.check(), Ok(()));
}

/// A thread that calls exec takes the id of its process: its spans come to those that have that id, and of all of them
/// the one that was opened last ends first.
#[test]
fn spans_that_take_another_id_keep_their_order() {
    let by = |tid, text: &str| {
        let head = Head {
            ts: 100,
            pid: 1,
            tid,
            size: 0,
            kind: 0,
            flags: 0,
            number: 0,
        };
        Happens::Event(Record::of(head, KIND_WRITE, &head, text.as_bytes()))
    };
    let mut exec = common::facts(110, 1, 9, 5, "sh");
    (exec.head.tid, exec.head.flags) = (2, FLAG_EXEC);
    let exec = Happens::Event(Record::of(exec.head, KIND_PROCESS, &exec, &[]));
    // Both many and few of one id and tags.
    for others in [1, 20] {
        let mut first = Correlator::new(Limits::default());
        let mut seen = Seen::default();
        by(2, ">:t:a::").to(&mut first, &mut seen);
        (0..others).for_each(|_| by(3, ">:p:a::").to(&mut first, &mut seen));
        exec.to(&mut first, &mut seen);
        let mut second = Correlator::new(Limits::default());
        feed(&mut second, &snapshot(&first), &mut seen);

        let mut ended = Vec::new();
        let mut out = |span: &Closed| ended.push(span.seq);
        let Happens::Event(exit) = by(4, "<:p:a::") else {
            unreachable!()
        };
        let exit = Event::decode(exit.bytes()).unwrap();
        (0..2).for_each(|_| second.push(&exit, &mut out));
        assert_eq!(ended, [1 + others, others]);
    }
}

/// Of more spans than a reader may have open those opened first make room, as ever.
#[test]
fn limits_hold_for_what_is_restored() {
    let mut first = Correlator::new(Limits::default());
    for n in 0..1000 {
        write(n, &format!(">:{n}:a.n{n}:k={n}:")).to(&mut first, &mut Seen::default());
        if n % 10 == 0 {
            let head = Head {
                ts: n,
                pid: 1,
                tid: 100 + n as u32,
                size: 0,
                kind: 0,
                flags: 0,
                number: 0,
            };
            let part = Record::of(head, KIND_WRITE, &head, b">:t:part");
            Happens::Event(part).to(&mut first, &mut Seen::default());
        }
    }
    let limits = Limits {
        open: 10,
        fragments: 12,
        ..Limits::default()
    };
    let (mut second, mut seen) = (Correlator::new(limits), Seen::default());
    feed(&mut second, &snapshot(&first), &mut seen);
    second.tick(1000, &mut seen);
    let open: Vec<_> = second.open_by_age().map(|span| span.seq).collect();
    assert_eq!(open, (991..=1000).collect::<Vec<_>>());
    let ledger = second.ledger();
    assert_eq!((ledger.spans.before, ledger.spans.evicted), (1000, 990));
    assert_eq!(ledger.lost.fragments, 97, "the oldest");
    assert_eq!(ledger.check(), Ok(()));
    // By bytes, too.
    let limits = Limits {
        bytes: 4096,
        ..Limits::default()
    };
    let mut second = Correlator::new(limits);
    feed(&mut second, &snapshot(&first), &mut seen);
    assert!(second.open() < 40 && second.open() > 1, "{}", second.open());
}

/// What a snapshot that somebody made up may do to a record.
#[derive(Clone, Debug)]
enum Harm {
    /// Puts a byte somewhere.
    Byte(usize, u8),
    /// Puts a number somewhere, at a word's beginning.
    Word(usize, u64),
    /// Gives it twice.
    Twice,
    /// Leaves it out.
    Without,
    /// Gives it in the place of another.
    Swapped(usize),
    /// Makes it shorter.
    Shorter(usize),
}

fn harms() -> impl Strategy<Value = Vec<(usize, Harm)>> {
    let number = prop_oneof![
        0_u64..300,
        any::<u64>(),
        Just(u64::MAX),
        Just(1 << 63),
        Just(u64::MAX >> 1)
    ];
    let harm = prop_oneof![
        2 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
        4 => (any::<usize>(), number).prop_map(|(at, number)| Harm::Word(at, number)),
        1 => Just(Harm::Twice),
        1 => Just(Harm::Without),
        1 => any::<usize>().prop_map(Harm::Swapped),
        1 => any::<usize>().prop_map(Harm::Shorter),
    ];
    prop::collection::vec((any::<usize>(), harm), 0..30)
}

fn harm(records: &mut Vec<Record>, harms: Vec<(usize, Harm)>) {
    for (at, harm) in harms {
        if records.len() < 2 {
            return;
        }
        // The layout stays: it has tests of its own.
        let at = 1 + at % (records.len() - 1);
        let record = &mut records[at];
        match harm {
            Harm::Byte(place, byte) => {
                let place = place % record.len;
                // What it is stays, and how long.
                if !(16..19).contains(&place) {
                    record.words.as_mut_bytes()[place] = byte;
                }
            }
            Harm::Word(place, number) => {
                let place = place % record.words.len();
                if place != 2 {
                    record.words[place] = number;
                }
            }
            Harm::Twice => {
                let again = record.clone();
                records.insert(at, again);
            }
            Harm::Without => drop(records.remove(at)),
            Harm::Swapped(other) => {
                let other = 1 + other % (records.len() - 1);
                records.swap(at, other);
            }
            Harm::Shorter(by) => {
                let len = record.len - by % record.len;
                let mut bytes = record.bytes()[..len].to_vec();
                if let Ok((head, _)) = Head::mut_from_prefix(&mut bytes) {
                    head.size = len as u16;
                }
                *record = Record::new(&bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever happens before and after, and wherever the cut is.
    #[test]
    fn as_one_that_saw_all(steps in prop_oneof![3 => steps(), 1 => execs()], cut in any::<prop::sample::Index>(), limits in limits()) {
        let happens = happenings(&steps);
        compare(&happens, cut.index(happens.len() + 1), limits, false);
    }

    /// The same where spans have what others than their thread did: the same spans.
    #[test]
    fn with_spans_that_reach_further(steps in prop_oneof![3 => steps(), 1 => execs()], cut in any::<prop::sample::Index>(), limits in limits()) {
        let happens = happenings(&steps);
        let limits = Limits { reach: Reach::Script, ..limits };
        compare(&happens, cut.index(happens.len() + 1), limits, true);
    }

    /// Nor do bytes that are of no snapshot at all.
    #[test]
    fn garbage_does_no_harm(
        records in prop::collection::vec((SNAPSHOT_KINDS, prop::collection::vec(any::<u8>(), 0..400)), 0..40),
        steps in steps(),
        limits in limits(),
    ) {
        let (mut correlator, mut seen) = (Correlator::new(limits), Seen::default());
        let records: Vec<_> = records.iter().map(|(kind, bytes)| {
            let head = Head { ts: 0, pid: 1, tid: 1, size: 0, kind: 0, flags: 0, number: 0 };
            Record::of(head, *kind, &head, bytes)
        }).collect();
        feed(&mut correlator, &records, &mut seen);
        common::check(&correlator);
        for happens in happenings(&steps) {
            happens.to(&mut correlator, &mut seen);
            common::check(&correlator);
        }
    }

    /// A snapshot that says anything does no harm: the limits hold, and all is accounted for.
    #[test]
    fn a_hostile_snapshot_does_no_harm(steps in steps(), cut in any::<prop::sample::Index>(), limits in limits(), harms in harms()) {
        let happens = happenings(&steps);
        let (before, after) = happens.split_at(cut.index(happens.len() + 1));
        let mut first = Correlator::new(limits);
        before.iter().for_each(|of| of.to(&mut first, &mut Seen::default()));
        let mut records = snapshot(&first);
        harm(&mut records, harms);

        let mut second = Correlator::new(limits);
        feed(&mut second, &records, &mut Seen::default());
        common::check(&second);
        for of in after {
            of.to(&mut second, &mut Seen::default());
            common::check(&second);
            prop_assert!(second.open() <= limits.open as u64);
        }
        // What came of it can be given out and taken in again.
        let (mut third, records) = (Correlator::new(limits), snapshot(&second));
        feed(&mut third, &records, &mut Seen::default());
        common::check(&third);
        second.finish(u64::MAX, &mut Seen::default());
        common::check(&second);
    }
}
