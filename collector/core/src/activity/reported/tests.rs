use super::*;
use crate::activity::Times;
use crate::input::record::CALLS_HELD;
use crate::measure::calls::CallStats;
use proptest::prelude::*;
use std::collections::BTreeMap;
use zerocopy::FromZeros;

const MS: u64 = 1_000_000;
const BEGAN: u64 = 7_000_000 * MS;

/// A segment of thread 2 of process 1 so far.
fn segment(ts: u64, blocked: u64, runnable: u64) -> SegmentRecord {
    let mut record = SegmentRecord::new_zeroed();
    (record.head.pid, record.head.tid, record.head.ts) = (1, 2, ts);
    (record.since, record.blocked, record.runnable) = (BEGAN, blocked, runnable);
    record
}

fn calls(nr: u32, count: u32, time: u64) -> CallsRecord {
    let mut record = CallsRecord::new_zeroed();
    (record.nr, record.count, record.time, record.min) = (nr, count, time, u64::MAX);
    record
}

/// All of it asleep.
fn naps(nr: u32, count: u32, time: u64) -> CallsRecord {
    CallsRecord {
        blocked: time,
        ..calls(nr, count, time)
    }
}

fn in_progress(nr: u32, time: u64) -> CallsRecord {
    CallsRecord {
        flags: CALLS_IN_PROGRESS,
        ..naps(nr, 0, time)
    }
}

/// Time in which a thread was stopped is reported once, however often it was sampled.
#[test]
fn stops_are_reported_once() {
    let held = |nr, ms| CallsRecord {
        flags: CALLS_HELD,
        ..calls(nr, 0, ms * MS)
    };
    let all = [
        (600, 400, vec![held(0, 300)]),
        (1600, 1300, vec![held(0, 300), held(1, 800)]),
        (1700, 1400, vec![held(0, 350), held(1, 800), held(2, 50)]),
    ];
    let (mut reported, mut sums) = (Reported::default(), Sums::default());
    for (at, (ts, fault, calls)) in all.iter().enumerate() {
        let segment = SegmentRecord {
            fault: fault * MS,
            ..segment(BEGAN + ts * MS, fault * MS, 0)
        };
        sums.add(reported.delta(&segment, calls, at < 2));
        if at == 2 {
            assert_eq!(sums, Sums::of(&segment, calls));
        }
    }
}

/// Sums of all deltas.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    times: Times,
    other: u64,
    calls: BTreeMap<u32, CallStats>,
}

impl Sums {
    fn add(&mut self, delta: Option<Delta<'_>>) {
        let Some(Delta { segment, calls }) = delta else {
            return;
        };
        self.times.add(&Times::from(&segment));
        self.other += u64::from(segment.other);
        for call in calls {
            self.calls.entry(call.nr).or_default().push(call);
        }
    }

    fn of(segment: &SegmentRecord, calls: &[CallsRecord]) -> Self {
        let mut sums = Self::default();
        let segment = *segment;
        sums.add(Some(Delta { segment, calls }));
        sums
    }
}

#[test]
fn a_segment_counts_once_however_often_it_is_sampled() {
    let mut reported = Reported::default();
    let mut sums = Sums::default();
    let mut record = segment(BEGAN + 1000 * MS, 900 * MS, 0);
    let nap = in_progress(35, 900 * MS);
    sums.add(reported.delta(&record, &[calls(0, 3, 50), nap], true));
    assert_eq!(sums.calls[&35].mean(), 0);
    record.head.ts += 1000 * MS;
    record.blocked += 1000 * MS;
    sums.add(reported.delta(
        &record,
        &[calls(0, 3, 50), in_progress(35, 1900 * MS)],
        true,
    ));
    let nap = &sums.calls[&35];
    assert_eq!((nap.count, nap.time, nap.going), (0, 1900 * MS, 1900 * MS));
    assert_eq!(sums.times.wall, 2000 * MS);

    // It woke up, read once more and wrote a marker.
    record.head.ts += 200 * MS;
    record.blocked += 100 * MS;
    record.runnable = 5 * MS;
    let end = [
        calls(0, 4, 70),
        CallsRecord {
            blocked: 2000 * MS,
            runnable: 5 * MS,
            ..calls(35, 1, 2005 * MS)
        },
    ];
    sums.add(reported.delta(&record, &end, false));
    assert_eq!(sums, Sums::of(&record, &end));
    assert_eq!(sums.calls[&35].mean(), 2005 * MS);
    // A sample of that time comes too late.
    assert!(reported.delta(&record, &end, true).is_none());
}

