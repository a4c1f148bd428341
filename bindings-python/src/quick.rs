//! The marker of most spans: short, with arguments in which nothing needs an escape. All others are left
//! to the encoder of the library.

use crate::fast::fast;
use crate::name::{self, Name, stands_for_itself};
use pyo3::ffi;
use pyo3::prelude::*;
use std::mem::MaybeUninit;
use std::ptr::{self, null_mut};

/// More arguments no marker has.
const MOST: usize = 64;
const ROOM: usize = 512;

/// A marker that is being made. What does not fit, or is not of the simple kind, gives None.
pub(crate) struct Quick {
    /// Written up to `len`.
    bytes: [MaybeUninit<u8>; ROOM],
    len: usize,
}

impl Quick {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [MaybeUninit::uninit(); ROOM],
            len: 0,
        }
    }

    /// The marker `bare`, whose id is `t`, with a number instead and, in an enter, its parent; 0 for none.
    #[inline]
    pub(crate) fn numbered(
        &mut self,
        bare: &[u8],
        number: i64,
        parent: Option<i64>,
    ) -> Option<&[u8]> {
        let (direction, tags) = match bare {
            [direction, b':', b't', tags @ .., b':'] => (*direction, tags),
            _ => return None,
        };
        self.put(&[direction, b':'])?;
        self.number(number)?;
        self.put(tags)?;
        if let Some(parent) = parent {
            self.put(b"^=")?;
            if parent != 0 {
                self.number(parent)?;
            }
        }
        self.put(b":")?;
        // SAFETY: written up to there.
        Some(unsafe { std::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.len) })
    }

    /// The marker `bare` with the arguments of a dict.
    #[inline]
    pub(crate) fn marker(&mut self, bare: &[u8], args: Borrowed<'_, '_, PyAny>) -> Option<&[u8]> {
        // A refused one is empty, and one in JSON ends otherwise.
        let (b':', head) = bare.split_last()? else {
            return None;
        };
        // SAFETY: a check of the type of an object that is alive. A derived one may have other `items`.
        if unsafe { ffi::PyDict_CheckExact(args.as_ptr()) } == 0 {
            return None;
        }
        self.put(head)?;
        let (mut at, mut name, mut value) = (0, null_mut(), null_mut());
        let mut count = 0;
        // SAFETY: no Python code runs in the loop, so the dict does not change; name and value are
        // borrowed from it.
        unsafe {
            while ffi::PyDict_Next(args.as_ptr(), &mut at, &mut name, &mut value) != 0 {
                if count > 0 {
                    self.put(b",")?;
                }
                count += 1;
                self.name(&name::of(Borrowed::from_ptr_or_opt(args.py(), name)?)?)?;
                self.value(Borrowed::from_ptr_or_opt(args.py(), value)?)?;
            }
        }
        self.put(b":")?;
        // SAFETY: written up to there.
        (count <= MOST)
            .then(|| unsafe { std::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.len) })
    }

    /// Room for so many bytes more.
    #[inline(always)]
    fn room(&mut self, len: usize) -> Option<*mut u8> {
        let room = self.bytes.get_mut(self.len..)?.get_mut(..len)?;
        Some(room.as_mut_ptr().cast())
    }

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let room = self.room(bytes.len())?;
        // SAFETY: there is room, and what is borrowed is elsewhere.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), room, bytes.len()) };
        self.len += bytes.len();
        Some(())
    }

    /// All of its room is copied, since a constant length needs no call.
    #[inline(always)]
    fn name(&mut self, name: &Name) -> Option<()> {
        let (bytes, len) = name.written();
        self.put(bytes)?;
        self.len -= bytes.len() - len;
        Some(())
    }

    /// What is exactly a string or an int.
    #[inline(always)]
    fn value(&mut self, value: Borrowed<'_, '_, PyAny>) -> Option<()> {
        // SAFETY: checks of the type of an object that is alive; a string's text lives as long as it.
        unsafe {
            if ffi::PyLong_CheckExact(value.as_ptr()) != 0 {
                let mut overflow = 0;
                let number = ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow);
                return (overflow == 0).then(|| self.number(number))?;
            }
            if ffi::PyUnicode_CheckExact(value.as_ptr()) == 0 {
                return None;
            }
            let mut len = 0;
            let text = fast().as_utf8?(value.as_ptr(), &mut len);
            if text.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            self.text(std::slice::from_raw_parts(
                text.cast(),
                usize::try_from(len).ok()?,
            ))
        }
    }

    #[inline(always)]
    fn text(&mut self, text: &[u8]) -> Option<()> {
        let room = self.room(text.len())?;
        for (index, &byte) in text.iter().enumerate() {
            if !stands_for_itself(byte) {
                return None;
            }
            // SAFETY: there is room for each.
            unsafe { room.add(index).write(byte) };
        }
        self.len += text.len();
        Some(())
    }

    #[inline(always)]
    fn number(&mut self, number: i64) -> Option<()> {
        if number < 0 {
            self.put(b"-")?;
        }
        let mut rest = number.unsigned_abs();
        let count = rest.checked_ilog10().unwrap_or(0) as usize + 1;
        let room = self.room(count)?;
        for index in (0..count).rev() {
            // SAFETY: there is room for each.
            unsafe { room.add(index).write(b'0' + (rest % 10) as u8) };
            rest /= 10;
        }
        self.len += count;
        Some(())
    }
}
