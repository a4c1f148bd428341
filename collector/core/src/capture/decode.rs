//! From the table of a block to its records.

use zerocopy::IntoBytes;

use super::bytes::{Bad, Result};
use super::columns::{
    BODY, BODY_TEXT, CPU, Cursors, ENTRY, NEW_CALL_FIELDS, NEW_CALL_FLAGS, NEW_CALL_NR,
    NEW_CALL_PLACE, NEW_ENTRY, NEW_FILE_DEV, NEW_FILE_GENERATION, NEW_FILE_INO, NEW_PID, NEW_SHAPE,
    NEW_SHAPE_TEXT, NEW_SINGLE_NR, NEW_SINGLE_SET, NEW_TEXT, NEW_TEXT_BYTES, NEW_TID, NUMBER,
    THREAD, TIME,
};
use super::dictionary::{CallKind, EntryKind, SingleKind, Values, entry};
use super::encode::is_marker;
use super::ints::unzigzag;
use super::marker::{self, Expected};
use super::segment;
use super::single::{self, Singles};
use super::table::Expander;
use super::threads::Threads;
use super::writer::BLOCK_BYTES;
use crate::input::record::{CallsRecord, FileId, Head, KIND_SEGMENT, KIND_SO_FAR};

/// Dictionaries that take more are not what a writer makes: it begins them anew long before. In bytes.
const DICTIONARY_MAX: u64 = 32 << 20;

/// Decodes blocks, in the order in which they were written from a checkpoint on.
#[derive(Debug, Default)]
pub struct Decoder {
    values: Values,
    threads: Threads,
    expected: Expected,
    singles: Singles,
    bytes: Vec<u8>,
    words: Vec<u64>,
    calls: Vec<CallsRecord>,
    with: Expander,
}

impl Decoder {
    /// The block that follows is a checkpoint.
    pub fn checkpoint(&mut self) {
        self.values.clear();
        self.threads.clear();
    }

    /// Reads a block; gives `each` its records, aligned as records are.
    ///
    /// # Errors
    /// It is damaged; what was given before that is as it was written.
    pub fn read(&mut self, block: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut from = Cursors::read(block, &mut self.with)?;
        self.threads.begin();
        self.expected.begin();
        self.singles.begin();
        learn(&mut self.values, &mut from)?;
        let known = self.values.bytes() as u64;
        if known > DICTIONARY_MAX {
            return Err(Bad::TooMuch(known));
        }
        let mut before = (0, 0);
        let mut bytes = 0;
        for _ in 0..from.count(ENTRY) {
            // A block has no more, whoever wrote it: so what a reader keeps of it is bounded.
            if bytes > BLOCK_BYTES {
                return Err(Bad::TooMuch(bytes as u64));
            }
            self.record(&mut before, &mut from)?;
            let size = self.bytes.len();
            bytes += size;
            if self.words.len() * 8 < size {
                self.words.resize(size.div_ceil(8), 0);
            }
            let record = self.words.as_mut_bytes().get_mut(..size);
            let record = record.ok_or(Bad::NoRecord)?;
            record.copy_from_slice(&self.bytes);
            each(record);
        }
        from.end()
    }

