//! How long the parts of a stream's records are, so that records may grow.
//!
//! A later version may add to the end of [`Head`], of the fixed part of a record, and of each element of a list
//! behind it. A stream that is kept begins with a [`LayoutRecord`], which says how long these are in it. With that
//! a reader finds the parts that it knows: what it does not know it leaves out, what is missing is zero. What
//! comes from this build's own kernel programs needs no layout.
//!
//! ```
//! use nulltrace_core::input::event::What;
//! use nulltrace_core::input::layout::{self, Reader};
//! use nulltrace_core::input::record::{Head, KIND_FORK};
//! use zerocopy::IntoBytes;
//!
//! let mut reader = Reader::default();
//! // A record that has grown behind what this build knows of it.
//! let head = Head { ts: 7, pid: 1, tid: 1, size: 40, kind: KIND_FORK, flags: 0, number: 0 };
//! let record = [head.as_bytes(), &[2, 0, 0, 0, 0, 0, 0, 0], b"of later"].concat();
//! assert_eq!(reader.read(&record).unwrap().what, What::Fork { child: 2 });
//! assert_eq!(reader.read(layout::own().as_bytes()).unwrap().what, What::Layout);
//! ```

use core::mem::{offset_of, size_of};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::event::{BadRecord, Event};
use super::full::{
    BlockRecord, IrqRecord, KIND_BLOCK, KIND_IRQ, KIND_SWITCH, KIND_SYSCALL, KIND_WAKEUP,
    SwitchRecord, SyscallRecord, WakeupRecord,
};
use super::joined::{
    KIND_GIVEN_UP, KIND_LEFT_OUT, KIND_MARKER, KIND_NEXT_SPAN, KIND_REFUSED, KIND_TIME,
    KIND_WRITE_BEGINS, KIND_WRITE_ENDS, LeftOutRecord, NextSpanRecord, RefusedRecord,
    WriteEndsRecord,
};
use super::made::{
    ClockRecord, GoneRecord, KIND_CALL_NAMES, KIND_CLOCK, KIND_CONTAINER, KIND_GONE, KIND_HOST,
    KIND_LOSSES, KIND_MEMBER, KIND_PARENT, KIND_RUN, KIND_USER, LossRecord, MemberRecord,
    ParentRecord, UserRecord,
};
use super::record::{
    CallsRecord, CgroupRecord, ExitRecord, FileRecord, ForkRecord, Head, KIND_CGROUP, KIND_COMMAND,
    KIND_EXIT, KIND_FILE, KIND_FORK, KIND_LAYOUT, KIND_PROCESS, KIND_SEGMENT, KIND_SO_FAR,
    KIND_WRITE, ProcessRecord, SegmentRecord,
};
use super::snapshot::{
    FactsRecord, KIND_DEAD, KIND_FACTS, KIND_FRAGMENT, KIND_LOST, KIND_NAMED, KIND_OPEN,
    KIND_REPORTED, KIND_SNAPSHOT, KIND_THREAD, KIND_WAITING, NamedRecord, OpenRecord,
    SnapshotRecord, ThreadRecord,
};

/// How long the parts of the records that follow are. It can be read whatever has grown: its own head is always
/// as long as in the first version, and it says how long its own parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct LayoutRecord {
    /// Time 0: a stream begins with it.
    pub head: Head,
    /// Bytes of this record before the list.
    pub fixed: u16,
    /// Bytes of each element of the list.
    pub each: u16,
    /// How many there are.
    pub kinds: u16,
    /// Bytes of the head of all other records.
    pub head_size: u16,
}

/// How long the parts of the records of one kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct KindLayout {
    /// Bytes of the fixed part, head included.
    pub fixed: u16,
    /// Bytes of each element of the list that follows it; 0 where other bytes follow, or none.
    pub each: u16,
    /// `Head::kind`.
    pub kind: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

const _: () = {
    assert!(size_of::<LayoutRecord>() == 32);
    assert!(size_of::<KindLayout>() == 8);
};

