//! What this machine is, and its clocks: as records, so that who reads them elsewhere says the same.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nulltrace_core::input::made::Made;
use rustix::time::{ClockId, clock_gettime};

use crate::{clock, names};

/// Between two anchors, nanoseconds.
const MINUTE_NS: u64 = 60_000_000_000;
/// Clocks that drift by more than this against each other since the last anchor were set, or the machine slept.
const STEP_NS: i128 = 1_000_000;

/// Makes the records of the machine and its clocks when they are due.
#[derive(Debug, Default)]
pub(crate) struct Host {
    last: Option<Clocks>,
    made: Made,
}

/// The clocks at one moment, nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    monotonic: u64,
    wall: i64,
    boot: u64,
}

impl Clocks {
    fn now() -> Self {
        let wall = clock_gettime(ClockId::Realtime);
        Self {
            monotonic: clock::monotonic(),
            wall: wall
                .tv_sec
                .saturating_mul(1_000_000_000)
                .saturating_add(wall.tv_nsec),
            boot: clock::boottime(),
        }
    }

    /// Whether what these clocks say cannot be reckoned from what they said before.
    fn stepped(self, before: Self) -> bool {
        let passed = i128::from(self.monotonic) - i128::from(before.monotonic);
        let wall = i128::from(self.wall) - i128::from(before.wall);
        let boot = i128::from(self.boot) - i128::from(before.boot);
        (wall - passed).abs() > STEP_NS || (boot - passed).abs() > STEP_NS
    }
}

impl Host {
    /// Gives the records that are due: what the machine is once, its clocks each minute, when one of them was
    /// set, and after the machine slept.
    pub(crate) fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        let now = Clocks::now();
        let is_due = self.last.is_none_or(|last| {
            now.monotonic.saturating_sub(last.monotonic) >= MINUTE_NS || now.stepped(last)
        });
        if self.last.is_none() {
            let facts = facts();
            let facts = facts.iter().map(|(name, value)| (*name, value.as_str()));
            take(self.made.host(now.monotonic, facts));
            names::as_records(&mut self.made, now.monotonic, take);
        }
        if is_due {
            let Clocks {
                monotonic,
                wall,
                boot,
            } = now;
            take(self.made.clock(monotonic, wall, boot));
            self.last = Some(now);
        }
    }

    /// Gives all of it again, for a reader who begins now.
    pub(crate) fn again(&mut self, take: &mut dyn FnMut(&[u8])) {
        self.last = None;
        self.drain(take);
    }
}

/// What a reader elsewhere needs to know of this machine. What cannot be had is left out.
fn facts() -> Vec<(&'static str, String)> {
    let uname = rustix::system::uname();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let namespace = fs::metadata("/proc/self/ns/pid").ok();
    let cpus = std::thread::available_parallelism().ok();
    let zone = jiff::tz::TimeZone::system();
    let all = [
        ("architecture", Some(std::env::consts::ARCH.to_owned())),
        ("boot_id", boot_id.map(|id| id.trim().to_owned())),
        ("cpus", cpus.map(|cpus| cpus.to_string())),
        (
            "hostname",
            Some(uname.nodename().to_string_lossy().into_owned()),
        ),
        (
            "kernel",
            Some(uname.release().to_string_lossy().into_owned()),
        ),
        ("page_size", Some(rustix::param::page_size().to_string())),
        (
            "pid_namespace",
            namespace.map(|namespace| namespace.ino().to_string()),
        ),
        ("version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("zone", zone.iana_name().map(str::to_owned)),
    ];
    let known = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    known.collect()
}

#[cfg(test)]
mod tests {
    use nulltrace_core::input::event::{Event, What, pairs};

    use super::*;

    /// The host's facts, and how many anchors there were.
    fn drained(host: &mut Host) -> (Vec<(String, String)>, usize) {
        let (mut facts, mut anchors) = (Vec::new(), 0);
        host.drain(&mut |record| match Event::decode(record).unwrap().what {
            What::Host { text } => {
                let owned = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                facts.extend(pairs(text).map(|(name, value)| (owned(name), owned(value))));
            }
            What::Clock { wall, boot } => {
                assert!(wall > 0 && boot > 0);
                anchors += 1;
            }
            What::CallNames { .. } => {}
            other => panic!("{other:?}"),
        });
        (facts, anchors)
    }

    #[test]
    fn once_and_whenever_a_clock_was_set() {
        let mut host = Host::default();
        let (facts, anchors) = drained(&mut host);
        let of = |name: &str| {
            facts
                .iter()
                .find(|(of, _)| of == name)
                .map(|(_, value)| &**value)
        };
        assert_eq!(of("architecture"), Some(std::env::consts::ARCH));
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(of("kernel"), Some(release.trim()));
        assert_eq!(of("boot_id").unwrap().len(), 36);
        assert_eq!(anchors, 1);
        // Another second shows nothing new; a wall clock that was set back, or a night asleep, does.
        let last = host.last.unwrap();
        let later = |wall, boot| Clocks {
            monotonic: last.monotonic + 1_000_000_000,
            wall: last.wall + wall,
            boot: last.boot + boot,
        };
        assert!(!later(1_000_000_000, 1_000_000_000).stepped(last));
        assert!(later(-3_600_000_000_000, 1_000_000_000).stepped(last));
        assert!(later(1_000_000_000, 28_800_000_000_000).stepped(last));
        host.last = Some(Clocks {
            wall: last.wall - 5_000_000_000,
            ..last
        });
        assert_eq!(drained(&mut host), (vec![], 1));
    }
}
