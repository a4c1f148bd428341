//! Where records come from.

pub mod attempt;
pub mod btf;
pub mod caller;
pub mod caps;
pub mod capture;
pub mod cgroup;
pub mod ebpf;
pub(crate) mod growing;
pub mod keeper;
pub mod lent;
pub mod open;
pub mod processes;
pub mod ptrace;

use std::str::FromStr;
use std::time::Duration;
use std::{fmt, io};

use nulltrace_core::activity::Reach;
use nulltrace_core::ledger::Lost;
use serde::{Deserialize, Deserializer};

/// A source of records (`collector/bpf/records.h`), whatever makes them.
pub trait Source: Send {
    /// The backend as the JSON summary names it: `ebpf:fentry`, `ebpf:raw_tracepoint`, `ptrace`.
    fn name(&self) -> &'static str;

    /// Passes every record that is there to `sink`, each an 8-byte aligned slice, without waiting; records that come
    /// meanwhile may be included. Returns how many there were.
    ///
    /// # Errors
    /// The source is broken and will give no more.
    fn drain(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<usize>;

    /// Sleeps until records are likely there, at most `limit`.
    fn wait(&mut self, limit: Duration);

    /// Whether it sees what threads do between their markers.
    fn sees_activity(&self) -> bool {
        false
    }

    /// A thread is idle: it has no span open after the marker it wrote at `ts`, `CLOCK_MONOTONIC` nanoseconds. Its
    /// calls need not be counted until its next marker.
    fn mark_idle(&mut self, tid: u32, ts: u64) {
        let _ = (tid, ts);
    }

    /// The next drain is the last: it also reports the segments that have not ended.
    fn conclude(&mut self) {}

    /// What the source itself lost so far.
    fn lost(&self) -> Lost;

    /// Whether a process that wrote markers may be gone without its end being among the records, as the record of
    /// it may be lost. `false` where that cannot be.
    fn has_lost_sight_of(&self, pid: u32) -> bool {
        let _ = pid;
        false
    }

    /// How many processes of the traced command are still alive; `None` where that is not followed.
    fn alive(&self) -> Option<usize>;
}

/// Size of the kernel's ring buffer by default, in bytes.
pub const RING_SIZE: u32 = 16 << 20;

/// The same where every system call is reported.
const FULL_RING_SIZE: u32 = 64 << 20;

/// Which source is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The best that works.
    #[default]
    Auto,
    /// eBPF by the best hook that attaches.
    Ebpf,
    /// eBPF by function entry on the null device's own writes.
    Fentry,
    /// eBPF by the raw tracepoint of system call entry.
    RawTracepoint,
    /// ptrace with a seccomp filter.
    Ptrace,
}

impl Backend {
    /// Each by its name.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("ebpf", Self::Ebpf),
        ("ebpf:fentry", Self::Fentry),
        ("ebpf:raw_tracepoint", Self::RawTracepoint),
        ("ptrace", Self::Ptrace),
    ];
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::NAMES.iter().find(|(_, backend)| backend == self);
        f.write_str(known.map_or("auto", |(name, _)| name))
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, backend)| *backend).ok_or_else(|| {
            let mut names: Vec<_> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            let last = names.pop().unwrap_or_default();
            format!(
                "unknown backend {text:?}: write {} or {last}",
                names.join(", ")
            )
        })
    }
}

impl<'de> Deserialize<'de> for Backend {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What is seen of threads between their markers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// Nothing: only spans.
    #[default]
    Off,
    /// System calls, and time on and off the cpu, added up in the kernel from marker to marker.
    Segments,
    /// These, and beside them each system call by itself.
    Full(Full),
}

/// How many bytes of what a call read or wrote may be reported with it.
pub const SNAPLEN_MAX: u32 = 4096;

/// Of which threads every system call is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Of those that have a span open.
    Spans,
    /// Of all that are traced.
    All,
}

impl Activity {
    /// Each by its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("off", Self::Off),
        ("segments", Self::Segments),
        ("full", Self::Full(Full::All)),
        ("full=spans", Self::Full(Full::Spans)),
    ];

    /// Of which threads every call is reported, if of any.
    #[must_use]
    pub const fn full(self) -> Option<Full> {
        match self {
            Self::Full(full) => Some(full),
            Self::Off | Self::Segments => None,
        }
    }

    /// Size of the kernel's ring buffer by default, in bytes.
    #[must_use]
    pub const fn ring_size(self) -> u32 {
        match self {
            Self::Off | Self::Segments => RING_SIZE,
            Self::Full(_) => FULL_RING_SIZE,
        }
    }
}

impl FromStr for Activity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, activity)| *activity).ok_or_else(|| {
            format!("unknown activity {text:?}: write off, segments, full or full=spans")
        })
    }
}

impl<'de> Deserialize<'de> for Activity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What the kernel does that is reported one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelEvents {
    /// Requests to block devices.
    pub block: bool,
    /// Interrupts.
    pub irq: bool,
}

impl KernelEvents {
    /// Whether anything is.
    #[must_use]
    pub const fn any(self) -> bool {
        self.block || self.irq
    }
}

impl Observed {
    /// The option that eBPF only can do, if one was given.
    #[must_use]
    pub const fn only_ebpf(self) -> Option<&'static str> {
        match (self.activity.full(), self.kernel.any()) {
            (Some(_), _) => Some("--full"),
            (None, true) => Some("--kernel"),
            (None, false) => None,
        }
    }
}

/// What is observed between markers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    /// How closely.
    pub activity: Activity,
    /// How many bytes of what each call read or wrote are kept, where each is reported.
    pub snaplen: u32,
    /// What of the kernel's own doings.
    pub kernel: KernelEvents,
    /// Whose activity counts toward a span.
    pub inside: Reach,
    /// The keeper's process, whose activity counts toward none; 0 if there is no keeper.
    pub keeper: u32,
}

/// Whose markers count: everybody's, or those of one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// These processes, by their ids in the initial namespace, and all their descendants.
    pub pids: Vec<u32>,
    /// Threads of this real user id.
    pub uid: Option<u32>,
    /// This cgroup, a path below the cgroup v2 root, and all below it.
    pub cgroup: Option<String>,
}
