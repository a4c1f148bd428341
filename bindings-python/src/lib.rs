//! The native part of the Python package.
//!
//! What is written often is here: blocks (`site`), functions (`function`), and markers with an id
//! (`emit`). Everything else is Python, shared with the package's fallback.

mod emit;
mod fast;
mod function;
mod hooks;
mod known;
mod marks;
mod params;
mod path;
mod quick;
mod site;
mod spec;
mod text;
mod vector;

use emit::Texts;
use nulltrace::Id;
use nulltrace::raw::{self, Dir};
use path::Path;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Spans by one short write to `/dev/null`.
#[pymodule(gil_used = true)]
mod _nulltrace {
    use super::{Bound, PyModule, PyResult, hooks, site};
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{_redirect, emit_marker, encode, function_object, on, unique};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        hooks::set(module.py())?;
        module.add("Tracer", site::class(module.py())?)
    }
}

fn dir(direction: &str) -> Dir {
    if direction == "<" {
        Dir::Exit
    } else {
        Dir::Enter
    }
}

/// A marker as it is written. ValueError with the code of the format if no marker can say this.
#[pyfunction]
#[pyo3(signature = (direction, id, tags, args=None))]
fn encode<'py>(
    direction: std::borrow::Cow<'_, str>,
    id: &Bound<'py, PyAny>,
    tags: &Bound<'py, PyAny>,
    args: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let texts = args.map_or(Ok(Texts::NONE), emit::texts)?;
    let path = Path::each(tags)?;
    let known = emit::id(id).ok_or_else(|| PyValueError::new_err("E_ID"))?;
    emit::encode(dir(&direction), known, &path, texts.pairs(), |marker| {
        PyBytes::new(tags.py(), marker)
    })
    .map_err(|refused| PyValueError::new_err(refused.code()))
}

/// Writes one marker; nothing if it is refused.
#[pyfunction(name = "emit")]
#[pyo3(signature = (direction, id, tags, args=None))]
fn emit_marker(
    direction: std::borrow::Cow<'_, str>,
    id: &Bound<'_, PyAny>,
    tags: &Bound<'_, PyAny>,
    args: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    if !emit::on() {
        return Ok(());
    }
    let texts = args.map_or(Ok(Texts::NONE), emit::texts)?;
    let path = Path::of(tags)?.unwrap_or_default();
    let known: Option<Id> = emit::id(id);
    if let Some(known) = known {
        let _refused = emit::encode(dir(&direction), known, &path, texts.pairs(), emit::write);
    }
    Ok(())
}

/// A function that begins and ends on one thread, traced.
#[pyfunction(name = "function")]
fn function_object<'py>(
    r#fn: &Bound<'py, PyAny>,
    tags: &Bound<'py, PyAny>,
    id: &Bound<'py, PyAny>,
    enter: &Bound<'py, PyAny>,
    leave: &Bound<'py, PyAny>,
    recursive: bool,
) -> PyResult<Bound<'py, PyAny>> {
    function::make(r#fn, tags, id, [enter, leave], recursive)
}

/// An id for a span that may move between threads or interleave with others on one.
#[pyfunction]
fn unique() -> i64 {
    raw::unique()
}

/// False when NULLTRACE=off or there is no device.
#[pyfunction]
fn on() -> bool {
    emit::on()
}

/// For tests: markers go to this descriptor; -1 ends that.
#[pyfunction]
fn _redirect(fd: i32) {
    emit::redirect(fd);
}
