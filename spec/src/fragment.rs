//! Joining a marker that came in several writes.

use crate::error::{Code, Error};
use crate::lines::{begins, next_line, next_marker, one};
use crate::{FRAGMENT_NS, MARKER_MAX, Marker};

/// A marker that one or more writes made, or why they made none.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    /// Time of the write it began in, nanoseconds.
    pub ts: u64,
    /// What was parsed, from the marker's first byte on: to its end if it is well-formed, else to the
    /// end of the line in which the error is.
    pub bytes: &'a [u8],
    /// The marker, or why it is none. The offset in the error is from the beginning of `bytes`.
    pub marker: Result<Marker<'a>, Error>,
}

/// The unfinished marker of one thread: feed it every write of that thread to the null device.
///
/// It holds nothing, and allocates nothing, unless a write ends within a marker. Times are those of
/// the writes, in nanoseconds; they need not grow.
///
/// ```
/// use nulltrace_spec::Fragment;
///
/// let mut thread = Fragment::new();
/// let mut seen = Vec::new();
/// for (ts, write) in [(1, ">:"), (2, "42"), (3, ":"), (4, "tag"), (5, "::\n")] {
///     let part = thread.push(ts, write.as_bytes(), false, |joined| {
///         seen.push((joined.ts, joined.bytes.to_vec(), joined.marker.is_ok()));
///     });
///     assert!(part);
/// }
/// assert_eq!(seen, [(1, b">:42:tag::".to_vec(), true)]);
/// assert!(!thread.push(6, b"no marker\n", false, |_| unreachable!()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fragment {
    /// The bytes so far; empty when no marker is unfinished.
    bytes: Vec<u8>,
    /// Time of the first part.
    ts: u64,
}

impl Fragment {
    /// No fragment.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            ts: 0,
        }
    }

    /// When the unfinished marker began, if there is one. It waits for [`FRAGMENT_NS`] from then.
    #[must_use]
    pub fn since(&self) -> Option<u64> {
        (!self.bytes.is_empty()).then_some(self.ts)
    }

    /// What was written so far of the unfinished marker; empty if there is none. A new fragment that is
    /// [pushed](Self::push) these bytes at the time [`since`](Self::since) is this one.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes one write and gives `each` the markers it completes or ends, in order.
    ///
    /// `cut` says that the write was longer than `bytes`. Returns whether the write was a marker or a
    /// part of one; `false` means that it begins like none and there was nothing to continue.
    #[inline]
    pub fn push(
        &mut self,
        ts: u64,
        bytes: &[u8],
        cut: bool,
        mut each: impl FnMut(Joined<'_>),
    ) -> bool {
        let seen = &bytes[..bytes.len().min(MARKER_MAX)];
        let cut = cut || bytes.len() > MARKER_MAX;
        if !self.bytes.is_empty() {
            self.expire(ts, &mut each);
            if let [b'>' | b'<', b':', ..] = seen {
                self.end(&mut each);
            }
        }
        let mut at = 0;
        if !self.bytes.is_empty() {
            at = next_marker(seen, self.resume(seen, cut, &mut each));
        } else if !begins(seen) {
            return false;
        }
        loop {
            let rest = seen.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return true;
            }
            let end = match one(rest, cut) {
                Ok((marker, end)) => {
                    each(Joined {
                        ts,
                        bytes: &rest[..end],
                        marker: Ok(marker),
                    });
                    end
                }
                Err(error) => {
                    if !cut && error.is_open(rest.len()) {
                        self.bytes = rest.to_vec();
                        self.ts = ts;
                    } else {
                        each(Joined {
                            ts,
                            bytes: extent(rest, error.offset, true),
                            marker: Err(error),
                        });
                    }
                    error.offset
                }
            };
            at = next_marker(seen, next_line(seen, at + end));
        }
    }

    /// Continues the marker; gives the beginning of the line after it in `part`.
    ///
    /// The whole is parsed again with each part: parts are few, the whole is small, and so one parser
    /// decides both.
    #[cold]
    fn resume(&mut self, part: &[u8], cut: bool, each: &mut impl FnMut(Joined<'_>)) -> usize {
        let before = self.bytes.len();
        let room = MARKER_MAX - before;
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
        let joined = &self.bytes[..];
        // A part that was cut, or that has more than there is room for, leaves no way to finish later.
        let last = cut || part.len() >= room;
        let (marker, end) = match one(joined, false) {
            Err(error) if !last && error.is_open(joined.len()) => return part.len(),
            Err(error) => (Err(error), error.offset),
            Ok((marker, end)) => (Ok(marker), end),
        };
        each(Joined {
            ts: self.ts,
            bytes: extent(joined, end, marker.is_err()),
            marker,
        });
        // The place of an error may lie in an earlier part: that of a string is its beginning.
        let at = next_line(part, end.saturating_sub(before));
        self.bytes = Vec::new();
        at
    }

    /// Refuses the unfinished marker if it is older than [`FRAGMENT_NS`] at `now`.
    pub fn expire(&mut self, now: u64, each: impl FnMut(Joined<'_>)) {
        if now.saturating_sub(self.ts) > FRAGMENT_NS {
            self.end(each);
        }
    }

    /// Refuses the unfinished marker, if there is one: nothing will continue it.
    pub fn end(&mut self, mut each: impl FnMut(Joined<'_>)) {
        if self.bytes.is_empty() {
            return;
        }
        each(Joined {
            ts: self.ts,
            bytes: &self.bytes,
            marker: Err(Error::new(Code::Unfinished, self.bytes.len())),
        });
        self.bytes = Vec::new();
    }
}

/// The text of a marker that ends at `end`, or whose error is there.
fn extent(bytes: &[u8], end: usize, refused: bool) -> &[u8] {
    let end = if refused {
        let line = next_line(bytes, end);
        if line > end && bytes[line - 1] == b'\n' {
            line - 1
        } else {
            line
        }
    } else {
        end
    };
    &bytes[..end]
}
