//! What a `Tracer` holds: the object, and the numbered spans that are open.

use crate::emit;
use crate::marks::Marks;
use crate::span;
use crate::switch::Notes;
use nulltrace::Id;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::ffi::c_int;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// The object. The pointers are owned, or null.
#[repr(C)]
pub(crate) struct Object {
    head: PyObject,
    pub(crate) weak: *mut PyObject,
    /// Python's own: a dict of the numbered spans that are open.
    pub(crate) spans: *mut PyObject,
    /// The tracer whose `span()` it is, if that one may be numbered.
    pub(crate) within: *mut PyObject,
    pub(crate) enter_args: *mut PyObject,
    pub(crate) exit_args: *mut PyObject,
    /// Python's own: arguments that were set in the middle of spans, see `_record.py`.
    pub(crate) recorded: *mut PyObject,
    /// As it was given; null for the default.
    pub(crate) id: *mut PyObject,
    /// Spans with the thread's id that are open, as far as they are counted: where there may be others.
    pub(crate) plain: c_int,
    pub(crate) site: Site,
}

/// Which tags and which id it marks.
pub(crate) struct Site {
    pub(crate) marks: Rc<Marks>,
    /// The tag was given: it is not that of a line.
    pub(crate) named: bool,
    pub(crate) recursive: bool,
    pub(crate) notes: Notes,
}

impl Site {
    /// With other tags, and the same id.
    pub(crate) fn rename(&mut self, marks: Rc<Marks>) {
        self.marks = with_id(marks, self.marks.id());
    }
}

/// These tags with this id.
pub(crate) fn with_id(marks: Rc<Marks>, id: Option<Id>) -> Rc<Marks> {
    if marks.id() == id {
        return marks;
    }
    Rc::new(Marks::new(marks.path().clone(), id))
}

/// The type, borrowed; it is there for ever. Null before it is made.
static CLASS: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(null_mut());

pub(crate) fn class_is(class: &Bound<'_, PyAny>) {
    CLASS.store(class.as_ptr().cast(), Relaxed);
}

/// Whether it is one.
pub(crate) fn is_ours(object: *mut PyObject) -> bool {
    // SAFETY: an object that is alive, and a type.
    unsafe { ffi::PyObject_TypeCheck(object, CLASS.load(Relaxed)) != 0 }
}

/// What it marks.
///
/// # Safety
/// `this` is one of ours. What is returned must not live while Python code may run: that may change it.
#[inline]
pub(crate) unsafe fn site<'a>(this: *mut PyObject) -> &'a mut Site {
    // SAFETY: the object was made by `site`; the interpreter's lock is held, so nobody else has it, nor
    // the counts of its `Rc`, which other tracers share.
    unsafe { &mut (*this.cast::<Object>()).site }
}

/// Whether spans inside `within` may have to name it.
///
/// # Safety
/// One of ours, or null.
#[inline]
pub(crate) unsafe fn may_be_named(within: *mut PyObject) -> bool {
    // SAFETY: as the caller promises; the interpreter's lock is held.
    unsafe {
        !within.is_null()
            && (has_spans(within) || emit::is_unique(site(within).marks.id()).is_some())
    }
}

/// Whether it has numbered spans that are open.
///
/// # Safety
/// `this` is one of ours.
#[inline(always)]
pub(crate) unsafe fn has_spans(this: *mut PyObject) -> bool {
    // SAFETY: as the caller promises; a dict that is alive, or null.
    unsafe {
        let spans = (*this.cast::<Object>()).spans;
        !spans.is_null() && spans != ffi::Py_None() && ffi::PyDict_Size(spans) > 0
    }
}

/// Whether it has this many numbered spans that are open.
///
/// # Safety
/// `this` is one of ours.
pub(crate) unsafe fn many_spans(this: *mut PyObject, many: isize) -> bool {
    // SAFETY: as the caller promises.
    unsafe { has_spans(this) && ffi::PyDict_Size((*this.cast::<Object>()).spans) >= many }
}

/// Notes a numbered span that begins; false if there is no memory for that.
///
/// # Safety
/// `this` is one of ours.
pub(crate) unsafe fn add_span(this: *mut PyObject, span: &Bound<'_, PyAny>) -> bool {
    // SAFETY: as the caller promises. To make a dict may run Python code, which may have made it too.
    unsafe {
        let object = this.cast::<Object>();
        if none((*object).spans) {
            let made = ffi::PyDict_New();
            if made.is_null() || !none((*object).spans) {
                ffi::PyErr_Clear();
                ffi::Py_XDECREF(made);
            } else {
                let old = std::mem::replace(&mut (*object).spans, made);
                ffi::Py_XDECREF(old);
            }
        }
        let spans = (*object).spans;
        let id = (*span.as_ptr().cast::<span::Object>()).id();
        if none(spans) || ffi::PyDict_SetItem(spans, id, span.as_ptr()) < 0 {
            ffi::PyErr_Clear();
            return false;
        }
    }
    true
}

/// Forgets a numbered span that ended.
///
/// # Safety
/// `this` is one of ours, and `id` that of the span.
pub(crate) unsafe fn remove_span(this: *mut PyObject, id: *mut PyObject) {
    // SAFETY: as the caller promises.
    unsafe {
        if has_spans(this) && ffi::PyDict_DelItem((*this.cast::<Object>()).spans, id) < 0 {
            ffi::PyErr_Clear();
        }
    }
}

/// An object to be owned; null for None.
///
/// # Safety
/// Null, or an object that is alive.
pub(crate) unsafe fn kept(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: as the caller promises; None is kept as null.
    unsafe {
        if object.is_null() || object == ffi::Py_None() {
            return null_mut();
        }
        ffi::Py_INCREF(object);
    }
    object
}

/// Whether it is None, or was not given.
pub(crate) fn none(object: *mut PyObject) -> bool {
    // SAFETY: compares addresses only.
    object.is_null() || object == unsafe { ffi::Py_None() }
}
