//! A marker in the frame of its caller.

use core::mem::MaybeUninit;

use crate::encode::{Form, Writer};

/// Room for a marker of the length that most have. It stands in the frames of users' functions, which have no room for
/// the longest.
pub(crate) struct Short([MaybeUninit<u8>; 80]);

impl Short {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self([MaybeUninit::uninit(); 80])
    }

    /// Makes a marker and gives its length; 0 if there can be none, or not a short one of the simple form.
    #[inline(always)]
    pub(crate) fn make(&mut self, parts: impl Fn(&mut Writer<'_>)) -> usize {
        let mut writer = Writer::new(&mut self.0, Form::Simple);
        parts(&mut writer);
        writer.made_simple().unwrap_or(0)
    }

    /// The one that was made.
    ///
    /// # Safety
    /// It is so long.
    // The length is not kept here, so that it stays in a register.
    #[inline(always)]
    pub(crate) unsafe fn marker(&self, len: usize) -> &[u8] {
        // SAFETY: the caller's promise.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr().cast(), len) }
    }
}
