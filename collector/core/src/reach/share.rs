//! A segment, divided where what is open changed while it went on.
//!
//! A thread's segment ends at the first system call that begins or returns after a marker of its group. So
//! when what is open changes within a segment, the thread does one thing from then on to the segment's end: it
//! is in one system call, or it computes. What it did after the change is therefore known: time of that call,
//! asleep as far as it slept, or time on the cpu; and how much of that fell to each stretch as well.

use crate::activity::Times;
use crate::event::EndedBy;
use crate::record::{BUCKETS, CALLS_GOING, CallsRecord};

/// What a thread did from the first change to the segment's end.
#[derive(Debug)]
pub(crate) struct Tail {
    times: Times,
    /// The call it was in: its place among the segment's, and its time, of which asleep and waiting for a cpu.
    call: Option<(usize, [u64; 3])>,
}

impl Tail {
    /// Of the last `wall` nanoseconds of a segment.
    pub(crate) fn of(segment: &Times, calls: &[CallsRecord], wall: u64, by: EndedBy) -> Self {
        let wall = wall.min(segment.wall);
        let going = calls.last().is_some_and(|of| of.flags & CALLS_GOING != 0);
        let in_call = by == EndedBy::Return || going;
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
        // What is left can only be the other kind, by a hair that two clocks differ.
        times.kernel += take(segment.kernel - times.kernel.min(segment.kernel));
        times.blocked += take(segment.blocked - times.blocked.min(segment.blocked));
        let asleep_in_calls = segment.blocked.saturating_sub(segment.fault);
        times.fault = times
            .fault
            .max(times.blocked.saturating_sub(asleep_in_calls));
        let longest = |&(_, of): &(usize, &CallsRecord)| (of.flags & CALLS_GOING, of.max);
        let call = calls
            .iter()
            .enumerate()
            .filter(|(_, of)| of.time >= wall)
            .max_by_key(longest)
            .filter(|_| in_call);
        Self {
            call: call.map(|(at, of)| {
                let blocked = of.blocked.min(times.blocked);
                let runnable = of.runnable.min(wall - blocked).min(times.runnable);
                (at, [wall, blocked, runnable])
            }),
            times,
        }
    }

    /// Takes it off the segment: what remains is what the thread did before.
    pub(crate) fn take_off(&self, segment: &mut Times, calls: &mut [CallsRecord]) {
        let Times {
            wall,
            kernel,
            runnable,
            blocked,
            fault,
            ..
        } = self.times;
        for (of, tail) in [
            (&mut segment.wall, wall),
            (&mut segment.kernel, kernel),
            (&mut segment.runnable, runnable),
            (&mut segment.blocked, blocked),
            (&mut segment.fault, fault),
        ] {
            *of = of.saturating_sub(tail);
        }
        if let Some((at, [time, blocked, runnable])) = self.call {
            let of = &mut calls[at];
            of.time -= time;
            of.blocked -= blocked;
            of.runnable -= runnable;
            if of.flags & CALLS_GOING == 0 {
                shorten(of, time);
            }
        }
    }

    /// The call that went on, if it was one.
    pub(crate) fn call(&self) -> Option<usize> {
        self.call.map(|(at, _)| at)
    }

    /// What of it fell between two of its nanoseconds, counted from its beginning. Shares that follow one
    /// another add up to all of it. The call is one that goes on: it is counted where it began.
    pub(crate) fn share(
        &self,
        from: u64,
        to: u64,
        calls: &[CallsRecord],
    ) -> (Times, Option<CallsRecord>) {
        let whole = self.times.wall;
        let part = |of: u64| part(of, to, whole) - part(of, from, whole);
        let times = Times {
            wall: to - from,
            kernel: part(self.times.kernel),
            runnable: part(self.times.runnable),
            blocked: part(self.times.blocked),
            fault: part(self.times.fault),
            ..Times::NONE
        };
        let call = self
            .call
            .map(|(at, [time, blocked, runnable])| CallsRecord {
                time: part(time),
                blocked: part(blocked),
                runnable: part(runnable),
                min: u64::MAX,
                max: 0,
                flags: calls[at].flags | CALLS_GOING,
                ..calls[at].none_of()
            });
        (times, call)
    }
}

