//! What repeats is a number in a dictionary. A block has the entries that it adds; a dictionary begins anew at every
//! checkpoint, so what is no longer used is not kept.

use core::borrow::Borrow;
use core::hash::Hash;

use hashbrown::HashMap;

use super::bytes::{Bad, Result};
use super::shape::Shape;
use crate::input::record::FileId;

/// About what an entry of a dictionary takes, beside its text.
pub(super) const ENTRY_BYTES: usize = 48;

/// A dictionary that is written: values by number.
#[derive(Debug)]
pub(super) struct Numbers<K>(HashMap<K, u32, foldhash::fast::RandomState>);

impl<K: Eq + Hash> Numbers<K> {
    pub(super) fn new() -> Self {
        Self(HashMap::default())
    }

    /// The number of a value, and whether it is new.
    #[inline]
    pub(super) fn of<Q>(&mut self, value: &Q) -> (u32, bool)
    where
        K: Borrow<Q>,
        Q: ?Sized + Eq + Hash + ToOwned<Owned = K>,
    {
        if let Some(&number) = self.0.get(value) {
            return (number, false);
        }
        let next = self.0.len() as u32;
        self.0.insert(value.to_owned(), next);
        (next, true)
    }
}

/// What is usual of an entry, and how it differs from that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct EntryKind {
    /// `Head::kind`.
    pub(super) kind: u8,
    /// `Head::flags`.
    pub(super) flags: u8,
    /// A set of the constants below.
    pub(super) differs: u8,
}

impl EntryKind {
    /// It has the time and thread of the entry before.
    pub(super) const HERE: u8 = 1;
    /// It is of an earlier time than the entry before.
    pub(super) const BACK: u8 = 2;
    /// Its number is not the one expected.
    pub(super) const NUMBER: u8 = 4;
    /// Its body is kept as it is.
    pub(super) const WHOLE: u8 = 8;
    /// Its cpu is that of the entry before that has one.
    pub(super) const SAME_CPU: u8 = 16;
    /// Its thread is the last that was seen on its cpu.
    pub(super) const ON_CPU: u8 = 32;

    pub(super) const fn has(self, what: u8) -> bool {
        self.differs & what != 0
    }

    pub(super) fn word(self) -> u64 {
        u32::from_le_bytes([self.kind, self.flags, self.differs, 0]).into()
    }

    pub(super) fn from_word(word: u64) -> Result<Self> {
        let word = u32::try_from(word).map_err(|_| Bad::NoRecord)?;
        match word.to_le_bytes() {
            [kind, flags, differs, 0] => Ok(Self {
                kind,
                flags,
                differs,
            }),
            _ => Err(Bad::NoRecord),
        }
    }
}

/// What repeats of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct CallKind {
    pub(super) nr: u32,
    pub(super) flags: u32,
    /// Which fields follow.
    pub(super) fields: u8,
    /// One more than the file's place among the thread's last; one more than the last place if it has none, 0 if there is no file.
    pub(super) place: u8,
}

/// What repeats of a system call, a switch, a wake-up, a request or an interrupt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct SingleKind {
    /// Number of the system call, state, operation, number of the interrupt.
    pub(super) nr: u32,
    /// Which fields follow, and from what the others do.
    pub(super) set: u32,
}

/// The dictionaries of a reader: values by number.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) entries: Vec<EntryKind>,
    pub(super) threads: Vec<(u32, u32)>,
    pub(super) shapes: Vec<Shape>,
    pub(super) kinds: Vec<CallKind>,
    pub(super) files: Vec<FileId>,
    pub(super) singles: Vec<SingleKind>,
    pub(super) texts: Vec<Box<[u8]>>,
    /// The thread that stands for none: a cpu is idle.
    pub(super) idle: Option<u32>,
    /// Bytes of shapes and texts.
    text_bytes: usize,
    names: HashMap<Vec<u8>, u32, foldhash::fast::RandomState>,
}

impl Values {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next shape.
    pub(super) fn shape(&mut self, bytes: &[u8]) -> Result<()> {
        let names = &mut self.names;
        let shape = Shape::read(bytes, |name| name_of(names, name))?;
        self.shapes.push(shape);
        self.text_bytes += 2 * bytes.len();
        Ok(())
    }

    /// The next text.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        self.texts.push(bytes.into());
        self.text_bytes += bytes.len();
    }

    /// About how much memory they take.
    pub(super) const fn bytes(&self) -> usize {
        let some = self.entries.len() + self.threads.len() + self.kinds.len() + self.files.len();
        let others = 2 * self.shapes.len() + self.singles.len() + self.texts.len();
        self.text_bytes + (some + others) * ENTRY_BYTES
    }
}

fn name_of(names: &mut HashMap<Vec<u8>, u32, foldhash::fast::RandomState>, name: &[u8]) -> u32 {
    let next = names.len() as u32;
    *names.entry_ref(name).or_insert(next)
}

/// The entry of that number.
#[inline]
pub(super) fn entry<T>(of: &[T], n: u64) -> Result<&T> {
    let at = usize::try_from(n).map_err(|_| Bad::NoEntry(n))?;
    of.get(at).ok_or(Bad::NoEntry(n))
}
