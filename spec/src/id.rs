//! The id field.

use core::fmt;

/// The id field as written, before `t`, `p` and `pp` are resolved.
///
/// ```
/// use nulltrace_spec::Id;
///
/// assert_eq!(Id::Thread.resolve(42, 40, 1), Id::Number(42));
/// assert_eq!(Id::Thread.to_string(), "t");
/// let above = nulltrace_spec::parse(b">:18446744073709551615:a::").unwrap();
/// assert_eq!(above.id, Id::Number(-1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// Empty.
    None,
    /// `g`
    Global,
    /// `t`
    Thread,
    /// `p`
    Process,
    /// `pp`
    Parent,
    /// A decimal number, modulo 2^64: `18446744073709551615` is -1.
    Number(i64),
}

impl Id {
    /// The id that markers are matched by: `t`, `p` and `pp` become the number of the thread, the
    /// process or the parent process that wrote the marker.
    #[must_use]
    pub fn resolve(self, tid: u32, pid: u32, ppid: u32) -> Self {
        match self {
            Self::Thread => Self::Number(tid.into()),
            Self::Process => Self::Number(pid.into()),
            Self::Parent => Self::Number(ppid.into()),
            Self::None | Self::Global | Self::Number(_) => self,
        }
    }

    /// The id as written, but for a number.
    pub(crate) const fn letters(self) -> &'static str {
        match self {
            Self::None | Self::Number(_) => "",
            Self::Global => "g",
            Self::Thread => "t",
            Self::Process => "p",
            Self::Parent => "pp",
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            other => f.write_str(other.letters()),
        }
    }
}
