//! A decorated function: a callable that writes a marker before and behind.
//!
//! By the interpreter's own interface too: it is called with a vector of arguments and hands that vector
//! on, where a `#[pyclass]` makes a tuple and a dict for each call.

use crate::chain::{self, Begins};
use crate::context;
use crate::emit::{self, Texts};
use crate::fast::Vectorcall;
use crate::hooks::hooks;
use crate::marks::Marks;
use crate::numbered;
use crate::path::Path;
use crate::site::ending;
use crate::span;
use crate::spec::{self, null_on};
use crate::text::Text;
use crate::tracer::may_be_named;
use crate::vector::{Given, pass_on};
use nulltrace::raw::Dir;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use std::cell::RefCell;
use std::ffi::{c_int, c_ulong, c_void};
use std::mem::offset_of;
use std::ptr::{self, null_mut};
use std::rc::Rc;

/// `Py_TPFLAGS_HAVE_VECTORCALL`, the same since 3.9.
const HAVE_VECTORCALL: c_ulong = 1 << 11;

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
    call: Vectorcall,
    dict: *mut PyObject,
    weak: *mut PyObject,
    function: *mut PyObject,
    /// The tracer whose `span()` it is, if that one may be numbered.
    within: *mut PyObject,
    traced: Traced,
}

