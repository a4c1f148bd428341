//! Segments and the spans they lie in.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use core::mem::offset_of;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use common::{exit, facts, process, write};
use nulltrace_core::activity::{DEPTH_MAX, Inside, Reach, SpanTimes, Times};
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::input::event::{BadRecord, Event};
use nulltrace_core::input::record::{
    CALLS_HELD, CallsRecord, FLAG_AT_MARKER, FLAG_AT_RETURN, Head, KIND_SEGMENT, KIND_SO_FAR,
    RECORD_MAX, SegmentRecord, Stops,
};
use nulltrace_core::measure::summary::Summary;
use nulltrace_core::query::field::{At, Field, Known, Value};
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::{Limits, OpenSpan};
use nulltrace_core::spans::span::Closed;
use proptest::prelude::*;
use zerocopy::{FromZeros, IntoBytes};

/// A segment's bytes: it lasted from `since` to `ts` and was blocked for `blocked` of it.
fn segment(tid: u32, since: u64, ts: u64, blocked: u64, calls: &[(u32, u32)]) -> Vec<u8> {
    let mut record = SegmentRecord::new_zeroed();
    record.head = Head {
        ts,
        pid: 1,
        tid,
        size: (size_of::<SegmentRecord>() + size_of_val(calls) / 8 * size_of::<CallsRecord>())
            as u16,
        kind: KIND_SEGMENT,
        flags: 0,
        number: 0,
    };
    (record.since, record.blocked, record.calls) = (since, blocked, calls.len() as u32);
    let mut bytes = record.as_bytes().to_vec();
    for &(nr, count) in calls {
        let mut calls = CallsRecord::new_zeroed();
        (calls.nr, calls.count) = (nr, count);
        bytes.extend_from_slice(calls.as_bytes());
    }
    bytes
}

#[derive(Default)]
struct Seen {
    closed: Vec<Closed>,
    summary: Summary,
}

impl Consumer for Seen {
    fn wants(&self) -> Wants {
        Wants::CLOSED | Wants::INSIDE
    }

    fn closed(&mut self, span: &Closed) {
        self.closed.push(span.clone());
        self.summary.push(span);
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        self.summary.inside(inside);
    }
}

struct Story {
    correlator: Correlator,
    seen: Seen,
    /// When each thread's segment began.
    since: [u64; 8],
}

impl Story {
    fn new() -> Self {
        Self {
            correlator: Correlator::new(Limits::default()),
            seen: Seen::default(),
            since: [0; 8],
        }
    }

    fn gives(&mut self, bytes: &[u8]) {
        // The records of the ring are aligned.
        let words: Vec<u64> = bytes
            .chunks(8)
            .map(|word| u64::from_ne_bytes(word.try_into().unwrap()))
            .collect();
        self.correlator
            .push(&Event::decode(words.as_bytes()).unwrap(), &mut self.seen);
    }

    fn with(limits: Limits) -> Self {
        Self {
            correlator: Correlator::new(limits),
            ..Self::new()
        }
    }

    /// A marker, with the segment before it: all blocked but one ns.
    fn marks(&mut self, ts: u64, tid: u32, text: &str, calls: &[(u32, u32)]) {
        let since = std::mem::replace(&mut self.since[tid as usize], ts);
        if since > 0 {
            let blocked = (ts - since).saturating_sub(1);
            let mut bytes = segment(tid, since, ts, blocked, calls);
            bytes[19] = FLAG_AT_MARKER;
            self.gives(&bytes);
        }
        self.correlator
            .push(&write(ts, 1, tid, text.as_bytes()), &mut self.seen);
    }

    /// Times of the span of that path, own and all.
    fn wall(&self, path: &str) -> (u64, u64) {
        let times = self.times(path);
        (times.own.wall, times.all.wall)
    }

    fn times(&self, path: &str) -> SpanTimes {
        let mut spans = self.seen.closed.iter();
        let span = spans.find(|span| span.tags.canonical() == path.as_bytes());
        span.unwrap().times.unwrap()
    }

    /// What is reported of a path where spans have what others did too: its time and that of call 7.
    fn wide(&self, path: &str) -> (u64, u64) {
        let rows = self.seen.summary.rows([]);
        let row = rows
            .iter()
            .find(|row| row.path.canonical() == path.as_bytes())
            .unwrap();
        let calls = row.stats.calls.iter().find(|(nr, _)| *nr == 7);
        let time = calls.map_or(0, |(_, both)| both.all().time);
        (row.times.all.wall, time)
    }
}

