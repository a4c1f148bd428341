//! A segment, divided where what is open changed while it went on.
//!
//! A thread's segment ends at the first system call that begins or returns after a marker of its group. So
//! where a marker changes what is open within a segment, the thread does one thing from then on to the segment's
//! end: it is in one system call, or it computes. What it did after the change is therefore known: time of that
//! call, asleep as far as it slept, or time on the cpu; and how much of that fell to each stretch as well. Where
//! the change was no marker (a process ended, and its spans with it) all of the segment is divided by time.

use crate::activity::Times;
use crate::input::event::EndedBy;
use crate::input::record::{CALLS_IN_PROGRESS, CallsRecord, bucket};

/// A call may be reported this much shorter than the time to the segment's end, as the clock is read twice.
const SLACK: u64 = 100_000;

/// What a thread did in one stretch of a segment.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) times: Times,
    /// As many as the segment has, in their order; those without time are empty.
    pub(crate) calls: Vec<CallsRecord>,
}

/// Divides a segment. `ends` are those of its stretches, counted from its beginning, two or more; `sure`: a marker
/// ended the first. Calls are counted in the first, where they began; in the others they are in progress.
pub(crate) fn divide(
    segment: &Times,
    calls: &[CallsRecord],
    ends: &[u64],
    sure: bool,
    by: EndedBy,
) -> Vec<Part> {
    let first = ends.first().copied().unwrap_or(0);
    let tail = sure.then(|| Tail::of(segment, calls, segment.wall.saturating_sub(first), by));
    let mut parts = Vec::with_capacity(ends.len());
    if let Some(tail) = tail.flatten() {
        parts.push(tail.head(segment, calls));
        parts.extend(
            ends.windows(2)
                .map(|pair| tail.share(pair[0] - first, pair[1] - first, calls)),
        );
    } else {
        let mut from = 0;
        for (at, &to) in ends.iter().enumerate() {
            parts.push(share_of_all(segment, calls, from, to, at == 0));
            from = to;
        }
    }
    parts
}

/// What a thread did from the first change to the segment's end.
struct Tail {
    times: Times,
    /// The call it was in: its place among the segment's, and its time, of which asleep and waiting for a cpu.
    call: Option<(usize, [u64; 3])>,
}

impl Tail {
    /// Of the last `wall` nanoseconds of a segment; `None` if it cannot have done one thing in them.
    fn of(segment: &Times, calls: &[CallsRecord], wall: u64, by: EndedBy) -> Option<Self> {
        let wall = wall.min(segment.wall);
        let in_progress = calls
            .last()
            .is_some_and(|calls| calls.flags & CALLS_IN_PROGRESS != 0);
        let in_call = by == EndedBy::Return || in_progress;
        let mut left = wall;
        let mut take = |most: u64| {
            let taken = most.min(left);
            left -= taken;
            taken
        };
        let mut times = Times {
            wall,
            ..Times::NONE
        };
        if in_call {
            times.blocked = take(segment.blocked - segment.fault.min(segment.blocked));
            times.runnable = take(segment.runnable);
            times.kernel = take(segment.kernel);
        } else {
            take(segment.user());
            times.runnable = take(segment.runnable);
            times.fault = take(segment.fault.min(segment.blocked));
            times.blocked = times.fault;
        }
        // The other kind, by a hair that two clocks differ.
        let others = wall - times.blocked - times.runnable - times.kernel;
        let rest = if in_call {
            others
        } else {
            others.saturating_sub(segment.user())
        };
        if rest > SLACK {
            return None;
        }
        times.kernel += take(segment.kernel - times.kernel.min(segment.kernel));
        times.blocked += take(segment.blocked - times.blocked.min(segment.blocked));
        let asleep_in_calls = segment.blocked.saturating_sub(segment.fault);
        times.fault = (times.fault).max(times.blocked.saturating_sub(asleep_in_calls));
        times.stops = segment.stops.within(times.fault);
        if !in_call {
            return Some(Self { times, call: None });
        }
        let key = |&(_, call): &(usize, &CallsRecord)| (call.flags & CALLS_IN_PROGRESS, call.max);
        let (at, longest) = calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.time.saturating_add(SLACK) >= wall)
            .max_by_key(key)?;
        let time = wall.min(longest.time);
        let blocked = longest.blocked.min(times.blocked).min(time);
        let runnable = longest.runnable.min(times.runnable).min(time - blocked);
        let call = Some((at, [time, blocked, runnable]));
        Some(Self { times, call })
    }

    /// What the thread did before.
    fn head(&self, segment: &Times, calls: &[CallsRecord]) -> Part {
        let (mut times, mut calls) = (*segment, calls.to_vec());
        let Times {
            wall,
            kernel,
            runnable,
            blocked,
            fault,
            ..
        } = self.times;
        for (sum, tail) in [
            (&mut times.wall, wall),
            (&mut times.kernel, kernel),
            (&mut times.runnable, runnable),
            (&mut times.blocked, blocked),
            (&mut times.fault, fault),
        ] {
            *sum = sum.saturating_sub(tail);
        }
        times.stops = times.stops.zip(self.times.stops, u64::saturating_sub);
        if let Some((at, [time, blocked, runnable])) = self.call {
            let call = &mut calls[at];
            call.time -= time;
            call.blocked -= blocked;
            call.runnable -= runnable;
            if call.flags & CALLS_IN_PROGRESS == 0 {
                shorten(call, time);
            }
        }
        Part { times, calls }
    }

    /// What of it fell between two of its nanoseconds, counted from its beginning. Shares that follow one
    /// another add up to all of it.
    fn share(&self, from: u64, to: u64, calls: &[CallsRecord]) -> Part {
        let whole = self.times.wall;
        let times = times_between(&self.times, from, to, whole);
        let mut shares: Vec<_> = calls.iter().map(CallsRecord::none_of).collect();
        if let Some((at, [time, blocked, runnable])) = self.call {
            let part = |value: u64| part(value, to, whole) - part(value, from, whole);
            shares[at] = CallsRecord {
                time: part(time),
                blocked: part(blocked),
                runnable: part(runnable),
                ..in_progress(&calls[at])
            };
        }
        Part {
            times,
            calls: shares,
        }
    }
}

