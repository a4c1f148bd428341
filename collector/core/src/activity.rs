//! What the kernel did inside spans: time on and off the cpu, and system calls.
//!
//! The kernel adds up what a thread does between two of its markers, a *segment*. The spans that are
//! open do not change within one, so a segment belongs to each of them, and to the innermost as its
//! own. A span's own thread is the one that opened it; by choice ([`Reach`]) it has what others did too.
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

use std::sync::Arc;

use crate::file::File;
use crate::process::Process;
use crate::record::{BUCKETS, CallsRecord, ERRORS, SegmentRecord};
use crate::span::TagPath;

/// How many of the open spans that it lies in, from the innermost, a segment is added to. Segments that
/// lay in more are counted as `lost.depth`.
pub const DEPTH_MAX: usize = 64;

/// Whose doings belong to a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those of the thread that opened it.
    #[default]
    Thread,
    /// Those of all threads of the process that opened it.
    Process,
    /// Those of that process, its parent, its children, and all with the same parent: a script's shell and
    /// its commands, whichever of them wrote the markers.
    Script,
    /// Everybody's.
    Machine,
}

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
    /// Of which outside system calls, mostly in page faults.
    pub fault: u64,
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

    /// Adds all that `other` counted.
    pub fn add(&mut self, other: &Self) {
        let Self {
            wall,
            kernel,
            runnable,
            blocked,
            fault,
            voluntary,
            involuntary,
            minor,
            major,
        } = *other;
        for (own, others) in [
            (&mut self.wall, wall),
            (&mut self.kernel, kernel),
            (&mut self.runnable, runnable),
            (&mut self.blocked, blocked),
            (&mut self.fault, fault),
            (&mut self.voluntary, voluntary),
            (&mut self.involuntary, involuntary),
            (&mut self.minor, minor),
            (&mut self.major, major),
        ] {
            *own = own.saturating_add(others);
        }
    }
}

impl From<&SegmentRecord> for Times {
    fn from(of: &SegmentRecord) -> Self {
        Self {
            wall: of.head.ts.saturating_sub(of.since),
            kernel: of.kernel,
            runnable: of.runnable,
            blocked: of.blocked,
            fault: of.fault,
            voluntary: of.voluntary.into(),
            involuntary: of.involuntary.into(),
            minor: of.minor.into(),
            major: of.major.into(),
        }
    }
}

impl core::str::FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "thread" => Ok(Self::Thread),
            "process" => Ok(Self::Process),
            "script" => Ok(Self::Script),
            "machine" => Ok(Self::Machine),
            _ => Err(format!(
                "a span has not what {text:?} does: write thread, process, script or machine"
            )),
        }
    }
}

/// What a thread did in one segment, and where.
#[derive(Clone, Copy, Debug)]
pub struct Inside<'a> {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// What is known of the process.
    pub process: Option<&'a Process>,
    /// The paths of the spans it lay in, each once, the innermost first; none outside of spans.
    pub paths: &'a [&'a Arc<TagPath>],
    /// A span has what others than its thread did too: no [`Closed`](crate::span::Closed) tells its times,
    /// which are those of its path.
    pub wide: bool,
    /// Where the time went.
    pub times: &'a Times,
    /// The system calls, by number and file.
    pub calls: &'a [CallsRecord],
    /// The file of each of `calls`; `None` where it has none.
    pub files: &'a [Option<Arc<File>>],
}

/// The time of one span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanTimes {
    /// While it was the innermost of its thread.
    pub own: Times,
    /// While it was open.
    pub all: Times,
}

impl SpanTimes {
    /// No time.
    pub const NONE: Self = Self {
        own: Times::NONE,
        all: Times::NONE,
    };

    /// Adds all that `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.own.add(&other.own);
        self.all.add(&other.all);
    }
}

/// System calls of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// How many there were.
    pub count: u64,
    /// From entry to return, nanoseconds, summed.
    pub time: u64,
    /// Of which asleep.
    pub blocked: u64,
    /// Of which waiting for a cpu.
    pub runnable: u64,
    /// What the calls say they moved.
    pub bytes: u64,
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
        Self {
            count: 0,
            time: 0,
            blocked: 0,
            runnable: 0,
            bytes: 0,
            min: u64::MAX,
            max: 0,
            errors: [0; ERRORS],
            buckets: [0; BUCKETS],
        }
    }
}

