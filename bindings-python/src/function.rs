//! What the code of a traced function calls (`_functions.py`): it calls the function that is traced, and writes a
//! marker before and behind.
//!
//! By the interpreter's own interface too: it is called with a vector of arguments and hands that vector
//! on, where a `#[pyclass]` makes a tuple and a dict for each call.

use crate::chain::{self, Begins};
use crate::context;
use crate::depth::{self, Way};
use crate::emit::{self, Texts};
use crate::fast::Vectorcall;
use crate::hooks::{hooks, is_function};
use crate::marks::Marks;
use crate::numbered;
use crate::path::Path;
use crate::plain;
use crate::span;
use crate::spec::{self, null_on};
use crate::switch;
use crate::text::{Text, swallow};
use crate::tracer::{self, may_be_named};
use crate::vector::{Given, pass_on};
use nulltrace::raw::Dir;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr::{self, null_mut};
use std::rc::Rc;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

thread_local! {
    /// The calls that this thread is inside: the function, and the greenlet that runs it, since greenlets
    /// change places on one thread. Of a recursion only the outermost call is a span.
    static INSIDE: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
}

/// Called in a child of a fork: it is not inside the calls of its parent.
pub(crate) fn forget() {
    INSIDE.with(|inside| {
        if let Ok(mut inside) = inside.try_borrow_mut() {
            inside.clear();
        }
    });
}

/// The object. The pointers are owned, or null.
#[repr(C)]
struct Object {
    head: PyObject,
    /// All that it was made of, as a tuple: for pickles.
    spec: *mut PyObject,
    function: *mut PyObject,
    /// The tracer whose `span()` it is, if that one may be numbered.
    within: *mut PyObject,
    traced: Traced,
}

struct Traced {
    marks: Rc<Marks>,
    /// Its markers without arguments.
    enter: Box<[u8]>,
    exit: Box<[u8]>,
    /// Nothing is to be looked at but where the call is: neither arguments nor an id nor another tracer.
    simple: Cell<bool>,
    /// Its id was given.
    given: bool,
    recursive: bool,
    /// What serves the function's vectors, if it is one of Python.
    direct: Option<Vectorcall>,
    enter_plan: Vec<Planned>,
    exit_plan: Vec<Planned>,
}

/// An argument of a call: see `Plan` in `_shared.py`.
struct Planned {
    name: Py<PyAny>,
    index: Option<isize>,
    key: Option<Py<PyAny>>,
    value: Value,
}

enum Value {
    Missing,
    Returned,
    Constant(Py<PyAny>),
}

fn texts<'py>(
    py: Python<'py>,
    plan: &[Planned],
    given: Given,
    returned: *mut PyObject,
) -> PyResult<Texts<'py>> {
    let mut found = Texts::NONE;
    for planned in plan {
        let given = planned.index.and_then(|index| given.at(index)).or_else(|| {
            planned
                .key
                .as_ref()
                .and_then(|key| given.named(key.as_ptr()))
        });
        let value = match (&planned.value, given) {
            (_, Some(given)) => given,
            (Value::Constant(constant), None) => constant.as_ptr(),
            (Value::Returned, None) => returned,
            (Value::Missing, None) => null_mut(),
        };
        // SAFETY: an argument of the call, a constant or the result, alive during the call; or null.
        if let Some(value) = unsafe { Bound::from_borrowed_ptr_or_opt(py, value) }
            && let (Some(name), Some(value)) =
                (Text::of(planned.name.bind(py).clone())?, Text::of(value)?)
        {
            found.push((name, value));
        }
    }
    Ok(found)
}

impl Traced {
    /// Calls the function.
    #[inline(always)]
    fn pass_on(&self, function: *mut PyObject, given: Given, count: usize) -> *mut PyObject {
        match self.direct {
            // SAFETY: a function of Python, and the arguments of this call as they were given.
            Some(direct) => unsafe { direct(function, given.args, count, given.names) },
            None => pass_on(function, given, count),
        }
    }

