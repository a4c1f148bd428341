//! The files of one tag path: those counted separately, and the remainder.
//!
//! A file is counted separately with all its calls or not at all: when one gives up its room it is remembered by a
//! hash, so that it does not come back with the half of its calls.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use rustc_hash::FxBuildHasher;

use super::both::Both;
use super::room::Room;
use super::stats::CallStats;
use crate::facts::file::{File, FileKind};
use crate::input::record::CALLS_AGAIN;

/// How many files of the remainder are counted separately to be counted, of a tag path and either kind.
const GONE_MAX: usize = 1 << 16;
/// Numbers of system calls that a remainder remembers; no kernel has as many.
const NUMBERS_MAX: usize = 1024;

/// What the calls of a number and direction take.
const CALL: usize = size_of::<Kinded>();

/// The files of one tag path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    known: HashMap<Named, Vec<Kinded>, RandomState>,
    /// Of the room, for what is known.
    bytes: usize,
    /// Other files, and sockets.
    remainder: Option<Box<[Remainder; 2]>>,
}

/// Files are the same by what they are called: two of one name cannot be distinguished in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named(Arc<File>);

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The ends of a socket are in its name.
        (self.0.kind, &self.0.name).hash(state);
    }
}

impl Named {
    /// The same in every summary, so that remainders can be joined. Two files with the same count as one.
    fn fixed_hash(&self) -> u64 {
        FxBuildHasher.hash_one(self)
    }

    fn bytes(&self) -> usize {
        // Half of a hash table may be empty.
        2 * size_of::<(Self, Vec<Kinded>)>() + size_of::<File>() + self.0.name.len()
    }
}

/// The calls of one number and direction on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kinded {
    pub(super) nr: u32,
    pub(super) flags: u32,
    pub(super) both: Both,
}

/// What is not counted separately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Remainder {
    both: Both,
    /// Hashes of the files.
    gone: HashSet<u64, RandomState>,
    /// There was no room for another hash: from then on no new file is counted separately.
    full: bool,
    /// The kernel had no room to count some of them separately.
    nameless: bool,
    /// Of the calls, sorted.
    numbers: Vec<u32>,
}

/// Calls on the files that there was no room to count separately.
#[derive(Clone, Copy, Debug)]
pub struct OtherFiles<'a> {
    /// What was called.
    pub both: &'a Both,
    /// On how many files.
    pub files: u64,
    /// There may be more than could be counted.
    pub at_least: bool,
}

impl Remainder {
    fn add(&mut self, nr: u32, flags: u32, add: impl FnOnce(&mut Both)) {
        add(&mut self.both);
        if flags & CALLS_AGAIN == 0 {
            self.note_number(nr);
        }
    }

    /// Whether a file with this hash may have a row: it has no part here.
    fn leaves(&self, hash: u64) -> bool {
        !self.full && !self.gone.contains(&hash)
    }

    fn note_number(&mut self, nr: u32) {
        if let Err(at) = self.numbers.binary_search(&nr)
            && self.numbers.len() < NUMBERS_MAX
        {
            self.numbers.insert(at, nr);
        }
    }

    fn note(&mut self, hash: u64, room: &mut Room) {
        if self.gone.contains(&hash) {
            return;
        }
        if self.gone.len() < GONE_MAX && room.take_gone() {
            self.gone.insert(hash);
        } else {
            self.full = true;
        }
    }
}

