//! `Tracer`: a span's tags, id and arguments.
//!
//! A type by the interpreter's own interface: a `#[pyclass]` on the interface of 3.9 takes a tuple for
//! each `__exit__`, and its `__new__` cannot return a function for `@Tracer`.

mod attributes;

use crate::chain::{self, Begins};
use crate::context;
use crate::emit;
use crate::hooks::hooks;
use crate::known;
use crate::marks::Marks;
use crate::numbered;
use crate::params::Params;
use crate::path::Path;
use crate::span;
use crate::spec::{self, Doc, null_on};
use crate::switch::{self, Notes};
use crate::text::swallow;
use crate::tracer::{
    Object, Site, class_is, has_spans, is_ours, kept, may_be_named, none, site, with_id,
};
use crate::vector::{self, Given, pass_on};
use nulltrace::raw::Dir;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr::{self, null_mut};
use std::rc::Rc;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Begins a span with these arguments.
///
/// # Safety
/// `this` is one of ours, `args` null or an object that is alive.
#[inline(always)]
unsafe fn begin(this: *mut PyObject, args: *mut PyObject) -> PyResult<()> {
    // SAFETY: as the caller promises.
    unsafe {
        let object = this.cast::<Object>();
        let plain = switch::always_on()
            && context::quiet(Python::assume_attached())
            && (*object).id.is_null()
            && (*object).within.is_null()
            && (*object).recorded.is_null();
        if !plain && begin_otherwise(this, args)? {
            return Ok(());
        }
        mark(this, Dir::Enter, args)
    }
}

/// Begins a span that is numbered or silent; false if it has the thread's id here.
///
/// # Safety
/// As `begin`.
#[inline(never)]
unsafe fn begin_otherwise(this: *mut PyObject, args: *mut PyObject) -> PyResult<bool> {
    if switch::always_off() {
        return Ok(true);
    }
    // SAFETY: as the caller promises; no Python code runs while the site is borrowed.
    unsafe {
        if switch::always_on() {
            return Ok(begin_numbered(this, args)? || nested(this)?);
        }
        let unnamed = !site(this).named && site(this).marks.path().ends_empty();
        if unnamed && switch::is_on() {
            // Made while it was off.
            rename_by_line(Python::assume_attached(), this)?;
        }
        Ok(begin_numbered(this, args)? || nested(this)? || !site(this).notes.begin())
    }
}

/// A span with the thread's id begins: what was set in the middle of another is not its own. False.
///
/// # Safety
/// `this` is one of ours.
unsafe fn nested(this: *mut PyObject) -> PyResult<bool> {
    // SAFETY: as the caller promises.
    unsafe {
        let py = Python::assume_attached();
        if let (false, Some(hooks)) = (none((*this.cast::<Object>()).recorded), hooks(py)) {
            let tracer = Bound::from_borrowed_ptr(py, this);
            hooks.nested.bind(py).call1((tracer,))?;
        }
    }
    Ok(false)
}

/// The arguments of an exit, and those that were set in the middle of the span, of this number or with the thread's id.
///
/// # Safety
/// `tracer` is one of ours, `args` null or an object that is alive.
#[cold]
unsafe fn taken<'py>(
    py: Python<'py>,
    tracer: *mut PyObject,
    number: Option<&Bound<'py, PyAny>>,
    args: *mut PyObject,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: as the caller promises.
    let (tracer, args) = unsafe {
        (
            Bound::from_borrowed_ptr(py, tracer),
            Bound::from_borrowed_ptr_or_opt(py, args),
        )
    };
    let Some(hooks) = hooks(py) else {
        return Ok(args);
    };
    let found = hooks.taken.bind(py).call1((tracer, number, args))?;
    Ok((!found.is_none()).then_some(found))
}

