//! Decimal digits, several at a time.

/// `00` to `99`.
pub static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + n as u8 / 10, b'0' + n as u8 % 10];
        n += 1;
    }
    pairs
};

/// The eight digits of a number below 10^8, computed all at once.
#[inline]
#[must_use]
pub const fn eight_digits(number: u64) -> [u8; 8] {
    // Numbers of four digits in lanes of 32 bits, then of two in 16, then of one in 8: each is split by a
    // multiplication that divides by 100, then 10, in its lane.
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | ((twos - 10 * tens) << 8);
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_at_once() {
        let step = if cfg!(miri) { 999_983 } else { 997 };
        for number in (0..100_000_000).step_by(step).chain([99_999_999]) {
            assert_eq!(eight_digits(number), *format!("{number:08}").as_bytes());
        }
    }
}
