use super::*;
use crate::activity::Times;
use crate::measure::calls::CallStats;
use proptest::prelude::*;
use std::collections::BTreeMap;
use zerocopy::FromZeros;

const MS: u64 = 1_000_000;
const BEGAN: u64 = 7_000_000 * MS;

/// A segment of thread 2 of process 1, as far as it came.
fn segment(ts: u64, blocked: u64, runnable: u64) -> SegmentRecord {
    let mut of = SegmentRecord::new_zeroed();
    (of.head.pid, of.head.tid, of.head.ts) = (1, 2, ts);
    (of.since, of.blocked, of.runnable) = (BEGAN, blocked, runnable);
    of
}

fn calls(nr: u32, count: u32, time: u64) -> CallsRecord {
    let mut of = CallsRecord::new_zeroed();
    (of.nr, of.count, of.time, of.min) = (nr, count, time, u64::MAX);
    of
}

/// All of it asleep.
fn naps(nr: u32, count: u32, time: u64) -> CallsRecord {
    CallsRecord {
        blocked: time,
        ..calls(nr, count, time)
    }
}

fn going(nr: u32, time: u64) -> CallsRecord {
    CallsRecord {
        flags: CALLS_GOING,
        ..naps(nr, 0, time)
    }
}

/// Sums of all news.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    times: Times,
    other: u64,
    calls: BTreeMap<u32, CallStats>,
}

impl Sums {
    fn add(&mut self, news: Option<News<'_>>) {
        let Some(News { segment, calls }) = news else {
            return;
        };
        self.times.add(&Times::from(&segment));
        self.other += u64::from(segment.other);
        for of in calls {
            self.calls.entry(of.nr).or_default().push(of);
        }
    }

    fn of(segment: &SegmentRecord, calls: &[CallsRecord]) -> Self {
        let mut sums = Self::default();
        let segment = *segment;
        sums.add(Some(News { segment, calls }));
        sums
    }
}

#[test]
fn a_segment_is_told_once_however_often_it_is_looked_at() {
    let mut told = Told::default();
    let mut sums = Sums::default();
    let mut of = segment(BEGAN + 1000 * MS, 900 * MS, 0);
    let nap = going(35, 900 * MS);
    sums.add(told.news(&of, &[calls(0, 3, 50), nap], true));
    assert_eq!(sums.calls[&35].mean(), 0);
    of.head.ts += 1000 * MS;
    of.blocked += 1000 * MS;
    sums.add(told.news(&of, &[calls(0, 3, 50), going(35, 1900 * MS)], true));
    let nap = &sums.calls[&35];
    assert_eq!((nap.count, nap.time, nap.going), (0, 1900 * MS, 1900 * MS));
    assert_eq!(sums.times.wall, 2000 * MS);

    // It woke up, read once more and wrote a marker.
    of.head.ts += 200 * MS;
    of.blocked += 100 * MS;
    of.runnable = 5 * MS;
    let end = [
        calls(0, 4, 70),
        CallsRecord {
            blocked: 2000 * MS,
            runnable: 5 * MS,
            ..calls(35, 1, 2005 * MS)
        },
    ];
    sums.add(told.news(&of, &end, false));
    assert_eq!(sums, Sums::of(&of, &end));
    assert_eq!(sums.calls[&35].mean(), 2005 * MS);
    // Whoever looked at that time comes too late.
    assert!(told.news(&of, &end, true).is_none());
}

#[test]
fn a_call_that_returned_may_be_among_the_others_later_only() {
    let mut told = Told::default();
    let mut sums = Sums::default();
    let mut of = segment(BEGAN + 1000 * MS, 0, 0);
    sums.add(told.news(&of, &[going(7, 900 * MS)], true));
    for (seconds, calls) in [
        (2, &[][..]),
        (3, &[naps(7, 1, 950 * MS)]),
        (4, &[naps(7, 2, 960 * MS)]),
    ] {
        of.head.ts = BEGAN + seconds * 1000 * MS;
        sums.add(told.news(&of, calls, seconds < 4));
    }
    assert_eq!(sums, Sums::of(&of, &[naps(7, 2, 960 * MS)]));
}

#[test]
fn the_file_of_an_open_is_known_when_it_returns() {
    let mut told = Told::default();
    let mut sums = Sums::default();
    let mut of = segment(BEGAN + 1000 * MS, 0, 0);
    sums.add(told.news(&of, &[going(2, 900 * MS)], true));
    of.head.ts += MS;
    let mut open = naps(2, 1, 901 * MS);
    open.file.ino = 5;
    sums.add(told.news(&of, &[open], false));
    assert_eq!(sums, Sums::of(&of, &[open]));
}

#[test]
fn a_sleep_that_was_too_long_is_taken_off_the_wait() {
    let mut told = Told::default();
    let mut sums = Sums::default();
    let mut of = segment(BEGAN + 1000 * MS, 1000 * MS, 0);
    sums.add(told.news(&of, &[], true));
    // By the scheduler's clock the thread was woken a little earlier.
    of.head.ts += 10 * MS;
    (of.blocked, of.runnable) = (997 * MS, 8 * MS);
    sums.add(told.news(&of, &[], true));
    assert_eq!(
        (sums.times.blocked, sums.times.runnable),
        (1000 * MS, 5 * MS)
    );
    // What comes next makes up for it.
    of.head.ts += 1000 * MS;
    (of.blocked, of.runnable) = (1900 * MS, 20 * MS);
    sums.add(told.news(&of, &[], false));
    assert_eq!(sums, Sums::of(&of, &[]));
}

