//! What is counted of the spans that a query chooses.

use std::sync::Arc;

use super::held::{Held, Span};
use super::keys::Keys;
use crate::activity::Inside;
use crate::input::record::{CALLS_AGAIN, CallsRecord};
use crate::measure::groups;
use crate::measure::slowest::Slowest;
use crate::measure::summary::{self, Summary};
use crate::measure::sums::Sums;
use crate::query::condition::{self, Condition};
use crate::query::field::{At, Known, Subject};
use crate::query::{Query, Show};
use crate::spans::consumer::Consumer;
use crate::spans::matcher::OpenSpan;
use crate::spans::span::Closed;

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
    pub(super) query: Query,
    pub(super) all: Summary,
    pub(super) grouped: Option<Grouped>,
    pub(super) held: Held,
    pub(super) slowest: Option<Slowest>,
    pub(super) passed_over: u64,
    pub(super) undecided: Sums,
}

/// The same spans, by group and tag path.
#[derive(Debug)]
pub(super) struct Grouped {
    pub(super) keys: Keys,
    pub(super) summary: Summary,
}

impl Selected {
    /// Nothing yet; of single spans the slowest are kept if `single` says so.
    #[must_use]
    pub fn new(query: Query, limits: Limits, single: bool) -> Self {
        let mut groups = limits.groups;
        if matches!(query.show(), Show::Spans { .. }) {
            // Each group has one row, and those beyond the limits have one.
            groups.groups = groups.groups.min(limits.summary.paths.saturating_sub(1));
        }
        let grouped = (!query.by().is_empty()).then(|| Grouped {
            keys: Keys::new(groups, limits.summary.paths),
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
        let calls = held.as_ref().map(Span::calls);
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
}

/// Whether a span is chosen.
pub(super) fn chosen(query: &Query, span: &At<'_>) -> bool {
    let mut of_spans = query.only().iter().filter(|only| !is_of_calls(only));
    of_spans.all(|only| only.holds(span))
}

fn of_calls(query: &Query) -> impl Iterator<Item = &Condition> {
    query.only().iter().filter(|only| is_of_calls(only))
}

fn is_of_calls(only: &Condition) -> bool {
    !only.field().info().is_of(Subject::Span)
}
