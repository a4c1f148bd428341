//! A snapshot while it is taken: the spans that are open are looked at one by one.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::counted::{Grouped, Selected, of_both, of_span};
use super::selection::{Groups, Selection};

use crate::facts::path::TagPath;
use crate::measure::decided::Decided;
use crate::measure::slowest::Anchor;
use crate::measure::summary::Summary;
use crate::query::field::{At, Known};
use crate::query::filter::Verdict;
use crate::spans::matcher::OpenSpan;
use crate::spans::span::Open;

type Opens = FxHashMap<Arc<TagPath>, Open>;

/// A snapshot that is not yet [done](Self::done).
#[derive(Debug)]
pub struct Taking<'s, 'o> {
    selected: &'s mut Selected,
    now: u64,
    decided: Decided,
    all: Summary,
    grouped: Option<Summary>,
    open: Opens,
    open_grouped: Opens,
    /// For the slowest.
    single: Vec<(OpenSpan<'o>, Vec<Arc<TagPath>>)>,
}

impl Selected {
    /// What was counted until `now`. The spans that are open are to be [given](Taking::open) to it.
    pub fn snapshot(&mut self, now: u64) -> Taking<'_, '_> {
        Taking {
            now,
            decided: self.decided,
            all: self.all.clone(),
            grouped: self.grouped.as_ref().map(|of| of.summary.clone()),
            open: Opens::default(),
            open_grouped: Opens::default(),
            single: Vec::new(),
            selected: self,
        }
    }
}

impl<'o> Taking<'_, 'o> {
    /// A span that is open, and what is known of its process.
    pub fn open(&mut self, span: OpenSpan<'o>, known: Known<'_>) {
        let Selected {
            query,
            divided,
            grouped,
            held,
            slowest,
            ..
        } = &mut *self.selected;
        let at = At::open(&span, self.now, known);
        let verdict = of_span(divided.as_ref(), &at);
        self.decided.count(verdict, 1);
        if verdict != Verdict::Yes {
            return;
        }
        let calls = held.get(span.seq).map(|held| {
            let chosen = |holds| of_both(divided.as_ref(), &at, holds) == Verdict::Yes;
            held.so_far(chosen)
        });
        let calls = calls.as_deref();
        let add = |open: &mut Opens, summary: &mut Summary, path: &Arc<TagPath>| {
            let of = open.entry(Arc::clone(path)).or_default();
            of.spans = of.spans.saturating_add(1);
            of.times.add(&span.times.unwrap_or_default());
            calls
                .into_iter()
                .for_each(|calls| summary.call(path, calls));
        };
        add(&mut self.open, &mut self.all, span.tags);
        let mut paths = vec![Arc::clone(span.tags)];
        if let (Some(Grouped { keys, .. }), Some(summary)) = (grouped, &mut self.grouped) {
            paths = keys.paths(query, &at, span.tags);
            for path in &paths {
                add(&mut self.open_grouped, summary, path);
            }
        }
        if slowest.is_some() {
            self.single.push((span, paths));
        }
    }

    /// What was counted. Times are by the anchor.
    #[must_use]
    pub fn done(self, anchor: Anchor) -> Selection {
        let Self {
            selected,
            now,
            decided,
            all,
            grouped,
            open,
            open_grouped,
            single,
        } = self;
        let open_as = single.iter().flat_map(|(span, paths)| {
            let of = |tags| OpenSpan { tags, ..*span };
            paths.iter().map(of)
        });
        let slowest = selected.slowest.as_ref();
        let slowest = slowest.map(|of| of.spans(open_as, now, anchor));
        let groups = selected.grouped.as_ref().zip(grouped);
        let groups = groups.map(|(Grouped { keys, .. }, summary)| {
            let open = open_grouped.into_iter().collect();
            Groups::new(keys, summary, open, &selected.query)
        });
        Selection {
            query: selected.query.clone(),
            all,
            open: open.into_iter().collect(),
            groups,
            slowest,
            passed_over: selected.passed_over,
            decided,
            unknown: selected.decided.unknown,
            unkept: selected.held.unkept,
            undecided: selected.undecided,
        }
    }
}
