//! `Span`: a span with a number of its own. What it means for contexts is said in `_context.py`, which
//! uses its fields; here are its markers.

use crate::emit::{self, Texts};
use crate::hooks::hooks;
use crate::marks::Marks;
use crate::path::Path;
use crate::spec::{self, null_on};
use crate::text::{Text, swallow};
use nulltrace::Id;
use nulltrace::raw::Dir;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;
use std::ptr::{self, null_mut};

/// The object. The pointers are owned, or null.
#[repr(C)]
struct Object {
    head: PyObject,
    above: *mut PyObject,
    owner: *mut PyObject,
    tracer: *mut PyObject,
    id: *mut PyObject,
    key: Py_ssize_t,
    process: c_int,
    open: c_char,
    named: c_char,
    /// None in an object that a program made by itself.
    marks: Option<Marks>,
}

/// Who begins a span.
#[derive(Clone, Copy)]
pub(crate) struct Begins {
    /// Will be told of the exit; null where it is the caller that ends it.
    pub(crate) owner: *mut PyObject,
    /// Has the arguments of the exit; null as the owner is.
    pub(crate) tracer: *mut PyObject,
    /// Whose `span()` it is, or null.
    pub(crate) within: *mut PyObject,
    /// Even in plain code.
    pub(crate) always: bool,
}

/// Begins a span with a number of its own, and writes its marker. None if it has the thread's id here, or
/// could not be begun. A `given` number is one that was chosen by hand: it says nothing of a parent.
///
/// # Errors
/// Only what a program must not lose.
pub(crate) fn begin<'py>(
    py: Python<'py>,
    path: &Path,
    given: Option<i64>,
    begins: Begins,
    texts: &Texts<'_>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match attempt(py, path, given, begins, texts) {
        Err(error) => swallow(py, error).map(|()| None),
        found => found,
    }
}

fn attempt<'py>(
    py: Python<'py>,
    path: &Path,
    given: Option<i64>,
    begins: Begins,
    texts: &Texts<'_>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(hooks) = hooks(py) else {
        return Ok(None);
    };
    let number = given.unwrap_or_else(emit::unique);
    let id = number.into_pyobject(py)?;
    let span = make(
        py,
        Marks::new(path.clone(), Some(Id::Number(number))),
        id.as_any(),
    )?;
    // SAFETY: objects that are alive, or null.
    let or_none = |object| unsafe {
        Bound::from_borrowed_ptr_or_opt(py, object).unwrap_or_else(|| py.None().into_bound(py))
    };
    let found = hooks.begin.bind(py).call1((
        &span,
        or_none(begins.owner),
        or_none(begins.tracer),
        or_none(begins.within),
        begins.always || given.is_some(),
        1,
    ))?;
    let Some(parent) = found.extract::<Option<i64>>()? else {
        return Ok(None);
    };
    let parent = if given.is_some() { None } else { Some(parent) };
    // SAFETY: made above.
    unsafe { entered(span.as_ptr(), parent, texts) };
    Ok(Some(span))
}

/// Writes the marker of an enter. Of a span that is refused nothing is written, and it is nobody's parent.
///
/// # Safety
/// `this` is one of ours.
unsafe fn entered(this: *mut PyObject, parent: Option<i64>, texts: &Texts<'_>) {
    // SAFETY: as the caller promises; no Python code runs.
    unsafe {
        let object = this.cast::<Object>();
        let written = (*object)
            .marks
            .as_ref()
            .is_some_and(|marks| marks.enter(parent, texts));
        if !written {
            (*object).named = 0;
        }
    }
}

/// Writes the marker of an exit.
///
/// # Safety
/// `this` is what `begin` gave, or `_context.end`.
pub(crate) unsafe fn exited(this: *mut PyObject, texts: &Texts<'_>) {
    // SAFETY: as the caller promises; no Python code runs.
    if let Some(marks) = unsafe { &(*this.cast::<Object>()).marks } {
        if texts.pairs().is_empty() {
            marks.bare(Dir::Exit);
        } else {
            marks.with(Dir::Exit, texts);
        }
    }
}

/// Ends the span of a call, which is no block of its own. Whether its exit is to be written.
///
/// # Errors
/// Only what a program must not lose.
pub(crate) fn close(span: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = span.py();
    let Some(hooks) = hooks(py) else {
        return Ok(false);
    };
    let closed = hooks.close.bind(py).call1((span,));
    match closed.and_then(|written| written.is_truthy()) {
        Err(error) => swallow(py, error).map(|()| false),
        written => written,
    }
}

/// A span of these tags and this id, for the wrappers in Python. It is not begun.
pub(crate) fn of<'py>(
    tags: &Bound<'py, PyAny>,
    id: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    make(tags.py(), Marks::new(Path::each(tags)?, emit::id(id)), id)
}

