//! Which span is current: what `_context.py` says, for the cases that are common. All others are left to it.

use crate::context;
use crate::fast::fast;
use crate::hooks::{Hooks, hooks};
use crate::span::{self, Object};
use crate::text::swallow;
use crate::tracer;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::ptr::null_mut;

/// `_MOST` of `_context.py`.
const MOST: isize = 1 << 16;

/// The value of this context's variable: a span of ours, or None.
struct Top<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Top<'py> {
    /// None if it cannot be got, or is of another kind.
    fn get(py: Python<'py>, hooks: &Hooks) -> Option<Self> {
        let get = fast().context_get?;
        let mut found = null_mut();
        // SAFETY: a variable of contexts; what is found is owned, or null and an error.
        let found = unsafe {
            if get(hooks.current.as_ptr(), null_mut(), &mut found) < 0 {
                ffi::PyErr_Clear();
            }
            Bound::from_owned_ptr_or_opt(py, found)?
        };
        if found.is_none() {
            return Some(Self(None));
        }
        let class = span::class(py).ok()?.as_ptr();
        // SAFETY: an object that is alive.
        let ours = unsafe { ffi::Py_TYPE(found.as_ptr()).cast::<PyObject>() } == class;
        ours.then_some(Self(Some(found)))
    }

    fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ref().map_or(null_mut(), Bound::as_ptr)
    }

    /// Puts another one in its place: one of ours, or null for None. False, and nothing was done, where
    /// that cannot be.
    fn set(&self, hooks: &Hooks, span: *mut PyObject) -> bool {
        let Some(set) = fast().context_set else {
            return false;
        };
        // SAFETY: a variable of contexts and an object that is alive; a token is owned, or null and an error.
        unsafe {
            let value = if span.is_null() { ffi::Py_None() } else { span };
            let token = set(hooks.current.as_ptr(), value);
            if token.is_null() {
                ffi::PyErr_Clear();
                return false;
            }
            ffi::Py_DECREF(token);
        }
        true
    }
}

/// # Safety
/// Null, or a span of ours, as all are in a chain.
unsafe fn object<'a>(span: *mut PyObject) -> Option<&'a mut Object> {
    // SAFETY: as the caller promises; the interpreter's lock is held, and the borrow ends before Python
    // code runs.
    unsafe { span.cast::<Object>().as_mut() }
}

/// The first, of this one and those above it, for which this holds; null if there is none.
///
/// # Safety
/// As `object`.
unsafe fn first(mut span: *mut PyObject, holds: impl Fn(&Object) -> bool) -> *mut PyObject {
    // SAFETY: as the caller promises: what is above a span is one of ours, or null.
    while let Some(it) = unsafe { object(span) } {
        if holds(it) {
            break;
        }
        span = if is_none(it.above) {
            null_mut()
        } else {
            it.above
        };
    }
    span
}

fn is_none(object: *mut PyObject) -> bool {
    // SAFETY: compares addresses only.
    object == unsafe { ffi::Py_None() }
}

/// Who begins a span.
#[derive(Clone, Copy)]
pub(crate) struct Begins {
    /// Notified of the exit; null where the caller ends it.
    pub(crate) owner: *mut PyObject,
    /// Has the arguments of the exit; null as the owner is.
    pub(crate) tracer: *mut PyObject,
    /// Whose `span()` it is, or null.
    pub(crate) within: *mut PyObject,
    /// Even in plain code.
    pub(crate) always: bool,
}

/// `_context.begin`: the number of the parent, 0 if it has none; None if the span is not to be numbered.
///
/// # Errors
/// Those of the interpreter.
pub(crate) fn begin(span: &Bound<'_, PyAny>, begins: Begins) -> PyResult<Option<i64>> {
    let py = span.py();
    let Some(hooks) = hooks(py) else {
        return Ok(None);
    };
    if let Some(parent) = begin_common(span, begins, hooks) {
        return Ok(Some(parent));
    }
    // SAFETY: objects that are alive, or null.
    let or_none = |object| unsafe {
        Bound::from_borrowed_ptr_or_opt(py, object).unwrap_or_else(|| py.None().into_bound(py))
    };
    let found = hooks.begin.bind(py).call1((
        span,
        or_none(begins.owner),
        or_none(begins.tracer),
        or_none(begins.within),
        begins.always,
        1,
    ))?;
    found.extract()
}

