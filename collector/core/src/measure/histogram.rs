//! A base-2 exponential histogram of nanoseconds.
//!
//! The buckets are those of the OpenTelemetry metrics data model, section *ExponentialHistogram*
//! (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>):
//! `base = 2^(2^-scale)`, and bucket `i` counts the values in `(base^i, base^(i+1)]`. So a histogram
//! leaves as OTLP as it is, and as a Prometheus native histogram of schema = scale with every index
//! one higher, Prometheus counting `(base^(i-1), base^i]`
//! (<https://prometheus.io/docs/specs/native_histograms/>).
//!
//! It begins at scale 8, where a bucket is 0.27 % wide, and halves its resolution by adding pairs of
//! buckets (`index >> 1`) only when the values span more buckets than allowed. The state is a function
//! of the recorded values alone, not of their order, and [`merge`](Histogram::merge) gives exactly the
//! histogram of all values together: it is commutative and associative, scale included.
//!
//! ```
//! use nulltrace_core::measure::histogram::Histogram;
//!
//! let mut all = Histogram::new();
//! for ns in 1..=1000 {
//!     all.record(ns * 1_000);
//! }
//! assert_eq!((all.count(), all.sum()), (1000, 500_500_000));
//! assert_eq!((all.min(), all.max()), (Some(1_000), Some(1_000_000)));
//! let p99 = all.quantile(0.99).unwrap();
//! assert!(p99.abs_diff(990_000) <= 990_000 * 3 / 1000);
//! ```

mod index;

use core::iter::repeat_n;

use index::{SCALE, floor_power};

/// How many buckets a histogram has at most unless set otherwise: one decade at scale 8 takes 851.
pub const DEFAULT_BUCKETS: u16 = 1024;

