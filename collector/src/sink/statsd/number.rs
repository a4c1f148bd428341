//! Numbers as text, with no way through floating point: what the clock said is what is sent.

/// `00` to `99`.
const PAIRS: &str = "\
    00010203040506070809101112131415161718192021222324\
    25262728293031323334353637383940414243444546474849\
    50515253545556575859606162636465666768697071727374\
    75767778798081828384858687888990919293949596979899";

/// Appends nanoseconds as milliseconds with six decimals: every nanosecond is kept.
pub(super) fn push_millis(out: &mut String, ns: u64) {
    let rest = ns % 1_000_000;
    push_integer(out, ns / 1_000_000);
    out.push('.');
    out.push_str(pair(rest / 10_000));
    out.push_str(pair(rest / 100 % 100));
    out.push_str(pair(rest % 100));
}

/// Appends an integer.
pub(super) fn push_integer(out: &mut String, n: u64) {
    if n >= 100 {
        push_integer(out, n / 100);
        out.push_str(pair(n % 100));
    } else if n >= 10 {
        out.push_str(pair(n));
    } else {
        out.push_str(&pair(n)[1..]);
    }
}

fn pair(n: u64) -> &'static str {
    let at = 2 * n as usize;
    &PAIRS[at..at + 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_keep_every_nanosecond() {
        for ns in [
            0,
            1,
            9,
            10,
            99,
            100,
            123_456,
            999_999,
            1_000_000,
            1_000_001,
            9_999_999,
            10_000_000,
            100_000_000,
            12_345_678_901,
            (1 << 53) + 1,
            u64::MAX,
        ] {
            let mut out = String::new();
            push_millis(&mut out, ns);
            assert_eq!(out, format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000));
        }
    }

    #[test]
    fn integers() {
        for n in (0..12_000).chain([u64::MAX, u64::MAX / 10, 1_000_000]) {
            let mut out = String::new();
            push_integer(&mut out, n);
            assert_eq!(out, n.to_string());
        }
    }
}
