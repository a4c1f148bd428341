//! Types by the interpreter's own interface, and their tables.

use pyo3::ffi::{self, Py_ssize_t, PyMethodDef, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;
use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use std::ptr::null_mut;

pub(crate) type Doc = CStr;
/// The same in every CPython since 3.7; the stable interface names it since 3.10.
const METH_FASTCALL: c_int = 0x80;
type Plain = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type Fast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t) -> *mut PyObject;
type FastWithNames = unsafe extern "C" fn(
    *mut PyObject,
    *const *mut PyObject,
    Py_ssize_t,
    *mut PyObject,
) -> *mut PyObject;

/// Without arguments.
pub(crate) fn plain(name: &'static CStr, function: Plain, doc: &'static Doc) -> PyMethodDef {
    method(
        name,
        PyMethodDefPointer {
            PyCFunction: function,
        },
        ffi::METH_NOARGS,
        doc,
    )
}

/// With arguments by position only.
pub(crate) fn fast(name: &'static CStr, function: Fast, doc: &'static Doc) -> PyMethodDef {
    // SAFETY: a function's address; the flags say which kind it is, and nothing else calls it.
    let function = unsafe { std::mem::transmute::<Fast, ffi::PyCFunction>(function) };
    method(
        name,
        PyMethodDefPointer {
            PyCFunction: function,
        },
        METH_FASTCALL,
        doc,
    )
}

/// With arguments by position or by name; as `fast`.
pub(crate) fn fast_with_names(
    name: &'static CStr,
    function: FastWithNames,
    doc: &'static Doc,
) -> PyMethodDef {
    let flags = METH_FASTCALL | ffi::METH_KEYWORDS;
    // SAFETY: as in `fast`.
    let function = unsafe { std::mem::transmute::<FastWithNames, ffi::PyCFunction>(function) };
    method(
        name,
        PyMethodDefPointer {
            PyCFunction: function,
        },
        flags,
        doc,
    )
}

fn method(
    name: &'static CStr,
    ml_meth: PyMethodDefPointer,
    ml_flags: c_int,
    doc: &'static Doc,
) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth,
        ml_flags,
        ml_doc: doc.as_ptr(),
    }
}

/// An attribute that functions get and set.
pub(crate) fn getter(
    name: &'static CStr,
    get: ffi::getter,
    set: Option<ffi::setter>,
) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr().cast_mut(),
        get: Some(get),
        set,
        doc: null_mut(),
        closure: null_mut(),
    }
}

/// A field with an object, or null, which is None; `Py_T_OBJECT` before that name was withdrawn.
pub(crate) const OR_NONE: c_int = 6;

/// A field.
pub(crate) fn member(
    name: &'static CStr,
    kind: c_int,
    offset: usize,
    read_only: bool,
) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr().cast_mut(),
        type_code: kind,
        offset: offset as Py_ssize_t,
        flags: c_int::from(read_only),
        doc: null_mut(),
    }
}

/// Makes a type, once in a process. Its tables stay for ever, as the interpreter demands.
///
/// # Errors
/// Those of the interpreter.
#[expect(clippy::too_many_arguments, reason = "a table of tables")]
pub(crate) fn make<'py>(
    py: Python<'py>,
    name: &'static CStr,
    size: usize,
    flags: c_ulong,
    mut methods: Vec<PyMethodDef>,
    mut getters: Vec<ffi::PyGetSetDef>,
    mut members: Vec<ffi::PyMemberDef>,
    slots: &[(c_int, *mut c_void)],
) -> PyResult<Bound<'py, PyAny>> {
    methods.push(PyMethodDef::zeroed());
    getters.push(ffi::PyGetSetDef::default());
    members.push(ffi::PyMemberDef::default());
    let mut all: Vec<ffi::PyType_Slot> = slots
        .iter()
        .map(|&(slot, pfunc)| ffi::PyType_Slot { slot, pfunc })
        .collect();
    for (slot, table) in [
        (
            ffi::Py_tp_methods,
            methods.leak().as_mut_ptr().cast::<c_void>(),
        ),
        (ffi::Py_tp_getset, getters.leak().as_mut_ptr().cast()),
        (ffi::Py_tp_members, members.leak().as_mut_ptr().cast()),
        (0, null_mut()),
    ] {
        all.push(ffi::PyType_Slot { slot, pfunc: table });
    }
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: c_int::try_from(size).unwrap_or(0),
        itemsize: 0,
        flags: flags as c_uint,
        slots: all.as_mut_ptr(),
    };
    // SAFETY: the tables end in zeros and live for ever; the slots and the spec are copied.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec)) }
}

