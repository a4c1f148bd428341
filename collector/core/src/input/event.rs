//! One typed event for each record.
//!
//! ```
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::input::record::{Head, KIND_WRITE};
//! use zerocopy::IntoBytes;
//!
//! let payload = b">::a::";
//! let head = Head {
//!     ts: 7, pid: 1, tid: 2, kind: KIND_WRITE, flags: 0, number: 1,
//!     size: (size_of::<Head>() + payload.len()) as u16,
//! };
//! let record = [head.as_bytes(), payload].concat();
//! let event = Event::decode(&record).unwrap();
//! assert_eq!((event.ts, event.pid, event.tid, event.number), (7, 1, 2, 1));
//! assert!(matches!(event.what, What::Write { bytes: b">::a::", beyond: 0, continues: false }));
//! ```

use core::fmt;

use nulltrace_spec::{Code, Error};
use zerocopy::FromBytes;

use super::full::{
    BlockRecord, FLAG_NEW_TASK, FLAG_NO_RETURN, FLAG_SOFTIRQ, IrqRecord, KIND_BLOCK, KIND_IRQ,
    KIND_SWITCH, KIND_SYSCALL, KIND_WAKEUP, SwitchRecord, SyscallRecord, WakeupRecord,
};
use super::joined;
use super::made::{
    ClockRecord, GoneRecord, KIND_CALL_NAMES, KIND_CLOCK, KIND_CONTAINER, KIND_GONE, KIND_HOST,
    KIND_LOSSES, KIND_MEMBER, KIND_PARENT, KIND_RUN, KIND_USER, LossRecord, MemberRecord,
    ParentRecord, UserRecord,
};
use super::write::unpadded;
use crate::input::record::{
    CallsRecord, CgroupRecord, ExitRecord, FLAG_AT_MARKER, FLAG_AT_RETURN, FLAG_CONT, FLAG_CUT,
    FLAG_EXEC, FLAG_GROUP, FileRecord, ForkRecord, Head, KIND_CGROUP, KIND_COMMAND, KIND_EXIT,
    KIND_FILE, KIND_FORK, KIND_LAYOUT, KIND_PROCESS, KIND_SEGMENT, KIND_SO_FAR, KIND_WRITE,
    ProcessRecord, SNAPSHOT_KINDS, SegmentRecord,
};

/// One thing that happened, borrowed from its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub ts: u64,
    /// Process.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// How many markers the thread has written, this one included; 0 where it is not known.
    pub number: u32,
    /// What happened.
    pub what: What<'a>,
}

