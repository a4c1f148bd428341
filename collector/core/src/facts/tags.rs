//! Tag paths, kept once and shared.
//!
//! Spans have a [`TagId`] in place of the path, so matching compares numbers. Paths that no open
//! span has are kept for the next one, but not without bound: see [`Interner::new`].

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use nulltrace_spec::Tags;

use crate::facts::path::TagPath;

/// A path that is held in an [`Interner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TagId(NonZeroU32); // One more than its place: so that `Option` takes no room.

impl TagId {
    /// The first there may be; for places where none is meant yet.
    pub(crate) const FIRST: Self = Self(NonZeroU32::MIN);

    pub(super) fn new(place: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(place as u32))
    }

    /// Where it is among all.
    pub(super) fn place(self) -> usize {
        (self.0.get() - 1) as usize
    }

    /// Its number, for a hash.
    pub(crate) fn bits(self) -> u64 {
        self.0.get().into()
    }
}

/// What is known of the path less its last tag.
#[derive(Clone, Copy, Debug)]
enum Parent {
    /// Nobody asked yet.
    Unknown,
    /// The path is of one tag.
    None,
    /// It is held, for as long as this path is.
    Is(TagId),
}

#[derive(Debug)]
struct Entry {
    path: Arc<TagPath>,
    parent: Parent,
    /// How many hold it: spans, and paths whose parent it is.
    holders: u32,
    /// How many open spans have it.
    open: u32,
    /// It is in the queue of those to forget.
    queued: bool,
}

/// The paths in use and, up to a bound, those that were.
///
/// The hash has a secret, since anyone on the machine chooses the tags.
#[derive(Debug)]
pub(crate) struct Interner {
    /// A free one has [`nothing`](Self::nothing) as its path.
    entries: Vec<Entry>,
    free: Vec<TagId>,
    nothing: Arc<TagPath>,
    table: HashTable<TagId>,
    hash: RandomState,
    /// Paths asked for of late, each where [`recent`] says. No path need be struck out: it is compared
    /// when it is found, and what was forgotten compares with nothing.
    recent: [Option<TagId>; RECENT],
    /// Paths that were let go by their last holder at some time, oldest first.
    idle: VecDeque<TagId>,
    /// Memory of all paths and of those that are held, in bytes, estimated.
    bytes: usize,
    held: usize,
    max_paths: usize,
    max_bytes: usize,
}

/// Bytes of memory a path takes besides its text, and each of its tags: measured.
const PATH_COST: usize = 176;
const TAG_COST: usize = 40;

fn cost(path: &TagPath) -> usize {
    // The text is there twice: canonical, and tag by tag.
    let shown = path.shown_otherwise().map_or(0, |shown| cost(shown));
    PATH_COST + TAG_COST * path.segments().len() + 2 * path.canonical().len() + shown
}

