//! Bytes that are read with care: what is too short, too long or contradicts itself is an error, never a panic.

use core::fmt;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// They end too early.
    Short,
    /// There is something behind their end.
    Long,
    /// A number that no number has as its code.
    Code(u8),
    /// They do not decompress to what they should.
    Compressed,
    /// More than a reader takes: so much, in bytes.
    TooMuch(u64),
    /// A dictionary has no entry of this number.
    NoEntry(u64),
    /// Columns have not as many values as they should.
    Counts,
    /// A column that must be there is not.
    NoColumn(u32),
    /// The values are not those of a record.
    NoRecord,
}

pub(super) type Result<T> = core::result::Result<T, Bad>;

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("it ends too early"),
            Self::Long => f.write_str("there are bytes behind its end"),
            Self::Code(code) => write!(f, "{code} is no code of a number"),
            Self::Compressed => f.write_str("what is compressed in it is damaged"),
            Self::TooMuch(bytes) => write!(f, "{bytes} bytes in it are more than allowed"),
            Self::NoEntry(n) => write!(f, "its dictionary has no entry {n}"),
            Self::Counts => f.write_str("its columns have different numbers of values"),
            Self::NoColumn(column) => write!(f, "its column {column} is missing"),
            Self::NoRecord => f.write_str("what is in it is no record"),
        }
    }
}

impl core::error::Error for Bad {}

/// Appends a number, seven bits a byte, the lowest first.
pub(super) fn put_number(to: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

/// Takes a number from the front of `from`.
pub(super) fn number(from: &mut &[u8]) -> Result<u64> {
    let mut n = 0;
    for place in (0..64).step_by(7) {
        let (&byte, rest) = from.split_first().ok_or(Bad::Short)?;
        *from = rest;
        n |= u64::from(byte & 0x7f) << place;
        if byte < 0x80 {
            return match place == 63 && byte > 1 {
                true => Err(Bad::Code(byte)),
                false => Ok(n),
            };
        }
    }
    Err(Bad::Long)
}

/// Takes so many bytes from the front of `from`.
pub(super) fn take<'a>(from: &mut &'a [u8], len: u64) -> Result<&'a [u8]> {
    let len = usize::try_from(len).map_err(|_| Bad::TooMuch(len))?;
    let (taken, rest) = from.split_at_checked(len).ok_or(Bad::Short)?;
    *from = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_back(n in (any::<u64>(), 0..64_u32).prop_map(|(n, by)| n >> by)) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, n);
            let mut from = &bytes[..];
            prop_assert_eq!(number(&mut from), Ok(n));
            prop_assert!(from.is_empty());
        }
    }

    #[test]
    fn what_is_no_number() {
        let read = |mut bytes: &[u8]| number(&mut bytes);
        assert_eq!(read(&[]), Err(Bad::Short));
        assert_eq!(read(&[0x80, 0xff]), Err(Bad::Short));
        assert_eq!(read(&[0xff; 11]), Err(Bad::Long));
        let last = |byte| [&[0xff; 9][..], &[byte]].concat();
        assert_eq!(read(&last(1)), Ok(u64::MAX));
        assert_eq!(read(&last(2)), Err(Bad::Code(2)));
        let mut bytes = &b"abc"[..];
        assert_eq!(take(&mut bytes, 2), Ok(&b"ab"[..]));
        assert_eq!(take(&mut bytes, 2), Err(Bad::Short));
        assert_eq!(take(&mut bytes, u64::MAX), Err(Bad::Short));
    }
}