/// What an [`Event`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// A write to the null device.
    Write {
        /// What was written, at most [`PAYLOAD_MAX`](crate::input::record::PAYLOAD_MAX) bytes.
        bytes: &'a [u8],
        /// How many bytes the write had behind these; not 0 where it was cut.
        beyond: u64,
        /// It begins like no marker and can only continue a fragment.
        continues: bool,
    },
    /// A marker, joined from the writes it came in.
    Marker {
        /// The marker.
        bytes: &'a [u8],
        /// Its end was not seen.
        cut: bool,
        /// Its write has a beginning and an end of its own.
        of_many: bool,
    },
    /// What looked like a marker and was none.
    Refused {
        /// What it was.
        bytes: &'a [u8],
        /// What is wrong with it.
        error: Error,
        /// Its write has a beginning and an end of its own.
        of_many: bool,
        /// No write ended it: it stayed unfinished.
        apart: bool,
    },
    /// A write to the null device begins, whose markers follow.
    WriteBegins,
    /// It ends.
    WriteEnds {
        /// So many of its bytes were not seen.
        beyond: u64,
        /// It was a marker or a part of one.
        part: bool,
        /// It ended within a marker.
        within: bool,
        /// It was said that it began.
        began: bool,
    },
    /// There was no room for an unfinished marker.
    GivenUp,
    /// Nothing happened until then.
    Time,
    /// The thread did what was left out of the stream.
    LeftOut {
        /// For so long, nanoseconds.
        wall: u64,
    },
    /// The span that is opened next has this sequence number.
    NextSpan {
        /// The number.
        seq: u64,
    },
    /// The facts of a process, at its first marker or when it called exec.
    Process {
        /// The facts.
        facts: &'a ProcessRecord,
        /// They were sent by exec: the process runs another program now. Of its threads only the event's is left,
        /// which has the process's id from now on.
        exec: bool,
    },
    /// The process made a child process.
    Fork {
        /// Process id of the child.
        child: u32,
    },
    /// What the thread did since its last marker, or the last such event that was not `so_far`.
    Segment {
        /// Its time.
        segment: &'a SegmentRecord,
        /// Its system calls.
        calls: &'a [CallsRecord],
        /// It has not ended: later events of the same `since` report this again.
        so_far: bool,
        /// What ended it.
        by: EndedBy,
    },
    /// A system call, where all are reported.
    Syscall {
        /// The call.
        call: &'a SyscallRecord,
        /// The thread ended in it, and it has no result.
        no_return: bool,
        /// What its arguments point to, for [`Texts`](crate::input::full::Texts).
        texts: &'a [u8],
    },
    /// A cpu went from this thread to another.
    Switch(&'a SwitchRecord),
    /// A thread became runnable.
    Wakeup {
        /// Which, and where.
        wakeup: &'a WakeupRecord,
        /// It was just made.
        new: bool,
    },
    /// A block device completed a request.
    Block(&'a BlockRecord),
    /// An interrupt was handled.
    Irq {
        /// The interrupt.
        irq: &'a IrqRecord,
        /// It is a softirq, whose number is its vector.
        soft: bool,
    },
    /// What a file is, ahead of the first segment with calls on it.
    File {
        /// Its numbers.
        file: &'a FileRecord,
        /// Its names, as the record has them.
        names: &'a [u8],
    },
    /// The command line of the process, after its facts.
    Command {
        /// The arguments, each ended by a NUL; the last may be cut.
        args: &'a [u8],
    },
    /// The path of a cgroup, ahead of the facts of the first process seen in it.
    Cgroup {
        /// Its id.
        id: u64,
        /// Its names, as the record has them.
        names: &'a [u8],
    },
    /// The name of a user; empty if there is none.
    User {
        /// User id.
        uid: u32,
        /// The name.
        name: &'a [u8],
    },
    /// What `/proc` says of the process, an ancestor of one that is watched.
    Parent {
        /// When it began, right to a clock tick; `u64::MAX` where there is no such process.
        start: u64,
        /// Its parent.
        ppid: u32,
        /// Command name.
        comm: &'a [u8],
    },
    /// The cgroup of the process.
    Member {
        /// When the process began.
        start: u64,
        /// The path; empty if it is not known.
        path: &'a [u8],
    },
    /// What is known of a container; empty what is not.
    Container {
        /// Its id.
        id: &'a [u8],
        /// Its name.
        name: &'a [u8],
        /// The name of its image.
        image: &'a [u8],
    },
    /// The process is gone, and its end was not reported.
    Gone,
    /// What the machine is.
    Host {
        /// Names and values, each ended by a NUL; see [`pairs`].
        text: &'a [u8],
    },
    /// What a recording is.
    Run {
        /// Names and values, each ended by a NUL; see [`pairs`].
        text: &'a [u8],
    },
    /// How system calls are named where this was recorded.
    CallNames {
        /// Numbers and names, each ended by a NUL; see [`pairs`]. Those of the table for 32-bit callers have
        /// [`CALLS_COMPAT`](super::record::CALLS_COMPAT).
        text: &'a [u8],
    },
    /// This moment by other clocks.
    Clock {
        /// `CLOCK_REALTIME`, nanoseconds since 1970.
        wall: i64,
        /// `CLOCK_BOOTTIME`, nanoseconds.
        boot: u64,
    },
    /// What was lost so far.
    Losses {
        /// By cause.
        causes: &'a [LossRecord],
    },
    /// How long the parts of the records that follow are, for a [`Reader`](crate::input::layout::Reader).
    Layout,
    /// A part of a snapshot, which [`Part::read`](crate::input::snapshot::Part::read) reads.
    Snapshot {
        /// Its kind.
        kind: u8,
        /// All of it.
        record: &'a [u8],
    },
    /// The thread ended.
    Exit {
        /// Signal that killed it, 0 for none.
        signal: u8,
        /// The exit status, where no signal did.
        status: u8,
        /// It was the last of its process.
        group: bool,
    },
}

impl What<'_> {
    /// Whether it is what became of an unfinished marker that no write ended.
    #[inline]
    pub(crate) const fn is_apart(&self) -> bool {
        matches!(self, Self::GivenUp | Self::Refused { apart: true, .. })
    }

    /// Whether something became known by it; else a thread did something.
    #[must_use]
    #[inline]
    pub const fn is_fact(&self) -> bool {
        !matches!(
            self,
            Self::Write { .. }
                | Self::Marker { .. }
                | Self::Refused { .. }
                | Self::WriteBegins
                | Self::WriteEnds { .. }
                | Self::GivenUp
                | Self::Time
                | Self::NextSpan { .. }
                | Self::LeftOut { .. }
                | Self::Segment { .. }
        ) && !self.is_full()
    }

    /// Whether it is one of those that are there only where all of them are reported: what spans did does not come
    /// from these.
    #[must_use]
    #[inline]
    pub const fn is_full(&self) -> bool {
        matches!(
            self,
            Self::Syscall { .. }
                | Self::Switch(_)
                | Self::Wakeup { .. }
                | Self::Block(_)
                | Self::Irq { .. }
        )
    }
}