#[test]
fn a_call_that_returned_may_be_among_the_others_later_only() {
    let mut reported = Reported::default();
    let mut sums = Sums::default();
    let mut record = segment(BEGAN + 1000 * MS, 0, 0);
    sums.add(reported.delta(&record, &[in_progress(7, 900 * MS)], true));
    for (seconds, calls) in [
        (2, &[][..]),
        (3, &[naps(7, 1, 950 * MS)]),
        (4, &[naps(7, 2, 960 * MS)]),
    ] {
        record.head.ts = BEGAN + seconds * 1000 * MS;
        sums.add(reported.delta(&record, calls, seconds < 4));
    }
    assert_eq!(sums, Sums::of(&record, &[naps(7, 2, 960 * MS)]));
}

#[test]
fn the_file_of_an_open_is_known_when_it_returns() {
    let mut reported = Reported::default();
    let mut sums = Sums::default();
    let mut record = segment(BEGAN + 1000 * MS, 0, 0);
    sums.add(reported.delta(&record, &[in_progress(2, 900 * MS)], true));
    record.head.ts += MS;
    let mut open = naps(2, 1, 901 * MS);
    open.file.ino = 5;
    sums.add(reported.delta(&record, &[open], false));
    assert_eq!(sums, Sums::of(&record, &[open]));
}

#[test]
fn a_sleep_that_was_too_long_is_taken_off_the_wait() {
    let mut reported = Reported::default();
    let mut sums = Sums::default();
    let mut record = segment(BEGAN + 1000 * MS, 1000 * MS, 0);
    sums.add(reported.delta(&record, &[], true));
    // By the scheduler's clock the thread was woken a little earlier.
    record.head.ts += 10 * MS;
    (record.blocked, record.runnable) = (997 * MS, 8 * MS);
    sums.add(reported.delta(&record, &[], true));
    assert_eq!(
        (sums.times.blocked, sums.times.runnable),
        (1000 * MS, 5 * MS)
    );
    // What comes next makes up for it.
    record.head.ts += 1000 * MS;
    (record.blocked, record.runnable) = (1900 * MS, 20 * MS);
    sums.add(reported.delta(&record, &[], false));
    assert_eq!(sums, Sums::of(&record, &[]));
}

#[test]
fn a_counter_may_run_over() {
    let mut reported = Reported::default();
    let mut sums = Sums::default();
    let step = 1_500_000_000_u64;
    for n in 1..=5 {
        let mut record = segment(BEGAN + n * 1000 * MS, 0, 0);
        let count = (n * step) as u32;
        record.voluntary = count;
        let mut calls = calls(0, count, n);
        calls.buckets[0] = count;
        calls.errors[0] = count;
        sums.add(reported.delta(&record, &[calls], n < 5));
    }
    assert_eq!(sums.times.voluntary, 5 * step);
    assert_eq!(sums.calls[&0].count, 5 * step);
    assert_eq!(sums.calls[&0].errors[0], 5 * step);
}

#[test]
fn without_room_the_end_tells_all() {
    let mut reported = Reported::new(0);
    let record = segment(BEGAN + 1000 * MS, 10, 20);
    let calls = [calls(0, 3, 50)];
    for _ in 0..3 {
        assert!(reported.delta(&record, &calls, true).is_none());
    }
    assert_eq!(reported.unreported(), 3);
    let mut sums = Sums::default();
    sums.add(reported.delta(&record, &calls, false));
    assert_eq!(sums, Sums::of(&record, &calls));
}

#[test]
fn memory_is_bounded_and_comes_back() {
    let limit = 100_000;
    let mut reported = Reported::new(limit);
    let calls: Vec<_> = (0..20).map(|nr| calls(nr, 1, 1)).collect();
    let sample = |reported: &mut Reported, tid, ts| {
        let mut record = segment(ts, 0, 0);
        record.head.tid = tid;
        reported.delta(&record, &calls, true).is_some()
    };
    let now = BEGAN + 1000 * MS;
    let taken = (0..1000)
        .filter(|&tid| sample(&mut reported, tid, now))
        .count();
    assert!((10..100).contains(&taken), "{taken}");
    assert!(reported.bytes <= limit + 2 * size_of::<Thread>());
    // Threads that end make room for others, and so do those whose end was lost, after a while.
    reported.thread_exit(1, 0);
    assert!(sample(&mut reported, 1000, now));
    assert!(!sample(&mut reported, 1001, now));
    assert!(sample(&mut reported, 1001, now + STALE));
    assert_eq!(reported.threads.len(), 1);
    reported.thread_exit(1, 1001);
    assert_eq!((reported.bytes, reported.threads.len()), (0, 0));
}

