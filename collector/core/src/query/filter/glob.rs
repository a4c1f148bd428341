//! Patterns of the shell, as fnmatch(3) has them without regard to paths: `*` is any bytes, `?` any one byte, `[a-z]`
//! one of these, `[!a-z]` or `[^a-z]` one of the others; a backslash takes away what the next byte means.

/// A pattern.
#[derive(Clone, Debug)]
pub(super) struct Glob(Box<[Part]>);

#[derive(Clone, Debug)]
enum Part {
    /// Any bytes.
    Star,
    /// Any one of these bytes.
    One(Box<[bool; 256]>),
    Byte(u8),
    /// Any byte.
    Any,
}

impl Part {
    fn is(&self, byte: u8) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Byte(of) => *of == byte,
            Self::One(set) => set[usize::from(byte)],
        }
    }
}

impl Glob {
    /// Reads a pattern; any text is one.
    pub(super) fn new(pattern: &[u8], any_case: bool) -> Self {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            let part = match first {
                b'*' if matches!(parts.last(), Some(Part::Star)) => continue,
                b'*' => Part::Star,
                b'?' => Part::Any,
                b'[' => match set(after) {
                    Some((set, after)) => {
                        rest = after;
                        Part::One(Box::new(set))
                    }
                    None => Part::Byte(b'['),
                },
                b'\\' => match after.split_first() {
                    Some((&escaped, after)) => {
                        rest = after;
                        Part::Byte(escaped)
                    }
                    None => Part::Byte(b'\\'),
                },
                byte => Part::Byte(byte),
            };
            parts.push(if any_case { part.of_any_case() } else { part });
        }
        Self(parts.into())
    }

    /// Whether the whole text is like it. It goes back to the last star only, so it takes no more steps than the text
    /// has bytes times the pattern parts.
    pub(super) fn is_like(&self, text: &[u8]) -> bool {
        let (mut part, mut at) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(part), text.get(at)) {
                (Some(Part::Star), _) => {
                    part += 1;
                    star = Some((part, at));
                }
                (Some(of), Some(&byte)) if of.is(byte) => {
                    part += 1;
                    at += 1;
                }
                (None, None) => return true,
                // What the star stands for is one byte longer.
                (_, Some(_)) => match &mut star {
                    Some((behind, from)) => {
                        *from += 1;
                        (part, at) = (*behind, *from);
                    }
                    None => return false,
                },
                (Some(_), None) => return false,
            }
        }
    }
}

impl Part {
    fn of_any_case(self) -> Self {
        match self {
            Self::Byte(byte) if byte.is_ascii_alphabetic() => {
                let mut set = [false; 256];
                set[usize::from(byte.to_ascii_lowercase())] = true;
                set[usize::from(byte.to_ascii_uppercase())] = true;
                Self::One(Box::new(set))
            }
            Self::One(set) => {
                let other = |byte: u8| match byte.is_ascii_lowercase() {
                    true => byte.to_ascii_uppercase(),
                    false => byte.to_ascii_lowercase(),
                };
                let mut both = set.clone();
                for byte in 0..=u8::MAX {
                    both[usize::from(byte)] |= set[usize::from(other(byte))];
                }
                Self::One(both)
            }
            part => part,
        }
    }
}

/// The bytes of a set, and what is behind its `]`; nothing if it does not end.
fn set(mut rest: &[u8]) -> Option<([bool; 256], &[u8])> {
    let mut set = [false; 256];
    let others = matches!(rest.first(), Some(b'!' | b'^'));
    if others {
        rest = &rest[1..];
    }
    let mut first = true;
    loop {
        let (mut low, mut after) = byte(rest)?;
        match rest.first()? {
            // As the first it stands for itself.
            b']' if !first => break,
            b'[' if rest.get(1) == Some(&b':') => {
                if let Some((class, after)) = class(&rest[2..]) {
                    (0..=u8::MAX)
                        .filter(class)
                        .for_each(|byte| set[usize::from(byte)] = true);
                    rest = after;
                    first = false;
                    continue;
                }
            }
            _ => {}
        }
        let mut high = low;
        if let (Some(b'-'), Some(end)) = (after.first(), after.get(1))
            && *end != b']'
        {
            (high, after) = byte(&after[1..])?;
        }
        while low <= high {
            set[usize::from(low)] = true;
            match low.checked_add(1) {
                Some(next) => low = next,
                None => break,
            }
        }
        rest = after;
        first = false;
    }
    if others {
        set = set.map(|is| !is);
    }
    Some((set, &rest[1..]))
}