/// What ended a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// A marker of its thread, whose write is the thread's next event.
    Marker,
    /// The return of a system call.
    Return,
    /// Anything else: the beginning of a system call, the thread's end.
    Other,
}

impl EndedBy {
    pub(crate) fn from_flags(flags: u8) -> Self {
        if flags & FLAG_AT_MARKER != 0 {
            Self::Marker
        } else if flags & FLAG_AT_RETURN != 0 {
            Self::Return
        } else {
            Self::Other
        }
    }
}

/// Why a record is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRecord {
    /// Shorter than its kind needs, or its length is not what its head says.
    Size {
        /// What there was, in bytes.
        got: usize,
    },
    /// This build does not know the kind: a later version wrote it, and it is passed over.
    Kind(u8),
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { got } => write!(f, "a record of {got} bytes does not fit its kind"),
            Self::Kind(kind) => write!(f, "a record of kind {kind}, which is not known"),
        }
    }
}

impl core::error::Error for BadRecord {}

impl<'a> Event<'a> {
    /// Reads one record, which must be 8-byte aligned as the ring's are. It may be longer than its kind was when
    /// this was built; where something follows the part that has grown, only a
    /// [`Reader`](crate::input::layout::Reader) finds it.
    ///
    /// # Errors
    /// [`BadRecord`] when the bytes are not one record of a known kind.
    #[inline]
    pub fn decode(record: &'a [u8]) -> Result<Self, BadRecord> {
        let size = BadRecord::Size { got: record.len() };
        let (head, rest) = Head::ref_from_prefix(record).map_err(|_| size)?;
        if usize::from(head.size) != record.len() {
            return Err(size);
        }
        let what = match head.kind {
            KIND_WRITE if head.flags & FLAG_CUT != 0 => {
                let (bytes, beyond) = rest.split_last_chunk().ok_or(size)?;
                What::Write {
                    bytes,
                    beyond: u64::from_ne_bytes(*beyond),
                    continues: head.flags & FLAG_CONT != 0,
                }
            }
            KIND_WRITE => What::Write {
                bytes: rest,
                beyond: 0,
                continues: head.flags & FLAG_CONT != 0,
            },
            KIND_PROCESS => What::Process {
                facts: ProcessRecord::ref_from_prefix(record).map_err(|_| size)?.0,
                exec: head.flags & FLAG_EXEC != 0,
            },
            KIND_FORK => What::Fork {
                child: ForkRecord::ref_from_prefix(record)
                    .map_err(|_| size)?
                    .0
                    .child,
            },
            KIND_EXIT => {
                let (exit, _) = ExitRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::Exit {
                    signal: (exit.code & 0x7f) as u8,
                    status: (exit.code >> 8) as u8,
                    group: head.flags & FLAG_GROUP != 0,
                }
            }
            KIND_SEGMENT | KIND_SO_FAR => {
                let (segment, rest) = SegmentRecord::ref_from_prefix(record).map_err(|_| size)?;
                let calls = <[CallsRecord]>::ref_from_bytes(rest).map_err(|_| size)?;
                if calls.len() != segment.calls as usize {
                    return Err(size);
                }
                What::Segment {
                    segment,
                    calls,
                    so_far: head.kind == KIND_SO_FAR,
                    by: EndedBy::from_flags(head.flags),
                }
            }
            KIND_FILE => {
                let (file, names) = FileRecord::ref_from_prefix(record).map_err(|_| size)?;
                let names = names.get(..file.names as usize).ok_or(size)?;
                What::File { file, names }
            }
            KIND_COMMAND => What::Command { args: rest },
            KIND_CGROUP => {
                let (group, names) = CgroupRecord::ref_from_prefix(record).map_err(|_| size)?;
                let names = names.get(..group.names as usize).ok_or(size)?;
                What::Cgroup {
                    id: group.id,
                    names,
                }
            }
            KIND_USER => {
                let (user, name) = UserRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::User {
                    uid: user.uid,
                    name,
                }
            }
            KIND_PARENT => {
                let (fixed, _) = ParentRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::Parent {
                    start: fixed.start,
                    ppid: fixed.ppid,
                    comm: unpadded(&fixed.comm),
                }
            }
            KIND_MEMBER => {
                let (fixed, path) = MemberRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::Member {
                    start: fixed.start,
                    path,
                }
            }
            KIND_GONE => {
                GoneRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::Gone
            }
            KIND_CONTAINER => {
                let mut parts = rest.split(|&byte| byte == 0);
                let mut part = || parts.next().unwrap_or_default();
                What::Container {
                    id: part(),
                    name: part(),
                    image: part(),
                }
            }
            KIND_HOST => What::Host { text: rest },
            KIND_RUN => What::Run { text: rest },
            KIND_CALL_NAMES => What::CallNames { text: rest },
            KIND_CLOCK => {
                let (clock, _) = ClockRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::Clock {
                    wall: clock.wall,
                    boot: clock.boot,
                }
            }
            KIND_LOSSES => What::Losses {
                causes: <[LossRecord]>::ref_from_bytes(rest).map_err(|_| size)?,
            },
            KIND_LAYOUT => What::Layout,
            joined::KIND_MARKER..=joined::KIND_TIME => read_joined(head, record)?,
            KIND_SYSCALL..=KIND_IRQ => read_full(head, record)?,
            joined::KIND_LEFT_OUT => {
                let (out, _) = joined::LeftOutRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::LeftOut { wall: out.wall }
            }
            joined::KIND_NEXT_SPAN => {
                let (next, _) =
                    joined::NextSpanRecord::ref_from_prefix(record).map_err(|_| size)?;
                What::NextSpan { seq: next.seq }
            }
            kind if SNAPSHOT_KINDS.contains(&kind) => What::Snapshot { kind, record },
            kind => return Err(BadRecord::Kind(kind)),
        };
        Ok(Self {
            ts: head.ts,
            pid: head.pid,
            tid: head.tid,
            number: head.number,
            what,
        })
    }
}

