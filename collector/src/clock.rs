//! The clock of every record: that of the machine, which the kernel programs read. This process may be in a time
//! namespace, where its clocks are ahead of it or behind.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use nulltrace_core::measure::slowest::Anchor;
use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` of the machine in nanoseconds.
#[must_use]
pub fn monotonic() -> u64 {
    here(ClockId::Monotonic).saturating_add_signed(-OFFSETS.monotonic)
}

/// `CLOCK_BOOTTIME` of the machine in nanoseconds.
pub(crate) fn boottime() -> u64 {
    here(ClockId::Boottime).saturating_add_signed(-OFFSETS.boottime)
}

/// By how much `CLOCK_BOOTTIME` as `/proc` has it for this process is ahead of [`monotonic`]: for how long the machine
/// slept, and what the time namespace adds.
///
/// It changes only when the machine sleeps. A process is known by when it began, so that must not change by the
/// nanoseconds between the readings of two clocks.
pub(crate) fn proc_ahead() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(i64::MIN);
    loop {
        let before = monotonic();
        let ahead = here(ClockId::Boottime).wrapping_sub(before).cast_signed();
        let last = LAST.load(Relaxed);
        if ahead.abs_diff(last) < SLEEP_NS {
            return last;
        }
        // Unless this thread was kept from running between the two, it is another.
        if monotonic() - before < SLEEP_NS {
            LAST.store(ahead, Relaxed);
            return ahead;
        }
    }
}

/// No machine sleeps for less.
const SLEEP_NS: u64 = 10_000_000;

/// A clock as this process has it.
fn here(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// What a time namespace adds to the machine's clocks, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offsets {
    monotonic: i64,
    boottime: i64,
}

static OFFSETS: LazyLock<Offsets> = LazyLock::new(|| {
    let namespace = |of: &str| fs::metadata(format!("/proc/self/ns/{of}")).map(|of| of.ino());
    // The offsets that can be read are those that children will have.
    match (namespace("time"), namespace("time_for_children")) {
        (Ok(own), Ok(children)) if own == children => {
            let text = fs::read_to_string("/proc/self/timens_offsets");
            Offsets::read(&text.unwrap_or_default())
        }
        _ => Offsets::default(),
    }
});

impl Offsets {
    /// Lines of a clock, seconds, which may be negative, and nanoseconds.
    fn read(text: &str) -> Self {
        let of = |clock: &str| -> Option<i64> {
            let line = text.lines().find(|line| line.starts_with(clock))?;
            let mut fields = line.split_ascii_whitespace().skip(1);
            let (seconds, ns) = (fields.next()?, fields.next()?);
            let seconds: i64 = seconds.parse().ok()?;
            let ns: i64 = ns.parse().ok()?;
            seconds.checked_mul(1_000_000_000)?.checked_add(ns)
        };
        Self {
            monotonic: of("monotonic").unwrap_or(0),
            boottime: of("boottime").unwrap_or(0),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_process_began_is_always_the_same() {
        let first = proc_ahead();
        assert!((0..10_000).all(|_| proc_ahead() == first));
    }

    #[test]
    fn offsets_as_the_kernel_reports_them() {
        let text = "monotonic      -5 999999999\nboottime   100000         1\n";
        let offsets = Offsets {
            monotonic: -4_000_000_001,
            boottime: 100_000_000_000_001,
        };
        assert_eq!(Offsets::read(text), offsets);
        assert_eq!(Offsets::read(""), Offsets::default());
        assert_eq!(Offsets::read("monotonic x 0\n"), Offsets::default());
    }
}
