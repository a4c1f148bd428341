//! What the terminal is that a view is drawn on.

use std::env;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

use crate::show::Style;

/// What is no terminal has room for all columns.
const NO_TERMINAL: usize = 120;
/// A terminal that does not know its width, as on a serial line.
const UNKNOWN: usize = 80;
const NARROWEST: usize = 40;

/// For a terminal its width and colours, for anything else neither.
pub(super) fn style(to: &(impl AsFd + IsTerminal)) -> Style {
    let set = |name: &str| env::var_os(name).unwrap_or_default();
    Style {
        width: width(tcgetwinsize(to).ok().map(|size| size.ws_col)),
        color: to.is_terminal() && has_colors(&set("TERM"), &set("NO_COLOR")),
    }
}

fn width(columns: Option<u16>) -> usize {
    match columns {
        None => NO_TERMINAL,
        Some(0) => UNKNOWN,
        Some(columns) => usize::from(columns).max(NARROWEST),
    }
}

fn has_colors(term: &OsStr, no_color: &OsStr) -> bool {
    term != "dumb" && no_color.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_that_is_not_known_is_80() {
        let widths = [None, Some(0), Some(1), Some(79), Some(200)].map(width);
        assert_eq!(widths, [120, 80, 40, 79, 200]);
    }

    #[test]
    fn colors() {
        let colors = |term: &str, no_color: &str| has_colors(term.as_ref(), no_color.as_ref());
        assert!(colors("xterm", "") && colors("", ""));
        assert!(!colors("dumb", "") && !colors("xterm", "1"));
    }
}