    fn planned(&self, dir: Dir, given: Given, returned: *mut PyObject) -> PyResult<()> {
        let plan = match dir {
            Dir::Enter => &self.enter_plan,
            Dir::Exit => &self.exit_plan,
        };
        if plan.is_empty() {
            self.marks.bare(dir);
        } else {
            // SAFETY: called with the interpreter's lock held.
            self.marks.with(
                dir,
                &texts(unsafe { Python::assume_attached() }, plan, given, returned)?,
            );
        }
        Ok(())
    }
}

/// `call`: what the one line of code of a traced function calls. A method, since the interpreter calls those of this
/// kind without detours.
unsafe extern "C" fn call(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: as the interpreter promises.
    depth::within_limits(Way::ByCode, || unsafe { run(this, args, count, names) })
}

/// A call.
///
/// # Safety
/// `this` is one of ours, which the caller keeps, and the rest the vector of a call.
pub(crate) unsafe fn run(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as the caller promises. What it holds does not change, but `function` is let go when the collector
    // breaks a cycle.
    let (traced, function, within) = unsafe {
        let object = this.cast::<Object>();
        (&(*object).traced, (*object).function, (*object).within)
    };
    let given = Given::new(args, count, names);
    // SAFETY: called with the interpreter's lock held.
    let py = unsafe { Python::assume_attached() };
    if traced.simple.get() && switch::is_on() && context::quiet(py) {
        return call_plain(py, traced, function, given, count);
    }
    if function.is_null() {
        // SAFETY: raises on the thread that holds the interpreter's lock.
        unsafe {
            ffi::PyErr_SetString(ffi::PyExc_ReferenceError, c"the function is gone".as_ptr())
        };
        return null_mut();
    }
    if !switch::is_on() {
        return traced.pass_on(function, given, count);
    }
    let numbered = context::numbered(py);
    if traced.recursive {
        return call_each(py, traced, function, within, given, count, numbered);
    }
    let inside = (this as usize, if numbered { context::runner() } else { 0 });
    if !come_in(inside) {
        return traced.pass_on(function, given, count);
    }
    let result = call_each(py, traced, function, within, given, count, numbered);
    go_out(inside);
    result
}

/// A call that is a span.
#[inline(always)]
fn call_each(
    py: Python<'_>,
    traced: &Traced,
    function: *mut PyObject,
    within: *mut PyObject,
    given: Given,
    count: usize,
    numbered: bool,
) -> *mut PyObject {
    let numbered = if traced.given {
        emit::is_unique(traced.marks.id()).is_some()
    } else {
        // SAFETY: a tracer, or null.
        numbered || unsafe { may_be_named(within) }
    };
    if numbered {
        return null_on(py, || {
            call_numbered(py, traced, function, within, given, count)
        });
    }
    // Without arguments of its own nothing but the function can fail.
    if !traced.enter_plan.is_empty() || !traced.exit_plan.is_empty() {
        return null_on(py, || call_planned(py, traced, function, given, count));
    }
    call_plain(py, traced, function, given, count)
}

/// A call without arguments in its markers, and with the thread's id.
#[inline(always)]
fn call_plain(
    py: Python<'_>,
    traced: &Traced,
    function: *mut PyObject,
    given: Given,
    count: usize,
) -> *mut PyObject {
    let process = context::process();
    emit::write(&traced.enter);
    let result = traced.pass_on(function, given, count);
    if context::process() != process {
        // The span is that of the parent of a fork, which ends it.
        return result;
    }
    if result.is_null() {
        return null_on(py, || fail(py, traced, given).map(|()| null_mut()));
    }
    emit::write(&traced.exit);
    result
}

/// A call with arguments in its markers, and the thread's id.
#[inline(never)]
fn call_planned(
    py: Python<'_>,
    traced: &Traced,
    function: *mut PyObject,
    given: Given,
    count: usize,
) -> PyResult<*mut PyObject> {
    let process = context::process();
    traced.planned(Dir::Enter, given, null_mut())?;
    let result = traced.pass_on(function, given, count);
    if context::process() != process {
        return Ok(result);
    }
    if result.is_null() {
        fail(py, traced, given)?;
    } else if let Err(error) = traced.planned(Dir::Exit, given, result) {
        // SAFETY: owned.
        unsafe { ffi::Py_DECREF(result) };
        return Err(error);
    }
    Ok(result)
}

