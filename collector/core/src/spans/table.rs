//! Open spans in a slab, threaded on lists.
//!
//! Every question the matching rules ask is «which of these was opened last», so each list is a
//! stack, and each span holds its neighbours' numbers. Spans of the same id and tags share a stack
//! whose top is found by hash. It is mostly short, so what is nearest is found by a walk; once more
//! than a few share it they are put on stacks by thread, process and parent process as well. So
//! opening, closing in whatever order, and finding are O(1) however many spans share a key.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, OccupiedEntry};
use nulltrace_spec::Id;

use super::owners::Owners;
use crate::span::ArgList;
use crate::tags::TagId;

/// Number of a span in the slab.
pub(super) type Slot = u32;

/// No span.
pub(super) const NIL: Slot = u32::MAX;

/// The stacks a span is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum List {
    /// Same id and tags, same thread.
    Thread,
    /// Same id and tags, same process.
    Process,
    /// Same id and tags, opened by processes of the same parent.
    Siblings,
    /// Same id and tags.
    Anywhere,
    /// All of a thread.
    OfThread,
    /// All in the care of a process: its own, and what its dead children left.
    OfProcess,
}

const LISTS: usize = List::OfProcess as usize + 1;

/// The stacks by scope, in the order of their numbers.
const SCOPED: [List; 3] = [List::Thread, List::Process, List::Siblings];

/// Room each hash table has from the beginning. In a smaller one, spans that come and go leave
/// tombstones that soon make it be rebuilt.
const ROOM: usize = 448;

/// What the spans on one of the stacks by scope have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    id: Id,
    tag: TagId,
    scope: u64,
}

/// Where a marker was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) pid: u32,
    pub(super) tid: u32,
    pub(super) ppid: Option<u32>,
}

/// The spans of one id and tags.
///
/// When its last is closed a group stays, as that of the vacant slot, until the slot is used again:
/// mostly that is for a span of the same id and tags.
#[derive(Clone, Copy, Debug)]
struct Group {
    top: Slot,
    /// How many there are; at [`CROWD`] it stays until the last is closed.
    len: u32,
}

/// With that many spans a group has stacks by scope.
const CROWD: u32 = 8;

/// A hash of keys that differ in little but the scope: the part they share is computed once.
/// The keys are chosen by anyone on the machine, so it has a secret.
#[derive(Clone, Copy, Debug)]
struct Secret([u64; 3]);

impl Secret {
    fn new() -> Self {
        let state = RandomState::default();
        Self([0u8, 1, 2].map(|n| state.hash_one(n) | 1))
    }

    /// Of what all scopes have in common.
    #[inline]
    fn start(self, id: Id, tag: TagId) -> u64 {
        let number = match id {
            Id::Number(number) => number as u64,
            _ => 0,
        };
        fold(number ^ self.0[0], tag.bits() ^ self.0[1])
    }

