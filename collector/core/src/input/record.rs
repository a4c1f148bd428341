//! The kernel's records: the bytes of ring-buffer samples, read in place.
//!
//! The layout is `collector/bpf/records.h`; the sizes and offsets are asserted
//! here at compile time and compared with the compiled object by a test.

use core::mem::{offset_of, size_of};
use core::sync::atomic::{AtomicU32, AtomicU64};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How much of one marker write is read, in bytes.
pub const PAYLOAD_MAX: usize = nulltrace_spec::MARKER_MAX;
/// How long an unfinished marker waits for its next part, in nanoseconds.
pub const FRAGMENT_NS: u64 = nulltrace_spec::FRAGMENT_NS;
/// Length of a command name with its padding.
pub const COMM_LEN: usize = 16;
/// Length of an executable's file name with its padding.
pub const EXE_LEN: usize = 64;
/// The longest text of a file or cgroup, in bytes.
pub const NAMES_MAX: usize = 1024;
/// How much of a command line is reported, in bytes.
pub const COMMAND_MAX: usize = 512;
/// How many kinds of calls of a segment are distinguished, by number and file.
pub const CALLS_MAX: usize = 32;
/// Buckets of a call's duration: bucket i holds 2^(i+7) to 2^(i+8) ns, the first and the last are open.
pub const BUCKETS: usize = 24;
/// Which of [`CallsRecord::buckets`] counts a call that took so long.
pub(crate) fn bucket(ns: u64) -> usize {
    match (ns >> 8).checked_ilog2() {
        Some(log) => (log as usize + 1).min(BUCKETS - 1),
        None => 0,
    }
}

/// Classes of errors, `enum nt_error`.
pub const ERRORS: usize = 6;
/// The longest record.
pub const RECORD_MAX: usize =
    size_of::<SegmentRecord>() + (CALLS_MAX + 1) * size_of::<CallsRecord>();

/// `Head::kind` of a write to the null device.
pub const KIND_WRITE: u8 = 1;
/// `Head::kind` of a [`ProcessRecord`].
pub const KIND_PROCESS: u8 = 2;
/// `Head::kind` of a [`ForkRecord`].
pub const KIND_FORK: u8 = 3;
/// `Head::kind` of an [`ExitRecord`].
pub const KIND_EXIT: u8 = 4;
/// `Head::kind` of a [`SegmentRecord`], which [`CallsRecord`]s follow.
pub const KIND_SEGMENT: u8 = 5;

/// `Head::kind` of a [`FileRecord`], which its names follow.
pub const KIND_FILE: u8 = 6;
/// `Head::kind` of a command line: the arguments follow, each ended by a NUL.
pub const KIND_COMMAND: u8 = 7;
/// `Head::kind` of a [`CgroupRecord`], which its names follow.
pub const KIND_CGROUP: u8 = 8;
/// `Head::kind` of a [`SegmentRecord`] of a segment that has not ended, which [`CallsRecord`]s follow. What it
/// reports is reported again by later ones and at the end.
pub const KIND_SO_FAR: u8 = 9;

/// `Head::kind` of a [`LayoutRecord`](super::layout::LayoutRecord), which
/// [`KindLayout`](super::layout::KindLayout)s follow.
pub const KIND_LAYOUT: u8 = 48;
/// The kinds that only [snapshots](super::snapshot) have.
pub const SNAPSHOT_KINDS: core::ops::RangeInclusive<u8> = 49..=58;

/// The write was longer than [`PAYLOAD_MAX`]: behind the payload follows by how many bytes, a `u64`.
pub const FLAG_CUT: u8 = 1;
/// The write begins like no marker; it may continue a fragment.
pub const FLAG_CONT: u8 = 2;
/// The process record was sent by exec, not by first sight. All other threads of the process have ended;
/// [`Head::tid`] is the one that called exec, which has the process's id from here on.
pub const FLAG_EXEC: u8 = 4;
/// The exit is that of the process's last thread.
pub const FLAG_GROUP: u8 = 8;
/// There was more text of a file, command line or cgroup.
pub const FLAG_SHORTENED: u8 = 16;
/// No name leads to the file any more, or none ever did.
pub const FLAG_DELETED: u8 = 32;
/// A Unix socket without a name of its own: the name is that of its peer.
pub const FLAG_PEERS: u8 = 64;
/// Of a [`SegmentRecord`]: a marker ended it, whose write is the next record of the thread.
pub const FLAG_AT_MARKER: u8 = 1;
/// Of a [`SegmentRecord`]: the return of a system call ended it.
pub const FLAG_AT_RETURN: u8 = 2;

