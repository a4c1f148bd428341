//! Real functions whose code calls one of ours (`_functions.py`): where the interpreter lets that be, a call of such a
//! function comes here at once, without a frame for its one line of code.

use crate::depth::{self, Way};
use crate::fast::{Vectorcall, fast};
use crate::function;
use crate::hooks::hooks;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

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

/// Has calls of a function come here, or run its code.
pub(crate) fn shortcut(of: &Bound<'_, PyAny>, on: bool) {
    let plain = PLAIN.load(Relaxed);
    if plain.is_null() || !is_function(of) {
        return;
    }
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
        let plain = std::mem::transmute::<*mut c_void, Vectorcall>(PLAIN.load(Relaxed));
        plain(of, args, count, names)
    }
}

/// Whose method the function's code calls: the last of its closure. Owned; null if it is none of ours.
#[inline(always)]
unsafe fn inner(of: *mut PyObject) -> *mut PyObject {
    // SAFETY: a function with a closure, as those that were proven. What is found is owned by it at this moment.
    unsafe {
        let word = CLOSURE.load(Relaxed);
        if word == 0 {
            return asked(of);
        }
        let inner = read(of, word);
        ffi::Py_XINCREF(inner);
        inner
    }
}

/// Where a function has its closure, in words; 0 if that is not known. The stable interface does not name it, and to ask
/// for each thing costs a twentieth of a span.
static CLOSURE: AtomicUsize = AtomicUsize::new(0);

/// Finds that word, in a function that has such a closure.
unsafe fn prove(of: *mut PyObject) {
    // SAFETY: a function, which has so many words.
    unsafe {
        let wanted = asked(of);
        let Some(closure) = fast().closure else {
            return;
        };
        let cells = closure(of);
        let is_there = |&word: &usize| *of.cast::<*mut PyObject>().add(word) == cells;
        let word = (FIRST_WORD..WORDS).find(is_there);
        let proven = word.filter(|&word| !wanted.is_null() && read(of, word) == wanted);
        CLOSURE.store(proven.unwrap_or(0), Relaxed);
        ffi::Py_XDECREF(wanted);
    }
}

/// Borrowed, or null.
#[inline(always)]
unsafe fn read(of: *mut PyObject, word: usize) -> *mut PyObject {
    // SAFETY: the words of a function, a tuple (its length, then its items), a cell and a method of this library, whose
    // object is behind its table. Their order is the same in every CPython since 3.8.
    unsafe {
        let at = |object: *mut PyObject, word: usize| *object.cast::<*mut PyObject>().add(word);
        let cells = at(of, word);
        let last = at(cells, 2) as usize + 2;
        let method = at(at(cells, last), 2);
        if method.is_null() || ffi::PyCFunction_Check(method) == 0 {
            return null_mut();
        }
        let inner = at(method, 3);
        if inner.is_null() || !function::is_ours(inner) {
            return null_mut();
        }
        inner
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

/// What serves the vectors of plain functions, if it is known.
pub(crate) fn plain() -> Option<Vectorcall> {
    let plain = PLAIN.load(Relaxed);
    // SAFETY: null, or such a function.
    (!plain.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Vectorcall>(plain) })
}

/// Whether it is a function of Python.
pub(crate) fn is_function(it: &Bound<'_, PyAny>) -> bool {
    // That one is.
    hooks(it.py()).is_some_and(|hooks| hooks.here.bind(it.py()).get_type().is(it.get_type()))
}
