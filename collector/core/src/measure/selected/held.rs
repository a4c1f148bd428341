//! What was called in spans that are open, until it is known whether they are chosen.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::activity::{InSpan, Inside};
use crate::facts::path::TagPath;
use crate::measure::calls::{Calls, Room};

/// The calls of open spans, by sequence number. In a recursion each is held once, by the innermost span of its path.
#[derive(Debug)]
pub(super) struct Held {
    spans: FxHashMap<u64, Span>,
    /// How many spans there may be.
    most: usize,
    room: Room,
    /// Spans that ended and had no place here.
    pub(super) unkept: u64,
}

/// What was called in one span.
#[derive(Debug)]
pub(super) struct Span {
    /// The next span out that has the same path.
    outer: Option<u64>,
    calls: Calls,
}

impl Span {
    pub(super) const fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Held {
    /// Room for so many bytes: half for the spans, half for what counts their calls separately.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            spans: FxHashMap::default(),
            // Half of a hash table may be empty.
            most: bytes / 2 / (2 * size_of::<(u64, Span)>()),
            room: Room::new(bytes / 2),
            unkept: 0,
        }
    }

    /// Adds the calls of a segment to the spans it lies in.
    pub(super) fn push(&mut self, inside: &Inside<'_>) {
        let wall = inside.times.wall;
        for (at, of) in inside.spans.iter().enumerate() {
            let Some(seq) = of.seq else { continue };
            let outer = || outer(&inside.spans[at + 1..], of.path);
            let span = place(&mut self.spans, self.most, seq, outer);
            if let Some(span) = span.filter(|_| !of.repeated) {
                let room = &mut self.room;
                span.calls
                    .push(inside.calls, inside.files, wall, at == 0, room);
            }
        }
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Span> {
        self.spans.get(&seq)
    }

    /// A span ends. What it gives up is to be [handed on](Self::hand_on) or [given back](Self::give_back).
    pub(super) fn take(&mut self, seq: u64) -> Option<Span> {
        self.spans.remove(&seq)
    }

    /// A span was not chosen: its calls are those of the next one out with its path.
    pub(super) fn hand_on(&mut self, mut span: Span) {
        let outer = span.outer.and_then(|seq| self.spans.get_mut(&seq));
        if let Some(outer) = outer {
            span.calls.disown();
            outer.calls.merge(&span.calls, &mut self.room);
        }
        self.give_back(span);
    }

    /// Its room is free again.
    pub(super) fn give_back(&mut self, span: Span) {
        span.calls.give_back(&mut self.room);
    }
}

/// The next of `spans` that has this path.
fn outer(spans: &[InSpan<'_>], path: &Arc<TagPath>) -> Option<u64> {
    let mut same = spans.iter().filter(|of| of.path.is_shown_as(path));
    same.next()?.seq
}

/// The place of a span, made if there is room.
fn place(
    spans: &mut FxHashMap<u64, Span>,
    most: usize,
    seq: u64,
    outer: impl FnOnce() -> Option<u64>,
) -> Option<&mut Span> {
    if !spans.contains_key(&seq) {
        if spans.len() >= most {
            return None;
        }
        let span = Span {
            outer: outer(),
            calls: Calls::default(),
        };
        spans.insert(seq, span);
    }
    spans.get_mut(&seq)
}

#[cfg(test)]
impl Held {
    /// Whether nothing is held but what is of so many spans, and all room is free if there are none.
    pub(super) fn is_free(&self, open: u64) -> bool {
        self.spans.len() as u64 <= open && (open > 0 || self.room.taken() == 0)
    }
}
