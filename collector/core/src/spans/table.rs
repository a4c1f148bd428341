//! Open spans in a slab, threaded on lists.
//!
//! Every question the matching rules ask is «which of these was opened last», so each list is a
//! stack, and each span holds its neighbours' numbers. Spans of the same id and tags share a stack
//! whose top is found by hash. It is mostly short, so what is nearest is found by a walk; once more
//! than a few share it they are put on stacks by thread, process, parent process and user as well. So
//! opening, closing in whatever order, and finding are O(1) however many spans share a key.
//!
//! Each span knows its open children: when it ends, they and all below them are no longer what their thread
//! is within, so they go from the stack whose top is the innermost to one beside it. Each goes once.

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
    /// Same id and tags, opened by processes of the same parent and user.
    Siblings,
    /// Same id and tags, opened by processes of the same user.
    User,
    /// Same id and tags.
    Anywhere,
    /// Those of a thread that what it does next may lie in; or, on the stack beside, its others.
    OfThread,
    /// All in the care of a process: its own, and what its dead children left.
    OfProcess,
    /// Same unique number, same user.
    Numbered,
}

/// The stacks by scope, the first of all, in the order of their numbers.
const SCOPED: [List; 4] = [List::Thread, List::Process, List::Siblings, List::User];

/// How many others there are.
const LISTS: usize = List::Numbered as usize + 1 - SCOPED.len();

/// So many spans of the same number and user are looked at for the nearest. Numbers are unique, so there is
/// one, unless somebody uses a number again on purpose.
const SAME_NUMBER: usize = 64;

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
    pub(super) uid: Option<u32>,
}

/// How far a marker may look for a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// To the spans of its own process.
    Process,
    /// To those of other processes of the same user as well.
    User,
}

/// What is known of a thread beside its spans.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Thread {
    /// Number of its last marker; 0 while it is not known.
    pub(super) number: u32,
    /// It was told that nobody asks what it calls.
    pub(super) rests: bool,
    /// Markers of it were lost when spans up to this sequence number had been opened.
    pub(super) lost: u64,
    /// Time of its segments, nanoseconds.
    pub(super) wall: u64,
}

/// What is known of a process beside its spans.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// How many of its open spans another thread than theirs may end, or say it works for.
    shared: u32,
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

