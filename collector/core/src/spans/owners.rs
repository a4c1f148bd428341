//! The tops of the stacks of all spans of a thread, or of a process.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::table::{NIL, Slot};

/// Stacks that may be empty besides as many as there are others.
const IDLE: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Owner {
    id: u64,
    top: Slot,
}

/// A stack for each owner, known by a number for as long as it is not empty.
///
/// Threads open and close spans all the time, so an empty stack stays for a while.
#[derive(Debug)]
pub(super) struct Owners {
    owners: Vec<Owner>,
    free: Vec<u32>,
    numbers: HashTable<u32>,
    hash: RandomState,
    /// How many of `numbers` are of empty stacks.
    idle: usize,
    /// The one obtained last, or none: the next marker is often the same thread's.
    last: u32,
}

impl Owners {
    pub(super) fn new() -> Self {
        Self {
            owners: Vec::new(),
            free: Vec::new(),
            numbers: HashTable::new(),
            hash: RandomState::default(),
            idle: 0,
            last: NIL,
        }
    }

    /// The top of an owner's stack.
    #[inline]
    pub(super) fn top(&self, id: u64) -> Option<Slot> {
        let top = match self.owners.get(self.last as usize) {
            Some(owner) if owner.id == id => owner.top,
            _ => self.owners[self.find(id)? as usize].top,
        };
        (top != NIL).then_some(top)
    }

    /// The number of an owner's stack, which is made if there is none.
    #[inline]
    pub(super) fn obtain(&mut self, id: u64) -> u32 {
        match self.owners.get(self.last as usize) {
            Some(owner) if owner.id == id => {}
            _ => self.last = self.find(id).unwrap_or_else(|| self.make(id)),
        }
        self.last
    }

    /// Sets the top of a stack; returns the former.
    #[inline]
    pub(super) fn set_top(&mut self, number: u32, top: Slot) -> Slot {
        let former = std::mem::replace(&mut self.owners[number as usize].top, top);
        self.idle += usize::from(top == NIL);
        self.idle -= usize::from(former == NIL);
        former
    }

    fn find(&self, id: u64) -> Option<u32> {
        let same = |&number: &u32| self.owners[number as usize].id == id;
        self.numbers.find(self.hash.hash_one(id), same).copied()
    }

    fn make(&mut self, id: u64) -> u32 {
        // As many come before the next time, so each pays for a few.
        if self.idle > self.numbers.len() / 2 + IDLE {
            self.sweep();
        }
        let owner = Owner { id, top: NIL };
        let number = match self.free.pop() {
            Some(number) => {
                self.owners[number as usize] = owner;
                number
            }
            None => {
                self.owners.push(owner);
                (self.owners.len() - 1) as u32
            }
        };
        self.idle += 1;
        let (owners, state) = (&self.owners, &self.hash);
        let hash = |&number: &u32| state.hash_one(owners[number as usize].id);
        self.numbers.insert_unique(hash(&number), number, hash);
        number
    }

    /// Forgets the empty stacks.
    fn sweep(&mut self) {
        let Self {
            owners,
            free,
            numbers,
            ..
        } = self;
        numbers.retain(|&mut number| {
            let keep = owners[number as usize].top != NIL;
            if !keep {
                free.push(number);
            }
            keep
        });
        (self.idle, self.last) = (0, NIL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_its_owners() {
        let mut owners = Owners::new();
        let (a, b) = (owners.obtain(1), owners.obtain(2));
        assert_eq!((owners.obtain(1), owners.top(1)), (a, None));
        assert_eq!(owners.set_top(a, 7), NIL);
        assert_eq!(owners.set_top(b, 8), NIL);
        assert_eq!(owners.set_top(a, 9), 7);
        assert_eq!((owners.top(1), owners.top(2)), (Some(9), Some(8)));
        assert_eq!(owners.top(3), None);
    }

    #[test]
    fn the_empty_are_forgotten_and_the_others_kept() {
        let mut owners = Owners::new();
        let kept: Vec<u32> = (0..100).map(|id| owners.obtain(id)).collect();
        for (slot, &number) in (0..).zip(&kept) {
            owners.set_top(number, slot);
        }
        for id in 100..100_000 {
            let number = owners.obtain(id);
            assert_eq!(owners.top(id), None);
            owners.set_top(number, 1000);
            owners.set_top(number, NIL);
            assert!(owners.owners.len() <= 2 * (100 + IDLE) + 1);
            assert_eq!(
                owners.numbers.len() + owners.free.len(),
                owners.owners.len()
            );
        }
        for (slot, id) in (0..).zip(0..100) {
            assert_eq!(owners.top(id), Some(slot));
        }
    }
}
