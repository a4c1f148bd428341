//! What was measured until a moment: the same while a run goes on and when it has ended.

use std::sync::Arc;

use jiff::Timestamp;
use nulltrace_core::activity::Times;
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::ledger::Ledger;
use nulltrace_core::measure::groups::Groups;
use nulltrace_core::measure::slowest::SlowSpans;
use nulltrace_core::measure::summary::{Row, Summary};
use nulltrace_core::spans::span::Open;
use nulltrace_core::view::Data;

use crate::log;
use crate::names::Machine;

/// What was measured until a moment. It is cheap to take and to clone, as it shares what does not change with what
/// goes on being counted, and may be sent to another thread, where its model is made. While it is kept it takes the
/// memory of what changed since.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The backend's name.
    pub backend: &'static str,
    /// When the run began.
    pub wall_start: Timestamp,
    /// How long it took, or has taken so far, nanoseconds.
    pub elapsed_ns: u64,
    /// When what was asked for began to be counted, where that was later than the run: it was first asked for then.
    pub since: Option<Timestamp>,
    /// The whole account.
    pub ledger: Ledger,
    /// What else the person should know, each a sentence without a full stop.
    pub notes: Vec<String>,
    pub(crate) summary: Arc<Summary>,
    /// The spans that were open.
    pub(crate) open: Arc<[(Arc<TagPath>, Open)]>,
    pub(crate) groups: Option<Arc<Groups>>,
    pub(crate) slowest: Option<Arc<SlowSpans>>,
    pub(crate) outside: Option<Times>,
}

impl Measured {
    /// Where the time of threads went while they had no span open; `None` if the source does not see it.
    #[must_use]
    pub fn outside(&self) -> Option<&Times> {
        self.outside.as_ref()
    }

    /// The groups, if any were asked for; `None` if the source does not see activity.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        self.groups.as_deref().filter(|_| self.outside.is_some())
    }

    /// The rows of the summary.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        self.summary.rows(self.open.iter().cloned())
    }

    /// What views are made from, with these [`rows`](Self::rows) and notes.
    #[must_use]
    pub fn data<'a>(&'a self, rows: &'a [Row<'a>], notes: &'a [String]) -> Data<'a> {
        let ns = |at: Timestamp| u64::try_from(at.as_nanosecond()).unwrap_or(0);
        Data {
            backend: self.backend,
            elapsed_ns: self.elapsed_ns,
            since: self.since.map(ns),
            rows,
            groups: self.groups(),
            slowest: self.slowest.as_deref(),
            ledger: &self.ledger,
            outside: self.outside(),
            notes,
            log_lost: log::lost(),
            names: &Machine,
        }
    }
}

#[cfg(test)]
impl Measured {
    /// Of a run in which nothing happened.
    pub(crate) fn nothing() -> Self {
        Self {
            backend: "a test",
            wall_start: Timestamp::UNIX_EPOCH,
            elapsed_ns: 0,
            since: None,
            ledger: Ledger::default(),
            notes: Vec::new(),
            summary: Arc::default(),
            open: Arc::new([]),
            groups: None,
            slowest: None,
            outside: Some(Times::NONE),
        }
    }
}
