//! From records to the tables of a block.

use super::columns::{BODY, BODY_TEXT, CPU, Columns, ENTRY, NUMBER, THREAD, TIME};
use super::dictionaries::Dictionaries;
use super::dictionary::EntryKind;
use super::ints::zigzag;
use super::marker::{self, Expected};
use super::segment;
use super::shape::Parts;
use super::single::{self, Single, Singles};
use super::table::{Compress, Compressor};
use super::threads::Threads;
use crate::input::event::{BadRecord, Event, What};
use crate::input::joined::KIND_MARKER;
use crate::input::record::{CallsRecord, Head, SegmentRecord};

/// How a record is stored.
#[derive(Debug)]
enum Form<'a> {
    /// By the marker's parts.
    Marker,
    Segment(&'a SegmentRecord, &'a [CallsRecord]),
    Single(Single<'a>),
    /// As it is.
    Whole,
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
    singles: Singles,
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
            singles: Singles::default(),
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
        self.singles.begin();
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
        let form = self.form(&head, record);
        let thread = self.entry(&head, &form);
        self.body(form, body, thread);
        self.threads.at(thread).after(&head);
        Ok(())
    }

    /// How a record is stored.
    fn form<'a>(&mut self, head: &Head, record: &'a [u8]) -> Form<'a> {
        if is_marker(head) {
            let body = record.get(size_of::<Head>()..).unwrap_or_default();
            return match self.parts.take(body) {
                Some(()) => Form::Marker,
                None => Form::Whole,
            };
        }
        if single::is_single(head.kind) {
            return Single::of(head.kind, record).map_or(Form::Whole, Form::Single);
        }
        match Event::decode(record).ok().map(|event| event.what) {
            Some(What::Segment { segment, calls, .. })
                if segment::is_known(segment, calls)
                    && record.len() == size_of::<SegmentRecord>() + size_of_val(calls) =>
            {
                Form::Segment(segment, calls)
            }
            _ => Form::Whole,
        }
    }

    /// Stores what follows the head.
    fn body(&mut self, form: Form<'_>, body: &[u8], thread: u32) {
        let (columns, dictionaries) = (&mut self.columns, &mut self.dictionaries);
        match form {
            Form::Marker => {
                let state = self.threads.at(thread);
                let expected = &mut self.expected;
                marker::put(body, &self.parts, state, expected, dictionaries, columns);
            }
            Form::Segment(segment, calls) => {
                let state = self.threads.at(thread);
                segment::put(segment, calls, state, dictionaries, columns);
            }
            Form::Single(of) => {
                let (expected, threads) = (&mut self.singles, &mut self.threads);
                single::put(of, thread, expected, threads, dictionaries, columns);
            }
            Form::Whole => {
                columns.push(BODY, body.len() as u64);
                columns.text(BODY_TEXT, body);
            }
        }
    }

    /// Stores what every record has. Returns the thread's number.
    fn entry(&mut self, head: &Head, form: &Form<'_>) -> u32 {
        let (ts, thread, number) = self.before;
        let here = number != u32::MAX && (ts, thread) == (head.ts, (head.pid, head.tid));
        let number = match here {
            true => number,
            false => {
                let columns = &mut self.columns;
                self.dictionaries.thread(head.pid, head.tid, columns)
            }
        };
        let whole = matches!(form, Form::Whole);
        let usual = self.threads.at(number).usual(head, whole);
        let (on_cpu, same_cpu) = match form {
            Form::Single(of) => self.cpu(of.cpu(), number, here),
            _ => (false, false),
        };
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
            (EntryKind::SAME_CPU, same_cpu),
            (EntryKind::ON_CPU, on_cpu),
        ] {
            entry.differs |= if is { what } else { 0 };
        }
        let columns = &mut self.columns;
        let kind = self.dictionaries.entry(&entry, columns);
        columns.push(ENTRY, kind);
        if !here {
            if !on_cpu {
                columns.push(THREAD, number);
            }
            columns.push(TIME, head.ts.abs_diff(ts));
        }
        if usual != head.number {
            columns.push(NUMBER, zigzag(head.number.into(), usual.into()));
        }
        self.before = (head.ts, (head.pid, head.tid), number);
        number
    }

    /// Stores the cpu of a single thing of this thread, if it has one of its own, else where the thread was last, if
    /// nothing shows that it is elsewhere. Returns whether that says the thread, and whether it is the cpu before.
    fn cpu(&mut self, own: Option<u16>, thread: u32, here: bool) -> (bool, bool) {
        let cpu = own.unwrap_or_else(|| self.threads.at(thread).cpu);
        let on_cpu = !here && self.singles.cpus.thread(cpu) == Some(thread);
        if own.is_none() && !on_cpu {
            return (false, false);
        }
        let same = cpu == self.singles.cpus.last;
        if !same {
            self.columns.push(CPU, cpu);
        }
        self.singles.cpus.last = cpu;
        if own.is_some() {
            self.singles.seen(cpu, thread, &mut self.threads);
        }
        (on_cpu, same)
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

#[cfg(test)]
pub(super) mod tests;