impl CallStats {
    /// The time per call, 0 if there was none.
    #[must_use]
    pub fn mean(&self) -> u64 {
        self.time.checked_div(self.count).unwrap_or(0)
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
        for (own, others) in [
            (&mut self.count, of.count.into()),
            (&mut self.time, of.time),
            (&mut self.blocked, of.blocked),
            (&mut self.runnable, of.runnable),
            (&mut self.bytes, of.bytes),
        ] {
            *own = own.saturating_add(others);
        }
        self.min = self.min.min(of.min);
        self.max = self.max.max(of.max);
        add(&mut self.errors, of.errors.map(u64::from));
        add(&mut self.buckets, of.buckets.map(u64::from));
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.count, other.count),
            (&mut self.time, other.time),
            (&mut self.blocked, other.blocked),
            (&mut self.runnable, other.runnable),
            (&mut self.bytes, other.bytes),
        ] {
            *own = own.saturating_add(others);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        add(&mut self.errors, other.errors);
        add(&mut self.buckets, other.buckets);
    }
}

fn add<const N: usize>(own: &mut [u64; N], others: [u64; N]) {
    for (own, others) in own.iter_mut().zip(others) {
        *own = own.saturating_add(others);
    }
}

/// The system calls of one tag path, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Sorted by number, of which a kernel has some hundreds.
    by_number: Vec<(u32, Both)>,
    wall: u64,
}

/// What was called inside, and what of it in no inner span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Both {
    /// In the span itself.
    pub own: CallStats,
    /// In it and all inside.
    pub all: CallStats,
}

/// Numbers a [`Calls`] tells apart; no kernel has as many.
const NUMBERS_MAX: usize = 1024;

impl Calls {
    /// No calls.
    pub const NONE: Self = Self {
        by_number: Vec::new(),
        wall: 0,
    };

    /// Every number, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Both)> {
        self.by_number.iter().map(|(nr, both)| (*nr, both))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Time of the segments these are of, nanoseconds: what a call's time is a part of.
    #[must_use]
    pub const fn wall(&self) -> u64 {
        self.wall
    }

    /// Adds the calls of a segment that lasted for `wall`.
    pub fn push(&mut self, calls: &[CallsRecord], wall: u64, own: bool) {
        self.wall = self.wall.saturating_add(wall);
        for of in calls.iter().filter(|of| of.count > 0) {
            if let Some(both) = self.of(of.nr) {
                both.all.push(of);
                if own {
                    both.own.push(of);
                }
            }
        }
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.wall = self.wall.saturating_add(other.wall);
        for (nr, others) in other.iter() {
            if let Some(both) = self.of(nr) {
                both.all.merge(&others.all);
                both.own.merge(&others.own);
            }
        }
    }

    /// `None` only for numbers no kernel has.
    fn of(&mut self, nr: u32) -> Option<&mut Both> {
        let at = match self.by_number.binary_search_by_key(&nr, |(nr, _)| *nr) {
            Ok(at) => at,
            Err(_) if self.by_number.len() >= NUMBERS_MAX => return None,
            Err(at) => {
                self.by_number.insert(at, (nr, Both::default()));
                at
            }
        };
        Some(&mut self.by_number[at].1)
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

    #[test]
    fn merging_is_pushing() {
        let parts = [calls(1, &[5, 700]), calls(0, &[9]), calls(1, &[100_000])];
        let mut whole = Calls::default();
        let mut sum = Calls::default();
        for (i, part) in parts.iter().enumerate() {
            let mut one = Calls::default();
            one.push(&[*part], 10, i == 0);
            sum.merge(&one);
            whole.push(&[*part], 10, i == 0);
        }
        assert_eq!(sum, whole);
        assert_eq!(whole.wall(), 30);
        let found: Vec<_> = whole
            .iter()
            .map(|(nr, both)| (nr, both.all.count, both.own.count))
            .collect();
        assert_eq!(found, [(0, 1, 0), (1, 3, 2)]);
    }
}
