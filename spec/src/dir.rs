//! The two ends of a span.

use core::fmt;

/// Which end of a span a marker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// `>`
    Enter,
    /// `<`
    Exit,
}

impl Dir {
    /// As written: `>` or `<`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Enter => ">",
            Self::Exit => "<",
        }
    }
}

impl fmt::Display for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
