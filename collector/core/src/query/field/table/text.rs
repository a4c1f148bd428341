//! Text made of tags and arguments.

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
