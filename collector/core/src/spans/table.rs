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

mod children;
mod groups;
mod key;
mod list;
mod numbered;
mod open;
mod snapshot;
mod takeover;

use hashbrown::HashTable;
use nulltrace_spec::Id;

use super::owners::Owners;
use super::slot::{NIL, Slot};
use crate::facts::tags::TagId;
use key::{Group, Secret};
use list::{Link, SCOPED, both};

pub(super) use list::{List, Place, Scope};
pub(super) use open::Open;
pub(super) use snapshot::Standing;

/// Room each hash table has from the beginning. In a smaller one, spans that come and go leave
/// tombstones that soon make it be rebuilt.
const ROOM: usize = 448;

/// What is known of a thread beside its spans.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Thread {
    /// Number of its last marker; 0 while it is not known.
    pub(super) number: u32,
    /// The source knows that it is idle: its calls are not counted.
    pub(super) idle: bool,
    /// Markers of it were lost when spans up to this sequence number had been opened.
    pub(super) lost: u64,
    /// Time of its segments, nanoseconds.
    pub(super) wall: u64,
}

/// What is known of a process beside its spans.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// How many of its open spans other threads may end, or name as a parent.
    shared: u32,
}

/// The slab and its lists.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Open>,
    free: Vec<Slot>,
    groups: HashTable<Group>,
    /// The stacks by scope, of the groups that are split.
    scoped: [HashTable<Slot>; SCOPED.len()],
    /// The tops of the stacks of unique numbers.
    numbered: HashTable<Slot>,
    threads: Owners<Thread>,
    processes: Owners<Process>,
    /// The neighbours on the stacks by scope, of spans of split groups, and which of them are free.
    scope_links: Vec<[Link; SCOPED.len()]>,
    free_scope_links: Vec<u32>,
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
            scope_links: Vec::new(),
            free_scope_links: Vec::new(),
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

    /// The span opened first.
    #[inline]
    pub(super) fn oldest(&self) -> Option<(Slot, &Open)> {
        self.slots
            .get(self.oldest as usize)
            .map(|s| (self.oldest, s))
    }

    /// The span opened last.
    pub(super) fn newest(&self) -> Option<(Slot, &Open)> {
        self.slots
            .get(self.newest as usize)
            .map(|s| (self.newest, s))
    }

    /// All spans, the one opened first first.
    pub(super) fn by_age(&self) -> impl Iterator<Item = (Slot, &Open)> {
        std::iter::successors(self.oldest(), |(_, span)| {
            let next = span.age.above;
            self.slots.get(next as usize).map(|span| (next, span))
        })
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

    /// Whether a thread is idle, which is remembered: it has nothing open, nor has its process a span that other
    /// threads may end, or name as a parent.
    #[inline]
    pub(super) fn check_idle(&mut self, pid: u32, tid: u32) -> bool {
        let number = self.threads.obtain(both(pid, tid));
        let idle = self.threads.is_idle(number)
            && (self.processes.known(pid.into())).is_none_or(|process| process.shared == 0);
        self.threads.of_mut(number).idle = idle;
        idle
    }

    /// The processes that own spans: those that opened them.
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

    /// All spans that a process owns.
    pub(super) fn of_process(&self, pid: u32) -> impl Iterator<Item = Slot> {
        let [top, _] = self.processes.tops(pid.into());
        let top = (top != NIL).then_some(top);
        self.stack(List::OfProcess, top).map(|(slot, _)| slot)
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
        let owner = self.processes.obtain(pid.into());
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
        (span.thread, span.owner) = (number, owner);
        (span.child_ns, span.child_hits, span.child) = (0, 0, NIL);
        span.parent_tag = None;
        span.parent = NIL;
        (span.orphan, span.passed, span.aside) = (false, false, false);
        let below = self.threads.set_top(number, false, slot);
        self.lay(List::OfThread, slot, below);
        let below = self.processes.set_top(owner, false, slot);
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

    /// Takes a span off its lists and frees its slot, in which it can still be read: the caller then
    /// sets its sequence number to 0.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: Slot) {
        self.leave_group(slot);
        if self.get(slot).scope_links != NIL {
            self.leave_scopes(slot);
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
        if self.get(slot).scope_links != NIL {
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

    /// Threads other than its own may end this span, or name it as a parent.
    pub(super) fn share(&mut self, slot: Slot) {
        let owner = self.get(slot).owner;
        self.processes.of_mut(owner).shared += 1;
        self.get_mut(slot).shared = true;
    }

    /// From now on no process owns the span.
    #[inline(always)]
    pub(super) fn leave_process(&mut self, slot: Slot) {
        if self.get(slot).scope_links != NIL {
            self.leave_scope(List::Process, slot);
        }
        let span = self.get_mut(slot);
        let (owner, shared) = (span.owner, std::mem::take(&mut span.shared));
        if let Some(top) = self.lift(List::OfProcess, slot) {
            self.processes.set_top(owner, false, top);
        }
        if shared {
            self.processes.of_mut(owner).shared -= 1;
        }
    }

    /// Gives a span that no process owns to one.
    pub(super) fn give(&mut self, slot: Slot, pid: u32) {
        let owner = self.processes.obtain(pid.into());
        let below = self.processes.set_top(owner, false, slot);
        self.get_mut(slot).owner = owner;
        self.lay(List::OfProcess, slot, below);
    }

    #[inline]
    fn link(&self, list: List, slot: Slot) -> &Link {
        let (n, span) = (list as usize, self.get(slot));
        match n.checked_sub(SCOPED.len()) {
            Some(n) => &span.links[n],
            None => &self.scope_links[span.scope_links as usize][n],
        }
    }

    #[inline]
    fn link_mut(&mut self, list: List, slot: Slot) -> &mut Link {
        let (n, span) = (list as usize, &mut self.slots[slot as usize]);
        match n.checked_sub(SCOPED.len()) {
            Some(n) => &mut span.links[n],
            None => &mut self.scope_links[span.scope_links as usize][n],
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