/// The longest of some calls took so much less.
fn shorten(of: &mut CallsRecord, less: u64) {
    let left = of.max.saturating_sub(less);
    if let Some(count) = of.buckets.get_mut(bucket(of.max))
        && *count > 0
    {
        *count -= 1;
        of.buckets[bucket(left)] += 1;
    }
    of.max = of.max.min(of.time);
    of.min = of.min.min(left);
}

/// Which of [`CallsRecord::buckets`] counts a call that took so long.
fn bucket(ns: u64) -> usize {
    match (ns >> 8).checked_ilog2() {
        Some(log) => (log as usize + 1).min(BUCKETS - 1),
        None => 0,
    }
}

/// `of * at / whole`, rounded down.
fn part(of: u64, at: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    (u128::from(of) * u128::from(at) / u128::from(whole)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zerocopy::FromZeros;

    fn call(time: u64, blocked: u64) -> CallsRecord {
        let mut of = CallsRecord::new_zeroed();
        (of.count, of.time, of.blocked) = (1, time, blocked);
        (of.min, of.max) = (time, time);
        of.buckets[bucket(time)] = 1;
        of
    }

    /// 90 ms of computing, then a sleep of 3 s, of which the span saw 10 ms.
    #[test]
    fn a_sleep_is_cut_where_the_span_ended() {
        let mut times = Times {
            wall: 3090,
            kernel: 1,
            blocked: 2999,
            ..Times::NONE
        };
        let mut calls = [call(5, 0), call(3000, 2999)];
        let tail = Tail::of(&times, &calls, 2990, EndedBy::Return);
        tail.take_off(&mut times, &mut calls);
        assert_eq!((times.wall, times.blocked, times.user()), (100, 9, 90));
        assert_eq!(
            (calls[1].time, calls[1].blocked, calls[1].count),
            (10, 9, 1)
        );
        assert_eq!((calls[1].min, calls[1].max), (10, 10));
        assert_eq!((calls[1].buckets[0], calls[1].buckets[4]), (1, 0));
        let (share, of) = tail.share(0, 1000, &calls);
        assert_eq!((share.wall, share.blocked), (1000, 1000));
        let of = of.unwrap();
        assert_eq!((of.time, of.blocked, of.count), (1000, 1000, 0));
        assert_ne!(of.flags & CALLS_GOING, 0);
    }

    /// 50 ms asleep in the span, then a computation that outlived it.
    #[test]
    fn a_computation_is_cut_where_the_span_ended() {
        let mut times = Times {
            wall: 1100,
            blocked: 50,
            ..Times::NONE
        };
        let mut calls = [call(51, 50)];
        let tail = Tail::of(&times, &calls, 1000, EndedBy::Other);
        tail.take_off(&mut times, &mut calls);
        assert_eq!((times.wall, times.blocked, times.on_cpu()), (100, 50, 50));
        assert_eq!(tail.call(), None);
    }

    proptest! {
        /// What remains and the shares are the whole, and no part is more than its wall time.
        #[test]
        fn nothing_is_made_up(
            parts in prop::array::uniform4(0u64..1000),
            tail in 0u64..5000,
            cuts in prop::array::uniform2(0u64..5000),
            by in prop_oneof![Just(EndedBy::Return), Just(EndedBy::Other), Just(EndedBy::Marker)],
            ) {
            let [user, kernel, runnable, blocked] = parts;
            let whole = Times { wall: user + kernel + runnable + blocked, kernel, runnable, blocked, fault: blocked / 3, ..Times::NONE };
            let mut calls = [call(kernel + blocked, blocked - blocked / 3)];
            let before = calls;
            let of = Tail::of(&whole, &calls, tail, by);
            let mut head = whole;
            of.take_off(&mut head, &mut calls);
            let mut sum = head;
            let mut time = calls[0].time;
            let length = of.times.wall;
            let mut at = 0;
            let mut ends: Vec<u64> = cuts.iter().map(|cut| *cut.min(&length)).collect();
            ends.push(length);
            ends.sort_unstable();
            for end in ends {
                let (share, call) = of.share(at, end, &before);
                prop_assert!(share.runnable + share.blocked + share.kernel <= share.wall + 3);
                sum.add(&share);
                time += call.map_or(0, |of| of.time);
                at = end;
            }
            prop_assert_eq!(sum, whole);
            prop_assert_eq!(time, before[0].time);
            prop_assert!(head.on_cpu() + head.runnable + head.blocked <= whole.wall);
            prop_assert!(head.fault <= head.blocked);
        }
    }
}
