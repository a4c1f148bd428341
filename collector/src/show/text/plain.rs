//! Words for a terminal.

use nulltrace_core::view::model::{Cell, Text, Tone};

use super::paint::{BOLD, DIM, RED, Style, YELLOW, line};
use crate::show::value;
use crate::text::{safe, safe_end_within};

/// What a sentence needs of a line beside the path in it.
const WORDS: usize = 64;

pub(super) fn draw(out: &mut String, text: &Text, style: Style) {
    for of in &text.lines {
        line(out, style, code(of.tone), &sentence(&of.words, style));
    }
}

const fn code(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Head => BOLD,
        Tone::Dim => DIM,
        Tone::Warning => YELLOW,
        Tone::Loss => RED,
    }
}

/// A sentence as safe text. Paths in it are cut to what a line has room for, from their beginning.
pub(super) fn sentence(words: &[Cell], style: Style) -> String {
    let most = style.width.saturating_sub(WORDS).clamp(16, 80);
    value::words(words, |text, path| match path {
        true => safe_end_within(text, most),
        false => safe(text),
    })
}
