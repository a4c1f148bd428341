//! Where a span has to be numbered: the native half of `_context.py`.
//!
//! All of it is asked before each span, so the answer for plain code is one comparison: as long as no more
//! modules are imported than when there was neither an event loop nor a greenlet, there is none now.

use crate::fast::fast;
use crate::hooks::hooks;
use crate::spec;
use crate::vector::{Given, pass_on};
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use std::cell::UnsafeCell;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, AtomicIsize, AtomicPtr, Ordering::Relaxed};

/// `expected` of `_context.py`.
static EXPECTED: AtomicIsize = AtomicIsize::new(-1);
/// The dict of imported modules; owned. Null before `start`.
static MODULES: AtomicPtr<PyObject> = AtomicPtr::new(null_mut());
/// Where the size of that dict is; or a number that is expected only when nothing is ever written.
static SIZE: AtomicPtr<Py_ssize_t> = AtomicPtr::new((&raw const NEVER).cast_mut());
static NEVER: Py_ssize_t = -2;
/// Another number in each child of a fork.
static PROCESS: AtomicI32 = AtomicI32::new(0);

struct State(UnsafeCell<Probes>);

/// The functions are owned, or null.
struct Probes {
    seen: Py_ssize_t,
    used: bool,
    running_loop: *mut PyObject,
    getcurrent: *mut PyObject,
    in_trio: *mut PyObject,
}

static STATE: State = State(UnsafeCell::new(Probes {
    seen: -1,
    used: false,
    running_loop: null_mut(),
    getcurrent: null_mut(),
    in_trio: null_mut(),
}));

// SAFETY: it is used with the interpreter's lock held only, and no Python code runs while it is borrowed.
unsafe impl Sync for State {}

/// Prepares what is asked later.
pub(crate) fn start(_: Python<'_>) {
    // SAFETY: the interpreter's dict, which is kept.
    unsafe {
        let modules = ffi::PyImport_GetModuleDict();
        ffi::Py_XINCREF(modules);
        MODULES.store(modules, Relaxed);
        if size_is_in_place() {
            SIZE.store(size_of_dict(modules), Relaxed);
        }
    }
}

/// The size of a dict is the word behind the head of an object, in every CPython since 3.6. The stable
/// interface has a function for it, whose call is most of what asking costs.
fn size_of_dict(dict: *mut PyObject) -> *mut Py_ssize_t {
    dict.wrapping_add(1).cast()
}

/// Whether this interpreter's dicts prove that.
fn size_is_in_place() -> bool {
    // SAFETY: dicts that are made and let go here, or null; one has more words than its head.
    unsafe {
        let dict = ffi::PyDict_New();
        let mut proven = !dict.is_null();
        for size in 0..20 {
            let wanted = (size, size);
            proven = proven && (ffi::PyDict_Size(dict), *size_of_dict(dict)) == wanted;
            let key = ffi::PyLong_FromSsize_t(size);
            proven = proven && !key.is_null() && ffi::PyDict_SetItem(dict, key, key) == 0;
            ffi::Py_XDECREF(key);
        }
        ffi::PyErr_Clear();
        ffi::Py_XDECREF(dict);
        proven
    }
}

/// Another number in each child of a fork.
#[inline(always)]
pub(crate) fn process() -> i32 {
    PROCESS.load(Relaxed)
}

/// Called in a child of a fork: it is another process.
pub(crate) fn forked() {
    PROCESS.fetch_add(1, Relaxed);
}

/// From now on a context may have a span.
pub(crate) fn watch(_: Python<'_>) {
    // SAFETY: see `Sync`.
    unsafe { (*STATE.0.get()).used = true };
    EXPECTED.store(-1, Relaxed);
}

/// Whether all code is plain: nothing is imported that would make it otherwise.
#[inline(always)]
pub(crate) fn quiet(_: Python<'_>) -> bool {
    // SAFETY: a word of a dict that is kept, or of a static; the interpreter's lock is held.
    let size = unsafe { SIZE.load(Relaxed).read() };
    size == EXPECTED.load(Relaxed)
}

/// Whether a span that begins here may have to be numbered.
#[inline(always)]
pub(crate) fn numbered(py: Python<'_>) -> bool {
    !quiet(py) && probe(py)
}