impl Interner {
    /// An interner that forgets unused paths while there are more than `max_paths` or more
    /// than `max_bytes` of memory in all.
    pub(crate) fn new(max_paths: usize, max_bytes: usize) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            nothing: Arc::new(TagPath::new(b"", [b""; 0])),
            table: HashTable::new(),
            hash: RandomState::default(),
            recent: [None; RECENT],
            idle: VecDeque::new(),
            bytes: 0,
            held: 0,
            max_paths,
            max_bytes,
        }
    }

    /// Memory of the paths that are held, in bytes.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held
    }

    /// What stands where there is no path.
    pub(crate) fn nothing(&self) -> &Arc<TagPath> {
        &self.nothing
    }

    pub(crate) fn path(&self, id: TagId) -> &Arc<TagPath> {
        &self.entry(id).path
    }

    /// How many open spans have it.
    pub(crate) fn open(&self, id: TagId) -> u32 {
        self.entry(id).open
    }

    /// Every path an open span has, with the number of such spans.
    pub(crate) fn all_open(&self) -> impl Iterator<Item = (&Arc<TagPath>, u64)> {
        let entries = self.entries.iter().filter(|entry| entry.open > 0);
        entries.map(|entry| (&entry.path, u64::from(entry.open)))
    }

    /// The path, if it is here.
    pub(crate) fn find(&mut self, tags: &Tags<'_>) -> Option<TagId> {
        let canonical = tags.canonical();
        let place = recent(&canonical);
        let found = self.recall(place, &canonical);
        found.or_else(|| {
            let hash = self.hash_of(&canonical);
            self.lookup(hash, &canonical)
                .inspect(|&id| self.recent[place] = Some(id))
        })
    }

    /// The path, if it is one asked for of late.
    #[inline]
    fn recall(&self, place: usize, canonical: &[u8]) -> Option<TagId> {
        self.recent[place].filter(|&id| self.path(id).canonical() == canonical)
    }

    /// The path, held once more until [`release`](Self::release).
    pub(crate) fn acquire(&mut self, tags: &Tags<'_>) -> TagId {
        self.acquire_as(&tags.canonical(), || tags.iter())
    }

    fn acquire_as<'a, T>(&mut self, canonical: &[u8], tags: impl FnOnce() -> T) -> TagId
    where
        T: Iterator<Item = Cow<'a, [u8]>>,
    {
        let place = recent(canonical);
        let id = self.recall(place, canonical).unwrap_or_else(|| {
            let hash = self.hash_of(canonical);
            let id = match self.lookup(hash, canonical) {
                Some(id) => id,
                None => self.insert(hash, TagPath::new(canonical, tags())),
            };
            self.recent[place] = Some(id);
            id
        });
        self.hold(id);
        id
    }

    /// The path of `id` less its last tag, for as long as `id` is held. `tags` is the path itself.
    pub(crate) fn parent(&mut self, id: TagId, tags: &Tags<'_>) -> Option<TagId> {
        match self.entry(id).parent {
            Parent::None => None,
            Parent::Is(parent) => Some(parent),
            Parent::Unknown => {
                let parent = tags.parent().map(|canonical| {
                    self.acquire_as(&canonical, || tags.iter().take(tags.len() - 1))
                });
                self.entry_mut(id).parent = parent.map_or(Parent::None, Parent::Is);
                parent
            }
        }
    }

    /// Holds the path once more.
    pub(crate) fn hold(&mut self, id: TagId) {
        let entry = self.entry_mut(id);
        entry.holders += 1;
        if entry.holders == 1 {
            self.held += cost(&self.entry(id).path);
        }
    }

    /// Lets the path go.
    pub(crate) fn release(&mut self, id: TagId) {
        let mut next = Some(id);
        // A path that is forgotten lets its parent go in its turn.
        while let Some(id) = next {
            let entry = self.entry_mut(id);
            entry.holders -= 1;
            if entry.holders > 0 {
                return;
            }
            self.held -= cost(&self.entry(id).path);
            next = if self.is_over() {
                self.forget(id)
            } else {
                self.queue(id);
                None
            };
        }
    }

    /// An open span has the path now.
    pub(crate) fn opened(&mut self, id: TagId) {
        self.entry_mut(id).open += 1;
    }

    /// One open span less has the path.
    pub(crate) fn closed(&mut self, id: TagId) {
        self.entry_mut(id).open -= 1;
    }

    fn entry(&self, id: TagId) -> &Entry {
        &self.entries[id.place()]
    }

    fn entry_mut(&mut self, id: TagId) -> &mut Entry {
        &mut self.entries[id.place()]
    }

    fn is_over(&self) -> bool {
        self.table.len() > self.max_paths || self.bytes > self.max_bytes
    }

    fn hash_of(&self, canonical: &[u8]) -> u64 {
        hash_with(&self.hash, canonical)
    }

    fn lookup(&self, hash: u64, canonical: &[u8]) -> Option<TagId> {
        let same = |&id: &TagId| self.entry(id).path.canonical() == canonical;
        self.table.find(hash, same).copied()
    }

    fn insert(&mut self, hash: u64, path: TagPath) -> TagId {
        self.bytes += cost(&path);
        let entry = Entry {
            path: Arc::new(path),
            parent: Parent::Unknown,
            holders: 0,
            open: 0,
            queued: false,
        };
        let id = match self.free.pop() {
            Some(id) => {
                *self.entry_mut(id) = entry;
                id
            }
            None => {
                self.entries.push(entry);
                TagId::new(self.entries.len() - 1)
            }
        };
        let (entries, state) = (&self.entries, &self.hash);
        self.table.insert_unique(hash, id, |id| {
            hash_with(state, entries[id.place()].path.canonical())
        });
        self.trim();
        id
    }

    fn queue(&mut self, id: TagId) {
        let entry = self.entry_mut(id);
        if !entry.queued {
            entry.queued = true;
            self.idle.push_back(id);
        }
    }

    /// Forgets unused paths until the others are within the bounds.
    fn trim(&mut self) {
        while self.is_over()
            && let Some(id) = self.idle.pop_front()
        {
            let entry = self.entry_mut(id);
            // Not so if it was forgotten meanwhile, and perhaps its place given to another.
            let queued = std::mem::take(&mut entry.queued);
            if queued
                && entry.holders == 0
                && let Some(parent) = self.forget(id)
            {
                self.release(parent);
            }
        }
    }

    /// Removes an unused path; returns its parent, to be released.
    fn forget(&mut self, id: TagId) -> Option<TagId> {
        let vacant = Entry {
            path: Arc::clone(&self.nothing),
            parent: Parent::None,
            holders: 0,
            open: 0,
            queued: false,
        };
        let entry = std::mem::replace(self.entry_mut(id), vacant);
        let hash = self.hash_of(entry.path.canonical());
        if let Ok(found) = self.table.find_entry(hash, |&other| other == id) {
            found.remove();
        }
        self.bytes -= cost(&entry.path);
        self.free.push(id);
        match entry.parent {
            Parent::Is(parent) => Some(parent),
            Parent::None | Parent::Unknown => None,
        }
    }
}

