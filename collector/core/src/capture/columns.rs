//! The columns of a block: what each holds, and by which number a file calls it.

use hashbrown::HashMap;

use super::bytes::{Bad, Result};
use super::table::{self, Compressor, Expander, Table};

/// Columns of numbers that every block may have. Numbers are never given to another column.
macro_rules! columns {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal;)+) => {
        $($(#[doc = $doc])+ pub(super) const $name: u32 = $id;)+
        /// One more than the largest.
        pub(super) const FIXED: usize = {
            let ids = [$($id),+];
            let mut at = 0;
            while at < ids.len() {
                assert!(ids[at] == at, "columns are counted");
                at += 1;
            }
            at
        };
    };
}

columns! {
    /// What each entry is: a number in the dictionary of entries.
    ENTRY = 0;
    /// Its thread, in the dictionary of threads.
    THREAD = 1;
    /// Its time: how long after the entry before, or before it.
    TIME = 2;
    /// The record's number, where it is not the thread's next: by how much it differs.
    NUMBER = 3;
    /// How long its body is, where that is kept as it is.
    BODY = 4;
    /// The body itself: text.
    BODY_TEXT = 5;
    /// The shape of a marker, in the dictionary of shapes.
    SHAPE = 6;
    /// The id in an enter marker: its difference from one more than the last.
    ENTER_ID = 7;
    /// The id in an exit marker: its place among those the thread has open, or [`NO_SLOT`](super::marker::NO_SLOT).
    EXIT_SLOT = 8;
    /// The id in an exit marker that has no such place: its difference from that of the last enter marker.
    EXIT_ID = 9;
    /// Which fields of a segment follow.
    SEGMENT = 10;
    /// How long it lasted.
    SEGMENT_SINCE = 11;
    /// `kernel`, its difference from the calls'.
    SEGMENT_KERNEL = 12;
    /// `runnable`, the same.
    SEGMENT_RUNNABLE = 13;
    /// `blocked`, its difference from the calls' and `fault`.
    SEGMENT_BLOCKED = 14;
    /// `fault`.
    SEGMENT_FAULT = 15;
    /// `other_time`.
    SEGMENT_OTHER_TIME = 16;
    /// `other`.
    SEGMENT_OTHER = 17;
    /// `voluntary`.
    SEGMENT_VOLUNTARY = 18;
    /// `involuntary`.
    SEGMENT_INVOLUNTARY = 19;
    /// `minor`.
    SEGMENT_MINOR = 20;
    /// `major`.
    SEGMENT_MAJOR = 21;
    /// How many calls follow it.
    SEGMENT_CALLS = 22;
    /// The kind of calls, in the dictionary of those.
    CALL = 23;
    /// The file, where it is none of the last: in the dictionary of files.
    CALL_FILE = 24;
    /// `time`, less what of it was blocked or runnable.
    CALL_TIME = 25;
    /// `blocked`.
    CALL_BLOCKED = 26;
    /// `runnable`.
    CALL_RUNNABLE = 27;
    /// `bytes`.
    CALL_BYTES = 28;
    /// `count`, where it is not 1.
    CALL_COUNT = 29;
    /// `min`, where it does not follow from the others.
    CALL_MIN = 30;
    /// `max`, where it does not; its difference from `min`.
    CALL_MAX = 31;
    /// Which of `errors` follow.
    CALL_ERRORS = 32;
    /// Those.
    CALL_ERROR = 33;
    /// `buckets` that do not follow from the others.
    CALL_BUCKETS = 34;
    /// Dictionary of entries: kind and flags of the record, and how it differs from what is usual.
    NEW_ENTRY = 35;
    /// Dictionary of threads: the process.
    NEW_PID = 36;
    /// Dictionary of threads: the thread, its difference from the process.
    NEW_TID = 37;
    /// Dictionary of shapes: the length of each.
    NEW_SHAPE = 38;
    /// Dictionary of shapes: each, as [`Shape`](super::shape::Shape) writes it; text.
    NEW_SHAPE_TEXT = 39;
    /// Dictionary of kinds of calls: number of the call.
    NEW_CALL_NR = 40;
    /// Dictionary of kinds of calls: flags.
    NEW_CALL_FLAGS = 41;
    /// Dictionary of kinds of calls: which fields follow.
    NEW_CALL_FIELDS = 42;
    /// Dictionary of kinds of calls: the file's place among the thread's last.
    NEW_CALL_PLACE = 43;
    /// Dictionary of files: inode number.
    NEW_FILE_INO = 44;
    /// Dictionary of files: device.
    NEW_FILE_DEV = 45;
    /// Dictionary of files: generation.
    NEW_FILE_GENERATION = 46;
    /// The cpu, where it is not that of the entry before that has one.
    CPU = 47;
    /// What repeats of a single thing, in the dictionary of those.
    SINGLE = 48;
    /// A system call's `time`.
    SYSCALL_TIME = 49;
    /// Its `result`: its difference from 0, or from the last.
    SYSCALL_RESULT = 50;
    /// Its arguments: their difference from the last, each in a column of its own.
    SYSCALL_ARG_0 = 51;
    /// The second.
    SYSCALL_ARG_1 = 52;
    /// The third.
    SYSCALL_ARG_2 = 53;
    /// The fourth.
    SYSCALL_ARG_3 = 54;
    /// The fifth.
    SYSCALL_ARG_4 = 55;
    /// The sixth.
    SYSCALL_ARG_5 = 56;
    /// `fd`, where it is neither an argument nor the result: its difference from 0.
    SYSCALL_FD = 57;
    /// The file, where it is not the last of that descriptor: one more than its number in the dictionary of files; 0:
    /// there is none.
    SYSCALL_FILE = 58;
    /// Its texts, in the dictionary of those, and the name of an interrupt's handler.
    TEXT = 59;
    /// How long its texts are, where they are not in the dictionary.
    RAW = 60;
    /// Those; text.
    RAW_TEXT = 61;
    /// The thread that a cpu went to, or that became runnable: in the dictionary of threads.
    OTHER_THREAD = 62;
    /// The cpu where a thread is to run, if it is not the thread's last.
    OTHER_CPU = 63;
    /// A request's `time`.
    BLOCK_TIME = 64;
    /// Its `queued`.
    BLOCK_QUEUED = 65;
    /// Its `sector`: its difference from the end of the request before.
    BLOCK_SECTOR = 66;
    /// Its `dev`, where it is not that of the one before.
    BLOCK_DEV = 67;
    /// Its `bytes`, the same.
    BLOCK_BYTES = 68;
    /// Its `error`, its difference from 0.
    BLOCK_ERROR = 69;
    /// An interrupt's `time`.
    IRQ_TIME = 70;
    /// Dictionary of single things: number of the system call, state, operation or interrupt.
    NEW_SINGLE_NR = 71;
    /// Dictionary of single things: which fields follow, and from what the others do.
    NEW_SINGLE_SET = 72;
    /// Dictionary of texts: the length of each.
    NEW_TEXT = 73;
    /// Dictionary of texts: each; text.
    NEW_TEXT_BYTES = 74;
}

/// Whether a column is text.
const fn is_text(column: u32) -> bool {
    matches!(
        column,
        BODY_TEXT | NEW_SHAPE_TEXT | RAW_TEXT | NEW_TEXT_BYTES
    )
}

/// From here on there are four columns for each argument name, in order of the dictionary of names; the first four
/// are of all names beyond [`NAMES`].
pub(super) const ARGS: u32 = 1 << 10;
/// So many argument names have columns of their own.
pub(super) const NAMES: u32 = 255;
/// Of these four, by argument: 0 the numbers, each its difference from the last,
pub(super) const ARG_NUMBER: u32 = 0;
/// how long the text is and one more, 0 for a number,
pub(super) const ARG_KIND: u32 = 1;
/// the text.
pub(super) const ARG_TEXT: u32 = 2;

/// The first column of the argument of that number.
pub(super) const fn of_name(name: u32) -> u32 {
    let slot = if name < NAMES { name + 1 } else { 0 };
    ARGS + 4 * slot
}

/// Columns that are being written.
#[derive(Debug)]
pub(super) struct Columns {
    fixed: Vec<Vec<u64>>,
    /// Of arguments, by column.
    args: Vec<Vec<u64>>,
    texts: HashMap<u32, Vec<u8>, foldhash::fast::RandomState>,
}

impl Columns {
    pub(super) fn new() -> Self {
        Self {
            fixed: (0..FIXED).map(|_| Vec::new()).collect(),
            args: Vec::new(),
            texts: HashMap::default(),
        }
    }

    /// Appends a number to a column.
    #[inline]
    pub(super) fn push(&mut self, column: u32, n: impl Into<u64>) {
        let n = n.into();
        match self.fixed.get_mut(column as usize) {
            Some(of) => of.push(n),
            None => self.push_arg(column, n),
        }
    }

    fn push_arg(&mut self, column: u32, n: u64) {
        let at = column.saturating_sub(ARGS) as usize;
        if at >= self.args.len() {
            self.args.resize_with(at + 1, Vec::new);
        }
        if let Some(of) = self.args.get_mut(at) {
            of.push(n);
        }
    }

    /// Appends bytes to a column of text.
    pub(super) fn text(&mut self, column: u32, bytes: &[u8]) {
        self.texts
            .entry(column)
            .or_default()
            .extend_from_slice(bytes);
    }

    /// All of them as a table; then they are empty.
    pub(super) fn end(&mut self, with: &mut Compressor) -> Vec<u8> {
        let mut table = table::Writer::default();
        let fixed = (0..).zip(&mut self.fixed);
        for (id, numbers) in fixed.chain((ARGS..).zip(&mut self.args)) {
            table.numbers(id, numbers, with);
            numbers.clear();
        }
        let mut texts: Vec<_> = self.texts.iter_mut().collect();
        texts.sort_unstable_by_key(|(id, _)| **id);
        for (id, text) in texts {
            table.text(*id, text, with);
            text.clear();
        }
        table.end(with)
    }
}

/// A column that is read from its beginning on.
#[derive(Debug, Default)]
struct Cursor {
    numbers: Vec<u64>,
    at: usize,
}

impl Cursor {
    fn next(&mut self) -> Option<u64> {
        let n = self.numbers.get(self.at).copied();
        self.at += 1;
        n
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.numbers.len()
    }
}

/// The columns of a block that is read.
#[derive(Debug)]
pub(super) struct Cursors<'a> {
    table: Table<'a>,
    fixed: Vec<Cursor>,
    /// Of arguments, by column, as they are first read.
    args: Vec<Option<Cursor>>,
    /// How much of each text was read.
    texts: HashMap<u32, usize, foldhash::fast::RandomState>,
}

