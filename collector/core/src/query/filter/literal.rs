//! Values as a person writes them, by type.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::IpAddr;

use super::cursor::is_plain;
use crate::query::field::quote;
use crate::query::field::{Type, Value};

/// A value of a filter, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal(pub(super) Box<[u8]>);

impl Literal {
    /// What was written, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The same, for a message.
    pub(super) fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// The number that stands for it; nothing of a system call, which may stand for several.
    pub(super) fn number(&self, type_: Type) -> Option<u64> {
        let text = self.text()?;
        match type_ {
            Type::Integer => text.parse().ok().map(ordered),
            Type::Number | Type::Time => whole(text),
            Type::Size => size(text),
            Type::Duration => nanoseconds(text),
            Type::Boolean => text.parse::<bool>().ok().map(u64::from),
            Type::Call | Type::Text | Type::Address => None,
        }
    }

    /// The numbers of the system calls that it stands for, of the machine's table, which `call` has.
    pub(super) fn calls(&self, call: &dyn Fn(&str) -> Vec<u32>) -> Option<Vec<u64>> {
        let text = self.text()?;
        let mut calls = call(text);
        if calls.is_empty() {
            calls.push(text.parse().ok()?);
        }
        Some(calls.into_iter().map(u64::from).collect())
    }

    /// Whether it is a number without a unit.
    pub(super) fn is_bare_number(&self) -> bool {
        self.0.iter().all(u8::is_ascii_digit)
    }
}

/// So that it is read again: in quotes if it must be.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) if is_plain(text) => f.write_str(text),
            _ => {
                f.write_char('"')?;
                quote(&self.0, f)?;
                f.write_char('"')
            }
        }
    }
}

/// The number that a value is compared as: what has a type that is one.
pub(super) fn number_of(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Number(n) | Value::Duration(n) | Value::Time(n) => Some(*n),
        Value::Integer(n) => Some(ordered(*n)),
        Value::Call(nr) => Some((*nr).into()),
        Value::Boolean(is) => Some((*is).into()),
        Value::Absent | Value::Text(_) | Value::Address(_) => None,
    }
}

/// A number for each that may be negative, in the same order.
const fn ordered(n: i64) -> u64 {
    n.cast_unsigned() ^ 1 << 63
}

/// A whole number, decimal or with `0x` hexadecimal.
fn whole(text: &str) -> Option<u64> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = hex.unwrap_or(text);
    // What `from_str_radix` takes has a sign, too.
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let radix = if hex.is_some() { 16 } else { 10 };
    u64::from_str_radix(digits, radix).ok().filter(|_| plain)
}

/// A duration: a number and its unit, of nanoseconds if there is none.
fn nanoseconds(text: &str) -> Option<u64> {
    with_unit(text, |unit| {
        Some(match unit {
            "" | "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        })
    })
}

/// A size: a number and its unit, of bytes if there is none.
fn size(text: &str) -> Option<u64> {
    with_unit(text, |unit| {
        Some(match unit {
            "" | "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return None,
        })
    })
}

/// Digits of a fraction that are read: more make no difference to any unit.
const DIGITS: usize = 15;

/// A number, perhaps with a fraction, times what its unit stands for. Not by floating point: what is compared must be
/// the very number.
fn with_unit(text: &str, factor: fn(&str) -> Option<u64>) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let factor = factor(unit)?;
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (number, ""),
    };
    if fraction.contains('.') {
        return None;
    }
    let sum = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let fraction = &fraction[..fraction.len().min(DIGITS)];
    let (mut part, mut scale) = (0_u128, 1_u128);
    for digit in fraction.bytes() {
        part = part * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    let part = u64::try_from(part * u128::from(factor) / scale).ok()?;
    sum.checked_add(part)
}

/// The addresses that begin with the same bits; all of them, if it is one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    bits: u128,
    mask: u128,
    v4: bool,
}

