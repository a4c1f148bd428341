//! What programs read and set of a tracer.

use crate::hooks::hooks;
use crate::known;
use crate::marks::Marks;
use crate::path::Path;
use crate::spec::{getter, null_on, raise};
use crate::text;
use crate::tracer::{Object, has_spans, kept, site};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, PyGetSetDef, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use std::ffi::{c_int, c_void};
use std::rc::Rc;

pub(super) fn table() -> Vec<PyGetSetDef> {
    vec![
        getter(c"tags", get_tags, None),
        getter(c"tag", get_tag, Some(set_tag)),
        getter(c"id", get_id, None),
        getter(c"enter_args", get_enter_args, Some(set_enter_args)),
        getter(c"exit_args", get_exit_args, Some(set_exit_args)),
    ]
}

/// # Safety
/// `this` is one of ours.
pub(super) unsafe fn tags_of<'py>(
    py: Python<'py>,
    this: *mut PyObject,
) -> PyResult<Bound<'py, PyTuple>> {
    // SAFETY: making strings runs no Python code.
    let tags = unsafe { site(this) }
        .marks
        .path()
        .iter()
        .map(|tag| text::string(py, tag));
    PyTuple::new(py, tags.collect::<PyResult<Vec<_>>>()?)
}

unsafe extern "C" fn get_tags(this: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    unsafe {
        let py = Python::assume_attached();
        null_on(py, || Ok(tags_of(py, this)?.into_ptr()))
    }
}

unsafe extern "C" fn get_tag(this: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    unsafe {
        let py = Python::assume_attached();
        let path = site(this)
            .marks
            .path()
            .iter()
            .collect::<Vec<_>>()
            .join(&b'.');
        null_on(py, || Ok(text::string(py, &path)?.into_ptr()))
    }
}

unsafe extern "C" fn set_tag(this: *mut PyObject, tag: *mut PyObject, _: *mut c_void) -> c_int {
    // SAFETY: called by the interpreter with one of ours, and a value, or null to delete it.
    unsafe {
        let py = Python::assume_attached();
        let marks = match Borrowed::from_ptr_or_opt(py, tag) {
            Some(tag) => known::given(tag),
            None => Err(PyTypeError::new_err("tag cannot be deleted")),
        };
        match marks {
            Ok(marks) => {
                let none = || Rc::new(Marks::of_thread(Path::default()));
                site(this).named = true;
                site(this).rename(marks.unwrap_or_else(none));
                0
            }
            Err(error) => {
                raise(py, error);
                -1
            }
        }
    }
}

unsafe extern "C" fn get_id(this: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    unsafe {
        let id = (*this.cast::<Object>()).id;
        if id.is_null() {
            let py = Python::assume_attached();
            if let (true, Some(hooks)) = (has_spans(this), hooks(py)) {
                return null_on(py, || {
                    let tracer = Bound::from_borrowed_ptr(py, this);
                    let number = hooks.number_of.bind(py).call1((tracer,))?;
                    let thread = || Ok(PyString::new(py, "t").into_any());
                    let id = if number.is_none() {
                        thread()
                    } else {
                        Ok(number)
                    };
                    id.map(Bound::into_ptr)
                });
            }
            return ffi::PyUnicode_FromString(c"t".as_ptr());
        }
        ffi::Py_INCREF(id);
        id
    }
}

/// # Safety
/// `which` is the address of a place in one of ours.
unsafe fn get_args(which: *mut *mut PyObject) -> *mut PyObject {
    // SAFETY: as the caller promises; a new dict is owned by the object.
    unsafe {
        if (*which).is_null() {
            *which = ffi::PyDict_New();
        }
        ffi::Py_XINCREF(*which);
        *which
    }
}

/// # Safety
/// As `get_args`, and a value or null.
unsafe fn set_args(which: *mut *mut PyObject, args: *mut PyObject) -> c_int {
    // SAFETY: as the caller promises; the old is let go last, since that may run Python code.
    unsafe {
        let old = std::mem::replace(&mut *which, kept(args));
        ffi::Py_XDECREF(old);
    }
    0
}

unsafe extern "C" fn get_enter_args(this: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    unsafe { get_args(&raw mut (*this.cast::<Object>()).enter_args) }
}

unsafe extern "C" fn set_enter_args(
    this: *mut PyObject,
    args: *mut PyObject,
    _: *mut c_void,
) -> c_int {
    // SAFETY: called by the interpreter with one of ours.
    unsafe { set_args(&raw mut (*this.cast::<Object>()).enter_args, args) }
}

unsafe extern "C" fn get_exit_args(this: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    unsafe { get_args(&raw mut (*this.cast::<Object>()).exit_args) }
}

unsafe extern "C" fn set_exit_args(
    this: *mut PyObject,
    args: *mut PyObject,
    _: *mut c_void,
) -> c_int {
    // SAFETY: called by the interpreter with one of ours.
    unsafe { set_args(&raw mut (*this.cast::<Object>()).exit_args, args) }
}