struct Traced {
    marks: Rc<Marks>,
    /// Its id was given.
    given: bool,
    recursive: bool,
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

unsafe extern "C" fn call(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, which its caller keeps. What it holds does not
    // change, but `function` is let go when the collector breaks a cycle.
    let (traced, function, within) = unsafe {
        let object = this.cast::<Object>();
        (&(*object).traced, (*object).function, (*object).within)
    };
    let given = Given::new(args, count, names);
    if function.is_null() {
        // SAFETY: raises on the thread that holds the interpreter's lock.
        unsafe {
            ffi::PyErr_SetString(ffi::PyExc_ReferenceError, c"the function is gone".as_ptr())
        };
        return null_mut();
    }
    // SAFETY: as above.
    let py = unsafe { Python::assume_attached() };
    let numbered = context::numbered(py);
    let inside = (this as usize, if numbered { context::runner() } else { 0 });
    if !traced.recursive && !come_in(inside) {
        return pass_on(function, given, count);
    }
    let numbered = if traced.given {
        emit::is_unique(traced.marks.id()).is_some()
    } else {
        // SAFETY: a tracer, or null.
        numbered || unsafe { may_be_named(within) }
    };
    if numbered && emit::on() {
        let result = null_on(py, || {
            call_numbered(py, traced, function, within, given, count)
        });
        if !traced.recursive {
            go_out(inside);
        }
        return result;
    }
    let process = context::process();
    // Without arguments of its own nothing but the function can fail.
    if traced.enter_plan.is_empty() && traced.exit_plan.is_empty() {
        traced.marks.bare(Dir::Enter);
        let result = pass_on(function, given, count);
        let result = if context::process() != process {
            // The span is that of the parent of a fork, which ends it.
            result
        } else if result.is_null() {
            null_on(py, || fail(py, traced).map(|()| null_mut()))
        } else {
            traced.marks.bare(Dir::Exit);
            result
        };
        if !traced.recursive {
            go_out(inside);
        }
        return result;
    }
    let result = null_on(py, || call_planned(py, traced, function, given, count));
    if !traced.recursive {
        go_out(inside);
    }
    result
}

/// A call with arguments in its markers, and the thread's id.
fn call_planned(
    py: Python<'_>,
    traced: &Traced,
    function: *mut PyObject,
    given: Given,
    count: usize,
) -> PyResult<*mut PyObject> {
    let process = context::process();
    traced.planned(Dir::Enter, given, null_mut())?;
    let result = pass_on(function, given, count);
    if context::process() != process {
        return Ok(result);
    }
    if result.is_null() {
        fail(py, traced)?;
    } else if let Err(error) = traced.planned(Dir::Exit, given, result) {
        // SAFETY: owned.
        unsafe { ffi::Py_DECREF(result) };
        return Err(error);
    }
    Ok(result)
}

/// A call whose span has a number of its own, if it turns out to be needed.
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
    let result = pass_on(function, given, count);
    if result.is_null() {
        return fail_with(py, |last| {
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
fn fail(py: Python<'_>, traced: &Traced) -> PyResult<()> {
    fail_with(py, |last| {
        traced.marks.with(Dir::Exit, last);
        Ok(())
    })
}

/// Has `end` end the span with the argument of the exception that was raised.
///
/// # Errors
/// As `fail`.
#[cold]
fn fail_with(py: Python<'_>, end: impl FnOnce(&Texts<'_>) -> PyResult<()>) -> PyResult<()> {
    let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
    // SAFETY: takes the exception out and puts it back; the type is alive meanwhile. PyErr_Fetch is in
    // every interpreter; what took its place is not in 3.9.
    unsafe {
        ffi::PyErr_Fetch(&mut kind, &mut value, &mut traceback);
        let last = if kind.is_null() {
            None
        } else {
            ending(py, kind).ok()
        };
        let done = span::texts_of(None, last).and_then(|last| end(&last));
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

/// A call with a tuple and a dict.
unsafe extern "C" fn call_slow(
    this: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, a tuple, and a dict or null; all borrowed
    // items are alive as long as these.
    unsafe {
        let count = ffi::PyTuple_Size(args);
        let mut all: Vec<*mut PyObject> = (0..count)
            .map(|index| ffi::PyTuple_GetItem(args, index))
            .collect();
        let mut names = None;
        if !kwargs.is_null() && ffi::PyDict_Size(kwargs) > 0 {
            let py = Python::assume_attached();
            let (mut at, mut name, mut value) = (0, null_mut(), null_mut());
            let mut found = Vec::new();
            while ffi::PyDict_Next(kwargs, &mut at, &mut name, &mut value) != 0 {
                found.push(Bound::from_borrowed_ptr(py, name));
                all.push(value);
            }
            match PyTuple::new(py, found) {
                Ok(tuple) => names = Some(tuple),
                Err(error) => {
                    spec::raise(py, error);
                    return null_mut();
                }
            }
        }
        let names = names.as_ref().map_or(null_mut(), Bound::as_ptr);
        call(
            this,
            all.as_ptr(),
            usize::try_from(count).unwrap_or(0),
            names,
        )
    }
}

/// The method of an object that a function of its class is.
unsafe extern "C" fn bind(
    this: *mut PyObject,
    object: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, and an object or null.
    unsafe {
        let py = Python::assume_attached();
        if object.is_null() || object == ffi::Py_None() {
            ffi::Py_INCREF(this);
            return this;
        }
        null_on(py, || {
            let (this, object) = (
                Bound::from_borrowed_ptr(py, this),
                Bound::from_borrowed_ptr(py, object),
            );
            match hooks(py) {
                Some(hooks) => Ok(hooks.method.bind(py).call1((this, object))?.into_ptr()),
                None => Ok(this.into_ptr()),
            }
        })
    }
}

unsafe extern "C" fn get_dict(this: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours; a new dict is owned by it.
    unsafe {
        let object = this.cast::<Object>();
        if (*object).dict.is_null() {
            (*object).dict = ffi::PyDict_New();
        }
        ffi::Py_XINCREF((*object).dict);
        (*object).dict
    }
}

/// An attribute of the function itself.
macro_rules! of_function {
    ($name:ident, $attribute:literal) => {
        unsafe extern "C" fn $name(this: *mut PyObject, _: *mut c_void) -> *mut PyObject {
            // SAFETY: called by the interpreter with one of ours, whose function is alive.
            unsafe {
                ffi::PyObject_GetAttrString((*this.cast::<Object>()).function, $attribute.as_ptr())
            }
        }
    };
}
of_function!(get_code, c"__code__");
of_function!(get_defaults, c"__defaults__");
of_function!(get_kwdefaults, c"__kwdefaults__");
of_function!(get_globals, c"__globals__");

unsafe extern "C" fn reduce(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours. It is found by its name, as a function is.
    unsafe { ffi::PyObject_GetAttrString(this, c"__qualname__".as_ptr()) }
}

unsafe extern "C" fn show(this: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    unsafe {
        let py = Python::assume_attached();
        null_on(py, || {
            let function = Bound::from_borrowed_ptr_or_opt(py, (*this.cast::<Object>()).function);
            let function = function.unwrap_or_else(|| py.None().into_bound(py));
            Ok(format!("<traced {}>", function.repr()?)
                .into_pyobject(py)?
                .into_ptr())
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
                (*object).dict,
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
        spec::clear_each(&[
            &raw mut (*object).dict,
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
        if !(*object).weak.is_null() {
            ffi::PyObject_ClearWeakRefs(this);
        }
        clear(this);
        ptr::drop_in_place(&raw mut (*object).traced);
        spec::free(this);
    }
}

fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    use spec::{getter, member, plain};
    let made = CLASS.get_or_try_init(py, || {
        let methods = vec![plain(c"__reduce__", reduce, c"")];
        let getters = vec![
            getter(c"__dict__", get_dict, None),
            getter(c"__code__", get_code, None),
            getter(c"__defaults__", get_defaults, None),
            getter(c"__kwdefaults__", get_kwdefaults, None),
            getter(c"__globals__", get_globals, None),
        ];
        let place = |name, offset| member(name, ffi::Py_T_PYSSIZET, offset, true);
        let members = vec![
            place(c"__vectorcalloffset__", offset_of!(Object, call)),
            place(c"__dictoffset__", offset_of!(Object, dict)),
            place(c"__weaklistoffset__", offset_of!(Object, weak)),
        ];
        let slots = [
            (ffi::Py_tp_new, spec::not_made as *mut c_void),
            (ffi::Py_tp_call, call_slow as *mut c_void),
            (ffi::Py_tp_descr_get, bind as *mut c_void),
            (ffi::Py_tp_repr, show as *mut c_void),
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
        ];
        // A method is called without making a bound one first.
        let flags = ffi::Py_TPFLAGS_DEFAULT
            | ffi::Py_TPFLAGS_HAVE_GC
            | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR
            | HAVE_VECTORCALL;
        spec::make(
            py,
            c"nulltrace.Function",
            size_of::<Object>(),
            flags,
            methods,
            getters,
            members,
            &slots,
        )
        .map(Bound::unbind)
    })?;
    Ok(made.bind(py))
}

/// Makes one.
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
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let marks = Rc::new(Marks::new(Path::each(tags)?, emit::id(id)));
    let given = !id.is_none();
    let [enter_plan, exit_plan] = if marks.refused() {
        // Nothing is ever written.
        [Vec::new(), Vec::new()]
    } else {
        [read(plans[0])?, read(plans[1])?]
    };
    let traced = Traced {
        marks,
        given,
        recursive,
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
        ptr::write(&raw mut (*object).call, call);
        ptr::write(&raw mut (*object).traced, traced);
        (*object).function = function.clone().into_ptr();
        if !within.is_none() {
            (*object).within = within.clone().into_ptr();
        }
        Ok(Bound::from_owned_ptr(py, this))
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
