//! Records of single things, where all are reported: system calls, switches, wake-ups, block requests, interrupts.
//!
//! What spans are said to have done comes from segments; these are beside them.
//!
//! ```
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::input::full::{SyscallRecord, Text, TextKind, Texts};
//! use nulltrace_core::input::made::Made;
//! use zerocopy::FromZeros;
//!
//! let mut call = SyscallRecord::new_zeroed();
//! (call.head.ts, call.head.pid, call.head.tid) = (5_000, 7, 7);
//! (call.nr, call.time, call.result, call.fd) = (257, 1_200, 3, 3);
//! let path = Text { arg: 1, kind: Some(TextKind::String), cut: false, bytes: b"/etc/passwd" };
//! let mut made = Made::default();
//! let event = Event::decode(made.syscall(call, &[path])).unwrap();
//! let What::Syscall { call, texts, .. } = event.what else { panic!() };
//! assert_eq!((call.result, Texts::of(texts).next()), (3, Some(path)));
//! ```

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::record::{COMM_LEN, FileId, Head};

/// `Head::kind` of a [`SyscallRecord`], which its texts follow.
pub const KIND_SYSCALL: u8 = 16;
/// `Head::kind` of a [`SwitchRecord`].
pub const KIND_SWITCH: u8 = 17;
/// `Head::kind` of a [`WakeupRecord`].
pub const KIND_WAKEUP: u8 = 18;
/// `Head::kind` of a [`BlockRecord`].
pub const KIND_BLOCK: u8 = 19;
/// `Head::kind` of an [`IrqRecord`].
pub const KIND_IRQ: u8 = 20;

/// Of a [`SyscallRecord`]: the thread ended in it, and it has no result.
pub const FLAG_NO_RETURN: u8 = 1;
/// Of a [`WakeupRecord`]: the thread was just made.
pub const FLAG_NEW_TASK: u8 = 1;
/// Of an [`IrqRecord`]: it is a softirq, whose number is its vector.
pub const FLAG_SOFTIRQ: u8 = 1;

/// How many arguments a system call has at most.
pub const ARGS: usize = 6;
/// In [`TextRecord::kind`]: there was more.
pub const TEXT_CUT: u8 = 128;

/// One system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SyscallRecord {
    /// The thread, and when it returned, or when its thread ended in it.
    pub head: Head,
    /// How long it took, nanoseconds.
    pub time: u64,
    /// What it returned; the negative number of an error where it failed.
    pub result: i64,
    /// Its arguments; those it does not have are 0.
    pub args: [u64; ARGS],
    /// The file of [`fd`](Self::fd).
    pub file: FileId,
    /// System call, in the machine's own table or, with [`CALLS_COMPAT`](super::record::CALLS_COMPAT), that for
    /// 32-bit callers.
    pub nr: u32,
    /// The descriptor that it is about, an argument or its result; -1 if there is none.
    pub fd: i32,
    /// Where it returned.
    pub cpu: u16,
    /// Bytes of texts that follow.
    pub texts: u16,
    /// Zero.
    pub reserved: u32,
}

/// Ahead of each text of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TextRecord {
    /// Which argument points to it.
    pub arg: u8,
    /// A [`TextKind`], with [`TEXT_CUT`] if there was more.
    pub kind: u8,
    /// Bytes that follow.
    pub size: u16,
}

/// What an argument points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TextKind {
    /// A string, without its NUL: a path, a name.
    String = 1,
    /// Strings, each ended by a NUL: the arguments of exec.
    Strings = 2,
    /// A `struct sockaddr`.
    Address = 3,
    /// What was read or written.
    Data = 4,
}

/// One text of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Which argument points to it.
    pub arg: u8,
    /// What it is; `None` if a later version knows it.
    pub kind: Option<TextKind>,
    /// There was more.
    pub cut: bool,
    /// The text.
    pub bytes: &'a [u8],
}

/// The texts of a system call.
#[derive(Clone, Debug)]
pub struct Texts<'a>(&'a [u8]);

impl<'a> Texts<'a> {
    /// Those in the bytes behind its record.
    #[must_use]
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        let (head, rest) = TextRecord::read_from_prefix(self.0).ok()?;
        let (bytes, rest) = rest.split_at_checked(head.size.into())?;
        self.0 = rest;
        let kind = match head.kind & !TEXT_CUT {
            1 => Some(TextKind::String),
            2 => Some(TextKind::Strings),
            3 => Some(TextKind::Address),
            4 => Some(TextKind::Data),
            _ => None,
        };
        Some(Text {
            arg: head.arg,
            kind,
            cut: head.kind & TEXT_CUT != 0,
            bytes,
        })
    }
}

/// A cpu went from one thread to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SwitchRecord {
    /// The thread that was on the cpu; process and thread 0 where it was idle.
    pub head: Head,
    /// Process of the thread that is there now.
    pub next_pid: u32,
    /// That thread.
    pub next_tid: u32,
    /// State of the thread that left, as the kernel has it; 0: it is still runnable.
    pub state: u32,
    /// Which cpu.
    pub cpu: u16,
    /// Zero.
    pub reserved: u16,
}

/// A thread became runnable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct WakeupRecord {
    /// The thread that was on the cpu where this happened.
    pub head: Head,
    /// Process of the thread that became runnable.
    pub pid: u32,
    /// That thread.
    pub tid: u32,
    /// The cpu where it is to run.
    pub cpu: u16,
    /// Zero.
    pub reserved: [u16; 3],
}

/// A block device completed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct BlockRecord {
    /// Who issued it, and when it was completed.
    pub head: Head,
    /// Since it was issued to the device, nanoseconds.
    pub time: u64,
    /// Before that, since it was queued; 0 where that was not seen.
    pub queued: u64,
    /// Where, in sectors of 512 bytes.
    pub sector: u64,
    /// The device: `major << 20 | minor`.
    pub dev: u32,
    /// How much.
    pub bytes: u32,
    /// What, a `REQ_OP_` in the low 8 bits; flags above.
    pub op: u32,
    /// The negative number of an error; 0: there was none.
    pub error: i32,
}

/// An interrupt was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IrqRecord {
    /// The thread that it interrupted, and when it ended.
    pub head: Head,
    /// How long its handlers took, nanoseconds.
    pub time: u64,
    /// Its number, or the vector of a softirq.
    pub irq: u32,
    /// Which cpu.
    pub cpu: u16,
    /// Zero.
    pub reserved: u16,
    /// Name of its handler, NUL padded; empty for a softirq.
    pub name: [u8; COMM_LEN],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<SyscallRecord>() == 120);
    assert!(offset_of!(SyscallRecord, args) == 40);
    assert!(offset_of!(SyscallRecord, file) == 88);
    assert!(offset_of!(SyscallRecord, nr) == 104);
    assert!(offset_of!(SyscallRecord, texts) == 114);
    assert!(size_of::<TextRecord>() == 4);
    assert!(size_of::<SwitchRecord>() == 40);
    assert!(size_of::<WakeupRecord>() == 40);
    assert!(size_of::<BlockRecord>() == 64);
    assert!(offset_of!(BlockRecord, dev) == 48);
    assert!(size_of::<IrqRecord>() == 56);
};
