//! What the package's Python code does for this crate: nothing of it is hot.

use crate::plain;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

pub(crate) struct Hooks {
    /// The automatic tag of the line that calls.
    pub(crate) here: Py<PyAny>,
    /// The exit argument of an exception's type.
    pub(crate) ending: Py<PyAny>,
    /// Whether `@Tracer` stands before something.
    pub(crate) is_decorated: Py<PyAny>,
    /// What a traced function calls, made of its pickle.
    pub(crate) function: Py<PyAny>,
    /// An argument that is left out.
    pub(crate) missing: Py<PyAny>,
    /// Stands for what a function returned.
    pub(crate) returned: Py<PyAny>,
    /// The variable of contexts; see `_context.py` for this and what follows.
    pub(crate) current: Py<PyAny>,
    pub(crate) probes: Py<PyAny>,
    pub(crate) begin: Py<PyAny>,
    pub(crate) end: Py<PyAny>,
    pub(crate) close: Py<PyAny>,
    pub(crate) number_of: Py<PyAny>,
    /// Arguments that are set in the middle of a span; see `_record.py`.
    pub(crate) nested: Py<PyAny>,
    pub(crate) taken: Py<PyAny>,
}

static HOOKS: PyOnceLock<Hooks> = PyOnceLock::new();

/// Takes the hooks from the package's modules, which are there before this one.
///
/// # Errors
/// Those of the import.
pub(crate) fn set(py: Python<'_>) -> PyResult<()> {
    let shared = py.import("nulltrace._shared")?;
    let context = py.import("nulltrace._context")?;
    let record = py.import("nulltrace._record")?;
    HOOKS.get_or_try_init(py, || {
        Ok::<_, PyErr>(Hooks {
            here: shared.getattr("here")?.unbind(),
            ending: shared.getattr("ending")?.unbind(),
            is_decorated: shared.getattr("is_decorated")?.unbind(),
            function: py
                .import("nulltrace._tracer")?
                .getattr("function")?
                .unbind(),
            missing: shared.getattr("MISSING")?.unbind(),
            returned: shared.getattr("ReturnValue")?.unbind(),
            current: context.getattr("_current")?.unbind(),
            probes: context.getattr("probes")?.unbind(),
            begin: context.getattr("begin")?.unbind(),
            end: context.getattr("end")?.unbind(),
            close: context.getattr("close")?.unbind(),
            number_of: context.getattr("number_of")?.unbind(),
            nested: record.getattr("nested")?.unbind(),
            taken: record.getattr("taken")?.unbind(),
        })
    })?;
    plain::start(shared.getattr("here")?.as_ptr());
    Ok(())
}

/// None only if the module was not initialised.
pub(crate) fn hooks(py: Python<'_>) -> Option<&'static Hooks> {
    HOOKS.get(py)
}

/// Whether it is a function of Python.
pub(crate) fn is_function(it: &Bound<'_, PyAny>) -> bool {
    // That one is.
    hooks(it.py()).is_some_and(|hooks| hooks.here.bind(it.py()).get_type().is(it.get_type()))
}