/// A kind whose fixed part is `T`.
const fn kind<T>(kind: u8) -> KindLayout {
    KindLayout {
        fixed: size_of::<T>() as u16,
        each: 0,
        kind,
        reserved: [0; 3],
    }
}

/// The same, with a list of `E` behind it.
const fn list<T, E>(kind: u8) -> KindLayout {
    KindLayout {
        each: size_of::<E>() as u16,
        ..self::kind::<T>(kind)
    }
}

/// All kinds that this build reads, but the layout itself.
const OWN: &[KindLayout] = &[
    kind::<Head>(KIND_WRITE),
    kind::<ProcessRecord>(KIND_PROCESS),
    kind::<ForkRecord>(KIND_FORK),
    kind::<ExitRecord>(KIND_EXIT),
    list::<SegmentRecord, CallsRecord>(KIND_SEGMENT),
    kind::<FileRecord>(KIND_FILE),
    kind::<Head>(KIND_COMMAND),
    kind::<CgroupRecord>(KIND_CGROUP),
    list::<SegmentRecord, CallsRecord>(KIND_SO_FAR),
    kind::<Head>(KIND_MARKER),
    kind::<RefusedRecord>(KIND_REFUSED),
    kind::<Head>(KIND_WRITE_BEGINS),
    kind::<WriteEndsRecord>(KIND_WRITE_ENDS),
    kind::<Head>(KIND_GIVEN_UP),
    kind::<Head>(KIND_TIME),
    kind::<SyscallRecord>(KIND_SYSCALL),
    kind::<SwitchRecord>(KIND_SWITCH),
    kind::<WakeupRecord>(KIND_WAKEUP),
    kind::<BlockRecord>(KIND_BLOCK),
    kind::<IrqRecord>(KIND_IRQ),
    kind::<NextSpanRecord>(KIND_NEXT_SPAN),
    kind::<LeftOutRecord>(KIND_LEFT_OUT),
    kind::<UserRecord>(KIND_USER),
    kind::<ParentRecord>(KIND_PARENT),
    kind::<MemberRecord>(KIND_MEMBER),
    kind::<GoneRecord>(KIND_GONE),
    kind::<Head>(KIND_HOST),
    kind::<Head>(KIND_RUN),
    kind::<Head>(KIND_CALL_NAMES),
    kind::<Head>(KIND_CONTAINER),
    kind::<ClockRecord>(KIND_CLOCK),
    list::<Head, LossRecord>(KIND_LOSSES),
    kind::<SnapshotRecord>(KIND_SNAPSHOT),
    list::<Head, u32>(KIND_DEAD),
    kind::<NamedRecord>(KIND_NAMED),
    kind::<FactsRecord>(KIND_FACTS),
    kind::<OpenRecord>(KIND_OPEN),
    kind::<ThreadRecord>(KIND_THREAD),
    list::<SegmentRecord, CallsRecord>(KIND_REPORTED),
    kind::<Head>(KIND_FRAGMENT),
    list::<SegmentRecord, CallsRecord>(KIND_WAITING),
    list::<Head, LossRecord>(KIND_LOST),
];

/// The layout of this build's records, a record to begin a stream with.
#[must_use]
pub fn own() -> Vec<u64> {
    record(size_of::<Head>() as u16, OWN)
}

/// A layout as a record: bytes of the head, and of each kind.
#[must_use]
pub fn record(head_size: u16, kinds: &[KindLayout]) -> Vec<u64> {
    let size = size_of::<LayoutRecord>() + size_of_val(kinds);
    let record = LayoutRecord {
        head: Head {
            ts: 0,
            pid: 0,
            tid: 0,
            size: size as u16,
            kind: KIND_LAYOUT,
            flags: 0,
            number: 0,
        },
        fixed: size_of::<LayoutRecord>() as u16,
        each: size_of::<KindLayout>() as u16,
        kinds: kinds.len() as u16,
        head_size,
    };
    let bytes = record.as_bytes().iter().chain(kinds.as_bytes());
    let mut words = vec![0_u64; size / 8];
    for (to, from) in words.as_mut_bytes().iter_mut().zip(bytes) {
        *to = *from;
    }
    words
}

