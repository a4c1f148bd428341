//! The null device: opened once, kept at a high number, opened again if it is closed.

use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
#[cfg(feature = "mock")]
use std::sync::OnceLock;

use crate::dir::Dir;
use crate::sys;

/// The descriptor, or a negative number: one of those below, or, while markers are switched off, what
/// [`off`] makes of it. The only thing the hot path loads. It publishes no other memory, so `Relaxed` is enough.
static FD: AtomicI32 = AtomicI32::new(NEW);
/// Not opened yet.
const NEW: i32 = -1;
/// Not to be opened: off in the environment, or no device.
const SILENT: i32 = -2;
/// Switched off before it was opened. All below is a descriptor, kept for the exits of spans that are open.
const OFF: i32 = -3;

/// Whether a descriptor is there, what it is while markers are off; and back.
const fn off(fd: i32) -> i32 {
    OFF - 1 - fd
}

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

/// Writes an enter; false if markers are off.
#[inline(always)]
pub(crate) fn enter(marker: &[u8]) -> bool {
    if cfg!(feature = "off") {
        return false;
    }
    #[cfg(feature = "mock")]
    if INSTEAD.get().is_some_and(|writer| (writer.takes)()) {
        return !switched_off() && took(marker);
    }
    let fd = FD.load(Relaxed);
    if fd >= 0 {
        if write(fd, marker) {
            return true;
        }
    } else if fd < NEW {
        return false;
    }
    again(fd, marker)
}

/// Writes the exit of a span whose enter was written, also if markers were switched off since.
#[inline(always)]
pub(crate) fn exit(marker: &[u8]) {
    if !exit_at_once(marker) {
        again(FD.load(Relaxed), marker);
    }
}

/// The same of one that was just made, so that its pages are there.
#[inline(always)]
pub(crate) fn exit_made(marker: &[u8]) {
    if cfg!(feature = "off") {
        return;
    }
    #[cfg(feature = "mock")]
    if took(marker) {
        return;
    }
    if sys::write(FD.load(Relaxed), marker) == -sys::EBADF {
        exit_again(marker);
    }
}

#[cold]
#[inline(never)]
fn exit_again(marker: &[u8]) {
    again(FD.load(Relaxed), marker);
}

/// Writes it if that is one system call: not if markers are off, or the descriptor was closed.
#[inline(always)]
pub(crate) fn exit_at_once(marker: &[u8]) -> bool {
    if cfg!(feature = "off") {
        return true;
    }
    #[cfg(feature = "mock")]
    if took(marker) {
        return true;
    }
    // While markers are off the number is none of a descriptor, which the kernel says: one test less for all others.
    write(FD.load(Relaxed), marker)
}

/// The system call; false if the descriptor was closed.
#[inline(always)]
fn write(fd: i32, marker: &[u8]) -> bool {
    touch(marker);
    sys::write(fd, marker) != -sys::EBADF
}

#[inline(always)]
pub(crate) fn mark(dir: Dir, marker: &[u8]) -> bool {
    match dir {
        Dir::Enter => enter(marker),
        Dir::Exit => {
            exit(marker);
            true
        }
    }
}

#[cfg(feature = "mock")]
fn took(marker: &[u8]) -> bool {
    INSTEAD.get().is_some_and(|writer| (writer.took)(marker))
}

/// Whether that was done by a call: a mock takes no notice of the environment.
#[cfg(feature = "mock")]
fn switched_off() -> bool {
    FD.load(Relaxed) <= OFF
}

/// Reads a byte of both pages that a marker may lie on.
///
/// The driver never reads the buffer, and the collector cannot read a page that is not mapped in. That a
/// page was touched once proves nothing: a child of fork starts without the pages of its files, and the
/// kernel may unmap them at any time. Two loads are cheaper than to remember, too.
#[inline(always)]
fn touch(marker: &[u8]) {
    let first = marker.as_ptr();
    // SAFETY: reads of borrowed bytes, as no marker is empty: those of literals and of the encoder have a direction,
    // and `raw` writes no empty one. Volatile, so that they are made though nothing needs them.
    unsafe {
        first.read_volatile();
        first.add(marker.len() - 1).read_volatile();
    }
}

/// The first marker, one whose descriptor was closed under us, and the exit of a span while markers are off; false if
/// there is no descriptor.
#[cold]
#[inline(never)]
fn again(seen: i32, marker: &[u8]) -> bool {
    let known = match seen {
        SILENT | OFF => return false,
        NEW => NEW,
        kept if kept < OFF => off(kept),
        fd => fd,
    };
    // One that is kept was not tried yet, and another thread may have opened another.
    if known >= 0 && write(known, marker) {
        return true;
    }
    let fd = match open(seen) {
        fd if fd < OFF => off(fd),
        fd => fd,
    };
    fd >= 0 && write(fd, marker)
}

#[inline(always)]
pub(crate) fn on() -> bool {
    if cfg!(feature = "off") {
        return false;
    }
    #[cfg(feature = "mock")]
    if INSTEAD.get().is_some_and(|writer| (writer.takes)()) {
        return !switched_off();
    }
    descriptor() >= 0
}

/// The descriptor, or a negative number. The mock has none: it sees what goes through [`enter`] and [`exit`].
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

/// The same for exits: also while markers are switched off.
#[inline(always)]
pub(crate) fn exit_descriptor() -> i32 {
    match descriptor() {
        kept if kept < OFF => off(kept),
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
    let is_off = seen <= OFF;
    let closed = if is_off { off(seen) } else { seen };
    if closed >= 0 && sys::is_null(closed) {
        return seen; // Another thread opened it again, and got the number.
    }
    let fd = if seen == NEW && sys::switched_off() {
        SILENT
    } else {
        opened()
    };
    replace(seen, if is_off && fd >= 0 { off(fd) } else { fd })
}

/// Puts `new` in the place of `seen`, unless another thread was quicker; gives what is there then.
fn replace(seen: i32, new: i32) -> i32 {
    match FD.compare_exchange(seen, new, Relaxed, Relaxed) {
        Ok(_) => new,
        Err(theirs) => {
            let [ours, kept] = [new, theirs].map(|fd| if fd < OFF { off(fd) } else { fd });
            if ours >= 0 && ours != kept {
                sys::close(ours);
            }
            theirs
        }
    }
}

/// Switches markers on or off from here on, whatever the environment says.
pub(crate) fn set(enabled: bool) {
    if cfg!(feature = "off") {
        return;
    }
    loop {
        let seen = FD.load(Relaxed);
        let new = match (enabled, seen) {
            (true, 0..) => return,
            (true, ..OFF) => off(seen),
            (true, _) => {
                replace(seen, opened());
                return;
            }
            (false, ..=OFF) => return,
            (false, 0..) => off(seen),
            (false, _) => OFF,
        };
        if FD.compare_exchange(seen, new, Relaxed, Relaxed).is_ok() {
            return;
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
