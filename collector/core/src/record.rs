//! The kernel's records: the bytes of one ring-buffer sample, read in place.
//!
//! The layout is `collector/bpf/records.h`; the sizes and offsets are asserted
//! here at compile time and compared with the compiled object by a test.

use core::mem::{offset_of, size_of};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What of one marker write is seen, in bytes.
pub const PAYLOAD_MAX: usize = nulltrace_spec::MARKER_MAX;
/// How long an unfinished marker waits for its next part, in nanoseconds.
pub const FRAGMENT_NS: u64 = nulltrace_spec::FRAGMENT_NS;
/// Length of a command name with its padding.
pub const COMM_LEN: usize = 16;
/// Length of an executable's file name with its padding.
pub const EXE_LEN: usize = 64;
/// How many kinds of calls of a segment are told apart.
pub const CALLS_MAX: usize = 32;
/// Buckets of a call's duration: bucket i holds 2^(i+7) to 2^(i+8) ns, the first and the last are open.
pub const BUCKETS: usize = 24;
/// Classes of errors, `enum nt_error`.
pub const ERRORS: usize = 6;
/// The longest record.
pub const RECORD_MAX: usize = size_of::<SegmentRecord>() + CALLS_MAX * size_of::<CallsRecord>();

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

/// The write was longer than [`PAYLOAD_MAX`].
pub const FLAG_CUT: u8 = 1;
/// The write begins like no marker; it may continue a fragment.
pub const FLAG_CONT: u8 = 2;
/// The process record was sent by exec, not by first sight.
pub const FLAG_EXEC: u8 = 4;
/// The exit is that of the process's last thread.
pub const FLAG_GROUP: u8 = 8;

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
    /// Zero.
    pub reserved: u32,
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
    /// On a cpu in system calls that returned, nanoseconds.
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

/// The calls of one number in one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CallsRecord {
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
    /// System call, in the machine's own table.
    pub nr: u32,
    /// How many there were.
    pub count: u32,
    /// How many failed, by class.
    pub errors: [u32; ERRORS],
    /// How many lasted how long.
    pub buckets: [u32; BUCKETS],
}

const _: () = {
    assert!(size_of::<SegmentRecord>() == 96);
    assert!(offset_of!(SegmentRecord, other) == 72);
    assert!(offset_of!(SegmentRecord, calls) == 92);
    assert!(size_of::<CallsRecord>() == 176);
    assert!(offset_of!(CallsRecord, nr) == 48);
    assert!(offset_of!(CallsRecord, buckets) == 80);
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

/// Index into the kernel's counters, `enum nt_counter` of `records.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Records lost: no room in the ring.
    RingFull,
    /// Marker writes lost: the buffer was not mapped in.
    Fault,
    /// No memory for a thread's or process's state: its end may not be told.
    Storage,
    /// Processes not followed: the scope map was full.
    Scope,
    /// Segments lost: no room in the ring, or no memory for a thread's.
    Segment,
}

/// How many kernel counters there are.
pub const COUNTERS: usize = 5;
