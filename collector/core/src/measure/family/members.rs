//! The processes of a span.

use std::sync::Arc;

use super::member::{Member, Named};
use crate::activity::Inside;
use crate::measure::did::Room;

/// How many processes are counted separately. Those that ended are then counted by their names.
const MEMBERS: usize = 12;
/// How many names of children that ended.
const NAMES: usize = 6;

/// The processes that did something in one span, or in all spans of a path.
#[derive(Clone, Debug, Default)]
pub struct Family {
    pub(super) members: Vec<Member>,
    pub(super) named: Vec<Named>,
    /// The latest beginning of a process that is counted by its name.
    counted_until: u64,
    /// There were others, which are not counted.
    pub(super) more: bool,
}

impl Family {
    /// Adds what a process did; returns whether there was room for it.
    pub(in crate::measure) fn push(&mut self, inside: &Inside<'_>, room: &mut Room) -> bool {
        let Some(process) = inside.process else {
            return true;
        };
        let mut members = self.members.iter();
        let at = match members.position(|of| of.is(process)) {
            Some(at) => at,
            None => {
                if self.members.len() >= MEMBERS {
                    self.retire(room);
                }
                if !room.take(Member::BYTES) {
                    self.more = true;
                    return false;
                }
                // It may have been here before, and is then counted already.
                let counted = self.counted_until > 0 && process.start <= self.counted_until;
                self.more |= counted;
                self.members.push(Member::new(Arc::clone(process), counted));
                self.members.len() - 1
            }
        };
        self.members[at].push(inside, process, room);
        true
    }

    /// Bytes that it takes of the room.
    pub(in crate::measure) fn bytes(&self) -> usize {
        let members = self.members.iter().map(Member::bytes);
        members.chain(self.named.iter().map(Named::bytes)).sum()
    }

    /// Counts one process by its name from now on: one that has likely ended, as it did nothing for the longest.
    fn retire(&mut self, room: &mut Room) {
        let members = self.members.iter().enumerate();
        let key = |of: &(usize, &Member)| (of.1.outlived(), of.1.last());
        let Some((at, _)) = members.min_by_key(key) else {
            return;
        };
        let member = self.members.swap_remove(at);
        room.give_back(member.bytes());
        // A process that goes on when the span ends is not what was waited for.
        if member.outlived() {
            self.more = true;
            return;
        }
        self.counted_until = self.counted_until.max(member.process().start);
        let mut named = self.named.iter_mut();
        if let Some(of) = named.find(|of| of.is_of(&member)) {
            of.add(&member, room);
            return;
        }
        if self.named.len() >= NAMES {
            let named = self.named.iter().enumerate();
            let shortest = named.min_by_key(|(_, of)| of.alive()).map(|(at, _)| at);
            if let Some(at) = shortest {
                let gone = self.named.swap_remove(at);
                room.give_back(gone.bytes());
                self.more = true;
            }
        }
        if room.take(Named::BYTES) {
            let mut of = Named::new(&member);
            of.add(&member, room);
            self.named.push(of);
        } else {
            self.more = true;
        }
    }
}