/// Reads a record of those that are there where all are reported.
fn read_full<'a>(head: &Head, record: &'a [u8]) -> Result<What<'a>, BadRecord> {
    let size = BadRecord::Size { got: record.len() };
    let has = |flag| head.flags & flag != 0;
    Ok(match head.kind {
        KIND_SYSCALL => {
            let (call, rest) = SyscallRecord::ref_from_prefix(record).map_err(|_| size)?;
            What::Syscall {
                call,
                no_return: has(FLAG_NO_RETURN),
                texts: rest.get(..call.texts.into()).ok_or(size)?,
            }
        }
        KIND_SWITCH => What::Switch(SwitchRecord::ref_from_prefix(record).map_err(|_| size)?.0),
        KIND_WAKEUP => What::Wakeup {
            wakeup: WakeupRecord::ref_from_prefix(record).map_err(|_| size)?.0,
            new: has(FLAG_NEW_TASK),
        },
        KIND_BLOCK => What::Block(BlockRecord::ref_from_prefix(record).map_err(|_| size)?.0),
        KIND_IRQ => What::Irq {
            irq: IrqRecord::ref_from_prefix(record).map_err(|_| size)?.0,
            soft: has(FLAG_SOFTIRQ),
        },
        kind => return Err(BadRecord::Kind(kind)),
    })
}

/// Reads a record of a joined marker.
fn read_joined<'a>(head: &Head, record: &'a [u8]) -> Result<What<'a>, BadRecord> {
    let size = BadRecord::Size { got: record.len() };
    let has = |flag| head.flags & flag != 0;
    Ok(match head.kind {
        joined::KIND_MARKER => What::Marker {
            bytes: record.get(size_of::<Head>()..).ok_or(size)?,
            cut: has(joined::FLAG_MARKER_CUT),
            of_many: has(joined::FLAG_OF_MANY),
        },
        joined::KIND_REFUSED => {
            let (refused, bytes) =
                joined::RefusedRecord::ref_from_prefix(record).map_err(|_| size)?;
            let name = unpadded(&refused.code);
            let mut codes = Code::ALL.iter();
            let code = match name {
                // What is not there is zero.
                b"" => Some(&Code::Unfinished),
                name => codes.find(|code| code.name().as_bytes() == name),
            };
            What::Refused {
                bytes,
                error: Error {
                    code: *code.ok_or(BadRecord::Kind(head.kind))?,
                    offset: usize::try_from(refused.offset).map_err(|_| size)?,
                },
                of_many: has(joined::FLAG_OF_MANY),
                apart: has(joined::FLAG_APART),
            }
        }
        joined::KIND_WRITE_BEGINS => What::WriteBegins,
        joined::KIND_WRITE_ENDS => {
            let (ends, _) = joined::WriteEndsRecord::ref_from_prefix(record).map_err(|_| size)?;
            What::WriteEnds {
                beyond: ends.beyond,
                part: has(joined::FLAG_PART),
                within: has(joined::FLAG_WITHIN),
                began: has(joined::FLAG_BEGAN),
            }
        }
        joined::KIND_GIVEN_UP => What::GivenUp,
        joined::KIND_TIME => What::Time,
        kind => return Err(BadRecord::Kind(kind)),
    })
}

/// The names and values of [`What::Host`] and [`What::Run`], bytes of others.
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut parts = text.split(|&byte| byte == 0);
    std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
}
