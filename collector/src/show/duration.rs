//! Durations for people.

const UNITS: [(&str, u128); 6] = [
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", DAY),
];
const DAY: u128 = 86_400_000_000_000;

/// Nanoseconds with four significant digits, in the smallest unit that leaves at most three of them
/// before the point; whole ones below a microsecond, whole days from a thousand on.
///
/// ```
/// use nulltrace_collector::show::duration::human;
///
/// assert_eq!(human(950), "950 ns");
/// assert_eq!(human(1_234_567), "1.235 ms");
/// assert_eq!(human(123_456_789_012), "123.5 s");
/// ```
#[must_use]
pub fn human(ns: u128) -> String {
    if ns < 1000 {
        return format!("{ns} ns");
    }
    for (unit, size) in UNITS {
        for decimals in [3_usize, 2, 1] {
            let scale = [1, 10, 100, 1000][decimals];
            // Rounded first, so that 999.96 µs becomes 1.000 ms and not 1000.0 µs.
            let rounded = ns.saturating_mul(scale).saturating_add(size / 2) / size;
            if rounded < 10_000 {
                let (whole, part) = (rounded / scale, rounded % scale);
                return format!("{whole}.{part:0decimals$} {unit}");
            }
        }
    }
    format!("{} d", ns.saturating_add(DAY / 2) / DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_everywhere() {
        for (ns, text) in [
            (0, "0 ns"),
            (1, "1 ns"),
            (999, "999 ns"),
            (1_000, "1.000 µs"),
            (9_999, "9.999 µs"),
            (12_345, "12.35 µs"),
            (99_999, "100.0 µs"),
            (999_940, "999.9 µs"),
            (999_960, "1.000 ms"),
            (1_234_000, "1.234 ms"),
            (999_949_999, "999.9 ms"),
            (999_950_000, "1.000 s"),
            (59_990_000_000, "59.99 s"),
            (999_900_000_000, "999.9 s"),
            (1_000_000_000_000, "16.67 min"),
            (59_999_000_000_000, "16.67 h"),
            (86_400_000_000_000 * 365, "365.0 d"),
            (86_400_000_000_000 * 12_345, "12345 d"),
            (u64::MAX.into(), "213504 d"),
        ] {
            assert_eq!(human(ns), text, "{ns}");
        }
        assert!(human(u128::MAX).ends_with(" d"));
    }
}