/// A byte of a set, without the backslash before it.
fn byte(rest: &[u8]) -> Option<(u8, &[u8])> {
    match rest {
        [b'\\', byte, after @ ..] | [byte, after @ ..] => Some((*byte, after)),
        [] => None,
    }
}

type Class = fn(&u8) -> bool;

/// A class by its name, as in `[[:digit:]]`, and what is behind it.
fn class(rest: &[u8]) -> Option<(Class, &[u8])> {
    let end = rest.windows(2).position(|of| of == b":]")?;
    let class: Class = match &rest[..end] {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| byte.is_ascii_graphic() || *byte == b' ',
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| byte.is_ascii_whitespace() || *byte == 0x0b,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some((class, &rest[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_like(pattern: &str, text: &str) -> bool {
        Glob::new(pattern.as_bytes(), false).is_like(text.as_bytes())
    }

    #[test]
    fn patterns() {
        for (pattern, like, unlike) in [
            ("abc", &["abc"][..], &["", "ab", "abcd", "Abc"][..]),
            ("", &[""], &["a"]),
            ("*", &["", "a", "/a/b"], &[]),
            ("a*", &["a", "ab", "a/b"], &["", "ba"]),
            (
                "*.txt",
                &[".txt", "a.txt", "a/b.txt.txt"],
                &["a.txt2", "txt"],
            ),
            ("/tmp/*/x", &["/tmp//x", "/tmp/a/b/x"], &["/tmp/x"]),
            ("a?c", &["abc", "a/c"], &["ac", "abbc"]),
            ("**a**", &["a", "bab"], &["b"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "-x", "x"]),
            ("[!a-c]x", &["dx", "]x"], &["ax"]),
            ("[^a]", &["b"], &["a", ""]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[a\\]b]", &["]", "b"], &["\\"]),
            ("[[:digit:]x]", &["7", "x"], &["a", ":"]),
            ("[[:nothing:]]", &[":]", "n]", "[]"], &["x", "x]"]),
            ("[z-a]", &[], &["z", "a", "m"]),
            ("[abc", &["[abc"], &["a"]),
            ("\\*\\?", &["*?"], &["ab"]),
            ("a\\", &["a\\"], &["a"]),
        ] {
            for text in like {
                assert!(is_like(pattern, text), "{pattern} {text}");
            }
            for text in unlike {
                assert!(!is_like(pattern, text), "{pattern} {text}");
            }
        }
        let any_case = |pattern: &str, text: &str| {
            Glob::new(pattern.as_bytes(), true).is_like(text.as_bytes())
        };
        assert!(any_case("*.Log", "A.lOG") && any_case("[a-c]É", "BÉ"));
        assert!(!any_case("é", "É"));
        assert!(Glob::new(b"?", false).is_like(b"\xff"));
    }

    /// Many stars take no longer than their number says.
    #[test]
    fn many_stars() {
        let text = "a".repeat(4096);
        let pattern = "*a".repeat(500) + "b";
        assert!(!is_like(&pattern, &text));
    }

    /// What it should do, at any cost.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            ([b'*', rest @ ..], text) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            ([b'?', pattern @ ..], [_, text @ ..]) => naive(pattern, text),
            ([one, pattern @ ..], [byte, text @ ..]) => one == byte && naive(pattern, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn any_pattern_of_stars(pattern in "[ab*?]{0,10}", text in "[ab]{0,10}") {
            prop_assert_eq!(is_like(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_a_pattern(pattern in prop::collection::vec(any::<u8>(), 0..40), text in prop::collection::vec(any::<u8>(), 0..40)) {
            Glob::new(&pattern, true).is_like(&text);
            // Without the marks it is the text itself.
            let escaped: Vec<u8> = text.iter().flat_map(|&byte| [b'\\', byte]).collect();
            prop_assert!(Glob::new(&escaped, false).is_like(&text));
        }
    }
}
