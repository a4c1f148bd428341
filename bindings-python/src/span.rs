//! `Span`: a span with a number of its own. What it means for contexts is said in `_context.py`, which
//! uses its fields; here are its markers.

use crate::context;
use crate::emit::{self, Texts};
use crate::hooks::hooks;
use crate::marks::Marks;
use crate::path::Path;
use crate::spec::{self, null_on};
use crate::text::Text;
use nulltrace::Id;
use nulltrace::raw::Dir;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// The object. The pointers are owned, or null.
#[repr(C)]
pub(crate) struct Object {
    head: PyObject,
    pub(crate) above: *mut PyObject,
    pub(crate) owner: *mut PyObject,
    pub(crate) tracer: *mut PyObject,
    id: *mut PyObject,
    pub(crate) number: i64,
    pub(crate) key: Py_ssize_t,
    pub(crate) process: c_int,
    open: c_char,
    named: c_char,
    marks: Rc<Marks>,
    /// In place of that of the marks; none if what was given is no id.
    as_id: Option<Id>,
}

/// Numbered spans that are open in this process.
static OPEN: AtomicI64 = AtomicI64::new(0);

/// How many numbered spans are open in this process.
pub(crate) fn open_spans() -> i64 {
    OPEN.load(Relaxed)
}

/// Called in a child of a fork: those of its parent are not its own.
pub(crate) fn forget() {
    OPEN.store(0, Relaxed);
}

impl Object {
    pub(crate) fn is_open(&self) -> bool {
        self.open != 0
    }

    /// Whether others may name it as their parent.
    pub(crate) fn is_named(&self) -> bool {
        self.named != 0
    }

    pub(crate) fn opens(&mut self) {
        OPEN.fetch_add(1, Relaxed);
        (self.open, self.named) = (1, 1);
        self.process = context::process();
    }

    /// Whether its exit is to be written.
    pub(crate) fn closes(&mut self) -> bool {
        let ours = self.process == context::process();
        let written = self.is_named() && ours;
        if self.is_open() && ours {
            OPEN.fetch_sub(1, Relaxed);
        }
        (self.open, self.named) = (0, 0);
        written
    }

    /// The dict's key.
    pub(crate) fn id(&self) -> *mut PyObject {
        self.id
    }
}

/// Writes the marker of an enter. Of a span that is refused nothing is written, and it is no span's parent.
///
/// # Safety
/// `this` is one of ours.
pub(crate) unsafe fn entered(this: *mut PyObject, parent: Option<i64>, texts: &Texts<'_>) {
    // SAFETY: as the caller promises; no Python code runs.
    unsafe {
        if !write(this, Dir::Enter, parent, texts) {
            (*this.cast::<Object>()).named = 0;
        }
    }
}

/// Its exit is known, and not written.
///
/// # Safety
/// `this` is one of ours.
pub(crate) unsafe fn silent(this: *mut PyObject) {
    // SAFETY: as the caller promises.
    unsafe { (*this.cast::<Object>()).named = 0 };
}

/// Writes the marker of an exit.
///
/// # Safety
/// `this` is one of ours.
pub(crate) unsafe fn exited(this: *mut PyObject, texts: &Texts<'_>) {
    // SAFETY: as the caller promises.
    unsafe { write(this, Dir::Exit, None, texts) };
}

/// # Safety
/// `this` is one of ours.
unsafe fn write(this: *mut PyObject, dir: Dir, parent: Option<i64>, texts: &Texts<'_>) -> bool {
    // SAFETY: as the caller promises; no Python code runs.
    let object = unsafe { &*this.cast::<Object>() };
    object
        .as_id
        .is_some_and(|id| object.marks.as_id(dir, id, parent, texts))
}

/// A span of these tags and this id, for the wrappers in Python. It is not begun.
pub(crate) fn of<'py>(
    tags: &Bound<'py, PyAny>,
    id: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let marks = Rc::new(Marks::of_thread(Path::each(tags)?));
    make(tags.py(), marks, emit::id(id), id)
}

