//! Sums of system calls, by metric.

use crate::input::record::{CALLS_IN, CALLS_OUT, CallsRecord};
use crate::query::metric::Metric;

/// The sum of each metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums([u64; Metric::ALL.len()]);

impl Sums {
    /// What was summed.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> u64 {
        self.0[metric as usize]
    }

    pub(super) fn of(calls: &CallsRecord) -> Self {
        let mut sums = Self::of_again(calls);
        for (metric, n) in [
            (Metric::Time, calls.time),
            (Metric::Blocked, calls.blocked),
            (Metric::Runnable, calls.runnable),
            (Metric::Count, calls.count.into()),
            (
                Metric::Errors,
                calls.errors.iter().map(|&n| u64::from(n)).sum(),
            ),
            (Metric::Bytes, calls.bytes),
        ] {
            sums.0[metric as usize] = n;
        }
        sums
    }

    /// Of calls that are counted already with their other file: only what they did to this one.
    pub(super) fn of_again(calls: &CallsRecord) -> Self {
        let mut sums = Self::default();
        for (metric, flag) in [(Metric::BytesIn, CALLS_IN), (Metric::BytesOut, CALLS_OUT)] {
            if calls.flags & flag != 0 {
                sums.0[metric as usize] = calls.bytes;
            }
        }
        sums
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (own, others) in self.0.iter_mut().zip(other.0) {
            *own = own.saturating_add(others);
        }
    }
}
