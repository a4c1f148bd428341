//! Room for the system calls of all tag paths.

use super::number::Number;

/// Memory for what calls are counted separately by, shared by all tag paths of a summary.
///
/// ```
/// use nulltrace_core::measure::calls::{Calls, Room};
/// use nulltrace_core::input::record::CallsRecord;
/// use zerocopy::FromZeros;
///
/// let mut sync = CallsRecord::new_zeroed();
/// (sync.nr, sync.count) = (162, 3);
/// let mut calls = Calls::default();
/// calls.push(&[sync], &[None], 100, true, &mut Room::new(1 << 20));
/// // What finds no room is counted all the same.
/// sync.nr = 306;
/// calls.push(&[sync], &[None], 100, true, &mut Room::new(0));
/// assert_eq!(calls.iter().map(|(nr, _)| nr).collect::<Vec<_>>(), [162]);
/// assert_eq!(calls.other_numbers().unwrap().all().count, 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    size: usize,
    left: usize,
    /// Taken by files.
    files: usize,
    /// Taken by hashes of files.
    gone: usize,
}

/// What a hash of a file takes, in a table half of which may be empty.
const GONE: usize = 24;
/// What one segment may take, most likely.
const SEGMENT: usize = 64 << 10;

impl Room {
    /// Room for so many bytes. Where a span makes some calls itself and others are made inside, its own
    /// are a second sum that is not reckoned: all may come to twice as many.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self {
            size: bytes,
            left: bytes,
            files: 0,
            gone: 0,
        }
    }

    /// Bytes that are taken.
    pub(crate) const fn taken(&self) -> usize {
        self.size.saturating_sub(self.left)
    }

    /// If there is soon no room for another file: so much may be left to those there are.
    pub(crate) fn short(&self) -> Option<usize> {
        let short = self.left < self.kept() + SEGMENT.min(self.size / 16);
        // Where files have next to nothing, taking it from them is no help.
        (short && self.files > self.size / 8).then_some(self.files / 4 * 3)
    }

    /// Not for files, so that many of them leave room for the numbers of spans to come.
    const fn kept(&self) -> usize {
        self.size / 4
    }

    const fn take(&mut self, bytes: usize, kept: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) if left >= kept => {
                self.left = left;
                true
            }
            _ => false,
        }
    }

    pub(super) const fn take_number(&mut self) -> bool {
        // Half of a vector may be empty.
        self.take(2 * size_of::<Number>(), 0)
    }

    pub(super) const fn take_file(&mut self, bytes: usize) -> bool {
        let taken = self.take(bytes, self.kept());
        if taken {
            self.files += bytes;
        }
        taken
    }

    pub(super) const fn take_gone(&mut self) -> bool {
        let taken = self.gone + GONE <= self.size / 4 && self.take(GONE, 0);
        if taken {
            self.gone += GONE;
        }
        taken
    }

    /// So many numbers give up their room.
    pub(super) const fn give_back_numbers(&mut self, numbers: usize) {
        self.left += numbers * 2 * size_of::<Number>();
    }

    /// So many hashes of files give up their room.
    pub(super) const fn give_back_gone(&mut self, hashes: usize) {
        self.gone = self.gone.saturating_sub(hashes * GONE);
        self.left += hashes * GONE;
    }

    /// A file gives up its room.
    pub(super) const fn give_back(&mut self, bytes: usize) {
        self.files = self.files.saturating_sub(bytes);
        self.left += bytes;
    }
}
