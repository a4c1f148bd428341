//! What C gives by address, as slices.

use core::ffi::{CStr, c_char};

use crate::types::{NT_Z, nt_text};

/// The elements of a C array; none where its address is NULL.
///
/// # Safety
/// `data` is NULL or points to `len` elements that outlive `'a` unchanged.
pub(crate) unsafe fn array<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if data.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: not NULL, and the caller vouches for the elements.
    unsafe { core::slice::from_raw_parts(data, len) }
}

/// The bytes of NUL-terminated text; none where its address is NULL.
///
/// # Safety
/// `text` is NULL or points to NUL-terminated text that outlives `'a` unchanged.
pub(crate) unsafe fn terminated<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: not NULL, and the caller vouches for the text.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// The bytes of text with a length.
///
/// # Safety
/// As [`array`], or as [`terminated`] where the length is [`NT_Z`].
pub(crate) unsafe fn text<'a>(text: &nt_text) -> &'a [u8] {
    if text.len == NT_Z {
        // SAFETY: the caller vouches for it.
        unsafe { terminated(text.data) }
    } else {
        // SAFETY: the caller vouches for it.
        unsafe { array(text.data.cast(), text.len) }
    }
}
