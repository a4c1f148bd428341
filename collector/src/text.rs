//! Text of others, made safe for a terminal or a log.
//!
//! Whoever can write to the null device chooses what tags say, so nothing of theirs may move the
//! cursor, recolour the screen, reorder the line or hide.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Combining marks that may follow one character; more would paint over the lines around.
const MARKS_MAX: usize = 2;

/// Characters without a glyph of their own beyond the control characters: format characters and
/// what Unicode lists as default ignorable, line separators, interlinear marks.
const INVISIBLE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether `c` controls or hides instead of showing: control characters (C0, DEL, C1), bidirectional
/// overrides and isolates, zero-width and other format characters.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || INVISIBLE
            .iter()
            .any(|&(first, last)| (first..=last).contains(&c))
}

/// `bytes` as text that is safe to print on one line.
///
/// Hostile characters and the backslash are shown as Rust escapes, invalid UTF-8 as U+FFFD.
///
/// ```
/// use nulltrace_collector::text::safe;
///
/// assert_eq!(safe(b"\x1b[31mred\xff"), r"\u{1b}[31mred�");
/// assert_eq!(safe("Zürich 東京".as_bytes()), "Zürich 東京");
/// ```
#[must_use]
pub fn safe(bytes: &[u8]) -> String {
    safe_within(bytes, usize::MAX)
}

/// The same, appended to what goes to a program's output. Mostly there is nothing to escape, which is found out at once.
///
/// ```
/// use nulltrace_collector::text::push_safe;
///
/// let mut line = b"name: ".to_vec();
/// push_safe(b"cat", &mut line);
/// push_safe(b"\x1b\n", &mut line);
/// assert_eq!(line, br"name: cat\u{1b}\n");
/// ```
pub fn push_safe(bytes: &[u8], to: &mut Vec<u8>) {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'\\';
    match bytes.iter().all(plain) {
        true => to.extend_from_slice(bytes),
        false => to.extend_from_slice(safe(bytes).as_bytes()),
    }
}

/// The same in at most `columns` terminal columns; what does not fit is cut off at a whole character
/// or escape, and `…` stands for it.
#[must_use]
pub fn safe_within(bytes: &[u8], columns: usize) -> String {
    let mut out = Cut::new(columns);
    pieces(bytes, |piece| out.push(piece));
    out.text
}

/// The same with the beginning cut off, as the end of a path says more.
///
/// ```
/// use nulltrace_collector::text::safe_end_within;
///
/// assert_eq!(safe_end_within(b"/usr/share/zoneinfo/UTC", 13), "…zoneinfo/UTC");
/// ```
#[must_use]
pub fn safe_end_within(bytes: &[u8], columns: usize) -> String {
    let (mut text, mut starts) = (String::new(), Vec::new());
    pieces(bytes, |piece| {
        starts.push(text.len());
        // Writing to a string does not fail.
        text.write_fmt(piece).is_ok()
    });
    if width(&text) <= columns {
        return text;
    }
    let mut ends = vec![text.len()];
    ends.extend(starts.into_iter().rev());
    // The longest that fits, and begins with no mark that would change how `…` looks.
    let (mut used, mut from) = (1, text.len());
    for pair in ends.windows(2) {
        let piece = width(&text[pair[1]..pair[0]]);
        used += piece;
        if used > columns {
            break;
        }
        if piece > 0 {
            from = pair[1];
        }
    }
    match columns {
        0 => String::new(),
        _ => format!("…{}", &text[from..]),
    }
}

/// What is safe already, in at most `columns` terminal columns, cut as by [`safe_within`] but for escapes,
/// which may be cut in two.
#[must_use]
pub fn cut_within(text: &str, columns: usize) -> String {
    let mut out = Cut::new(columns);
    for c in text.chars() {
        if !out.push(format_args!("{c}")) {
            break;
        }
    }
    out.text
}

/// Hands out the safe text character by character, or escape by escape, for as long as it is wanted.
fn pieces(bytes: &[u8], mut push: impl FnMut(std::fmt::Arguments<'_>) -> bool) {
    // At the beginning there is nothing a mark could combine with.
    let mut marks = MARKS_MAX;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mark = c.width() == Some(0);
            marks = if mark { marks + 1 } else { 0 };
            let escaped = c == '\\' || is_hostile(c) || marks > MARKS_MAX;
            let more = if !escaped {
                push(format_args!("{c}"))
            } else {
                // Nor may a mark change how an escape looks.
                marks = MARKS_MAX;
                match c {
                    '\\' | '\n' | '\r' | '\t' => push(format_args!("{}", c.escape_default())),
                    _ => push(format_args!("{}", c.escape_unicode())),
                }
            };
            if !more {
                return;
            }
        }
        if !chunk.invalid().is_empty() {
            marks = 0;
            if !push(format_args!("\u{fffd}")) {
                return;
            }
        }
    }
}

