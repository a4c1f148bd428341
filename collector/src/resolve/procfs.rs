//! What `/proc` says of a process.

use std::fs::File;
use std::io::Read;

use crate::clock;
use crate::namespace;
use crate::source::keeper::{Ask, Keeper};

/// No file read here is longer, or what is beyond does not matter.
const READ_MAX: u64 = 64 << 10;

/// When a process began, in clock ticks since the machine did, as `/proc` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Since(u64);

impl Since {
    /// From `CLOCK_MONOTONIC`, nanoseconds. That clock stands still while the machine sleeps: of a process
    /// that began before it last slept, the time comes out too late and fits none.
    pub(crate) fn monotonic(ns: u64) -> Self {
        let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        Self(ns.saturating_add_signed(clock::proc_ahead()) / tick)
    }

    /// Back again, right to a tick.
    pub(super) fn as_monotonic(self) -> u64 {
        let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        let ns = self.0.saturating_mul(tick);
        ns.saturating_add_signed(clock::proc_ahead().saturating_neg())
    }

    /// One tick later: the two clocks are not read at once.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The same but for a tick.
    pub(crate) fn is_about(self, other: Self) -> bool {
        self <= other.next() && other <= self.next()
    }
}

/// What of `/proc/PID/stat` is needed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) comm: Box<[u8]>,
    pub(crate) parent: u32,
    pub(crate) start: Since,
}

/// The way to `/proc`: where it hides a process, by the keeper if there is one.
#[derive(Debug, Default)]
pub(crate) struct Proc(Option<Keeper>);

impl Proc {
    pub(super) const fn new(keeper: Option<Keeper>) -> Self {
        Self(keeper)
    }

    /// `None` if there is no such process, none that may be looked at, or `/proc` knows it by another id.
    pub(crate) fn stat(&self, pid: u32) -> Option<Stat> {
        if !namespace::is_initial() {
            return None;
        }
        read_stat(&self.read(Ask::Stat(pid), format!("/proc/{pid}/stat"))?)
    }

    /// The path of a process's cgroup: that of version 2, or where it is the root, of the version 1
    /// hierarchy that says more.
    pub(super) fn cgroup(&self, pid: u32) -> Option<Box<[u8]>> {
        read_cgroup(&self.read(Ask::Cgroup(pid), format!("/proc/{pid}/cgroup"))?)
    }

    fn read(&self, ask: Ask, path: String) -> Option<Vec<u8>> {
        let file = match (File::open(path), &self.0) {
            (Ok(file), _) => file,
            (Err(_), Some(keeper)) => keeper.ask(ask)?,
            (Err(_), None) => return None,
        };
        let mut text = Vec::new();
        file.take(READ_MAX).read_to_end(&mut text).ok()?;
        Some(text)
    }
}

/// Whether `/proc` does not show this process all others.
pub(super) fn hides() -> bool {
    // Of the first process everybody may read this, where none is hidden.
    !namespace::is_initial() || File::open("/proc/1/stat").is_err()
}

fn read_stat(text: &[u8]) -> Option<Stat> {
    // A name may hold anything, brackets too.
    let begin = text.iter().position(|&byte| byte == b'(')? + 1;
    let end = text.iter().rposition(|&byte| byte == b')')?;
    let comm = text.get(begin..end)?.into();
    // After it the state, field 3, and the parent; the start is field 22.
    let fields = str::from_utf8(text.get(end + 1..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let (parent, start) = (fields.nth(4 - 3)?, fields.nth(22 - 5)?);
    Some(Stat {
        comm,
        parent: parent.parse().ok()?,
        start: Since(start.parse().ok()?),
    })
}

fn read_cgroup(text: &[u8]) -> Option<Box<[u8]>> {
    // `ID:CONTROLLERS:PATH`, of which version 2 has the ID 0 and no controllers.
    let paths = text.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut parts = line.splitn(3, |&byte| byte == b':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let rank = match controllers {
            _ if path == b"/" => 3,
            b"" => 0,
            b"name=systemd" => 1,
            _ => 2,
        };
        Some((rank, path))
    });
    paths
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, path)| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_the_fields_behind_it() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        let text = format!("77 (a) S 1 (\nb) {rest}\n");
        let stat = read_stat(text.as_bytes()).unwrap();
        assert_eq!(
            (&*stat.comm, stat.parent, stat.start),
            (&b"a) S 1 (\nb"[..], 1, Since(4242))
        );
        for bad in [
            "",
            "7 (a",
            "7 a)",
            ") (",
            "7 (a) S 1",
            "7 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x",
        ] {
            assert!(read_stat(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_cgroup_that_says_most() {
        let path = |text: &str| {
            read_cgroup(text.as_bytes()).map(|path| String::from_utf8(path.to_vec()).unwrap())
        };
        for (text, want) in [
            ("0::/system.slice/a.service\n", "/system.slice/a.service"),
            (
                "12:memory:/docker/x\n1:name=systemd:/docker/y\n0::/\n",
                "/docker/y",
            ),
            ("4:memory:/docker/x\n3:cpu,cpuacct:/\n", "/docker/x"),
            ("1:name=systemd:/a\n0::/b\n", "/b"),
            ("0::/\n", "/"),
            ("0::/with:colon\n", "/with:colon"),
        ] {
            assert_eq!(path(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(path(""), None);
        assert_eq!(path("nonsense\n:\n"), None);
    }
}
