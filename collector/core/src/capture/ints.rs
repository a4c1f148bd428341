//! Whole numbers, small ones in few bits.
//!
//! A number is a *code* of one byte, and bits behind it. The code is the number itself up to 7; from 8 on it is how
//! many bits the number has and the two bits after the first: what is left is rarely worth compressing. Codes repeat,
//! so they go through the compressor; the bits do not.
//!
//! ```text
//! number           code                                  bits
//! 0 … 7            the number                            none
//! 8 … 2^64 - 1     8 + 4 * (length - 4) + next two       length - 3, the lowest first
//! ```

use super::bytes::{Bad, Result};

/// The codes of numbers, and their bits.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) codes: Vec<u8>,
    bits: Vec<u8>,
    /// Bits that are no whole byte yet.
    pending: u128,
    held: u32,
}

impl Packed {
    pub(super) fn push(&mut self, n: u64) {
        if n < 8 {
            return self.codes.push(n as u8);
        }
        let length = 64 - n.leading_zeros();
        let rest = length - 3;
        let next = (n >> rest) & 3;
        self.codes.push((8 + 4 * (length - 4)) as u8 + next as u8);
        self.pending |= u128::from(n & ((1 << rest) - 1)) << self.held;
        self.held += rest;
        while self.held >= 32 {
            let word = self.pending as u32;
            self.bits.extend_from_slice(&word.to_le_bytes());
            self.pending >>= 32;
            self.held -= 32;
        }
    }

    /// The bits, the last byte filled up with zeros.
    pub(super) fn end(mut self) -> (Vec<u8>, Vec<u8>) {
        let last = self.held.div_ceil(8) as usize;
        let pending = (self.pending as u32).to_le_bytes();
        self.bits.extend(pending.iter().take(last));
        (self.codes, self.bits)
    }
}

/// Reads what [`Packed`] wrote, and gives each number.
pub(super) fn unpack(codes: &[u8], bits: &[u8], mut each: impl FnMut(u64)) -> Result<()> {
    let mut from = bits;
    let mut pending = 0_u128;
    let mut held = 0;
    for &code in codes {
        if code < 8 {
            each(code.into());
            continue;
        }
        let rest = u32::from((code - 8) / 4) + 1;
        if rest > 61 {
            return Err(Bad::Code(code));
        }
        if held < rest {
            match from.split_first_chunk() {
                Some((word, behind)) => {
                    pending |= u128::from(u64::from_le_bytes(*word)) << held;
                    held += 64;
                    from = behind;
                }
                None => {
                    for &byte in from {
                        pending |= u128::from(byte) << held;
                        held += 8;
                    }
                    from = &[];
                    if held < rest {
                        return Err(Bad::Short);
                    }
                }
            }
        }
        let low = pending as u64 & ((1 << rest) - 1);
        let high = 4 | u64::from((code - 8) % 4);
        pending >>= rest;
        held -= rest;
        each(high << rest | low);
    }
    match from.is_empty() && held < 8 {
        true => Ok(()),
        false => Err(Bad::Long),
    }
}

/// The difference of `n` from `to`, small either way.
pub(super) const fn zigzag(n: u64, to: u64) -> u64 {
    let by = n.wrapping_sub(to);
    by << 1 ^ ((by as i64) >> 63) as u64
}

/// What has that difference from `to`.
pub(super) const fn unzigzag(by: u64, to: u64) -> u64 {
    to.wrapping_add(by >> 1 ^ (by & 1).wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pack(numbers: &[u64]) -> (Vec<u8>, Vec<u8>) {
        let mut packed = Packed::default();
        numbers.iter().for_each(|&n| packed.push(n));
        packed.end()
    }

    fn read(codes: &[u8], bits: &[u8]) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        unpack(codes, bits, |n| numbers.push(n)).map(|()| numbers)
    }

    #[test]
    fn codes_are_as_described() {
        let (codes, bits) = pack(&[0, 7, 8, 15, 16, 31, 0b110_1101, u64::MAX]);
        assert_eq!(codes, [0, 7, 8, 11, 12, 15, 22, 251]);
        // 8: 0, 15: 1, 16: 00, 31: 11, 109: 1101, then 61 ones.
        assert_eq!(bits[0], 0b0111_0010);
        assert_eq!(bits.len(), (1 + 1 + 2 + 2 + 4 + 61_usize).div_ceil(8));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let (codes, bits) = pack(&[1 << 40, 3, 1 << 20]);
        assert_eq!(read(&codes, &bits[..bits.len() - 1]), Err(Bad::Short));
        assert_eq!(read(&codes, &[&bits[..], &[0]].concat()), Err(Bad::Long));
        assert_eq!(read(&[252], &[0; 16]), Err(Bad::Code(252)));
        assert_eq!(read(&[], &[]), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_back(numbers in prop::collection::vec(
            (any::<u64>(), 0..64_u32).prop_map(|(n, by)| n >> by), 0..200,
        )) {
            let (codes, bits) = pack(&numbers);
            prop_assert_eq!(read(&codes, &bits), Ok(numbers));
        }

        #[test]
        fn any_difference_is_undone(n: u64, to: u64) {
            prop_assert_eq!(unzigzag(zigzag(n, to), to), n);
        }

        #[test]
        fn no_bytes_break_the_reader(codes: Vec<u8>, bits: Vec<u8>) {
            let _ = read(&codes, &bits);
        }
    }

    #[test]
    fn small_differences_are_small() {
        let of = [(5, 5), (6, 5), (4, 5), (0, u64::MAX), (u64::MAX, 0)];
        assert_eq!(of.map(|(n, to)| zigzag(n, to)), [0, 2, 1, 2, 1]);
    }
}