/// How many terminal columns safe text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Text that ends in `…` once it is too wide.
struct Cut {
    text: String,
    columns: usize,
    used: usize,
    /// Up to where the text leaves a column for `…`.
    room: usize,
}

impl Cut {
    const fn new(columns: usize) -> Self {
        Self {
            text: String::new(),
            columns,
            used: 0,
            room: 0,
        }
    }

    /// Appends one piece whole, or cuts and says that nothing more fits.
    fn push(&mut self, piece: std::fmt::Arguments<'_>) -> bool {
        let before = self.text.len();
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(piece);
        self.used += width(&self.text[before..]);
        if self.used < self.columns {
            self.room = self.text.len();
        } else if self.used > self.columns {
            self.text.truncate(self.room);
            if self.columns > 0 {
                self.text.push('…');
            }
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_gets_through() {
        // The planes with assigned characters other than ideographs and private use.
        for c in (0..0x2_0000)
            .chain(0xe_0000..0xe_2000)
            .filter_map(char::from_u32)
        {
            let text = safe(format!("a{c}b").as_bytes());
            assert!(!text.chars().any(is_hostile), "{c:?}");
            if is_hostile(c) || c == '\\' {
                assert!(text.starts_with(r"a\") && text.len() > 3, "{c:?} is {text}");
            } else {
                assert_eq!(text, format!("a{c}b"));
            }
        }
    }

    #[test]
    fn the_usual_attacks() {
        for (bytes, shown) in [
            (&b"\x1b]0;owned\x07"[..], r"\u{1b}]0;owned\u{7}"),
            (b"a\nb\r\tc", r"a\nb\r\tc"),
            (b"\x9b31m", "\u{fffd}31m"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            ("pay\u{202e}gnp.exe".as_bytes(), r"pay\u{202e}gnp.exe"),
            ("\u{2066}x\u{2069}".as_bytes(), r"\u{2066}x\u{2069}"),
            ("a\u{200b}b\u{feff}".as_bytes(), r"a\u{200b}b\u{feff}"),
            ("line\u{2028}two".as_bytes(), r"line\u{2028}two"),
            (b"\xf0\x9f\x92", "\u{fffd}"),
            (b"\xc0\xaf\x00", "\u{fffd}\u{fffd}\\u{0}"),
            (br"\u{1b}", r"\\u{1b}"),
            (b"\x7f", r"\u{7f}"),
        ] {
            assert_eq!(safe(bytes), shown);
        }
    }

    #[test]
    fn few_combining_marks() {
        assert_eq!(safe("e\u{301}".as_bytes()), "e\u{301}");
        assert_eq!(safe("\u{301}e".as_bytes()), r"\u{301}e");
        let tower = format!("e{}", "\u{301}".repeat(5));
        assert_eq!(
            safe(tower.as_bytes()),
            "e\u{301}\u{301}\\u{301}\\u{301}\\u{301}"
        );
        assert_eq!(safe("\u{1b}\u{301}".as_bytes()), r"\u{1b}\u{301}");
    }

    #[test]
    fn cuts_at_whole_pieces() {
        for (text, columns, shown) in [
            ("checkout", 8, "checkout"),
            ("checkout", 7, "checko…"),
            ("checkout", 1, "…"),
            ("checkout", 0, ""),
            ("", 0, ""),
            ("東京都", 6, "東京都"),
            ("東京都", 5, "東京…"),
            ("東京都", 4, "東…"),
            ("a\u{1b}b", 7, "a…"),
            ("a\u{1b}b", 8, r"a\u{1b}b"),
            ("a\u{1b}bc", 8, r"a\u{1b}…"),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
            ("e\u{301}e\u{301}e", 2, "e\u{301}…"),
        ] {
            let got = safe_within(text.as_bytes(), columns);
            assert_eq!(got, shown, "{text:?} in {columns}");
            assert!(width(&got) <= columns);
        }
        // What is safe is not made so again.
        assert_eq!(cut_within(r"a\u{1b}b", 9), r"a\u{1b}b");
        assert_eq!(cut_within(r"a\u{1b}b", 7), r"a\u{1b…");
        for (text, columns, shown) in [
            ("/tmp/blob.bin", 13, "/tmp/blob.bin"),
            ("/tmp/blob.bin", 9, "…blob.bin"),
            ("/tmp/blob.bin", 1, "…"),
            ("/tmp/blob.bin", 0, ""),
            ("東京都", 5, "…京都"),
            ("東京都", 4, "…都"),
            ("a\u{1b}b", 7, "…b"),
            ("a\u{1b}bc", 8, "…bc"),
            ("aa\u{1b}b", 8, r"…\u{1b}b"),
            ("aae\u{301}e\u{301}", 3, "…e\u{301}e\u{301}"),
        ] {
            let got = safe_end_within(text.as_bytes(), columns);
            assert_eq!(got, shown, "{text:?} in {columns}");
            assert!(width(&got) <= columns);
        }
        // Long input is not worked through to the end.
        assert_eq!(safe_within(&vec![b'x'; 1 << 20], 3), "xx…");
    }
}
