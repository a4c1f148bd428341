//! Values, and the types they are of.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Bytes of others, never trusted.
    Text,
    /// A whole number.
    Number,
    /// An address of the Internet protocols.
    Address,
    /// A system call: a number in the machine's own table, for people a name.
    Call,
    /// How long something took, nanoseconds.
    Duration,
    /// When something happened, `CLOCK_MONOTONIC` nanoseconds.
    Time,
    /// True or false.
    Boolean,
}

impl Type {
    /// The name of the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Address => "address",
            Self::Call => "system call",
            Self::Duration => "duration",
            Self::Time => "time",
            Self::Boolean => "boolean",
        }
    }

    /// The unit of its numbers, as programs get them.
    #[must_use]
    pub const fn unit(self) -> Option<&'static str> {
        match self {
            Self::Duration | Self::Time => Some("ns"),
            _ => None,
        }
    }

    /// The value that a person wrote. No text is no value. `call` gives the number of a system call by its
    /// name.
    pub(in crate::query) fn read(
        self,
        text: &str,
        call: &dyn Fn(&str) -> Option<u32>,
    ) -> Option<Value<'static>> {
        if text.is_empty() {
            return Some(Value::Absent);
        }
        Some(match self {
            Self::Text => Value::text(text.as_bytes().to_vec()),
            Self::Number => Value::Number(text.parse().ok()?),
            Self::Address => Value::Address(text.parse().ok()?),
            Self::Call => Value::Call(call(text).or_else(|| text.parse().ok())?),
            Self::Duration => Value::Duration(nanoseconds(text)?),
            Self::Time => Value::Time(text.parse().ok()?),
            Self::Boolean => Value::Boolean(text.parse().ok()?),
        })
    }
}

/// A duration: a number and its unit, of nanoseconds if there is none.
fn nanoseconds(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let factor: u64 = match unit {
        "" | "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    // Not by floating point: what is compared must be the very number.
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut sum = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let mut place = factor;
    for digit in fraction.bytes() {
        place /= 10;
        let digit = u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        sum = sum.checked_add(digit * place)?;
    }
    Some(sum)
}

/// What a subject has for a field. The order is one for sorting, no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value<'a> {
    /// Nothing: a call on no file has no `fd.name`.
    Absent,
    /// Bytes of others, never empty.
    Text(Cow<'a, [u8]>),
    /// A number.
    Number(u64),
    /// An address.
    Address(IpAddr),
    /// A system call, by its number.
    Call(u32),
    /// A duration, nanoseconds.
    Duration(u64),
    /// A time, `CLOCK_MONOTONIC` nanoseconds.
    Time(u64),
    /// True or false.
    Boolean(bool),
}

/// One word for each value, and the bytes of text: a derived one gives the hasher two or three.
impl Hash for Value<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, word) = match self {
            Self::Absent => (0, 0),
            Self::Text(text) => {
                state.write(text);
                (1, text.len() as u64)
            }
            Self::Number(n) => (2, *n),
            Self::Address(address) => {
                address.hash(state);
                (3, 0)
            }
            Self::Call(nr) => (4, u64::from(*nr)),
            Self::Duration(ns) => (5, *ns),
            Self::Time(ns) => (6, *ns),
            Self::Boolean(is) => (7, u64::from(*is)),
        };
        state.write_u64(word.rotate_left(8) ^ kind);
    }
}

impl<'a> Value<'a> {
    /// Text; nothing if it is empty.
    pub(in crate::query) fn text(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        let bytes = bytes.into();
        match bytes.is_empty() {
            true => Self::Absent,
            false => Self::Text(bytes),
        }
    }

    /// A duration, if it is known.
    pub(in crate::query) fn duration(ns: Option<u64>) -> Self {
        ns.map_or(Self::Absent, Self::Duration)
    }

    /// How many there are.
    pub(in crate::query) fn count(n: usize) -> Self {
        Self::Number(n as u64)
    }

    /// Whether it is equal to another. Mostly both are text, which the derived comparison finds out late.
    #[inline]
    pub(crate) fn is(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Text(one), Value::Text(other)) => **one == **other,
            (one, other) => one == other,
        }
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Absent => Value::Absent,
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Number(n) => Value::Number(n),
            Self::Address(address) => Value::Address(address),
            Self::Call(nr) => Value::Call(nr),
            Self::Duration(ns) => Value::Duration(ns),
            Self::Time(ns) => Value::Time(ns),
            Self::Boolean(is) => Value::Boolean(is),
        }
    }

    /// Bytes of text in it.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 0,
        }
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(of: Option<T>) -> Self {
        of.map_or(Self::Absent, Into::into)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::text(bytes)
    }
}

impl<'a> From<Cow<'a, [u8]>> for Value<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        Self::text(bytes)
    }
}

impl From<u32> for Value<'_> {
    fn from(n: u32) -> Self {
        Self::Number(n.into())
    }
}

impl From<u64> for Value<'_> {
    fn from(n: u64) -> Self {
        Self::Number(n)
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
            ("12.345678901s", 12_345_678_901),
            ("1.5m", 90_000_000_000),
            ("5124095h", 18_446_742_000_000_000_000),
        ] {
            assert_eq!(nanoseconds(text), Some(ns), "{text}");
        }
        for bad in [
            "", "s", ".5s", "1.2.3s", "1 s", "-1s", "1d", "5124096h", "x",
        ] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_type_reads_its_own() {
        let call = |name: &str| (name == "read").then_some(0);
        let read = |type_: Type, text: &str| type_.read(text, &call);
        for type_ in [
            Type::Text,
            Type::Number,
            Type::Address,
            Type::Call,
            Type::Duration,
            Type::Time,
            Type::Boolean,
        ] {
            assert_eq!(read(type_, ""), Some(Value::Absent));
        }
        assert_eq!(read(Type::Time, "7"), Some(Value::Time(7)));
        assert_eq!(read(Type::Time, "7s"), None);
        assert_eq!(read(Type::Boolean, "true"), Some(Value::Boolean(true)));
        assert_eq!(read(Type::Boolean, "yes"), None);
        assert_eq!(read(Type::Call, "read"), Some(Value::Call(0)));
        assert_eq!(read(Type::Call, "17"), Some(Value::Call(17)));
        assert_eq!(
            read(Type::Duration, "2ms"),
            Some(Value::Duration(2_000_000))
        );
    }
}
