//! The system calls of one tag path, by number and by file.

mod both;
mod files;
mod number;
mod room;
mod stats;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::facts::file::File;
use crate::facts::path;
use crate::input::record::{CALLS_AGAIN, CALLS_IN, CALLS_OUT, CallsRecord};

pub use both::Both;
pub use files::OtherFiles;
pub use room::Room;
pub use stats::{CallStats, ERROR_NAMES};

use files::Files;
use number::Number;

/// Numbers a [`Calls`] counts separately; no kernel has as many.
const NUMBERS_MAX: usize = 1024;

/// The system calls of one tag path.
///
/// ```
/// use std::sync::Arc;
/// use nulltrace_core::measure::calls::{Calls, Room};
/// use nulltrace_core::facts::file::{File, FileKind};
/// use nulltrace_core::input::record::{CALLS_IN, CallsRecord};
/// use zerocopy::FromZeros;
///
/// let mut read = CallsRecord::new_zeroed();
/// (read.count, read.time, read.bytes, read.flags) = (2, 900, 4096, CALLS_IN);
/// let name = b"/etc/hosts"[..].into();
/// let hosts = Arc::new(File { kind: FileKind::File, name, ends: None });
///
/// let mut calls = Calls::default();
/// calls.push(&[read, read], &[Some(hosts), None], 5_000, true, &mut Room::new(1 << 20));
/// let by_number: Vec<_> = calls.iter().map(|(nr, both)| (nr, both.all().count)).collect();
/// assert_eq!(by_number, [(0, 4)]);
/// let (file, both) = &calls.by_file()[0];
/// assert_eq!((&file.name[..], both.all().bytes_in), (&b"/etc/hosts"[..], 4096));
/// // No inner span made them.
/// assert_eq!(both.own(), both.all());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Sorted by number, of which a kernel has some hundreds.
    numbers: Vec<Number>,
    /// What had no room.
    others: Option<Box<Both>>,
    files: Option<Box<Files>>,
    wall: u64,
}

/// The calls of one number on one file.
#[derive(Clone, Copy, Debug)]
pub struct OnFile<'a> {
    /// System call, in the machine's own table.
    pub nr: u32,
    /// A set of [`CALLS_IN`], [`CALLS_OUT`] and [`CALLS_AGAIN`].
    pub flags: u32,
    /// The file.
    pub file: &'a Arc<File>,
    /// What was called.
    pub both: &'a Both,
}

impl OnFile<'_> {
    /// Whether the calls are counted with another file already, as the second of a copy is.
    #[must_use]
    pub const fn again(&self) -> bool {
        self.flags & CALLS_AGAIN != 0
    }
}

impl Calls {
    /// No calls.
    pub const NONE: Self = Self {
        numbers: Vec::new(),
        others: None,
        files: None,
        wall: 0,
    };

    /// No calls of segments that took so long.
    pub(crate) fn of_wall(wall: u64) -> Self {
        Self { wall, ..Self::NONE }
    }

    /// The calls without the time of their segments, which another has.
    pub(crate) fn without_wall(self) -> Self {
        Self { wall: 0, ..self }
    }

