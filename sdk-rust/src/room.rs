//! Places for the arguments that guards keep, so that the guards themselves are small.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::encode::Writer;
use crate::kept::Kept;

/// How many words say which places are taken, a bit for each.
const WORDS: usize = 64;
const BITS: usize = u64::BITS as usize;

static TAKEN: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
/// A megabyte of which the kernel gives a page when it is first written to, so none to a program that records nothing.
static PLACES: Places = Places(UnsafeCell::new(MaybeUninit::uninit()));

struct Places(UnsafeCell<MaybeUninit<[Kept; WORDS * BITS]>>);

// SAFETY: each place is used by nobody but the guard that took it.
unsafe impl Sync for Places {}

/// A place that a guard has, and stays on its thread as that does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room(&'static UnsafeCell<Kept>);

impl Room {
    /// An empty one; none if all are taken. Takes no lock, so a signal handler may come between.
    ///
    /// The search begins where `near` says, which differs between the stacks of threads, so that they do not write to
    /// the same word.
    #[inline(never)]
    pub(crate) fn take(near: usize) -> Option<Self> {
        const PAGE: usize = 4096;
        let (before, after) = TAKEN.split_at(near / PAGE % WORDS);
        let from = before.len();
        for (at, word) in (from..).zip(after).chain((0..).zip(before)) {
            let mut seen = word.load(Ordering::Relaxed);
            while seen != u64::MAX {
                let bit = seen.trailing_ones();
                // Acquire: what its last owner did to it is done.
                let was = word.fetch_or(1 << bit, Ordering::Acquire);
                if was >> bit & 1 == 0 {
                    return Some(Self::empty(at * BITS + bit as usize));
                }
                seen = was | 1 << bit;
            }
        }
        None
    }

    /// The place of this number, which was just taken.
    fn empty(at: usize) -> Self {
        // SAFETY: the bits of the words count so many places, and this one is nobody else's.
        unsafe {
            let place = PLACES.0.get().cast::<UnsafeCell<Kept>>().add(at);
            place.cast::<Kept>().write(Kept::new());
            Self(&*place)
        }
    }

    /// Gives it to others.
    #[inline(never)]
    pub(crate) fn give_back(self) {
        let at = (self.0.get().addr() - PLACES.0.get().addr()) / size_of::<Kept>();
        if let Some(word) = TAKEN.get(at / BITS) {
            word.fetch_and(!(1 << (at % BITS)), Ordering::Release);
        }
    }

    /// Keeps one argument in the place of one of its name, if there is a value and room for it; else neither.
    pub(crate) fn set(self, name: &[u8], value: Option<&[u8]>) {
        // SAFETY: this type is neither `Send` nor `Sync`, no borrow of the inside outlives a method, and nothing of
        // others runs in one.
        let kept = unsafe { &mut *self.0.get() };
        match value {
            Some(value) => {
                kept.set(name, value);
            }
            None => kept.remove(name),
        }
    }

    /// Whether one of this name is kept.
    pub(crate) fn has(self, name: &str) -> bool {
        // SAFETY: as in `set`.
        unsafe { &*self.0.get() }.has(name.as_bytes())
    }

    /// Writes what was kept.
    pub(crate) fn write(self, writer: &mut Writer<'_>) {
        // SAFETY: as in `set`.
        for (name, value) in unsafe { &*self.0.get() }.pairs() {
            writer.arg(name, |writer| writer.text(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one test: the places are those of the process.
    #[test]
    fn each_place_has_one_owner_until_it_is_given_back() {
        let threads: Vec<_> = (0..4_u8)
            .map(|thread| {
                std::thread::spawn(move || {
                    for round in 0..if cfg!(miri) { 3 } else { 300 } {
                        let rooms: Vec<Room> = (0..100)
                            .map(|n| Room::take(n * 4096 / 7).expect("there are enough"))
                            .collect();
                        for (n, room) in rooms.iter().enumerate() {
                            assert!(!room.has("owner"), "a new place is empty");
                            room.set(b"owner", Some(&[thread, round as u8, n as u8]));
                        }
                        for (n, room) in rooms.into_iter().enumerate() {
                            let mut kept = Vec::new();
                            // SAFETY: a look at a place of this thread.
                            for (_, value) in unsafe { &*room.0.get() }.pairs() {
                                kept.extend_from_slice(value);
                            }
                            assert_eq!(kept, [thread, round as u8, n as u8]);
                            room.give_back();
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no assertion failed");
        }
        let all: Vec<Room> = std::iter::from_fn(|| Room::take(0)).collect();
        assert_eq!(all.len(), WORDS * BITS);
        assert!(Room::take(123_456).is_none());
        all[77].give_back();
        assert!(Room::take(0).is_some_and(|room| core::ptr::eq(room.0, all[77].0)));
        all.into_iter().for_each(Room::give_back);
    }
}
