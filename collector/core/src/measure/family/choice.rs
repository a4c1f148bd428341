//! Which children a process waited for.
//!
//! Which process a call waits for is not recorded: a shell waits for any child. But a wait ends when a child ends,
//! so it was for the children that lived meanwhile, and not for one that goes on when the span has ended, as what
//! a shell runs in the background. Where nothing else lived, it was for that one all the same: it may have ended
//! the span itself. A nested shell that itself waits is passed over for the commands that it waits for, where
//! these are known.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::member::{Member, Named};
use super::members::Family;
use crate::activity::SpanTimes;
use crate::measure::did::{Reasons, Room};

/// What was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitedFor {
    /// How many children.
    pub children: u64,
    /// There may be more than could be counted.
    pub at_least: bool,
    /// Those that have one name and lived the longest; of a pipeline the command for which the others wait.
    pub most: Child,
}

/// A child, or all that have one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The command name; of a child that runs one program after the other that of the last.
    pub name: Arc<[u8]>,
    /// The process id, where it is one.
    pub pid: Option<u32>,
    /// How many have this name.
    pub children: u64,
    /// How long they lived while the span was open, nanoseconds; those that overlap count each.
    pub alive: u64,
    /// Where the time of their threads went.
    pub times: SpanTimes,
    /// The parts of that time.
    pub reasons: Reasons,
}

impl Family {
    /// Which children were waited for in the calls of that number; `None` where none is known.
    #[must_use]
    pub fn waited_for(&self, nr: u32) -> Option<WaitedFor> {
        let waits = |of: &&Member| of.blocked_in(nr) > 0;
        let waiters: Vec<&Member> = self.members.iter().filter(waits).collect();
        let children = self.children(&waiters, nr);
        // What is added up here is small.
        let room = &mut Room::new(usize::MAX);
        let mut by_name: HashMap<&[u8], Named> = HashMap::new();
        for of in &children {
            match by_name.get_mut(&*of.name) {
                Some(known) => known.join(of, room),
                None => {
                    by_name.insert(&of.name, of.clone());
                }
            }
        }
        // The commands of a pipeline live about as long: that one counts for which the others wait.
        let longest = by_name.values().map(Named::alive).max()?;
        let long = |of: &&Named| of.alive() >= longest / 5 * 4;
        let key = |of: &&Named| (of.worked(), of.alive(), Reverse(Arc::clone(&of.name)));
        let most = by_name.values().filter(long).max_by_key(key)?;
        let count = children.iter().map(|of| of.children).sum();
        Some(WaitedFor {
            children: count,
            at_least: self.more,
            most: Child {
                name: Arc::clone(&most.name),
                pid: most.pid,
                children: most.children,
                alive: most.alive(),
                times: SpanTimes {
                    own: most.times,
                    all: most.times,
                    interleaved: 0,
                },
                reasons: most.reasons(),
            },
        })
    }

    /// The children of those that wait, by parent and name.
    fn children(&self, waiters: &[&Member], nr: u32) -> Vec<Named> {
        let of_waiter = |ppid: u32| waiters.iter().any(|of| of.process().pid == ppid);
        let members = || {
            self.members
                .iter()
                .filter(|of| of_waiter(of.process().ppid))
        };
        let has_children = |pid: u32| {
            let mut named = self.named.iter();
            members().any(|of| of.process().ppid == pid) || named.any(|of| of.ppid == pid)
        };
        // What a nested shell waits for stands for it.
        let only_waits = |of: &Member| {
            of.blocked_in(nr) >= of.alive() / 2
                && of.blocked_in(nr) > 0
                && has_children(of.process().pid)
        };
        let leaves: Vec<_> = members().filter(|of| !only_waits(of)).collect();
        let mut children: Vec<_> = self
            .named
            .iter()
            .filter(|of| of_waiter(of.ppid))
            .cloned()
            .collect();
        let any_ended = !children.is_empty() || leaves.iter().any(|of| !of.outlived());
        for member in leaves.into_iter().filter(|of| !any_ended || !of.outlived()) {
            let room = &mut Room::new(usize::MAX);
            let mut known = children.iter_mut();
            if let Some(of) = known.find(|of| of.is_of(member)) {
                of.add(member, room);
            } else {
                let mut of = Named::new(member);
                of.add(member, room);
                children.push(of);
            }
        }
        children
    }

    /// The process whose time is that of a span which this process opened: itself, or the shell that ran it only to
    /// write the marker.
    #[must_use]
    pub fn lead(&self, pid: u32) -> Option<&Member> {
        let of_pid = |pid: u32| {
            let members = self
                .members
                .iter()
                .filter(move |of| of.process().pid == pid);
            members.max_by_key(|of| of.last())
        };
        let Some(opener) = of_pid(pid) else {
            // It ended with its marker.
            return self.members.iter().max_by_key(|of| of.alive());
        };
        let parent = of_pid(opener.process().ppid);
        Some(
            parent
                .filter(|of| of.alive() / 2 > opener.alive())
                .unwrap_or(opener),
        )
    }
}