    #[inline]
    fn end(self, start: u64, scope: u64) -> u64 {
        fold(start ^ scope, self.0[2])
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A thread as a scope. The process is part of it, so a thread id that came into use again is
/// another thread.
fn thread(pid: u32, tid: u32) -> u64 {
    u64::from(pid) << 32 | u64::from(tid)
}

#[derive(Clone, Copy, Debug)]
struct Link {
    below: Slot,
    above: Slot,
}

const UNLINKED: Link = Link {
    below: NIL,
    above: NIL,
};

/// An open span. A million of them must fit in little memory: hence numbers for tags and
/// neighbours, and one block for the arguments.
#[derive(Debug)]
pub(super) struct Open {
    /// Sequence number; 0 in a free slot. It also tells whether a slot still holds the span meant.
    pub(super) seq: u64,
    pub(super) start: u64,
    pub(super) id: Id,
    pub(super) child_ns: u64,
    pub(super) child_hits: u64,
    pub(super) parent_seq: u64,
    /// When its process ended, for an orphan.
    pub(super) left: u64,
    /// None in a free slot.
    pub(super) comm: Option<Arc<[u8]>>,
    /// Empty in a free slot.
    pub(super) args: ArgList,
    pub(super) tag: TagId,
    pub(super) parent_tag: Option<TagId>,
    pub(super) parent: Slot,
    pub(super) pid: u32,
    pub(super) tid: u32,
    /// Process id of the parent process, if `has_ppid`.
    ppid: u32,
    /// Number of its thread's stack.
    thread: u32,
    /// Number of the stack of the process that has it in care.
    care: u32,
    age: Link,
    links: [Link; LISTS],
    /// A bit for each it is on.
    lists: u8,
    has_ppid: bool,
    /// It is closed, and the top of its group still.
    lingers: bool,
    /// The id was written as `t`.
    pub(super) by_thread: bool,
    /// The id was written as `p`.
    pub(super) by_process: bool,
    /// Its process ended without it.
    pub(super) orphan: bool,
}

impl Open {
    /// What stands in a slot no span was in yet.
    fn vacant() -> Self {
        Self {
            seq: 0,
            start: 0,
            id: Id::None,
            child_ns: 0,
            child_hits: 0,
            parent_seq: 0,
            left: 0,
            comm: None,
            args: ArgList::default(),
            tag: TagId::FIRST,
            parent_tag: None,
            parent: NIL,
            pid: 0,
            tid: 0,
            ppid: 0,
            thread: NIL,
            care: NIL,
            age: UNLINKED,
            links: [UNLINKED; LISTS],
            lists: 0,
            has_ppid: false,
            lingers: false,
            by_thread: false,
            by_process: false,
            orphan: false,
        }
    }

    /// The parent process, if it was known.
    pub(super) fn ppid(&self) -> Option<u32> {
        self.has_ppid.then_some(self.ppid)
    }

    #[inline]
    fn is(&self, id: Id, tag: TagId) -> bool {
        self.tag == tag && self.id == id
    }

    #[inline]
    fn is_scoped(&self) -> bool {
        SCOPED.into_iter().any(|list| self.is_on(list))
    }

    #[inline]
    fn is_on(&self, list: List) -> bool {
        self.lists & 1 << list as usize != 0
    }

    /// When it ends if its process is gone at `ts`: an orphan ended with its own.
    pub(super) fn end_at(&self, ts: u64) -> u64 {
        if self.orphan { self.left } else { ts }
    }

    /// The scope of a stack by scope.
    fn scope(&self, list: List) -> u64 {
        match list {
            List::Thread => thread(self.pid, self.tid),
            List::Process => self.pid.into(),
            List::Siblings => self.ppid.into(),
            List::Anywhere | List::OfThread | List::OfProcess => 0,
        }
    }

    fn key(&self, list: List) -> Key {
        Key {
            id: self.id,
            tag: self.tag,
            scope: self.scope(list),
        }
    }
}

/// The slab and its lists.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Open>,
    free: Vec<Slot>,
    groups: HashTable<Group>,
    /// The stacks by scope, of the groups that are crowded.
    scoped: [HashTable<Slot>; SCOPED.len()],
    threads: Owners,
    processes: Owners,
    secret: Secret,
    oldest: Slot,
    newest: Slot,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            groups: HashTable::with_capacity(ROOM),
            scoped: std::array::from_fn(|_| HashTable::with_capacity(ROOM)),
            threads: Owners::new(),
            processes: Owners::new(),
            secret: Secret::new(),
            oldest: NIL,
            newest: NIL,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    #[inline]
    pub(super) fn get(&self, slot: Slot) -> &Open {
        &self.slots[slot as usize]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Open {
        &mut self.slots[slot as usize]
    }

    /// The span of that number, if it is still the one with that sequence number.
    pub(super) fn still(&mut self, slot: Slot, seq: u64) -> Option<&mut Open> {
        let span = self.slots.get_mut(slot as usize)?;
        (span.seq == seq).then_some(span)
    }

    /// The span opened first.
    #[inline]
    pub(super) fn oldest(&self) -> Option<(Slot, &Open)> {
        self.slots
            .get(self.oldest as usize)
            .map(|s| (self.oldest, s))
    }

    /// The span opened last.
    pub(super) fn newest(&self) -> Option<&Open> {
        self.slots.get(self.newest as usize)
    }

    /// All spans, the one opened first first.
    pub(super) fn by_age(&self) -> impl Iterator<Item = (Slot, &Open)> {
        std::iter::successors(self.oldest(), |(_, span)| {
            let next = span.age.above;
            self.slots.get(next as usize).map(|span| (next, span))
        })
    }

    /// The span of a thread that was opened last.
    #[inline]
    pub(super) fn innermost(&self, pid: u32, tid: u32) -> Option<Slot> {
        self.threads.top(thread(pid, tid))
    }

    /// All spans of a thread, the one opened last first.
    pub(super) fn of_thread(&self, pid: u32, tid: u32) -> impl Iterator<Item = Slot> {
        let top = self.innermost(pid, tid);
        self.stack(List::OfThread, top).map(|(slot, _)| slot)
    }

    /// All spans in the care of a process.
    pub(super) fn of_process(&self, pid: u32) -> impl Iterator<Item = Slot> {
        let top = self.processes.top(pid.into());
        self.stack(List::OfProcess, top).map(|(slot, _)| slot)
    }

    /// The span of that id and tags which was opened last in the nearest scope that has one.
    #[inline]
    pub(super) fn nearest(&self, id: Id, tag: TagId, place: &Place) -> Option<Slot> {
        // The usual case needs no look-up: nothing can be nearer than the innermost of the thread.
        match self.innermost(place.pid, place.tid) {
            Some(slot) if self.get(slot).is(id, tag) => Some(slot),
            _ => self.nearest_in_group(id, tag, place),
        }
    }

    fn nearest_in_group(&self, id: Id, tag: TagId, place: &Place) -> Option<Slot> {
        let start = self.secret.start(id, tag);
        let same = |group: &Group| self.get(group.top).is(id, tag);
        let group = self.groups.find(start, same)?;
        if self.get(group.top).lingers {
            return None;
        }
        let Place { pid, tid, ppid } = *place;
        if group.len == CROWD {
            let top = |list, scope| {
                let key = Key { id, tag, scope };
                let same = |&slot: &Slot| self.get(slot).key(list) == key;
                let hash = self.secret.end(start, scope);
                self.scoped[list as usize].find(hash, same).copied()
            };
            return top(List::Thread, thread(pid, tid))
                .or_else(|| top(List::Process, pid.into()))
                .or_else(|| top(List::Siblings, ppid?.into()))
                .or(Some(group.top));
        }
        let (mut process, mut siblings) = (None, None);
        for (slot, span) in self.stack(List::Anywhere, Some(group.top)) {
            if span.pid == pid && !span.orphan {
                if span.tid == tid && span.is_on(List::OfThread) {
                    return Some(slot);
                }
                process = process.or(Some(slot));
            }
            if ppid.is_some() && span.ppid() == ppid {
                siblings = siblings.or(Some(slot));
            }
        }
        process.or(siblings).or(Some(group.top))
    }

    /// All spans on a stack, from its top.
    fn stack(&self, list: List, top: Option<Slot>) -> impl Iterator<Item = (Slot, &Open)> {
        std::iter::successors(top, move |&slot| {
            let next = self.get(slot).links[list as usize].below;
            (next != NIL).then_some(next)
        })
        .map(|slot| (slot, self.get(slot)))
    }

    /// Takes in a span, as the one opened last, and puts it on top of its stacks. It is for the caller
    /// to set what is not given.
    pub(super) fn insert(&mut self, id: Id, tag: TagId, place: &Place) -> &mut Open {
        let Place { pid, tid, ppid } = *place;
        let number = self.threads.obtain(thread(pid, tid));
        let care = self.processes.obtain(pid.into());
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Open::vacant());
            (self.slots.len() - 1) as Slot
        });
        match self.slots.get_mut(self.newest as usize) {
            Some(newest) => newest.age.above = slot,
            None => self.oldest = slot,
        }
        let below = std::mem::replace(&mut self.newest, slot);
        let lingers = std::mem::take(&mut self.get_mut(slot).lingers);
        let same_group = lingers && self.get(slot).is(id, tag);
        if lingers && !same_group {
            self.forget_group(slot);
        }
        // Written where it stays, field by field: it is big, and this is done for every span.
        let span = self.get_mut(slot);
        span.age = Link { below, above: NIL };
        (span.id, span.tag) = (id, tag);
        (span.pid, span.tid) = (pid, tid);
        (span.ppid, span.has_ppid) = (ppid.unwrap_or(0), ppid.is_some());
        (span.thread, span.care) = (number, care);
        (span.child_ns, span.child_hits) = (0, 0);
        span.parent_tag = None;
        span.parent = NIL;
        span.orphan = false;
        let below = self.threads.set_top(number, slot);
        self.lay(List::OfThread, slot, below);
        let below = self.processes.set_top(care, slot);
        self.lay(List::OfProcess, slot, below);
        if same_group {
            self.lay(List::Anywhere, slot, NIL);
        } else {
            self.join_group(slot, id, tag);
        }
        self.get_mut(slot)
    }

    /// Takes a span off its lists and frees its slot, in which it can still be read: whoever takes it
    /// out sets its sequence number to 0.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.leave_group(slot);
        self.leave_thread(slot);
        self.leave_process(slot);
        self.leave_scope(List::Siblings, slot);
        let Link { below, above } = self.get(slot).age;
        match self.slots.get_mut(below as usize) {
            Some(older) => older.age.above = above,
            None => self.oldest = above,
        }
        match self.slots.get_mut(above as usize) {
            Some(newer) => newer.age.below = below,
            None => self.newest = below,
        }
        self.free.push(slot);
    }

    /// From now on the span is not its thread's; nothing if it is not so already.
    #[inline]
    pub(super) fn leave_thread(&mut self, slot: Slot) {
        self.leave_scope(List::Thread, slot);
        if let Some(top) = self.lift(List::OfThread, slot) {
            let thread = self.get(slot).thread;
            self.threads.set_top(thread, top);
        }
    }

    /// From now on the span is not its process's, nor in the care of one.
    #[inline]
    pub(super) fn leave_process(&mut self, slot: Slot) {
        self.leave_scope(List::Process, slot);
        if let Some(top) = self.lift(List::OfProcess, slot) {
            let care = self.get(slot).care;
            self.processes.set_top(care, top);
        }
    }

    /// Gives a span that is in nobody's care to a process.
    pub(super) fn give(&mut self, slot: Slot, pid: u32) {
        let care = self.processes.obtain(pid.into());
        let below = self.processes.set_top(care, slot);
        self.get_mut(slot).care = care;
        self.lay(List::OfProcess, slot, below);
    }

    #[inline]
    fn join_group(&mut self, slot: Slot, id: Id, tag: TagId) {
        let (slots, secret) = (&self.slots, self.secret);
        let entry = self.groups.entry(
            secret.start(id, tag),
            |group| slots[group.top as usize].is(id, tag),
            |group| {
                let span = &slots[group.top as usize];
                secret.start(span.id, span.tag)
            },
        );
        let (below, len) = match entry {
            Entry::Occupied(mut group) => {
                let Group { top, len } = group.get_mut();
                let below = std::mem::replace(top, slot);
                let lingers = std::mem::take(&mut self.slots[below as usize].lingers);
                if lingers {
                    (NIL, 1)
                } else {
                    let before = *len;
                    *len = CROWD.min(before + 1);
                    (below, before + 1)
                }
            }
            Entry::Vacant(free) => {
                free.insert(Group { top: slot, len: 1 });
                (NIL, 1)
            }
        };
        self.lay(List::Anywhere, slot, below);
        match len.cmp(&CROWD) {
            Ordering::Less => {}
            Ordering::Equal => self.crowd(slot),
            Ordering::Greater => self.join_scopes(slot),
        }
    }

    #[inline]
    fn leave_group(&mut self, slot: Slot) {
        let top = self.lift(List::Anywhere, slot);
        let span = self.get_mut(slot);
        // In a crowd, all but orphans are on a stack by scope.
        if top == Some(NIL) && !span.is_scoped() && !span.orphan {
            span.lingers = true;
        } else {
            self.shrink_group(slot, top);
        }
    }

    /// Tells the group of a span that it left, and which is its top if the span was.
    fn shrink_group(&mut self, slot: Slot, top: Option<Slot>) {
        let Some(mut entry) = self.group_of(slot) else {
            return;
        };
        let group = entry.get_mut();
        if group.len < CROWD {
            group.len -= 1;
        }
        match top {
            Some(NIL) => drop(entry.remove()),
            Some(top) => group.top = top,
            None => {}
        }
    }

    /// Forgets the group of a vacant slot.
    fn forget_group(&mut self, slot: Slot) {
        if let Some(group) = self.group_of(slot) {
            group.remove();
        }
    }

    fn group_of(&mut self, slot: Slot) -> Option<OccupiedEntry<'_, Group>> {
        let slots = &self.slots;
        let Open { id, tag, .. } = slots[slot as usize];
        let same = |group: &Group| slots[group.top as usize].is(id, tag);
        self.groups
            .find_entry(self.secret.start(id, tag), same)
            .ok()
    }

    /// Puts a group, whose top is given, on stacks by scope: those opened first at the bottom.
    #[cold]
    fn crowd(&mut self, top: Slot) {
        let bottom = self.stack(List::Anywhere, Some(top)).last();
        let mut next = bottom.map_or(NIL, |(slot, _)| slot);
        while next != NIL {
            self.join_scopes(next);
            next = self.get(next).links[List::Anywhere as usize].above;
        }
    }

    fn join_scopes(&mut self, slot: Slot) {
        let span = self.get(slot);
        let start = self.secret.start(span.id, span.tag);
        let on = [span.is_on(List::OfThread), !span.orphan, span.has_ppid];
        for (list, on) in SCOPED.into_iter().zip(on) {
            if on {
                self.join_scope(list, slot, start);
            }
        }
    }

    fn join_scope(&mut self, list: List, slot: Slot, start: u64) {
        let key = self.get(slot).key(list);
        let (slots, secret) = (&self.slots, self.secret);
        let entry = self.scoped[list as usize].entry(
            secret.end(start, key.scope),
            |&top| slots[top as usize].key(list) == key,
            |&top| {
                let span = &slots[top as usize];
                secret.end(secret.start(span.id, span.tag), span.scope(list))
            },
        );
        let below = match entry {
            Entry::Occupied(mut top) => std::mem::replace(top.get_mut(), slot),
            Entry::Vacant(free) => {
                free.insert(slot);
                NIL
            }
        };
        self.lay(list, slot, below);
    }

    /// Takes a span off a stack by scope; nothing if it is not on it.
    #[inline]
    fn leave_scope(&mut self, list: List, slot: Slot) {
        if self.get(slot).is_on(list) {
            self.lift_scoped(list, slot);
        }
    }

    fn lift_scoped(&mut self, list: List, slot: Slot) {
        let Some(below) = self.lift(list, slot) else {
            return;
        };
        let Key { id, tag, scope } = self.get(slot).key(list);
        let hash = self.secret.end(self.secret.start(id, tag), scope);
        if let Ok(mut top) = self.scoped[list as usize].find_entry(hash, |&top| top == slot) {
            if below == NIL {
                top.remove();
            } else {
                *top.get_mut() = below;
            }
        }
    }

    /// Lays a span on the former top of a stack.
    #[inline]
    fn lay(&mut self, list: List, slot: Slot, below: Slot) {
        let n = list as usize;
        if let Some(span) = self.slots.get_mut(below as usize) {
            span.links[n].above = slot;
        }
        let span = self.get_mut(slot);
        span.links[n] = Link { below, above: NIL };
        span.lists |= 1 << n;
    }

    /// Takes a span off a stack, wherever in it it is; nothing if it is not on it. Returns the new top
    /// if it was the top.
    #[inline]
    fn lift(&mut self, list: List, slot: Slot) -> Option<Slot> {
        let n = list as usize;
        let span = self.get_mut(slot);
        if !span.is_on(list) {
            return None;
        }
        span.lists &= !(1 << n);
        let Link { below, above } = span.links[n];
        if let Some(span) = self.slots.get_mut(below as usize) {
            span.links[n].above = above;
        }
        match self.slots.get_mut(above as usize) {
            Some(span) => {
                span.links[n].below = below;
                None
            }
            None => Some(below),
        }
    }
}