/// What of a segment falls between two of its nanoseconds if it did the same all the time. What has no time is in
/// the first.
fn share_of_all(segment: &Times, calls: &[CallsRecord], from: u64, to: u64, first: bool) -> Part {
    let whole = segment.wall;
    let part = |value: u64| part(value, to, whole) - part(value, from, whole);
    let mut times = times_between(segment, from, to, whole);
    if first {
        times = Times {
            voluntary: segment.voluntary,
            involuntary: segment.involuntary,
            minor: segment.minor,
            major: segment.major,
            ..times
        };
    }
    let share = |call: &CallsRecord| {
        let kept = if first { *call } else { in_progress(call) };
        let mut share = CallsRecord {
            time: part(call.time),
            blocked: part(call.blocked),
            runnable: part(call.runnable),
            ..kept
        };
        if first {
            share.max = share.max.min(share.time);
            share.min = share.min.min(share.max);
        }
        share
    };
    let calls = calls.iter().map(share).collect();
    Part { times, calls }
}

fn times_between(times: &Times, from: u64, to: u64, whole: u64) -> Times {
    let part = |value: u64| part(value, to, whole) - part(value, from, whole);
    Times {
        wall: to - from,
        kernel: part(times.kernel),
        runnable: part(times.runnable),
        blocked: part(times.blocked),
        fault: part(times.fault),
        stops: times.stops.map(part),
        ..Times::NONE
    }
}

/// A call of the same kind in progress, without time yet.
fn in_progress(call: &CallsRecord) -> CallsRecord {
    CallsRecord {
        min: u64::MAX,
        max: 0,
        flags: call.flags | CALLS_IN_PROGRESS,
        ..call.none_of()
    }
}

/// The longest of some calls took so much less.
fn shorten(call: &mut CallsRecord, less: u64) {
    let left = call.max.saturating_sub(less);
    if let Some(count) = call.buckets.get_mut(bucket(call.max))
        && *count > 0
    {
        *count -= 1;
        call.buckets[bucket(left)] += 1;
    }
    call.max = call.max.min(call.time);
    call.min = call.min.min(left);
}