/// One with this id, which Python sees as `given`. It is not begun.
///
/// # Errors
/// Those of the interpreter.
pub(crate) fn make<'py>(
    py: Python<'py>,
    marks: Rc<Marks>,
    id: Option<Id>,
    given: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: our type: the object is an `Object`, zeroed, whose `marks` and `as_id` are written
    // before anyone sees it.
    unsafe {
        let this = ffi::PyType_GenericAlloc(class(py)?.as_ptr().cast(), 0 as Py_ssize_t);
        if this.is_null() {
            return Err(PyErr::fetch(py));
        }
        let object = this.cast::<Object>();
        (*object).number = emit::is_unique(id).unwrap_or(0);
        ptr::write(&raw mut (*object).marks, marks);
        (*object).as_id = id;
        (*object).id = given.clone().into_ptr();
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

/// `fresh()`: another span of the same tags, with a number of its own.
unsafe extern "C" fn fresh(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    let py = unsafe { Python::assume_attached() };
    null_on(py, || {
        // SAFETY: as above; the borrow ends before Python code may run.
        let marks = Rc::clone(unsafe { &(*this.cast::<Object>()).marks });
        let number = emit::unique();
        let id = number.into_pyobject(py)?;
        Ok(make(py, marks, Some(Id::Number(number)), id.as_any())?.into_ptr())
    })
}

/// `opens()`: it is open, and others may name it.
unsafe extern "C" fn opens(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, with its lock held.
    unsafe {
        (*this.cast::<Object>()).opens();
        ffi::Py_INCREF(ffi::Py_None());
        ffi::Py_None()
    }
}

/// `closes()`: whether its exit is to be written.
unsafe extern "C" fn closes(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: as `opens`.
    unsafe { ffi::PyBool_FromLong((*this.cast::<Object>()).closes().into()) }
}

/// The arguments of a tracer.
pub(crate) fn texts_of<'py>(args: Option<&Bound<'py, PyAny>>) -> PyResult<Texts<'py>> {
    args.map_or(Ok(Texts::NONE), emit::texts)
}

/// Adds the argument of an exception of this type, if the program has not set it.
///
/// # Errors
/// Only what a program must not lose.
pub(crate) fn add_ending<'py>(kind: &Bound<'py, PyAny>, texts: &mut Texts<'py>) -> PyResult<()> {
    let Some(hooks) = hooks(kind.py()) else {
        return Ok(());
    };
    let ending = hooks.ending.bind(kind.py()).call1((kind,))?;
    let (name, value) = ending
        .get_item(0)?
        .extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
    if let (Some(name), Some(value)) = (Text::of(name)?, Text::of(value)?) {
        let mut given = texts.pairs().iter();
        if name.bytes() != b"error" || !given.any(|(name, _)| name.bytes() == b"error") {
            texts.push((name, value));
        }
    }
    Ok(())
}

unsafe extern "C" fn traverse(
    this: *mut PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: called by the collector with one of ours; a heap type is visited by its objects.
    unsafe {
        let object = this.cast::<Object>();
        spec::visit_each(
            visit,
            arg,
            &[
                ffi::Py_TYPE(this).cast(),
                (*object).above,
                (*object).owner,
                (*object).tracer,
            ],
        )
    }
}

unsafe extern "C" fn clear(this: *mut PyObject) -> c_int {
    // SAFETY: called by the collector, or before the end, with one of ours.
    unsafe {
        let object = this.cast::<Object>();
        spec::clear_each(&[
            &raw mut (*object).above,
            &raw mut (*object).owner,
            &raw mut (*object).tracer,
        ]);
    }
    0
}

unsafe extern "C" fn dealloc(this: *mut PyObject) {
    // SAFETY: called by the interpreter once, with one of ours that is not referenced.
    unsafe {
        ffi::PyObject_GC_UnTrack(this.cast());
        let object = this.cast::<Object>();
        // A program that never ended it has no use for it any more.
        (*object).closes();
        clear(this);
        ffi::Py_XDECREF((*object).id);
        ptr::drop_in_place(&raw mut (*object).marks);
        spec::free(this);
    }
}

pub(crate) fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    use spec::{OR_NONE, fast, member, plain};
    let made = CLASS.get_or_try_init(py, || {
        let methods = vec![
            fast(c"enter", enter, c""),
            fast(c"exit", exit, c""),
            plain(c"fresh", fresh, c""),
            plain(c"opens", opens, c""),
            plain(c"closes", closes, c""),
        ];
        let object = |name, offset| member(name, OR_NONE, offset, false);
        let members = vec![
            object(c"above", offset_of!(Object, above)),
            object(c"owner", offset_of!(Object, owner)),
            object(c"tracer", offset_of!(Object, tracer)),
            member(c"id", OR_NONE, offset_of!(Object, id), true),
            member(c"key", ffi::Py_T_PYSSIZET, offset_of!(Object, key), false),
            member(c"open", ffi::Py_T_BOOL, offset_of!(Object, open), true),
            member(c"named", ffi::Py_T_BOOL, offset_of!(Object, named), true),
        ];
        let slots = [
            (ffi::Py_tp_new, spec::not_made as *mut c_void),
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
