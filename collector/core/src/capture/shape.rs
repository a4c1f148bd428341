//! The shape of a marker: what of it repeats. The rest is its id, where that is a number, and the values of its
//! arguments.
//!
//! A shape is found by the marker's characters alone, and is right for any bytes: put together with the rest it gives
//! the very bytes. What has an escape, or is JSON, has none and is kept as it is.

use super::bytes::{Bad, Result, number, put_number, take};

/// A marker taken apart; the room is used again.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The shape, as a file has it: whether an id follows the first text, how many values follow the others, and the
    /// texts, each with its length.
    pub(super) shape: Vec<u8>,
    /// The id, if it is a number.
    pub(super) id: Option<u64>,
    /// Where the values of the arguments are.
    pub(super) values: Vec<(u32, u32)>,
}

/// The most values of a shape; a longer list is kept as it is.
const VALUES_MAX: usize = 64;

impl Parts {
    /// Takes a marker apart. `None` if it has no shape.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.shape.clear();
        self.values.clear();
        self.id = None;
        let colons = &mut [0; 4];
        let mut found = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b'\\' => return None,
                b':' => {
                    *colons.get_mut(found)? = at;
                    found += 1;
                }
                _ => {}
            }
        }
        let [first, second, third, fourth] = *colons;
        if found != 4 || first != 1 || u32::try_from(bytes.len()).is_err() {
            return None;
        }
        let id = &bytes[first + 1..second];
        self.id = decimal(id);
        let args = &bytes[third + 1..fourth];
        let mut at = third + 1;
        for arg in args.split(|&byte| byte == b',') {
            if args.is_empty() {
                break;
            }
            let equals = arg.iter().position(|&byte| byte == b'=')?;
            self.values
                .push(((at + equals + 1) as u32, (at + arg.len()) as u32));
            at += arg.len() + 1;
        }
        if self.values.len() > VALUES_MAX {
            return None;
        }
        self.shape.push(self.id.is_some().into());
        put_number(&mut self.shape, self.values.len() as u64);
        let mut from = 0;
        if self.id.is_some() {
            text(&mut self.shape, &bytes[..=first]);
            from = second;
        }
        for &(begins, ends) in &self.values {
            text(&mut self.shape, bytes.get(from..begins as usize)?);
            from = ends as usize;
        }
        text(&mut self.shape, bytes.get(from..)?);
        Some(())
    }
}

fn text(to: &mut Vec<u8>, bytes: &[u8]) {
    put_number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// The number that bytes are the usual decimal form of.
pub(super) fn decimal(bytes: &[u8]) -> Option<u64> {
    let leading = bytes.first() == Some(&b'0') && bytes.len() > 1;
    if bytes.is_empty() || bytes.len() > 20 || leading {
        return None;
    }
    bytes.iter().try_fold(0_u64, |n, &byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        n.checked_mul(10)?.checked_add(digit.into())
    })
}

/// A shape of a dictionary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) has_id: bool,
    /// It begins a span.
    pub(super) enters: bool,
    /// One more than there are values, with the id.
    texts: Vec<Vec<u8>>,
    /// The names of its arguments, in the dictionary of names.
    pub(super) names: Vec<u32>,
}

impl Shape {
    /// Reads one, and gives each name of an argument to `name`, for its number.
    pub(super) fn read(mut from: &[u8], mut name: impl FnMut(&[u8]) -> u32) -> Result<Self> {
        let has_id = match take(&mut from, 1)? {
            [0] => false,
            [1] => true,
            _ => return Err(Bad::NoRecord),
        };
        let values = number(&mut from)?;
        if values > VALUES_MAX as u64 {
            return Err(Bad::TooMuch(values));
        }
        let (mut texts, mut names) = (Vec::new(), Vec::new());
        for place in 0..=values + u64::from(has_id) {
            let len = number(&mut from)?;
            let text = take(&mut from, len)?;
            let before_value = place >= u64::from(has_id) && place < values + u64::from(has_id);
            if before_value {
                let named = text.strip_suffix(b"=").unwrap_or(text);
                let begins = named.iter().rposition(|byte| matches!(byte, b':' | b','));
                let named = begins.map_or(named, |at| named.get(at + 1..).unwrap_or_default());
                names.push(name(named));
            }
            texts.push(text.to_vec());
        }
        if !from.is_empty() {
            return Err(Bad::Long);
        }
        let enters = texts
            .first()
            .is_some_and(|text: &Vec<u8>| text.starts_with(b">"));
        Ok(Self {
            has_id,
            enters,
            texts,
            names,
        })
    }

    /// The texts, one more than there are values with the id.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.texts.iter().map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The marker, put together again.
    fn joined(bytes: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
        let mut parts = Parts::default();
        parts.take(bytes)?;
        let mut names = Vec::new();
        let shape = Shape::read(&parts.shape, |name| {
            names.push(name.to_vec());
            0
        })
        .unwrap();
        let id = parts.id.map(|id| id.to_string().into_bytes());
        let values = parts.values.iter();
        let values = values.map(|&(from, to)| bytes[from as usize..to as usize].to_vec());
        let mut values = id.into_iter().chain(values);
        let mut whole = Vec::new();
        for text in shape.texts() {
            whole.extend_from_slice(text);
            whole.extend(values.next().into_iter().flatten());
        }
        assert!(values.next().is_none());
        Some((whole, names))
    }

    #[test]
    fn what_repeats_is_apart_from_what_does_not() {
        for (marker, id, names, values) in [
            (
                &b">:t:checkout.pay:cart=7:"[..],
                None,
                &["cart"][..],
                &["7"][..],
            ),
            (b">:42:a.b::", Some(42), &[], &[]),
            (
                b"<:42:a.b:x=,status=500:",
                Some(42),
                &["x", "status"],
                &["", "500"],
            ),
            (b"<::a::\n", None, &[], &[]),
            (b">:007:a:b=c=d:", None, &["b"], &["c=d"]),
            (b">:18446744073709551615:a::", Some(u64::MAX), &[], &[]),
            (b">:18446744073709551616:a::", None, &[], &[]),
        ] {
            let mut parts = Parts::default();
            parts.take(marker).unwrap();
            assert_eq!(parts.id, id);
            let of = |&(from, to): &(u32, u32)| &marker[from as usize..to as usize];
            let found: Vec<_> = parts.values.iter().map(of).collect();
            assert_eq!(
                found,
                values.iter().map(|v| v.as_bytes()).collect::<Vec<_>>()
            );
            let (whole, found) = joined(marker).unwrap();
            assert_eq!(whole, marker);
            assert_eq!(
                found,
                names.iter().map(|n| n.as_bytes()).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn what_has_no_shape() {
        for marker in [
            &b""[..],
            b">:",
            br#"[">",1,["a"],[]]"#,
            br">:t:a\.b::",
            b">:t:a:b:",
            b">:t:a:b=c,:",
            b">:t:a:b=c::",
            b"x>:t:a::",
        ] {
            assert_eq!(Parts::default().take(marker), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_the_same_again(bytes in "[<>:tp0-9.,=a\\\\]{0,24}") {
            if let Some((whole, _)) = joined(bytes.as_bytes()) {
                prop_assert_eq!(whole, bytes.as_bytes());
            }
        }

        #[test]
        fn any_bytes_may_be_read(bytes: Vec<u8>) {
            let _ = Shape::read(&bytes, |_| 0);
        }
    }
}
