//! From records to the tables of a block.

use super::calls::Kind;
use super::columns::{
    BODY, BODY_TEXT, Columns, ENTRY, NEW_CALL_FIELDS, NEW_CALL_FLAGS, NEW_CALL_NR, NEW_CALL_PLACE,
    NEW_ENTRY, NEW_FILE_DEV, NEW_FILE_GENERATION, NEW_FILE_INO, NEW_PID, NEW_SHAPE, NEW_SHAPE_TEXT,
    NEW_TID, NUMBER, THREAD, TIME,
};
use super::dictionary::{EntryKind, Numbers};
use super::ints::zigzag;
use super::marker::{self, Expected};
use super::segment;
use super::shape::{Parts, Shape};
use super::table::{Compress, Compressor};
use super::threads::Threads;
use crate::input::event::{BadRecord, Event, What};
use crate::input::joined::KIND_MARKER;
use crate::input::record::{FileId, Head};

/// The dictionaries of a writer. What is new in one goes to its columns.
#[derive(Debug)]
pub(super) struct Dictionaries {
    entries: Numbers<EntryKind>,
    threads: Numbers<(u32, u32)>,
    shapes: Numbers<Vec<u8>>,
    of_shapes: Vec<Shape>,
    names: Numbers<Vec<u8>>,
    kinds: Numbers<Kind>,
    files: Numbers<FileId>,
    /// About how much memory they take, in bytes.
    bytes: usize,
}

/// About what an entry of a dictionary takes, beside its text.
const ENTRY_BYTES: usize = 48;

impl Dictionaries {
    fn new() -> Self {
        Self {
            entries: Numbers::new(),
            threads: Numbers::new(),
            shapes: Numbers::new(),
            of_shapes: Vec::new(),
            names: Numbers::new(),
            kinds: Numbers::new(),
            files: Numbers::new(),
            bytes: 0,
        }
    }

    fn clear(&mut self) {
        *self = Self::new();
    }

    fn entry(&mut self, of: &EntryKind, to: &mut Columns) -> u32 {
        let (number, new) = self.entries.of(of);
        if new {
            to.push(NEW_ENTRY, of.word());
            self.bytes += ENTRY_BYTES;
        }
        number
    }

    fn thread(&mut self, pid: u32, tid: u32, to: &mut Columns) -> u32 {
        let (number, new) = self.threads.of(&(pid, tid));
        if new {
            to.push(NEW_PID, pid);
            to.push(NEW_TID, zigzag(tid.into(), pid.into()));
            self.bytes += ENTRY_BYTES;
        }
        number
    }

    /// The number of a shape, and the shape.
    pub(super) fn shape(&mut self, of: &[u8], to: &mut Columns) -> (u32, &Shape) {
        let (number, new) = self.shapes.of(of);
        if new {
            to.push(NEW_SHAPE, of.len() as u64);
            to.text(NEW_SHAPE_TEXT, of);
            let names = &mut self.names;
            // It was taken apart by the same rules.
            let shape = Shape::read(of, |name| names.of(name).0);
            self.of_shapes.push(shape.unwrap_or_default());
            self.bytes += 2 * (of.len() + ENTRY_BYTES);
        }
        (number, &self.of_shapes[number as usize])
    }

    pub(super) fn kind(&mut self, of: &Kind, to: &mut Columns) -> u32 {
        let (number, new) = self.kinds.of(of);
        if new {
            to.push(NEW_CALL_NR, of.nr);
            to.push(NEW_CALL_FLAGS, of.flags);
            to.push(NEW_CALL_FIELDS, of.fields);
            to.push(NEW_CALL_PLACE, of.place);
            self.bytes += ENTRY_BYTES;
        }
        number
    }

    pub(super) fn file(&mut self, of: &FileId, to: &mut Columns) -> u32 {
        let (number, new) = self.files.of(of);
        if new {
            to.push(NEW_FILE_INO, of.ino);
            to.push(NEW_FILE_DEV, of.dev);
            to.push(NEW_FILE_GENERATION, of.generation);
            self.bytes += ENTRY_BYTES;
        }
        number
    }
}

/// Encodes records, block by block.
///
/// ```
/// use nulltrace_core::capture::{Compress, Decoder, Encoder};
/// use nulltrace_core::input::made::Made;
///
/// let mut encoder = Encoder::new(Compress::Fast);
/// let mut made = Made::default();
/// let record = made.user(5_000, 1000, b"ann").to_vec();
/// encoder.checkpoint();
/// encoder.push(&record).unwrap();
/// let block = encoder.end();
///
/// let mut decoder = Decoder::default();
/// decoder.checkpoint();
/// let mut records = Vec::new();
/// decoder.read(&block, &mut |record| records.push(record.to_vec())).unwrap();
/// assert_eq!(records, [record]);
/// ```
#[derive(Debug)]
pub struct Encoder {
    columns: Columns,
    dictionaries: Dictionaries,
    threads: Threads,
    expected: Expected,
    parts: Parts,
    with: Compressor,
    /// Time and thread of the entry before.
    before: (u64, (u32, u32), u32),
}

