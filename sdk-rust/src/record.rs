//! Arguments that a span keeps until it exits.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use crate::encode::{Form, Writer};
use crate::limits::ARGS_MAX;
use crate::{Text, Value};

/// How many bytes of names and values a span keeps, with four more for each argument.
const ROOM: usize = 256;
/// The two lengths before a name and a value.
const HEAD: usize = 4;

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
        self.remove(name);
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
                to.copy_from_nonoverlapping(part.as_ptr(), part.len());
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

    fn remove(&mut self, name: &[u8]) {
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

/// Those of a guard, which is shared.
pub(crate) struct Record {
    inner: UnsafeCell<Kept>,
}

impl Record {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            inner: UnsafeCell::new(Kept::new()),
        }
    }

    /// Keeps one argument in the place of one of its name; neither, if there is no room for all of it.
    // Not in the caller's frame: it has room for the value.
    #[inline(never)]
    pub(crate) fn set(&self, name: &str, value: &dyn Value) {
        // The value's own code runs here, before the inside is borrowed: it might record something too.
        let mut bytes = [MaybeUninit::uninit(); ROOM];
        let Some(room) = (ROOM - HEAD).checked_sub(name.len()) else {
            return;
        };
        let mut writer = Writer::new(&mut bytes[..room], Form::Raw);
        value.write(Text::of(&mut writer));
        let written = writer.kept();
        // SAFETY: this type is not `Sync`, no borrow of the inside outlives a method, and nothing of others runs
        // from here on.
        let kept = unsafe { &mut *self.inner.get() };
        let Some(len) = written else {
            return kept.remove(name.as_bytes());
        };
        // SAFETY: the writer wrote so many bytes.
        let value = unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), len) };
        kept.set(name.as_bytes(), value);
    }

    /// Whether one of this name is kept.
    pub(crate) fn has(&self, name: &str) -> bool {
        // SAFETY: as in `set`.
        unsafe { &*self.inner.get() }.has(name.as_bytes())
    }

    /// Writes what was kept.
    #[inline]
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        // SAFETY: as in `set`: to write bytes runs nothing of others.
        for (name, value) in unsafe { &*self.inner.get() }.pairs() {
            writer.arg(name, |writer| writer.text(value));
        }
    }
}
