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
/// The longest record.
pub const RECORD_MAX: usize = size_of::<Head>() + PAYLOAD_MAX;

/// `Head::kind` of a write to the null device.
pub const KIND_WRITE: u8 = 1;
/// `Head::kind` of a [`ProcessRecord`].
pub const KIND_PROCESS: u8 = 2;
/// `Head::kind` of a [`ForkRecord`].
pub const KIND_FORK: u8 = 3;
/// `Head::kind` of an [`ExitRecord`].
pub const KIND_EXIT: u8 = 4;

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

const _: () = {
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
}

/// How many kernel counters there are.
pub const COUNTERS: usize = 4;