    /// Reads the next record into `bytes`.
    fn record(&mut self, before: &mut (u64, u32), from: &mut Cursors<'_>) -> Result<()> {
        let kind = *entry(&self.values.entries, from.number(ENTRY)?)?;
        let cpu = self.cpu(kind, from)?;
        if !kind.has(EntryKind::HERE) {
            let thread = match kind.has(EntryKind::ON_CPU) {
                true => self.singles.cpus.thread(cpu).ok_or(Bad::NoRecord)?,
                false => from.small(THREAD)?,
            };
            let by = from.number(TIME)?;
            let ts = match kind.has(EntryKind::BACK) {
                true => before.0.checked_sub(by),
                false => before.0.checked_add(by),
            };
            *before = (ts.ok_or(Bad::NoRecord)?, thread);
        }
        let (ts, thread) = *before;
        let &(pid, tid) = entry(&self.values.threads, thread.into())?;
        let mut head = Head {
            ts,
            pid,
            tid,
            size: 0,
            kind: kind.kind,
            flags: kind.flags,
            number: 0,
        };
        let state = self.threads.at(thread);
        head.number = state.usual(&head, kind.has(EntryKind::WHOLE));
        if kind.has(EntryKind::NUMBER) {
            let number = unzigzag(from.number(NUMBER)?, head.number.into());
            head.number = u32::try_from(number).map_err(|_| Bad::NoRecord)?;
        }
        self.bytes.clear();
        if kind.has(EntryKind::WHOLE) {
            self.bytes.extend_from_slice(head.as_bytes());
            let len = from.number(BODY)?;
            self.bytes.extend_from_slice(from.text(BODY_TEXT, len)?);
        } else if is_marker(&head) {
            self.bytes.extend_from_slice(head.as_bytes());
            marker::get(
                &mut self.bytes,
                state,
                &mut self.expected,
                &self.values,
                from,
            )?;
        } else if matches!(head.kind, KIND_SEGMENT | KIND_SO_FAR) {
            self.calls.clear();
            let segment = segment::get(head, &mut self.calls, state, &self.values, from)?;
            self.bytes.extend_from_slice(segment.as_bytes());
            self.bytes.extend_from_slice(self.calls.as_bytes());
        } else if single::is_single(head.kind) {
            self.bytes.extend_from_slice(head.as_bytes());
            let (expected, threads) = (&mut self.singles, &mut self.threads);
            if single::has_cpu(head.kind) {
                expected.seen(cpu, thread, threads);
            }
            let (bytes, place) = (&mut self.bytes, (thread, cpu));
            single::get(head, bytes, place, expected, threads, &self.values, from)?;
        } else {
            return Err(Bad::NoRecord);
        }
        head.size = u16::try_from(self.bytes.len()).map_err(|_| Bad::NoRecord)?;
        let front = self.bytes.first_chunk_mut::<{ size_of::<Head>() }>();
        *front.ok_or(Bad::NoRecord)? = zerocopy::transmute!(head);
        self.threads.at(thread).after(&head);
        Ok(())
    }

    /// The cpu of a single thing, or that which says its thread; 0 where it has none.
    fn cpu(&mut self, kind: EntryKind, from: &mut Cursors<'_>) -> Result<u16> {
        let has = single::has_cpu(kind.kind) && !kind.has(EntryKind::WHOLE);
        if !has && !kind.has(EntryKind::ON_CPU) {
            return Ok(0);
        }
        let last = &mut self.singles.cpus.last;
        if !kind.has(EntryKind::SAME_CPU) {
            *last = u16::try_from(from.number(CPU)?).map_err(|_| Bad::NoRecord)?;
        }
        Ok(*last)
    }
}

/// Takes in what a block adds to the dictionaries.
fn learn(values: &mut Values, from: &mut Cursors<'_>) -> Result<()> {
    while let Some(word) = from.more(NEW_ENTRY) {
        values.entries.push(EntryKind::from_word(word)?);
    }
    while let Some(pid) = from.more(NEW_PID) {
        let tid = unzigzag(from.number(NEW_TID)?, pid);
        let small = |n| u32::try_from(n).map_err(|_| Bad::NoRecord);
        if (pid, tid) == (0, 0) {
            values.idle.get_or_insert(values.threads.len() as u32);
        }
        values.threads.push((small(pid)?, small(tid)?));
    }
    while let Some(len) = from.more(NEW_SHAPE) {
        values.shape(from.text(NEW_SHAPE_TEXT, len)?)?;
    }
    for _ in 0..from.count(NEW_CALL_NR) {
        let byte = |n| u8::try_from(n).map_err(|_| Bad::NoRecord);
        values.kinds.push(CallKind {
            nr: from.small(NEW_CALL_NR)?,
            flags: from.small(NEW_CALL_FLAGS)?,
            fields: byte(from.number(NEW_CALL_FIELDS)?)?,
            place: byte(from.number(NEW_CALL_PLACE)?)?,
        });
    }
    while let Some(ino) = from.more(NEW_FILE_INO) {
        values.files.push(FileId {
            ino,
            dev: from.small(NEW_FILE_DEV)?,
            generation: from.small(NEW_FILE_GENERATION)?,
        });
    }
    while let Some(nr) = from.more(NEW_SINGLE_NR) {
        values.singles.push(SingleKind {
            nr: u32::try_from(nr).map_err(|_| Bad::NoRecord)?,
            set: from.small(NEW_SINGLE_SET)?,
        });
    }
    while let Some(len) = from.more(NEW_TEXT) {
        let text = from.text(NEW_TEXT_BYTES, len)?;
        values.text(text);
    }
    Ok(())
}
