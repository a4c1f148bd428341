//! Records that are made outside of the kernel: names, host, clocks, losses. With the kernel's own they say all that
//! is known, so that every reader of the same records says the same, on any machine.
//!
//! ```
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::input::made::Made;
//!
//! let mut made = Made::default();
//! let record = made.user(5_000, 1000, b"ann");
//! let event = Event::decode(record).unwrap();
//! assert_eq!(event.ts, 5_000);
//! assert_eq!(event.what, What::User { uid: 1000, name: b"ann" });
//! ```

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::full::{KIND_SYSCALL, SyscallRecord, TEXT_CUT, Text, TextRecord};
use super::joined::{KIND_LEFT_OUT, KIND_NEXT_SPAN, LeftOutRecord, NextSpanRecord};
use super::record::{COMM_LEN, Head};
use super::write::{Room, padded};
use crate::count::Count;

/// `Head::kind` of a [`UserRecord`], which the name follows.
pub const KIND_USER: u8 = 32;
/// `Head::kind` of a [`ParentRecord`].
pub const KIND_PARENT: u8 = 33;
/// `Head::kind` of a [`MemberRecord`], which the path follows.
pub const KIND_MEMBER: u8 = 34;
/// `Head::kind` of a [`GoneRecord`].
pub const KIND_GONE: u8 = 35;
/// `Head::kind` of what a machine is: names and values follow, each ended by a NUL.
pub const KIND_HOST: u8 = 36;
/// `Head::kind` of a [`ClockRecord`].
pub const KIND_CLOCK: u8 = 37;
/// `Head::kind` of counters of losses: [`LossRecord`]s follow.
pub const KIND_LOSSES: u8 = 38;

/// `Head::kind` of what a recording is: names and values follow, each ended by a NUL.
pub const KIND_RUN: u8 = 39;
/// `Head::kind` of names of system calls: numbers and names follow, each ended by a NUL. There are as many of these
/// records as the table takes.
pub const KIND_CALL_NAMES: u8 = 40;
/// `Head::kind` of what is known of a container: its id, name and image follow, each ended by a NUL.
pub const KIND_CONTAINER: u8 = 41;
/// The longest text of one of these records, in bytes; what is longer is cut.
pub const TEXT_MAX: usize = 4096;

/// The name of a user, which follows; none follows where the user has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct UserRecord {
    /// When it was looked up.
    pub head: Head,
    /// User id.
    pub uid: u32,
    /// Zero.
    pub reserved: u32,
}

/// What `/proc` says of a process that the kernel programs did not see begin, an ancestor of one they watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ParentRecord {
    /// The process, and when it was read.
    pub head: Head,
    /// When it began, `CLOCK_MONOTONIC` nanoseconds, right to a clock tick; `u64::MAX` where there is no such
    /// process, or it cannot be read.
    pub start: u64,
    /// Process id of its parent.
    pub ppid: u32,
    /// Zero.
    pub reserved: u32,
    /// Command name, NUL padded.
    pub comm: [u8; COMM_LEN],
}

/// The cgroup of a process, where the kernel programs cannot read it: in hierarchies of version 1. The path
/// follows; none follows where it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct MemberRecord {
    /// The process, and when it was read.
    pub head: Head,
    /// When it began, as its [`ProcessRecord`](super::record::ProcessRecord) says.
    pub start: u64,
}

/// A process is gone, and its end was not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GoneRecord {
    /// The process, and when it was not found.
    pub head: Head,
}

/// One moment by three clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ClockRecord {
    /// `CLOCK_MONOTONIC` is in here.
    pub head: Head,
    /// `CLOCK_REALTIME`, nanoseconds since 1970.
    pub wall: i64,
    /// `CLOCK_BOOTTIME`, nanoseconds: with the time in which the machine slept.
    pub boot: u64,
}

/// How much was lost so far for one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct LossRecord {
    /// The cause as [`Lost::causes`](crate::ledger::Lost::causes) names it, NUL padded.
    pub cause: [u8; 24],
    /// How much; `u64::MAX` where that could not be read.
    pub count: u64,
}

impl LossRecord {
    /// For a cause by its name.
    #[must_use]
    pub fn of((cause, count): (&str, Count)) -> Self {
        let known = count.known().map(|count| count.min(u64::MAX - 1));
        Self {
            cause: padded(cause.as_bytes()),
            count: known.unwrap_or(u64::MAX),
        }
    }

    /// How much, if that is known.
    #[must_use]
    pub fn known(&self) -> Option<u64> {
        (self.count != u64::MAX).then_some(self.count)
    }
}

/// Makes such records, each in the same room.
#[derive(Debug, Default)]
pub struct Made {
    room: Room,
}

impl Made {
    /// The name of a user; empty if there is none.
    pub fn user(&mut self, ts: u64, uid: u32, name: &[u8]) -> &[u8] {
        let record = UserRecord {
            head: Head::of(ts, 0, 0),
            uid,
            reserved: 0,
        };
        self.make(KIND_USER, &record, name)
    }

