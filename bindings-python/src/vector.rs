//! Calls with a vector of arguments, as the interpreter itself makes them: nothing is made for a call but
//! what it is about.

use crate::fast::{Vectorcall, fast};
use crate::spec::null_on;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::ffi::c_void;
use std::ptr::null_mut;

/// The bit of a vector's length that lets the callee use the place before the first argument.
const OFFSET: usize = 1 << (usize::BITS - 1);

/// The arguments of a call.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) args: *const *mut PyObject,
    pub(crate) count: usize,
    /// Of those behind `count`; a tuple, or null.
    pub(crate) names: *mut PyObject,
}

impl Given {
    /// Those that a function for such calls is given.
    pub(crate) fn new(args: *const *mut PyObject, count: usize, names: *mut PyObject) -> Self {
        Self {
            args,
            count: count & !OFFSET,
            names,
        }
    }

    /// By position, from the end if negative.
    pub(crate) fn at(self, index: isize) -> Option<*mut PyObject> {
        let index = if index < 0 {
            index.checked_add_unsigned(self.count)?
        } else {
            index
        };
        let index = usize::try_from(index)
            .ok()
            .filter(|&index| index < self.count)?;
        // SAFETY: so many arguments there are.
        Some(unsafe { *self.args.add(index) })
    }

    pub(crate) fn named(self, key: *mut PyObject) -> Option<*mut PyObject> {
        if self.names.is_null() {
            return None;
        }
        // SAFETY: a tuple of strings, each the name of one argument behind `count`.
        unsafe {
            for index in 0..ffi::PyTuple_Size(self.names) {
                if ffi::PyUnicode_Compare(ffi::PyTuple_GetItem(self.names, index), key) == 0 {
                    return Some(*self.args.add(self.count + usize::try_from(index).ok()?));
                }
            }
        }
        None
    }
}

/// Calls `function` with what was given; `count` as it was given, too.
#[inline]
pub(crate) fn pass_on(function: *mut PyObject, given: Given, count: usize) -> *mut PyObject {
    // SAFETY: a callable, and the arguments of this call as they were given.
    unsafe {
        if let Some(vectorcall) = fast().vectorcall {
            return vectorcall(function, given.args, count, given.names);
        }
        if let (Some(vectorcall), true) = (fast().vectorcall_dict, given.names.is_null()) {
            return vectorcall(function, given.args, count, null_mut());
        }
        let py = Python::assume_attached();
        null_on(py, || {
            let take = |index: usize| Bound::from_borrowed_ptr(py, *given.args.add(index));
            let args = PyTuple::new(py, (0..given.count).map(take).collect::<Vec<_>>())?;
            let kwargs = PyDict::new(py);
            if let Some(names) = Bound::from_borrowed_ptr_or_opt(py, given.names) {
                for (index, name) in names.cast_into::<PyTuple>()?.iter().enumerate() {
                    kwargs.set_item(name, take(given.count + index))?;
                }
            }
            Ok(Bound::from_borrowed_ptr(py, function)
                .call(args, Some(&kwargs))?
                .into_ptr())
        })
    }
}

/// The place in a class of the function that calls of the class go to, in words. The stable interface does
/// not name it; it is the same in every CPython since 3.8.
const WORD: usize = 50;

/// Has calls of `class` go to `call` instead of `tp_new`, where this interpreter can.
pub(crate) fn of_class(class: &Bound<'_, PyAny>, call: Vectorcall) {
    let Some(function) = fast().vectorcall_function else {
        return;
    };
    let class = class.as_ptr();
    // SAFETY: types, which have so many words in every version. It is written only where the interpreter's
    // own types prove what that word is.
    unsafe {
        let there = |class: *mut PyObject| {
            function(class).is_some_and(|call| *place(class) == call as *mut c_void)
        };
        let proven = there((&raw mut ffi::PyDict_Type).cast())
            && there((&raw mut ffi::PyList_Type).cast())
            && there((&raw mut ffi::PyTuple_Type).cast());
        if proven && (*place(class)).is_null() && function(class).is_none() {
            *place(class) = call as *mut c_void;
        }
    }
}

/// Has calls of `class` go to `tp_new` and `tp_init` again.
///
/// # Safety
/// `of_class` knows this class.
pub(crate) unsafe fn not_of_class(class: *mut PyObject) {
    // SAFETY: as the caller promises: what is there is ours.
    unsafe { *place(class) = null_mut() };
}

/// # Safety
/// `class` is a type.
unsafe fn place(class: *mut PyObject) -> *mut *mut c_void {
    // SAFETY: a type has so many words.
    unsafe { class.cast::<*mut c_void>().add(WORD) }
}