impl Files {
    /// The calls counted separately, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<File>, &Kinded)> {
        let each = self.known.iter();
        each.flat_map(|(Named(file), calls)| calls.iter().map(move |of| (file, of)))
    }

    pub(super) fn remainder(&self, sockets: bool) -> Option<OtherFiles<'_>> {
        let remainder = &self.remainder.as_deref()?[usize::from(sockets)];
        let unknown = remainder.full && remainder.gone.is_empty();
        (!remainder.both.all().is_empty()).then(|| OtherFiles {
            both: &remainder.both,
            // Those without a name are one at least.
            files: remainder.gone.len() as u64 + u64::from(remainder.nameless || unknown),
            at_least: remainder.full || remainder.nameless,
        })
    }

    /// Whether calls of this number are in the remainder.
    pub(super) fn has_other(&self, nr: u32) -> bool {
        let mut remainders = self
            .remainder
            .iter()
            .flat_map(|remainders| remainders.iter());
        remainders.any(|remainder| {
            remainder.numbers.len() == NUMBERS_MAX || remainder.numbers.binary_search(&nr).is_ok()
        })
    }

    /// Bytes of room that what is counted separately takes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds calls to those of a file, or to the remainder.
    pub(super) fn add(
        &mut self,
        nr: u32,
        flags: u32,
        file: &Arc<File>,
        room: &mut Room,
        add: impl FnOnce(&mut Both),
    ) {
        let sockets = usize::from(file.kind.is_socket());
        if file.kind == FileKind::Other {
            let remainder = self.remainder_mut(sockets);
            remainder.nameless = true;
            return remainder.add(nr, flags, add);
        }
        match self.known.entry(Named(Arc::clone(file))) {
            Entry::Occupied(mut known) => {
                let calls = known.get_mut();
                let mut same = calls.iter_mut();
                if let Some(of) = same.find(|of| (of.nr, of.flags) == (nr, flags)) {
                    return add(&mut of.both);
                }
                if room.take_file(CALL) {
                    self.bytes += CALL;
                    calls.reserve_exact(1);
                    return calls.push(Kinded::new(nr, flags, add));
                }
                let (file, calls) = known.remove_entry();
                self.give_up(&file, &calls, room);
            }
            Entry::Vacant(place) => {
                let (bytes, hash) = (place.key().bytes() + CALL, place.key().fixed_hash());
                let remainder = self
                    .remainder
                    .as_deref()
                    .map(|remainders| &remainders[sockets]);
                if remainder.is_none_or(|remainder| remainder.leaves(hash)) && room.take_file(bytes)
                {
                    self.bytes += bytes;
                    place.insert(vec![Kinded::new(nr, flags, add)]);
                    return;
                }
                self.remainder_mut(sockets).note(hash, room);
            }
        }
        self.remainder_mut(sockets).add(nr, flags, add);
    }

    /// Adds all that `other` counted.
    pub(super) fn merge(&mut self, other: &Self, room: &mut Room) {
        let remainders = other
            .remainder
            .iter()
            .flat_map(|remainders| remainders.iter());
        for (sockets, remainder) in remainders.clone().enumerate() {
            let own = self.remainder_mut(sockets);
            own.both.merge(&remainder.both);
            own.nameless |= remainder.nameless;
            remainder.numbers.iter().for_each(|&nr| own.note_number(nr));
            remainder.gone.iter().for_each(|&hash| own.note(hash, room));
        }
        if let Some(remainders) = &other.remainder {
            // What has a part there cannot have a row here.
            self.give_up_all(room, |file, hash| {
                let remainder = &remainders[usize::from(file.0.kind.is_socket())];
                remainder.gone.contains(&hash) || remainder.full && !other.known.contains_key(file)
            });
        }
        for (file, of) in other.iter() {
            self.add(of.nr, of.flags, file, room, |both| both.merge(&of.both));
        }
        for (sockets, remainder) in remainders.enumerate() {
            self.remainder_mut(sockets).full |= remainder.full;
        }
    }

    /// Every sum.
    pub(super) fn each_mut(&mut self, f: impl Fn(&mut Both)) {
        let known = self.known.values_mut().flatten();
        known.for_each(|of| f(&mut of.both));
        let remainders = self
            .remainder
            .iter_mut()
            .flat_map(|remainders| remainders.iter_mut());
        remainders.for_each(|remainder| f(&mut remainder.both));
    }

    /// Gives up what it has of a room.
    pub(super) fn give_back(self, room: &mut Room) {
        room.give_back(self.bytes);
        let remainders = self
            .remainder
            .iter()
            .flat_map(|remainders| remainders.iter());
        room.give_back_gone(remainders.map(|remainder| remainder.gone.len()).sum());
    }

    /// Gives up files until no more than `limit` bytes are taken, those first that took the least time; of
    /// those that took as long the one with the fewest bytes.
    pub(super) fn shrink(&mut self, limit: usize, room: &mut Room) {
        let mut files: Vec<_> = self
            .known
            .iter()
            .map(|(file, calls)| {
                let sum = |of: fn(&CallStats) -> u64| {
                    let each = calls.iter().map(|call| of(call.both.all()));
                    each.fold(0, u64::saturating_add)
                };
                let size = (sum(|of| of.time), sum(|of| of.bytes), sum(|of| of.count));
                (size, file.fixed_hash(), file.bytes() + calls.len() * CALL)
            })
            .collect();
        files.sort_unstable();
        let mut bytes = self.bytes;
        let mut goes = HashSet::with_hasher(FxBuildHasher);
        for (_, hash, of) in files {
            if bytes <= limit {
                break;
            }
            bytes = bytes.saturating_sub(of);
            goes.insert(hash);
        }
        self.give_up_all(room, |_, hash| goes.contains(&hash));
    }

    fn give_up_all(&mut self, room: &mut Room, goes: impl Fn(&Named, u64) -> bool) {
        let known = self
            .known
            .extract_if(|file, _| goes(file, file.fixed_hash()));
        let gone: Vec<_> = known.collect();
        if !gone.is_empty() {
            // The table's room, too, is another's now.
            self.known.shrink_to_fit();
        }
        for (file, calls) in gone {
            self.give_up(&file, &calls, room);
        }
    }

    /// A file that was counted separately becomes one of the remainder.
    fn give_up(&mut self, file: &Named, calls: &[Kinded], room: &mut Room) {
        let bytes = file.bytes() + calls.len() * CALL;
        self.bytes = self.bytes.saturating_sub(bytes);
        room.give_back(bytes);
        let remainder = self.remainder_mut(usize::from(file.0.kind.is_socket()));
        remainder.note(file.fixed_hash(), room);
        for of in calls {
            remainder.add(of.nr, of.flags, |both| both.merge(&of.both));
        }
    }

    fn remainder_mut(&mut self, sockets: usize) -> &mut Remainder {
        &mut self.remainder.get_or_insert_default()[sockets]
    }
}

impl Kinded {
    fn new(nr: u32, flags: u32, add: impl FnOnce(&mut Both)) -> Self {
        let mut both = Both::NONE;
        add(&mut both);
        Self { nr, flags, both }
    }
}
