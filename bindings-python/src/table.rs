//! What was made of a string before, found by which object the string is.
//!
//! The text of a tag and the name of an argument are constants of the program, so mostly the very same
//! objects: the address identifies them, and what was made of them need not be made again.

use crate::text::Text;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// Longer strings are not kept, so that all that is kept is bounded.
const LONGEST: usize = 256;

/// As many as a program has of these in its loops; two that share a place take turns.
const PLACES: usize = 256;

pub(crate) struct Table<T>(UnsafeCell<[Place<T>; PLACES]>);

struct Place<T> {
    /// Owned, so that no other string comes to lie at its address. Null at first.
    string: *mut PyObject,
    made: Option<T>,
    /// The last one that was not kept. Only its address: it may be gone.
    other: *mut PyObject,
}

// SAFETY: it is used with the interpreter's lock held only, which a `Borrowed` in each call proves, and no
// Python code, which might let the lock go, runs while a place is borrowed.
unsafe impl<T> Sync for Table<T> {}

impl<T: Clone> Table<T> {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(
            [const {
                Place {
                    string: null_mut(),
                    made: None,
                    other: null_mut(),
                }
            }; PLACES],
        ))
    }

    /// What `make` makes of a string's text, or made of it before.
    #[inline]
    pub(crate) fn get(&self, string: Borrowed<'_, '_, PyAny>, make: impl FnOnce(&[u8]) -> T) -> T {
        // SAFETY: see `Sync`.
        let place = unsafe { &*self.place(string.as_ptr()) };
        if place.string == string.as_ptr()
            && let Some(made) = &place.made
        {
            return made.clone();
        }
        self.make(string, make)
    }

    #[inline]
    fn place(&self, string: *mut PyObject) -> *mut Place<T> {
        // Objects are 16 bytes apart at least, and often by a power of two.
        let spread = (string as usize >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let index = spread >> (usize::BITS - PLACES.ilog2());
        // SAFETY: an index below `PLACES`.
        unsafe { self.0.get().cast::<Place<T>>().add(index) }
    }

    #[inline(never)]
    fn make(&self, string: Borrowed<'_, '_, PyAny>, make: impl FnOnce(&[u8]) -> T) -> T {
        let text = Text::string(&string);
        let text = text.as_ref().map_or(&b""[..], Text::bytes);
        let made = make(text);
        // SAFETY: see `Sync`; to let a string go runs no Python code, and happens last.
        unsafe {
            let place = &mut *self.place(string.as_ptr());
            // One that comes once only is not worth it.
            if place.other != string.as_ptr() {
                place.other = string.as_ptr();
            } else if text.len() <= LONGEST {
                ffi::Py_INCREF(string.as_ptr());
                let old = std::mem::replace(&mut place.string, string.as_ptr());
                let gone = place.made.replace(made.clone());
                ffi::Py_XDECREF(old);
                drop(gone);
            }
        }
        made
    }
}
