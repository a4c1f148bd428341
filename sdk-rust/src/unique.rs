//! Numbers that no other span has.
//!
//! A process counts from a random start. A child of fork must not count on where its parent is: the
//! counter stands on a page that the kernel clears for it; where there is none, the process id tells.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicI64, AtomicPtr, AtomicU32, Ordering::Relaxed};

use crate::sys;

/// Thread ids are smaller, and the id `t` equals them.
const LEAST: i64 = 1 << 40;

/// The counter on the page that fork clears.
static CLEARED: AtomicPtr<AtomicI64> = AtomicPtr::new(null_mut());
/// The counter where there is no such page, and the process it belongs to.
static PLAIN: AtomicI64 = AtomicI64::new(0);
static OWNER: AtomicU32 = AtomicU32::new(0);

#[inline]
pub(crate) fn next() -> i64 {
    if cfg!(feature = "off") {
        return LEAST;
    }
    let counter = CLEARED.load(Relaxed);
    // SAFETY: null or the counter that `first` put there, which is never given back.
    let Some(counter) = (unsafe { counter.as_ref() }) else {
        return first();
    };
    let number = counter.fetch_add(1, Relaxed);
    if number < LEAST {
        from_new_start(counter)
    } else {
        number
    }
}

/// Gives the counter a random start, unless another thread just did.
#[cold]
fn from_new_start(counter: &AtomicI64) -> i64 {
    let start = start();
    let mut seen = counter.load(Relaxed);
    while seen < LEAST {
        match counter.compare_exchange(seen, start + 1, Relaxed, Relaxed) {
            Ok(_) => return start,
            Err(now) => seen = now,
        }
    }
    counter.fetch_add(1, Relaxed)
}

fn start() -> i64 {
    let random = sys::random().unwrap_or_else(|| {
        // Early in the boot of a machine; a span's matching looks at the process first, so that even equal
        // numbers of two would not be mixed up.
        let here = 0_u8;
        (&raw const here as u64) << 20 ^ u64::from(sys::pid()) << 40
    });
    // Below 2^62: as many again are left to count.
    (random >> 2) as i64 | LEAST
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
    let counter = unsafe { &*there };
    let number = counter.fetch_add(1, Relaxed);
    if number < LEAST {
        from_new_start(counter)
    } else {
        number
    }
}

fn by_process() -> i64 {
    let pid = sys::pid();
    if OWNER.swap(pid, Relaxed) != pid {
        // Only a child of fork gets here with a number of its parent's, and it has one thread.
        PLAIN.store(0, Relaxed);
    }
    let number = PLAIN.fetch_add(1, Relaxed);
    if number < LEAST {
        from_new_start(&PLAIN)
    } else {
        number
    }
}
