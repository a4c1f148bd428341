//! What a person or a program is shown. A view only formats: it opens and reads nothing.

pub mod duration;
mod files;
#[cfg(test)]
mod fixture;
mod grid;
mod group;
pub mod json;
mod peers;
mod sheet;
mod syscalls;
pub mod table;
pub mod text;
mod time;

use std::str::FromStr;

use jiff::Timestamp;
use nulltrace_core::activity::Times;
use nulltrace_core::ledger::{Ledger, Markers};
use nulltrace_core::measure::groups::Groups;
use nulltrace_core::measure::summary::Row;
use nulltrace_spec::Code;

pub use grid::Style;

/// What of a summary is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// How often and how long.
    #[default]
    Summary,
    /// Where the time went.
    Time,
    /// System calls.
    Syscalls,
    /// Files that are no sockets, by what was called on them.
    Files,
    /// Sockets.
    Sockets,
}

impl FromStr for View {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "summary" => Ok(Self::Summary),
            "time" => Ok(Self::Time),
            "syscalls" => Ok(Self::Syscalls),
            "files" => Ok(Self::Files),
            "sockets" => Ok(Self::Sockets),
            _ => Err(format!(
                "no view {text:?}: write summary, time, syscalls, files or sockets"
            )),
        }
    }
}

/// All that the views of a summary show.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The backend, as [`Source::name`](crate::source::Source::name) gives it.
    pub backend: &'a str,
    /// When the run began.
    pub wall_start: Timestamp,
    /// How long it took, nanoseconds.
    pub elapsed_ns: u64,
    /// The rows of [`Summary::rows`](nulltrace_core::measure::summary::Summary::rows).
    pub rows: &'a [Row<'a>],
    /// Calls by the fields that were asked for; they take the place of the view.
    pub groups: Option<&'a Groups>,
    /// The account of the run.
    pub ledger: &'a Ledger,
    /// Where the time of threads went while they had no span open; `None` if nobody looked.
    pub outside: Option<&'a Times>,
    /// What else the person should know, each a sentence without a full stop.
    pub notes: &'a [String],
    /// Lines of the log that a full, closed or stuck stderr did not take.
    pub log_lost: u64,
}

/// The errors for which markers were refused, by name, with how many.
fn refused_by_code(markers: &Markers) -> impl Iterator<Item = (&'static str, u64)> {
    let counts = markers.malformed.iter().copied();
    let names = Code::ALL.iter().map(|code| code.name());
    names.zip(counts).filter(|&(_, n)| n > 0)
}

/// A sum of counts that cannot overflow.
fn total(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}
