//! Types by the interpreter's own interface: their tables, and the arguments of their functions.

use crate::text::Text;
use crate::vector::Given;
use pyo3::exceptions::PyTypeError;
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
        error.restore(py);
        null_mut()
    })
}

/// `None`, owned.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the last line of functions that may fail"
)]
pub(crate) fn none(py: Python<'_>) -> PyResult<*mut PyObject> {
    Ok(py.None().into_ptr())
}

/// The arguments `names`, of which `by_position` may be given without their names. Borrowed, or null.
///
/// # Errors
/// TypeError if there are others.
pub(crate) fn given<const N: usize>(
    py: Python<'_>,
    args: *mut PyObject,
    kwargs: *mut PyObject,
    names: [&CStr; N],
    by_position: usize,
) -> PyResult<[*mut PyObject; N]> {
    let mut found = [null_mut(); N];
    // SAFETY: a tuple, and a dict or null, that live longer than what is borrowed of them.
    unsafe {
        let count = usize::try_from(ffi::PyTuple_Size(args)).unwrap_or(0);
        if count > by_position.min(N) {
            return Err(too_many(count, by_position));
        }
        for (index, place) in found.iter_mut().enumerate().take(count) {
            *place = ffi::PyTuple_GetItem(args, index as Py_ssize_t);
        }
        if !kwargs.is_null() {
            let (mut at, mut name, mut value) = (0, null_mut(), null_mut());
            while ffi::PyDict_Next(kwargs, &mut at, &mut name, &mut value) != 0 {
                named(py, &mut found, names, name, value)?;
            }
        }
    }
    Ok(found)
}

/// The same of a call with a vector; all may be given by position but those behind `by_position`.
///
/// # Errors
/// As `given`.
pub(crate) fn given_fast<const N: usize>(
    py: Python<'_>,
    given: Given,
    names: [&CStr; N],
    by_position: usize,
) -> PyResult<[*mut PyObject; N]> {
    let mut found = [null_mut(); N];
    let Given {
        args,
        count,
        names: kwnames,
    } = given;
    if count > by_position.min(N) {
        return Err(too_many(count, by_position));
    }
    // SAFETY: so many arguments by position, and behind them one for each name of the tuple.
    unsafe {
        for (index, place) in found.iter_mut().enumerate().take(count) {
            *place = *args.add(index);
        }
        if !kwnames.is_null() {
            for index in 0..ffi::PyTuple_Size(kwnames) {
                let value = *args.add(count + usize::try_from(index).unwrap_or(0));
                named(
                    py,
                    &mut found,
                    names,
                    ffi::PyTuple_GetItem(kwnames, index),
                    value,
                )?;
            }
        }
    }
    Ok(found)
}

/// # Safety
/// `name` is a string.
#[inline]
unsafe fn named<const N: usize>(
    py: Python<'_>,
    found: &mut [*mut PyObject; N],
    names: [&CStr; N],
    name: *mut PyObject,
    value: *mut PyObject,
) -> PyResult<()> {
    // SAFETY: as the caller promises.
    let name = unsafe { Borrowed::from_ptr(py, name) };
    if let Some(text) = Text::string(&name) {
        for (place, known) in found.iter_mut().zip(names) {
            if text.bytes() == known.to_bytes() {
                if !place.is_null() {
                    return Err(twice(known));
                }
                *place = value;
                return Ok(());
            }
        }
    }
    Err(PyTypeError::new_err(format!(
        "unexpected keyword argument {}",
        name.repr()?
    )))
}

#[cold]
fn twice(name: &CStr) -> PyErr {
    PyTypeError::new_err(format!("multiple values for argument {name:?}"))
}

#[cold]
fn too_many(count: usize, most: usize) -> PyErr {
    PyTypeError::new_err(format!(
        "at most {most} positional arguments, {count} given"
    ))
}
