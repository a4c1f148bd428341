//! What is expected of the next record of a thread, from those before it in the same block.

use crate::input::full::{KIND_IRQ, KIND_SYSCALL};
use crate::input::joined::KIND_MARKER;
use crate::input::record::{Head, KIND_SEGMENT, KIND_SO_FAR};

/// So many of the last files of a thread are known by their place.
pub(super) const RECENT: usize = 14;
/// So many ids of a thread's open spans are known by their place.
const OPEN: usize = 16;

/// The last of what a thread did.
#[derive(Clone, Debug, Default)]
pub(super) struct Thread {
    /// In which block.
    block: u32,
    /// The number of its last marker.
    pub(super) number: u32,
    /// When that was written.
    pub(super) marked: u64,
    /// The ids it has open, the innermost last.
    open: Vec<u64>,
    /// Files of the last calls, the last first: one more than their number in the dictionary.
    recent: [u32; RECENT],
    /// The kinds of single things whose last record had the number 0.
    unnumbered: u8,
    /// The cpu where it was last.
    pub(super) cpu: u16,
    /// One more than the number of the thread that it woke last.
    pub(super) woke: u32,
}

impl Thread {
    /// The number that its next record has if nothing is unusual; some are kept whole.
    #[inline]
    pub(super) const fn usual(&self, head: &Head, whole: bool) -> u32 {
        match head.kind {
            KIND_MARKER => self.number.wrapping_add(1),
            KIND_SEGMENT | KIND_SO_FAR => self.number,
            KIND_SYSCALL..=KIND_IRQ if !whole => match self.unnumbered & bit_of(head.kind) {
                0 => self.number,
                _ => 0,
            },
            _ => 0,
        }
    }

    /// A record was written.
    #[inline]
    pub(super) const fn after(&mut self, head: &Head) {
        match head.kind {
            KIND_MARKER => {
                self.number = head.number;
                self.marked = head.ts;
            }
            KIND_SYSCALL..=KIND_IRQ if head.number == 0 => self.unnumbered |= bit_of(head.kind),
            KIND_SYSCALL..=KIND_IRQ => self.unnumbered &= !bit_of(head.kind),
            _ => {}
        }
    }

    /// A span was opened.
    pub(super) fn open(&mut self, id: u64) {
        if self.open.len() == OPEN {
            self.open.remove(0);
        }
        self.open.push(id);
    }

    /// The place of an id among those open, from the innermost.
    pub(super) fn place(&self, id: u64) -> Option<usize> {
        self.open.iter().rev().position(|open| *open == id)
    }

    /// The id at that place, which is closed.
    pub(super) fn close(&mut self, place: usize) -> Option<u64> {
        let at = self.open.len().checked_sub(place + 1)?;
        Some(self.open.remove(at))
    }

    /// The place of a file among the last, which it is the last of from now on.
    pub(super) fn file(&mut self, file: u32) -> Option<usize> {
        let place = self.recent.iter().position(|of| *of == file + 1);
        let moved = place.unwrap_or(RECENT - 1);
        self.recent.copy_within(..moved, 1);
        self.recent[0] = file + 1;
        place
    }

    /// The file at that place, which is the last from now on.
    pub(super) fn file_at(&mut self, place: usize) -> Option<u32> {
        let file = self.recent.get(place)?.checked_sub(1)?;
        self.file(file);
        Some(file)
    }
}

/// The bit of a kind of single things.
const fn bit_of(kind: u8) -> u8 {
    1 << ((kind - KIND_SYSCALL) % 8)
}

/// All threads of a dictionary.
#[derive(Debug, Default)]
pub(super) struct Threads {
    of: Vec<Thread>,
    block: u32,
}

impl Threads {
    /// A block begins: nothing is expected.
    pub(super) fn begin(&mut self) {
        self.block = self.block.wrapping_add(1);
    }

    /// The dictionary begins anew.
    pub(super) fn clear(&mut self) {
        self.of.clear();
    }

    /// The thread of that number in the dictionary.
    #[inline]
    pub(super) fn at(&mut self, thread: u32) -> &mut Thread {
        let at = thread as usize;
        if at >= self.of.len() {
            self.of.resize_with(at + 1, Thread::default);
        }
        let thread = &mut self.of[at];
        if thread.block != self.block {
            thread.block = self.block;
            thread.number = 0;
            thread.marked = 0;
            thread.open.clear();
            thread.recent = [0; RECENT];
            (thread.unnumbered, thread.cpu, thread.woke) = (0, 0, 0);
        }
        thread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_how_long_ago_they_were_used() {
        let mut thread = Thread::default();
        assert_eq!(thread.file(7), None);
        assert_eq!(thread.file(8), None);
        assert_eq!(thread.file(7), Some(1));
        assert_eq!(thread.file_at(1), Some(8));
        assert_eq!(thread.file_at(0), Some(8));
        for file in 20..20 + RECENT as u32 {
            assert_eq!(thread.file(file), None);
        }
        assert_eq!((thread.file(7), thread.file_at(RECENT)), (None, None));
        assert_eq!(Thread::default().file_at(3), None);
    }

    #[test]
    fn ids_are_known_from_the_innermost() {
        let mut thread = Thread::default();
        (1..=20).for_each(|id| thread.open(id));
        assert_eq!(
            (thread.place(20), thread.place(18), thread.place(1)),
            (Some(0), Some(2), None)
        );
        assert_eq!((thread.close(2), thread.close(0)), (Some(18), Some(20)));
        assert_eq!((thread.place(17), thread.close(14)), (Some(1), None));
    }

    #[test]
    fn a_block_expects_nothing() {
        let mut threads = Threads::default();
        threads.begin();
        threads.at(3).number = 9;
        assert_eq!(threads.at(3).number, 9);
        threads.begin();
        assert_eq!(threads.at(3).number, 0);
    }
}
