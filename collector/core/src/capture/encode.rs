//! From records to the tables of a block.

use super::columns::{BODY, BODY_TEXT, Columns, ENTRY, NUMBER, THREAD, TIME};
use super::dictionaries::Dictionaries;
use super::dictionary::EntryKind;
use super::ints::zigzag;
use super::marker::{self, Expected};
use super::segment;
use super::shape::Parts;
use super::table::{Compress, Compressor};
use super::threads::Threads;
use crate::input::event::{BadRecord, Event, What};
use crate::input::joined::KIND_MARKER;
use crate::input::record::Head;

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
        self.dictionaries.bytes()
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
