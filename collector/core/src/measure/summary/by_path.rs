//! What is counted of each tag path.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::stats::Stats;
use crate::activity::{Inside, Times};
use crate::facts::path::TagPath;
use crate::measure::calls::{Calls, Room};
use crate::measure::histogram::DEFAULT_BUCKETS;
use crate::measure::shared::Shared;
use crate::spans::span::Closed;

/// How many distinct paths of the overflow row are counted separately before their number is a lower bound.
pub const OVERFLOW_PATHS_MAX: usize = 1 << 16;

/// What it takes to copy a row with a full histogram, most of it for memory that the kernel gives anew; and a byte
/// of the room for calls.
const ROW_COPY_NS: u64 = 12_000;
const BYTE_COPY_NS: u64 = 1;

/// What bounds the memory of a [`Summary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Distinct tag paths with a row of their own.
    pub paths: usize,
    /// Bytes of the text of those paths.
    pub text_bytes: usize,
    /// Buckets of each path's histogram, 8 bytes each at most. Only paths whose durations spread over
    /// four octaves and more take them all; if all do, the default limits come to 80 MiB.
    pub buckets: u16,
    /// Bytes of what system calls are counted separately by, number and file, over all paths; a sixteenth is that of
    /// the chains of a [`ByChain`](super::ByChain). Where they are used up, the paths with the most files give up
    /// those that took the least time, until each has room for as many; in the worst case twice as many bytes are
    /// taken.
    pub calls_bytes: usize,
}

impl Limits {
    /// One part in `n` of them.
    #[must_use]
    pub const fn part(self, n: usize) -> Self {
        Self {
            paths: self.paths.div_ceil(n),
            text_bytes: self.text_bytes.div_ceil(n),
            calls_bytes: self.calls_bytes.div_ceil(n),
            buckets: self.buckets,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            paths: 10_000,
            text_bytes: 4 << 20,
            buckets: DEFAULT_BUCKETS,
            calls_bytes: 64 << 20,
        }
    }
}

/// Statistics of closed spans by tag path. Paths beyond the limits share one overflow row, so every
/// span is in exactly one row.
///
/// A clone is a snapshot, and cheap: it shares what each row counts with this summary, which copies that for a row
/// the first time it changes it while the clone is there. So a clone that is kept takes the memory of the rows that
/// changed since, and one that was dropped none.
#[derive(Clone, Debug)]
pub struct Summary {
    pub(super) limits: Limits,
    pub(super) entries: Vec<Shared<Entry>>,
    /// Into `entries`, by canonical bytes. The hasher is keyed: tags come from anyone.
    by_path: HashTable<usize>,
    hasher: RandomState,
    /// Into `entries`, by the address of the path the entry holds, which therefore stays valid.
    pub(super) by_address: FxHashMap<usize, usize>,
    /// How often a path came with another address.
    readdressed: u64,
    pub(super) text_bytes: usize,
    pub(super) room: Room,
    pub(super) overflow: Shared<Overflow>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Arc<TagPath>,
    pub(super) stats: Stats,
}

impl Clone for Entry {
    /// Away from where spans are counted, where it would only be in the way: it is for who has a snapshot.
    #[cold]
    #[inline(never)]
    fn clone(&self) -> Self {
        let (path, stats) = (Arc::clone(&self.path), self.stats.clone());
        Self { path, stats }
    }
}

#[derive(Debug, Default)]
pub(super) struct Overflow {
    pub(super) stats: Stats,
    /// Hashes of the paths; two with the same hash count as one. The set's own hasher is keyed, so
    /// nobody can choose paths that make it slow.
    pub(super) paths: HashSet<u64>,
    pub(super) more: bool,
}

impl Clone for Overflow {
    /// As that of an [`Entry`].
    #[cold]
    #[inline(never)]
    fn clone(&self) -> Self {
        Self {
            stats: self.stats.clone(),
            paths: self.paths.clone(),
            more: self.more,
        }
    }
}

impl Overflow {
    /// The same in every summary, so that sets can be joined.
    pub(super) fn hash(path: &TagPath) -> u64 {
        FxBuildHasher.hash_one(path.canonical())
    }

    fn note(&mut self, hash: u64) {
        if self.paths.len() < OVERFLOW_PATHS_MAX {
            self.paths.insert(hash);
        } else if !self.paths.contains(&hash) {
            self.more = true;
        }
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Summary {
    /// An empty summary.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            by_path: HashTable::new(),
            hasher: RandomState::new(),
            by_address: FxHashMap::default(),
            readdressed: 0,
            text_bytes: 0,
            room: Room::new(limits.calls_bytes),
            overflow: Shared::new(Overflow {
                stats: Stats::with_buckets(limits.buckets),
                ..Overflow::default()
            }),
        }
    }

    /// About how long it takes in all, nanoseconds, to copy what a snapshot shares with this, as it is done bit by bit
    /// where all of it changes while the snapshot is there.
    #[must_use]
    pub fn copy_ns(&self) -> u64 {
        self.entries.len() as u64 * ROW_COPY_NS + self.room.taken() as u64 * BYTE_COPY_NS
    }

    /// Counts one span.
    pub fn push(&mut self, span: &Closed) {
        self.stats_of(&span.tags).0.push(span);
    }

    /// Adds the system calls of a segment to the spans it lies in.
    pub fn inside(&mut self, inside: &Inside<'_>) {
        for (at, path) in inside.paths().enumerate() {
            self.make_room();
            let (stats, room) = self.stats_of(path);
            let wall = inside.times.wall;
            let calls = &mut stats.calls;
            calls.push(inside.calls, inside.files, wall, at == 0, room);
            if inside.wide {
                stats.times.all.add(inside.times);
                if at == 0 {
                    stats.times.own.add(inside.times);
                }
            }
        }
    }

