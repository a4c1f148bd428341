//! How a record is put together.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::record::Head;

/// Room for one record after the other, aligned as records are.
#[derive(Debug, Default)]
pub(super) struct Room {
    words: Vec<u64>,
}

impl Room {
    /// A record of that kind: its fixed part, which begins with a [`Head`], and what follows it. `None` if it is longer
    /// than a head can say.
    pub(super) fn record(
        &mut self,
        kind: u8,
        fixed: &(impl IntoBytes + Immutable),
        tail: &[&[u8]],
    ) -> Option<&[u8]> {
        let fixed = fixed.as_bytes();
        let size = fixed.len() + tail.iter().map(|part| part.len()).sum::<usize>();
        let whole = u16::try_from(size).ok()?;
        self.words.clear();
        self.words.resize(size.div_ceil(8), 0);
        let mut bytes = self.words.as_mut_bytes();
        for part in core::iter::once(&fixed).chain(tail) {
            let (to, rest) = bytes.split_at_mut(part.len());
            to.copy_from_slice(part);
            bytes = rest;
        }
        let (head, _) = Head::mut_from_prefix(self.words.as_mut_bytes()).ok()?;
        (head.size, head.kind) = (whole, kind);
        Some(&self.words.as_bytes()[..size])
    }
}

/// Writes records and hands them to a function.
pub(crate) struct RecordWriter<'a> {
    room: Room,
    to: &'a mut dyn FnMut(&[u8]),
}

impl<'a> RecordWriter<'a> {
    pub(crate) fn new(to: &'a mut dyn FnMut(&[u8])) -> Self {
        Self {
            room: Room::default(),
            to,
        }
    }

    /// Writes a record of that kind: its fixed part and what follows it. One that is longer than a head can say is
    /// left out; nothing within the bounds of the format is.
    pub(crate) fn write(&mut self, kind: u8, fixed: &(impl IntoBytes + Immutable), tail: &[&[u8]]) {
        if let Some(record) = self.room.record(kind, fixed, tail) {
            (self.to)(record);
        }
    }
}

impl Head {
    /// The head of a record of that process and thread, but for its size and kind.
    pub(crate) const fn of(ts: u64, pid: u32, tid: u32) -> Self {
        Self {
            ts,
            pid,
            tid,
            size: 0,
            kind: 0,
            flags: 0,
            number: 0,
        }
    }
}

/// Text with NULs up to its room; what is longer is cut.
pub(crate) fn padded<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut room = [0; N];
    for (to, from) in room.iter_mut().zip(text) {
        *to = *from;
    }
    room
}

/// Text up to its padding.
pub(crate) fn unpadded(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == 0);
    &text[..end.unwrap_or(text.len())]
}
