//! Arguments that a span keeps until it exits.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use crate::encode::{Form, Writer};
use crate::limits::ARGS_MAX;
use crate::{Text, Value};

/// How many bytes of names and values a span keeps, with four more for each argument.
const ROOM: usize = 256;
/// The two lengths before a name and a value, little-endian.
const HEAD: usize = 4;

/// Names and values as they were given, in a row. Not initialised, so that a span that records nothing
/// pays nothing.
pub(crate) struct Record {
    inner: UnsafeCell<Inner>,
}

#[repr(C)]
struct Inner {
    /// So many bytes are arguments.
    len: u16,
    count: u8,
    // Last, so that the compiler does not clear it together with what stands around it.
    bytes: MaybeUninit<[u8; ROOM]>,
}

impl Record {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            inner: UnsafeCell::new(Inner {
                len: 0,
                count: 0,
                bytes: MaybeUninit::uninit(),
            }),
        }
    }

    /// Keeps one argument, if there is room for all of it.
    // Not in the caller's frame: it has room for the value.
    #[inline(never)]
    pub(crate) fn add(&self, name: &str, value: &dyn Value) {
        // The value's own code runs here, before the inside is borrowed: it might record something too.
        let mut bytes = [MaybeUninit::uninit(); ROOM];
        let Some(room) = (ROOM - HEAD).checked_sub(name.len()) else {
            return;
        };
        let mut writer = Writer::new(&mut bytes[..room], Form::Raw);
        value.write(Text::of(&mut writer));
        let Some(value_len) = writer.kept() else {
            return;
        };

        // SAFETY: this type is not `Sync`, and no borrow of the inside outlives a method; nothing of others runs
        // from here on.
        let inner = unsafe { &mut *self.inner.get() };
        let len = usize::from(inner.len);
        let size = HEAD + name.len() + value_len;
        if name.is_empty() || usize::from(inner.count) == ARGS_MAX || size > ROOM - len {
            return;
        }
        let head = [name.len() as u16, value_len as u16].map(u16::to_le_bytes);
        // SAFETY: the three parts fit behind what is there, as was just seen; the value was written to the
        // first bytes of its own.
        unsafe {
            let to = inner.bytes.as_mut_ptr().cast::<u8>().add(len);
            to.copy_from_nonoverlapping(head.as_flattened().as_ptr(), HEAD);
            to.add(HEAD)
                .copy_from_nonoverlapping(name.as_ptr(), name.len());
            let value = bytes.as_ptr().cast();
            to.add(HEAD + name.len())
                .copy_from_nonoverlapping(value, value_len);
        }
        inner.len += size as u16;
        inner.count += 1;
    }

    /// Whether one of this name is kept.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs().any(|(kept, _)| kept == name.as_bytes())
    }

    /// Writes what was kept.
    #[inline]
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        for (name, value) in self.pairs() {
            writer.arg(name, |writer| writer.text(value));
        }
    }

    /// Names and values, in the order they were kept.
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // SAFETY: as in `add`, of which none runs while this is read; it wrote the first `len` bytes.
        let mut rest = unsafe {
            let inner = &*self.inner.get();
            core::slice::from_raw_parts(inner.bytes.as_ptr().cast::<u8>(), inner.len.into())
        };
        core::iter::from_fn(move || {
            let [n0, n1, v0, v1, text @ ..] = rest else {
                return None;
            };
            let (name, text) = text.split_at(u16::from_le_bytes([*n0, *n1]).into());
            let (value, after) = text.split_at(u16::from_le_bytes([*v0, *v1]).into());
            rest = after;
            Some((name, value))
        })
    }
}