    /// The calls of every number on whatever file or none, in the order of the numbers. Each call is
    /// counted once, here or in [`other_numbers`](Self::other_numbers).
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Both)> {
        self.numbers.iter().map(|of| (of.nr, &of.both))
    }

    /// Calls of the numbers there was no room for.
    #[must_use]
    pub fn other_numbers(&self) -> Option<&Both> {
        self.others.as_deref()
    }

    /// The calls by number and file, in no order. What is here and in [`other_files`](Self::other_files)
    /// is all that was called on files; a call on two files counts for both.
    pub fn on_files(&self) -> impl Iterator<Item = OnFile<'_>> {
        let files = self.files.iter().flat_map(|files| files.iter());
        files.map(|(file, of)| OnFile {
            nr: of.nr,
            flags: of.flags,
            file,
            both: &of.both,
        })
    }

    /// The calls by file, the one that took the longest first; of those that took as long the one with
    /// the most bytes.
    #[must_use]
    pub fn by_file(&self) -> Vec<(&Arc<File>, Both)> {
        let mut sums: HashMap<&Arc<File>, Both, RandomState> = HashMap::default();
        // Files whose names are shown alike are one.
        let mut alike: HashMap<_, &Arc<File>, RandomState> = HashMap::default();
        for on in self.on_files() {
            let name = path::shown(&on.file.name);
            let file = match name.contains(char::REPLACEMENT_CHARACTER) {
                true => *alike.entry((on.file.kind, name)).or_insert(on.file),
                false => on.file,
            };
            sums.entry(file).or_default().merge(on.both);
        }
        let mut files: Vec<_> = sums.into_iter().collect();
        files.sort_by_cached_key(|(file, both)| {
            let all = both.all();
            // By name in the end, so that the order is always the same.
            let name = (file.kind, Arc::clone(&file.name));
            (Reverse((all.time, all.bytes, all.count)), name)
        });
        files
    }

    /// Calls on the sockets, or other files, there was no room for. A file is here with all its calls or not
    /// at all, but for what the kernel had no room to count separately.
    #[must_use]
    pub fn other_files(&self, sockets: bool) -> Option<OtherFiles<'_>> {
        self.files.as_deref()?.remainder(sockets)
    }

    /// Whether calls of this number were on files there was no room for.
    #[must_use]
    pub fn has_other_files(&self, nr: u32) -> bool {
        self.files
            .as_deref()
            .is_some_and(|files| files.has_other(nr))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.others.is_none() && self.files.is_none()
    }

    /// Bytes of room that files take.
    pub(crate) fn file_bytes(&self) -> usize {
        self.files.as_deref().map_or(0, Files::bytes)
    }

    /// Gives up files until the others take no more than `limit` bytes.
    pub(crate) fn shrink(&mut self, limit: usize, room: &mut Room) {
        if let Some(files) = &mut self.files {
            files.shrink(limit, room);
        }
    }

    /// Time of the segments these are of, nanoseconds: what a call's time is a part of.
    #[must_use]
    pub const fn wall(&self) -> u64 {
        self.wall
    }

    /// Adds the calls of a segment that lasted for `wall`, each with its file in `files`. `own` says
    /// that the segment is in no inner span.
    pub fn push(
        &mut self,
        calls: &[CallsRecord],
        files: &[Option<Arc<File>>],
        wall: u64,
        own: bool,
        room: &mut Room,
    ) {
        self.wall = self.wall.saturating_add(wall);
        for (at, of) in calls.iter().enumerate().filter(|(_, of)| !of.is_empty()) {
            if let Some(Some(file)) = files.get(at) {
                let flags = of.flags & (CALLS_IN | CALLS_OUT | CALLS_AGAIN);
                let files = self.files.get_or_insert_default();
                files.add(of.nr, flags, file, room, |both| both.push(of, own));
            }
            if of.flags & CALLS_AGAIN == 0 {
                self.of_number(of.nr, room).push(of, own);
            }
        }
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self, room: &mut Room) {
        self.wall = self.wall.saturating_add(other.wall);
        for of in &other.numbers {
            self.of_number(of.nr, room).merge(&of.both);
        }
        if let Some(others) = &other.others {
            self.others.get_or_insert_default().merge(others);
        }
        if let Some(files) = &other.files {
            let own = self.files.get_or_insert_default();
            own.merge(files, room);
        }
    }

    /// All of it is that of an inner span, seen from further out.
    pub(crate) fn disown(&mut self) {
        let numbers = self.numbers.iter_mut().map(|of| &mut of.both);
        let others = self.others.as_deref_mut();
        numbers.chain(others).for_each(Both::disown);
        if let Some(files) = &mut self.files {
            files.each_mut(Both::disown);
        }
    }

    /// Gives up what it has of a room.
    pub(crate) fn give_back(self, room: &mut Room) {
        room.give_back_numbers(self.numbers.len());
        if let Some(files) = self.files {
            files.give_back(room);
        }
    }

    /// The sum of that number, or of those there is no room for.
    fn of_number(&mut self, nr: u32, room: &mut Room) -> &mut Both {
        let at = match self.numbers.binary_search_by_key(&nr, |of| of.nr) {
            Ok(at) => at,
            Err(_) if self.numbers.len() >= NUMBERS_MAX || !room.take_number() => {
                return self.others.get_or_insert_default();
            }
            Err(at) => {
                let both = Both::NONE;
                self.numbers.insert(at, Number { nr, both });
                at
            }
        };
        &mut self.numbers[at].both
    }
}
