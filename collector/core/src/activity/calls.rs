//! The system calls of one tag path, by number and by file.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Both;
use crate::file::{File, Kind};
use crate::record::{CALLS_AGAIN, CALLS_IN, CALLS_OUT, CallsRecord};

/// Numbers a [`Calls`] tells apart; no kernel has as many.
const NUMBERS_MAX: usize = 1024;

/// Memory for what calls are told apart by, shared by all tag paths of a summary.
///
/// ```
/// use nulltrace_core::activity::{Calls, Room};
/// use nulltrace_core::record::CallsRecord;
/// use zerocopy::FromZeros;
///
/// let mut sync = CallsRecord::new_zeroed();
/// (sync.nr, sync.count) = (162, 3);
/// let mut calls = Calls::default();
/// calls.push(&[sync], &[None], 100, true, &mut Room::new(1 << 20));
/// // What finds no room is counted all the same.
/// sync.nr = 306;
/// calls.push(&[sync], &[None], 100, true, &mut Room::new(0));
/// assert_eq!(calls.iter().map(|(nr, _)| nr).collect::<Vec<_>>(), [162]);
/// assert_eq!(calls.other_numbers().unwrap().all().count, 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    left: usize,
    /// Not for files, so that many of them leave room for the numbers of spans to come.
    kept: usize,
}

impl Room {
    /// Room for so many bytes. Where a span makes some calls itself and others are made inside, its own
    /// are a second sum that is not reckoned: all may come to twice as many.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self {
            left: bytes,
            kept: bytes / 4,
        }
    }

    const fn take(&mut self, bytes: usize, kept: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) if left >= kept => {
                self.left = left;
                true
            }
            _ => false,
        }
    }

    fn number(&mut self) -> bool {
        // Half of a vector may be empty.
        self.take(2 * size_of::<Number>(), 0)
    }

    fn file(&mut self, file: &File) -> bool {
        // Half of a hash table may be empty.
        let slot = 2 * size_of::<(Key, Box<Both>)>() + size_of::<Both>();
        self.take(slot + size_of::<File>() + file.name.len(), self.kept)
    }
}

/// The system calls of one tag path.
///
/// ```
/// use std::sync::Arc;
/// use nulltrace_core::activity::{Calls, Room};
/// use nulltrace_core::file::{File, Kind};
/// use nulltrace_core::record::{CALLS_IN, CallsRecord};
/// use zerocopy::FromZeros;
///
/// let mut read = CallsRecord::new_zeroed();
/// (read.count, read.time, read.bytes, read.flags) = (2, 900, 4096, CALLS_IN);
/// let name = b"/etc/hosts"[..].into();
/// let hosts = Arc::new(File { kind: Kind::File, name, ends: None });
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
    files: Option<HashMap<Key, Box<Both>, RandomState>>,
    rest: Option<Box<Rest>>,
    wall: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Number {
    nr: u32,
    both: Both,
    /// Some of the files these are on had no room.
    more: bool,
}

impl Number {
    const fn new(nr: u32) -> Self {
        Self {
            nr,
            both: Both::NONE,
            more: false,
        }
    }
}

/// What had no room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rest {
    numbers: Both,
    files: Both,
    sockets: Both,
}

impl Rest {
    const fn on(&self, sockets: bool) -> &Both {
        if sockets { &self.sockets } else { &self.files }
    }

    const fn on_mut(&mut self, sockets: bool) -> &mut Both {
        if sockets {
            &mut self.sockets
        } else {
            &mut self.files
        }
    }
}

