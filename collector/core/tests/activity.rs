//! Segments and the spans they lie in.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use common::{exit, write};
use nulltrace_core::activity::{DEPTH_MAX, Inside, Times};
use nulltrace_core::correlate::{Correlator, Limits, Out};
use nulltrace_core::event::{BadRecord, Event};
use nulltrace_core::record::{
    CallsRecord, Head, KIND_SEGMENT, KIND_SO_FAR, RECORD_MAX, SegmentRecord,
};
use nulltrace_core::span::Closed;
use nulltrace_core::summary::Summary;
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
        reserved: 0,
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

impl Out for Seen {
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

    /// A marker, with the segment before it: all blocked but one ns.
    fn marks(&mut self, ts: u64, tid: u32, text: &str, calls: &[(u32, u32)]) {
        let since = std::mem::replace(&mut self.since[tid as usize], ts);
        if since > 0 {
            let blocked = (ts - since).saturating_sub(1);
            self.gives(&segment(tid, since, ts, blocked, calls));
        }
        self.correlator
            .push(&write(ts, 1, tid, text.as_bytes()), &mut self.seen);
    }

    /// Times of the span of that path, own and all.
    fn wall(&self, path: &str) -> (u64, u64) {
        let span = self
            .seen
            .closed
            .iter()
            .find(|span| span.tags.canonical() == path.as_bytes());
        let times = span.unwrap().times.unwrap();
        (times.own.wall, times.all.wall)
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

#[test]
fn another_threads_segments_are_not_the_spans() {
    let mut story = Story::new();
    story.marks(10, 2, ">:77:job::", &[]);
    story.marks(15, 3, ">:t:else::", &[]);
    story.marks(40, 3, "<:77:job::", &[(0, 1)]);
    // Of its own thread no segment had come by then.
    assert_eq!(story.wall("job"), (0, 0));
    story.marks(50, 3, "<:t:else::", &[]);
    assert_eq!(story.wall("else"), (35, 35));
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

/// Whether a span ended or not, its time is told, and which part of it is in no latency.
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
    let open = story.correlator.open_by_tags();
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
    assert_eq!(
        story.seen.closed[0].times.unwrap().all.wall,
        DEPTH_MAX as u64
    );
}

#[test]
fn calls_without_room_are_counted() {
    let mut story = Story::new();
    story.marks(1, 2, ">:t:a::", &[]);
    let mut bytes = segment(2, 1, 9, 0, &[]);
    bytes[72] = 7; // SegmentRecord::other
    story.gives(&bytes);
    assert_eq!(story.correlator.slots(), 7);
    // Outside of spans nobody asks for them.
    story.marks(20, 2, "<:t:a::", &[]);
    let mut bytes = segment(2, 20, 30, 0, &[]);
    bytes[72] = 5;
    story.gives(&bytes);
    assert_eq!(story.correlator.slots(), 7);
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
    Enter(u32, u8),
    Exit(u32, u8),
    End(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let tid = 2_u32..5;
    prop_oneof![
        4 => (tid.clone(), 0_u8..4).prop_map(|(tid, tag)| Step::Enter(tid, tag)),
        4 => (tid.clone(), 0_u8..4).prop_map(|(tid, tag)| Step::Exit(tid, tag)),
        1 => tid.prop_map(Step::End),
    ]
}

proptest! {
    /// What is the innermost spans' own and what is outside is all the threads' time.
    #[test]
    fn no_time_is_lost_and_none_counted_twice(steps in prop::collection::vec((step(), 1_u64..50), 1..80)) {
        let mut story = Story::new();
        let (mut now, mut total) = (1, 0);
        for (step, pause) in steps {
            now += pause;
            let tid = match step { Step::Enter(tid, _) | Step::Exit(tid, _) | Step::End(tid) => tid };
            let since = story.since[tid as usize];
            total += if since > 0 { now - since } else { 0 };
            match step {
                Step::Enter(tid, tag) => story.marks(now, tid, &format!(">:t:tag{tag}::"), &[]),
                Step::Exit(tid, tag) => story.marks(now, tid, &format!("<:t:tag{tag}::"), &[]),
                Step::End(tid) => {
                    if since > 0 {
                        story.gives(&segment(tid, since, now, 0, &[]));
                    }
                    story.since[tid as usize] = 0;
                    story.correlator.push(&exit(now, 1, tid, 0, false), &mut story.seen);
                }
            }
        }
        // All end, so that every span tells its time.
        for tid in 2..5 {
            let since = story.since[tid as usize];
            if since > 0 {
                total += now - since;
                story.gives(&segment(tid, since, now, 0, &[]));
            }
            story.correlator.push(&exit(now, 1, tid, 0, false), &mut story.seen);
        }
        let mut own = Times::default();
        for span in &story.seen.closed {
            let times = span.times.unwrap_or_default();
            prop_assert!(times.own.wall <= times.all.wall);
            // All of a span is its thread's: enter, exit and end bear a segment's times.
            prop_assert_eq!(times.all.wall, span.duration());
            prop_assert_eq!(times.all.on_cpu() + times.all.runnable + times.all.blocked, times.all.wall);
            own.add(&times.own);
        }
        prop_assert_eq!(own.wall + story.correlator.outside().wall, total);
    }
}