/// `value * at / whole`, rounded down.
fn part(value: u64, at: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    (u128::from(value) * u128::from(at) / u128::from(whole)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::record::Stops;
    use proptest::prelude::*;
    use zerocopy::FromZeros;

    fn call(time: u64, blocked: u64) -> CallsRecord {
        let mut record = CallsRecord::new_zeroed();
        (record.count, record.time, record.blocked) = (1, time, blocked);
        (record.min, record.max) = (time, time);
        record.buckets[bucket(time)] = 1;
        record
    }

    const MS: u64 = 1_000_000;

    /// 90 ms of computing, then a sleep of 3 s, of which the span saw 10 ms.
    #[test]
    fn a_sleep_is_cut_where_the_span_ended() {
        let times = Times {
            wall: 3090 * MS,
            kernel: MS,
            blocked: 2999 * MS,
            ..Times::NONE
        };
        let calls = [call(5, 0), call(3000 * MS, 2999 * MS)];
        let ends = [100 * MS, 1100 * MS, 3090 * MS];
        let parts = divide(&times, &calls, &ends, true, EndedBy::Return);
        let Part { times, calls } = &parts[0];
        assert_eq!(
            (times.wall, times.blocked, times.user()),
            (100 * MS, 9 * MS, 90 * MS)
        );
        let sleep = &calls[1];
        assert_eq!(
            (sleep.time, sleep.blocked, sleep.count),
            (10 * MS, 9 * MS, 1)
        );
        assert_eq!((sleep.min, sleep.max), (10 * MS, 10 * MS));
        assert_eq!(sleep.buckets[bucket(10 * MS)], 1);
        assert_eq!(sleep.buckets.iter().sum::<u32>(), 1);
        let Part { times, calls } = &parts[1];
        assert_eq!((times.wall, times.blocked), (1000 * MS, 1000 * MS));
        assert!(calls[0].is_empty());
        let sleep = &calls[1];
        assert_eq!(
            (sleep.time, sleep.blocked, sleep.count),
            (1000 * MS, 1000 * MS, 0)
        );
        assert_ne!(sleep.flags & CALLS_IN_PROGRESS, 0);
    }

    /// 50 ms asleep in the span, then a computation that outlived it.
    #[test]
    fn a_computation_is_cut_where_the_span_ended() {
        let times = Times {
            wall: 1100 * MS,
            blocked: 50 * MS,
            ..Times::NONE
        };
        let calls = [call(51 * MS, 50 * MS)];
        let parts = divide(&times, &calls, &[100 * MS, 1100 * MS], true, EndedBy::Other);
        let times = &parts[0].times;
        assert_eq!(
            (times.wall, times.blocked, times.on_cpu()),
            (100 * MS, 50 * MS, 50 * MS)
        );
        assert_eq!(parts[0].calls[0].time, 51 * MS);
        assert!(parts[1].calls[0].is_empty());
        assert_eq!(parts[1].times.on_cpu(), 1000 * MS);
    }

    /// The end of a process ended the span, and the thread made calls after that.
    #[test]
    fn without_a_marker_all_is_divided_by_time() {
        let times = Times {
            wall: 200 * MS,
            blocked: 160 * MS,
            minor: 3,
            ..Times::NONE
        };
        let calls = [call(100 * MS, 100 * MS), call(60 * MS, 60 * MS)];
        let parts = divide(&times, &calls, &[20 * MS, 200 * MS], false, EndedBy::Return);
        let Part { times, calls } = &parts[0];
        assert_eq!(
            (times.wall, times.blocked, times.minor),
            (20 * MS, 16 * MS, 3)
        );
        assert_eq!(
            (calls[0].time, calls[0].max, calls[0].count),
            (10 * MS, 10 * MS, 1)
        );
        let Part { times, calls } = &parts[1];
        assert_eq!((times.blocked, times.minor), (144 * MS, 0));
        assert_eq!((calls[1].time, calls[1].count), (54 * MS, 0));
    }

    proptest! {
        /// The parts are the whole, none is more than its time, and no call took longer than all of its kind.
        #[test]
        fn nothing_is_made_up(
            parts in prop::array::uniform4(0u64..1000),
            cuts in prop::array::uniform3(0u64..4000),
            other in 0u64..1000,
            by in prop_oneof![Just(EndedBy::Return), Just(EndedBy::Other), Just(EndedBy::Marker)],
            sure in any::<bool>(),
        ) {
            let [user, kernel, runnable, blocked] = parts.map(|ns| ns * 1000);
            let fault = blocked / 3;
            let wall = user + kernel + runnable + blocked;
            let stops = Stops { stopped: fault / 2, traced: fault / 4, frozen: fault / 8 };
            let whole = Times { wall, kernel, runnable, blocked, fault, stops, minor: 7, ..Times::NONE };
            let other = (other * 1000).min(kernel);
            let calls = [call(kernel - other + blocked - fault, blocked - fault), call(other, 0)];
            let mut ends: Vec<u64> = cuts.iter().map(|cut| (cut * 1000).min(wall)).collect();
            ends.push(wall);
            ends.sort_unstable();
            let divided = divide(&whole, &calls, &ends, sure, by);
            prop_assert_eq!(divided.len(), ends.len());
            let (mut sum, mut time, mut count) = (Times::NONE, [0; 2], [0; 2]);
            for part in &divided {
                sum.add(&part.times);
                let times = &part.times;
                prop_assert!(times.runnable + times.blocked + times.kernel <= times.wall + 3);
                prop_assert!(times.fault <= times.blocked + 1);
                for (at, call) in part.calls.iter().enumerate().filter(|(_, call)| !call.is_empty()) {
                    time[at] += call.time;
                    count[at] += call.count;
                    prop_assert!(call.max <= call.time && call.blocked + call.runnable <= call.time + 1);
                }
            }
            prop_assert_eq!(sum, whole);
            prop_assert_eq!(time, [calls[0].time, calls[1].time]);
            prop_assert_eq!(count, [1, 1]);
        }
    }
}
