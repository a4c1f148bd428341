//! Which bytes are escaped where.

/// Needs a backslash in a tag: `. : = , \ < >`.
pub(crate) const IN_TAG: u8 = 1;
/// Needs a backslash in a name or a value: `: = , \`.
pub(crate) const IN_ARG: u8 = 2;
/// Needs an escape in a JSON string: `"`, `\`, control characters.
pub(crate) const IN_JSON: u8 = 4;
/// A control character, which only JSON can say.
pub(crate) const CONTROL: u8 = 8;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
};

/// The classes a byte is in.
pub(crate) const fn class(byte: u8) -> u8 {
    match byte {
        0..0x20 => IN_JSON | CONTROL,
        b'"' => IN_JSON,
        b'\\' => IN_TAG | IN_ARG | IN_JSON,
        b':' | b'=' | b',' => IN_TAG | IN_ARG,
        b'.' | b'<' | b'>' => IN_TAG,
        _ => 0,
    }
}

/// How many bytes of `text` stand before the first of one of `classes`.
#[inline]
pub(crate) fn plain(text: &[u8], classes: u8) -> usize {
    let hit = |&byte: &u8| CLASSES[usize::from(byte)] & classes != 0;
    text.iter().position(hit).unwrap_or(text.len())
}

/// What a byte of the class [`IN_JSON`] is written as, and how long that is.
pub(crate) const fn in_json(byte: u8) -> ([u8; 6], usize) {
    let letter = match byte {
        8 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        12 => b'f',
        b'\r' => b'r',
        b'"' | b'\\' => byte,
        _ => {
            let digits = *b"0123456789abcdef";
            let (high, low) = (digits[(byte >> 4) as usize], digits[(byte & 15) as usize]);
            return ([b'\\', b'u', b'0', b'0', high, low], 6);
        }
    };
    ([b'\\', letter, 0, 0, 0, 0], 2)
}
