//! The native part of the Python package.
//!
//! What is written often is here: blocks (`site`), functions (`function`), and the markers of spans with a
//! number of their own (`span`). Everything else is Python, shared with the package's fallback.

mod chain;
mod context;
mod depth;
mod emit;
mod fast;
mod fork;
mod function;
mod hooks;
mod known;
mod marks;
mod name;
mod numbered;
mod params;
mod path;
mod plain;
mod quick;
mod real;
mod site;
mod span;
mod spec;
mod switch;
mod table;
mod text;
mod tracer;
mod vector;

use emit::Texts;
use nulltrace::raw::Dir;
use path::Path;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Spans by one short write to `/dev/null`.
#[pymodule(gil_used = true)]
mod _nulltrace {
    use super::{Bound, PyModule, PyResult, context, depth, fork, hooks, site, switch};
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{
        _redirect, enabled, encode, function_object, open_spans, possible, set_enabled, shortcut,
        span_object, unique, watch,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        hooks::set(module.py())?;
        switch::start(module.py())?;
        depth::start(module.py());
        context::start(module.py());
        fork::watch();
        // How a traced function calls this implementation.
        module.add("kind", "call")?;
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
#[pyo3(signature = (direction, id, tags, args=None, parent=None))]
fn encode<'py>(
    direction: std::borrow::Cow<'_, str>,
    id: &Bound<'py, PyAny>,
    tags: &Bound<'py, PyAny>,
    args: Option<&Bound<'py, PyAny>>,
    parent: Option<i64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let texts = args.map_or(Ok(Texts::NONE), emit::texts)?;
    let path = Path::each(tags)?;
    let known = emit::id(id).ok_or_else(|| PyValueError::new_err("E_ID"))?;
    let made = |marker: &[u8]| PyBytes::new(tags.py(), marker);
    emit::encode(dir(&direction), known, parent, &path, texts.pairs(), made)
        .map_err(|refused| PyValueError::new_err(refused.code()))
}

/// A span of these tags and this id, not begun: for functions that may be suspended.
#[pyfunction(name = "span")]
fn span_object<'py>(
    tags: &Bound<'py, PyAny>,
    id: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    span::of(tags, id)
}

/// How many numbered spans are open in this process.
#[pyfunction]
fn open_spans() -> i64 {
    span::open_spans()
}

/// Called once, when the first span is numbered.
#[pyfunction]
fn watch(py: Python<'_>) {
    context::watch(py);
}

/// What the code of a traced function calls, if it begins and ends on one thread. None if no marker can say this.
#[pyfunction(name = "function")]
fn function_object<'py>(
    r#fn: &Bound<'py, PyAny>,
    tags: &Bound<'py, PyAny>,
    id: &Bound<'py, PyAny>,
    enter: &Bound<'py, PyAny>,
    leave: &Bound<'py, PyAny>,
    recursive: bool,
    within: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    function::make(r#fn, tags, id, [enter, leave], recursive, within)
}

/// An id for a span that may move between threads or interleave with others on one.
#[pyfunction]
fn unique() -> i64 {
    emit::unique()
}

/// False where there is no null device.
#[pyfunction]
fn possible() -> bool {
    // Not opened as long as nothing is to be written.
    let possible = switch::off_by_environment() || emit::possible();
    if !possible {
        switch::none_ever();
    }
    possible
}

/// Whether markers are written.
#[pyfunction]
fn enabled() -> bool {
    switch::is_on()
}

/// Switches markers on or off, but for the spans that are open.
#[pyfunction]
fn set_enabled(on: bool) {
    switch::set(on);
}

/// Has calls of a traced function come here at once, or run its code.
#[pyfunction]
fn shortcut(function: &Bound<'_, PyAny>, on: bool) {
    real::shortcut(function, on);
}

/// For tests: markers go to this descriptor; -1 ends that.
#[pyfunction]
fn _redirect(fd: i32) {
    emit::redirect(fd);
}
