//! Arguments of a marker, packed into one block: an open span with arguments costs one allocation
//! more than one without, and hands them on as they are.

use core::fmt;

/// Arguments of one marker, unescaped, in order; repeated names keep both, the last wins in look-ups.
///
/// ```
/// use nulltrace_core::facts::args::ArgList;
///
/// let args: ArgList = [("cart", "7"), ("user", "ann"), ("cart", "8")].into_iter().collect();
/// assert_eq!(args.len(), 3);
/// assert_eq!(args.get(b"cart"), Some(&b"8"[..]));
/// assert_eq!(args.iter().next(), Some((&b"cart"[..], &b"7"[..])));
/// ```
// For each: the lengths of name and value, then both texts.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ArgList(Box<[u8]>);

impl ArgList {
    /// Packs what `args` gives. `scratch` is for use again, to save allocations.
    pub(crate) fn pack<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        args: impl Iterator<Item = (N, V)>,
        scratch: &mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        for (name, value) in args {
            let (name, value) = (name.as_ref(), value.as_ref());
            // The format allows some thousand bytes; nothing may be longer than its length can say.
            let len = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX);
            let (name_len, value_len) = (len(name), len(value));
            let mut lens = [0; 8];
            lens[..4].copy_from_slice(&name_len.to_ne_bytes());
            lens[4..].copy_from_slice(&value_len.to_ne_bytes());
            scratch.extend_from_slice(&lens);
            scratch.extend_from_slice(&name[..name_len as usize]);
            scratch.extend_from_slice(&value[..value_len as usize]);
        }
        Self(scratch.as_slice().into())
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        Unpack(&self.0)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the last argument of that name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let same = self.iter().filter(|(other, _)| *other == name);
        same.last().map(|(_, value)| value)
    }

    /// The packed bytes.
    pub(crate) fn packed(&self) -> &[u8] {
        &self.0
    }

    /// From packed bytes; `None` if they are not.
    pub(crate) fn from_packed(bytes: &[u8]) -> Option<Self> {
        let mut args = Unpack(bytes);
        args.by_ref().for_each(drop);
        args.0.is_empty().then(|| Self(bytes.into()))
    }

    /// Bytes of memory it takes besides itself.
    pub(crate) fn bytes(&self) -> usize {
        match self.0.len() {
            0 => 0,
            len => len + BLOCK_COST,
        }
    }
}

/// What an allocation costs besides its bytes.
const BLOCK_COST: usize = 16;

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for ArgList {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(args: I) -> Self {
        Self::pack(args.into_iter(), &mut Vec::new())
    }
}

impl fmt::Debug for ArgList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let pairs = self.iter().map(|(name, value)| (text(name), text(value)));
        f.debug_list().entries(pairs).finish()
    }
}

struct Unpack<'a>(&'a [u8]);

impl<'a> Iterator for Unpack<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u32::from_ne_bytes(*name) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_ne_bytes(*value) as usize)?;
        self.0 = rest;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_out_as_it_went_in() {
        let marker = br">:t:a:cart=7,empty=,esc\,aped=\:\=,cart=8:";
        let marker = nulltrace_spec::parse(marker).unwrap();
        let args: ArgList = marker.args.iter().collect();
        let text: Vec<_> = args.iter().collect();
        let expected: [(&[u8], &[u8]); 4] = [
            (b"cart", b"7"),
            (b"empty", b""),
            (b"esc,aped", b":="),
            (b"cart", b"8"),
        ];
        assert_eq!(text, expected);
        assert_eq!(args.get(b"cart"), Some(&b"8"[..]));
        assert_eq!(args.get(b"empty"), Some(&b""[..]));
        assert_eq!(args.get(b"none"), None);
        let none = nulltrace_spec::parse(b">:t:a::").unwrap();
        let none: ArgList = none.args.iter().collect();
        assert!(none.is_empty() && none.bytes() == 0);
        assert_eq!(none, ArgList::default());
    }
}
