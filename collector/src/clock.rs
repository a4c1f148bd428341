//! The clock of every record.

use nulltrace_core::measure::slowest::Anchor;
use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds.
#[must_use]
pub fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When, for people.
    pub wall: jiff::Timestamp,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub monotonic: u64,
}

impl Moment {
    /// This one.
    #[must_use]
    pub fn now() -> Self {
        Self {
            wall: jiff::Timestamp::now(),
            monotonic: monotonic(),
        }
    }

    /// The same as numbers.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        Anchor {
            monotonic: self.monotonic,
            wall: u64::try_from(self.wall.as_nanosecond()).unwrap_or(0),
        }
    }
}
