//! The markers of one write.

use core::iter;

use memchr::memchr;

use crate::error::{Code, Error};
use crate::{MARKER_MAX, Marker, json, simple};

/// Parses one marker: one line of the simple form, or one JSON array. What follows its end is ignored.
///
/// ```
/// use nulltrace_spec::{Dir, Id, parse};
///
/// let marker = parse(b">:42:web.render:page=home:").unwrap();
/// assert_eq!((marker.dir, marker.id), (Dir::Enter, Id::Number(42)));
/// ```
///
/// # Errors
/// The first thing that breaks the format, with its byte offset. [`Code::Unfinished`] with the offset
/// `bytes.len()` means that more bytes could finish the marker.
#[inline]
pub fn parse(bytes: &[u8]) -> Result<Marker<'_>, Error> {
    let seen = &bytes[..bytes.len().min(MARKER_MAX)];
    match one(seen, false) {
        Ok((marker, _)) => Ok(marker),
        Err(error) if error.is_open(MARKER_MAX) && bytes.len() > MARKER_MAX => {
            Err(Error::new(Code::Limit, MARKER_MAX))
        }
        Err(error) => Err(error),
    }
}

/// One marker and the offset of its end.
#[inline(always)]
pub(crate) fn one(bytes: &[u8], cut: bool) -> Result<(Marker<'_>, usize), Error> {
    match bytes.first() {
        Some(b'[') => json::parse(bytes, cut),
        Some(_) => simple::parse(bytes, cut),
        None => Err(Error::new(Code::Unfinished, 0)),
    }
}

/// Whether a write or a line that begins so begins a marker, judged by its bytes. Much else is
/// written to the null device: pages that begin with `<`, lists, binary data.
///
/// ```
/// use nulltrace_spec::begins;
///
/// assert!(begins(b">:t") && begins(b"[ \"<") && begins(b">"));
/// assert!(!begins(b"<!DOCTYPE html>") && !begins(b"[1]") && !begins(b""));
/// ```
#[must_use]
#[inline]
pub fn begins(bytes: &[u8]) -> bool {
    match bytes {
        [b'>' | b'<', rest @ ..] => matches!(rest, [] | [b':', ..]),
        [b'[', rest @ ..] => {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            let start = rest
                .iter()
                .position(|byte| !blank(byte))
                .unwrap_or(rest.len());
            // An escape may stand for the direction.
            matches!(rest[start..], [] | [b'"'] | [b'"', b'>' | b'<' | b'\\', ..])
        }
        _ => false,
    }
}

/// The beginning of the line after the one that `at` is in, or the end of the bytes.
#[inline]
pub(crate) fn next_line(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        // A marker mostly ends with its line or with the write.
        [] => bytes.len(),
        [b'\n', ..] => at + 1,
        rest => memchr(b'\n', rest).map_or(bytes.len(), |newline| at + newline + 1),
    }
}

/// The beginning of the first line that begins like a marker, from the line that begins at `at` on, or
/// the end of the bytes.
#[inline]
pub(crate) fn next_marker(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && !begins(&bytes[at..]) {
        at = next_line(bytes, at);
    }
    at
}

/// One marker found in a write.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Byte offset of the marker in the write.
    pub offset: usize,
    /// The marker, or why it is none. Offsets in the error are from the beginning of the write.
    pub marker: Result<Marker<'a>, Error>,
}

/// The markers of one write: lines that begin with `>:`, `<:`, or `[` and the string of a direction;
/// other lines are passed over, and so is a write that begins with anything else.
///
/// `cut` says that the write was longer than `bytes`: an unfinished last marker is then kept if its
/// tags are whole (with the args that are whole, flagged), and is an error otherwise. Bytes beyond
/// [`MARKER_MAX`] are ignored, as if the write had been cut there.
///
/// ```
/// use nulltrace_spec::{Code, markers};
///
/// let write = b">:t:a::\n>:t:::\n<:t:a::\n";
/// let found: Vec<_> = markers(write, false).collect();
/// assert_eq!(found.len(), 3);
/// assert_eq!(found[1].marker.unwrap_err().code, Code::TagEmpty);
/// assert_eq!(found[2].offset, 15);
///
/// let cut = markers(b">:t:a:k=v,l=", true).next().unwrap().marker.unwrap();
/// assert!(cut.cut);
/// assert_eq!(cut.args.len(), 1);
/// ```
#[inline]
pub fn markers(bytes: &[u8], cut: bool) -> impl Iterator<Item = Found<'_>> {
    let seen = &bytes[..bytes.len().min(MARKER_MAX)];
    let cut = cut || bytes.len() > MARKER_MAX;
    let mut at = if begins(seen) { 0 } else { seen.len() };
    iter::from_fn(move || {
        let offset = next_marker(seen, at);
        let rest = seen.get(offset..).filter(|rest| !rest.is_empty())?;
        let (marker, len) = match one(rest, cut) {
            Ok((marker, len)) => (Ok(marker), len),
            Err(error) => {
                let moved = Error::new(error.code, offset + error.offset);
                (Err(moved), error.offset)
            }
        };
        at = next_line(seen, offset + len);
        Some(Found { offset, marker })
    })
}
