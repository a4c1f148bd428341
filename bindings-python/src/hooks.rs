//! What the package's Python code does for this crate: nothing of it is hot.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

pub(crate) struct Hooks {
    /// The automatic tag of the line that calls.
    pub(crate) here: Py<PyAny>,
    /// The exit argument of an exception's type.
    pub(crate) ending: Py<PyAny>,
    /// `staticmethod` and `classmethod`.
    pub(crate) methods: Py<PyTuple>,
    /// `types.MethodType`.
    pub(crate) method: Py<PyAny>,
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
}

static HOOKS: PyOnceLock<Hooks> = PyOnceLock::new();

/// Takes the hooks from the package's modules, which are there before this one.
///
/// # Errors
/// Those of the import.
pub(crate) fn set(py: Python<'_>) -> PyResult<()> {
    let shared = py.import("nulltrace._shared")?;
    let context = py.import("nulltrace._context")?;
    let builtins = py.import("builtins")?;
    let methods = [
        builtins.getattr("staticmethod")?,
        builtins.getattr("classmethod")?,
    ];
    HOOKS.get_or_try_init(py, || {
        Ok::<_, PyErr>(Hooks {
            here: shared.getattr("here")?.unbind(),
            ending: shared.getattr("ending")?.unbind(),
            methods: PyTuple::new(py, methods)?.unbind(),
            method: py.import("types")?.getattr("MethodType")?.unbind(),
            missing: shared.getattr("MISSING")?.unbind(),
            returned: shared.getattr("ReturnValue")?.unbind(),
            current: context.getattr("_current")?.unbind(),
            probes: context.getattr("probes")?.unbind(),
            begin: context.getattr("begin")?.unbind(),
            end: context.getattr("end")?.unbind(),
            close: context.getattr("close")?.unbind(),
            number_of: context.getattr("number_of")?.unbind(),
        })
    })?;
    Ok(())
}

/// None only if the module was not initialised.
pub(crate) fn hooks(py: Python<'_>) -> Option<&'static Hooks> {
    HOOKS.get(py)
}
