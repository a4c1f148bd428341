//! Numbers that no other span has: above 2^32, so that no thread's id equals one, and below 2^48, so that a
//! marker stays short and the number is exact in JavaScript.
//!
//! A process counts from a random start, and begins again at the least behind the greatest. A child of fork
//! must not count on where its parent is: the counter stands on a page that the kernel clears for it; where
//! there is none, the process id tells.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicI64, AtomicPtr, AtomicU32, Ordering::Relaxed};

use crate::sys;

const LEAST: i64 = (1 << 32) + 1;
const GREATEST: i64 = (1 << 48) - 1;

/// The counter on the page that fork clears.
static CLEARED: AtomicPtr<AtomicI64> = AtomicPtr::new(null_mut());
/// The counter where there is no such page, and the process it belongs to.
static PLAIN: AtomicI64 = AtomicI64::new(0);
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
        Some(counter) => count(counter),
        None => first(),
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
        // Early in the boot of a machine; a span's matching looks at the process first, so that even equal
        // numbers of two would not be mixed up.
        let here = 0_u8;
        (&raw const here as u64) << 20 ^ u64::from(sys::pid()) << 40
    });
    LEAST + (random % (GREATEST - LEAST + 1) as u64) as i64
}

#[cold]
fn first() -> i64 {
    let Some(counter) = sys::zero_in_children() else {
        return by_process();
    };
    let ours = (&raw const *counter).cast_mut();
    // Of two threads here the second leaves a page behind, once.
    let there = match CLEARED.compare_exchange(null_mut(), ours, Relaxed, Relaxed) {
        Ok(_) => ours,
        Err(theirs) => theirs,
    };
    // SAFETY: as in `next`.
    count(unsafe { &*there })
}

fn by_process() -> i64 {
    let pid = sys::pid();
    if OWNER.swap(pid, Relaxed) != pid {
        // Only a child of fork gets here with a number of its parent's, and it has one thread.
        PLAIN.store(0, Relaxed);
    }
    count(&PLAIN)
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
