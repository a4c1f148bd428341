//! The bytes of a Python value.

use crate::fast::fast;
use crate::spec;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{PyErr, ffi};

/// One more than a marker may have: what is behind cannot be seen.
const LONGEST: usize = 4097;

/// Bytes in an object that is kept, or the digits of a number.
pub(crate) enum Text<'py> {
    Held {
        _object: Bound<'py, PyAny>,
        at: *const u8,
        len: usize,
    },
    Digits {
        digits: [u8; 20],
        from: usize,
    },
}

impl<'py> Text<'py> {
    /// The text of any value; none if it cannot be made.
    ///
    /// # Errors
    /// Only what a program must not lose, such as `KeyboardInterrupt`.
    pub(crate) fn of(value: Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        if let Some(text) = Self::plain(&value) {
            return Ok(Some(text));
        }
        let (py, shown) = (value.py(), value.str());
        match shown {
            Ok(shown) => Ok(Self::string(&shown.into_any())),
            Err(error) => swallow(py, error).map(|()| None),
        }
    }

    /// The text of what is exactly a string or an int, or of bytes: no Python code runs.
    #[inline]
    pub(crate) fn plain(value: &Bound<'py, PyAny>) -> Option<Self> {
        // SAFETY: checks of the type of an object that is alive.
        unsafe {
            if ffi::PyUnicode_CheckExact(value.as_ptr()) != 0 {
                return Self::string(value);
            }
            if ffi::PyLong_CheckExact(value.as_ptr()) != 0 {
                return Self::number(value);
            }
        }
        Self::bytes_like(value)
    }

    /// The text of a string, or of what is derived from one, as it is stored.
    #[inline]
    pub(crate) fn string(value: &Bound<'py, PyAny>) -> Option<Self> {
        if let Some(as_utf8) = fast().as_utf8 {
            let mut len = 0;
            // SAFETY: a string; what is returned lives as long as it, and it is kept.
            let at = unsafe { as_utf8(value.as_ptr(), &mut len) };
            if !at.is_null() {
                return Some(Self::Held {
                    _object: value.clone(),
                    at: at.cast(),
                    len: usize::try_from(len).unwrap_or(0).min(LONGEST),
                });
            }
            // SAFETY: attached, as `value` shows.
            unsafe { ffi::PyErr_Clear() };
        }
        Self::encoded(value)
    }

    /// A string that cannot give its UTF-8: a file's name holds bytes that are none as surrogates.
    #[cold]
    fn encoded(value: &Bound<'py, PyAny>) -> Option<Self> {
        for errors in [c"surrogateescape", c"replace"] {
            // SAFETY: a string and two names; the result is owned, or null with an exception set.
            let bytes = unsafe {
                Bound::from_owned_ptr_or_opt(
                    value.py(),
                    ffi::PyUnicode_AsEncodedString(
                        value.as_ptr(),
                        c"utf-8".as_ptr(),
                        errors.as_ptr(),
                    ),
                )
            };
            match bytes {
                Some(bytes) => return Self::bytes_like(&bytes),
                // SAFETY: attached, as `value` shows.
                None => unsafe { ffi::PyErr_Clear() },
            }
        }
        None
    }

    pub(crate) fn bytes_like(value: &Bound<'py, PyAny>) -> Option<Self> {
        // SAFETY: the type is checked before; bytes never move, and are kept.
        unsafe {
            let mut object = value.clone();
            if ffi::PyByteArray_Check(object.as_ptr()) != 0 {
                // Another thread may change its size while it is read: a copy.
                let copy = ffi::PyBytes_FromObject(object.as_ptr());
                match Bound::from_owned_ptr_or_opt(value.py(), copy) {
                    Some(copy) => object = copy,
                    None => ffi::PyErr_Clear(),
                }
            }
            if ffi::PyBytes_Check(object.as_ptr()) == 0 {
                return None;
            }
            let at = ffi::PyBytes_AsString(object.as_ptr()).cast();
            let len = usize::try_from(ffi::PyBytes_Size(object.as_ptr())).unwrap_or(0);
            Some(Self::Held {
                _object: object,
                at,
                len: len.min(LONGEST),
            })
        }
    }

    /// None if it does not fit 64 bits.
    fn number(value: &Bound<'py, PyAny>) -> Option<Self> {
        let mut overflow = 0;
        // SAFETY: an int; an overflow is reported, not raised.
        let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow) };
        (overflow == 0).then(|| Self::of_number(number))
    }

    pub(crate) fn of_number(number: i64) -> Self {
        let (mut digits, mut from, mut rest) = ([b'-'; 20], 20, number.unsigned_abs());
        loop {
            from -= 1;
            digits[from] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        // 19 digits at most: the minus is still there.
        from -= usize::from(number < 0);
        Self::Digits { digits, from }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            // SAFETY: the bytes of the object, which is kept and does not change.
            Self::Held { at, len, .. } => unsafe { std::slice::from_raw_parts(*at, *len) },
            Self::Digits { digits, from } => &digits[*from..],
        }
    }
}

/// Drops an exception of the program's `__str__`, `items` and so on: tracing must not raise it.
///
/// # Errors
/// What is no `Exception` (a Ctrl-C that came just now) is the program's own.
pub(crate) fn swallow(py: Python<'_>, error: PyErr) -> PyResult<()> {
    let mut own = Ok(());
    spec::end(py, error, |py, error| {
        if !error.is_instance_of::<PyException>(py) {
            own = Err(error);
        }
    });
    own
}

/// A Python string of these bytes, as `Text` reads them.
pub(crate) fn string<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: a pointer and the length of what it points to; the result is owned, or null and an error.
    unsafe {
        let string = ffi::PyUnicode_DecodeUTF8(
            bytes.as_ptr().cast(),
            bytes.len() as ffi::Py_ssize_t,
            c"surrogateescape".as_ptr(),
        );
        Ok(Bound::from_owned_ptr_or_err(py, string)?.cast_into_unchecked())
    }
}