    /// What `/proc` says of a process: when it began, its parent and name. `None` where it says nothing.
    pub fn parent(&mut self, ts: u64, pid: u32, found: Option<(u64, u32, &[u8])>) -> &[u8] {
        let (start, ppid, name) = found.unwrap_or((u64::MAX, 0, b""));
        let record = ParentRecord {
            head: Head::of(ts, pid, pid),
            start,
            ppid,
            reserved: 0,
            comm: padded(name),
        };
        self.make(KIND_PARENT, &record, b"")
    }

    /// The cgroup of the process `pid` that began at `start`; empty if it is not known.
    pub fn member(&mut self, ts: u64, pid: u32, start: u64, path: &[u8]) -> &[u8] {
        let head = Head::of(ts, pid, pid);
        self.make(KIND_MEMBER, &MemberRecord { head, start }, path)
    }

    /// A process is gone.
    pub fn gone(&mut self, ts: u64, pid: u32) -> &[u8] {
        let head = Head::of(ts, pid, pid);
        self.make(KIND_GONE, &GoneRecord { head }, b"")
    }

    /// What the machine is, by names of which each reader takes those that it knows.
    pub fn host<'a>(
        &mut self,
        ts: u64,
        facts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> &[u8] {
        self.pairs(KIND_HOST, ts, facts)
    }

    /// What a recording is, when it begins and when it ends, in the same way.
    pub fn run<'a>(
        &mut self,
        ts: u64,
        facts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> &[u8] {
        self.pairs(KIND_RUN, ts, facts)
    }

    /// Names of system calls, by their numbers, as far as [`TEXT_MAX`] goes.
    pub fn call_names<'a>(
        &mut self,
        ts: u64,
        names: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> &[u8] {
        self.pairs(KIND_CALL_NAMES, ts, names)
    }

    /// What is known of a container; empty what is not.
    pub fn container(&mut self, ts: u64, id: &[u8], name: &[u8], image: &[u8]) -> &[u8] {
        let mut text = Vec::new();
        for part in [id, name, image] {
            text.extend(part.iter().filter(|byte| **byte != 0));
            text.push(0);
        }
        self.make(KIND_CONTAINER, &Head::of(ts, 0, 0), &text)
    }

    fn pairs<'a>(
        &mut self,
        kind: u8,
        ts: u64,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> &[u8] {
        let mut text = Vec::new();
        for part in pairs.into_iter().flat_map(|(name, value)| [name, value]) {
            text.extend(part.bytes().filter(|&byte| byte != 0));
            text.push(0);
        }
        self.make(kind, &Head::of(ts, 0, 0), &text)
    }

    /// One moment by three clocks.
    pub fn clock(&mut self, monotonic: u64, wall: i64, boot: u64) -> &[u8] {
        let head = Head::of(monotonic, 0, 0);
        self.make(KIND_CLOCK, &ClockRecord { head, wall, boot }, b"")
    }

    /// What was lost so far, by cause; `None` where that could not be read.
    pub fn losses<'a>(
        &mut self,
        ts: u64,
        causes: impl IntoIterator<Item = (&'a str, Option<u64>)>,
    ) -> &[u8] {
        let mut bytes = Vec::new();
        for (name, count) in causes {
            bytes.extend_from_slice(LossRecord::of((name, count.into())).as_bytes());
        }
        self.make(KIND_LOSSES, &Head::of(ts, 0, 0), &bytes)
    }

    /// For so long the thread did what is left out.
    pub fn left_out(&mut self, ts: u64, (pid, tid): (u32, u32), wall: u64) -> &[u8] {
        let head = Head::of(ts, pid, tid);
        self.make(KIND_LEFT_OUT, &LeftOutRecord { head, wall }, b"")
    }

    /// The span that is opened next has this sequence number.
    pub fn next_span(&mut self, ts: u64, seq: u64) -> &[u8] {
        let head = Head::of(ts, 0, 0);
        self.make(KIND_NEXT_SPAN, &NextSpanRecord { head, seq }, b"")
    }

    /// A system call and what its arguments point to, as the kernel reports it: for tests and generators. A text of a
    /// kind that is not known is left out, and what is longer than a record can be.
    pub fn syscall(&mut self, mut call: SyscallRecord, texts: &[Text<'_>]) -> &[u8] {
        let most = usize::from(u16::MAX) - size_of::<SyscallRecord>();
        let mut behind = Vec::new();
        for text in texts {
            let size = u16::try_from(text.bytes.len());
            let room = most - behind.len() >= size_of::<TextRecord>() + text.bytes.len();
            if let (Some(kind), Ok(size), true) = (text.kind, size, room) {
                let kind = kind as u8 | if text.cut { TEXT_CUT } else { 0 };
                let arg = text.arg;
                behind.extend_from_slice(TextRecord { arg, kind, size }.as_bytes());
                behind.extend_from_slice(text.bytes);
            }
        }
        call.texts = u16::try_from(behind.len()).unwrap_or(u16::MAX);
        self.room
            .record(KIND_SYSCALL, &call, &[&behind])
            .unwrap_or_default()
    }

    /// Text that is longer than [`TEXT_MAX`] is cut, so that every record has room for its size.
    fn make(&mut self, kind: u8, fixed: &(impl IntoBytes + Immutable), text: &[u8]) -> &[u8] {
        let text = text.get(..TEXT_MAX).unwrap_or(text);
        self.room.record(kind, fixed, &[text]).unwrap_or_default()
    }
}