/// The `tp_new` of a type whose objects are not made by programs: zeros are none.
pub(crate) unsafe extern "C" fn not_made(
    _: *mut ffi::PyTypeObject,
    _: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: raises on the thread that holds the interpreter's lock.
    unsafe {
        ffi::PyErr_SetString(
            ffi::PyExc_TypeError,
            c"not to be made by a program".as_ptr(),
        )
    };
    null_mut()
}

/// Shows the collector what an object holds; what it does not have is null.
///
/// # Safety
/// In `tp_traverse`, with objects that are alive.
pub(crate) unsafe fn visit_each(
    visit: ffi::visitproc,
    arg: *mut c_void,
    held: &[*mut PyObject],
) -> c_int {
    for &held in held.iter().filter(|held| !held.is_null()) {
        // SAFETY: the collector's function, which takes any object.
        let stop = unsafe { visit(held, arg) };
        if stop != 0 {
            return stop;
        }
    }
    0
}

/// Lets go of what an object holds. Each place is empty before what was in it is gone.
///
/// # Safety
/// The places are the object's, and owners of what is in them.
pub(crate) unsafe fn clear_each(places: &[*mut *mut PyObject]) {
    for &place in places {
        // SAFETY: a place of an object that is alive, and its to give up.
        unsafe {
            let old = std::mem::replace(&mut *place, null_mut());
            ffi::Py_XDECREF(old);
        }
    }
}

/// Gives the memory of an object back; its type is one of its owners.
///
/// # Safety
/// An object of a type made here, or of one derived, whose contents are gone.
pub(crate) unsafe fn free(this: *mut PyObject) {
    // SAFETY: `tp_free` of a heap type, which every type has, is such a function.
    unsafe {
        let class = ffi::Py_TYPE(this);
        let free = ffi::PyType_GetSlot(class, ffi::Py_tp_free);
        let free: unsafe extern "C" fn(*mut c_void) = std::mem::transmute(free);
        free(this.cast());
        ffi::Py_DECREF(class.cast());
    }
}

/// What `body` makes, or null and its error raised.
pub(crate) fn null_on(
    py: Python<'_>,
    body: impl FnOnce() -> PyResult<*mut PyObject>,
) -> *mut PyObject {
    body().unwrap_or_else(|error| {
        raise(py, error);
        null_mut()
    })
}

/// Raises an error.
#[cold]
pub(crate) fn raise(py: Python<'_>, error: PyErr) {
    end(py, error, |py, error| error.restore(py));
}

/// Does with an error what ends it. What is let go is kept, and more each time, where pyo3 does not know
/// that the interpreter's lock is held: in the functions that the interpreter calls by its own interface.
#[cold]
pub(crate) fn end(py: Python<'_>, error: PyErr, mut then: impl FnMut(Python<'_>, PyErr)) {
    let mut error = Some(error);
    let mut once = |py: Python<'_>| {
        if let Some(error) = error.take() {
            then(py, error);
        }
    };
    // Not while the interpreter shuts down.
    if Python::try_attach(&mut once).is_none() {
        once(py);
    }
}

/// `None`, owned.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the last line of functions that may fail"
)]
pub(crate) fn none(py: Python<'_>) -> PyResult<*mut PyObject> {
    Ok(py.None().into_ptr())
}