/// Files are the same by what they are called: nobody can tell two of one name apart in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    nr: u32,
    flags: u32,
    file: Arc<File>,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The ends of a socket are in its name.
        (self.nr, self.flags, self.file.kind, &self.file.name).hash(state);
    }
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
        files: None,
        rest: None,
        wall: 0,
    };

    /// The calls of every number on whatever file or none, in the order of the numbers. Each call is
    /// counted once, here or in [`other_numbers`](Self::other_numbers).
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Both)> {
        self.numbers.iter().map(|of| (of.nr, &of.both))
    }

    /// Calls of the numbers there was no room for.
    #[must_use]
    pub fn other_numbers(&self) -> Option<&Both> {
        let rest = self.rest.as_deref()?;
        (rest.numbers.all().count > 0).then_some(&rest.numbers)
    }

    /// The calls by number and file, in no order. What is here and in [`other_files`](Self::other_files)
    /// is all that was called on files; a call on two files counts for both.
    pub fn on_files(&self) -> impl Iterator<Item = OnFile<'_>> {
        self.files.iter().flat_map(|files| {
            files.iter().map(|(key, both)| OnFile {
                nr: key.nr,
                flags: key.flags,
                file: &key.file,
                both,
            })
        })
    }

    /// The calls by file, the one that took the longest first; of those that took as long the one with
    /// the most bytes.
    #[must_use]
    pub fn by_file(&self) -> Vec<(&Arc<File>, Both)> {
        let mut sums: HashMap<&Arc<File>, Both, RandomState> = HashMap::default();
        for on in self.on_files() {
            sums.entry(on.file).or_default().merge(on.both);
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

    /// Calls on the sockets, or other files, there was no room for.
    #[must_use]
    pub fn other_files(&self, sockets: bool) -> Option<&Both> {
        let both = self.rest.as_deref()?.on(sockets);
        (both.all().count > 0).then_some(both)
    }

    /// Whether calls of this number were on files there was no room for.
    #[must_use]
    pub fn has_other_files(&self, nr: u32) -> bool {
        self.numbers
            .binary_search_by_key(&nr, |of| of.nr)
            .is_ok_and(|at| self.numbers[at].more)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.rest.is_none() && self.on_files().next().is_none()
    }

    /// Time of the segments these are of, nanoseconds: what a call's time is a part of.
    #[must_use]
    pub const fn wall(&self) -> u64 {
        self.wall
    }

    /// Adds the calls of a segment that lasted for `wall`, each with its file in `files`. `own` tells
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
        for (at, of) in calls.iter().enumerate().filter(|(_, of)| of.count > 0) {
            let mut more = false;
            if let Some(Some(file)) = files.get(at) {
                let key = Key {
                    nr: of.nr,
                    flags: of.flags & (CALLS_IN | CALLS_OUT | CALLS_AGAIN),
                    file: Arc::clone(file),
                };
                let (both, other) = self.on_file(key, room);
                both.push(of, own);
                more = other;
            }
            if of.flags & CALLS_AGAIN == 0 {
                match self.of_number(of.nr, room) {
                    Some(number) => {
                        number.both.push(of, own);
                        number.more |= more;
                    }
                    None => self.rest().numbers.push(of, own),
                }
            }
        }
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self, room: &mut Room) {
        self.wall = self.wall.saturating_add(other.wall);
        for of in &other.numbers {
            match self.of_number(of.nr, room) {
                Some(number) => {
                    number.both.merge(&of.both);
                    number.more |= of.more;
                }
                None => self.rest().numbers.merge(&of.both),
            }
        }
        for (key, others) in other.files.iter().flat_map(|files| files.iter()) {
            let (both, more) = self.on_file(key.clone(), room);
            both.merge(others);
            if more
                && key.flags & CALLS_AGAIN == 0
                && let Some(number) = self.of_number(key.nr, room)
            {
                number.more = true;
            }
        }
        if let Some(others) = &other.rest {
            let rest = self.rest();
            rest.numbers.merge(&others.numbers);
            rest.files.merge(&others.files);
            rest.sockets.merge(&others.sockets);
        }
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    /// `None` if there is no room for one more.
    fn of_number(&mut self, nr: u32, room: &mut Room) -> Option<&mut Number> {
        let at = match self.numbers.binary_search_by_key(&nr, |of| of.nr) {
            Ok(at) => at,
            Err(_) if self.numbers.len() >= NUMBERS_MAX || !room.number() => return None,
            Err(at) => {
                self.numbers.insert(at, Number::new(nr));
                at
            }
        };
        self.numbers.get_mut(at)
    }

    /// The sum of that number and file, and whether it is that of the files without room, here or in the
    /// kernel.
    fn on_file(&mut self, key: Key, room: &mut Room) -> (&mut Both, bool) {
        match self.files.get_or_insert_default().entry(key) {
            Entry::Occupied(known) => (known.into_mut(), false),
            Entry::Vacant(place)
                if place.key().file.kind != Kind::Other && room.file(&place.key().file) =>
            {
                (place.insert(Box::default()), false)
            }
            Entry::Vacant(place) => {
                let sockets = place.key().file.kind.is_socket();
                (self.rest.get_or_insert_default().on_mut(sockets), true)
            }
        }
    }
}
