//! Begins spans with a number of their own.

use crate::chain::{self, Begins};
use crate::emit::{self, Texts};
use crate::marks::Marks;
use crate::span;
use crate::switch;
use crate::text::swallow;
use nulltrace::Id;
use pyo3::prelude::*;
use std::rc::Rc;

/// Begins a span with a number of its own, and writes its marker. None if it has the thread's id here, or
/// could not be begun. A `given` number is one that was chosen by hand: it says nothing of a parent.
///
/// # Errors
/// Only what a program must not lose.
pub(crate) fn begin<'py>(
    py: Python<'py>,
    marks: Rc<Marks>,
    given: Option<i64>,
    mut begins: Begins,
    texts: &Texts<'_>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    begins.always |= given.is_some();
    let number = given.unwrap_or_else(emit::unique);
    let attempt = || {
        let id = number.into_pyobject(py)?;
        let span = span::make(py, marks, Some(Id::Number(number)), id.as_any())?;
        let Some(parent) = chain::begin(&span, begins)? else {
            return Ok(None);
        };
        let parent = if given.is_some() { None } else { Some(parent) };
        // SAFETY: made above.
        unsafe {
            if switch::is_on() {
                span::entered(span.as_ptr(), parent, texts);
            } else {
                span::silent(span.as_ptr());
            }
        }
        Ok(Some(span))
    };
    match attempt() {
        Err(error) => swallow(py, error).map(|()| None),
        found => found,
    }
}