/// Counts of `u64` nanoseconds in exponential buckets; count, sum, min and max are exact.
///
/// Memory grows with the span of the values, to at most 8 bytes per allowed bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// From the first to the last bucket that counts anything; both ends are above 0.
    counts: Vec<u64>,
    /// Index of the first of `counts`.
    offset: i32,
    /// How often the resolution was halved.
    shift: u8,
    limit: u16,
    zeros: u64,
    count: u64,
    // 2^64 values of 2^64 ns each fit.
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram of at most [`DEFAULT_BUCKETS`] buckets.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_buckets(DEFAULT_BUCKETS)
    }

    /// An empty histogram of at most `limit` buckets, the zero count apart. With fewer than two no
    /// scale would do, so 0 and 1 mean 2.
    #[must_use]
    pub const fn with_buckets(limit: u16) -> Self {
        Self {
            counts: Vec::new(),
            offset: 0,
            shift: 0,
            limit: if limit < 2 { 2 } else { limit },
            zeros: 0,
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// Counts one value, in nanoseconds.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.wrapping_add(u128::from(value));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value == 0 {
            self.zeros = self.zeros.saturating_add(1);
            return;
        }
        let finest = index::index(value);
        let index = finest >> self.shift;
        // Below the offset it wraps to a number no bucket has.
        match self.counts.get_mut((index - self.offset) as usize) {
            Some(count) => *count = count.saturating_add(1),
            None => self.record_outside(finest),
        }
    }

    #[cold]
    fn record_outside(&mut self, finest: i32) {
        let index = finest >> self.shift;
        self.cover(index, index);
        self.add(finest >> self.shift, 1);
    }

    /// Adds all that `other` counted. With different bucket limits the smaller one holds from now on.
    pub fn merge(&mut self, other: &Self) {
        self.limit = self.limit.min(other.limit);
        self.coarsen(other.shift.saturating_sub(self.shift));
        if let Some((first, last)) = other.range() {
            let coarser = self.shift - other.shift;
            self.cover(first >> coarser, last >> coarser);
            let coarser = self.shift - other.shift;
            for (index, &count) in (other.offset..).zip(&other.counts) {
                self.add(index >> coarser, count);
            }
        } else if let Some((first, last)) = self.range() {
            self.cover(first, last);
        }
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn add(&mut self, index: i32, n: u64) {
        if let Some(count) = self.counts.get_mut((index - self.offset) as usize) {
            *count = count.saturating_add(n);
        }
    }

    /// First and last bucket that count anything.
    fn range(&self) -> Option<(i32, i32)> {
        let last = self.counts.len().checked_sub(1)?;
        Some((self.offset, self.offset + last as i32))
    }

    /// Makes the buckets reach from `first` to `last` (indices at the present scale) besides those
    /// they reach already, at the finest scale at which that many are allowed.
    fn cover(&mut self, first: i32, last: i32) {
        let (mut first, mut last) = match self.range() {
            Some((own_first, own_last)) => (first.min(own_first), last.max(own_last)),
            None => (first, last),
        };
        let mut halvings = 0;
        while last - first >= i32::from(self.limit) {
            first >>= 1;
            last >>= 1;
            halvings += 1;
        }
        self.coarsen(halvings);
        let len = (last - first + 1) as usize;
        let wanted = len.next_power_of_two().min(usize::from(self.limit));
        self.counts
            .reserve_exact(wanted.saturating_sub(self.counts.len()));
        if self.counts.is_empty() {
            self.offset = first;
        }
        let before = (self.offset - first) as usize;
        self.counts.splice(0..0, repeat_n(0, before));
        self.offset = first;
        self.counts.resize(len, 0);
    }

    /// Adds neighbouring buckets together, `halvings` times over.
    fn coarsen(&mut self, halvings: u8) {
        if halvings == 0 {
            return;
        }
        self.shift += halvings;
        let Some((first, last)) = self.range() else {
            return;
        };
        self.offset = first >> halvings;
        for (slot, index) in (first..=last).enumerate() {
            // The target is never beyond the slot, so nothing is overwritten before it was moved.
            let count = core::mem::take(&mut self.counts[slot]);
            self.add(index >> halvings, count);
        }
        self.counts
            .truncate(((last >> halvings) - self.offset + 1) as usize);
    }

    /// How many values were recorded.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
    /// Their sum, nanoseconds.
    #[must_use]
    pub const fn sum(&self) -> u128 {
        self.sum
    }
    /// The smallest, nanoseconds; `None` while empty.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }
    /// The largest, nanoseconds; `None` while empty.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }
    /// The average, nanoseconds rounded to the nearest; `None` while empty.
    #[must_use]
    pub fn mean(&self) -> Option<u64> {
        let count = u128::from(self.count);
        // An average of u64 values is a u64.
        (count > 0).then(|| (self.sum.saturating_add(count / 2) / count) as u64)
    }
    /// The present scale: 8 or less.
    #[must_use]
    pub fn scale(&self) -> i32 {
        SCALE - i32::from(self.shift)
    }
    /// How many values were 0.
    #[must_use]
    pub const fn zero_count(&self) -> u64 {
        self.zeros
    }
    /// Index of the first bucket of [`counts`](Self::counts).
    #[must_use]
    pub const fn offset(&self) -> i32 {
        self.offset
    }
    /// The buckets, from [`offset`](Self::offset) up; the first and last count something.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The value at quantile `q`, nanoseconds; `None` while empty.
    ///
    /// The rule is nearest rank: of the `n` values in order, the one at `ceil(q·n)`, counted from 1,
    /// with `q` limited to 0..=1. The first and the last are exact. Of the others the bucket is known,
    /// and the harmonic mean of the least and greatest value it can hold is given, which halves the
    /// error: at scale 8 it is below 0.3 %, rounding to nanoseconds included, and up to 368 ns there is none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = rank(q, self.count);
        if rank <= self.zeros {
            return Some(0);
        }
        if rank == 1 {
            return Some(self.min);
        }
        if rank == self.count {
            return Some(self.max);
        }
        let mut seen = self.zeros;
        let holder = self.counts.iter().position(|&count| {
            seen = seen.saturating_add(count);
            seen >= rank
        });
        // Saturated counts may not add up to the rank.
        let Some(slot) = holder else {
            return Some(self.max);
        };
        let bucket = self.offset + slot as i32;
        let least = self.floor_border(bucket).saturating_add(1);
        let greatest = self.floor_border(bucket + 1);
        // min may be a zero outside the buckets, or lie in this one.
        let least = least.max(self.min);
        let greatest = greatest.min(self.max);
        let (a, b) = (u128::from(least), u128::from(greatest));
        let sum = a + b;
        // 2ab would not fit for values near 2^64: a·b/(a+b) twice, rounded to the nearest.
        let half = a * b / sum;
        let rest = a * b % sum;
        let mean = 2 * half + (2 * rest + sum / 2) / sum;
        Some((mean as u64).clamp(least, greatest))
    }

    /// `floor(base^i)` at the present scale.
    fn floor_border(&self, i: i32) -> u64 {
        floor_power(i << self.shift)
    }
}

/// `ceil(q·n)`, from 1 to `n`.
fn rank(q: f64, n: u64) -> u64 {
    // 0.07 × 100 is a little above 7 in binary: without the allowance its rank would be 8.
    let exact = q.clamp(0.0, 1.0) * n as f64;
    ((exact * (1.0 - 2.0 * f64::EPSILON)).ceil() as u64).clamp(1, n)
}

#[cfg(test)]
mod tests;
