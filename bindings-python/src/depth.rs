//! How deep a recursion may be: as deep as without a tracer, if the stack has room.
//!
//! A traced call goes through this library, so it takes stack where the interpreter calls a plain function without;
//! and it counts more against the limits of the interpreter, which is given back while the function runs.

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// How many counts a call takes more than a plain one: by the code of a traced function, and without that code.
static MORE: [AtomicU8; 2] = [AtomicU8::new(0), AtomicU8::new(0)];

/// Asks which interpreter this is.
pub(crate) fn start(py: Python<'_>) {
    let version = py.version_info();
    let more = match (version.major, version.minor) {
        // One limit for all, and the line of code is a call too.
        (3, ..=11) => [1, 0],
        // Calls from C have a limit of their own, which an interpreter's loop that is entered counts twice against.
        (3, 12 | 13) => [2, 2],
        // The interpreter looks at the stack itself.
        _ => [0, 0],
    };
    for (place, more) in MORE.iter().zip(more) {
        place.store(more, Relaxed);
    }
}

/// How a call comes here.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    ByCode,
    AtOnce,
}

/// Calls `body`, if the stack has room for it.
#[inline(always)]
pub(crate) fn within_limits(way: Way, body: impl FnOnce() -> *mut PyObject) -> *mut PyObject {
    match room() {
        Room::Much => body(),
        Room::Less => lifted(way, body),
        Room::None => {
            let text = c"maximum recursion depth exceeded: the stack is full";
            // SAFETY: raises on the thread that holds the interpreter's lock.
            unsafe { ffi::PyErr_SetString(ffi::PyExc_RecursionError, text.as_ptr()) };
            std::ptr::null_mut()
        }
    }
}

/// Calls `body` with its counts given back.
#[inline(never)]
fn lifted(way: Way, body: impl FnOnce() -> *mut PyObject) -> *mut PyObject {
    let more = MORE[way as usize].load(Relaxed);
    // SAFETY: called with the interpreter's lock held. What is given back is taken again. Should that fail, as it does
    // where the program has lowered the limit meanwhile, the outcome of the call stays.
    unsafe {
        for _ in 0..more {
            ffi::Py_LeaveRecursiveCall();
        }
        let result = body();
        for _ in 0..more {
            if ffi::Py_EnterRecursiveCall(c"".as_ptr()) != 0 && !result.is_null() {
                ffi::PyErr_Clear();
            }
        }
        result
    }
}

enum Room {
    /// Few calls are open, and what they count does not matter yet.
    Much,
    Less,
    None,
}

/// Left for what the function calls: an eighth of the stack, at most this.
const MARGIN: usize = 512 << 10;
/// Used by few calls.
const FEW: usize = 24 << 10;

thread_local! {
    /// Of this thread's stack the lowest address, and behind that the ends of the margin and of what is left when few
    /// calls are open. Zeros at first.
    static STACK: Cell<(usize, usize, usize)> = const { Cell::new((0, 0, 0)) };
}

/// Of the stack of the main thread, which is never another's, where it begins less what few calls use.
static MAIN: AtomicUsize = AtomicUsize::new(usize::MAX / 2);

/// On another stack than the thread's own nothing is known.
#[inline(always)]
fn room() -> Room {
    let here = 0u8;
    let here = std::ptr::from_ref(&here) as usize;
    if here.wrapping_sub(MAIN.load(Relaxed)) < FEW {
        return Room::Much;
    }
    let (lowest, margin, much) = match STACK.get() {
        (0, 0, 0) => look(),
        known => known,
    };
    let left = here.wrapping_sub(lowest);
    if left >= much {
        Room::Much
    } else if left >= margin {
        Room::Less
    } else {
        Room::None
    }
}

#[cold]
#[inline(never)]
fn look() -> (usize, usize, usize) {
    let mut attributes = MaybeUninit::uninit();
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are used only if they were filled in, and then given back.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0 {
            if libc::pthread_attr_getstack(attributes.as_ptr(), &mut lowest, &mut size) != 0 {
                size = 0;
            }
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
    }
    let known = (
        lowest as usize | 1,
        MARGIN.min(size / 8),
        size.saturating_sub(FEW),
    );
    STACK.set(known);
    // SAFETY: asks for two numbers.
    if size > FEW && unsafe { libc::getpid() == libc::gettid() } {
        MAIN.store(lowest as usize + size - FEW, Relaxed);
    }
    known
}
