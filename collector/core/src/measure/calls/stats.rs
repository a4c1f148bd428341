//! Sums of system calls.

use crate::input::record::{
    BUCKETS, CALLS_IN, CALLS_IN_PROGRESS, CALLS_OUT, CALLS_RETURNED, CallsRecord, ERRORS,
};

/// What system calls came to, of whatever they have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// How many returned.
    pub count: u64,
    /// From entry to return, or as far as that was reported, nanoseconds, summed.
    pub time: u64,
    /// Of which in calls that have not returned.
    pub going: u64,
    /// Of which asleep.
    pub blocked: u64,
    /// Of which waiting for a cpu.
    pub runnable: u64,
    /// What the calls say they moved.
    pub bytes: u64,
    /// Of which read from files.
    pub bytes_in: u64,
    /// Of which written to files.
    pub bytes_out: u64,
    /// The shortest call, nanoseconds.
    pub min: u64,
    /// The longest.
    pub max: u64,
    /// How many failed, by class.
    pub errors: [u64; ERRORS],
    buckets: [u64; BUCKETS],
}

/// The names of the classes of errors, in their order.
pub const ERROR_NAMES: [&str; ERRORS] =
    ["again", "interrupted", "absent", "denied", "peer", "other"];

impl Default for CallStats {
    fn default() -> Self {
        Self::NONE
    }
}

impl CallStats {
    /// No calls.
    pub const NONE: Self = Self {
        count: 0,
        time: 0,
        going: 0,
        blocked: 0,
        runnable: 0,
        bytes: 0,
        bytes_in: 0,
        bytes_out: 0,
        min: u64::MAX,
        max: 0,
        errors: [0; ERRORS],
        buckets: [0; BUCKETS],
    };

    /// Of the time that on the cpu.
    #[must_use]
    pub const fn on_cpu(&self) -> u64 {
        self.time
            .saturating_sub(self.blocked)
            .saturating_sub(self.runnable)
    }

    /// The time per call that returned, 0 if none did.
    #[must_use]
    pub fn mean(&self) -> u64 {
        let returned = self.time.saturating_sub(self.going);
        returned.checked_div(self.count).unwrap_or(0)
    }

    /// Whether there was none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0 && self.time == 0
    }

    /// How many failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The time below which a part `q` of the calls stayed, nanoseconds. The kernel counts durations in
    /// buckets that double, within which they are taken to be spread evenly: it is right within a factor
    /// of two, and never outside of `min..=max`.
    #[must_use]
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = (q.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0);
        let mut below = 0.0;
        for (i, &count) in self.buckets.iter().enumerate() {
            let count = count as f64;
            if count > 0.0 && below + count >= rank {
                let low = if i == 0 {
                    0.0
                } else {
                    (1_u64 << (i + 7)) as f64
                };
                let high = (1_u64 << (i + 8)) as f64;
                let at = low + (high - low) * ((rank - below) / count);
                return (at as u64).clamp(self.min.min(self.max), self.max);
            }
            below += count;
        }
        self.max
    }

    /// Adds the calls of a record.
    pub fn push(&mut self, of: &CallsRecord) {
        if of.flags & CALLS_RETURNED != 0 {
            self.going = self.going.saturating_sub(of.time);
            return;
        }
        if of.flags & CALLS_IN_PROGRESS != 0 {
            self.going = self.going.saturating_add(of.time);
        }
        let (read, written) = match of.flags & (CALLS_IN | CALLS_OUT) {
            CALLS_IN => (of.bytes, 0),
            CALLS_OUT => (0, of.bytes),
            _ => (0, 0),
        };
        for (own, others) in [
            (&mut self.count, of.count.into()),
            (&mut self.time, of.time),
            (&mut self.blocked, of.blocked),
            (&mut self.runnable, of.runnable),
            (&mut self.bytes, of.bytes),
            (&mut self.bytes_in, read),
            (&mut self.bytes_out, written),
        ] {
            *own = own.saturating_add(others);
        }
        self.min = self.min.min(of.min);
        self.max = self.max.max(of.max);
        add(&mut self.errors, &of.errors);
        add(&mut self.buckets, &of.buckets);
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.count, other.count),
            (&mut self.time, other.time),
            (&mut self.going, other.going),
            (&mut self.blocked, other.blocked),
            (&mut self.runnable, other.runnable),
            (&mut self.bytes, other.bytes),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
        ] {
            *own = own.saturating_add(others);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        add(&mut self.errors, &other.errors);
        add(&mut self.buckets, &other.buckets);
    }
}

/// Nobody counts to 2^64, and what need not look whether one has adds several at once.
fn add<T: Copy + Into<u64>, const N: usize>(own: &mut [u64; N], others: &[T; N]) {
    for (own, &others) in own.iter_mut().zip(others) {
        *own = own.wrapping_add(others.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    fn calls(nr: u32, times: &[u64]) -> CallsRecord {
        let mut of = CallsRecord::new_zeroed();
        of.nr = nr;
        of.min = u64::MAX;
        for &time in times {
            of.count += 1;
            of.time += time;
            of.min = of.min.min(time);
            of.max = of.max.max(time);
            let bucket = (64 - (time >> 8).leading_zeros() as usize).min(BUCKETS - 1);
            of.buckets[bucket] += 1;
        }
        of
    }

    #[test]
    fn a_quantile_is_right_within_a_factor_of_two() {
        let times: Vec<u64> = (1..=1000).map(|n| n * 1000).collect();
        let mut stats = CallStats::default();
        stats.push(&calls(0, &times));
        for (q, want) in [(0.0, 1000.0), (0.5, 500_000.0), (0.99, 990_000.0)] {
            let got = stats.quantile(q) as f64;
            assert!((want / 2.0..=want * 2.0).contains(&got), "{q}: {got}");
        }
        assert_eq!(stats.quantile(1.0), 1_000_000);
        assert_eq!(stats.mean(), 500_500);
        assert_eq!(CallStats::default().quantile(0.5), 0);
    }
}