/// The last tag is that of the line that calls.
///
/// # Safety
/// `this` is one of ours.
unsafe fn rename_by_line(py: Python<'_>, this: *mut PyObject) -> PyResult<()> {
    let line = line(py)?;
    // SAFETY: as the caller promises; no Python code runs while the site is borrowed.
    unsafe {
        let path = site(this).marks.path().parent().with(line.path());
        site(this).rename(Rc::new(Marks::of_thread(path)));
    }
    Ok(())
}

/// Begins a span with a number of its own, if it is one here.
///
/// # Safety
/// `this` is one of ours, `args` null or an object that is alive.
#[inline(never)]
unsafe fn begin_numbered(this: *mut PyObject, args: *mut PyObject) -> PyResult<bool> {
    // SAFETY: as the caller promises. The path is taken when no more Python code runs that may change it,
    // and kept.
    unsafe {
        let py = Python::assume_attached();
        let object = this.cast::<Object>();
        let mut given = None;
        if !(*object).id.is_null() {
            given = emit::is_unique(site(this).marks.id());
            if given.is_none() {
                return Ok(false);
            }
        } else if !context::numbered(py) && !may_be_named((*object).within) {
            if !context::quiet(py) {
                (*object).plain += 1;
            }
            return Ok(false);
        }
        let args = Bound::from_borrowed_ptr_or_opt(py, args);
        let texts = span::texts_of(args.as_ref().filter(|_| switch::is_on()))?;
        let marks = Rc::clone(&site(this).marks);
        let begins = Begins {
            owner: this,
            tracer: this,
            within: (*object).within,
            always: false,
        };
        let begun = numbered::begin(py, marks, given, begins, &texts)?.is_some();
        if !begun {
            (*object).plain += 1;
        }
        Ok(begun)
    }
}

/// How a span ends.
#[derive(Clone, Copy)]
enum Exit {
    /// As a block, with the type of an exception, or null.
    Block(*mut PyObject),
    /// By `stop` with these arguments; its own if they are null.
    Stop(*mut PyObject),
}

impl Exit {
    /// The arguments of the exit.
    ///
    /// # Safety
    /// `tracer` is one of ours.
    #[inline(always)]
    unsafe fn args(self, tracer: *mut PyObject) -> *mut PyObject {
        match self {
            Self::Stop(args) if !args.is_null() => args,
            // SAFETY: as the caller promises.
            _ => unsafe { (*tracer.cast::<Object>()).exit_args },
        }
    }
}

/// Ends a span.
///
/// # Safety
/// `this` is one of ours; what `exit` has is alive.
#[inline(always)]
unsafe fn end(this: *mut PyObject, exit: Exit) -> PyResult<()> {
    // SAFETY: as the caller promises.
    unsafe {
        if has_spans(this) && end_numbered(this, exit)? {
            return Ok(());
        }
        let object = this.cast::<Object>();
        if (*object).plain > 0 {
            (*object).plain -= 1;
        }
        let block = matches!(exit, Exit::Block(_));
        let mut args = exit.args(this);
        // Kept until it is written.
        let mut _taken = None;
        if !(*object).recorded.is_null() && !none((*object).recorded) {
            _taken = taken(Python::assume_attached(), this, None, args)?;
            args = _taken.as_ref().map_or(null_mut(), Bound::as_ptr);
        }
        if !switch::always_on() && !site(this).notes.end(block) {
            return Ok(());
        }
        match exit {
            Exit::Block(kind) if !kind.is_null() => {
                send(Python::assume_attached(), this, Dir::Exit, args, kind)
            }
            _ => mark(this, Dir::Exit, args),
        }
    }
}