/// [`CallsRecord::nr`]: the number is one of the table for 32-bit callers.
pub const CALLS_COMPAT: u32 = 1 << 31;
/// [`CallsRecord::flags`]: the bytes were read from the file.
pub const CALLS_IN: u32 = 1;
/// [`CallsRecord::flags`]: the bytes were written to the file.
pub const CALLS_OUT: u32 = 2;
/// [`CallsRecord::flags`]: these calls are counted already, with the other of their two files.
pub const CALLS_AGAIN: u32 = 4;
/// [`CallsRecord::flags`]: one call that did not return yet, which is not counted, only its time so far.
pub const CALLS_IN_PROGRESS: u32 = 8;
/// [`CallsRecord::flags`]: no calls; for so long the thread was held, in the time of [`SegmentRecord::fault`].
/// [`CallsRecord::nr`] says by what: 0 a signal, 1 a tracer, 2 a freezer.
pub const CALLS_HELD: u32 = 64;
/// [`CallsRecord::flags`]: no calls; so much time of those that were [`CALLS_IN_PROGRESS`] is of calls that have
/// returned. No record of the kernel has it.
pub const CALLS_RETURNED: u32 = 16;

/// The beginning of every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Head {
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub ts: u64,
    /// Thread group id in the initial pid namespace.
    pub pid: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// Bytes of the whole record, head included.
    pub size: u16,
    /// One of the `KIND_` constants.
    pub kind: u8,
    /// A set of `FLAG_` constants.
    pub flags: u8,
    /// How many markers the thread has written, that of a `KIND_WRITE` included, those that were lost too;
    /// 0 where it is not known.
    pub number: u32,
}

/// The records of one ring-buffer sample: one, or some that stand one behind the other.
#[derive(Clone, Debug)]
pub struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    /// Those of `sample`, which must be 8-byte aligned as the ring's are.
    #[must_use]
    pub const fn of(sample: &'a [u8]) -> Self {
        Self(sample)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    /// Bytes whose head says more than there is, or less than a head, are given as they are, for
    /// [`Event::decode`](crate::input::event::Event::decode) to refuse.
    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let size = match Head::ref_from_prefix(self.0) {
            Ok((head, _)) if usize::from(head.size) >= size_of::<Head>() => head.size.into(),
            _ => self.0.len(),
        };
        let (record, rest) = self.0.split_at_checked(size).unwrap_or((self.0, &[]));
        self.0 = rest;
        Some(record)
    }
}

/// Facts of a process: at its first marker, and at each exec after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ProcessRecord {
    /// Whose facts these are.
    pub head: Head,
    /// When the process began, `CLOCK_MONOTONIC` nanoseconds.
    pub start: u64,
    /// cgroup v2 id, 0 where there is none.
    pub cgroup: u64,
    /// Process id of the parent.
    pub ppid: u32,
    /// Real user id.
    pub uid: u32,
    /// Command name, NUL padded.
    pub comm: [u8; COMM_LEN],
    /// File name of the executable, NUL padded.
    pub exe: [u8; EXE_LEN],
}

/// A traced process made a child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ForkRecord {
    /// The parent.
    pub head: Head,
    /// Process id of the child.
    pub child: u32,
    /// Zero.
    pub reserved: u32,
}

/// A thread that wrote markers ended, or its whole process did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ExitRecord {
    /// Who ended.
    pub head: Head,
    /// As wait(2) gives it: the signal in the low 7 bits, the status above.
    pub code: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a thread did between two of its markers, or a part of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SegmentRecord {
    /// The thread, and when the segment ended.
    pub head: Head,
    /// When it began.
    pub since: u64,
    /// On a cpu in system calls, nanoseconds.
    pub kernel: u64,
    /// Waiting for a cpu.
    pub runnable: u64,
    /// Asleep.
    pub blocked: u64,
    /// Of which outside system calls.
    pub fault: u64,
    /// Time of the calls there was no room for.
    pub other_time: u64,
    /// How many those were.
    pub other: u32,
    /// Context switches to sleep.
    pub voluntary: u32,
    /// Context switches by preemption.
    pub involuntary: u32,
    /// Page faults that needed no I/O.
    pub minor: u32,
    /// Page faults that did.
    pub major: u32,
    /// How many [`CallsRecord`]s follow.
    pub calls: u32,
}

/// Time in which a thread was held, and neither ran nor waited for anything: that of [`CALLS_HELD`]. Nanoseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Stops {
    /// Stopped by a signal, until `SIGCONT`.
    pub stopped: u64,
    /// Stopped by a debugger or tracer.
    pub traced: u64,
    /// Frozen, with its cgroup or all of the machine.
    pub frozen: u64,
}

