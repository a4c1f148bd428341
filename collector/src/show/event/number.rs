//! Numbers, of which most of what is drawn consists.

/// Decimal digits.
pub(super) fn number(mut n: u64, to: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
        used += 1;
        if n == 0 {
            break;
        }
    }
    to.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}
