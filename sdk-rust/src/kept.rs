//! Arguments that are kept for an exit.

use core::mem::MaybeUninit;

use crate::encode::copy_short;
use crate::limits::ARGS_MAX;

/// How many bytes of names and values a span keeps, with four more for each argument.
pub(crate) const ROOM: usize = 256;
/// The two lengths before a name and a value.
pub(crate) const HEAD: usize = 4;

/// Names and values as they were given, in a row. Not initialised, so that a span that records nothing
/// pays nothing.
// What cannot be is passed over: the library for C, which has these too, has no panic in it.
#[repr(C)]
pub struct Kept {
    /// So many bytes are arguments.
    len: u16,
    count: u16,
    // Last, so that the compiler does not clear it together with what stands around it.
    bytes: MaybeUninit<[u8; ROOM]>,
}

impl Kept {
    /// None.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            len: 0,
            count: 0,
            bytes: MaybeUninit::uninit(),
        }
    }

    /// Keeps one argument in the place of one of its name; neither, if there is no room for all of it.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        if !self.is_empty() {
            self.remove(name);
        }
        let len = usize::from(self.len);
        // Texts of C may be of any length.
        let size = HEAD.saturating_add(name.len()).saturating_add(value.len());
        if name.is_empty() || usize::from(self.count) == ARGS_MAX || size > ROOM - len {
            return false;
        }
        let head = [name.len() as u16, value.len() as u16].map(u16::to_ne_bytes);
        // SAFETY: the three parts fit behind what is there, as was just seen.
        unsafe {
            let mut to = self.bytes.as_mut_ptr().cast::<u8>().add(len);
            for part in [head.as_flattened(), name, value] {
                copy_short(part.as_ptr(), to, part.len());
                to = to.add(part.len());
            }
        }
        self.len += size as u16;
        self.count += 1;
        true
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the one of this name away.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        let mut at = 0;
        let found = self.pairs().find_map(|(kept, value)| {
            let size = HEAD + kept.len() + value.len();
            at += size;
            (kept == name).then_some(size)
        });
        let Some(size) = found else { return };
        let behind = usize::from(self.len).saturating_sub(at);
        // SAFETY: the argument ends at `at`; what is behind it is moved onto it.
        unsafe {
            let end = self.bytes.as_mut_ptr().cast::<u8>().add(at);
            core::ptr::copy(end, end.sub(size), behind);
        }
        self.len -= size as u16;
        self.count -= 1;
    }

    /// Whether one of this name is kept.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.pairs().any(|(kept, _)| kept == name)
    }

    /// Names and values, in the order they were kept.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // SAFETY: `set` wrote the first `len` bytes.
        let mut rest = unsafe {
            core::slice::from_raw_parts(self.bytes.as_ptr().cast::<u8>(), self.len.into())
        };
        core::iter::from_fn(move || {
            let (head, text) = rest.split_first_chunk::<HEAD>()?;
            let [n0, n1, v0, v1] = *head;
            let (name, text) = text.split_at_checked(u16::from_ne_bytes([n0, n1]).into())?;
            let (value, after) = text.split_at_checked(u16::from_ne_bytes([v0, v1]).into())?;
            rest = after;
            Some((name, value))
        })
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Kept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Kept")
    }
}
