//! Real functions whose code calls one of ours (`_functions.py`): where the interpreter lets that be, a call of such a
//! function comes here at once, without a frame for its one line of code.

use crate::depth::{self, Way};
use crate::fast::{Vectorcall, fast};
use crate::function;
use crate::hooks::is_function;
use crate::plain;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Has calls of a function come here, or run its code.
pub(crate) fn shortcut(of: &Bound<'_, PyAny>, on: bool) {
    let Some(plain) = plain::plain().filter(|_| is_function(of)) else {
        return;
    };
    let plain = plain as *mut c_void;
    let of = of.as_ptr();
    // SAFETY: a function; what is looked up has the types of CPython's headers.
    unsafe {
        if CLOSURE.load(Relaxed) == 0 {
            prove(of);
        }
        let wanted = if on { call as *mut c_void } else { plain };
        if let Some(set) = fast().set_vectorcall {
            set(of, std::mem::transmute::<*mut c_void, Vectorcall>(wanted));
            return;
        }
        // Older interpreters have no function for it: the word is where it holds one of the two.
        let words = of.cast::<*mut c_void>();
        for word in FIRST_WORD..WORDS {
            let place = words.add(word);
            if *place == plain || *place == call as *mut c_void {
                *place = wanted;
                return;
            }
        }
    }
}

/// Of so many words of a function one holds that, since 3.9; the first two of which are the head of an object.
const WORDS: usize = 16;
const FIRST_WORD: usize = 2;

/// A call of such a function.
unsafe extern "C" fn call(
    of: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with a function, which its caller keeps.
    unsafe {
        let inner = inner(of);
        if !inner.is_null() {
            let run = || function::run(inner, args, count, names);
            let result = depth::within_limits(Way::AtOnce, run);
            ffi::Py_DECREF(inner);
            return result;
        }
        match plain::plain() {
            Some(plain) => plain(of, args, count, names),
            // It was known when calls were made to come here.
            None => null_mut(),
        }
    }
}

/// Whose method the function's code calls: the last of its closure. Owned; null if it is none of ours.
#[inline(always)]
unsafe fn inner(of: *mut PyObject) -> *mut PyObject {
    // SAFETY: a function with a closure of cells, as those that were proven. What is found is owned by it now.
    unsafe {
        let (closure, items) = (CLOSURE.load(Relaxed), ITEMS.load(Relaxed));
        if closure == 0 {
            return asked(of);
        }
        let cells = word(of, closure);
        let last = word(cells, LENGTH) as usize - 1 + items;
        let method = word(word(cells, last), CONTENTS);
        if method.is_null() || ffi::PyCFunction_Check(method) == 0 {
            return null_mut();
        }
        let inner = word(method, SELF);
        if inner.is_null() || !function::is_ours(inner) {
            return null_mut();
        }
        ffi::Py_INCREF(inner);
        inner
    }
}

/// Where a function has its closure, and a tuple its items, in words; 0 if that is not known. The stable interface does
/// not name them, and to ask for each thing costs a twentieth of a span.
static CLOSURE: AtomicUsize = AtomicUsize::new(0);
static ITEMS: AtomicUsize = AtomicUsize::new(0);
/// Where a tuple has its length, a cell its contents and a method its object.
const LENGTH: usize = 2;
const CONTENTS: usize = 2;
const SELF: usize = 3;

/// # Safety
/// An object of more words than that, which is alive.
#[inline(always)]
unsafe fn word(object: *mut PyObject, word: usize) -> *mut PyObject {
    // SAFETY: as the caller promises.
    unsafe { *object.cast::<*mut PyObject>().add(word) }
}

/// Finds those words by a function that has such a closure. Nothing is followed before it is known what it is.
unsafe fn prove(of: *mut PyObject) {
    // SAFETY: a function, which has so many words; a tuple has as many as its items and its head.
    unsafe {
        let inner = asked(of);
        let (Some(closure), Some(get)) = (fast().closure, fast().cell_get) else {
            return;
        };
        if inner.is_null() {
            return;
        }
        // It is kept by the function.
        ffi::Py_DECREF(inner);
        let cells = closure(of);
        let length = ffi::PyTuple_Size(cells) as usize;
        let cell = ffi::PyTuple_GetItem(cells, length as ffi::Py_ssize_t - 1);
        let method = get(cell);
        ffi::Py_DECREF(method);
        let found = (FIRST_WORD..WORDS).find(|&at| word(of, at) == cells);
        // Newer interpreters have a tuple's hash before its items.
        let items = [LENGTH + 1, LENGTH + 2];
        let items = items
            .into_iter()
            .find(|items| word(cells, items + length - 1) == cell);
        if let (Some(found), Some(items)) = (found, items)
            && word(cells, LENGTH) as usize == length
            && word(cell, CONTENTS) == method
            && word(method, SELF) == inner
        {
            ITEMS.store(items, Relaxed);
            CLOSURE.store(found, Relaxed);
        }
    }
}

/// The same by what the interpreter has for it. Owned, or null.
unsafe fn asked(of: *mut PyObject) -> *mut PyObject {
    // SAFETY: a function, whose closure is a tuple of cells, or null; what is in a cell is owned until it is let go.
    unsafe {
        let (Some(closure), Some(get)) = (fast().closure, fast().cell_get) else {
            return null_mut();
        };
        let cells = closure(of);
        if cells.is_null() {
            return null_mut();
        }
        let last = ffi::PyTuple_GetItem(cells, ffi::PyTuple_Size(cells) - 1);
        let method = get(last);
        let mut inner = null_mut();
        if !method.is_null() && ffi::PyCFunction_Check(method) != 0 {
            inner = ffi::PyCFunction_GetSelf(method);
            if inner.is_null() || !function::is_ours(inner) {
                inner = null_mut();
            }
            ffi::Py_XINCREF(inner);
        }
        ffi::Py_XDECREF(method);
        inner
    }
}
