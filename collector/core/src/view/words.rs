//! Counts in words.

/// A count with its digits in groups of three.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things.
pub(super) fn plural(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What is not 0, with its name before it.
pub(super) fn list<'n>(counts: impl IntoIterator<Item = (&'n str, u64)>) -> String {
    let counts = counts.into_iter().filter(|&(_, n)| n > 0);
    let texts: Vec<_> = counts.map(|(name, n)| format!("{name} {n}")).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_counts_are_in_groups() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(n), text);
        }
    }

    #[test]
    fn one_is_no_plural_and_nothing_is_not_listed() {
        assert_eq!(
            (plural(1, "hit"), plural(0, "hit")),
            ("1 hit".into(), "0 hits".into())
        );
        assert_eq!(list([("a", 1), ("b", 0), ("c", 3)]), "a 1, c 3");
    }
}