impl Encoder {
    /// An encoder; it begins with a block that is no checkpoint, as long as [`checkpoint`](Self::checkpoint) is not
    /// called.
    #[must_use]
    pub fn new(how: Compress) -> Self {
        let mut encoder = Self {
            columns: Columns::new(),
            dictionaries: Dictionaries::new(),
            threads: Threads::default(),
            expected: Expected::default(),
            parts: Parts::default(),
            with: Compressor::new(how),
            before: Default::default(),
        };
        encoder.begin();
        encoder
    }

    fn begin(&mut self) {
        self.threads.begin();
        self.expected.begin();
        self.before = (0, (0, 0), u32::MAX);
    }

    /// The block that begins can be read without those before it. To be called between two blocks.
    pub fn checkpoint(&mut self) {
        self.dictionaries.clear();
        self.threads.clear();
    }

    /// About how much memory the dictionaries take, in bytes: a checkpoint frees it.
    #[must_use]
    pub fn dictionary_bytes(&self) -> usize {
        self.dictionaries.bytes
    }

    /// Takes a record, 8-byte aligned as records are.
    ///
    /// # Errors
    /// It is none, and nothing of it is in the block.
    pub fn push(&mut self, record: &[u8]) -> Result<(), BadRecord> {
        let size = BadRecord::Size { got: record.len() };
        let (head, body) = record.split_at_checked(size_of::<Head>()).ok_or(size)?;
        let head: Head = zerocopy::FromBytes::read_from_bytes(head).map_err(|_| size)?;
        if usize::from(head.size) != record.len() {
            return Err(size);
        }
        let what = Event::decode(record).ok().map(|event| event.what);
        let (marker, of_segment) = match what {
            Some(What::Segment { segment, calls, .. })
                if segment::is_known(segment, calls) && body.len() == body_len(calls.len()) =>
            {
                (None, Some((segment, calls)))
            }
            _ if is_marker(&head) => (self.parts.take(body), None),
            _ => (None, None),
        };
        let whole = marker.is_none() && of_segment.is_none();
        let thread = self.entry(&head, whole);
        let columns = &mut self.columns;
        if marker.is_some() {
            let state = self.threads.at(thread);
            let (parts, expected) = (&self.parts, &mut self.expected);
            marker::put(
                body,
                parts,
                state,
                expected,
                &mut self.dictionaries,
                columns,
            );
        } else if let Some((segment, calls)) = of_segment {
            let state = self.threads.at(thread);
            segment::put(segment, calls, state, &mut self.dictionaries, columns);
        } else {
            columns.push(BODY, body.len() as u64);
            columns.text(BODY_TEXT, body);
        }
        self.threads.at(thread).after(&head);
        Ok(())
    }

    /// Stores what every record has. Returns the thread's number.
    fn entry(&mut self, head: &Head, whole: bool) -> u32 {
        let (ts, thread, number) = self.before;
        let here = number != u32::MAX && (ts, thread) == (head.ts, (head.pid, head.tid));
        let columns = &mut self.columns;
        let number = match here {
            true => number,
            false => self.dictionaries.thread(head.pid, head.tid, columns),
        };
        let usual = self.threads.at(number).usual(head);
        let mut entry = EntryKind {
            kind: head.kind,
            flags: head.flags,
            differs: 0,
        };
        for (what, is) in [
            (EntryKind::HERE, here),
            (EntryKind::BACK, head.ts < ts),
            (EntryKind::NUMBER, usual != head.number),
            (EntryKind::WHOLE, whole),
        ] {
            entry.differs |= if is { what } else { 0 };
        }
        let kind = self.dictionaries.entry(&entry, columns);
        columns.push(ENTRY, kind);
        if !here {
            columns.push(THREAD, number);
            columns.push(TIME, head.ts.abs_diff(ts));
        }
        if usual != head.number {
            columns.push(NUMBER, zigzag(head.number.into(), usual.into()));
        }
        self.before = (head.ts, (head.pid, head.tid), number);
        number
    }

    /// The table of the records since the last call; the next block begins.
    pub fn end(&mut self) -> Vec<u8> {
        self.begin();
        self.columns.end(&mut self.with)
    }
}

/// Whether its body is a marker.
pub(super) const fn is_marker(head: &Head) -> bool {
    head.kind == KIND_MARKER
}

/// How long the body of a segment with so many calls is.
const fn body_len(calls: usize) -> usize {
    use crate::input::record::{CallsRecord, SegmentRecord};
    size_of::<SegmentRecord>() - size_of::<Head>() + calls * size_of::<CallsRecord>()
}

#[cfg(test)]
mod tests;