/// What a thread does, for how long, nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Does {
    Computes(u64),
    /// A call of that number: on the cpu, asleep, waiting for a cpu.
    Calls(u32, [u64; 3]),
    Preempted(u64),
}

fn does() -> impl Strategy<Value = Does> {
    let long = 1..400 * MS;
    prop_oneof![
        long.clone().prop_map(Does::Computes),
        (0..4_u32, [long.clone(), long.clone(), long.clone()])
            .prop_map(|(nr, parts)| Does::Calls(nr, parts)),
        long.prop_map(Does::Preempted),
    ]
}

/// The kernel's side: a thread that does these things, sampled in between.
struct Kernel {
    now: SegmentRecord,
    calls: Vec<CallsRecord>,
    in_progress: Option<CallsRecord>,
    samples: Vec<u64>,
    reported: Reported,
    sums: Sums,
}

impl Kernel {
    /// Time passes; `counts` adds some of it to what it is of.
    fn passes(
        &mut self,
        ns: u64,
        counts: impl Fn(&mut SegmentRecord, Option<&mut CallsRecord>, u64),
    ) {
        let end = self.now.head.ts + ns;
        while let Some(sample) = self.samples.last().copied().filter(|sample| *sample < end) {
            self.samples.pop();
            let ns = sample.saturating_sub(self.now.head.ts);
            self.pass(ns, &counts);
            let calls: Vec<_> = self
                .calls
                .iter()
                .chain(&self.in_progress)
                .copied()
                .collect();
            self.sums.add(self.reported.delta(&self.now, &calls, true));
            let times = &self.sums.times;
            assert_eq!(times.wall, self.now.head.ts - BEGAN);
            assert!(times.blocked + times.runnable + times.kernel <= times.wall);
            // The sums reported before the end are right too.
            assert_eq!(self.sums, Sums::of(&self.now, &calls));
        }
        self.pass(end - self.now.head.ts, &counts);
    }

    fn pass(
        &mut self,
        ns: u64,
        counts: impl Fn(&mut SegmentRecord, Option<&mut CallsRecord>, u64),
    ) {
        self.now.head.ts += ns;
        counts(&mut self.now, self.in_progress.as_mut(), ns);
        if let Some(in_progress) = &mut self.in_progress {
            in_progress.time += ns;
        }
    }

    fn does(&mut self, what: Does) {
        match what {
            Does::Computes(ns) => self.passes(ns, |_, _, _| {}),
            Does::Preempted(ns) => self.passes(ns, |segment, _, ns| segment.runnable += ns),
            Does::Calls(nr, [cpu, asleep, waits]) => {
                self.in_progress = Some(in_progress(nr, 0));
                self.passes(cpu, |segment, _, ns| segment.kernel += ns);
                self.passes(asleep, |segment, call, ns| {
                    segment.blocked += ns;
                    call.unwrap().blocked += ns;
                });
                self.passes(waits, |segment, call, ns| {
                    segment.runnable += ns;
                    call.unwrap().runnable += ns;
                });
                let call = self.in_progress.take().unwrap();
                let at = self.calls.iter().position(|segment| segment.nr == nr);
                let at = at.unwrap_or_else(|| {
                    self.calls.push(calls(nr, 0, 0));
                    self.calls.len() - 1
                });
                let calls = &mut self.calls[at];
                calls.count += 1;
                calls.time += call.time;
                calls.blocked += call.blocked;
                calls.runnable += call.runnable;
                calls.min = calls.min.min(call.time);
                calls.max = calls.max.max(call.time);
                calls.bytes += 10;
            }
        }
    }
}

proptest! {
    #[test]
    fn the_sums_are_the_same_whenever_it_is_sampled(
        work in prop::collection::vec(does(), 1..20),
        samples in prop::collection::vec(0..8000 * MS, 0..12),
    ) {
        let mut samples: Vec<_> = samples.into_iter().map(|after| BEGAN + after).collect();
        samples.sort_unstable_by(|a, b| b.cmp(a));
        let mut kernel = Kernel {
            now: segment(BEGAN, 0, 0),
            calls: Vec::new(),
            in_progress: None,
            samples,
            reported: Reported::default(),
            sums: Sums::default(),
        };
        for what in work {
            kernel.does(what);
        }
        // A shorter one is not sampled.
        kernel.does(Does::Computes(SHORTEST));
        kernel.sums.add(kernel.reported.delta(&kernel.now, &kernel.calls, false));
        prop_assert_eq!(kernel.sums, Sums::of(&kernel.now, &kernel.calls));
    }
}