fn begin_common(span: &Bound<'_, PyAny>, begins: Begins, hooks: &Hooks) -> Option<i64> {
    let py = span.py();
    let Begins {
        owner,
        tracer,
        within,
        always,
    } = begins;
    // SAFETY: a span and tracers that are alive, or null; what is found in the chain is kept by `top`
    // until it is kept by the span.
    unsafe {
        // That of `async with` has its key from the frame of who awaits it.
        if tracer != owner || (!owner.is_null() && tracer::many_spans(owner, MOST)) {
            return None;
        }
        let top = Top::get(py, hooks)?;
        let above = first(top.as_ptr(), Object::is_named);
        let parent = if within.is_null() || !tracer::may_be_named(within) {
            match object(above) {
                Some(above) => above.number,
                None if always || context::in_task() => 0,
                None => return None,
            }
        } else {
            let of = |it: &Object| it.is_named() && (it.tracer == within || it.owner == within);
            object(first(top.as_ptr(), of))?.number
        };
        let object = object(span.as_ptr())?;
        ffi::Py_XINCREF(above);
        object.above = above;
        if !owner.is_null() && !tracer::add_span(owner, span) {
            return None;
        }
        if !owner.is_null() {
            object.key = ffi::PyEval_GetFrame() as isize;
            for place in [&raw mut object.owner, &raw mut object.tracer] {
                ffi::Py_INCREF(owner);
                *place = owner;
            }
        }
        if !top.set(hooks, span.as_ptr()) {
            return None;
        }
        context::watch(py);
        object.opens();
        Some(parent)
    }
}

/// A span, the tracer that has the arguments of its exit, and whether that is to be written.
type Ended<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, bool);

/// `_context.end`: the span that this object ends here; None if the exit is that of a span with the thread's id.
///
/// # Errors
/// Those of the interpreter.
pub(crate) fn end<'py>(owner: &Bound<'py, PyAny>, block: bool) -> PyResult<Option<Ended<'py>>> {
    let py = owner.py();
    let Some(hooks) = hooks(py) else {
        return Ok(None);
    };
    // SAFETY: what is found in the chain is kept by `top`, then by `span`.
    unsafe {
        if let Some(top) = Top::get(py, hooks) {
            let this = owner.as_ptr();
            let of = |it: &Object| it.is_open() && (it.owner == this || it.tracer == this);
            let found = first(top.as_ptr(), of);
            if let Some(object) = object(found) {
                let span = Bound::from_borrowed_ptr(py, found);
                let tracer = Bound::from_borrowed_ptr(py, object.tracer);
                if let Some(written) = close_common(&span, block, &top, hooks) {
                    return Ok(Some((span, tracer, written)));
                }
            }
        }
    }
    hooks.end.bind(py).call1((owner, block, 1))?.extract()
}

/// `_context.close` of a call, which is a block: whether its exit is to be written.
///
/// # Errors
/// Only what a program must not lose.
pub(crate) fn close(span: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = span.py();
    let Some(hooks) = hooks(py) else {
        return Ok(false);
    };
    if let Some(top) = Top::get(py, hooks) {
        // SAFETY: a span of ours.
        let closed = unsafe { close_common(span, true, &top, hooks) };
        if let Some(written) = closed {
            return Ok(written);
        }
    }
    let closed = hooks.close.bind(py).call1((span,));
    match closed.and_then(|written| written.is_truthy()) {
        Err(error) => swallow(py, error).map(|()| false),
        written => written,
    }
}

/// # Safety
/// A span of ours.
unsafe fn close_common(
    span: &Bound<'_, PyAny>,
    block: bool,
    top: &Top<'_>,
    hooks: &Hooks,
) -> Option<bool> {
    let this = span.as_ptr();
    // SAFETY: as the caller promises. What is let go is let go last, since that may run Python code.
    unsafe {
        fast().context_set?;
        let object = object(this)?;
        let written = object.closes();
        let above = first(object.above, Object::is_named);
        ffi::Py_XINCREF(above);
        let mut gone = [object.above, object.owner, object.tracer];
        (object.above, object.owner, object.tracer) = (above, null_mut(), null_mut());
        for tracer in &gone[1..] {
            if !tracer.is_null() && !is_none(*tracer) {
                tracer::remove_span(*tracer, object.id());
            }
        }
        let at = if block {
            first(top.as_ptr(), |it| std::ptr::eq(it, object))
        } else {
            null_mut()
        };
        let from = if at.is_null() { top.as_ptr() } else { at };
        let now = first(from, Object::is_named);
        if now != top.as_ptr() {
            top.set(hooks, now);
        }
        for it in &mut gone {
            ffi::Py_XDECREF(*it);
        }
        Some(written)
    }
}
