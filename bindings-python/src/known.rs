//! The markers that were made of a string before.

use crate::marks::Marks;
use crate::path::Path;
use crate::table::Table;
use pyo3::ffi;
use pyo3::prelude::*;
use std::rc::Rc;

/// Tags given as text, split at the dots.
static TAGS: Table<Rc<Marks>> = Table::new();
/// Automatic tags: one, whatever is in it.
static LINES: Table<Rc<Marks>> = Table::new();

/// The markers of a string that is split at its dots.
#[inline]
fn tag(tag: Borrowed<'_, '_, PyAny>) -> Rc<Marks> {
    TAGS.get(tag, |tag| Rc::new(Marks::of_thread(Path::split(tag))))
}

/// The markers of a string that is one tag.
pub(crate) fn line(line: Borrowed<'_, '_, PyAny>) -> Rc<Marks> {
    LINES.get(line, |line| Rc::new(Marks::of_thread(Path::one(line))))
}

/// The markers of what was given as tags: text or a list; none if it is neither.
///
/// # Errors
/// Those of the interpreter.
pub(crate) fn given(tags: Borrowed<'_, '_, PyAny>) -> PyResult<Option<Rc<Marks>>> {
    // SAFETY: a check of the type of an object that is alive.
    if unsafe { ffi::PyUnicode_CheckExact(tags.as_ptr()) } != 0 {
        return Ok(Some(tag(tags)));
    }
    Ok(Path::of(&tags)?.map(|path| Rc::new(Marks::of_thread(path))))
}
