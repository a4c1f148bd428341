//! What a view is, and what it is made from.

use core::fmt;

use super::model::Model;
use crate::activity::Times;
use crate::ledger::Ledger;
use crate::measure::family::Families;
use crate::measure::groups::Groups;
use crate::measure::selected::Selection;
use crate::measure::slowest::SlowSpans;
use crate::measure::summary::Row;

/// A view: one way to look at what was measured.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// How a person asks for it.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub help: &'static str,
    /// Whether it shows what the kernel did inside spans, which is not there where nobody looked.
    pub activity: bool,
    /// Whether it shows single spans, of which the slowest are kept then.
    pub single: bool,
    /// Whether its rows are system calls: then a filter may choose among these.
    pub calls: bool,
    /// Makes its model. Each row of a table has its tag path as its first cell: by that rows are grouped.
    pub make: fn(&Data<'_>) -> Model,
}

/// What was measured, as far as views show it.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// The name of the backend.
    pub backend: &'a str,
    /// How long the run took, or has taken so far, nanoseconds.
    pub elapsed_ns: u64,
    /// When what is shown began to be counted, by the wall clock in nanoseconds since 1970, where that was later
    /// than the run: it was first asked for then.
    pub since: Option<u64>,
    /// The rows of [`Summary::rows`](crate::measure::summary::Summary::rows).
    pub rows: &'a [Row<'a>],
    /// Calls by the fields that were asked for.
    pub groups: Option<&'a Groups>,
    /// The spans for which a filter holds, by the values of fields, if some were asked for; then `rows` are theirs.
    pub selected: Option<&'a Selection>,
    /// How many rows a person wants to read, if that was said.
    pub top: Option<usize>,
    /// The slowest spans, if a view of single spans was asked for.
    pub slowest: Option<&'a SlowSpans>,
    /// What each process of a script did in spans, where that was looked at.
    pub families: Option<&'a Families>,
    /// The account of the run.
    pub ledger: &'a Ledger,
    /// Where the time of threads went while they had no span open; `None` if nobody looked.
    pub outside: Option<&'a Times>,
    /// What else the person should know, each a sentence without a full stop.
    pub notes: &'a [String],
    /// Lines of the log that a full, closed or stuck stderr did not take.
    pub log_lost: u64,
    /// Names that are not in the measurements.
    pub names: &'a dyn Names,
}

/// Names of what the measurements have as a number.
pub trait Names: fmt::Debug {
    /// The name of a system call.
    fn call(&self, nr: u32) -> String;
}
