//! Text made of tags and arguments.

use super::super::value::Value;
use crate::facts::path::TagPath;

/// The place of the `n`th of `len`, counted from the last if it is negative.
pub(super) fn place(n: i16, len: usize) -> Option<usize> {
    match usize::try_from(n) {
        Ok(at) => Some(at),
        Err(_) => len.checked_sub(n.unsigned_abs().into()),
    }
}

pub(super) fn tag(path: &TagPath, n: i16) -> Option<&[u8]> {
    let tags = path.segments();
    tags.get(place(n, tags.len())?).map(|tag| &**tag)
}

/// `NAME=VALUE` joined by commas; a comma, an equals sign or a backslash in them has a backslash before it, as in a
/// marker, so that different arguments are different text.
pub(super) fn joined<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    args: impl Iterator<Item = (N, V)>,
) -> Vec<u8> {
    let mut text = Vec::new();
    let escape = |text: &mut Vec<u8>, bytes: &[u8]| {
        for &byte in bytes {
            if matches!(byte, b',' | b'=' | b'\\') {
                text.push(b'\\');
            }
            text.push(byte);
        }
    };
    for (name, value) in args {
        if !text.is_empty() {
            text.push(b',');
        }
        escape(&mut text, name.as_ref());
        text.push(b'=');
        escape(&mut text, value.as_ref());
    }
    text
}

/// A duration with its unit, as `1.2ms`, so that a filter reads it again.
pub(super) fn human<'a>(ns: u64) -> Value<'a> {
    const UNITS: [(&str, u64); 3] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    let unit = UNITS.into_iter().find(|(_, size)| ns >= *size);
    let text = match unit {
        None => format!("{ns}ns"),
        Some((unit, size)) => {
            let (whole, part) = (ns / size, ns % size);
            // Two digits behind the point, rounded down.
            format!("{whole}.{:02}{unit}", part / (size / 100))
        }
    };
    Value::text(text.into_bytes())
}
