//! Bytes on the stack that cost nothing before they are written.

use core::mem::MaybeUninit;

use nulltrace::__private::{PAIRS, eight_digits};

/// Room for `N` bytes, not initialised; written up to `len`.
pub(crate) struct Bytes<const N: usize> {
    bytes: [MaybeUninit<u8>; N],
    len: usize,
}

impl<const N: usize> Bytes<N> {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [const { MaybeUninit::uninit() }; N],
            len: 0,
        }
    }

    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// As much as there is room for; says whether that is all.
    #[inline(always)]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> bool {
        let room = &mut self.bytes[self.len..];
        let fits = bytes.len().min(room.len());
        for (to, &from) in room.iter_mut().zip(&bytes[..fits]) {
            to.write(from);
        }
        self.len += fits;
        fits == bytes.len()
    }

    /// The first `len` of these bytes. All are copied if there is room: quicker than so many.
    #[inline(always)]
    pub(crate) fn put_text<const M: usize>(&mut self, bytes: &[u8; M], len: usize) -> bool {
        let len = len.min(M);
        if let Some(room) = self.bytes[self.len..].first_chunk_mut::<M>() {
            *room = bytes.map(MaybeUninit::new);
            self.len += len;
            return true;
        }
        self.put(&bytes[..len])
    }

    /// A number of 15 digits; faster than those of any length.
    #[inline]
    pub(crate) fn put_15_digits(&mut self, number: u64) -> bool {
        const HALF: u64 = 100_000_000;
        let (high, low) = (eight_digits(number / HALF), eight_digits(number % HALF));
        let [[_, high @ ..], low] = [high, low];
        self.put_text(&high, 7) && self.put_text(&low, 8)
    }

    /// A number in decimal digits; faster than `Display`, two digits at a time.
    #[inline]
    pub(crate) fn put_number(&mut self, negative: bool, mut rest: u64) -> bool {
        // As many again behind them, so that 20 can be taken from anywhere.
        let mut digits = [0; 40];
        let mut at = 20;
        while rest >= 100 {
            at -= 2;
            digits[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        if rest >= 10 {
            at -= 2;
            digits[at..at + 2].copy_from_slice(&PAIRS[rest as usize]);
        } else {
            at -= 1;
            digits[at] = b'0' + rest as u8;
        }
        let Some(number) = digits[at..].first_chunk::<20>() else {
            return false;
        };
        (!negative || self.put(b"-")) && self.put_text(number, 20 - at)
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> &[u8] {
        // SAFETY: `put` has written the first `len` bytes, and nothing unwrites them.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let powers = (0..20)
            .map(|power| 10_u64.pow(power))
            .flat_map(|power| [power - 1, power, power + 1]);
        for number in powers.chain([0, 9, 10, 99, 100, u64::MAX]) {
            let mut bytes = Bytes::<64>::new();
            assert!(bytes.put_number(false, number) && bytes.put_number(true, number));
            assert_eq!(bytes.get(), format!("{number}-{number}").as_bytes());
        }
    }

    #[test]
    fn numbers_of_15_digits() {
        let powers = (47..48).map(|power| 1_u64 << power);
        let ends = [
            100_000_000_000_000,
            999_999_999_999_999,
            123_456_789_012_345,
        ];
        let many = (0..1000).map(|n| 100_000_000_000_000 + n * 898_989_898_989);
        for number in powers.chain(ends).chain(many) {
            let mut bytes = Bytes::<64>::new();
            assert!(bytes.put_15_digits(number));
            assert_eq!(bytes.get(), number.to_string().as_bytes());
        }
        assert!(!Bytes::<14>::new().put_15_digits(1 << 47));
    }

    #[test]
    fn what_does_not_fit_is_left_away() {
        let mut bytes = Bytes::<5>::new();
        assert!(bytes.put(b"abc"));
        assert!(!bytes.put(b"def"));
        assert!(!bytes.put_number(false, 7));
        assert_eq!((bytes.get(), bytes.len()), (&b"abcde"[..], 5));
    }
}