#[test]
fn a_segment_is_the_innermosts_own_and_inside_the_others() {
    let mut story = Story::new();
    story.marks(10, 2, ">:t:a::", &[]);
    story.marks(30, 2, ">:t:a.b::", &[(0, 3)]);
    story.marks(70, 2, "<:t:a.b::", &[(0, 5), (1, 1)]);
    story.marks(75, 2, "<:t:a::", &[(1, 2)]);
    story.marks(175, 2, ">:t:c::", &[(9, 9)]);
    assert_eq!(story.wall("a.b"), (40, 40));
    assert_eq!(story.wall("a"), (25, 65));
    assert_eq!(story.correlator.outside().wall, 100);
    let rows = story.seen.summary.rows([]);
    let counts = |at: usize| -> Vec<_> {
        let calls = rows[at].stats.calls.iter();
        calls
            .map(|(nr, both)| (nr, both.own().count, both.all().count))
            .collect()
    };
    assert_eq!(rows[0].path.canonical(), b"a");
    assert_eq!(counts(0), [(0, 3, 8), (1, 2, 3)]);
    assert_eq!(counts(1), [(0, 5, 5), (1, 1, 1)]);
}

/// The fields of a span, while it is open and when it has ended.
#[test]
fn an_open_span_has_fields_as_one_that_ended() {
    let values = |at: &At<'_>, names: &[&str]| -> Vec<Value<'static>> {
        let value = |name: &&str| name.parse::<Field>().unwrap().get(at).into_owned();
        names.iter().map(value).collect()
    };
    let (text, ns) = (|text: &'static [u8]| Value::from(text), Value::Duration);
    let mut story = Story::new();
    story.marks(5, 2, ">:t:z::", &[]);
    story.marks(10, 2, ">:t:a:cart=7:", &[]);
    story.marks(30, 2, ">:t:a.b::", &[]);
    let mut open = story.correlator.open_by_age();
    let span = open.find(|span| span.tags.canonical() == b"a").unwrap();
    let known = ["span.seq", "span.parent.seq", "span.arg.cart", "span.time"];
    let times = ["span.cpu", "span.blocked", "span.interleaved"];
    let at = At::open(&span, 50, Known::default());
    let of_a = [
        Value::Number(2),
        Value::Number(1),
        text(b"7"),
        Value::Time(10),
    ];
    assert_eq!(values(&at, &known), of_a);
    assert_eq!(values(&at, &times), [ns(1), ns(19), ns(0)]);
    let ends = ["span.open", "span.duration", "span.end"];
    assert_eq!(values(&at, &ends), [ns(40), Value::Absent, Value::Absent]);
    drop(open);

    story.marks(70, 2, "<:t:a.b::", &[]);
    story.marks(75, 2, "<:t:a:status=ok:", &[]);
    let at = At::closed(&story.seen.closed[1], Known::default());
    assert_eq!(values(&at, &known), of_a);
    assert_eq!(values(&at, &times), [ns(3), ns(62), ns(0)]);
    assert_eq!(values(&at, &ends), [Value::Absent, ns(65), text(b"exit")]);
    assert_eq!(
        values(&at, &["span.self", "span.exitarg.status"]),
        [ns(25), text(b"ok")]
    );
}

/// Both markers of `x` come in parts, and its thread does something between them.
fn in_parts(limits: Limits) -> Story {
    let mut story = Story::with(limits);
    story.marks(50, 2, ">:t:out::", &[]);
    story.marks(100, 2, ">:t:x", &[]);
    let mut returned = segment(2, 100, 150, 0, &[(7, 1)]);
    returned[19] = FLAG_AT_RETURN;
    story.gives(&returned);
    story.since[2] = 150;
    // A sample of what goes on is no more than what the next record says.
    let mut sample = segment(2, 150, 180, 0, &[]);
    sample[18] = KIND_SO_FAR;
    story.gives(&sample);
    story.marks(300, 2, "::\n", &[(7, 2)]);
    story.marks(400, 2, "<:t:x", &[]);
    story.marks(450, 2, "::\n", &[(7, 4)]);
    story.marks(500, 2, "<:t:out::", &[]);
    assert_eq!(story.seen.closed[0].duration(), 300);
    assert_eq!(story.seen.closed[1].duration(), 450);
    story
}

/// A marker that comes in parts is where its first part is, for the span and for what was done in it.
#[test]
fn a_marker_in_parts_divides_time_where_it_begins() {
    let story = in_parts(Limits::default());
    assert_eq!(story.wall("x"), (300, 300));
    assert_eq!(story.wall("out"), (150, 450));
    for reach in [Reach::Process, Reach::Script, Reach::Machine] {
        let story = in_parts(Limits {
            reach,
            ..Limits::default()
        });
        assert_eq!(story.wide("x").0, 300, "{reach:?}");
        assert_eq!(story.wide("out").0, 450, "{reach:?}");
        assert_eq!(story.correlator.outside().wall, 0, "{reach:?}");
    }
}

/// A segment has among its calls for how long its thread was held.
#[test]
fn time_that_a_thread_was_held_is_no_call() {
    let held = |limits| {
        let mut story = Story::with(limits);
        story.marks(100, 2, ">:t:x::", &[]);
        let mut bytes = segment(2, 100, 400, 250, &[(7, 1), (0, 0), (2, 0)]);
        bytes[19] = FLAG_AT_RETURN;
        let mut set = |at: usize, value: u64| {
            bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        };
        set(offset_of!(SegmentRecord, fault), 200);
        let call = |n| size_of::<SegmentRecord>() + n * size_of::<CallsRecord>();
        set(call(0) + offset_of!(CallsRecord, time), 50);
        for (n, time) in [(1, 120), (2, 70)] {
            set(call(n) + offset_of!(CallsRecord, time), time);
            set(
                call(n) + offset_of!(CallsRecord, flags),
                u64::from(CALLS_HELD),
            );
        }
        story.gives(&bytes);
        story.since[2] = 400;
        story.marks(500, 2, "<:t:x::", &[]);
        story
    };
    let stops = Stops {
        stopped: 120,
        traced: 0,
        frozen: 70,
    };
    let story = held(Limits::default());
    assert_eq!(story.times("x").all.stops, stops);
    let calls = |story: &Story| -> Vec<u32> {
        let rows = story.seen.summary.rows([]);
        rows[0].stats.calls.iter().map(|(nr, _)| nr).collect()
    };
    assert_eq!(calls(&story), [7]);
    let reach = Reach::Process;
    let story = held(Limits {
        reach,
        ..Limits::default()
    });
    assert_eq!(story.seen.summary.rows([])[0].times.all.stops, stops);
    assert_eq!(calls(&story), [7]);
}

/// A span that moved to another thread has what both did.
#[test]
fn a_span_that_moves_has_what_both_threads_did() {
    let mut story = Story::new();
    story.marks(10, 2, ">:77:job::", &[]);
    story.marks(15, 3, ">:t:else::", &[]);
    story.marks(30, 2, ">:t:next::", &[]);
    story.marks(40, 3, "<:77:job::", &[(0, 1)]);
    assert_eq!(story.wall("job"), (20 + 25, 20 + 25));
    assert_eq!(story.times("job").interleaved, 0);
    story.marks(50, 3, "<:t:else::", &[]);
    assert_eq!(story.wall("else"), (10, 10));
    assert_eq!(story.times("else").interleaved, 25);
}

/// Numbers as libraries take them.
const ROOT: [u64; 2] = [1 << 40, 2 << 40];
const CHILD: [u64; 2] = [3 << 40, 4 << 40];

/// Two tasks take turns on one thread: each has its own turns, and the time of the other's apart.
#[test]
fn tasks_that_share_a_thread_have_what_they_did() {
    let mut story = Story::new();
    let [a, b] = ROOT;
    let [c, d] = CHILD;
    story.marks(100, 2, &format!(">:{a}:one:^=:"), &[]);
    story.marks(200, 2, &format!(">:{b}:two:^=:"), &[]);
    story.marks(210, 2, &format!(">:{c}:one.db:^={a}:"), &[(1, 1)]);
    story.marks(230, 2, &format!(">:{d}:two.db:^={b}:"), &[(2, 1)]);
    story.marks(260, 2, &format!("<:{c}:one.db::"), &[(3, 1)]);
    story.marks(300, 2, &format!("<:{b}:two::"), &[(4, 1)]);
    story.marks(350, 2, &format!("<:{d}:two.db::"), &[(5, 1)]);
    story.marks(400, 2, &format!("<:{a}:one::"), &[(6, 1)]);
    // 100 to 200 and what its exit ended, 210 to 230 by its child's enter, 230 to 260 its child's.
    assert_eq!(story.wall("one"), (100 + 10 + 50, 100 + 10 + 30 + 50));
    assert_eq!(story.times("one").interleaved, 300 - 190);
    assert_eq!(story.wall("one.db"), (30, 30));
    assert_eq!(story.times("one.db").interleaved, 50 - 30);
    // Its child's enter and its own exit.
    assert_eq!(story.wall("two"), (20 + 40, 20 + 40));
    assert_eq!(story.times("two").interleaved, 100 - 60);
    // What went on when its parent had ended is its own alone.
    assert_eq!(story.wall("two.db"), (50, 50));
    let rows = story.seen.summary.rows([]);
    let calls = |path: &[u8]| -> Vec<u32> {
        let row = rows.iter().find(|row| row.path.canonical() == path);
        row.unwrap().stats.calls.iter().map(|of| of.0).collect()
    };
    assert_eq!(calls(b"one"), [1, 3, 6]);
    assert_eq!(calls(b"two"), [2, 4]);
    assert_eq!(calls(b"two.db"), [5]);
}

/// A thread of a pool did something else before the span it works for began.
#[test]
fn only_spans_that_were_open_all_the_time_have_a_segment() {
    let mut story = Story::new();
    let [outer, job] = ROOT;
    story.marks(10, 3, ">:t:idle::", &[]);
    story.marks(20, 2, &format!(">:{outer}:outer:^=:"), &[]);
    story.marks(30, 3, "<:t:idle::", &[]);
    story.marks(100, 2, &format!(">:{job}:outer.job:^={outer}:"), &[]);
    // It slept since 30 and worked since 105: nobody knows which is the job's.
    story.marks(
        110,
        3,
        &format!(">:{}:outer.job.part:^={job}:", CHILD[0]),
        &[],
    );
    story.marks(140, 3, &format!("<:{}:outer.job.part::", CHILD[0]), &[]);
    story.marks(150, 2, &format!("<:{job}:outer.job::"), &[]);
    story.marks(160, 2, &format!("<:{outer}:outer::"), &[]);
    assert_eq!(story.wall("outer.job.part"), (30, 30));
    assert_eq!(story.wall("outer.job"), (50, 50 + 30));
    // It was open when that sleep began.
    assert_eq!(story.wall("outer"), (80 + 80 + 10, 80 + 80 + 30 + 50 + 10));
}

/// A process ends the span of another, as the parent; what its thread did while nobody looked at its calls is
/// not reported as if it had made none.
#[test]
fn a_thread_that_was_left_alone_did_nothing_for_the_span_of_another_process() {
    let mut story = Story::new();
    let job = ROOT[0];
    story
        .correlator
        .push(&process(&facts(0, 9, 1, 0, "other")), &mut story.seen);
    story
        .correlator
        .push(&process(&facts(0, 1, 9, 0, "here")), &mut story.seen);
    let opens = format!(">:{job}:job:^=:");
    story
        .correlator
        .push(&write(5, 9, 9, opens.as_bytes()), &mut story.seen);
    story.marks(10, 2, "<:t:none::", &[]);
    story.marks(50, 2, &format!(">:{}:part:^={job}:", CHILD[0]), &[]);
    story.marks(80, 2, &format!("<:{}:part::", CHILD[0]), &[(0, 1)]);
    let ends = format!("<:{job}:job::");
    story
        .correlator
        .push(&write(90, 9, 9, ends.as_bytes()), &mut story.seen);
    assert_eq!(story.wall("job"), (0, 30));
    assert_eq!(story.correlator.outside().wall, 40);
}

/// What is left open when the span around it ended is not what the thread does next.
#[test]
fn a_span_left_open_has_nothing_of_what_follows() {
    let mut story = Story::new();
    story.marks(10, 2, ">:t:request::", &[]);
    story.marks(20, 2, ">:t:left::", &[]);
    story.marks(30, 2, ">:t:left.deep::", &[]);
    story.marks(40, 2, "<:t:request::", &[]);
    story.marks(60, 2, ">:t:next::", &[]);
    story.marks(90, 2, "<:t:next::", &[]);
    assert_eq!(story.seen.closed[1].parent, None);
    assert_eq!(story.wall("next"), (30, 30));
    assert_eq!(story.correlator.outside().wall, 20);
    story.marks(95, 2, "<:t:left.deep::", &[]);
    // What its exit ended, and what was its while it was the innermost.
    assert_eq!(story.wall("left.deep"), (5, 5));
    assert_eq!(story.times("left.deep").interleaved, 60);
}

#[test]
fn a_marker_in_parts_ends_the_segment_where_it_begins() {
    let mut story = Story::new();
    story.marks(10, 2, ">:", &[]);
    story.marks(20, 2, "t:a::", &[]);
    story.marks(50, 2, "<:", &[(1, 1)]);
    story.marks(70, 2, "t:a:", &[(2, 1)]);
    story.marks(80, 2, ":", &[(3, 1)]);
    let span = &story.seen.closed[0];
    assert_eq!((span.start, span.end), (10, 50));
    assert_eq!(story.wall("a"), (40, 40));
    assert_eq!(story.correlator.outside().wall, 30);
}

/// One thread has a span of 100 ns, another of the process sleeps for 3000 meanwhile.
#[test]
fn a_wide_span_has_what_others_did_while_it_was_open() {
    let mut story = Story::with(Limits {
        reach: Reach::Process,
        ..Limits::default()
    });
    story.marks(1000, 2, ">:t:a::", &[]);
    story.marks(1100, 2, "<:t:a::", &[]);
    let mut bytes = segment(3, 1010, 4010, 2990, &[(7, 1)]);
    let call = size_of::<SegmentRecord>();
    bytes[19] = FLAG_AT_RETURN;
    for (at, value) in [(16, 2995_u64), (24, 2990), (56, 2995)] {
        bytes[call + at..call + at + 8].copy_from_slice(&value.to_ne_bytes());
    }
    story.gives(&bytes);
    // Its own thread's 100, and 90 of the sleep.
    assert_eq!(story.wide("a"), (100 + 90, 2995 - 2910));
    assert_eq!(story.correlator.outside().wall, 2910);
    assert_eq!(story.correlator.ledger().lost.history, 0);
}

#[test]
fn a_recursion_makes_each_call_once() {
    let mut story = Story::new();
    for depth in 0..3 {
        story.marks(10 + depth, 2, ">:t:f::", &[]);
    }
    story.marks(20, 2, "<:t:f::", &[(0, 1)]);
    let rows = story.seen.summary.rows([]);
    let (_, both) = rows[0].stats.calls.iter().next().unwrap();
    assert_eq!((both.own().count, both.all().count), (1, 1));
}

/// Whether a span ended or not, its time is reported, and which part of it is in no latency.
#[test]
fn spans_that_do_not_end_have_time_too() {
    let second = 1_000_000_000;
    let mut story = Story::new();
    story.marks(10, 2, ">:t:a::", &[]);
    story.marks(20, 2, "<:t:a::", &[]);
    story.marks(30, 3, ">:t:a::", &[]);
    story.marks(40, 4, ">:t:a::", &[]);
    story.marks(50, 4, ">:t:a.b::", &[]);
    // One is killed, and somebody looks at the other twice.
    story.gives(&segment(3, 30, 2 * second, 0, &[]));
    story
        .correlator
        .push(&exit(2 * second, 1, 3, 9, false), &mut story.seen);
    for seconds in [3, 4] {
        let mut bytes = segment(4, 50, seconds * second, 0, &[(0, 1)]);
        bytes[18] = KIND_SO_FAR;
        story.gives(&bytes);
    }
    let open = story.correlator.open_by_tags(true);
    let open: Vec<_> = open.map(|(path, open)| (path.clone(), open)).collect();
    let rows = story.seen.summary.rows(open);
    let times = |at: usize| {
        let of = &rows[at];
        (of.times.own.wall, of.times.all.wall, of.unfinished)
    };
    let (killed, looked_at) = (2 * second - 30, 4 * second - 50);
    let unfinished = killed + 10 + looked_at;
    assert_eq!(times(0), (10 + killed + 10, 10 + unfinished, unfinished));
    assert_eq!(times(1), (looked_at, looked_at, looked_at));
    let calls = rows[1].stats.calls.iter().next().unwrap().1;
    assert_eq!(calls.all().count, 1);
    assert_eq!(rows[0].stats.duration.sum(), 10);
}

#[test]
fn a_thread_of_endless_depth_costs_no_more_than_the_bound() {
    let mut story = Story::new();
    for depth in 0..2 * DEPTH_MAX as u64 {
        story.marks(10 + depth, 2, &format!(">:{depth}:deep::"), &[]);
    }
    story.marks(1000, 2, "<:0:deep::", &[]);
    // What its exit ended, and as many segments as it is within reach of.
    let times = story.seen.closed[0].times.unwrap();
    assert_eq!(times.own.wall, 1 + 1000 - (10 + 2 * DEPTH_MAX as u64 - 1));
    assert_eq!(times.all.wall, times.own.wall + DEPTH_MAX as u64 - 1);
}

#[test]
fn calls_without_room_are_counted() {
    let mut story = Story::new();
    story.marks(1, 2, ">:t:a::", &[]);
    let mut bytes = segment(2, 1, 9, 0, &[]);
    bytes[72] = 7; // SegmentRecord::other
    story.gives(&bytes);
    assert_eq!(story.correlator.ledger().lost.slots, 7);
    // Outside of spans nobody asks for them.
    story.marks(20, 2, "<:t:a::", &[]);
    let mut bytes = segment(2, 20, 30, 0, &[]);
    bytes[72] = 5;
    story.gives(&bytes);
    assert_eq!(story.correlator.ledger().lost.slots, 7);
}

#[test]
fn a_segment_that_does_not_fit_its_size_is_no_record() {
    let whole = segment(2, 1, 9, 0, &[(0, 1), (1, 1)]);
    assert!(whole.len() < RECORD_MAX);
    let words = |bytes: &[u8]| -> Vec<u64> {
        bytes
            .chunks(8)
            .map(|w| u64::from_ne_bytes(w.try_into().unwrap()))
            .collect()
    };
    for (at, value) in [(92, 1), (92, 3), (16, 1)] {
        let mut bytes = whole.clone();
        bytes[at] = value;
        let aligned = words(&bytes);
        assert!(matches!(
            Event::decode(aligned.as_bytes()),
            Err(BadRecord::Size { .. })
        ));
    }
    for len in (0..whole.len()).step_by(8) {
        assert!(Event::decode(words(&whole[..len]).as_bytes()).is_err());
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Thread, tag, its number as an id instead of `t`, and whom it names as its parent.
    Enter(u32, u8, bool, Option<u8>),
    Exit(u32, u8, bool),
    End(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let tid = 2_u32..5;
    let parent = prop::option::of(0_u8..5);
    prop_oneof![
        4 => (tid.clone(), 0_u8..4, any::<bool>(), parent).prop_map(|(tid, tag, number, parent)| Step::Enter(tid, tag, number, parent)),
        4 => (tid.clone(), 0_u8..4, any::<bool>()).prop_map(|(tid, tag, number)| Step::Exit(tid, tag, number)),
        1 => tid.prop_map(Step::End),
    ]
}

proptest! {
    /// What is the spans' own and what is outside is all the threads' time; so the sum over spans that have
    /// no parent is no more than that. Nothing lasts longer than its span was open on its thread, and what was
    /// not its own there is reported too.
    #[test]
    fn no_time_is_lost_and_none_counted_twice(steps in prop::collection::vec((step(), 1_u64..50), 1..80)) {
        let mut story = Story::new();
        let (mut now, mut total) = (1, 0);
        let number = |tag: u8| (u64::from(tag) + 1) << 40;
        for (step, pause) in steps {
            now += pause;
            let tid = match step { Step::Enter(tid, ..) | Step::Exit(tid, ..) | Step::End(tid) => tid };
            let since = story.since[tid as usize];
            total += if since > 0 { now - since } else { 0 };
            match step {
                Step::Enter(tid, tag, numbered, parent) => {
                    let id = if numbered { number(tag).to_string() } else { "t".to_string() };
                    let parent = parent.map_or(String::new(), |of| match of {
                        4 => "^=".to_string(),
                        tag => format!("^={}", number(tag)),
                    });
                    story.marks(now, tid, &format!(">:{id}:tag{tag}:{parent}:"), &[]);
                }
                Step::Exit(tid, tag, numbered) => {
                    let id = if numbered { number(tag).to_string() } else { "t".to_string() };
                    story.marks(now, tid, &format!("<:{id}:tag{tag}::"), &[]);
                }
                Step::End(tid) => {
                    if since > 0 {
                        story.gives(&segment(tid, since, now, 0, &[]));
                    }
                    story.since[tid as usize] = 0;
                    story.correlator.push(&exit(now, 1, tid, 0, false), &mut story.seen);
                }
            }
        }
        // All end, so that every span reports its time.
        for tid in 2..5 {
            let since = story.since[tid as usize];
            if since > 0 {
                total += now - since;
                story.gives(&segment(tid, since, now, 0, &[]));
            }
            story.correlator.push(&exit(now, 1, tid, 0, false), &mut story.seen);
        }
        story.correlator.push(&exit(now, 1, 1, 9, true), &mut story.seen);
        prop_assert_eq!(story.correlator.open(), 0);
        let (mut own, mut roots) = (0, 0);
        for span in &story.seen.closed {
            let times = span.times.unwrap_or_default();
            prop_assert!(times.own.wall <= times.all.wall);
            prop_assert!(times.interleaved <= span.duration());
            prop_assert_eq!(times.all.on_cpu() + times.all.runnable + times.all.blocked, times.all.wall);
            own += times.own.wall;
            roots += if span.parent.is_none() { times.all.wall } else { 0 };
        }
        prop_assert_eq!(own + story.correlator.outside().wall, total);
        prop_assert!(roots <= total);
    }

    /// On one thread a span's time is what was its own, its children's, or interleaved.
    #[test]
    fn on_one_thread_all_of_a_span_is_reported(steps in prop::collection::vec((step(), 1_u64..50), 1..80)) {
        let mut story = Story::new();
        let mut now = 1;
        let number = |tag: u8| (u64::from(tag) + 1) << 40;
        for (step, pause) in steps {
            now += pause;
            let (sign, tag, numbered) = match step {
                Step::Enter(_, tag, numbered, _) => ('>', tag, numbered),
                Step::Exit(_, tag, numbered) => ('<', tag, numbered),
                Step::End(_) => continue,
            };
            let id = if numbered { number(tag).to_string() } else { "t".to_string() };
            let parent = match step {
                Step::Enter(.., Some(4)) => "^=".to_string(),
                Step::Enter(.., Some(tag)) => format!("^={}", number(tag)),
                _ => String::new(),
            };
            story.marks(now, 2, &format!("{sign}:{id}:tag{tag}:{parent}:"), &[]);
        }
        for span in &story.seen.closed {
            let times = span.times.unwrap_or_default();
            prop_assert_eq!(times.all.wall + times.interleaved, span.duration());
        }
    }
}

/// What each span has, by the lists of spans that segments are given with, which are checked against the parents that
/// spans were opened with.
#[derive(Default)]
struct Model {
    /// The open spans: parent, path, since when.
    open: HashMap<u64, (Option<u64>, Arc<TagPath>, u64)>,
    own: HashMap<u64, u64>,
    all: HashMap<u64, Times>,
    segments: u64,
    /// Of the segment that is given next.
    since: u64,
    deepest: usize,
    closed: u64,
}

impl Model {
    /// A span and those around it as far as they are reached, that were open from `since` on.
    fn chain(&self, innermost: u64) -> Vec<u64> {
        let open = |seq: &u64| self.open.contains_key(seq);
        let up = std::iter::successors(Some(innermost), |seq| self.open[seq].0.filter(open));
        let up = up.take(DEPTH_MAX);
        up.filter(|seq| self.open[seq].2 <= self.since).collect()
    }
}

impl Consumer for Model {
    fn wants(&self) -> Wants {
        Wants::OPENED | Wants::CLOSED | Wants::INSIDE
    }

    fn opened(&mut self, span: &OpenSpan<'_>) {
        let known = (span.parent, Arc::clone(span.tags), span.start);
        self.open.insert(span.seq, known);
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        let chain: Vec<u64> = inside.spans.iter().filter_map(|span| span.seq).collect();
        let Some(&innermost) = chain.first() else {
            return;
        };
        let all = self.chain(innermost);
        assert!(all.starts_with(&chain));
        // Spans further in that were opened since count toward the depth.
        assert!(chain.len() == all.len() || all.len() == DEPTH_MAX);
        self.deepest = self.deepest.max(chain.len());
        self.segments += 1;
        *self.own.entry(innermost).or_default() += inside.times.wall;
        let mut paths: HashSet<&[u8]> = HashSet::new();
        for span in inside.spans {
            let seq = span.seq.unwrap();
            assert!(Arc::ptr_eq(span.path, &self.open[&seq].1));
            assert_eq!(span.repeated, !paths.insert(span.path.canonical()));
            self.all.entry(seq).or_default().add(inside.times);
        }
    }

    fn closed(&mut self, span: &Closed) {
        self.open.remove(&span.seq);
        self.closed += 1;
        let times = span.times.unwrap_or_default();
        assert_eq!(times.own.wall, self.own.remove(&span.seq).unwrap_or(0));
        assert_eq!(times.all, self.all.remove(&span.seq).unwrap_or_default());
    }
}

/// Spans inside of many others, of different names and the same ones.
fn deep_step() -> impl Strategy<Value = Step> {
    let tid = 2_u32..4;
    let parent = prop::option::weighted(0.3, 0_u8..8);
    prop_oneof![
        4 => (tid.clone(), 0_u8..8, any::<bool>(), parent).prop_map(|(tid, tag, number, parent)| Step::Enter(tid, tag, number, parent)),
        3 => (tid.clone(), 0_u8..8, any::<bool>()).prop_map(|(tid, tag, number)| Step::Exit(tid, tag, number)),
        1 => tid.prop_map(Step::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However deep, a span has what was done in it and in those inside; while it is open too.
    #[test]
    fn inside_of_many_spans_each_has_what_is_its(
        depth in prop_oneof![0..4_u64, 200..400_u64],
        steps in prop::collection::vec((deep_step(), 1_u64..50), 1..80),
    ) {
        let mut correlator = Correlator::new(Limits::default());
        let (mut model, mut since) = (Model::default(), [0_u64; 4]);
        let mut writes = |model: &mut Model, correlator: &mut Correlator, now: u64, tid: u32, text: Option<&str>| {
            let since = std::mem::replace(&mut since[tid as usize], now);
            if since > 0 {
                let mut bytes = segment(tid, since, now, (now - since) / 2, &[(0, 1)]);
                bytes[19] = if text.is_some() { FLAG_AT_MARKER } else { 0 };
                let words = bytes.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
                let words: Vec<u64> = words.collect();
                model.since = since;
                correlator.push(&Event::decode(words.as_bytes()).unwrap(), model);
            }
            if let Some(text) = text {
                correlator.push(&write(now, 1, tid, text.as_bytes()), model);
            }
        };
        let mut now = 1;
        let number = |tag: u8| (u64::from(tag) + 1) << 40;
        for at in 0..depth {
            now += 3;
            writes(&mut model, &mut correlator, now, 2, Some(&format!(">:t:outer{}::", at % 350)));
        }
        for (step, pause) in steps {
            now += pause;
            let id = |tag: u8, numbered: bool| if numbered { number(tag).to_string() } else { "t".to_string() };
            match step {
                Step::Enter(tid, tag, numbered, parent) => {
                    let parent = parent.map_or(String::new(), |of| format!("^={}", number(of)));
                    let text = format!(">:{}:tag{tag}:{parent}:", id(tag, numbered));
                    writes(&mut model, &mut correlator, now, tid, Some(&text));
                }
                // A tag that is none of these: one of the outer spans ends, what is in it stays open.
                Step::Exit(_, 7, _) if depth > 0 => {
                    let text = format!("<:t:outer{}::", now % depth.min(350));
                    writes(&mut model, &mut correlator, now, 2, Some(&text));
                }
                Step::Exit(tid, tag, numbered) => {
                    let text = format!("<:{}:tag{tag}::", id(tag, numbered));
                    writes(&mut model, &mut correlator, now, tid, Some(&text));
                }
                // A part of a segment: no marker ends it.
                Step::End(tid) => writes(&mut model, &mut correlator, now, tid, None),
            }
            for span in correlator.open_by_age() {
                let times = span.times.unwrap_or_default();
                prop_assert_eq!(times.own.wall, model.own.get(&span.seq).copied().unwrap_or(0));
                prop_assert_eq!(times.all, model.all.get(&span.seq).copied().unwrap_or_default());
            }
            let open = correlator.open_by_tags(true);
            let by_tags: Times = open.fold(Times::NONE, |mut sum, (_, open)| {
                sum.add(&open.times.all);
                sum
            });
            let by_span = model.all.values().fold(Times::NONE, |mut sum, of| {
                sum.add(of);
                sum
            });
            prop_assert_eq!(by_tags, by_span);
        }
        prop_assert!(model.deepest as u64 >= depth.saturating_sub(100).min(100), "{}", model.deepest);
    }
}
