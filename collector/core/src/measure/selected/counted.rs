//! What is counted of the spans that a query chooses.

use std::sync::Arc;

use super::chosen::Chosen;
use super::held::{Held, Picked};
use super::keys::Keys;
use crate::activity::Inside;
use crate::measure::decided::Decided;
use crate::measure::groups;
use crate::measure::slowest::Slowest;
use crate::measure::summary::{self, Summary};
use crate::measure::sums::Sums;
use crate::query::field::{At, Known};
use crate::query::filter::{Divided, Filter, Holds, OfCall, Verdict};
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
    pub(super) divided: Option<Divided>,
    pub(super) all: Summary,
    pub(super) grouped: Option<Grouped>,
    pub(super) held: Held,
    pub(super) slowest: Option<Slowest>,
    pub(super) passed_over: u64,
    /// What the filter said of the spans that ended.
    pub(super) decided: Decided,
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
            divided: query.filter().map(Filter::divided),
            query,
            all: Summary::new(limits.summary),
            grouped,
            held: Held::new(limits.open_bytes),
            slowest: single.then(|| Slowest::new(limits.open_bytes)),
            passed_over: 0,
            decided: Decided::default(),
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
        let Some(divided) = self.divided.as_ref().filter(|of| of.is_of_calls()) else {
            return self.held.push_with(Holds::default(), inside);
        };
        let mut chosen = Chosen::default();
        for (place, of) in inside.calls.iter().enumerate() {
            let at = At::call(inside, place, Known::default());
            let holds = match divided.of_call(&at) {
                OfCall::Open(holds) => holds,
                OfCall::Decided(Verdict::Undecided) => {
                    self.undecided.add(&Sums::of(of));
                    continue;
                }
                OfCall::Decided(_) => continue,
            };
            chosen.push(holds, of, inside.files.get(place).cloned().flatten());
        }
        chosen.each(inside, |holds, inside| self.held.push_with(holds, inside));
    }

    /// A span ended, and so much is known of its process.
    pub fn closed(&mut self, span: &Closed, known: Known<'_>) {
        let at = At::closed(span, known);
        let held = self.held.take(span.seq);
        let verdict = of_span(self.divided.as_ref(), &at);
        self.decided.count(verdict, 1);
        if verdict != Verdict::Yes {
            self.passed_over = self.passed_over.saturating_add(1);
            if let Some(slowest) = &mut self.slowest {
                slowest.end(span, &[]);
            }
            return held.into_iter().for_each(|of| self.held.hand_on(of));
        }
        let unseen = span.times.is_some_and(|times| times.all.wall > 0) && held.is_none();
        self.held.unkept += u64::from(unseen);
        let picked = held.map(|held| {
            let divided = self.divided.as_ref();
            let picked = self.held.pick(held, |holds| of_both(divided, &at, holds));
            self.undecided.add(&picked.undecided);
            picked
        });
        let calls = picked.as_ref().map(Picked::calls);
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
        if let Some(picked) = picked {
            self.held.done(picked);
        }
    }
}

/// What the filter says of a span.
pub(super) fn of_span(divided: Option<&Divided>, span: &At<'_>) -> Verdict {
    divided.map_or(Verdict::Yes, |of| of.of_span(span))
}

/// What it says of a call in a span that was chosen.
pub(super) fn of_both(divided: Option<&Divided>, span: &At<'_>, holds: Holds) -> Verdict {
    match divided {
        Some(of) if of.is_mixed() => of.of_both(span, holds),
        _ => Verdict::Yes,
    }
}
