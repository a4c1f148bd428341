//! What the interpreter calls a plain function by.

use crate::fast::{Vectorcall, fast};
use pyo3::ffi::PyObject;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// What calls of plain functions go to.
static PLAIN: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Finds what that is, by a function.
pub(crate) fn start(of: *mut PyObject) {
    // SAFETY: a function; what is looked up has the types of CPython's headers.
    let now = unsafe {
        fast()
            .vectorcall_function
            .and_then(|of_vector| of_vector(of))
    };
    if let Some(found) = now.or(fast().plain_function) {
        PLAIN.store(found as *mut c_void, Relaxed);
    }
}

/// What serves the vectors of plain functions, if it is known.
pub(crate) fn plain() -> Option<Vectorcall> {
    let plain = PLAIN.load(Relaxed);
    // SAFETY: null, or such a function.
    (!plain.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Vectorcall>(plain) })
}
