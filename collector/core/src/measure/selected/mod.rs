//! Spans for which conditions hold, by tag path and by the values of fields.
//!
//! Whether a condition holds may be known only when a span ends, as that of its duration: so what was called inside
//! is held until then. A condition on a field that only system calls have chooses among the calls, not among the
//! spans. In a recursion a call counts once for a tag path, for the innermost of its spans that is chosen.
//!
//! ```
//! use nulltrace_core::facts::path::TagPath;
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::measure::selected::{Limits, Selected};
//! use nulltrace_core::query::Query;
//! use nulltrace_core::query::condition::Condition;
//! use nulltrace_core::query::field::{Known, Value};
//! use nulltrace_core::spans::correlate::Correlator;
//! use nulltrace_core::spans::matcher;
//! use nulltrace_core::spans::span::Closed;
//!
//! let write = |ts, bytes| Event {
//!     ts, pid: 1, tid: 1, number: 0,
//!     what: What::Write { bytes, beyond: 0, continues: false },
//! };
//! let slow = Condition::parse("span.arg.cart=7", &|_| None).unwrap();
//! let by = vec!["span.exitarg.status".parse().unwrap()];
//! let query = Query::view("summary").with_by(by).with_conditions(vec![slow]);
//! let mut selected = Selected::new(query, Limits::default(), false);
//! let mut correlator = Correlator::new(matcher::Limits::default());
//! let mut out = |span: &Closed| selected.closed(span, Known::default());
//! correlator.push(&write(100, b">:t:pay:cart=7:"), &mut out);
//! correlator.push(&write(110, b"<:t:pay:status=500:"), &mut out);
//! correlator.push(&write(120, b">:t:pay:cart=8:"), &mut out);
//! correlator.push(&write(150, b"<:t:pay:status=200:"), &mut out);
//! let selection = selected.snapshot(200).done(Default::default());
//! assert_eq!((selection.total()[0].stats.hits(), selection.passed_over()), (1, 1));
//! let rows = selection.grouped();
//! let (group, path) = selection.group(&rows[0].path).unwrap();
//! assert_eq!(selection.values(group), [Value::Text(b"500"[..].into())]);
//! assert_eq!(path.canonical(), b"pay");
//! ```

mod held;
mod keys;
mod selection;
mod taking;

use crate::activity::Inside;
use crate::input::record::{CALLS_AGAIN, CallsRecord};
use crate::query::Query;
use crate::query::condition::{self, Condition};
use crate::query::field::{At, Known, Subject};
use crate::spans::consumer::Consumer;
use crate::spans::matcher::OpenSpan;
use crate::spans::span::Closed;

use std::sync::Arc;

use super::groups;
use super::slowest::Slowest;
use super::summary::{self, Summary};
use super::sums::Sums;
use held::Held;
use keys::Keys;

pub use keys::Group;
pub use selection::{Selection, metric};
pub use taking::Taking;

/// What bounds the memory of [`Selected`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the sums by tag path; as much again where they are grouped.
    pub summary: summary::Limits,
    /// Of the groups.
    pub groups: groups::Limits,
    /// Bytes for what was called in spans that are open; as much again where single spans are kept.
    pub open_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            summary: summary::Limits::default(),
            groups: groups::Limits::default(),
            open_bytes: 32 << 20,
        }
    }
}

/// Counts the spans that a [`Query`] chooses.
#[derive(Debug)]
pub struct Selected {
    query: Query,
    all: Summary,
    grouped: Option<Grouped>,
    held: Held,
    slowest: Option<Slowest>,
    passed_over: u64,
    undecided: Sums,
}

/// The same spans, by group and tag path.
#[derive(Debug)]
struct Grouped {
    keys: Keys,
    summary: Summary,
}

