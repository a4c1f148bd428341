//! An open span, as the slab holds it.

use std::sync::Arc;

use nulltrace_spec::Id;

use super::key::Key;
use super::list::{LISTS, Link, List, SCOPED, UNLINKED, both};
use crate::facts::args::ArgList;
use crate::facts::process::Process;
use crate::facts::tags::TagId;
use crate::spans::slot::{NIL, Slot};

/// An open span. A million of them must fit in little memory: hence numbers for tags and
/// neighbours, and one block for the arguments.
#[derive(Debug)]
pub(in crate::spans) struct Open {
    /// Sequence number; 0 in a free slot. It also shows whether a slot still holds the span meant.
    pub(in crate::spans) seq: u64,
    pub(in crate::spans) start: u64,
    pub(in crate::spans) id: Id,
    /// Nanoseconds with at least one child open; less the time since when there is one, if there is. A little
    /// less than none where the clocks of two CPUs disagree.
    pub(in crate::spans) child_ns: i64,
    pub(in crate::spans) parent_seq: u64,
    /// When its process ended, for an orphan.
    pub(in crate::spans) left: u64,
    /// None if nothing was known of it, and in a free slot.
    pub(in crate::spans) process: Option<Arc<Process>>,
    /// Empty in a free slot.
    pub(in crate::spans) args: ArgList,
    pub(in crate::spans) tag: TagId,
    pub(in crate::spans) parent_tag: Option<TagId>,
    pub(in crate::spans) parent: Slot,
    /// Children that ended before it.
    pub(in crate::spans) child_hits: u32,
    /// The child opened last of those that are open.
    pub(super) child: Slot,
    /// Its neighbours among the open children of its parent.
    pub(super) siblings: Link,
    pub(in crate::spans) pid: u32,
    pub(in crate::spans) tid: u32,
    /// Process id of the parent process, if `has_ppid`.
    pub(super) ppid: u32,
    /// User id of the process, if `has_uid`.
    pub(super) uid: u32,
    /// Number of its thread's stack.
    pub(super) thread: u32,
    /// Number of the stack of the process that owns it.
    pub(super) owner: u32,
    pub(super) age: Link,
    pub(super) links: [Link; LISTS],
    /// Where its neighbours on the stacks by scope are, if it is on one.
    pub(super) scope_links: u32,
    /// A bit for each it is on.
    pub(super) lists: u16,
    pub(super) has_ppid: bool,
    pub(super) has_uid: bool,
    /// It is closed, and still the top of its group.
    pub(super) lingers: bool,
    /// The id was written as `t`.
    pub(in crate::spans) by_thread: bool,
    /// The id was written as `p`.
    pub(in crate::spans) by_process: bool,
    /// Its process ended without it.
    pub(in crate::spans) orphan: bool,
    /// It is counted in its process's [`shared`](Process::shared).
    pub(super) shared: bool,
    /// A span that it is below has ended.
    pub(super) passed: bool,
    /// It is on the stack beside that of its thread.
    pub(super) aside: bool,
}

impl Open {
    /// What stands in a slot no span was in yet.
    pub(super) fn vacant() -> Self {
        Self {
            seq: 0,
            start: 0,
            id: Id::None,
            child_ns: 0,
            child_hits: 0,
            parent_seq: 0,
            left: 0,
            process: None,
            args: ArgList::default(),
            tag: TagId::FIRST,
            parent_tag: None,
            parent: NIL,
            child: NIL,
            siblings: UNLINKED,
            pid: 0,
            tid: 0,
            ppid: 0,
            uid: 0,
            thread: NIL,
            owner: NIL,
            age: UNLINKED,
            links: [UNLINKED; LISTS],
            scope_links: NIL,
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
    pub(in crate::spans) fn uid(&self) -> Option<u32> {
        self.has_uid.then_some(self.uid)
    }

    #[inline]
    pub(super) fn is_numbered(&self, id: Id, uid: Option<u32>) -> bool {
        self.id == id && self.uid() == uid
    }

    /// The parent process, if it was known.
    pub(in crate::spans) fn ppid(&self) -> Option<u32> {
        self.has_ppid.then_some(self.ppid)
    }

    #[inline]
    pub(super) fn is(&self, id: Id, tag: TagId) -> bool {
        self.tag == tag && self.id == id
    }

    #[inline]
    pub(super) fn is_scoped(&self) -> bool {
        SCOPED.into_iter().any(|list| self.is_on(list))
    }

    #[inline]
    pub(super) fn is_on(&self, list: List) -> bool {
        self.lists & 1 << list as usize != 0
    }

    /// Whether it is one of another process's that `place` may reach.
    #[inline]
    pub(super) fn is_of_user(&self, uid: Option<u32>) -> bool {
        self.has_uid && uid == Some(self.uid)
    }

    /// Whether a child is open.
    pub(in crate::spans) fn has_child(&self) -> bool {
        self.child != NIL
    }

    /// Whether it is, still, of that thread.
    pub(in crate::spans) fn is_of(&self, pid: u32, tid: u32) -> bool {
        self.is_of_thread() && (self.pid, self.tid) == (pid, tid)
    }

    /// Whether it is its thread's still.
    pub(in crate::spans) fn is_of_thread(&self) -> bool {
        self.is_on(List::OfThread)
    }

    /// When it ends if its process is gone at `ts`: an orphan ended with its own.
    pub(in crate::spans) fn end_at(&self, ts: u64) -> u64 {
        if self.orphan { self.left } else { ts }
    }

    /// The scope of a stack by scope.
    pub(super) fn scope(&self, list: List) -> u64 {
        match list {
            List::Thread => both(self.pid, self.tid),
            List::Process => self.pid.into(),
            List::Siblings => both(self.uid, self.ppid),
            List::User => self.uid.into(),
            _ => 0,
        }
    }

    pub(super) fn key(&self, list: List) -> Key {
        Key {
            id: self.id,
            tag: self.tag,
            scope: self.scope(list),
        }
    }
}
