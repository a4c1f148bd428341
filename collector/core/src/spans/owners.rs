//! Threads and processes that have spans: the tops of their stacks, and what else is known.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::slot::{NIL, Slot};

/// How many are found without a look-up.
const RECENT: usize = 64;

/// Where such an owner's number is.
#[inline]
fn place(id: u64) -> usize {
    (id ^ id >> 32) as usize % RECENT
}

/// Stacks that may be empty besides as many as there are others.
const IDLE: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Owner<T> {
    id: u64,
    tops: [Slot; 2],
    data: T,
}

impl<T> Owner<T> {
    fn is_idle(&self) -> bool {
        self.tops == [NIL; 2]
    }
}

/// A main stack for each owner, and one beside it, known by a number for as long as they are not empty.
///
/// Threads open and close spans all the time, so empty stacks stay for a while, and with them what else
/// is known of their owner.
#[derive(Debug)]
pub(super) struct Owners<T> {
    owners: Vec<Owner<T>>,
    free: Vec<u32>,
    numbers: HashTable<u32>,
    hash: RandomState,
    /// How many of `numbers` are of owners with empty stacks.
    idle: usize,
    /// Those asked for of late, by a few bits of their ids: the next marker is often one of theirs.
    recent: [u32; RECENT],
}

impl<T: Copy + Default> Owners<T> {
    pub(super) fn new() -> Self {
        Self {
            owners: Vec::new(),
            free: Vec::new(),
            numbers: HashTable::new(),
            hash: RandomState::default(),
            idle: 0,
            recent: [NIL; RECENT],
        }
    }

    /// The tops of an owner's stacks.
    #[inline]
    pub(super) fn tops(&self, id: u64) -> [Slot; 2] {
        match self.owners.get(self.recent[place(id)] as usize) {
            Some(owner) if owner.id == id => owner.tops,
            _ => self
                .find(id)
                .map_or([NIL; 2], |number| self.owners[number as usize].tops),
        }
    }

    /// Whether the stacks of the owner with that number are empty.
    #[inline]
    pub(super) fn is_idle(&self, number: u32) -> bool {
        self.owners[number as usize].is_idle()
    }

    /// The top of the main stack of the owner with that number.
    #[inline]
    pub(super) fn top_of(&self, number: u32) -> Slot {
        self.owners[number as usize].tops[0]
    }

    /// What else is known of an owner, if it has a stack.
    #[inline]
    pub(super) fn known(&mut self, id: u64) -> Option<&mut T> {
        let mut number = self.recent[place(id)];
        if self.owners.get(number as usize).map(|owner| owner.id) != Some(id) {
            number = self.find(id)?;
            self.recent[place(id)] = number;
        }
        Some(&mut self.owners[number as usize].data)
    }