impl Selected {
    /// Nothing yet; of single spans the slowest are kept if `single` says so.
    #[must_use]
    pub fn new(query: Query, limits: Limits, single: bool) -> Self {
        let grouped = (!query.by().is_empty()).then(|| Grouped {
            keys: Keys::new(limits.groups, limits.summary.paths),
            summary: Summary::new(limits.summary),
        });
        Self {
            query,
            all: Summary::new(limits.summary),
            grouped,
            held: Held::new(limits.open_bytes),
            slowest: single.then(|| Slowest::new(limits.open_bytes)),
            passed_over: 0,
            undecided: Sums::default(),
        }
    }

    /// What is asked.
    #[must_use]
    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// A span was opened.
    pub fn opened(&mut self, span: &OpenSpan<'_>) {
        if let Some(slowest) = &mut self.slowest {
            slowest.opened(span);
        }
    }

    /// A thread did something.
    pub fn inside(&mut self, inside: &Inside<'_>) {
        if let Some(slowest) = &mut self.slowest {
            slowest.inside(inside);
        }
        if inside.spans.is_empty() {
            return;
        }
        if of_calls(&self.query).next().is_none() {
            return self.held.push(inside);
        }
        let (mut calls, mut files) = (Vec::<CallsRecord>::new(), Vec::new());
        for (place, of) in inside.calls.iter().enumerate() {
            let at = At::call(inside, place, Known::default());
            match condition::all_hold(of_calls(&self.query), &at) {
                Some(true) => {
                    let mut of = *of;
                    // The second file of a call; if the first was not chosen, it stands for the call.
                    let first =
                        |other: &CallsRecord| other.nr == of.nr && other.flags & CALLS_AGAIN == 0;
                    if !calls.iter().any(first) {
                        of.flags &= !CALLS_AGAIN;
                    }
                    calls.push(of);
                    files.push(inside.files.get(place).cloned().flatten());
                }
                Some(false) => {}
                None => self.undecided.add(&Sums::of(of)),
            }
        }
        self.held.push(&Inside {
            calls: &calls,
            files: &files,
            ..*inside
        });
    }

    /// A span ended, and so much is known of its process.
    pub fn closed(&mut self, span: &Closed, known: Known<'_>) {
        let at = At::closed(span, known);
        let held = self.held.take(span.seq);
        if !chosen(&self.query, &at) {
            self.passed_over = self.passed_over.saturating_add(1);
            if let Some(slowest) = &mut self.slowest {
                slowest.end(span, &[]);
            }
            return held.into_iter().for_each(|of| self.held.hand_on(of));
        }
        let unseen = span.times.is_some_and(|times| times.all.wall > 0) && held.is_none();
        self.held.unkept += u64::from(unseen);
        let calls = held.as_ref().map(held::Span::calls);
        self.all.count(&span.tags, span, calls);
        let paths = match &mut self.grouped {
            None => vec![Arc::clone(&span.tags)],
            Some(Grouped { keys, summary }) => {
                let paths = keys.paths(&self.query, &at, &span.tags);
                for path in &paths {
                    summary.count(path, span, calls);
                }
                paths
            }
        };
        if let Some(slowest) = &mut self.slowest {
            slowest.end(span, &paths);
        }
        held.into_iter().for_each(|of| self.held.give_back(of));
    }

    /// What was counted until `now`. The spans that are open are to be [given](Taking::open) to it.
    pub fn snapshot(&mut self, now: u64) -> Taking<'_, '_> {
        Taking::new(self, now)
    }
}

/// Whether a span is chosen.
fn chosen(query: &Query, span: &At<'_>) -> bool {
    let mut of_spans = query.only().iter().filter(|only| !is_of_calls(only));
    of_spans.all(|only| only.holds(span))
}

fn of_calls(query: &Query) -> impl Iterator<Item = &Condition> {
    query.only().iter().filter(|only| is_of_calls(only))
}

fn is_of_calls(only: &Condition) -> bool {
    !only.field().info().is_of(Subject::Span)
}

#[cfg(test)]
mod tests;
