//! The null device: opened once, kept at a high number, opened again if it is closed.

use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
#[cfg(feature = "mock")]
use std::sync::OnceLock;

use crate::limits::LONGEST;
use crate::sys;

/// The descriptor, or one of the two below. The only thing the hot path loads. It publishes no other
/// memory, so `Relaxed` is enough.
static FD: AtomicI32 = AtomicI32::new(NEW);
/// Not opened yet.
const NEW: i32 = -1;
/// Never to be opened: switched off, or no device.
const SILENT: i32 = -2;

/// What may take markers in place of the device.
#[cfg(feature = "mock")]
pub(crate) struct Writer {
    /// Whether it takes what this thread writes now.
    pub(crate) takes: fn() -> bool,
    /// Gives it a marker: whether it took that one, which is then not written.
    pub(crate) took: fn(&[u8]) -> bool,
}

/// Asked before each write, once it is there.
#[cfg(feature = "mock")]
static INSTEAD: OnceLock<&Writer> = OnceLock::new();

/// From now on `writer` is asked first. There is one at most: the first stays.
#[cfg(feature = "mock")]
pub(crate) fn ask_first(writer: &'static Writer) {
    INSTEAD.get_or_init(|| writer);
}

#[inline(always)]
pub(crate) fn write(marker: &[u8]) {
    // Only what a collector sees, and one byte more to show that there was more.
    write_short(marker.get(..LONGEST).unwrap_or(marker));
}

/// The same of a marker that is known to be no longer than that.
#[inline(always)]
pub(crate) fn write_short(marker: &[u8]) {
    if cfg!(feature = "off") {
        return;
    }
    #[cfg(feature = "mock")]
    if INSTEAD.get().is_some_and(|writer| (writer.took)(marker)) {
        return;
    }
    let fd = FD.load(Relaxed);
    if fd == SILENT {
        return;
    }
    touch(marker);
    if fd < 0 || sys::write(fd, marker) == -sys::EBADF {
        again(fd, marker);
    }
}

/// Reads a byte of both pages that a marker may lie on.
///
/// The driver never reads the buffer, and the collector cannot read a page that is not mapped in. That a
/// page was touched once proves nothing: a child of fork starts without the pages of its files, and the
/// kernel may unmap them at any time. Two loads are cheaper than to remember, too.
#[inline(always)]
fn touch(marker: &[u8]) {
    if let (Some(first), Some(last)) = (marker.first(), marker.last()) {
        // SAFETY: reads of borrowed bytes; volatile, so that they are made though nothing needs them.
        unsafe {
            (&raw const *first).read_volatile();
            (&raw const *last).read_volatile();
        }
    }
}

/// The first marker, and one whose descriptor was closed under us.
#[cold]
#[inline(never)]
fn again(seen: i32, marker: &[u8]) {
    let fd = open(seen);
    if fd >= 0 {
        sys::write(fd, marker);
    }
}

#[inline(always)]
pub(crate) fn on() -> bool {
    if cfg!(feature = "off") {
        return false;
    }
    #[cfg(feature = "mock")]
    if INSTEAD.get().is_some_and(|writer| (writer.takes)()) {
        return true;
    }
    match FD.load(Relaxed) {
        SILENT => false,
        NEW => open(NEW) >= 0,
        _ => true,
    }
}

/// The descriptor, or a negative number. The mock has none: it sees what goes through [`write`].
#[inline(always)]
pub(crate) fn descriptor() -> i32 {
    if cfg!(feature = "off") {
        return SILENT;
    }
    match FD.load(Relaxed) {
        NEW => open(NEW),
        fd => fd,
    }
}

/// Opens the device in place of the descriptor `seen`, unless another thread did; gives what is there
/// then. Makes system calls and nothing else, so it may run in a signal handler.
#[cold]
#[inline(never)]
pub(crate) fn open(seen: i32) -> i32 {
    if cfg!(feature = "off") {
        return SILENT;
    }
    if seen >= 0 && sys::is_null(seen) {
        return seen; // Another thread opened it again, and got the number.
    }
    let fd = if seen == NEW && sys::switched_off() {
        SILENT
    } else {
        opened()
    };
    match FD.compare_exchange(seen, fd, Relaxed, Relaxed) {
        Ok(_) => fd,
        Err(theirs) => {
            if fd >= 0 && fd != theirs {
                sys::close(fd);
            }
            theirs
        }
    }
}

fn opened() -> i32 {
    let Ok(low) = i32::try_from(sys::open()) else {
        return SILENT;
    };
    if low < 0 {
        return SILENT;
    }
    if !sys::is_null(low) {
        sys::close(low);
        return SILENT;
    }
    // High, so that a program that closes all descriptors and opens its own files does not get the number
    // again: they count from the lowest. But not higher than 1024: the kernel keeps a table of all numbers
    // below the highest, and every fork copies it.
    let near_the_limit = sys::descriptors().min(1024) as i32 - 32;
    for least in [near_the_limit, 64] {
        if least > low
            && let Ok(high) = i32::try_from(sys::dup(low, least))
            && high >= 0
        {
            sys::close(low);
            return high;
        }
    }
    low
}