#[inline(never)]
fn probe(py: Python<'_>) -> bool {
    // SAFETY: the interpreter's lock is held. What is called is copied before, and kept for ever; a null
    // dict is answered by -1 and an error.
    unsafe {
        let size = ffi::PyDict_Size(MODULES.load(Relaxed));
        if size < 0 {
            ffi::PyErr_Clear();
            return false;
        }
        if (*STATE.0.get()).seen != size {
            ask_again(py, size);
        }
        let state = &*STATE.0.get();
        let probes = [state.running_loop, state.getcurrent, state.in_trio];
        if !state.used && probes.iter().all(|probe| probe.is_null()) {
            EXPECTED.store(state.seen, Relaxed);
            return false;
        }
        EXPECTED.store(-1, Relaxed);
        (state.used && in_context(py)) || in_task()
    }
}

/// Whether this runs in a task, a callback of an event loop, or a greenlet; as far as it was probed.
pub(crate) fn in_task() -> bool {
    // SAFETY: the interpreter's lock is held. What is called is copied before, and kept for ever.
    unsafe {
        let state = &*STATE.0.get();
        let (running_loop, getcurrent, in_trio) =
            (state.running_loop, state.getcurrent, state.in_trio);
        answer(running_loop).is_some_and(|it| it.as_ptr() != ffi::Py_None())
            || answer(getcurrent).is_some_and(|it| has_parent(&it))
            || answer(in_trio).is_some_and(|it| it.as_ptr() == ffi::Py_True())
    }
}

/// Takes the functions of the modules that are imported now.
#[cold]
fn ask_again(py: Python<'_>, size: Py_ssize_t) {
    let asked = hooks(py).map(|hooks| {
        let found = hooks.probes.bind(py).call0()?;
        let (probes, whole): ([Option<Py<PyAny>>; 3], bool) = found.extract()?;
        Ok::<_, PyErr>((probes, whole))
    });
    match asked {
        Some(Ok((probes, whole))) => {
            // Never let go: one may be in use just now. There are few, since modules are imported once.
            let [running_loop, getcurrent, in_trio] =
                probes.map(|probe| probe.map_or(null_mut(), Py::into_ptr));
            // SAFETY: see `Sync`.
            let state = unsafe { &mut *STATE.0.get() };
            (state.running_loop, state.getcurrent, state.in_trio) =
                (running_loop, getcurrent, in_trio);
            state.seen = if whole { size } else { -1 };
        }
        Some(Err(error)) => spec::end(py, error, |_, error| drop(error)),
        None => {}
    }
}

/// What a function without arguments gives; none if it is null or raises.
unsafe fn answer<'py>(function: *mut PyObject) -> Option<Bound<'py, PyAny>> {
    if function.is_null() {
        return None;
    }
    // SAFETY: a callable, and no arguments; the result is owned, or null and an error.
    unsafe {
        let py = Python::assume_attached();
        let found = pass_on(function, Given::new(null(), 0, null_mut()), 0);
        if found.is_null() {
            ffi::PyErr_Clear();
        }
        Bound::from_owned_ptr_or_opt(py, found)
    }
}

/// The main greenlet of a thread has none.
fn has_parent(greenlet: &Bound<'_, PyAny>) -> bool {
    // SAFETY: an object that is alive, and a name; the result is owned, or null and an error.
    unsafe {
        let parent = ffi::PyObject_GetAttrString(greenlet.as_ptr(), c"parent".as_ptr());
        if parent.is_null() {
            ffi::PyErr_Clear();
            return false;
        }
        ffi::Py_DECREF(parent);
        parent != ffi::Py_None()
    }
}

/// Whether the context has a span.
fn in_context(py: Python<'_>) -> bool {
    let Some(hooks) = hooks(py) else {
        return false;
    };
    let mut found = null_mut();
    if let Some(get) = fast().context_get {
        // SAFETY: a variable of contexts; what is found is owned, or null and an error.
        unsafe {
            if get(hooks.current.as_ptr(), null_mut(), &mut found) < 0 {
                ffi::PyErr_Clear();
            }
            // Its default is None.
            ffi::Py_XDECREF(found);
            return !found.is_null() && found != ffi::Py_None();
        }
    }
    match hooks.current.bind(py).call_method0("get") {
        Ok(found) => !found.is_none(),
        Err(error) => {
            spec::end(py, error, |_, error| drop(error));
            false
        }
    }
}

/// What runs on this thread: the address of the greenlet; 0 if it is the main one, or there is none.
#[inline]
pub(crate) fn runner() -> usize {
    // SAFETY: see `Sync`; the function is kept for ever.
    unsafe {
        let getcurrent = (*STATE.0.get()).getcurrent;
        answer(getcurrent)
            .filter(has_parent)
            .map_or(0, |greenlet| greenlet.as_ptr() as usize)
    }
}