impl Network {
    /// Reads an address, or one with `/` and how many of its bits count.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        // Of a network the version is the one it was written in.
        let address = match len {
            Some(_) => address,
            None => address.to_canonical(),
        };
        let (bits, width, v4) = of(address);
        let len = match len {
            None => width,
            Some(len) => {
                let plain = len.bytes().all(|byte| byte.is_ascii_digit());
                len.parse().ok().filter(|len| plain && *len <= width)?
            }
        };
        let mask = match len {
            0 => 0,
            len => u128::MAX << (width - len),
        };
        Some(Self {
            bits: bits & mask,
            mask,
            v4,
        })
    }

    /// Whether the address is one of these. One of version 4 within version 6 is one of version 4.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let (bits, _, v4) = of(address.to_canonical());
        v4 == self.v4 && bits & self.mask == self.bits
    }
}

fn of(address: IpAddr) -> (u128, u32, bool) {
    match address {
        IpAddr::V4(of) => (u32::from(of).into(), 32, true),
        IpAddr::V6(of) => (of.into(), 128, false),
    }
}

/// ASCII letters as lower case.
pub(super) fn lower(text: &[u8]) -> Cow<'_, [u8]> {
    match text.iter().any(u8::is_ascii_uppercase) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, ns) in [
            ("0", 0),
            ("17", 17),
            ("17ns", 17),
            ("2us", 2_000),
            ("2µs", 2_000),
            ("1.5ms", 1_500_000),
            ("0.000000001s", 1),
            ("0.0000000019s", 1),
            ("12.345678901s", 12_345_678_901),
            ("1.5m", 90_000_000_000),
            ("5124095h", 18_446_742_000_000_000_000),
        ] {
            assert_eq!(nanoseconds(text), Some(ns), "{text}");
        }
        for bad in [
            "", "s", ".5s", "1.2.3s", "1 s", "-1s", "1d", "5124096h", "x", "1.s", "1S",
        ] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_exact() {
        for (text, bytes) in [
            ("4096", 4096),
            ("7B", 7),
            ("2kB", 2000),
            ("1MiB", 1 << 20),
            ("1.5KiB", 1536),
            ("0.1KiB", 102),
            ("1GiB", 1 << 30),
            ("1.000000000001TB", 1_000_000_000_001),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["", "B", "1K", "1kb", "1mib", "-1", "17000000TiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn whole_numbers() {
        assert_eq!((whole("80"), whole("0x1F")), (Some(80), Some(31)));
        for bad in [
            "",
            "-1",
            "+1",
            "0x",
            "1.5",
            "1e3",
            "0x-1",
            "99999999999999999999",
        ] {
            assert_eq!(whole(bad), None, "{bad}");
        }
    }

    #[test]
    fn networks() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.9.8.7", "11.0.0.1"),
            ("10.1.2.3/8", "10.9.8.7", "11.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1"),
            ("::ffff:127.0.0.1", "127.0.0.1", "::1"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("fe80::/10", "febf::1", "fec0::1"),
            ("::/0", "::1", "1.2.3.4"),
            ("::1/128", "::1", "::2"),
        ] {
            let network = Network::read(network).unwrap();
            assert!(network.has(inside.parse().unwrap()), "{network:?} {inside}");
            assert!(
                !network.has(outside.parse().unwrap()),
                "{network:?} {outside}"
            );
        }
        for bad in [
            "",
            "localhost",
            "10/8",
            "1.2.3.4/33",
            "::/129",
            "1.2.3.4/",
            "1.2.3.4/+8",
        ] {
            assert_eq!(Network::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn any_value_is_read_back() {
        for (bytes, text) in [
            (&b"cart"[..], "cart"),
            (b"a->b", "a->b"),
            (b"and", "\"and\""),
            (b"a b", "\"a b\""),
            (b"a=b", "\"a=b\""),
            (br#"say "hi" \d"#, r#""say \"hi\" \\d""#),
            (b"\xff\x00\n", r#""\xff\x00\x0a""#),
        ] {
            let literal = Literal(bytes.into());
            assert_eq!(literal.to_string(), text);
            let mut cursor = super::super::cursor::Cursor::new(text);
            assert_eq!(cursor.value().unwrap().0, bytes);
        }
    }
}