/// Ends a numbered span; false if the exit is that of another.
///
/// # Safety
/// As `end`.
#[inline(never)]
unsafe fn end_numbered(this: *mut PyObject, exit: Exit) -> PyResult<bool> {
    // SAFETY: as the caller promises; what `end` gives is a span of ours, and a tracer.
    unsafe {
        let py = Python::assume_attached();
        let owner = Bound::from_borrowed_ptr(py, this);
        let (span, tracer, written) = match chain::end(&owner, matches!(exit, Exit::Block(_))) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(false),
            Err(error) => return swallow(py, error).map(|()| false),
        };
        let mut args = Bound::from_borrowed_ptr_or_opt(py, exit.args(tracer.as_ptr()));
        for (index, it) in [tracer.as_ptr(), this].into_iter().enumerate() {
            if (index == 0 || it != tracer.as_ptr()) && !none((*it.cast::<Object>()).recorded) {
                let number = span.getattr("id")?;
                let given = args.as_ref().map_or(null_mut(), Bound::as_ptr);
                args = taken(py, it, Some(&number), given)?;
            }
        }
        if written {
            let mut texts = span::texts_of(args.as_ref())?;
            if let Exit::Block(kind) = exit
                && let Some(kind) = Borrowed::from_ptr_or_opt(py, kind)
            {
                span::add_ending(&kind, &mut texts)?;
            }
            span::exited(span.as_ptr(), &texts);
        }
        Ok(true)
    }
}

/// Writes a marker with these arguments.
///
/// # Safety
/// `this` is one of ours, `args` null or an object that is alive.
#[inline(always)]
unsafe fn mark(this: *mut PyObject, dir: Dir, args: *mut PyObject) -> PyResult<()> {
    // SAFETY: as the caller promises; the interpreter's lock is held, and neither runs Python code while
    // the site is borrowed.
    unsafe {
        if args.is_null() {
            site(this).marks.bare(dir);
        } else {
            let py = Python::assume_attached();
            if !site(this).marks.quick(dir, Borrowed::from_ptr(py, args)) {
                return send(py, this, dir, args, null_mut());
            }
        }
    }
    Ok(())
}

/// The same in all cases, and with the argument that an exception of the type `kind` adds, if it is not null.
#[inline(never)]
fn send(
    py: Python<'_>,
    this: *mut PyObject,
    dir: Dir,
    args: *mut PyObject,
    kind: *mut PyObject,
) -> PyResult<()> {
    // SAFETY: null, or an object that is alive; from here on kept.
    let args = unsafe { Bound::from_borrowed_ptr_or_opt(py, args) };
    let mut texts = span::texts_of(args.as_ref())?;
    // SAFETY: null, or a type that is alive.
    if let Some(kind) = unsafe { Borrowed::from_ptr_or_opt(py, kind) } {
        span::add_ending(&kind, &mut texts)?;
    }
    // SAFETY: ours; encoding and writing run no Python code.
    unsafe { site(this) }.marks.with(dir, &texts);
    Ok(())
}

/// A new object of this class. Owns nothing of what it is given but `site`.
fn make(
    py: Python<'_>,
    class: *mut ffi::PyTypeObject,
    made: Site,
    [enter_args, exit_args, id, within]: [*mut PyObject; 4],
) -> PyResult<*mut PyObject> {
    // SAFETY: a class derived from ours: its objects begin with an `Object`, zeroed, whose `site` is
    // written before anyone sees it. What is kept is counted before Python code may run, as it may where
    // memory is asked for.
    unsafe {
        let given = [kept(enter_args), kept(exit_args), kept(id), kept(within)];
        let this = ffi::PyType_GenericAlloc(class, 0);
        if this.is_null() {
            let error = PyErr::fetch(py);
            for object in given {
                ffi::Py_XDECREF(object);
            }
            return Err(error);
        }
        let object = this.cast::<Object>();
        ptr::write(&raw mut (*object).site, made);
        [
            (*object).enter_args,
            (*object).exit_args,
            (*object).id,
            (*object).within,
        ] = given;
        Ok(this)
    }
}

/// Whether `@Tracer` stands before this.
fn decorates(tag: &Bound<'_, PyAny>) -> bool {
    let is_decorated = hooks(tag.py()).map(|hooks| hooks.is_decorated.bind(tag.py()));
    !tag.is_none()
        && is_decorated.is_some_and(|it| {
            it.call1((tag,))
                .is_ok_and(|it| it.is_truthy().unwrap_or(false))
        })
}

