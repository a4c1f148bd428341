//! What was measured until a moment: the same while a run goes on and when it has ended.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use nulltrace_core::activity::Times;
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::ledger::Ledger;
use nulltrace_core::measure::family::Families;
use nulltrace_core::measure::groups::Groups;
use nulltrace_core::measure::selected::Selection;
use nulltrace_core::measure::slowest::SlowSpans;
use nulltrace_core::measure::summary::{Row, Summary};
use nulltrace_core::query::Query;
use nulltrace_core::spans::span::Open;
use nulltrace_core::view::{Data, Names};

use crate::log;
use crate::names::{Calls, Machine};

/// What was measured until a moment. It is cheap to take and to clone, as it shares what does not change with what
/// goes on being counted, and may be sent to another thread, where its model is made. While it is kept it takes the
/// memory of what changed since.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The backend's name.
    pub backend: Cow<'static, str>,
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
    pub(crate) selected: Option<Arc<Selection>>,
    pub(crate) slowest: Option<Arc<SlowSpans>>,
    pub(crate) families: Option<Families>,
    pub(crate) outside: Option<Times>,
    /// How system calls are named where this was recorded, if that is known.
    pub(crate) calls: Option<Arc<Calls>>,
}

impl Measured {
    /// Where the time of threads went while they had no span open; `None` if the source does not see it.
    #[must_use]
    pub fn outside(&self) -> Option<&Times> {
        self.outside.as_ref()
    }

    /// When it ended. A recording may say anything of when it began, so that may be no time at all.
    pub(crate) fn wall_end(&self) -> Timestamp {
        let elapsed = Duration::from_nanos(self.elapsed_ns);
        self.wall_start
            .saturating_add(elapsed)
            .unwrap_or(self.wall_start)
    }

    /// The groups, if any were asked for; `None` if the source does not see activity.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        self.groups.as_deref().filter(|_| self.outside.is_some())
    }

    /// The rows of the summary of all spans.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        self.summary.rows(self.open.iter().cloned())
    }

    /// Names of what was measured.
    pub(crate) fn names(&self) -> &dyn Names {
        match self.calls.as_deref() {
            Some(calls) => calls,
            None => &Machine,
        }
    }

    /// Gives what views are made from, with these notes, as `query` asks.
    pub fn with_data<T>(
        &self,
        query: &Query,
        notes: &[String],
        give: impl FnOnce(&Data<'_>) -> T,
    ) -> T {
        let ns = |at: Timestamp| u64::try_from(at.as_nanosecond()).unwrap_or(0);
        let selected = self.selected.as_deref();
        give(&Data {
            backend: &self.backend,
            elapsed_ns: self.elapsed_ns,
            since: self.since.map(ns),
            rows: &selected.map_or_else(|| self.rows(), Selection::total),
            groups: self.groups(),
            selected,
            top: query.top(),
            slowest: self.slowest.as_deref(),
            families: self.families.as_ref(),
            ledger: &self.ledger,
            outside: self.outside(),
            notes,
            log_lost: log::lost(),
            names: self.names(),
        })
    }
}

#[cfg(test)]
impl Measured {
    /// Of a run in which nothing happened.
    pub(crate) fn nothing() -> Self {
        Self {
            backend: "a test".into(),
            wall_start: Timestamp::UNIX_EPOCH,
            elapsed_ns: 0,
            since: None,
            ledger: Ledger::default(),
            notes: Vec::new(),
            summary: Arc::default(),
            open: Arc::new([]),
            groups: None,
            selected: None,
            slowest: None,
            families: None,
            outside: Some(Times::NONE),
            calls: None,
        }
    }
}
