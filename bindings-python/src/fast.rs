//! Functions that interpreters have and the stable interface of 3.9 does not name.
//!
//! They are looked up, not linked: an interpreter without one is served by what the interface does name.

use pyo3::ffi;
use std::ffi::{CStr, c_char, c_int};
use std::sync::OnceLock;

type AsUtf8 = unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::Py_ssize_t) -> *const c_char;
/// Callee, arguments, their number, names of the last of them.
pub(crate) type Vectorcall = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    usize,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// Variable, default or null, where to put the value.
type ContextGet =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject, *mut *mut ffi::PyObject) -> c_int;
/// Variable, value; gives a token.
type ContextSet =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;
type SetVectorcall = unsafe extern "C" fn(*mut ffi::PyObject, Vectorcall);
/// A function's closure, borrowed; a cell's contents, owned. Both may be null.
type Inside = unsafe extern "C" fn(*mut ffi::PyObject) -> *mut ffi::PyObject;
type VectorcallFunction = unsafe extern "C" fn(*mut ffi::PyObject) -> Option<Vectorcall>;

/// What this interpreter has.
pub(crate) struct Fast {
    /// In the stable interface since 3.10, there since 3.3.
    pub(crate) as_utf8: Option<AsUtf8>,
    /// In the stable interface since 3.12, there since 3.11.
    pub(crate) vectorcall: Option<Vectorcall>,
    /// The same with a dictionary of the named arguments; there since 3.9.
    pub(crate) vectorcall_dict: Option<Vectorcall>,
    /// Not in the stable interface, there since 3.7.
    pub(crate) context_get: Option<ContextGet>,
    pub(crate) context_set: Option<ContextSet>,
    /// The function that serves a callable's vectors; in the stable interface since 3.12, there since 3.11.
    pub(crate) vectorcall_function: Option<VectorcallFunction>,
    /// What serves the vectors of plain functions, up to 3.12.
    pub(crate) plain_function: Option<Vectorcall>,
    /// Has another one serve them, since 3.12.
    pub(crate) set_vectorcall: Option<SetVectorcall>,
    pub(crate) closure: Option<Inside>,
    pub(crate) cell_get: Option<Inside>,
}

pub(crate) fn fast() -> &'static Fast {
    static FAST: OnceLock<Fast> = OnceLock::new();
    FAST.get_or_init(|| {
        // SAFETY: the types are those of CPython's headers, the same in every version that has them.
        unsafe {
            Fast {
                as_utf8: look_up::<AsUtf8>(c"PyUnicode_AsUTF8AndSize"),
                context_get: look_up::<ContextGet>(c"PyContextVar_Get"),
                context_set: look_up::<ContextSet>(c"PyContextVar_Set"),
                vectorcall: look_up::<Vectorcall>(c"PyObject_Vectorcall"),
                vectorcall_function: look_up::<VectorcallFunction>(c"PyVectorcall_Function"),
                plain_function: look_up::<Vectorcall>(c"_PyFunction_Vectorcall"),
                set_vectorcall: look_up::<SetVectorcall>(c"PyFunction_SetVectorcall"),
                closure: look_up::<Inside>(c"PyFunction_GetClosure"),
                cell_get: look_up::<Inside>(c"PyCell_Get"),
                vectorcall_dict: look_up::<Vectorcall>(c"PyObject_VectorcallDict"),
            }
        }
    })
}

/// # Safety
/// `F` is the type of that function.
unsafe fn look_up<F: Copy>(name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut libc::c_void>()) };
    // SAFETY: a name that ends in a NUL; the program's own symbols.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    // SAFETY: a function of type `F`, as the caller promises, and of a pointer's size.
    (!found.is_null()).then(|| unsafe { std::mem::transmute_copy(&found) })
}
