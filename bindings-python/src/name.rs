//! The name of an argument, as it stands in most markers.

use crate::table::Table;
use pyo3::ffi;
use pyo3::prelude::*;

static NAMES: Table<Option<Name>> = Table::new();

/// The name of an argument, if it is exactly a string and needs no escape.
#[inline]
pub(crate) fn of(name: Borrowed<'_, '_, PyAny>) -> Option<Name> {
    // SAFETY: a check of the type of an object that is alive.
    if unsafe { ffi::PyUnicode_CheckExact(name.as_ptr()) } == 0 {
        return None;
    }
    NAMES.get(name, Name::new)
}

/// The name of an argument and its `=`.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    bytes: [u8; Self::ROOM],
    len: u8,
}

impl Name {
    const ROOM: usize = 31;

    /// None if it is long, or not written as it is.
    fn new(name: &[u8]) -> Option<Self> {
        // That of a parent is refused in some places.
        if name.is_empty() || name == b"^" || !name.iter().all(|&byte| stands_for_itself(byte)) {
            return None;
        }
        let mut bytes = [0; Self::ROOM];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        *bytes.get_mut(name.len())? = b'=';
        Some(Self {
            bytes,
            len: name.len() as u8 + 1,
        })
    }

    /// Bytes of a constant length, and how many of them are the name.
    #[inline(always)]
    pub(crate) fn written(&self) -> (&[u8; Self::ROOM], usize) {
        (&self.bytes, usize::from(self.len))
    }
}

/// Whether a byte of an argument is written as it is, and the marker in the simple form.
#[inline(always)]
pub(crate) fn stands_for_itself(byte: u8) -> bool {
    static BYTES: [bool; 256] = {
        let mut bytes = [true; 256];
        let mut byte = 0;
        while byte < 256 {
            bytes[byte] = byte >= 0x20 && !matches!(byte as u8, b':' | b'=' | b',' | b'\\');
            byte += 1;
        }
        bytes
    };
    BYTES[usize::from(byte)]
}
