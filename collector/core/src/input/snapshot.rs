//! Records of which a snapshot is made: what was known and open at one moment, so that a reader can begin there.
//!
//! The order matters, and times do not grow: the layout; a [`SnapshotRecord`]; the processes, as the kernel sends
//! them, but with [`FLAG_AGAIN`]; the files; the open spans, the oldest first; then threads, segments and unfinished
//! markers.

use core::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::event::BadRecord;
use super::made::LossRecord;
use super::record::{
    COMM_LEN, CallsRecord, EXE_LEN, FileId, Head, ProcessRecord, SNAPSHOT_KINDS, SegmentRecord,
    Stops,
};

/// `Head::kind` of a [`SnapshotRecord`].
pub const KIND_SNAPSHOT: u8 = 49;
/// `Head::kind` of process ids, four bytes each, of processes that have ended.
pub const KIND_DEAD: u8 = 50;
/// `Head::kind` of a [`NamedRecord`], which the name follows.
pub const KIND_NAMED: u8 = 51;
/// `Head::kind` of a [`FactsRecord`], which the command line and the path of the cgroup follow.
pub const KIND_FACTS: u8 = 52;
/// `Head::kind` of an [`OpenRecord`], which tags, the parent's tags and arguments follow.
pub const KIND_OPEN: u8 = 53;
/// `Head::kind` of a [`ThreadRecord`].
pub const KIND_THREAD: u8 = 54;
/// `Head::kind` of a [`SegmentRecord`] with what was reported of a segment so far, which [`CallsRecord`]s follow.
pub const KIND_REPORTED: u8 = 55;
/// `Head::kind` of an unfinished marker: what was written so far follows. The time is that of its first part. Nothing
/// follows where markers come joined: then it is whole when it comes.
pub const KIND_FRAGMENT: u8 = 56;
/// `Head::kind` of a [`SegmentRecord`] whose marker is still to come, which [`CallsRecord`]s follow.
pub const KIND_WAITING: u8 = 57;

/// `Head::kind` of what sources had reported as lost: [`LossRecord`]s follow. What they report later is in all.
pub const KIND_LOST: u8 = 58;

const _: () = {
    assert!(KIND_SNAPSHOT == *SNAPSHOT_KINDS.start());
    assert!(KIND_LOST == *SNAPSHOT_KINDS.end());
};

/// Of a [`ProcessRecord`]: it is part of a snapshot, so the process was known before.
pub const FLAG_AGAIN: u8 = 128;
/// Of a [`SnapshotRecord`]: segments come, so spans that end have their times.
pub const FLAG_TIMES: u8 = 1;
/// Of a [`ThreadRecord`]: the thread is idle, its calls are not counted until its next marker.
pub const FLAG_IDLE: u8 = 1;
/// Of a [`KIND_REPORTED`]: the segment has ended.
pub const FLAG_ENDED: u8 = 1;
/// [`CallsRecord::flags`], of a [`KIND_REPORTED`]: a call that was reported before it returned, and is not
/// among those that returned yet.
pub const CALLS_UNCOUNTED: u32 = 32;

/// A snapshot begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SnapshotRecord {
    /// [`FLAG_TIMES`].
    pub head: Head,
    /// Sequence number of the span that was opened last.
    pub seq: u64,
}

/// A file by its finished name, which follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NamedRecord {
    /// Nothing but size and kind.
    pub head: Head,
    /// Which file.
    pub id: FileId,
    /// Address of this end of an Internet socket, 4 or 16 bytes in network order.
    pub local: [u8; 16],
    /// Address of the other end.
    pub remote: [u8; 16],
    /// Port of this end.
    pub local_port: u16,
    /// Port of the other end.
    pub remote_port: u16,
    /// Version of the Internet protocol of this end's address; 0 where there is none.
    pub local_version: u8,
    /// The same of the other end's.
    pub remote_version: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// What sort of file, by the name of that; NUL padded.
    pub kind: [u8; 16],
    /// Protocol of an Internet socket, NUL padded.
    pub protocol: [u8; 8],
}

/// Facts of a process as they were when spans were opened which are open still; they have changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FactsRecord {
    /// The process, and when its first facts came.
    pub head: Head,
    /// What [`OpenRecord::facts`] calls them by.
    pub facts: u32,
    /// Bytes of the command line; the path of the cgroup follows it.
    pub command: u32,
    /// When the process began.
    pub start: u64,
    /// cgroup v2 id.
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

/// Where time went, as [`Times`](crate::activity::Times) has it, in the order of its fields without
/// [`Stops`].
pub type TimesRecord = [u64; 9];

/// A span that is open. Behind it stand its tags, those of its parent and its arguments: the first two canonical,
/// the last each with the lengths of name and value, four bytes each, before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct OpenRecord {
    /// Who opened it, and when.
    pub head: Head,
    /// Its sequence number.
    pub seq: u64,
    /// That of its parent, with [`OPEN_PARENT`].
    pub parent: u64,
    /// The id, where it is a number.
    pub number: i64,
    /// Nanoseconds with a child open; less the time since when there is one, if there is.
    pub child_ns: i64,
    /// When its process ended, with [`OPEN_ORPHAN`].
    pub left: u64,
    /// Nanoseconds in which its thread did something else.
    pub interleaved: u64,
    /// Its own time.
    pub own: TimesRecord,
    /// All its time.
    pub all: TimesRecord,
    /// Children that ended.
    pub child_hits: u32,
    /// Parent of its process, with [`OPEN_PPID`].
    pub ppid: u32,
    /// User of its process, with [`OPEN_UID`].
    pub uid: u32,
    /// What was known of its process: 0 for nothing, [`FACTS_NOW`] for what is known now, or the number of a
    /// [`FactsRecord`].
    pub facts: u32,
    /// Bytes of its tags.
    pub tags: u32,
    /// Bytes of its parent's.
    pub parent_tags: u32,
    /// `ID_` constant.
    pub id: u32,
    /// A set of `OPEN_` constants.
    pub flags: u32,
    /// The part of its own time in which its thread was stopped.
    pub own_stops: Stops,
    /// That of all its time.
    pub all_stops: Stops,
}