/// The tags of a path, or of the line that calls, and whether they were given; none if `tag` is to be
/// decorated.
fn marks(py: Python<'_>, tag: *mut PyObject) -> PyResult<Option<(Rc<Marks>, bool)>> {
    // SAFETY: an argument, or null.
    if let Some(tag) = unsafe { Borrowed::from_ptr_or_opt(py, tag) } {
        if let Some(marks) = known::given(tag)? {
            return Ok(Some((marks, true)));
        }
        if decorates(&tag) {
            return Ok(None);
        }
    }
    line(py).map(|marks| Some((marks, false)))
}

fn line(py: Python<'_>) -> PyResult<Rc<Marks>> {
    let none = || Rc::new(Marks::of_thread(Path::one(b"")));
    // While it is off, lines are not looked up.
    if !switch::is_on() {
        return Ok(none());
    }
    let Some(hooks) = hooks(py) else {
        return Ok(none());
    };
    let here = hooks.here.bind(py).call1((0,))?;
    Ok(known::line(here.as_borrowed()))
}

/// Of a call of the class.
static NEW: Params<5> = Params::new(["tag", "enter_args", "exit_args", "id", "recursive"], 3);
static START: Params<2> = Params::new(["tag", "args"], 2);
static STOP: Params<1> = Params::new(["args"], 1);
static SPAN: Params<3> = Params::new(["tag", "enter_args", "exit_args"], 3);

/// What calls of the class give: a tracer, or a function that is traced.
fn create(
    py: Python<'_>,
    class: *mut ffi::PyTypeObject,
    [tag, enter_args, exit_args, id, recursive]: [*mut PyObject; 5],
) -> PyResult<*mut PyObject> {
    // SAFETY: an argument, or null.
    let recursive = recursive.is_null()
        || match unsafe { ffi::PyObject_IsTrue(recursive) } {
            -1 => return Err(PyErr::fetch(py)),
            is => is == 1,
        };
    if let Some((mut marks, named)) = marks(py, tag)? {
        // SAFETY: an argument, or null.
        if let Some(id) = unsafe { Bound::from_borrowed_ptr_or_opt(py, id) } {
            marks = with_id(marks, emit::id(&id));
        }
        let site = Site {
            marks,
            named,
            recursive,
            notes: Notes::default(),
        };
        return make(py, class, site, [enter_args, exit_args, id, null_mut()]);
    }
    // SAFETY: a class, and arguments or null.
    unsafe {
        let class = Bound::from_borrowed_ptr(py, class.cast());
        let none = || py.None().into_bound(py);
        let or_none = |given| Bound::from_borrowed_ptr_or_opt(py, given).unwrap_or_else(none);
        let function = (
            or_none(tag),
            none(),
            or_none(id),
            or_none(enter_args),
            or_none(exit_args),
            recursive,
        );
        Ok(class.call_method1("_decorate", function)?.into_ptr())
    }
}

unsafe extern "C" fn new(
    class: *mut ffi::PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with a tuple, and a dict or null.
    let py = unsafe { Python::assume_attached() };
    null_on(py, || {
        // SAFETY: as above.
        let given = unsafe { NEW.of_tuple(py, args, kwargs)? };
        create(py, class, given)
    })
}

/// A call of the class itself; those of derived ones come to `new`.
unsafe extern "C" fn call(
    class: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with our class, so many arguments and their names.
    unsafe {
        let py = Python::assume_attached();
        let given = Given::new(args, count, names);
        // A program may give the class functions of its own.
        if ffi::PyType_GetSlot(class.cast(), ffi::Py_tp_new) != new as *mut c_void
            || ffi::PyType_GetSlot(class.cast(), ffi::Py_tp_init) != INIT.load(Ordering::Relaxed)
        {
            vector::not_of_class(class);
            return pass_on(class, given, count);
        }
        null_on(py, || {
            let given = NEW.of_vector(py, given)?;
            create(py, class.cast(), given)
        })
    }
}

/// What all classes have as `tp_init` that have none of their own.
static INIT: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

