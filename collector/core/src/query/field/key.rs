//! What stands behind the name of a field: a number or a name.

use std::fmt::{self, Write as _};

/// What key a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// None.
    None,
    /// A number; whether it may be counted from the last.
    Number {
        /// -1 is the last.
        from_last: bool,
    },
    /// A name that a program chose.
    Name,
}

impl KeyKind {
    /// The name of the kind; none if there is no key.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Number { .. } => Some("number"),
            Self::Name => Some("name"),
        }
    }
}

/// A place for a key, behind the name of a field.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::Number { .. } => "[n]",
            Self::Name => ".NAME",
        })
    }
}

/// The key of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// None.
    None,
    /// A number, of the last if it is negative.
    Number(i16),
    /// A name.
    Name(Box<[u8]>),
}

impl Key {
    /// The number; 0 if it is none.
    #[inline]
    pub(super) const fn number(&self) -> i16 {
        match self {
            Self::Number(n) => *n,
            _ => 0,
        }
    }

    /// The name; empty if it is none.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Name(name) => name,
            _ => &[],
        }
    }

    /// Reads what stands behind the name of a field: `[-1]`, `.name` or `["any name"]`.
    pub(super) fn read(kind: KeyKind, text: &str) -> Option<Self> {
        match kind {
            KeyKind::None => text.is_empty().then_some(Self::None),
            KeyKind::Number { from_last } => {
                let n = text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
                (n >= 0 || from_last).then_some(Self::Number(n))
            }
            KeyKind::Name => {
                let name = match text.strip_prefix('.') {
                    Some(name) => is_plain(name).then(|| name.as_bytes().to_vec()),
                    None => unquoted(text.strip_prefix("[\"")?.strip_suffix("\"]")?),
                };
                name.map(|name| Self::Name(name.into()))
            }
        }
    }
}

/// Behind the name of a field, so that it is read again.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Number(n) => write!(f, "[{n}]"),
            Self::Name(name) => match std::str::from_utf8(name) {
                Ok(name) if is_plain(name) => write!(f, ".{name}"),
                _ => {
                    f.write_str("[\"")?;
                    quote(name, f)?;
                    f.write_str("\"]")
                }
            },
        }
    }
}

/// Whether a name may stand without quotes: what separates words or means something in a filter may not be in
/// it.
fn is_plain(name: &str) -> bool {
    let special =
        |c: char| c.is_whitespace() || c.is_control() || "\"'`[](){},;=!<>~&|\\".contains(c);
    !name.is_empty() && !name.contains(special)
}

/// Writes bytes as they stand in quotes: what is no text, or would end them, escaped.
pub(in crate::query) fn quote(name: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    hex(c.encode_utf8(&mut bytes).as_bytes(), f)?;
                }
                c => f.write_char(c)?,
            }
        }
        hex(chunk.invalid(), f)?;
    }
    Ok(())
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

/// What is between quotes: `\"`, `\\` and `\x` with two hexadecimal digits stand for a byte.
fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'"' => return None,
            b'\\' => match rest.next()? {
                escaped @ (b'"' | b'\\') => escaped,
                b'x' => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    u8::try_from(digit()? << 4 | digit()?).ok()?
                }
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(bytes)
}

/// The characters outside of quoted keys, with their places: what separates fields is among
/// these.
pub(in crate::query) fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    text.char_indices().filter(move |&(_, c)| {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            return false;
        }
        quoted = bracket && c == '"';
        bracket = c == '[';
        !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_read_back() {
        for (name, text) in [
            (&b"cart"[..], ".cart"),
            (b"http.status.code", ".http.status.code"),
            ("größe".as_bytes(), ".größe"),
            (b"not", ".not"),
            (b"0", ".0"),
            (b"", r#"[""]"#),
            (b"two words", r#"["two words"]"#),
            (b"a=b,c", r#"["a=b,c"]"#),
            (b"]", r#"["]"]"#),
            (br#"say "hi" \ bye"#, r#"["say \"hi\" \\ bye"]"#),
            (b"\xff\x00\n", r#"["\xff\x00\x0a"]"#),
            ("\u{85}".as_bytes(), r#"["\xc2\x85"]"#),
        ] {
            let key = Key::Name(name.into());
            assert_eq!(key.to_string(), text);
            assert_eq!(Key::read(KeyKind::Name, text), Some(key), "{text}");
        }
    }

    #[test]
    fn what_is_no_key() {
        for bad in [
            "",
            ".",
            "cart",
            ".a b",
            ".a,b",
            ".a=b",
            ".a\"",
            "[cart]",
            "[\"",
            "[\"]",
            "[\"a\"",
            "[\"a\"b\"]",
            r#"["\"]"#,
            r#"["\n"]"#,
            r#"["\x0"]"#,
            r#"["\xgg"]"#,
            "[\"a\"].b",
            "['a']",
            "[0]",
        ] {
            assert_eq!(Key::read(KeyKind::Name, bad), None, "{bad}");
        }
        let number = |from_last, text| Key::read(KeyKind::Number { from_last }, text);
        assert_eq!(number(true, "[-1]"), Some(Key::Number(-1)));
        assert_eq!(number(false, "[2]"), Some(Key::Number(2)));
        for bad in ["", "[]", "[n]", "[1", "1]", "[32768]", "[\"1\"]", ".1"] {
            assert_eq!(number(true, bad), None, "{bad}");
        }
        assert_eq!(number(false, "[-1]"), None);
        assert_eq!(Key::read(KeyKind::None, ".a"), None);
    }

    #[test]
    fn separators_in_quotes_are_none() {
        let places = |text: &str| -> Vec<usize> {
            let commas = outside_quotes(text).filter(|&(_, c)| c == ',');
            commas.map(|(at, _)| at).collect()
        };
        assert_eq!(places("a,b,c"), [1, 3]);
        assert_eq!(places(r#"x["a,b"],y"#), [8]);
        assert_eq!(places(r#"x["a\",b"],y"#), [10]);
        assert_eq!(places(r#"x["a\\"],y,"a,b""#), [8, 10, 13]);
        assert!(places(r#"x["never ended,"#).is_empty());
    }
}