impl Stops {
    /// No time.
    pub const NONE: Self = Self {
        stopped: 0,
        traced: 0,
        frozen: 0,
    };

    /// That of a segment's calls, no more than `most` of it.
    #[must_use]
    pub fn of(calls: &[CallsRecord], most: u64) -> Self {
        let of = |nr| {
            let held = calls.iter().filter(|call| call.is_held() && call.nr == nr);
            held.map(|call| call.time).fold(0, u64::saturating_add)
        };
        let stops = Self {
            stopped: of(0),
            traced: of(1),
            frozen: of(2),
        };
        stops.within(most)
    }

    /// No more than `most` of it.
    #[must_use]
    pub fn within(self, mut most: u64) -> Self {
        self.map(|time| {
            let taken = time.min(most);
            most -= taken;
            taken
        })
    }

    /// All of it.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.stopped
            .saturating_add(self.traced)
            .saturating_add(self.frozen)
    }

    /// Of each kind what `with` makes of it.
    #[must_use]
    pub fn map(self, mut with: impl FnMut(u64) -> u64) -> Self {
        Self {
            stopped: with(self.stopped),
            traced: with(self.traced),
            frozen: with(self.frozen),
        }
    }

    /// Of each kind what `with` makes of it and `other`'s.
    #[must_use]
    pub fn zip(self, other: Self, mut with: impl FnMut(u64, u64) -> u64) -> Self {
        Self {
            stopped: with(self.stopped, other.stopped),
            traced: with(self.traced, other.traced),
            frozen: with(self.frozen, other.frozen),
        }
    }
}

/// Which file: the same for all who have it open, sockets, pipes and the kernel's anonymous files too.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FileId {
    /// Inode number.
    pub ino: u64,
    /// Device of the file system, as the kernel has it: `major << 20 | minor`.
    pub dev: u32,
    /// Inode numbers are used again, and all anonymous files share one: this distinguishes them.
    pub generation: u32,
}

impl FileId {
    /// No file.
    pub const NONE: Self = Self {
        ino: 0,
        dev: 0,
        generation: 0,
    };

    /// Whether it stands for all the files there was no room for.
    #[must_use]
    pub const fn is_other(&self) -> bool {
        self.ino == u64::MAX
    }
}

/// What a file is. Its names follow: path components from the last to the first, each ended by a NUL, or
/// the `sun_path` of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FileRecord {
    /// Who used it first.
    pub head: Head,
    /// Which file.
    pub id: FileId,
    /// Kind of its file system, as in `linux/magic.h`.
    pub magic: u32,
    /// Number of a device: `major << 20 | minor`.
    pub rdev: u32,
    /// Mode of the inode.
    pub mode: u16,
    /// Address family of a socket; 0 for what is none.
    pub family: u16,
    /// Type of a socket, `SOCK_STREAM` and so on.
    pub type_: u16,
    /// Protocol of a socket, `IPPROTO_TCP` and so on.
    pub protocol: u16,
    /// Port of this end.
    pub local_port: u16,
    /// Port of the other end; 0 if there is none.
    pub remote_port: u16,
    /// Bytes of names that follow.
    pub names: u32,
    /// Address of this end, 4 or 16 bytes in network order.
    pub local: [u8; 16],
    /// Address of the other end.
    pub remote: [u8; 16],
}

/// The path of a cgroup. Its names follow, from the last to the first, each ended by a NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CgroupRecord {
    /// Who was seen in it first.
    pub head: Head,
    /// cgroup v2 id.
    pub id: u64,
    /// Bytes of names that follow.
    pub names: u32,
    /// Zero.
    pub reserved: u32,
}

/// The calls of one number on one file in one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CallsRecord {
    /// The file they were made on; [`FileId::NONE`] where there is none, and [`FileId::is_other`] for those
    /// there was no room for.
    pub file: FileId,
    /// From entry to return, nanoseconds, summed.
    pub time: u64,
    /// Of which asleep.
    pub blocked: u64,
    /// Of which waiting for a cpu.
    pub runnable: u64,
    /// What the calls say they moved.
    pub bytes: u64,
    /// The shortest call.
    pub min: u64,
    /// The longest.
    pub max: u64,
    /// System call, in the machine's own table or, with [`CALLS_COMPAT`], that for 32-bit callers.
    pub nr: u32,
    /// How many there were.
    pub count: u32,
    /// How many failed, by class.
    pub errors: [u32; ERRORS],
    /// How many lasted how long.
    pub buckets: [u32; BUCKETS],
    /// A set of `CALLS_` constants.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

