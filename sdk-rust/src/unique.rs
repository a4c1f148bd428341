//! Numbers that no other span has: above 2^32, so that no thread's id equals one, and below 2^48, so that a
//! marker stays short and the number is exact in JavaScript.
//!
//! A process counts from a random start, and begins again at the least behind the greatest. A child of fork
//! must not count on where its parent is: the counter stands on a page that the kernel clears for it; where
//! there is none, the process id is used.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicI64, AtomicPtr, AtomicU32, Ordering::Relaxed};

use crate::sys;

const LEAST: i64 = (1 << 32) + 1;
const GREATEST: i64 = (1 << 48) - 1;

/// The counter, and the seed, on the page that fork clears.
static CLEARED: AtomicPtr<[AtomicI64; 2]> = AtomicPtr::new(null_mut());
/// The same where there is no such page, and the process they belong to.
static PLAIN: [AtomicI64; 2] = [AtomicI64::new(0), AtomicI64::new(0)];
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Whether a span with this number has it alone.
#[inline(always)]
pub(crate) const fn is_one(number: i64) -> bool {
    LEAST <= number && number <= GREATEST
}

#[inline]
pub(crate) fn next() -> i64 {
    if cfg!(feature = "off") {
        return LEAST;
    }
    let counter = CLEARED.load(Relaxed);
    // SAFETY: null or the counter that `first` put there, which is never given back.
    match unsafe { counter.as_ref() } {
        Some([counter, _]) => count(counter),
        None => first(),
    }
}

/// A random number that this process keeps, and a child of fork has another of: for who makes numbers of its own.
#[inline]
pub(crate) fn seed() -> u64 {
    // SAFETY: as in `next`.
    match unsafe { CLEARED.load(Relaxed).as_ref() } {
        Some([_, seed]) => kept(seed),
        None => first_seed(),
    }
}

#[inline(always)]
fn kept(seed: &AtomicI64) -> u64 {
    match seed.load(Relaxed) {
        0 => first_kept(seed),
        seed => seed as u64,
    }
}

#[cold]
fn first_kept(seed: &AtomicI64) -> u64 {
    let new = random();
    match seed.compare_exchange(0, new, Relaxed, Relaxed) {
        Ok(_) => new as u64,
        Err(theirs) => theirs as u64,
    }
}

#[cold]
fn first_seed() -> u64 {
    // Makes the page, if there can be one.
    next();
    // SAFETY: as in `next`.
    match unsafe { CLEARED.load(Relaxed).as_ref() } {
        Some([_, seed]) => kept(seed),
        None => kept(&own()[1]),
    }
}

#[inline(always)]
fn count(counter: &AtomicI64) -> i64 {
    let number = counter.fetch_add(1, Relaxed);
    if is_one(number) {
        number
    } else {
        from_new_start(counter, random)
    }
}

/// Gives a counter that has none of the numbers the least if it has counted to the end, else a start of its
/// own; unless another thread just did.
#[cold]
fn from_new_start(counter: &AtomicI64, random: impl Fn() -> i64) -> i64 {
    loop {
        let seen = counter.load(Relaxed);
        if is_one(seen) {
            let number = counter.fetch_add(1, Relaxed);
            if is_one(number) {
                return number;
            }
            continue;
        }
        let start = if seen > GREATEST { LEAST } else { random() };
        if counter
            .compare_exchange(seen, start + 1, Relaxed, Relaxed)
            .is_ok()
        {
            return start;
        }
    }
}

fn random() -> i64 {
    let random = sys::random().unwrap_or_else(|| {
        // Early in the boot of a machine; matching compares the process first, so that even equal
        // numbers of two would not be mixed up.
        let here = 0_u8;
        (&raw const here as u64) << 20 ^ u64::from(sys::pid()) << 40
    });
    LEAST + (random % (GREATEST - LEAST + 1) as u64) as i64
}

#[cold]
fn first() -> i64 {
    let Some(page) = sys::zero_in_children() else {
        return count(&own()[0]);
    };
    let ours = (&raw const *page).cast_mut();
    // Of two threads here the second leaves a page behind, once.
    let there = match CLEARED.compare_exchange(null_mut(), ours, Relaxed, Relaxed) {
        Ok(_) => ours,
        Err(theirs) => theirs,
    };
    // SAFETY: as in `next`.
    let [counter, _] = unsafe { &*there };
    count(counter)
}

/// What is this process's own where fork clears no page.
fn own() -> &'static [AtomicI64; 2] {
    let pid = sys::pid();
    if OWNER.swap(pid, Relaxed) != pid {
        // Only a child of fork gets here with what is its parent's, and it has one thread.
        PLAIN.iter().for_each(|number| number.store(0, Relaxed));
    }
    &PLAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lie_between_the_two_ends() {
        for _ in 0..1000 {
            assert!(is_one(random()));
            assert!(cfg!(feature = "off") || is_one(next()));
        }
        for (number, one) in [
            (0, false),
            (1 << 32, false),
            ((1 << 32) + 1, true),
            ((1 << 48) - 1, true),
            (1 << 48, false),
            (-1, false),
            (i64::MAX, false),
        ] {
            assert_eq!(is_one(number), one, "{number}");
        }
    }

    #[test]
    fn behind_the_greatest_comes_the_least() {
        let counter = AtomicI64::new(GREATEST - 1);
        let numbers: Vec<_> = (0..4).map(|_| count(&counter)).collect();
        assert_eq!(numbers, [GREATEST - 1, GREATEST, LEAST, LEAST + 1]);
    }

    #[test]
    fn a_counter_that_was_cleared_starts_anywhere() {
        let counter = AtomicI64::new(0);
        let start = 7 + LEAST;
        assert_eq!(from_new_start(&counter, || start), start);
        assert_eq!(count(&counter), start + 1);
        counter.store(0, Relaxed);
        assert!(is_one(count(&counter)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri knows no fork")]
    fn a_seed_is_kept_and_a_forked_childs_is_another() {
        let own = seed();
        assert_eq!(seed(), own);
        assert_ne!(own, 0);
        // SAFETY: the child asks for its seed and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(seed() == own)) };
        }
        let mut status = -1;
        // SAFETY: fills the number.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((status, seed()), (0, own));
    }

    /// Threads that count over the end get each number once.
    #[test]
    fn threads_at_the_end() {
        let counter = AtomicI64::new(GREATEST - 500);
        let mut all: Vec<i64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).map(|_| count(&counter)).collect::<Vec<_>>()))
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined.flat_map(Result::unwrap_or_default).collect()
        });
        assert!(all.iter().all(|&number| is_one(number)));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4000);
    }
}
