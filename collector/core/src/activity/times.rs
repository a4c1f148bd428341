//! Where time went.
//!
//! ```
//! use nulltrace_core::activity::Times;
//!
//! let read = Times { wall: 100, kernel: 30, runnable: 10, blocked: 40, ..Times::default() };
//! assert_eq!((read.on_cpu(), read.user()), (50, 20));
//! let mut sum = Times::default();
//! sum.add(&read);
//! sum.add(&read);
//! assert_eq!(sum.on_cpu() + sum.runnable + sum.blocked, sum.wall);
//! ```

use crate::input::record::{SegmentRecord, Stops};

/// Where the time of a thread went. Times are nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// All of it: on the cpu, runnable and blocked.
    pub wall: u64,
    /// On the cpu in system calls.
    pub kernel: u64,
    /// Waiting for a cpu: woken or preempted, and not yet running.
    pub runnable: u64,
    /// Asleep.
    pub blocked: u64,
    /// Of which outside system calls: in page faults, or stopped.
    pub fault: u64,
    /// Of which stopped.
    pub stops: Stops,
    /// Context switches to sleep.
    pub voluntary: u64,
    /// Context switches by preemption.
    pub involuntary: u64,
    /// Page faults that needed no I/O.
    pub minor: u64,
    /// Page faults that did.
    pub major: u64,
}

impl Times {
    /// No time.
    pub const NONE: Self = Self {
        wall: 0,
        kernel: 0,
        runnable: 0,
        blocked: 0,
        fault: 0,
        stops: Stops::NONE,
        voluntary: 0,
        involuntary: 0,
        minor: 0,
        major: 0,
    };

    /// On the cpu.
    #[must_use]
    pub const fn on_cpu(&self) -> u64 {
        self.wall
            .saturating_sub(self.runnable)
            .saturating_sub(self.blocked)
    }

    /// On the cpu outside system calls. What interrupts and page faults took is in it.
    #[must_use]
    pub const fn user(&self) -> u64 {
        self.on_cpu().saturating_sub(self.kernel)
    }

    /// Adds all that `other` counted. No time is 2^64 nanoseconds, and what need not look whether one is adds several
    /// at once.
    #[inline]
    pub fn add(&mut self, other: &Self) {
        let Self {
            wall,
            kernel,
            runnable,
            blocked,
            fault,
            stops,
            voluntary,
            involuntary,
            minor,
            major,
        } = *self;
        *self = Self {
            wall: wall.wrapping_add(other.wall),
            kernel: kernel.wrapping_add(other.kernel),
            runnable: runnable.wrapping_add(other.runnable),
            blocked: blocked.wrapping_add(other.blocked),
            fault: fault.wrapping_add(other.fault),
            stops: stops.zip(other.stops, u64::wrapping_add),
            voluntary: voluntary.wrapping_add(other.voluntary),
            involuntary: involuntary.wrapping_add(other.involuntary),
            minor: minor.wrapping_add(other.minor),
            major: major.wrapping_add(other.major),
        };
    }
}

/// Its calls say how much of it the thread was held.
impl From<&SegmentRecord> for Times {
    fn from(segment: &SegmentRecord) -> Self {
        Self {
            wall: segment.head.ts.saturating_sub(segment.since),
            kernel: segment.kernel,
            runnable: segment.runnable,
            blocked: segment.blocked,
            fault: segment.fault,
            stops: Stops::NONE,
            voluntary: segment.voluntary.into(),
            involuntary: segment.involuntary.into(),
            minor: segment.minor.into(),
            major: segment.major.into(),
        }
    }
}

/// The time of one span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanTimes {
    /// While it was the innermost of its thread.
    pub own: Times,
    /// While it was open.
    pub all: Times,
    /// Nanoseconds in which its thread did something else: the work of other spans that were open there, or of
    /// none.
    pub interleaved: u64,
}

impl SpanTimes {
    /// No time.
    pub const NONE: Self = Self {
        own: Times::NONE,
        all: Times::NONE,
        interleaved: 0,
    };

    /// Adds all that `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.own.add(&other.own);
        self.all.add(&other.all);
        self.interleaved = self.interleaved.saturating_add(other.interleaved);
    }
}
