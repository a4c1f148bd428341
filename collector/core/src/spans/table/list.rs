//! The lists that open spans are on.

use crate::spans::slot::{NIL, Slot};

/// The stacks a span is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(in crate::spans) enum List {
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
    /// All that a process owns: those it opened, and what its dead children left.
    OfProcess,
    /// Same unique number, same user.
    Numbered,
}

/// The stacks by scope, the first of all, in the order of their numbers.
pub(super) const SCOPED: [List; 4] = [List::Thread, List::Process, List::Siblings, List::User];

/// How many others there are.
pub(super) const LISTS: usize = List::Numbered as usize + 1 - SCOPED.len();

#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) below: Slot,
    pub(super) above: Slot,
}

pub(super) const UNLINKED: Link = Link {
    below: NIL,
    above: NIL,
};

/// Where a marker was written.
#[derive(Clone, Copy, Debug)]
pub(in crate::spans) struct Place {
    pub(in crate::spans) pid: u32,
    pub(in crate::spans) tid: u32,
    pub(in crate::spans) ppid: Option<u32>,
    pub(in crate::spans) uid: Option<u32>,
}

/// The widest scope in which a marker may find a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::spans) enum Scope {
    /// To the spans of its own process.
    Process,
    /// To those of other processes of the same user as well.
    User,
}

/// Two ids as one scope: a thread and its process, so a thread id that came into use again is another
/// thread; a parent process and the user.
pub(super) fn both(a: u32, b: u32) -> u64 {
    u64::from(a) << 32 | u64::from(b)
}