impl<'a> Cursors<'a> {
    pub(super) fn read(bytes: &'a [u8], with: &mut Expander) -> Result<Self> {
        let table = Table::read(bytes, with)?;
        let mut fixed = Vec::with_capacity(FIXED);
        for id in 0..FIXED as u32 {
            let numbers = if is_text(id) {
                Vec::new()
            } else {
                table.numbers(id)?
            };
            fixed.push(Cursor { numbers, at: 0 });
        }
        Ok(Self {
            table,
            fixed,
            args: Vec::new(),
            texts: HashMap::default(),
        })
    }

    /// The next number of a column.
    #[inline]
    pub(super) fn number(&mut self, column: u32) -> Result<u64> {
        match self.fixed.get_mut(column as usize) {
            Some(cursor) => cursor.next().ok_or(Bad::Counts),
            None => self.arg_number(column),
        }
    }

    fn arg_number(&mut self, column: u32) -> Result<u64> {
        // No column beyond those of all names is asked for.
        let at = column.saturating_sub(ARGS) as usize;
        if at >= self.args.len() {
            self.args.resize_with(at + 1, || None);
        }
        let cursor = self.args.get_mut(at).ok_or(Bad::Counts)?;
        let cursor = match cursor {
            Some(cursor) => cursor,
            None => {
                let numbers = self.table.numbers(column)?;
                cursor.insert(Cursor { numbers, at: 0 })
            }
        };
        cursor.next().ok_or(Bad::Counts)
    }