unsafe extern "C" fn enter(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    unsafe {
        let args = (*this.cast::<Object>()).enter_args;
        if let Err(error) = begin(this, args) {
            spec::raise(Python::assume_attached(), error);
            return null_mut();
        }
        ffi::Py_INCREF(this);
    }
    this
}

unsafe extern "C" fn exit(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours and so many arguments.
    unsafe {
        let kind = if count > 0 && *args != ffi::Py_None() {
            *args
        } else {
            null_mut()
        };
        if let Err(error) = end(this, Exit::Block(kind)) {
            spec::raise(Python::assume_attached(), error);
            return null_mut();
        }
        ffi::Py_INCREF(ffi::Py_None());
        ffi::Py_None()
    }
}

unsafe extern "C" fn start(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, so many arguments and their names.
    let py = unsafe { Python::assume_attached() };
    let given = Given::new(args, usize::try_from(count).unwrap_or(0), names);
    null_on(py, || {
        // SAFETY: as above.
        let [tag, args] = unsafe { START.of_vector(py, given)? };
        // SAFETY: an argument, or null.
        let marks = match unsafe { Borrowed::from_ptr_or_opt(py, tag) } {
            Some(tag) => known::given(tag)?,
            None => None,
        };
        // SAFETY: ours, and no Python code runs while it is borrowed.
        unsafe {
            if let Some(marks) = marks {
                site(this).named = true;
                site(this).rename(marks);
            } else if !site(this).named && switch::is_on() {
                rename_by_line(py, this)?;
            }
            let args = if none(args) {
                (*this.cast::<Object>()).enter_args
            } else {
                args
            };
            begin(this, args)?;
        }
        spec::none(py)
    })
}

unsafe extern "C" fn stop(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, so many arguments and their names.
    let py = unsafe { Python::assume_attached() };
    let given = Given::new(args, usize::try_from(count).unwrap_or(0), names);
    null_on(py, || {
        // SAFETY: as above.
        let [args] = unsafe { STOP.of_vector(py, given)? };
        let args = if none(args) { null_mut() } else { args };
        // SAFETY: as above.
        unsafe { end(this, Exit::Stop(args))? };
        spec::none(py)
    })
}

unsafe extern "C" fn span(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours, so many arguments and their names.
    let py = unsafe { Python::assume_attached() };
    let given = Given::new(args, usize::try_from(count).unwrap_or(0), names);
    null_on(py, || {
        // SAFETY: as above.
        let [tag, enter_args, exit_args] = unsafe { SPAN.of_vector(py, given)? };
        let found = marks(py, tag)?;
        // SAFETY: ours, and no Python code runs while it is borrowed.
        unsafe {
            let Some((last, named)) = found else {
                let given = parts(this, null_mut());
                if given.is_null() {
                    return Err(PyErr::fetch(py));
                }
                let given = Bound::from_owned_ptr(py, given);
                let none = || py.None().into_bound(py);
                let or_none =
                    |given| Bound::from_borrowed_ptr_or_opt(py, given).unwrap_or_else(none);
                let (id, within) = inside(this);
                let function = (
                    or_none(tag),
                    given.get_item(0)?,
                    or_none(id),
                    or_none(enter_args),
                    or_none(exit_args),
                    given.get_item(5)?,
                );
                let child = PyDict::new(py);
                child.set_item("within", or_none(within))?;
                child.set_item("child", true)?;
                let class = Bound::from_borrowed_ptr(py, ffi::Py_TYPE(this).cast());
                return Ok(class
                    .call_method("_decorate", function, Some(&child))?
                    .into_ptr());
            };
            let (id, within) = inside(this);
            let parent = site(this);
            let path = parent.marks.path().with(last.path());
            let marks = if id.is_null() {
                Marks::of_thread(path)
            } else {
                Marks::new(path, parent.marks.id())
            };
            let child = Site {
                marks: Rc::new(marks),
                named,
                recursive: parent.recursive,
                notes: Notes::default(),
            };
            make(
                py,
                ffi::Py_TYPE(this),
                child,
                [enter_args, exit_args, id, within],
            )
        }
    })
}

