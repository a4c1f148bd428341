//! What was read or written, for people.

use std::io::Write as _;

/// How data is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Data {
    /// Within its line, the beginning.
    #[default]
    Inline,
    /// Below it, all, as text.
    Text,
    /// Below it, all, as hexadecimal and text.
    Hex,
}

/// Bytes in a line of hexadecimal digits.
const LINE: usize = 16;

/// Appends data.
pub(super) fn draw(how: Data, bytes: &[u8], to: &mut Vec<u8>) {
    match how {
        Data::Inline => to.extend_from_slice(bytes),
        Data::Text => to.extend(bytes.iter().map(|&byte| match byte {
            b'\n' | b'\t' => byte,
            byte => printable(byte),
        })),
        Data::Hex => hex(bytes, to),
    }
}

const fn printable(byte: u8) -> u8 {
    match byte {
        b' '..=b'~' => byte,
        _ => b'.',
    }
}

fn hex(bytes: &[u8], to: &mut Vec<u8>) {
    for (at, line) in bytes.chunks(LINE).enumerate() {
        // Writing to a vector does not fail.
        let _ = write!(to, "\t0x{:04x}: ", at * LINE);
        for pair in line.chunks(2) {
            for byte in pair {
                let _ = write!(to, "{byte:02x}");
            }
            to.push(b' ');
        }
        let pairs = line.len().div_ceil(2);
        let missing = (LINE / 2 - pairs) * 5 + (pairs * 2 - line.len()) * 2;
        to.resize(to.len() + missing + 1, b' ');
        to.extend(line.iter().map(|&byte| printable(byte)));
        to.push(b'\n');
    }
}