#[test]
fn a_counter_may_run_over() {
    let mut told = Told::default();
    let mut sums = Sums::default();
    let step = 1_500_000_000_u64;
    for n in 1..=5 {
        let mut of = segment(BEGAN + n * 1000 * MS, 0, 0);
        let count = (n * step) as u32;
        of.voluntary = count;
        let mut calls = calls(0, count, n);
        calls.buckets[0] = count;
        calls.errors[0] = count;
        sums.add(told.news(&of, &[calls], n < 5));
    }
    assert_eq!(sums.times.voluntary, 5 * step);
    assert_eq!(sums.calls[&0].count, 5 * step);
    assert_eq!(sums.calls[&0].errors[0], 5 * step);
}

#[test]
fn without_room_the_end_tells_all() {
    let mut told = Told::new(0);
    let of = segment(BEGAN + 1000 * MS, 10, 20);
    let calls = [calls(0, 3, 50)];
    for _ in 0..3 {
        assert!(told.news(&of, &calls, true).is_none());
    }
    assert_eq!(told.untold(), 3);
    let mut sums = Sums::default();
    sums.add(told.news(&of, &calls, false));
    assert_eq!(sums, Sums::of(&of, &calls));
}

#[test]
fn memory_is_bounded_and_comes_back() {
    let limit = 100_000;
    let mut told = Told::new(limit);
    let calls: Vec<_> = (0..20).map(|nr| calls(nr, 1, 1)).collect();
    let look = |told: &mut Told, tid, ts| {
        let mut of = segment(ts, 0, 0);
        of.head.tid = tid;
        told.news(&of, &calls, true).is_some()
    };
    let now = BEGAN + 1000 * MS;
    let taken = (0..1000).filter(|&tid| look(&mut told, tid, now)).count();
    assert!((10..100).contains(&taken), "{taken}");
    assert!(told.bytes <= limit + 2 * size_of::<Thread>());
    // Threads that end make room for others, and so do those whose end was lost, after a while.
    told.thread_exit(1, 0);
    assert!(look(&mut told, 1000, now));
    assert!(!look(&mut told, 1001, now));
    assert!(look(&mut told, 1001, now + STALE));
    assert_eq!(told.threads.len(), 1);
    told.thread_exit(1, 1001);
    assert_eq!((told.bytes, told.threads.len()), (0, 0));
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

/// The kernel's side: a thread that does these things, looked at in between.
struct Kernel {
    now: SegmentRecord,
    calls: Vec<CallsRecord>,
    going: Option<CallsRecord>,
    looks: Vec<u64>,
    told: Told,
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
        while let Some(look) = self.looks.last().copied().filter(|look| *look < end) {
            self.looks.pop();
            let ns = look.saturating_sub(self.now.head.ts);
            self.pass(ns, &counts);
            let calls: Vec<_> = self.calls.iter().chain(&self.going).copied().collect();
            self.sums.add(self.told.news(&self.now, &calls, true));
            let times = &self.sums.times;
            assert_eq!(times.wall, self.now.head.ts - BEGAN);
            assert!(times.blocked + times.runnable + times.kernel <= times.wall);
            // What is told midway is right too.
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
        counts(&mut self.now, self.going.as_mut(), ns);
        if let Some(going) = &mut self.going {
            going.time += ns;
        }
    }

    fn does(&mut self, what: Does) {
        match what {
            Does::Computes(ns) => self.passes(ns, |_, _, _| {}),
            Does::Preempted(ns) => self.passes(ns, |of, _, ns| of.runnable += ns),
            Does::Calls(nr, [cpu, asleep, waits]) => {
                self.going = Some(going(nr, 0));
                self.passes(cpu, |of, _, ns| of.kernel += ns);
                self.passes(asleep, |of, call, ns| {
                    of.blocked += ns;
                    call.unwrap().blocked += ns;
                });
                self.passes(waits, |of, call, ns| {
                    of.runnable += ns;
                    call.unwrap().runnable += ns;
                });
                let call = self.going.take().unwrap();
                let at = self.calls.iter().position(|of| of.nr == nr);
                let at = at.unwrap_or_else(|| {
                    self.calls.push(calls(nr, 0, 0));
                    self.calls.len() - 1
                });
                let of = &mut self.calls[at];
                of.count += 1;
                of.time += call.time;
                of.blocked += call.blocked;
                of.runnable += call.runnable;
                of.min = of.min.min(call.time);
                of.max = of.max.max(call.time);
                of.bytes += 10;
            }
        }
    }
}

proptest! {
    #[test]
    fn whenever_it_is_looked_at_it_comes_out_the_same(
        work in prop::collection::vec(does(), 1..20),
        looks in prop::collection::vec(0..8000 * MS, 0..12),
    ) {
        let mut looks: Vec<_> = looks.into_iter().map(|after| BEGAN + after).collect();
        looks.sort_unstable_by(|a, b| b.cmp(a));
        let mut kernel = Kernel {
            now: segment(BEGAN, 0, 0),
            calls: Vec::new(),
            going: None,
            looks,
            told: Told::default(),
            sums: Sums::default(),
        };
        for what in work {
            kernel.does(what);
        }
        // One that is shorter is not looked at.
        kernel.does(Does::Computes(SHORTEST));
        kernel.sums.add(kernel.told.news(&kernel.now, &kernel.calls, false));
        prop_assert_eq!(kernel.sums, Sums::of(&kernel.now, &kernel.calls));
    }
}