/// The id of spans inside, and the tracer that they may have to name; or null. An id that was chosen by
/// hand is theirs too, but a unique number, which is of one span only.
///
/// # Safety
/// `this` is one of ours.
unsafe fn inside(this: *mut PyObject) -> (*mut PyObject, *mut PyObject) {
    // SAFETY: as the caller promises.
    unsafe {
        let id = (*this.cast::<Object>()).id;
        if id.is_null() || emit::is_unique(site(this).marks.id()).is_some() {
            (null_mut(), this)
        } else {
            (id, null_mut())
        }
    }
}

/// Begins a span with a number of its own, unless it was given an id, and gives what `as` names: then
/// another tracer, so that each has its own arguments.
unsafe extern "C" fn moving(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    let py = unsafe { Python::assume_attached() };
    null_on(py, || {
        // SAFETY: ours, and no Python code runs while it is borrowed.
        unsafe {
            let object = this.cast::<Object>();
            if !(*object).id.is_null() || switch::always_off() {
                ffi::Py_INCREF(this);
                begin(this, (*object).enter_args)?;
                return Ok(this);
            }
            let own = site(this);
            let copy = Site {
                marks: Rc::clone(&own.marks),
                named: own.named,
                recursive: own.recursive,
                notes: Notes::default(),
            };
            let enter_args = copied(py, (*object).enter_args)?;
            let exit_args = copied(py, (*object).exit_args)?;
            let or_null =
                |it: &Option<Bound<'_, PyAny>>| it.as_ref().map_or(null_mut(), Bound::as_ptr);
            let args = [
                or_null(&enter_args),
                or_null(&exit_args),
                null_mut(),
                null_mut(),
            ];
            let made = make(py, ffi::Py_TYPE(this), copy, args)?;
            let made = Bound::from_owned_ptr(py, made);
            let texts = span::texts_of(enter_args.as_ref().filter(|_| switch::is_on()))?;
            let marks = Rc::clone(&site(made.as_ptr()).marks);
            let begins = Begins {
                owner: this,
                tracer: made.as_ptr(),
                within: (*object).within,
                always: true,
            };
            numbered::begin(py, marks, None, begins, &texts)?;
            Ok(made.into_ptr())
        }
    })
}

/// A dict's copy; another object as it is.
///
/// # Safety
/// An object that is alive, or null.
unsafe fn copied<'py>(py: Python<'py>, args: *mut PyObject) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: as the caller promises.
    let Some(args) = (unsafe { Bound::from_borrowed_ptr_or_opt(py, args) }) else {
        return Ok(None);
    };
    match args.cast_exact::<PyDict>() {
        Ok(dict) => Ok(Some(dict.copy()?.into_any())),
        Err(_) => Ok(Some(args)),
    }
}

/// Tags, whether they were given, id or None, arguments, whether each call of a recursion counts, the
/// tracer whose span it is or None.
unsafe extern "C" fn parts(this: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours.
    let py = unsafe { Python::assume_attached() };
    null_on(py, || {
        // SAFETY: ours; what it owns, or null.
        unsafe {
            let object = this.cast::<Object>();
            let none = || py.None().into_bound(py);
            let or_none = |given| Bound::from_borrowed_ptr_or_opt(py, given).unwrap_or_else(none);
            let (enter_args, exit_args) =
                (or_none((*object).enter_args), or_none((*object).exit_args));
            let (named, recursive) = (site(this).named, site(this).recursive);
            let given = (
                attributes::tags_of(py, this)?,
                named,
                or_none((*object).id),
                enter_args,
                exit_args,
                recursive,
                or_none((*object).within),
            );
            Ok(given.into_pyobject(py)?.into_ptr())
        }
    })
}

