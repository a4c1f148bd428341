//! The arguments of a marker.

use core::fmt;
use std::borrow::Cow;

use crate::Format;
use crate::text::{next_string, split, unescape, unescape_json};

/// The unescaped name and value of an argument.
pub(crate) type Arg<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Validated arguments.
///
/// ```
/// let marker = nulltrace_spec::parse(b">:t:pay:cart=7,user=ann,cart=8:").unwrap();
/// assert_eq!(marker.args.len(), 3);
/// assert_eq!(marker.args.get(b"user").as_deref(), Some(&b"ann"[..]));
/// assert_eq!(marker.args.get(b"cart").as_deref(), Some(&b"8"[..])); // the last wins
/// ```
#[derive(Clone, Copy)]
pub struct Args<'a> {
    raw: &'a [u8],
    len: u8,
    format: Format,
}

impl<'a> Args<'a> {
    #[inline]
    pub(crate) const fn new(raw: &'a [u8], len: u8, format: Format) -> Self {
        Self { raw, len, format }
    }

    /// How many there are: 0 to [`ARGS_MAX`](crate::ARGS_MAX).
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The name and value of the first, and the others.
    pub(crate) fn split_first(&self) -> Option<(Arg<'a>, Self)> {
        let len = self.len.checked_sub(1)?;
        let (first, raw) = next(self.raw, self.format);
        Some((first, Self { raw, len, ..*self }))
    }

    /// Quickly, whether the first may be of that name, which must not need an escape: `false` is sure.
    #[inline]
    pub(crate) fn may_begin_with(&self, name: &[u8]) -> bool {
        match (self.format, self.raw.first()) {
            (Format::Simple, Some(b'\\')) | (Format::Json, Some(_)) => true,
            (Format::Simple, first) => first == name.first(),
            (Format::Json, None) => false,
        }
    }

    /// The unescaped names and values in order. Borrowed unless an escape had to be undone.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Arg<'a>> + use<'a> {
        let (mut rest, format) = (self.raw, self.format);
        (0..self.len).map(move |_| {
            let arg;
            (arg, rest) = next(rest, format);
            arg
        })
    }

    /// The value of the last argument of that name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let mut found = None;
        for (n, value) in self.iter() {
            if *n == *name {
                found = Some(value);
            }
        }
        found
    }
}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: Cow<'_, [u8]>| bytes.escape_ascii().to_string();
        f.debug_list()
            .entries(self.iter().map(|(name, value)| (text(name), text(value))))
            .finish()
    }
}

/// The name and value at the beginning of `raw`, and what follows them.
#[inline]
fn next(raw: &[u8], format: Format) -> (Arg<'_>, &[u8]) {
    match format {
        Format::Simple => {
            let (name, rest) = split(raw, b'=');
            let (value, rest) = split(rest, b',');
            ((unescape(name), unescape(value)), rest)
        }
        Format::Json => {
            let (name, rest) = next_string(raw);
            let (value, rest) = json_value(rest);
            ((unescape_json(name), value), rest)
        }
    }
}

/// The value after a name of valid JSON, from the colon on, and what follows it.
fn json_value(json: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let colon = json.iter().position(|&byte| byte == b':');
    let value = colon.map_or(&[][..], |colon| json[colon + 1..].trim_ascii_start());
    if value.first() == Some(&b'"') {
        let (string, rest) = next_string(value);
        return (unescape_json(string), rest);
    }
    let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
    let end = value.iter().position(is_end).unwrap_or(value.len());
    (Cow::Borrowed(&value[..end]), &value[end..])
}