/// A call whose span has a number of its own, if it turns out to be needed.
#[inline(never)]
fn call_numbered(
    py: Python<'_>,
    traced: &Traced,
    function: *mut PyObject,
    within: *mut PyObject,
    given: Given,
    count: usize,
) -> PyResult<*mut PyObject> {
    let id = if traced.given {
        emit::is_unique(traced.marks.id())
    } else {
        None
    };
    let begins = Begins {
        owner: null_mut(),
        tracer: null_mut(),
        within,
        always: false,
    };
    let begun = texts(py, &traced.enter_plan, given, null_mut())?;
    let Some(span) = numbered::begin(py, Rc::clone(&traced.marks), id, begins, &begun)? else {
        return call_planned(py, traced, function, given, count);
    };
    let result = traced.pass_on(function, given, count);
    if result.is_null() {
        return fail_with(py, traced, given, |last| {
            if chain::close(&span)? {
                // SAFETY: what `begin` gave.
                unsafe { span::exited(span.as_ptr(), last) };
            }
            Ok(())
        })
        .map(|()| result);
    }
    let ended = chain::close(&span).and_then(|written| {
        if written {
            let ended = texts(py, &traced.exit_plan, given, result)?;
            // SAFETY: what `begin` gave.
            unsafe { span::exited(span.as_ptr(), &ended) };
        }
        Ok(())
    });
    if let Err(error) = ended {
        // SAFETY: owned.
        unsafe { ffi::Py_DECREF(result) };
        return Err(error);
    }
    Ok(result)
}

/// Whether this thread, or greenlet, was outside.
#[inline]
fn come_in(call: (usize, usize)) -> bool {
    INSIDE.with_borrow_mut(|inside| {
        let outside = !inside.contains(&call);
        if outside {
            inside.push(call);
        }
        outside
    })
}

#[inline]
fn go_out(call: (usize, usize)) {
    INSIDE.with_borrow_mut(|inside| {
        // Mostly the last; not where greenlets change places on one thread. None in a child of a fork.
        if let Some(at) = inside.iter().rposition(|&other| other == call) {
            inside.swap_remove(at);
        }
    });
}

/// Ends the span of a call that raised; the exception stays as it is.
///
/// # Errors
/// Only what a program must not lose: it takes the place of the exception.
#[cold]
fn fail(py: Python<'_>, traced: &Traced, given: Given) -> PyResult<()> {
    fail_with(py, traced, given, |last| {
        traced.marks.with(Dir::Exit, last);
        Ok(())
    })
}

/// Has `end` end the span with the argument of the exception that was raised.
///
/// # Errors
/// As `fail`.
#[cold]
fn fail_with(
    py: Python<'_>,
    traced: &Traced,
    given: Given,
    end: impl FnOnce(&Texts<'_>) -> PyResult<()>,
) -> PyResult<()> {
    let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
    // SAFETY: takes the exception out and puts it back; the type is alive meanwhile. PyErr_Fetch is in
    // every interpreter; what took its place is not in 3.9.
    unsafe {
        ffi::PyErr_Fetch(&mut kind, &mut value, &mut traceback);
        let done = texts(py, &traced.exit_plan, given, null_mut()).and_then(|mut last| {
            if let Some(kind) = Borrowed::from_ptr_or_opt(py, kind)
                && let Err(error) = span::add_ending(&kind, &mut last)
            {
                swallow(py, error)?;
            }
            end(&last)
        });
        if done.is_ok() {
            ffi::PyErr_Restore(kind, value, traceback);
        } else {
            for taken in [kind, value, traceback] {
                ffi::Py_XDECREF(taken);
            }
        }
        done
    }
}

unsafe extern "C" fn reduce(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, whose tuple is kept, or was let go.
    unsafe {
        let py = Python::assume_attached();
        null_on(py, || {
            let spec = Bound::from_borrowed_ptr_or_opt(py, (*this.cast::<Object>()).spec);
            let function = hooks(py).map(|hooks| hooks.function.bind(py));
            Ok((function, spec).into_pyobject(py)?.into_ptr())
        })
    }
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
                (*object).spec,
                (*object).function,
                (*object).within,
            ],
        )
    }
}