/// [`OpenRecord::facts`]: those that its process has now.
pub const FACTS_NOW: u32 = u32::MAX;

/// [`OpenRecord::id`]: empty.
pub const ID_NONE: u32 = 0;
/// [`OpenRecord::id`]: `g`.
pub const ID_GLOBAL: u32 = 1;
/// [`OpenRecord::id`]: `pp`, of a process whose parent was not known.
pub const ID_PARENT: u32 = 2;
/// [`OpenRecord::id`]: a number.
pub const ID_NUMBER: u32 = 3;

/// [`OpenRecord::flags`]: it has a parent.
pub const OPEN_PARENT: u32 = 1;
/// [`OpenRecord::flags`]: the parent of its process was known.
pub const OPEN_PPID: u32 = 2;
/// [`OpenRecord::flags`]: the user of its process was known.
pub const OPEN_UID: u32 = 4;
/// [`OpenRecord::flags`]: its id was written as `t`.
pub const OPEN_BY_THREAD: u32 = 8;
/// [`OpenRecord::flags`]: its id was written as `p`.
pub const OPEN_BY_PROCESS: u32 = 16;
/// [`OpenRecord::flags`]: its thread has ended.
pub const OPEN_THREAD_GONE: u32 = 32;
/// [`OpenRecord::flags`]: its process has ended.
pub const OPEN_ORPHAN: u32 = 64;
/// [`OpenRecord::flags`]: a span that it is below has ended.
pub const OPEN_PASSED: u32 = 128;
/// [`OpenRecord::flags`]: its thread is not within it any more.
pub const OPEN_ASIDE: u32 = 256;

/// A thread. The number of its last marker is that of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ThreadRecord {
    /// The thread; [`FLAG_IDLE`].
    pub head: Head,
    /// Markers of it were lost when spans up to this sequence number had been opened.
    pub lost: u64,
}

const _: () = {
    assert!(size_of::<SnapshotRecord>() == 32);
    assert!(size_of::<NamedRecord>() == 104);
    assert!(size_of::<FactsRecord>() == 136);
    assert!(size_of::<OpenRecord>() == 296);
    assert!(size_of::<ThreadRecord>() == 32);
};

/// A part of a snapshot, borrowed from its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// It begins.
    Begin(&'a SnapshotRecord),
    /// Processes that have ended.
    Dead(&'a [u32]),
    /// A file, and its name.
    File(&'a NamedRecord, &'a [u8]),
    /// What was known of a process, with its command line and the path of its cgroup.
    Facts(&'a FactsRecord, &'a [u8]),
    /// An open span, with its tags, its parent's and its arguments.
    Open(&'a OpenRecord, &'a [u8]),
    /// A thread.
    Thread(&'a ThreadRecord),
    /// What was reported of a segment so far.
    Reported(&'a SegmentRecord, &'a [CallsRecord]),
    /// What was written of an unfinished marker.
    Fragment(&'a [u8]),
    /// A segment whose marker is still to come.
    Waiting(&'a SegmentRecord, &'a [CallsRecord]),
    /// What sources had reported as lost, by cause.
    Lost(&'a [LossRecord]),
}

impl<'a> Part<'a> {
    /// Reads a record of a kind that snapshots have.
    ///
    /// # Errors
    /// As for [`Event::decode`](super::event::Event::decode).
    pub fn read(kind: u8, record: &'a [u8]) -> Result<Self, BadRecord> {
        let size = BadRecord::Size { got: record.len() };
        let rest = record.get(size_of::<Head>()..).unwrap_or_default();
        Ok(match kind {
            KIND_SNAPSHOT => {
                Self::Begin(SnapshotRecord::ref_from_prefix(record).map_err(|_| size)?.0)
            }
            KIND_DEAD => Self::Dead(<[u32]>::ref_from_bytes(rest).map_err(|_| size)?),
            KIND_NAMED => {
                let (file, name) = NamedRecord::ref_from_prefix(record).map_err(|_| size)?;
                Self::File(file, name)
            }
            KIND_FACTS => {
                let (facts, text) = FactsRecord::ref_from_prefix(record).map_err(|_| size)?;
                Self::Facts(facts, text)
            }
            KIND_OPEN => {
                let (span, text) = OpenRecord::ref_from_prefix(record).map_err(|_| size)?;
                Self::Open(span, text)
            }
            KIND_THREAD => Self::Thread(ThreadRecord::ref_from_prefix(record).map_err(|_| size)?.0),
            KIND_FRAGMENT => Self::Fragment(rest),
            KIND_LOST => Self::Lost(<[LossRecord]>::ref_from_bytes(rest).map_err(|_| size)?),
            KIND_REPORTED | KIND_WAITING => {
                let (segment, rest) = SegmentRecord::ref_from_prefix(record).map_err(|_| size)?;
                let calls = <[CallsRecord]>::ref_from_bytes(rest).map_err(|_| size)?;
                if calls.len() != segment.calls as usize {
                    return Err(size);
                }
                match kind {
                    KIND_REPORTED => Self::Reported(segment, calls),
                    _ => Self::Waiting(segment, calls),
                }
            }
            kind => return Err(BadRecord::Kind(kind)),
        })
    }
}

impl ProcessRecord {
    /// Whether it is part of a snapshot.
    #[must_use]
    pub const fn is_again(&self) -> bool {
        self.head.flags & FLAG_AGAIN != 0
    }
}
