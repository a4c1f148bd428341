//! The text of a filter, word by word. What a word is depends on where it stands: a value may have bytes that elsewhere
//! are operators, as the name of a socket has `->`.

use std::ops::Range;

use super::error::{BadFilter, Why};

/// A place in a text.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Goes to what is behind white space.
    pub(super) fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    pub(super) fn next_is(&self, c: char) -> bool {
        self.rest().starts_with(c)
    }

    /// Goes over this text, if it stands here.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is = self.rest().starts_with(text);
        if is {
            self.at += text.len();
        }
        is
    }

    /// Goes over this word, if it is the one that stands here.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let is = self.plain_word() == word;
        if is {
            self.at += word.len();
        }
        is
    }

    /// The word that stands here, as those between comparisons are; empty if there is none.
    pub(super) fn plain_word(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| ends_word(c) || c == '[');
        &rest[..end.unwrap_or(rest.len())]
    }

    /// What stands here up to white space, for a message.
    pub(super) fn found(&self) -> Range<usize> {
        let rest = self.rest();
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let more = &rest[first..];
        let single = rest.starts_with(['(', ')', ',']);
        let end = more.find(|c: char| c.is_whitespace() || "(),".contains(c));
        let len = if single { 0 } else { end.unwrap_or(more.len()) };
        self.at..self.at + first + len
    }

    /// The name of a field, with its key, or of a function; empty if there is none.
    pub(super) fn name(&mut self) -> Result<Range<usize>, BadFilter> {
        let start = self.at;
        self.at += self.plain_word().len();
        while self.next_is('[') {
            let key = self.at;
            let end = self.key_end();
            let end = end.ok_or(BadFilter::new(key..self.text.len(), Why::OpenKey))?;
            self.at += end;
            self.at += self.plain_word().len();
        }
        Ok(start..self.at)
    }

    /// How long the key in brackets is that begins here, if it ends.
    fn key_end(&self) -> Option<usize> {
        let rest = self.rest();
        if !rest.starts_with("[\"") {
            let end = rest.find(|c: char| c == ']' || c.is_whitespace())?;
            return rest[end..].starts_with(']').then_some(end + 1);
        }
        let mut escaped = false;
        let quote = rest[2..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let bracket = 2 + quote + 1;
        rest[bracket..].starts_with(']').then_some(bracket + 1)
    }

    /// A value: a word, or text in quotes. Its bytes and its place; no bytes if there is none.
    pub(super) fn value(&mut self) -> Result<(Vec<u8>, Range<usize>), BadFilter> {
        let start = self.at;
        if let Some(quote @ ('"' | '\'')) = self.rest().chars().next() {
            let bytes = self.quoted(quote)?;
            return Ok((bytes, start..self.at));
        }
        let rest = self.rest();
        let end = rest.find(ends_value).unwrap_or(rest.len());
        let word = &rest[..end];
        if matches!(word, "and" | "or" | "not") {
            return Ok((Vec::new(), start..start));
        }
        self.at += end;
        Ok((word.into(), start..self.at))
    }

    /// Text in quotes: a backslash stands before a quote, a backslash, or `x` and two hexadecimal digits for a byte;
    /// before anything else it stands for itself, as regular expressions have many.
    fn quoted(&mut self, quote: char) -> Result<Vec<u8>, BadFilter> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            let mut other = [0; 4];
            match c {
                c if c == quote => {
                    self.at = start + at + 1;
                    return Ok(bytes);
                }
                '\\' => match chars.next() {
                    None => break,
                    Some((_, c @ ('"' | '\'' | '\\'))) => {
                        bytes.extend(c.encode_utf8(&mut other).bytes());
                    }
                    Some((_, 'x')) => {
                        let mut digit = || chars.next().and_then(|(_, c)| c.to_digit(16));
                        let byte = digit().zip(digit()).map(|(high, low)| high << 4 | low);
                        let byte = byte.and_then(|byte| u8::try_from(byte).ok());
                        let place = start + at..start + at + 2;
                        bytes.push(byte.ok_or(BadFilter::new(place, Why::BadEscape))?);
                    }
                    Some((_, c)) => {
                        bytes.push(b'\\');
                        bytes.extend(c.encode_utf8(&mut other).bytes());
                    }
                },
                c => bytes.extend(c.encode_utf8(&mut other).bytes()),
            }
        }
        Err(BadFilter::new(start..self.text.len(), Why::OpenQuote))
    }
}

/// What ends a word that is no value.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || "(),=!<>\"'".contains(c)
}

/// What ends a value without quotes.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || "(),=\"'".contains(c)
}

/// Whether a value may stand without quotes.
pub(super) fn is_plain(value: &str) -> bool {
    let special = |c: char| ends_value(c) || c.is_control();
    !value.is_empty() && !value.contains(special) && !matches!(value, "and" | "or" | "not")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<(Vec<u8>, &str), Why> {
        let mut cursor = Cursor::new(text);
        let found = cursor.value().map_err(|bad| bad.why)?;
        Ok((found.0, cursor.rest()))
    }

    #[test]
    fn values() {
        for (text, bytes, rest) in [
            ("a b", &b"a"[..], " b"),
            ("1.2.3.4:80->[::1]:9", b"1.2.3.4:80->[::1]:9", ""),
            ("<", b"<", ""),
            ("a,b", b"a", ",b"),
            ("a)", b"a", ")"),
            ("a=b", b"a", "=b"),
            ("and x", b"", "and x"),
            ("android", b"android", ""),
            ("'and'", b"and", ""),
            (r#""a b\"c'"d"#, br#"a b"c'"#, "d"),
            (r"'it\'s' x", b"it's", " x"),
            (r"'\d+\\\.x\xff'", b"\\d+\\\\.x\xff", ""),
            ("\"\"", b"", ""),
            ("", b"", ""),
        ] {
            assert_eq!(value(text), Ok((bytes.to_vec(), rest)), "{text}");
        }
        assert_eq!(value("'a"), Err(Why::OpenQuote));
        assert_eq!(value(r"'a\"), Err(Why::OpenQuote));
        assert_eq!(value(r"'a\'"), Err(Why::OpenQuote));
        for bad in [r"'\x'", r"'\x0'", r"'\xg0'", r"'\x"] {
            assert_eq!(value(bad), Err(Why::BadEscape), "{bad}");
        }
    }

    #[test]
    fn names() {
        for (text, name) in [
            ("fd.name=x", "fd.name"),
            ("fd.name!=x", "fd.name"),
            ("span.tag[-1]>", "span.tag[-1]"),
            (r#"span.arg["a ]\"(,="]=x"#, r#"span.arg["a ]\"(,="]"#),
            ("len(x)", "len"),
            ("", ""),
        ] {
            let mut cursor = Cursor::new(text);
            let place = cursor.name().unwrap();
            assert_eq!(&text[place], name, "{text}");
        }
        for text in ["a[0", "a[\"x]", "a[\"x\"", "a[ 0]"] {
            let bad = Cursor::new(text).name().unwrap_err();
            assert_eq!((bad.at.start, bad.why), (1, Why::OpenKey), "{text}");
        }
    }
}