/// Two ids as one scope: a thread and its process, so a thread id that came into use again is another
/// thread; a parent process and the user.
fn both(a: u32, b: u32) -> u64 {
    u64::from(a) << 32 | u64::from(b)
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
    /// Nanoseconds with at least one child open; less the time since when there is one, if there is. A little
    /// less than none where the clocks of two CPUs disagree.
    pub(super) child_ns: i64,
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
    /// Children that ended before it.
    pub(super) child_hits: u32,
    /// The child opened last of those that are open.
    child: Slot,
    /// Its neighbours among the open children of its parent.
    kin: Link,
    pub(super) pid: u32,
    pub(super) tid: u32,
    /// Process id of the parent process, if `has_ppid`.
    ppid: u32,
    /// User id of the process, if `has_uid`.
    uid: u32,
    /// Number of its thread's stack.
    thread: u32,
    /// Number of the stack of the process that has it in care.
    care: u32,
    age: Link,
    links: [Link; LISTS],
    /// Where its neighbours on the stacks by scope are, if it is on one.
    crowd: u32,
    /// A bit for each it is on.
    lists: u16,
    has_ppid: bool,
    has_uid: bool,
    /// It is closed, and the top of its group still.
    lingers: bool,
    /// The id was written as `t`.
    pub(super) by_thread: bool,
    /// The id was written as `p`.
    pub(super) by_process: bool,
    /// Its process ended without it.
    pub(super) orphan: bool,
    /// It is counted in its process's [`shared`](Process::shared).
    shared: bool,
    /// A span that it is below has ended.
    passed: bool,
    /// It is on the stack beside that of its thread.
    aside: bool,
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
            child: NIL,
            kin: UNLINKED,
            pid: 0,
            tid: 0,
            ppid: 0,
            uid: 0,
            thread: NIL,
            care: NIL,
            age: UNLINKED,
            links: [UNLINKED; LISTS],
            crowd: NIL,
            lists: 0,
            has_ppid: false,
            has_uid: false,
            lingers: false,
            by_thread: false,
            by_process: false,
            orphan: false,
            shared: false,
            passed: false,
            aside: false,
        }
    }

    /// The user, if it was known.
    fn uid(&self) -> Option<u32> {
        self.has_uid.then_some(self.uid)
    }

    #[inline]
    fn is_numbered(&self, id: Id, uid: Option<u32>) -> bool {
        self.id == id && self.uid() == uid
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

    /// Whether it is one of another process's that `place` may reach.
    #[inline]
    fn is_of_user(&self, uid: Option<u32>) -> bool {
        self.has_uid && uid == Some(self.uid)
    }

    /// Whether a child is open.
    pub(super) fn has_child(&self) -> bool {
        self.child != NIL
    }

    /// Whether it is, still, of that thread.
    pub(super) fn is_of(&self, pid: u32, tid: u32) -> bool {
        self.is_of_thread() && (self.pid, self.tid) == (pid, tid)
    }

    /// Whether it is its thread's still.
    pub(super) fn is_of_thread(&self) -> bool {
        self.is_on(List::OfThread)
    }

    /// When it ends if its process is gone at `ts`: an orphan ended with its own.
    pub(super) fn end_at(&self, ts: u64) -> u64 {
        if self.orphan { self.left } else { ts }
    }

    /// The scope of a stack by scope.
    fn scope(&self, list: List) -> u64 {
        match list {
            List::Thread => both(self.pid, self.tid),
            List::Process => self.pid.into(),
            List::Siblings => both(self.uid, self.ppid),
            List::User => self.uid.into(),
            _ => 0,
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
    /// The tops of the stacks of unique numbers.
    numbered: HashTable<Slot>,
    threads: Owners<Thread>,
    processes: Owners<Process>,
    /// The neighbours on the stacks by scope, of spans that are on some, and which of them are free.
    crowds: Vec<[Link; SCOPED.len()]>,
    free_crowds: Vec<u32>,
    /// For the spans below one that ends.
    below: Vec<Slot>,
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
            numbered: HashTable::new(),
            threads: Owners::new(),
            processes: Owners::new(),
            crowds: Vec::new(),
            free_crowds: Vec::new(),
            below: Vec::new(),
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

    /// The parent of an open span, if that is open.
    #[inline]
    pub(super) fn parent(&self, span: &Open) -> Option<Slot> {
        let parent = self.slots.get(span.parent as usize)?;
        (parent.seq == span.parent_seq).then_some(span.parent)
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

    /// Whether a thread has a span open.
    #[inline]
    pub(super) fn has_open(&self, pid: u32, tid: u32) -> bool {
        self.threads.tops(both(pid, tid)) != [NIL; 2]
    }

    /// The span that what a thread does now lies in: of those opened on it the last, but for those whose
    /// parent, or whose parent's parent and so on, has ended, and for those whose end may have been lost.
    #[inline]
    pub(super) fn innermost(&mut self, pid: u32, tid: u32) -> Option<Slot> {
        let [slot, _] = self.threads.tops(both(pid, tid));
        if slot == NIL {
            return None;
        }
        if self.may_have_ended(slot) {
            return self.innermost_that_is_sure(slot);
        }
        Some(slot)
    }

    #[cold]
    fn innermost_that_is_sure(&mut self, mut slot: Slot) -> Option<Slot> {
        while slot != NIL && self.may_have_ended(slot) {
            self.put_aside(slot);
            slot = self.threads.top_of(self.get(slot).thread);
        }
        (slot != NIL).then_some(slot)
    }

    /// Whether its end may be among the markers of its thread that were lost. A unique number is safe from
    /// that: if its end was lost, no other marker is taken for it.
    pub(super) fn may_have_ended(&self, slot: Slot) -> bool {
        let span = self.get(slot);
        span.is_of_thread() && self.threads.of(span.thread).lost >= span.seq && !span.id.is_unique()
    }

    /// What is known of a thread that has spans, or had some of late.
    #[inline]
    pub(super) fn thread(&mut self, pid: u32, tid: u32) -> Option<&mut Thread> {
        self.threads.known(both(pid, tid))
    }

    /// What is known of the thread of a span that is its thread's still.
    pub(super) fn thread_of(&self, span: &Open) -> &Thread {
        self.threads.of(span.thread)
    }

    /// The thread of a span, if nothing was known of it, has written so many markers.
    #[inline]
    pub(super) fn is_numbered_from(&mut self, slot: Slot, number: u32) {
        let thread = self.get(slot).thread;
        let thread = self.threads.of_mut(thread);
        if thread.number == 0 {
            thread.number = number;
        }
    }

    /// Whether a process has spans that other threads than their own may end, or say they work for.
    #[inline]
    pub(super) fn is_shared(&mut self, pid: u32) -> bool {
        self.processes
            .known(pid.into())
            .is_some_and(|process| process.shared > 0)
    }

    /// The processes that have spans in their care: those that opened them.
    pub(super) fn processes(&self) -> impl Iterator<Item = u32> {
        self.by_age()
            .filter(|(_, span)| !span.orphan)
            .map(|(_, span)| span.pid)
    }

    /// All spans of a thread, the one opened last first.
    pub(super) fn of_thread(&self, pid: u32, tid: u32) -> impl Iterator<Item = Slot> {
        let tops = self.threads.tops(both(pid, tid));
        let stack = |top: Slot| self.stack(List::OfThread, (top != NIL).then_some(top));
        tops.into_iter().flat_map(stack).map(|(slot, _)| slot)
    }

    /// All spans in the care of a process.
    pub(super) fn of_process(&self, pid: u32) -> impl Iterator<Item = Slot> {
        let [top, _] = self.processes.tops(pid.into());
        let top = (top != NIL).then_some(top);
        self.stack(List::OfProcess, top).map(|(slot, _)| slot)
    }

    /// The span of that id and tags which was opened last in the nearest scope that has one.
    #[inline]
    pub(super) fn nearest(&self, id: Id, tag: TagId, place: &Place, scope: Scope) -> Option<Slot> {
        // The usual case needs no look-up: nothing can be nearer than the last of the thread.
        match self.threads.tops(both(place.pid, place.tid)) {
            [slot, NIL] if slot != NIL && self.get(slot).is(id, tag) => Some(slot),
            _ => self.nearest_in_group(id, tag, place, scope),
        }
    }

    fn nearest_in_group(&self, id: Id, tag: TagId, place: &Place, scope: Scope) -> Option<Slot> {
        let start = self.secret.start(id, tag);
        let same = |group: &Group| self.get(group.top).is(id, tag);
        let group = self.groups.find(start, same)?;
        if self.get(group.top).lingers {
            return None;
        }
        let Place {
            pid,
            tid,
            ppid,
            uid,
        } = *place;
        let uid = uid.filter(|_| scope == Scope::User);
        if group.len == CROWD {
            let top = |list, scope| {
                let key = Key { id, tag, scope };
                let same = |&slot: &Slot| self.get(slot).key(list) == key;
                let hash = self.secret.end(start, scope);
                self.scoped[list as usize].find(hash, same).copied()
            };
            return top(List::Thread, both(pid, tid))
                .or_else(|| top(List::Process, pid.into()))
                .or_else(|| top(List::Siblings, both(uid?, ppid?)))
                .or_else(|| top(List::User, uid?.into()));
        }
        self.nearest_of(self.stack(List::Anywhere, Some(group.top)), place, uid)
    }

    /// The nearest of some, the one opened last first.
    fn nearest_of<'a>(
        &self,
        spans: impl Iterator<Item = (Slot, &'a Open)>,
        place: &Place,
        uid: Option<u32>,
    ) -> Option<Slot> {
        let Place { pid, tid, ppid, .. } = *place;
        let (mut process, mut siblings, mut user) = (None, None, None);
        for (slot, span) in spans {
            if span.pid == pid && !span.orphan {
                if span.tid == tid && span.is_on(List::OfThread) {
                    return Some(slot);
                }
                process = process.or(Some(slot));
            }
            if span.is_of_user(uid) {
                if ppid.is_some() && span.ppid() == ppid {
                    siblings = siblings.or(Some(slot));
                }
                user = user.or(Some(slot));
            }
        }
        process.or(siblings).or(user)
    }

    /// The span of that unique number, of the same user, which was opened last in the nearest scope.
    pub(super) fn numbered(&self, number: i64, place: &Place) -> Option<Slot> {
        let (id, uid) = (Id::Number(number), place.uid);
        let same = |&slot: &Slot| self.get(slot).is_numbered(id, uid);
        let top = self.numbered.find(self.numbered_hash(id, uid), same)?;
        let spans = self.stack(List::Numbered, Some(*top)).take(SAME_NUMBER);
        self.nearest_of(spans, place, uid)
    }

    fn numbered_hash(&self, id: Id, uid: Option<u32>) -> u64 {
        let scope = uid.map_or(u64::MAX, u64::from);
        self.secret.end(self.secret.start(id, TagId::FIRST), scope)
    }

    /// All spans on a stack, from its top.
    fn stack(&self, list: List, top: Option<Slot>) -> impl Iterator<Item = (Slot, &Open)> {
        std::iter::successors(top, move |&slot| {
            let next = self.link(list, slot).below;
            (next != NIL).then_some(next)
        })
        .map(|slot| (slot, self.get(slot)))
    }

    /// Takes in a span, as the one opened last, and puts it on top of its stacks. It is for the caller
    /// to set what is not given.
    pub(super) fn insert(&mut self, id: Id, tag: TagId, place: &Place) -> Slot {
        let Place {
            pid,
            tid,
            ppid,
            uid,
        } = *place;
        let number = self.threads.obtain(both(pid, tid));
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
        (span.uid, span.has_uid) = (uid.unwrap_or(0), uid.is_some());
        (span.thread, span.care) = (number, care);
        (span.child_ns, span.child_hits, span.child) = (0, 0, NIL);
        span.parent_tag = None;
        span.parent = NIL;
        (span.orphan, span.passed, span.aside) = (false, false, false);
        let below = self.threads.set_top(number, false, slot);
        self.lay(List::OfThread, slot, below);
        let below = self.processes.set_top(care, false, slot);
        self.lay(List::OfProcess, slot, below);
        if id.is_unique() {
            self.join_numbered(slot);
        }
        if same_group {
            self.lay(List::Anywhere, slot, NIL);
        } else {
            self.join_group(slot, id, tag);
        }
        slot
    }

    /// Takes a span off its lists and frees its slot, in which it can still be read: whoever takes it
    /// out sets its sequence number to 0.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: Slot) {
        self.leave_group(slot);
        if self.get(slot).crowd != NIL {
            self.leave_crowd(slot);
        }
        self.leave_thread(slot);
        self.leave_process(slot);
        if self.get(slot).is_on(List::Numbered) {
            self.leave_numbered(slot);
        }
        if self.get(slot).child != NIL {
            self.let_go_of_all_below(slot);
        }
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
    #[inline(always)]
    pub(super) fn leave_thread(&mut self, slot: Slot) {
        if self.get(slot).crowd != NIL {
            self.leave_scope(List::Thread, slot);
        }
        if let Some(top) = self.lift(List::OfThread, slot) {
            let span = self.get(slot);
            let (thread, aside) = (span.thread, span.aside);
            self.threads.set_top(thread, aside, top);
        }
    }

    /// From now on its thread is not within it; nothing if it is not so already.
    fn put_aside(&mut self, slot: Slot) {
        let span = self.get(slot);
        let thread = span.thread;
        if span.aside || !span.is_on(List::OfThread) {
            return;
        }
        if let Some(top) = self.lift(List::OfThread, slot) {
            self.threads.set_top(thread, false, top);
        }
        self.get_mut(slot).aside = true;
        let below = self.threads.set_top(thread, true, slot);
        self.lay(List::OfThread, slot, below);
    }

    /// Makes an open span the parent of one that is opened.
    pub(super) fn adopt(&mut self, slot: Slot, parent: Slot, parent_seq: u64, start: u64) {
        let above = self.get_mut(parent);
        let below = std::mem::replace(&mut above.child, slot);
        if below == NIL {
            above.child_ns = above.child_ns.wrapping_sub(start.cast_signed());
        }
        if let Some(span) = self.slots.get_mut(below as usize) {
            span.kin.above = slot;
        }
        let span = self.get_mut(slot);
        span.kin = Link { below, above: NIL };
        (span.parent, span.parent_seq) = (parent, parent_seq);
    }

    /// Takes a span that ends out of its parent's children. Returns the parent, if that is open.
    #[inline(always)]
    pub(super) fn leave_parent(&mut self, slot: Slot) -> Option<&mut Open> {
        let span = self.get(slot);
        let (parent, Link { below, above }) = (self.parent(span)?, span.kin);
        if let Some(span) = self.slots.get_mut(below as usize) {
            span.kin.above = above;
        }
        match self.slots.get_mut(above as usize) {
            Some(span) => span.kin.below = below,
            None => self.get_mut(parent).child = below,
        }
        Some(self.get_mut(parent))
    }

    /// A span ends: threads are not within its children any more, nor within what is below them.
    #[cold]
    fn let_go_of_all_below(&mut self, slot: Slot) {
        let mut below = std::mem::take(&mut self.below);
        below.push(slot);
        while let Some(slot) = below.pop() {
            let mut child = self.get(slot).child;
            while child != NIL {
                let span = self.get(child);
                let next = span.kin.below;
                // Where it is passed already, so are those below it.
                if !std::mem::replace(&mut self.get_mut(child).passed, true) {
                    self.put_aside(child);
                    below.push(child);
                }
                child = next;
            }
        }
        self.below = below;
    }

    /// Other threads than its own may end this span, or say they work for it.
    pub(super) fn share(&mut self, slot: Slot) {
        let care = self.get(slot).care;
        self.processes.of_mut(care).shared += 1;
        self.get_mut(slot).shared = true;
    }

    fn join_numbered(&mut self, slot: Slot) {
        let (id, uid) = (self.get(slot).id, self.get(slot).uid());
        let hash = self.numbered_hash(id, uid);
        let (slots, secret) = (&self.slots, self.secret);
        let entry = self.numbered.entry(
            hash,
            |&top| slots[top as usize].is_numbered(id, uid),
            |&top| {
                let span = &slots[top as usize];
                let scope = span.uid().map_or(u64::MAX, u64::from);
                secret.end(secret.start(span.id, TagId::FIRST), scope)
            },
        );
        let below = match entry {
            Entry::Occupied(mut top) => std::mem::replace(top.get_mut(), slot),
            Entry::Vacant(free) => {
                free.insert(slot);
                NIL
            }
        };
        self.lay(List::Numbered, slot, below);
    }

    fn leave_numbered(&mut self, slot: Slot) {
        let Some(below) = self.lift(List::Numbered, slot) else {
            return;
        };
        let hash = self.numbered_hash(self.get(slot).id, self.get(slot).uid());
        if let Ok(mut top) = self.numbered.find_entry(hash, |&top| top == slot) {
            if below == NIL {
                top.remove();
            } else {
                *top.get_mut() = below;
            }
        }
    }

    /// From now on the span is not its process's, nor in the care of one.
    #[inline(always)]
    pub(super) fn leave_process(&mut self, slot: Slot) {
        if self.get(slot).crowd != NIL {
            self.leave_scope(List::Process, slot);
        }
        let span = self.get_mut(slot);
        let (care, shared) = (span.care, std::mem::take(&mut span.shared));
        if let Some(top) = self.lift(List::OfProcess, slot) {
            self.processes.set_top(care, false, top);
        }
        if shared {
            self.processes.of_mut(care).shared -= 1;
        }
    }

    /// Gives a span that is in nobody's care to a process.
    pub(super) fn give(&mut self, slot: Slot, pid: u32) {
        let care = self.processes.obtain(pid.into());
        let below = self.processes.set_top(care, false, slot);
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
            next = self.link(List::Anywhere, next).above;
        }
    }

    /// Takes a span that ends off its stacks by scope.
    fn leave_crowd(&mut self, slot: Slot) {
        for list in SCOPED {
            self.leave_scope(list, slot);
        }
        let crowd = std::mem::replace(&mut self.get_mut(slot).crowd, NIL);
        self.free_crowds.push(crowd);
    }

    fn join_scopes(&mut self, slot: Slot) {
        let crowd = self.free_crowds.pop().unwrap_or_else(|| {
            self.crowds.push([UNLINKED; SCOPED.len()]);
            (self.crowds.len() - 1) as u32
        });
        self.get_mut(slot).crowd = crowd;
        let span = self.get(slot);
        let start = self.secret.start(span.id, span.tag);
        let on = [
            span.is_on(List::OfThread),
            !span.orphan,
            span.has_ppid && span.has_uid,
            span.has_uid,
        ];
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

    #[inline]
    fn link(&self, list: List, slot: Slot) -> &Link {
        let (n, span) = (list as usize, self.get(slot));
        match n.checked_sub(SCOPED.len()) {
            Some(n) => &span.links[n],
            None => &self.crowds[span.crowd as usize][n],
        }
    }

    #[inline]
    fn link_mut(&mut self, list: List, slot: Slot) -> &mut Link {
        let (n, span) = (list as usize, &mut self.slots[slot as usize]);
        match n.checked_sub(SCOPED.len()) {
            Some(n) => &mut span.links[n],
            None => &mut self.crowds[span.crowd as usize][n],
        }
    }

    /// Lays a span on the former top of a stack.
    #[inline]
    fn lay(&mut self, list: List, slot: Slot, below: Slot) {
        if below != NIL {
            self.link_mut(list, below).above = slot;
        }
        *self.link_mut(list, slot) = Link { below, above: NIL };
        self.get_mut(slot).lists |= 1 << list as usize;
    }

    /// Takes a span off a stack, wherever in it it is; nothing if it is not on it. Returns the new top
    /// if it was the top.
    #[inline]
    fn lift(&mut self, list: List, slot: Slot) -> Option<Slot> {
        let span = self.get_mut(slot);
        if !span.is_on(list) {
            return None;
        }
        span.lists &= !(1 << list as usize);
        let Link { below, above } = *self.link(list, slot);
        if below != NIL {
            self.link_mut(list, below).above = above;
        }
        if above == NIL {
            return Some(below);
        }
        self.link_mut(list, above).below = below;
        None
    }
}