fn make<'py>(py: Python<'py>, marks: Marks, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: our type: the object is an `Object`, zeroed, all of which may be, but `marks`, which is
    // written before anyone sees it.
    unsafe {
        let this = ffi::PyType_GenericAlloc(class(py)?.as_ptr().cast(), 0 as Py_ssize_t);
        if this.is_null() {
            return Err(PyErr::fetch(py));
        }
        let object = this.cast::<Object>();
        ptr::write(&raw mut (*object).marks, Some(marks));
        (*object).id = id.clone().into_ptr();
        Ok(Bound::from_owned_ptr(py, this))
    }
}

/// Arguments of the fast calls below.
unsafe fn argument<'py>(
    py: Python<'py>,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    index: usize,
) -> Option<Bound<'py, PyAny>> {
    // SAFETY: so many arguments there are.
    (index < usize::try_from(count).unwrap_or(0))
        .then(|| unsafe { Bound::from_borrowed_ptr(py, *args.add(index)) })
}

/// `enter(parent, args)`.
unsafe extern "C" fn enter(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours and so many arguments.
    let py = unsafe { Python::assume_attached() };
    null_on(py, || {
        // SAFETY: as above.
        unsafe {
            let parent = match argument(py, args, count, 0) {
                Some(parent) => parent.extract::<Option<i64>>()?,
                None => None,
            };
            let texts = match argument(py, args, count, 1) {
                Some(args) => emit::texts(&args)?,
                None => Texts::NONE,
            };
            entered(this, parent, &texts);
        }
        spec::none(py)
    })
}

/// `exit(args)`.
unsafe extern "C" fn exit(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours and so many arguments.
    let py = unsafe { Python::assume_attached() };
    null_on(py, || {
        // SAFETY: as above.
        unsafe {
            let texts = match argument(py, args, count, 0) {
                Some(args) => emit::texts(&args)?,
                None => Texts::NONE,
            };
            exited(this, &texts);
        }
        spec::none(py)
    })
}

/// The arguments of a tracer, and the one that an exception adds.
pub(crate) fn texts_of<'py>(
    args: Option<&Bound<'py, PyAny>>,
    last: Option<Bound<'py, PyTuple>>,
) -> PyResult<Texts<'py>> {
    let mut texts = match args {
        Some(args) => emit::texts(args)?,
        None => Texts::NONE,
    };
    if let Some(last) = last {
        let pair = (Text::of(last.get_item(0)?)?, Text::of(last.get_item(1)?)?);
        if let (Some(name), Some(value)) = pair {
            texts.push((name, value));
        }
    }
    Ok(texts)
}

unsafe extern "C" fn traverse(
    this: *mut PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: called by the collector with one of ours; a heap type is visited by its objects.
    unsafe {
        let object = this.cast::<Object>();
        for held in [
            ffi::Py_TYPE(this).cast(),
            (*object).above,
            (*object).owner,
            (*object).tracer,
        ] {
            let stop = if held.is_null() { 0 } else { visit(held, arg) };
            if stop != 0 {
                return stop;
            }
        }
    }
    0
}

unsafe extern "C" fn clear(this: *mut PyObject) -> c_int {
    // SAFETY: called by the collector, or before the end, with one of ours. Each place is empty before
    // what was in it is let go.
    unsafe {
        let object = this.cast::<Object>();
        for place in [
            &raw mut (*object).above,
            &raw mut (*object).owner,
            &raw mut (*object).tracer,
        ] {
            let old = std::mem::replace(&mut *place, null_mut());
            ffi::Py_XDECREF(old);
        }
    }
    0
}

unsafe extern "C" fn dealloc(this: *mut PyObject) {
    // SAFETY: called by the interpreter once, with one of ours that nobody holds.
    unsafe {
        ffi::PyObject_GC_UnTrack(this.cast());
        clear(this);
        let object = this.cast::<Object>();
        ffi::Py_XDECREF((*object).id);
        ptr::drop_in_place(&raw mut (*object).marks);
        spec::free(this);
    }
}

fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    use spec::{OR_NONE, fast, member};
    let made = CLASS.get_or_try_init(py, || {
        let methods = vec![fast(c"enter", enter, c""), fast(c"exit", exit, c"")];
        let object = |name, offset| member(name, OR_NONE, offset, false);
        let members = vec![
            object(c"above", offset_of!(Object, above)),
            object(c"owner", offset_of!(Object, owner)),
            object(c"tracer", offset_of!(Object, tracer)),
            member(c"id", OR_NONE, offset_of!(Object, id), true),
            member(c"key", ffi::Py_T_PYSSIZET, offset_of!(Object, key), false),
            member(
                c"process",
                ffi::Py_T_INT,
                offset_of!(Object, process),
                false,
            ),
            member(c"open", ffi::Py_T_BOOL, offset_of!(Object, open), false),
            member(c"named", ffi::Py_T_BOOL, offset_of!(Object, named), false),
        ];
        let slots = [
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
        ];
        let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC;
        spec::make(
            py,
            c"nulltrace.Span",
            size_of::<Object>(),
            flags,
            methods,
            Vec::new(),
            members,
            &slots,
        )
        .map(Bound::unbind)
    })?;
    Ok(made.bind(py))
}
