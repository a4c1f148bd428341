//! What is counted for one tag path.

use crate::activity::SpanTimes;
use crate::measure::calls::{Calls, Room};
use crate::measure::histogram::Histogram;
use crate::spans::span::{Closed, End};

/// Statistics of the closed spans of one tag path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Durations of the spans that ended by their exit marker, and of no others.
    pub duration: Histogram,
    /// Sum over the same spans of the time not spent in direct children, nanoseconds.
    pub self_ns: u128,
    /// Direct children that ended before these spans did, however either ended.
    pub child_hits: u64,
    /// Spans that [failed](Closed::failed), however they ended.
    pub errors: u64,
    /// Spans that ended without an exit marker.
    pub inferred: Inferred,
    /// Where the time of the spans that ended, in whatever way, went, as far as it was looked at.
    pub times: SpanTimes,
    /// Of that, nanoseconds of the spans that ended without an exit marker.
    pub unfinished: u64,
    /// The system calls of these spans and of those that are open still.
    pub calls: Calls,
}

/// Spans that ended without an exit marker, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inferred {
    /// Ended with their thread.
    pub thread_exit: u64,
    /// Ended with their process.
    pub process_exit: u64,
    /// Ended by the time limit.
    pub expired: u64,
    /// Ended to make room.
    pub evicted: u64,
    /// Markers of their threads were lost: they may have ended earlier.
    pub lost: u64,
}

impl Inferred {
    /// The sum over all causes.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let Self {
            thread_exit,
            process_exit,
            expired,
            evicted,
            lost,
        } = *self;
        thread_exit
            .saturating_add(process_exit)
            .saturating_add(expired)
            .saturating_add(evicted)
            .saturating_add(lost)
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            thread_exit,
            process_exit,
            expired,
            evicted,
            lost,
        } = *other;
        for (own, others) in [
            (&mut self.thread_exit, thread_exit),
            (&mut self.process_exit, process_exit),
            (&mut self.expired, expired),
            (&mut self.evicted, evicted),
            (&mut self.lost, lost),
        ] {
            *own = own.saturating_add(others);
        }
    }
}

impl Stats {
    pub(crate) const EMPTY: &Self = &Self::with_buckets(2);

    /// Nothing counted; the histogram will have at most `buckets` buckets.
    #[must_use]
    pub const fn with_buckets(buckets: u16) -> Self {
        Self {
            duration: Histogram::with_buckets(buckets),
            self_ns: 0,
            child_hits: 0,
            errors: 0,
            inferred: Inferred {
                thread_exit: 0,
                process_exit: 0,
                expired: 0,
                evicted: 0,
                lost: 0,
            },
            times: SpanTimes::NONE,
            unfinished: 0,
            calls: Calls::NONE,
        }
    }

    /// Spans that ended by their exit marker.
    #[must_use]
    pub const fn hits(&self) -> u64 {
        self.duration.count()
    }

    /// Spans that ended, in whatever way.
    #[must_use]
    pub const fn spans(&self) -> u64 {
        self.hits().saturating_add(self.inferred.total())
    }

    /// Counts one span.
    pub fn push(&mut self, span: &Closed) {
        self.child_hits = self.child_hits.saturating_add(span.child_hits);
        self.errors = self.errors.saturating_add(span.failed().into());
        if let Some(times) = &span.times {
            self.times.add(times);
            if span.how != End::Exit {
                self.unfinished = self.unfinished.saturating_add(times.all.wall);
            }
        }
        let inferred = match span.how {
            End::Exit => {
                self.duration.record(span.duration());
                self.self_ns = self.self_ns.wrapping_add(span.self_ns().into());
                return;
            }
            End::ThreadExit => &mut self.inferred.thread_exit,
            End::ProcessExit => &mut self.inferred.process_exit,
            End::Expired => &mut self.inferred.expired,
            End::Evicted => &mut self.inferred.evicted,
            End::Lost => &mut self.inferred.lost,
        };
        *inferred = inferred.saturating_add(1);
    }

    /// Adds all that `other` counted, its calls as far as there is room to count them separately.
    pub fn merge(&mut self, other: &Self, room: &mut Room) {
        self.duration.merge(&other.duration);
        self.self_ns = self.self_ns.saturating_add(other.self_ns);
        self.child_hits = self.child_hits.saturating_add(other.child_hits);
        self.errors = self.errors.saturating_add(other.errors);
        self.inferred.merge(&other.inferred);
        self.times.add(&other.times);
        self.unfinished = self.unfinished.saturating_add(other.unfinished);
        self.calls.merge(&other.calls, room);
    }
}
