//! The dictionaries of a writer. What is new in one goes to its columns.

use super::columns::{
    Columns, NEW_CALL_FIELDS, NEW_CALL_FLAGS, NEW_CALL_NR, NEW_CALL_PLACE, NEW_ENTRY, NEW_FILE_DEV,
    NEW_FILE_GENERATION, NEW_FILE_INO, NEW_PID, NEW_SHAPE, NEW_SHAPE_TEXT, NEW_SINGLE_NR,
    NEW_SINGLE_SET, NEW_TEXT, NEW_TEXT_BYTES, NEW_TID,
};
use super::dictionary::{CallKind, ENTRY_BYTES, EntryKind, Numbers, SingleKind};
use super::ints::zigzag;
use super::shape::Shape;
use crate::input::record::FileId;

/// All of them.
#[derive(Debug)]
pub(super) struct Dictionaries {
    entries: Numbers<EntryKind>,
    threads: Numbers<(u32, u32)>,
    shapes: Numbers<Vec<u8>>,
    of_shapes: Vec<Shape>,
    names: Numbers<Vec<u8>>,
    kinds: Numbers<CallKind>,
    files: Numbers<FileId>,
    singles: Numbers<SingleKind>,
    texts: Numbers<Vec<u8>>,
    /// About how much memory they take, in bytes.
    bytes: usize,
}

impl Dictionaries {
    pub(super) fn new() -> Self {
        Self {
            entries: Numbers::new(),
            threads: Numbers::new(),
            shapes: Numbers::new(),
            of_shapes: Vec::new(),
            names: Numbers::new(),
            kinds: Numbers::new(),
            files: Numbers::new(),
            singles: Numbers::new(),
            texts: Numbers::new(),
            bytes: 0,
        }
    }

    /// About how much memory they take, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// They begin anew.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// The number of an entry's kind.
    pub(super) fn entry(&mut self, of: &EntryKind, to: &mut Columns) -> u32 {
        let (number, new) = self.entries.of(of);
        if new {
            to.push(NEW_ENTRY, of.word());
            self.bytes += ENTRY_BYTES;
        }
        number
    }

    /// The number of a thread.
    pub(super) fn thread(&mut self, pid: u32, tid: u32, to: &mut Columns) -> u32 {
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

    /// The number of a kind of calls.
    pub(super) fn kind(&mut self, of: &CallKind, to: &mut Columns) -> u32 {
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

    /// The number of a file.
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

    /// The number of what repeats of a single thing.
    pub(super) fn single(&mut self, of: &SingleKind, to: &mut Columns) -> u32 {
        let (number, new) = self.singles.of(of);
        if new {
            to.push(NEW_SINGLE_NR, of.nr);
            to.push(NEW_SINGLE_SET, of.set);
            self.bytes += ENTRY_BYTES;
        }
        number
    }

    /// The number of a text.
    pub(super) fn text(&mut self, of: &[u8], to: &mut Columns) -> u32 {
        let (number, new) = self.texts.of(of);
        if new {
            to.push(NEW_TEXT, of.len() as u64);
            to.text(NEW_TEXT_BYTES, of);
            self.bytes += of.len() + ENTRY_BYTES;
        }
        number
    }
}
