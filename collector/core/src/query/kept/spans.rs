//! Which spans match, which lie in one that does, and in which there is something that is kept.

use rustc_hash::FxHashMap;

use crate::query::filter::{Holds, SoFar};

/// What becomes of what lies in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lies {
    /// In a span that matches, which may be itself.
    Within,
    /// In none.
    Outside,
    /// That is not known yet.
    Open,
}

/// Calls for which the same holds, made in a span or in those within it.
#[derive(Debug)]
struct Calls {
    holds: Holds,
    /// Whether they are chosen for this span; not known yet.
    chosen: Option<bool>,
    /// The spans in which they were made, that wait for it.
    made_in: Vec<u64>,
}

/// A span that records wait for.
#[derive(Debug, Default)]
struct Span {
    parent: Option<u64>,
    /// It matches; not known yet.
    matches: Option<bool>,
    /// Something in it is kept: so its markers are needed.
    holds_kept: bool,
    ended: bool,
    /// No more can come to be kept in it.
    settled: bool,
    /// Children that are here, and those of them that are not settled.
    children: u32,
    unsettled: u32,
    /// Records that wait and belong to it.
    records: u32,
    /// Which of its calls are chosen, as far as that is known before it ends.
    so_far: Option<SoFar>,
    calls: Vec<Calls>,
    /// What calls hold that were made in it, and how often it is not known whether they are chosen.
    made: Vec<Holds>,
    pending: u32,
}

/// The spans that records wait for.
#[derive(Debug, Default)]
pub(super) struct Spans {
    spans: FxHashMap<u64, Span>,
    /// Nothing more comes.
    over: bool,
}

impl Spans {
    /// A span was opened: whether it matches, if that is known, and what is known of its calls.
    pub(super) fn opened(
        &mut self,
        seq: u64,
        parent: Option<u64>,
        matches: Option<bool>,
        calls: Option<SoFar>,
    ) {
        let parent = parent.filter(|parent| self.spans.contains_key(parent));
        if let Some(parent) = parent.and_then(|parent| self.spans.get_mut(&parent)) {
            parent.children += 1;
            parent.unsettled += 1;
        }
        let span = Span {
            parent,
            matches,
            so_far: calls,
            ..Span::default()
        };
        self.spans.insert(seq, span);
        if matches == Some(true) {
            self.keep(seq);
        }
    }

    pub(super) fn has(&self, seq: u64) -> bool {
        self.spans.contains_key(&seq)
    }

    /// A span has ended; `chosen` says of its calls which are chosen.
    pub(super) fn ended(&mut self, seq: u64, matches: bool, chosen: impl Fn(Holds) -> bool) {
        let Some(span) = self.spans.get_mut(&seq) else {
            return;
        };
        span.ended = true;
        let matches = *span.matches.get_or_insert(matches);
        let mut waited = Vec::new();
        for calls in &mut span.calls {
            let is = *calls.chosen.get_or_insert_with(|| chosen(calls.holds));
            let made_in = std::mem::take(&mut calls.made_in);
            waited.extend(made_in.into_iter().map(|of| (of, is)));
        }
        if matches {
            self.keep(seq);
        }
        for (of, is) in waited {
            if is {
                self.keep(of);
            }
            if let Some(span) = self.spans.get_mut(&of) {
                span.pending = span.pending.saturating_sub(1);
                self.settle(of);
            }
        }
        self.settle(seq);
        self.clear(seq);
    }

    /// Nothing more becomes known of any span: what is open does not match.
    pub(super) fn end(&mut self) {
        self.over = true;
        for span in self.spans.values_mut() {
            span.ended = true;
            span.matches.get_or_insert(false);
            for calls in &mut span.calls {
                calls.chosen.get_or_insert(false);
            }
        }
    }

    /// There is no room to wait for a span: it does not match.
    pub(super) fn give_up(&mut self, seq: u64) {
        if let Some(span) = self.spans.get_mut(&seq) {
            span.matches.get_or_insert(false);
        }
    }

    /// A call was made in a span, for which this holds: it is chosen if it is for that span or one around it.
    pub(super) fn call(&mut self, seq: u64, holds: Holds) {
        let Some(span) = self.spans.get_mut(&seq) else {
            return;
        };
        if span.made.contains(&holds) {
            return;
        }
        span.made.push(holds);
        let (mut next, mut pending, mut is) = (Some(seq), 0, false);
        while let Some(span) = next.and_then(|seq| self.spans.get_mut(&seq)) {
            let at = span.calls.iter().position(|calls| calls.holds == holds);
            if at.is_none() {
                let chosen = span.so_far.as_ref().and_then(|of| of.is_chosen(holds));
                span.calls.push(Calls {
                    holds,
                    chosen,
                    made_in: Vec::new(),
                });
            }
            let at = at.unwrap_or(span.calls.len() - 1);
            if let Some(calls) = span.calls.get_mut(at) {
                match calls.chosen {
                    Some(chosen) => is |= chosen,
                    None => {
                        calls.made_in.push(seq);
                        pending += 1;
                    }
                }
            }
            next = span.parent;
        }
        if let Some(span) = self.spans.get_mut(&seq) {
            span.pending += pending;
        }
        if is {
            self.keep(seq);
        }
    }