    /// The next number, which has to fit.
    pub(super) fn small(&mut self, column: u32) -> Result<u32> {
        u32::try_from(self.number(column)?).map_err(|_| Bad::NoRecord)
    }

    /// The next number if there is one.
    pub(super) fn more(&mut self, column: u32) -> Option<u64> {
        self.fixed.get_mut(column as usize)?.next()
    }

    /// How many values a column has.
    pub(super) fn count(&self, column: u32) -> usize {
        let fixed = self.fixed.get(column as usize);
        fixed.map_or(0, |cursor| cursor.numbers.len())
    }

    /// The next bytes of a text.
    pub(super) fn text(&mut self, column: u32, len: u64) -> Result<&[u8]> {
        let at = self.texts.entry(column).or_default();
        let text = self.table.text(column)?;
        let len = usize::try_from(len).map_err(|_| Bad::Short)?;
        let end = at.checked_add(len).ok_or(Bad::Short)?;
        let bytes = text.get(*at..end).ok_or(Bad::Counts)?;
        *at = end;
        Ok(bytes)
    }

    /// That nothing is left over.
    pub(super) fn end(&self) -> Result<()> {
        match self.fixed.iter().all(Cursor::is_at_end) {
            true => Ok(()),
            false => Err(Bad::Counts),
        }
    }
}
