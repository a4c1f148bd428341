//! Colours.

use std::fmt::Write as _;

/// How a terminal wants it.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Colours are wanted.
    pub color: bool,
}

pub(super) const BOLD: &str = "1";
pub(super) const DIM: &str = "2";
pub(super) const RED: &str = "31";
pub(super) const YELLOW: &str = "33";

pub(super) fn paint(out: &mut String, style: Style, code: &str, text: &str) {
    if style.color && !code.is_empty() && !text.is_empty() {
        let _ = write!(out, "\x1b[{code}m{text}\x1b[0m");
    } else {
        out.push_str(text);
    }
}

/// A line of its own.
pub(super) fn line(out: &mut String, style: Style, code: &str, text: &str) {
    paint(out, style, code, text);
    out.push('\n');
}