unsafe extern "C" fn clear(this: *mut PyObject) -> c_int {
    // SAFETY: called by the collector, or before the end, with one of ours.
    unsafe {
        let object = this.cast::<Object>();
        (*object).traced.simple.set(false);
        spec::clear_each(&[
            &raw mut (*object).spec,
            &raw mut (*object).function,
            &raw mut (*object).within,
        ]);
    }
    0
}

unsafe extern "C" fn dealloc(this: *mut PyObject) {
    // SAFETY: called by the interpreter once, with one of ours that is not referenced.
    unsafe {
        ffi::PyObject_GC_UnTrack(this.cast());
        let object = this.cast::<Object>();
        clear(this);
        ptr::drop_in_place(&raw mut (*object).traced);
        spec::free(this);
    }
}

fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MADE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    use spec::{fast_with_names, plain};
    let made = MADE.get_or_try_init(py, || {
        let methods = vec![
            fast_with_names(c"call", call, c""),
            plain(c"__reduce__", reduce, c""),
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
            c"nulltrace.Function",
            size_of::<Object>(),
            flags,
            methods,
            Vec::new(),
            Vec::new(),
            &slots,
        )
        .map(|class| {
            CLASS.store(class.as_ptr().cast(), Relaxed);
            class.unbind()
        })
    })?;
    Ok(made.bind(py))
}

/// Whether it is one.
#[inline(always)]
pub(crate) fn is_ours(object: *mut PyObject) -> bool {
    // SAFETY: an object that is alive.
    unsafe { ffi::Py_TYPE(object) == CLASS.load(Relaxed) }
}

/// The type, borrowed; it is there for ever. Null before it is made.
static CLASS: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(null_mut());

/// Makes one; none if no marker can say this.
///
/// # Errors
/// Those of the interpreter, and of a plan that `_shared.plan` did not make.
pub(crate) fn make<'py>(
    function: &Bound<'py, PyAny>,
    tags: &Bound<'py, PyAny>,
    id: &Bound<'py, PyAny>,
    plans: [&Bound<'py, PyAny>; 2],
    recursive: bool,
    within: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = function.py();
    let marks = Rc::new(Marks::new(Path::each(tags)?, emit::id(id)));
    if marks.refused() {
        return Ok(None);
    }
    let given = !id.is_none();
    let [enter_plan, exit_plan] = [read(plans[0])?, read(plans[1])?];
    let spec = (function, tags, id, plans[0], plans[1], recursive, within).into_pyobject(py)?;
    let traced = Traced {
        enter: marks.bytes(Dir::Enter).into(),
        exit: marks.bytes(Dir::Exit).into(),
        marks,
        simple: Cell::new(
            recursive
                && !given
                && within.is_none()
                && enter_plan.is_empty()
                && exit_plan.is_empty(),
        ),
        given,
        recursive,
        direct: plain::plain().filter(|_| is_function(function)),
        enter_plan,
        exit_plan,
    };
    // SAFETY: our type: the object is an `Object`, zeroed, all of which is written before anyone sees it.
    unsafe {
        let this = ffi::PyType_GenericAlloc(class(py)?.as_ptr().cast(), 0 as Py_ssize_t);
        if this.is_null() {
            return Err(PyErr::fetch(py));
        }
        let object = this.cast::<Object>();
        ptr::write(&raw mut (*object).traced, traced);
        (*object).function = function.clone().into_ptr();
        if tracer::is_ours(within.as_ptr()) {
            (*object).within = within.clone().into_ptr();
        }
        (*object).spec = spec.into_ptr();
        Bound::from_owned_ptr(py, this).getattr("call").map(Some)
    }
}

fn read(plan: &Bound<'_, PyAny>) -> PyResult<Vec<Planned>> {
    let py = plan.py();
    let Some(hooks) = hooks(py) else {
        return Ok(Vec::new());
    };
    plan.try_iter()?
        .map(|planned| {
            let (name, index, key, value): (_, _, _, Bound<'_, PyAny>) = planned?.extract()?;
            let value = if value.is(&hooks.missing) {
                Value::Missing
            } else if value.is(&hooks.returned) {
                Value::Returned
            } else {
                Value::Constant(value.unbind())
            };
            Ok(Planned {
                name,
                index,
                key,
                value,
            })
        })
        .collect()
}
