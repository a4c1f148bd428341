//! Undoing and making escapes, and the bytes that need them.

use std::borrow::Cow;

/// A byte that ends the plain run of a tag in the simple form.
pub(crate) const IN_TAG: u8 = 1;
/// A byte that ends the plain run of an argument's name in the simple form.
pub(crate) const IN_NAME: u8 = 2;
/// A byte that ends the plain run of an argument's value in the simple form.
pub(crate) const IN_VALUE: u8 = 4;
/// A byte that ends the plain run of a JSON string.
pub(crate) const IN_JSON: u8 = 8;

const fn mark(mut table: [u8; 256], bytes: &[u8], class: u8) -> [u8; 256] {
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] |= class;
        i += 1;
    }
    table
}

/// For each byte, the classes it ends.
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    table = mark(table, b".:=,\\<>\n", IN_TAG);
    table = mark(table, b":=,\\\n", IN_NAME);
    table = mark(table, b":,\\\n", IN_VALUE);
    table = mark(table, b"\"\\", IN_JSON);
    let mut control = 0;
    while control < 0x20 {
        table[control] |= IN_JSON;
        control += 1;
    }
    table
};

/// The first place from `at` on with a byte of `class`, or the end.
#[inline]
pub(crate) fn skip(bytes: &[u8], at: usize, class: u8) -> usize {
    let ends = |byte: u8| CLASS[usize::from(byte)] & class != 0;
    let mut rest = bytes.get(at..).unwrap_or_default();
    // Whether there are more is asked for four at a time, as every byte of every marker passes here.
    while let [a, b, c, d, more @ ..] = rest {
        let at = bytes.len() - rest.len();
        if ends(*a) {
            return at;
        }
        if ends(*b) {
            return at + 1;
        }
        if ends(*c) {
            return at + 2;
        }
        if ends(*d) {
            return at + 3;
        }
        rest = more;
    }
    let end = rest.iter().position(|byte| ends(*byte));
    bytes.len() - rest.len() + end.unwrap_or(rest.len())
}

/// Whether a tag must escape the byte.
#[inline]
pub(crate) fn tag_escapes(byte: u8) -> bool {
    byte != b'\n' && CLASS[usize::from(byte)] & IN_TAG != 0
}

/// A piece of written text, and whether there is an escape in it to undo.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) escaped: bool,
}

/// Splits simple text at the first unescaped `mark`; without one the tail is empty.
#[inline]
pub(crate) fn split(text: &[u8], mark: u8) -> (Raw<'_>, &[u8]) {
    let (mut at, mut escaped) = (0, false);
    while let Some(&byte) = text.get(at) {
        if byte == mark {
            let raw = Raw {
                text: &text[..at],
                escaped,
            };
            return (raw, &text[at + 1..]);
        }
        let escape = byte == b'\\';
        escaped |= escape;
        at += 1 + usize::from(escape);
    }
    (Raw { text, escaped }, &[])
}

/// What is between the quotes of the next string of valid JSON, and what follows it.
///
/// Everything before that string is passed over, so there must be no string there to mistake for it.
#[inline]
pub(crate) fn next_string(json: &[u8]) -> (Raw<'_>, &[u8]) {
    let open = json.iter().position(|&byte| byte == b'"');
    let string = open.map_or(&[][..], |open| &json[open + 1..]);
    split(string, b'"')
}

/// Undoes the simple form's escapes.
#[inline]
pub(crate) fn unescape(raw: Raw<'_>) -> Cow<'_, [u8]> {
    if raw.escaped {
        Cow::Owned(undo(raw.text))
    } else {
        Cow::Borrowed(raw.text)
    }
}

/// Undoes the escapes of a valid JSON string.
#[inline]
pub(crate) fn unescape_json(raw: Raw<'_>) -> Cow<'_, [u8]> {
    if raw.escaped {
        Cow::Owned(undo_json(raw.text))
    } else {
        Cow::Borrowed(raw.text)
    }
}

#[cold]
fn undo(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            _ => out.push(byte),
        }
    }
    out
}

#[cold]
fn undo_json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let [letter, tail @ ..] = rest else { break };
        rest = tail;
        match letter {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let unit;
                (unit, rest) = hex4(rest);
                let mut point = unit;
                if (0xd800..0xdc00).contains(&unit)
                    && let [b'\\', b'u', tail @ ..] = rest
                    && let (low @ 0xdc00..0xe000, tail) = hex4(tail)
                {
                    point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    rest = tail;
                }
                let text = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(text.encode_utf8(&mut [0; 4]).as_bytes());
            }
            // `"`, `\` and `/` stand for themselves.
            other => out.push(*other),
        }
    }
    out
}

/// Four hexadecimal digits, and what follows them.
fn hex4(text: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = text.split_at(text.len().min(4));
    let unit = digits.iter().fold(0, |unit, digit| {
        unit << 4 | char::from(*digit).to_digit(16).unwrap_or(0)
    });
    (unit, rest)
}