    /// Whether a call that was made in a span is chosen, if that is known.
    pub(super) fn is_chosen(&self, seq: u64, holds: Holds) -> Option<bool> {
        let (mut next, mut open) = (Some(seq), false);
        while let Some(span) = next.and_then(|seq| self.spans.get(&seq)) {
            let calls = span.calls.iter().find(|calls| calls.holds == holds);
            match calls.map(|calls| calls.chosen) {
                Some(Some(true)) => return Some(true),
                Some(None) => open = true,
                _ => {}
            }
            next = span.parent;
        }
        (!open).then_some(false)
    }

    /// Something in it is kept.
    fn keep(&mut self, seq: u64) {
        let mut next = Some(seq);
        while let Some(span) = next.and_then(|seq| self.spans.get_mut(&seq)) {
            span.holds_kept = true;
            next = span.parent;
        }
    }

    /// No more can come to be kept in a span that has ended, if the same is true of all in it.
    fn settle(&mut self, seq: u64) {
        let mut next = Some(seq);
        while let Some(span) = next.and_then(|seq| self.spans.get_mut(&seq)) {
            if span.settled || !span.ended || span.unsettled > 0 || span.pending > 0 {
                return;
            }
            span.settled = true;
            next = span.parent;
            if let Some(parent) = next.and_then(|parent| self.spans.get_mut(&parent)) {
                parent.unsettled = parent.unsettled.saturating_sub(1);
            }
        }
    }

    pub(super) fn lies(&self, seq: u64) -> Lies {
        let (mut next, mut open) = (Some(seq), false);
        while let Some(span) = next.and_then(|seq| self.spans.get(&seq)) {
            match span.matches {
                Some(true) => return Lies::Within,
                Some(false) => {}
                None => open = true,
            }
            next = span.parent;
        }
        if open { Lies::Open } else { Lies::Outside }
    }

    /// Whether something in it is kept; `None` while that may change.
    pub(super) fn holds_kept(&self, seq: u64) -> Option<bool> {
        match self.spans.get(&seq) {
            Some(span) if span.holds_kept => Some(true),
            Some(span) => (span.settled || self.over).then_some(false),
            None => Some(false),
        }
    }

    /// One more record waits that belongs to it.
    pub(super) fn wait(&mut self, seq: u64) {
        if let Some(span) = self.spans.get_mut(&seq) {
            span.records += 1;
        }
    }

    /// One does not wait any more.
    pub(super) fn done(&mut self, seq: u64) {
        if let Some(span) = self.spans.get_mut(&seq) {
            span.records = span.records.saturating_sub(1);
            self.clear(seq);
        }
    }

    /// Forgets a span that nothing waits for, and then its parents: a parent stays as long as its children, which ask it
    /// where they lie.
    fn clear(&mut self, seq: u64) {
        let mut next = Some(seq);
        while let Some(seq) = next {
            let of = self.spans.get(&seq);
            if !of.is_some_and(|of| of.ended && of.children == 0 && of.records == 0) {
                return;
            }
            let Some(gone) = self.spans.remove(&seq) else {
                return;
            };
            next = gone.parent;
            if let Some(parent) = next.and_then(|parent| self.spans.get_mut(&parent)) {
                parent.children = parent.children.saturating_sub(1);
                if !gone.settled {
                    parent.unsettled = parent.unsettled.saturating_sub(1);
                }
            }
        }
    }

    /// Forgets which of the spans that are gone wait.
    pub(super) fn sweep(&mut self) {
        let mut waiting = Vec::new();
        for (&seq, span) in &self.spans {
            waiting.extend(
                span.calls
                    .iter()
                    .enumerate()
                    .filter_map(|(at, calls)| (calls.made_in.len() > 64).then_some((seq, at))),
            );
        }
        for (seq, at) in waiting {
            let span = self.spans.get_mut(&seq);
            let made_in = span.and_then(|span| span.calls.get_mut(at));
            let Some(mut made_in) = made_in.map(|of| std::mem::take(&mut of.made_in)) else {
                continue;
            };
            made_in.retain(|of| self.spans.contains_key(of));
            let span = self.spans.get_mut(&seq);
            if let Some(of) = span.and_then(|span| span.calls.get_mut(at)) {
                of.made_in = made_in;
            }
        }
    }
}