    /// Counts one span as one of `path`, with what was called inside.
    pub(crate) fn count(&mut self, path: &Arc<TagPath>, span: &Closed, calls: Option<&Calls>) {
        self.make_room();
        let (stats, room) = self.stats_of(path);
        stats.push(span);
        if let Some(calls) = calls {
            stats.calls.merge(calls, room);
        }
    }

    /// Adds what was called in a span of `path` that is open.
    pub(crate) fn call(&mut self, path: &Arc<TagPath>, calls: &Calls) {
        self.make_room();
        let (stats, room) = self.stats_of(path);
        stats.calls.merge(calls, room);
    }

    /// Adds what was counted of a path to `path`.
    pub(crate) fn absorb(&mut self, path: &Arc<TagPath>, other: &Stats) {
        self.make_room();
        let (stats, room) = self.stats_of(path);
        stats.merge(other, room);
    }

    /// From now on every path has a row of its own: for a snapshot, whose rows are joined.
    pub(crate) fn lift_limits(&mut self) {
        (self.limits.paths, self.limits.text_bytes) = (usize::MAX, usize::MAX);
    }

    /// What was counted of each path that has a row of its own.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&Arc<TagPath>, &Stats)> {
        self.entries.iter().map(|entry| (&entry.path, &entry.stats))
    }

    /// Adds all that `other` counted. Unless a limit is reached this equals pushing its spans; when
    /// one is, what has no row here is added to the overflow row and no span is lost.
    pub fn merge(&mut self, other: &Self) {
        for entry in &other.entries {
            self.make_room();
            let (stats, room) = self.stats_of(&entry.path);
            stats.merge(&entry.stats, room);
        }
        let overflow = Shared::make_mut(&mut self.overflow);
        overflow.stats.merge(&other.overflow.stats, &mut self.room);
        for &hash in &other.overflow.paths {
            overflow.note(hash);
        }
        overflow.more |= other.overflow.more;
    }

    /// Adds what was called in segments that lie in the path of a row; `own`: in no inner one.
    pub(super) fn add_inside(&mut self, row: usize, calls: &Calls, times: &Times, own: bool) {
        self.make_room();
        let stats = &mut Shared::make_mut(&mut self.entries[row]).stats;
        stats.calls.merge(calls, &mut self.room);
        stats.times.all.add(times);
        if own {
            stats.times.own.add(times);
        }
    }

    /// The address of the path of a row.
    pub(super) fn address_of(&self, row: usize) -> usize {
        Arc::as_ptr(&self.entries[row].path) as usize
    }

    /// How often an address that was found by [`row_of`](Self::row_of) has changed.
    pub(super) const fn readdressed(&self) -> u64 {
        self.readdressed
    }

    /// The row of a path, made if there is room. It stays where it is.
    #[inline]
    pub(super) fn row_of(&mut self, path: &Arc<TagPath>) -> Option<usize> {
        let address = Arc::as_ptr(path) as usize;
        match self.by_address.get(&address) {
            Some(&at) => Some(at),
            None => self.look_up(path, address),
        }
    }

    /// The statistics that a span of `path` belongs to, and the room for its calls.
    #[inline(always)]
    fn stats_of(&mut self, path: &Arc<TagPath>) -> (&mut Stats, &mut Room) {
        let stats = match self.row_of(path) {
            Some(at) => &mut Shared::make_mut(&mut self.entries[at]).stats,
            None => &mut Shared::make_mut(&mut self.overflow).stats,
        };
        (stats, &mut self.room)
    }

    /// The entry of a path not found by its address, made if there is room.
    #[cold]
    fn look_up(&mut self, path: &Arc<TagPath>, address: usize) -> Option<usize> {
        // A row has all paths that are shown alike, and is found by what is shown.
        let shown = path.shown();
        if !Arc::ptr_eq(shown, path) {
            let address = Arc::as_ptr(shown) as usize;
            let known = self.by_address.get(&address).copied();
            return known.or_else(|| self.look_up(shown, address));
        }
        if let Some(at) = self.find(path) {
            // The same path was shared anew; from now on it will come with this address.
            let entry = Shared::make_mut(&mut self.entries[at]);
            self.by_address.remove(&(Arc::as_ptr(&entry.path) as usize));
            entry.path = Arc::clone(path);
            self.by_address.insert(address, at);
            self.readdressed += 1;
            return Some(at);
        }
        let text = text_bytes(path);
        if self.entries.len() >= self.limits.paths
            || self.text_bytes.saturating_add(text) > self.limits.text_bytes
        {
            Shared::make_mut(&mut self.overflow).note(Overflow::hash(path));
            return None;
        }
        self.text_bytes += text;
        let at = self.entries.len();
        self.entries.push(Shared::new(Entry {
            path: Arc::clone(path),
            stats: Stats::with_buckets(self.limits.buckets),
        }));
        self.by_address.insert(address, at);
        let hash = self.hasher.hash_one(path.canonical());
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.by_path.insert_unique(hash, at, |&at| {
            hasher.hash_one(entries[at].path.canonical())
        });
        Some(at)
    }

    /// The entry of a path as it is shown.
    pub(super) fn find(&self, path: &TagPath) -> Option<usize> {
        let canonical = path.canonical();
        self.by_path
            .find(self.hasher.hash_one(canonical), |&at| {
                self.entries[at].path.canonical() == canonical
            })
            .copied()
    }
}

/// What a path's text takes: its canonical form, and each tag with its place in the list.
fn text_bytes(path: &TagPath) -> usize {
    let tags: usize = path
        .segments()
        .iter()
        .map(|tag| tag.len() + size_of::<Box<[u8]>>())
        .sum();
    path.canonical().len() + tags
}