/// For copies: whether the tags were given, and the tracer whose span it is or None.
unsafe extern "C" fn set(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: called by the interpreter with one of ours and so many arguments.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: as above. The old is let go last.
    null_on(py, || unsafe {
        let object = this.cast::<Object>();
        let within = if count == 2 { *args.add(1) } else { this };
        if count != 2 || !(none(within) || is_ours(within)) {
            return Err(PyTypeError::new_err("not a bool and a tracer"));
        }
        site(this).named = *args == ffi::Py_True();
        let old = std::mem::replace(&mut (*object).within, kept(within));
        ffi::Py_XDECREF(old);
        spec::none(py)
    })
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
                (*object).spans,
                (*object).within,
                (*object).enter_args,
                (*object).exit_args,
                (*object).recorded,
            ],
        )
    }
}

unsafe extern "C" fn clear(this: *mut PyObject) -> c_int {
    // SAFETY: called by the collector, or before the end, with one of ours.
    unsafe {
        let object = this.cast::<Object>();
        spec::clear_each(&[
            &raw mut (*object).spans,
            &raw mut (*object).within,
            &raw mut (*object).enter_args,
            &raw mut (*object).exit_args,
            &raw mut (*object).recorded,
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
        ffi::Py_XDECREF((*object).id);
        ptr::drop_in_place(&raw mut (*object).site);
        spec::free(this);
    }
}

const DOC: &Doc = c"Tracer(tag=None, enter_args=None, exit_args=None, *, id=None, recursive=True)
--

";

/// Makes the type.
///
/// # Errors
/// Those of the interpreter.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    use spec::{OR_NONE, fast, fast_with_names, member, plain};
    let methods = vec![
        plain(
            c"__enter__",
            enter,
            c"__enter__($self, /)\n--\n\nBegins the span.",
        ),
        fast(
            c"__exit__",
            exit,
            c"__exit__($self, kind=None, error=None, traceback=None, /)\n--\n\nEnds the span.",
        ),
        fast_with_names(
            c"start",
            start,
            c"start($self, tag=None, args=None)\n--\n\nBegins the span.",
        ),
        fast_with_names(
            c"stop",
            stop,
            c"stop($self, args=None)\n--\n\nEnds the span.",
        ),
        fast_with_names(
            c"span",
            span,
            c"span($self, tag=None, enter_args=None, exit_args=None)\n--\n\nA span inside.",
        ),
        plain(c"_moving", moving, c"_moving($self, /)\n--\n\n"),
        plain(c"_given", parts, c"_given($self, /)\n--\n\n"),
        fast(c"_set", set, c"_set($self, named, within, /)\n--\n\n"),
    ];
    let members = vec![
        member(c"_spans", OR_NONE, offset_of!(Object, spans), false),
        member(c"_recorded", OR_NONE, offset_of!(Object, recorded), false),
        member(c"_id", OR_NONE, offset_of!(Object, id), true),
        member(c"_plain", ffi::Py_T_INT, offset_of!(Object, plain), true),
        member(
            c"__weaklistoffset__",
            ffi::Py_T_PYSSIZET,
            offset_of!(Object, weak),
            true,
        ),
    ];
    let slots = [
        (ffi::Py_tp_new, new as *mut c_void),
        (ffi::Py_tp_dealloc, dealloc as *mut c_void),
        (ffi::Py_tp_traverse, traverse as *mut c_void),
        (ffi::Py_tp_clear, clear as *mut c_void),
        (ffi::Py_tp_doc, DOC.as_ptr() as *mut c_void),
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE | ffi::Py_TPFLAGS_HAVE_GC;
    let class = spec::make(
        py,
        c"nulltrace.Tracer",
        size_of::<Object>(),
        flags,
        methods,
        attributes::table(),
        members,
        &slots,
    )?;
    // SAFETY: a type that was made just now.
    let init = unsafe { ffi::PyType_GetSlot(class.as_ptr().cast(), ffi::Py_tp_init) };
    INIT.store(init, Ordering::Relaxed);
    class_is(&class);
    vector::of_class(&class, call);
    Ok(class)
}
