//! Whole numbers as text, without the machinery of formatting and without a way to panic.

use core::mem::MaybeUninit;

/// Room for the digits of one number.
pub(crate) struct Decimal {
    // Written from the end; a sign and 20 digits fit.
    bytes: [MaybeUninit<u8>; 21],
}

impl Decimal {
    /// No number yet; costs nothing.
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [MaybeUninit::uninit(); 21],
        }
    }

    /// The text of a number of that absolute value.
    pub(crate) fn write(&mut self, negative: bool, mut rest: u64) -> &[u8] {
        let mut at = self.bytes.len();
        for slot in self.bytes.iter_mut().rev() {
            // A digit of a number below 10 fits a byte.
            slot.write(b'0' + (rest % 10) as u8);
            rest /= 10;
            at -= 1;
            if rest == 0 {
                break;
            }
        }
        if negative
            && let Some(before) = at.checked_sub(1)
            && let Some(slot) = self.bytes.get_mut(before)
        {
            slot.write(b'-');
            at = before;
        }
        let text = self.bytes.get(at..).unwrap_or_default();
        // SAFETY: every byte from `at` on was written above, and the types have one layout.
        unsafe { &*(core::ptr::from_ref(text) as *const [u8]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_display_writes() {
        for number in [0, 1, -1, 9, 10, -10, 42, i64::MAX, i64::MIN] {
            let mut room = Decimal::new();
            let text = room.write(number < 0, number.unsigned_abs());
            assert_eq!(text, number.to_string().as_bytes());
        }
        let mut room = Decimal::new();
        assert_eq!(room.write(false, u64::MAX), u64::MAX.to_string().as_bytes());
        let mut room = Decimal::new();
        assert_eq!(room.write(true, u64::MAX), b"-18446744073709551615");
    }
}