impl CallsRecord {
    /// No calls.
    pub(crate) const NONE: Self = Self {
        file: FileId::NONE,
        time: 0,
        blocked: 0,
        runnable: 0,
        bytes: 0,
        min: 0,
        max: 0,
        nr: 0,
        count: 0,
        errors: [0; ERRORS],
        buckets: [0; BUCKETS],
        flags: 0,
        reserved: 0,
    };

    /// Whether it is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0 && self.time == 0
    }

    /// Whether it is [`CALLS_HELD`], and no calls.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.flags & CALLS_HELD != 0
    }
}

const _: () = {
    assert!(size_of::<SegmentRecord>() == 96);
    assert!(offset_of!(SegmentRecord, other) == 72);
    assert!(offset_of!(SegmentRecord, calls) == 92);
    assert!(size_of::<Stops>() == 24);
    assert!(size_of::<CallsRecord>() == 200);
    assert!(offset_of!(CallsRecord, time) == 16);
    assert!(offset_of!(CallsRecord, nr) == 64);
    assert!(offset_of!(CallsRecord, buckets) == 96);
    assert!(offset_of!(CallsRecord, flags) == 192);
    assert!(size_of::<FileId>() == 16);
    assert!(offset_of!(FileId, dev) == 8);
    assert!(size_of::<FileRecord>() == 96);
    assert!(offset_of!(FileRecord, magic) == 40);
    assert!(offset_of!(FileRecord, mode) == 48);
    assert!(offset_of!(FileRecord, names) == 60);
    assert!(offset_of!(FileRecord, local) == 64);
    assert!(size_of::<CgroupRecord>() == 40);
    assert!(offset_of!(CgroupRecord, names) == 32);
    assert!(size_of::<Head>() == 24);
    assert!(offset_of!(Head, size) == 16);
    assert!(offset_of!(Head, kind) == 18);
    assert!(offset_of!(Head, flags) == 19);
    assert!(size_of::<ProcessRecord>() == 128);
    assert!(offset_of!(ProcessRecord, ppid) == 40);
    assert!(offset_of!(ProcessRecord, comm) == 48);
    assert!(offset_of!(ProcessRecord, exe) == 64);
    assert!(size_of::<ForkRecord>() == 32);
    assert!(size_of::<ExitRecord>() == 32);
};

/// How many [`Idle`]s there are, by thread id modulo this.
pub const IDLE_SLOTS: usize = 65536;

/// What userspace reports to the kernel: a thread that had no span open after its marker of that time.
#[derive(Debug)]
#[repr(C)]
pub struct Idle {
    /// The marker's time; 0 for none.
    pub marker: AtomicU64,
    /// The thread.
    pub tid: AtomicU32,
    /// Zero.
    pub reserved: AtomicU32,
}

const _: () = {
    assert!(size_of::<Idle>() == 16);
    assert!(offset_of!(Idle, tid) == 8);
};

/// Index into the kernel's counters, `enum nt_counter` of `records.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Records lost: no room in the ring.
    RingFull,
    /// Of which markers.
    Marker,
    /// Marker writes lost: the buffer was not mapped in.
    Fault,
    /// No memory for a thread's or process's state: its end may not be reported.
    Storage,
    /// Processes not followed: the scope map was full.
    Scope,
    /// Segments lost: no room in the ring, or no memory for a thread's.
    Segment,
    /// Names of files lost: no room in the ring. Reported again at the next use.
    Name,
    /// Records of single calls, switches and the like lost: no room in the ring, or no memory for a thread's.
    Call,
}

/// How many kernel counters there are.
pub const COUNTERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    fn head(size: u16) -> Head {
        let mut head = Head::new_zeroed();
        head.size = size;
        head
    }

    #[test]
    fn a_sample_is_one_record_or_some() {
        let (two, beyond, none) = (head(32), head(48), head(0));
        let tail = [1_u8; 8];
        let bytes = [two.as_bytes(), &tail, head(24).as_bytes()].concat();
        assert_eq!(
            Records::of(&bytes).map(<[u8]>::len).collect::<Vec<_>>(),
            [32, 24]
        );
        // What is no record is not lost on the way: decoding refuses and counts it.
        for bad in [
            [two.as_bytes(), &tail, beyond.as_bytes()].concat(),
            [two.as_bytes(), &tail, none.as_bytes()].concat(),
            [two.as_bytes(), &tail, &tail].concat(),
        ] {
            let given: Vec<_> = Records::of(&bad).collect();
            assert_eq!(given.concat(), bad);
            assert_eq!(given.len(), 2);
        }
        assert_eq!(Records::of(&[]).next(), None);
    }
}