/// How this build has the kind.
fn own_kind(kind: u8) -> Option<KindLayout> {
    OWN.iter().find(|own| own.kind == kind).copied()
}

/// Reads the records of a stream, whatever version wrote them.
#[derive(Debug, Default)]
pub struct Reader {
    /// The layout, where it is not this build's own.
    other: Option<Box<Layout>>,
    /// The record at hand in this build's form.
    words: Vec<u64>,
}

impl Reader {
    /// Reads one record, which must be 8-byte aligned. A layout says how what comes after it is read.
    ///
    /// # Errors
    /// [`BadRecord`] as for [`Event::decode`].
    #[inline(always)]
    pub fn read<'a>(&'a mut self, record: &'a [u8]) -> Result<Event<'a>, BadRecord> {
        let is_layout = record.get(offset_of!(Head, kind)) == Some(&KIND_LAYOUT);
        let record = match is_layout || self.other.is_some() {
            true => self.bring(record)?,
            false => record,
        };
        Event::decode(record)
    }

    /// Takes in a layout; brings any other record into this build's form.
    #[inline(never)]
    fn bring<'a>(&'a mut self, record: &'a [u8]) -> Result<&'a [u8], BadRecord> {
        let head = head(record)?;
        if head.kind == KIND_LAYOUT {
            let layout = Layout::read(record).ok_or(BadRecord::Size { got: record.len() })?;
            self.other = (!layout.is_own()).then(|| Box::new(layout));
            return Ok(record);
        }
        let Some(other) = &self.other else {
            return Ok(record);
        };
        let size = other.bring(&head, record, &mut self.words)?;
        Ok(self.words.as_bytes().get(..size).unwrap_or_default())
    }
}

/// The part of a head that every version has.
fn head(record: &[u8]) -> Result<Head, BadRecord> {
    let bad = BadRecord::Size { got: record.len() };
    let (head, _) = Head::read_from_prefix(record).map_err(|_| bad)?;
    match usize::from(head.size) == record.len() {
        true => Ok(head),
        false => Err(bad),
    }
}

/// The layout of another version.
#[derive(Debug)]
struct Layout {
    head: usize,
    kinds: Vec<KindLayout>,
}

impl Layout {
    /// `None` if it contradicts itself.
    fn read(record: &[u8]) -> Option<Self> {
        let (layout, _) = LayoutRecord::read_from_prefix(record).ok()?;
        let (head, each) = (usize::from(layout.head_size), usize::from(layout.each));
        if head < size_of::<Head>() || each < size_of::<KindLayout>() {
            return None;
        }
        let fixed = usize::from(layout.fixed).max(size_of::<LayoutRecord>());
        let list = record.get(fixed..)?;
        let list = list.get(..each * usize::from(layout.kinds))?;
        let mut kinds = Vec::new();
        for bytes in list.chunks_exact(each) {
            let (kind, _) = KindLayout::read_from_prefix(bytes).ok()?;
            if usize::from(kind.fixed) < head {
                return None;
            }
            if own_kind(kind.kind).is_some()
                && kinds.iter().all(|k: &KindLayout| k.kind != kind.kind)
            {
                kinds.push(kind);
            }
        }
        Some(Self { head, kinds })
    }

    /// Whether what is read of it is as in this build. Kinds that are not in it do not occur.
    fn is_own(&self) -> bool {
        let same = |kind: &KindLayout| own_kind(kind.kind).map(|own| (own.fixed, own.each));
        self.head == size_of::<Head>()
            && self
                .kinds
                .iter()
                .all(|kind| same(kind) == Some((kind.fixed, kind.each)))
    }

