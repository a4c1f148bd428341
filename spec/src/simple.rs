//! The simple form: `>:id:tags:args:`.

use crate::args::Args;
use crate::error::{Code, Error};
use crate::tags::{Form, Tags};
use crate::text::{IN_NAME, IN_TAG, IN_VALUE, skip, tag_escapes};
use crate::{ARGS_MAX, Dir, Format, Id, Marker, TAGS_MAX};

/// Reads one marker that begins with `>` or `<`; gives it and the offset of its end.
///
/// `cut` keeps a marker whose bytes end within its args.
// A marker is big; inlined, its parts are written once, where they stay.
#[inline(always)]
pub(crate) fn parse(bytes: &[u8], cut: bool) -> Result<(Marker<'_>, usize), Error> {
    let dir = match bytes.first() {
        Some(b'>') => Dir::Enter,
        Some(b'<') => Dir::Exit,
        _ => return Err(Error::new(Code::Direction, 0)),
    };
    let at = colon(bytes, 1, Code::Direction)?;
    let (id, at) = id(bytes, at)?;
    let (tags, at) = tags(bytes, at)?;
    let (args, end, cut) = args(bytes, at, cut)?;
    let marker = Marker {
        dir,
        id,
        tags,
        args,
        format: Format::Simple,
        cut,
    };
    Ok((marker, end))
}

/// The refusal of the byte at `at`. The end of the line, or of the bytes, is always the marker's
/// missing end, whatever was expected.
#[cold]
fn refuse(bytes: &[u8], at: usize, code: Code) -> Error {
    match bytes.get(at) {
        None | Some(b'\n') => Error::new(Code::Unfinished, at),
        Some(_) => Error::new(code, at),
    }
}

/// The place after the colon that must be at `at`.
#[inline]
fn colon(bytes: &[u8], at: usize, code: Code) -> Result<usize, Error> {
    match bytes.get(at) {
        Some(b':') => Ok(at + 1),
        _ => Err(refuse(bytes, at, code)),
    }
}

#[inline(always)]
fn id(bytes: &[u8], at: usize) -> Result<(Id, usize), Error> {
    let (id, end) = match bytes.get(at) {
        Some(b':') => (Id::None, at),
        Some(b'g') => (Id::Global, at + 1),
        Some(b't') => (Id::Thread, at + 1),
        Some(b'p') if bytes.get(at + 1) == Some(&b'p') => (Id::Parent, at + 2),
        Some(b'p') => (Id::Process, at + 1),
        Some(b'-' | b'0'..=b'9') => number(bytes, at)?,
        _ => return Err(refuse(bytes, at, Code::Id)),
    };
    Ok((id, colon(bytes, end, Code::Id)?))
}

#[inline]
fn number(bytes: &[u8], start: usize) -> Result<(Id, usize), Error> {
    let negative = bytes[start] == b'-';
    let mut at = start + usize::from(negative);
    if !matches!(bytes.get(at), Some(b'0'..=b'9')) {
        return Err(refuse(bytes, at, Code::Id));
    }
    let mut value = 0_i64;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        value = push_digit(value, *digit, negative);
        at += 1;
    }
    Ok((Id::Number(value), at))
}

/// Appends a decimal digit, modulo 2^64; negative numbers grow downwards.
#[inline]
pub(crate) fn push_digit(value: i64, digit: u8, negative: bool) -> i64 {
    let digit = i64::from(digit - b'0');
    let value = value.wrapping_mul(10);
    if negative {
        value.wrapping_sub(digit)
    } else {
        value.wrapping_add(digit)
    }
}

/// The place after the escape whose backslash is at `at`.
#[inline]
fn escape(bytes: &[u8], at: usize) -> Result<usize, Error> {
    match bytes.get(at + 1) {
        None => Err(Error::new(Code::Unfinished, at + 1)),
        Some(b'\n') => Err(Error::new(Code::Escape, at)),
        Some(_) => Ok(at + 2),
    }
}

#[inline(always)]
fn tags(bytes: &[u8], begin: usize) -> Result<(Tags<'_>, usize), Error> {
    let (mut at, mut len, mut form) = (begin, 0, Form::Canonical);
    loop {
        at = skip(bytes, at, IN_TAG);
        match bytes.get(at) {
            Some(b'\\') => {
                let end = escape(bytes, at)?;
                if !tag_escapes(bytes[end - 1]) {
                    form = Form::Loose;
                }
                at = end;
            }
            Some(mark @ (b'.' | b':')) => {
                len += 1;
                if *mark == b':' {
                    if at == begin {
                        return Err(Error::new(Code::TagEmpty, at));
                    }
                    return Ok((Tags::new(&bytes[begin..at], len, form), at + 1));
                }
                if usize::from(len) == TAGS_MAX {
                    return Err(Error::new(Code::TagDepth, at));
                }
                at += 1;
            }
            _ => return Err(refuse(bytes, at, Code::TagChar)),
        }
    }
}

/// The args, the end of the marker, and whether they were cut.
#[inline(always)]
fn args(bytes: &[u8], begin: usize, cut: bool) -> Result<(Args<'_>, usize, bool), Error> {
    if bytes.get(begin) == Some(&b':') {
        return Ok((Args::new(&[], 0, Format::Simple), begin + 1, false));
    }
    // What is whole so far: its end and how many args it has.
    let (mut whole, mut len) = (begin, 0);
    let mut at = begin;
    loop {
        let end = match arg(bytes, at) {
            Err(error) if cut && error.is_open(bytes.len()) => {
                return Ok((
                    Args::new(&bytes[begin..whole], len, Format::Simple),
                    at,
                    true,
                ));
            }
            end => end?,
        };
        (whole, len) = (end, len + 1);
        if bytes[end] == b':' {
            return Ok((
                Args::new(&bytes[begin..whole], len, Format::Simple),
                end + 1,
                false,
            ));
        }
        if usize::from(len) == ARGS_MAX {
            return Err(Error::new(Code::ArgCount, end));
        }
        at = end + 1;
    }
}

/// The place of the comma or colon that ends the argument at `begin`.
#[inline(always)]
fn arg(bytes: &[u8], begin: usize) -> Result<usize, Error> {
    let (mut at, mut class) = (begin, IN_NAME);
    loop {
        at = skip(bytes, at, class);
        match bytes.get(at) {
            Some(b'\\') => at = escape(bytes, at)?,
            Some(b'=' | b',' | b':') if at == begin => {
                return Err(Error::new(Code::ArgName, at));
            }
            Some(b'=') => {
                class = IN_VALUE;
                at += 1;
            }
            Some(_) if class == IN_VALUE && bytes[at] != b'\n' => return Ok(at),
            _ => return Err(refuse(bytes, at, Code::ArgEquals)),
        }
    }
}