/// How many paths are found without a hash.
const RECENT: usize = 64;

/// A number below [`RECENT`] that mostly differs between paths of one program: from the ends and the
/// length.
#[inline]
fn recent(canonical: &[u8]) -> usize {
    let ends = match (canonical.first_chunk(), canonical.last_chunk()) {
        (Some(first), Some(last)) => u32::from_le_bytes(*first) ^ u32::from_be_bytes(*last),
        _ => canonical
            .iter()
            .fold(0, |all, &byte| all << 8 | u32::from(byte)),
    };
    let mixed = (ends ^ canonical.len() as u32).wrapping_mul(0x9e37_79b1);
    (mixed >> 26) as usize
}

const _: () = assert!(RECENT == 1 << (32 - 26));

fn hash_with(state: &RandomState, canonical: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(canonical);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(path: &str, f: impl FnOnce(&Tags<'_>) -> T) -> T {
        let marker = format!(">:t:{path}::");
        f(&nulltrace_spec::parse(marker.as_bytes()).unwrap().tags)
    }

    #[test]
    fn equal_paths_are_one() {
        let mut tags = Interner::new(8, usize::MAX);
        let simple = with(r"a.b\.c", |path| tags.acquire(path));
        let json = br#"[">","t",["a","b.c"]]"#;
        let json = tags.acquire(&nulltrace_spec::parse(json).unwrap().tags);
        assert_eq!(simple, json);
        assert_eq!(tags.path(simple).segments()[1], b"b.c"[..].into());
        let parent = with(r"a.b\.c", |path| tags.parent(simple, path)).unwrap();
        assert_eq!(tags.path(parent).canonical(), b"a");
        assert_eq!(with("a", |path| tags.parent(parent, path)), None);
        assert_eq!(with("a", |path| tags.find(path)), Some(parent));
        assert_eq!(with("b", |path| tags.find(path)), None);
    }

    #[test]
    fn keeps_what_is_held_and_forgets_the_rest() {
        let mut tags = Interner::new(4, usize::MAX);
        let held = with("held.path", |path| tags.acquire(path));
        let parent = with("held.path", |path| tags.parent(held, path)).unwrap();
        for n in 0..1000 {
            let id = with(&format!("passing.n{n}"), |path| {
                let id = tags.acquire(path);
                tags.parent(id, path);
                id
            });
            tags.release(id);
            assert!(tags.table.len() <= 5);
        }
        assert_eq!(with("held.path", |path| tags.find(path)), Some(held));
        assert_eq!(with("held", |path| tags.find(path)), Some(parent));
        tags.release(held);
        for n in 0..10 {
            let id = with(&format!("n{n}"), |path| tags.acquire(path));
            tags.release(id);
        }
        assert_eq!(
            with("held", |path| tags.find(path)),
            None,
            "gone with its child"
        );
        assert_eq!(tags.held, 0);
        assert!(tags.entries.len() <= 8, "places are used again");
        let kept: usize = tags.entries.iter().map(|entry| cost(&entry.path)).sum();
        let free = tags.free.len() * cost(&tags.nothing);
        assert_eq!(tags.bytes, kept - free);
    }

    #[test]
    fn more_than_the_bound_may_be_held() {
        let mut tags = Interner::new(4, usize::MAX);
        let path = |n| format!("n{n}");
        let ids: Vec<_> = (0..100)
            .map(|n| with(&path(n), |p| tags.acquire(p)))
            .collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(tags.path(*id).canonical(), path(n).as_bytes());
        }
        for id in ids {
            tags.release(id);
        }
        assert_eq!(tags.table.len(), 4);
    }
}