    /// Brings a record into this build's form. Returns its length.
    fn bring(&self, head: &Head, record: &[u8], words: &mut Vec<u64>) -> Result<usize, BadRecord> {
        let bad = BadRecord::Size { got: record.len() };
        let unknown = BadRecord::Kind(head.kind);
        let own = own_kind(head.kind).ok_or(unknown)?;
        let same = |kind: &&KindLayout| kind.kind == head.kind;
        let theirs = self.kinds.iter().find(same).ok_or(unknown)?;
        let (fixed, tail) = record.split_at_checked(theirs.fixed.into()).ok_or(bad)?;
        let (head_part, rest) = fixed.split_at_checked(self.head).ok_or(bad)?;
        let (own_each, each) = (usize::from(own.each), usize::from(theirs.each));
        // Bytes of which nothing is known but that they follow are taken as they are.
        let (own_each, each) = match own_each {
            0 => (tail.len(), tail.len()),
            _ if tail.is_empty() => (own_each, own_each),
            _ => (own_each, each),
        };
        let elements = match tail.len() {
            0 => 0,
            len if each > 0 && len % each == 0 => len / each,
            _ => return Err(bad),
        };
        let own_fixed = usize::from(own.fixed);
        let size = own_fixed + elements * own_each;
        let whole = u16::try_from(size).map_err(|_| bad)?;
        words.clear();
        words.resize(size.div_ceil(8), 0);
        let (to_fixed, to_tail) = words.as_mut_bytes().split_at_mut(own_fixed);
        let (to_head, to_rest) = to_fixed.split_at_mut(size_of::<Head>());
        fill(to_head, head_part);
        fill(to_rest, rest);
        if elements > 0 {
            let to = to_tail.chunks_mut(own_each);
            to.zip(tail.chunks(each))
                .for_each(|(to, from)| fill(to, from));
        }
        if let Ok((head, _)) = Head::mut_from_prefix(words.as_mut_bytes()) {
            head.size = whole;
        }
        Ok(size)
    }
}

/// Copies what there is room for; the rest of `to` stays as it is.
fn fill(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::event::What;
    use crate::input::snapshot::Part;

    /// A record of zeros of a kind; of those with names behind it, the names are none.
    fn zeros(kind: u8, size: usize) -> Vec<u64> {
        let mut words = vec![0_u64; size.div_ceil(8)];
        let head = Head::mut_from_prefix(words.as_mut_bytes()).unwrap().0;
        (head.size, head.kind) = (size as u16, kind);
        words
    }

    /// Whether it can be read, a part of a snapshot too.
    fn read(record: &[u8]) -> Result<(), BadRecord> {
        match Event::decode(record)?.what {
            What::Snapshot { kind, record } => Part::read(kind, record).map(drop),
            _ => Ok(()),
        }
    }

    #[test]
    fn the_own_layout_tells_of_each_kind_that_is_read() {
        for kind in 0..=u8::MAX {
            let fixed = own_kind(kind).map_or(4096, |own| own.fixed.into());
            let record = zeros(kind, fixed);
            if kind == KIND_LAYOUT {
                continue;
            }
            match own_kind(kind) {
                Some(_) => assert_eq!(read(record.as_bytes()), Ok(()), "{kind}"),
                None => assert_eq!(read(record.as_bytes()), Err(BadRecord::Kind(kind))),
            }
            // And its fixed part is no longer than what is needed.
            if own_kind(kind).is_some() && fixed > size_of::<Head>() {
                let shorter = zeros(kind, fixed - 8);
                assert!(read(shorter.as_bytes()).is_err(), "{kind}");
            }
        }
    }

    #[test]
    fn the_own_layout_changes_nothing() {
        let mut reader = Reader::default();
        assert!(reader.read(own().as_bytes()).is_ok());
        assert!(reader.other.is_none());
        // Nor does one of a version that has more kinds.
        let mut kinds = OWN.to_vec();
        kinds.push(KindLayout {
            fixed: 64,
            each: 0,
            kind: 255,
            reserved: [0; 3],
        });
        let later = record(size_of::<Head>() as u16, &kinds);
        assert!(reader.read(later.as_bytes()).is_ok());
        assert!(reader.other.is_none());
        // One that contradicts itself is refused.
        kinds[0].fixed = 8;
        let bad = record(size_of::<Head>() as u16, &kinds);
        let got = bad.as_bytes().len();
        assert_eq!(reader.read(bad.as_bytes()), Err(BadRecord::Size { got }));
    }
}