    /// What else is known of the owner whose stack has that number.
    #[inline]
    pub(super) fn of(&self, number: u32) -> &T {
        &self.owners[number as usize].data
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn of_mut(&mut self, number: u32) -> &mut T {
        &mut self.owners[number as usize].data
    }

    /// The number of an owner's stack, which is made if there is none.
    #[inline(always)]
    pub(super) fn obtain(&mut self, id: u64) -> u32 {
        let mut number = self.recent[place(id)];
        if self.owners.get(number as usize).map(|owner| owner.id) != Some(id) {
            number = self.find(id).unwrap_or_else(|| self.make(id));
            self.recent[place(id)] = number;
        }
        number
    }

    /// Sets the top of a stack, the main one or that beside it; returns the former.
    #[inline]
    pub(super) fn set_top(&mut self, number: u32, aside: bool, top: Slot) -> Slot {
        let owner = &mut self.owners[number as usize];
        let former = std::mem::replace(&mut owner.tops[usize::from(aside)], top);
        if owner.tops[usize::from(!aside)] == NIL {
            self.idle += usize::from(top == NIL);
            self.idle -= usize::from(former == NIL);
        }
        former
    }

    /// What else is known of each owner, in no order, and whether its stacks are empty.
    pub(super) fn each(&self) -> impl Iterator<Item = (u64, &T, bool)> {
        let owners = self.numbers.iter();
        owners.map(|&number| {
            let owner = &self.owners[number as usize];
            (owner.id, &owner.data, owner.is_idle())
        })
    }

    /// Another id for an owner. The owner that had it until now is forgotten, and must have empty stacks.
    pub(super) fn rename(&mut self, from: u64, to: u64) {
        if let Some(number) = self.take_number(to) {
            debug_assert!(self.is_idle(number), "its spans are still there");
            self.idle -= 1;
            self.free.push(number);
        }
        // What is remembered of the id is no longer true.
        self.recent[place(to)] = NIL;
        let Some(number) = self.take_number(from) else {
            return;
        };
        self.owners[number as usize].id = to;
        self.insert_number(number);
    }

    fn take_number(&mut self, id: u64) -> Option<u32> {
        let owners = &self.owners;
        let same = |&number: &u32| owners[number as usize].id == id;
        let found = self.numbers.find_entry(self.hash.hash_one(id), same);
        found.ok().map(|entry| entry.remove().0)
    }

    fn insert_number(&mut self, number: u32) {
        let (owners, state) = (&self.owners, &self.hash);
        let hash = |&number: &u32| state.hash_one(owners[number as usize].id);
        self.numbers.insert_unique(hash(&number), number, hash);
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
        let owner = Owner {
            id,
            tops: [NIL; 2],
            data: T::default(),
        };
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
        self.insert_number(number);
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
            let keep = !owners[number as usize].is_idle();
            if !keep {
                free.push(number);
            }
            keep
        });
        self.idle = 0;
        self.recent = [NIL; RECENT];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_its_owners() {
        let mut owners = Owners::<()>::new();
        let (a, b) = (owners.obtain(1), owners.obtain(2));
        assert_eq!((owners.obtain(1), owners.tops(1)), (a, [NIL; 2]));
        assert_eq!(owners.set_top(a, false, 7), NIL);
        assert_eq!(owners.set_top(b, true, 8), NIL);
        assert_eq!(owners.set_top(a, false, 9), 7);
        assert_eq!((owners.tops(1), owners.tops(2)), ([9, NIL], [NIL, 8]));
        assert_eq!(owners.tops(3), [NIL; 2]);
    }

    #[test]
    fn an_owner_may_take_over_the_id_of_another() {
        let mut owners = Owners::<u32>::new();
        let (a, b) = (owners.obtain(1), owners.obtain(2));
        owners.set_top(a, false, 7);
        *owners.of_mut(a) = 70;
        *owners.of_mut(b) = 80;
        owners.rename(1, 2);
        assert_eq!((owners.tops(1), owners.tops(2)), ([NIL; 2], [7, NIL]));
        assert_eq!(owners.known(1), None);
        assert_eq!(owners.obtain(2), a);
        assert_eq!(owners.known(2), Some(&mut 70));
        // One of which nothing is known: then nothing is known of that id.
        owners.set_top(a, false, NIL);
        owners.rename(3, 2);
        assert_eq!(owners.known(2), None);
        for id in 0..10_000 {
            owners.obtain(id);
        }
        assert_eq!(
            owners.numbers.len() + owners.free.len(),
            owners.owners.len()
        );
    }

    #[test]
    fn the_empty_are_forgotten_and_the_others_kept() {
        let mut owners = Owners::<()>::new();
        let kept: Vec<u32> = (0..100).map(|id| owners.obtain(id)).collect();
        for (slot, &number) in (0..).zip(&kept) {
            owners.set_top(number, slot % 2 == 1, slot);
        }
        for id in 100..100_000 {
            let number = owners.obtain(id);
            assert_eq!(owners.tops(id), [NIL; 2]);
            owners.set_top(number, false, 1000);
            owners.set_top(number, false, NIL);
            assert!(owners.owners.len() <= 2 * (100 + IDLE) + 1);
            assert_eq!(
                owners.numbers.len() + owners.free.len(),
                owners.owners.len()
            );
        }
        for (slot, id) in (0..).zip(0..100) {
            assert_eq!(owners.tops(id)[slot as usize % 2], slot);
        }
    }
}
