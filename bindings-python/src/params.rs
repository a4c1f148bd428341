//! The arguments that a function takes, by position and by name.

use crate::text::Text;
use crate::vector::Given;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use std::ptr::null_mut;

pub(crate) struct Params<const N: usize> {
    names: [&'static str; N],
    /// So many may be given without their names.
    by_position: usize,
    /// The strings that a program's own text has where it says these names.
    interned: PyOnceLock<[Py<PyString>; N]>,
}

impl<const N: usize> Params<N> {
    pub(crate) const fn new(names: [&'static str; N], by_position: usize) -> Self {
        Self {
            names,
            by_position,
            interned: PyOnceLock::new(),
        }
    }

    /// The arguments of a call with a tuple, and a dict or null. Borrowed, or null.
    ///
    /// # Errors
    /// TypeError if there are others.
    ///
    /// # Safety
    /// They are what is said here.
    pub(crate) unsafe fn of_tuple(
        &self,
        py: Python<'_>,
        args: *mut PyObject,
        kwargs: *mut PyObject,
    ) -> PyResult<[*mut PyObject; N]> {
        // SAFETY: as the caller promises; they live longer than what is borrowed of them.
        unsafe {
            let count = usize::try_from(ffi::PyTuple_Size(args)).unwrap_or(0);
            let item = |index| ffi::PyTuple_GetItem(args, index as Py_ssize_t);
            let mut found = self.first(count, item)?;
            if !kwargs.is_null() {
                let (mut at, mut name, mut value) = (0, null_mut(), null_mut());
                while ffi::PyDict_Next(kwargs, &mut at, &mut name, &mut value) != 0 {
                    self.named(py, &mut found, name, value)?;
                }
            }
            Ok(found)
        }
    }

    /// The same of a call with a vector.
    ///
    /// # Errors
    /// As `of_tuple`.
    ///
    /// # Safety
    /// The vector is that of a call.
    #[inline]
    pub(crate) unsafe fn of_vector(
        &self,
        py: Python<'_>,
        Given { args, count, names }: Given,
    ) -> PyResult<[*mut PyObject; N]> {
        // SAFETY: so many arguments by position, and behind them one for each name of the tuple.
        unsafe {
            let mut found = self.first(count, |index| *args.add(index))?;
            if !names.is_null() {
                for index in 0..ffi::PyTuple_Size(names) {
                    let value = *args.add(count + usize::try_from(index).unwrap_or(0));
                    self.named(py, &mut found, ffi::PyTuple_GetItem(names, index), value)?;
                }
            }
            Ok(found)
        }
    }

    /// Those by position.
    #[inline(always)]
    fn first(
        &self,
        count: usize,
        item: impl Fn(usize) -> *mut PyObject,
    ) -> PyResult<[*mut PyObject; N]> {
        if count > self.by_position.min(N) {
            return Err(self.too_many(count));
        }
        let mut found = [null_mut(); N];
        for (index, place) in found.iter_mut().enumerate().take(count) {
            *place = item(index);
        }
        Ok(found)
    }

    /// # Safety
    /// `name` is a string that is alive.
    #[inline]
    unsafe fn named(
        &self,
        py: Python<'_>,
        found: &mut [*mut PyObject; N],
        name: *mut PyObject,
        value: *mut PyObject,
    ) -> PyResult<()> {
        let interned = self.interned.get_or_init(py, || {
            self.names.map(|name| PyString::intern(py, name).unbind())
        });
        let index = match interned.iter().position(|known| known.as_ptr() == name) {
            Some(index) => index,
            // SAFETY: as the caller promises.
            None => self.by_text(unsafe { Borrowed::from_ptr(py, name) })?,
        };
        if !found[index].is_null() {
            return Err(self.twice(index));
        }
        found[index] = value;
        Ok(())
    }

    #[cold]
    fn by_text(&self, name: Borrowed<'_, '_, PyAny>) -> PyResult<usize> {
        if let Some(text) = Text::string(&name)
            && let Some(index) = self
                .names
                .iter()
                .position(|known| known.as_bytes() == text.bytes())
        {
            return Ok(index);
        }
        let name = name.repr()?;
        Err(PyTypeError::new_err(format!(
            "unexpected keyword argument {name}"
        )))
    }

    #[cold]
    fn twice(&self, index: usize) -> PyErr {
        let name = self.names[index];
        PyTypeError::new_err(format!("multiple values for argument '{name}'"))
    }

    #[cold]
    fn too_many(&self, count: usize) -> PyErr {
        let most = self.by_position;
        PyTypeError::new_err(format!(
            "at most {most} positional arguments, {count} given"
        ))
    }
}
