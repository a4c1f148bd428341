//! What was called in spans that are open, until it is known whether they are chosen.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::activity::{InSpan, Inside};
use crate::facts::path::TagPath;
use crate::measure::calls::{Calls, Room};
use crate::measure::sums::Sums;
use crate::query::filter::{Holds, Verdict};

/// The calls of open spans, by sequence number. In a recursion each is held once, by the innermost span of its path.
#[derive(Debug)]
pub(super) struct Held {
    spans: FxHashMap<u64, Span>,
    /// How many spans there may be, and parts of spans.
    most: usize,
    /// Parts of spans that there are.
    parts: usize,
    room: Room,
    /// Spans that ended and had no place here.
    pub(super) unkept: u64,
}

/// What was called in one span.
#[derive(Debug)]
pub(super) struct Span {
    /// The next span out that has the same path.
    outer: Option<u64>,
    /// The calls for which no part of the filter need hold.
    calls: Calls,
    /// The others.
    parts: Vec<Part>,
    /// There was no room for some of these.
    cut: bool,
}

/// The calls of a span for which the same parts of the filter hold.
#[derive(Debug)]
struct Part {
    holds: Holds,
    calls: Calls,
    sums: Sums,
}

/// What a span that ended has of its calls.
#[derive(Debug)]
pub(super) struct Picked {
    calls: Calls,
    /// What it has not: it is the next one's out.
    rest: Option<Span>,
    /// Calls that it may have.
    pub(super) undecided: Sums,
}

impl Picked {
    pub(super) const fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Span {
    const fn new(outer: Option<u64>) -> Self {
        Self {
            outer,
            calls: Calls::NONE,
            parts: Vec::new(),
            cut: false,
        }
    }

    /// Those calls of a span that is open for which `chosen` holds.
    pub(super) fn so_far(&self, chosen: impl Fn(Holds) -> bool) -> Cow<'_, Calls> {
        let plain = chosen(Holds::default());
        if plain && self.parts.is_empty() {
            return Cow::Borrowed(&self.calls);
        }
        let mut calls = match plain {
            true => self.calls.clone(),
            false => Calls::of_wall(self.calls.wall()),
        };
        // It is looked at and forgotten.
        let mut room = Room::new(usize::MAX);
        for part in self.parts.iter().filter(|part| chosen(part.holds)) {
            calls.merge(&part.calls, &mut room);
        }
        Cow::Owned(calls)
    }

    /// The part of calls for which this holds, made if `room` says so.
    fn part(&mut self, holds: Holds, room: bool) -> Option<(&mut Part, bool)> {
        let known = self.parts.iter().position(|part| part.holds == holds);
        if known.is_none() {
            if !room {
                self.cut = true;
                return None;
            }
            self.parts.push(Part {
                holds,
                calls: Calls::NONE,
                sums: Sums::default(),
            });
        }
        let at = known.unwrap_or(self.parts.len() - 1);
        Some((&mut self.parts[at], known.is_none()))
    }
}

impl Held {
    /// Room for so many bytes: half for the spans, half for what counts their calls separately.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            spans: FxHashMap::default(),
            // Half of a hash table may be empty.
            most: bytes / 2 / (2 * size_of::<(u64, Span)>()),
            parts: 0,
            room: Room::new(bytes / 2),
            unkept: 0,
        }
    }

    /// Adds calls of a segment, for which so much holds, to the spans it lies in. Those for which nothing need hold are
    /// given for each segment: they have its time.
    pub(super) fn push_with(&mut self, holds: Holds, inside: &Inside<'_>) {
        let plain = holds == Holds::default();
        for (at, of) in inside.spans.iter().enumerate() {
            let Some(seq) = of.seq else { continue };
            let outer = || outer(&inside.spans[at + 1..], of.path);
            let room = self.spans.len() + self.parts < self.most;
            let span = place(&mut self.spans, room, seq, outer);
            let Some(span) = span.filter(|_| !of.repeated) else {
                continue;
            };
            if plain {
                let wall = inside.times.wall;
                let room = &mut self.room;
                span.calls
                    .push(inside.calls, inside.files, wall, at == 0, room);
            } else if let Some((part, is_new)) = span.part(holds, room) {
                self.parts += usize::from(is_new);
                let room = &mut self.room;
                part.calls
                    .push(inside.calls, inside.files, 0, at == 0, room);
                let calls = inside.calls.iter();
                calls.for_each(|of| part.sums.add(&Sums::of(of)));
            }
        }
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Span> {
        self.spans.get(&seq)
    }

    /// A span ends. What it has is to be [picked](Self::pick) or [handed on](Self::hand_on).
    pub(super) fn take(&mut self, seq: u64) -> Option<Span> {
        let span = self.spans.remove(&seq);
        self.parts -= span.as_ref().map_or(0, |span| span.parts.len());
        span
    }

    /// Of a span that was chosen, those calls of which `chosen` says that they are. It is to be
    /// [done](Self::done) with.
    pub(super) fn pick(&mut self, mut span: Span, chosen: impl Fn(Holds) -> Verdict) -> Picked {
        self.unkept += u64::from(span.cut);
        let mut picked = Picked {
            calls: std::mem::take(&mut span.calls),
            rest: None,
            undecided: Sums::default(),
        };
        if chosen(Holds::default()) != Verdict::Yes {
            let own = Calls::of_wall(picked.calls.wall());
            span.calls = std::mem::replace(&mut picked.calls, own).without_wall();
        }
        for part in std::mem::take(&mut span.parts) {
            match chosen(part.holds) {
                Verdict::Yes => {
                    picked.calls.merge(&part.calls, &mut self.room);
                    part.calls.give_back(&mut self.room);
                }
                Verdict::Undecided => {
                    picked.undecided.add(&part.sums);
                    part.calls.give_back(&mut self.room);
                }
                Verdict::No | Verdict::Unknown => span.parts.push(part),
            }
        }
        let left = !span.calls.is_empty() || !span.parts.is_empty();
        picked.rest = left.then_some(span);
        picked
    }

    /// What was picked has been counted: the rest is handed on, the room is free again.
    pub(super) fn done(&mut self, picked: Picked) {
        picked.calls.give_back(&mut self.room);
        picked.rest.into_iter().for_each(|rest| self.hand_on(rest));
    }

    /// A span does not have these calls: they are those of the next one out with its path.
    pub(super) fn hand_on(&mut self, mut span: Span) {
        let mut left = self.most.saturating_sub(self.spans.len() + self.parts);
        if let Some(outer) = span.outer.and_then(|seq| self.spans.get_mut(&seq)) {
            span.calls.disown();
            outer.calls.merge(&span.calls, &mut self.room);
            outer.cut |= span.cut;
            for part in &mut span.parts {
                part.calls.disown();
                if let Some((of, is_new)) = outer.part(part.holds, left > 0) {
                    self.parts += usize::from(is_new);
                    left -= usize::from(is_new);
                    of.calls.merge(&part.calls, &mut self.room);
                    of.sums.add(&part.sums);
                }
            }
        }
        let parts = span.parts.into_iter().map(|part| part.calls);
        for calls in parts.chain([span.calls]) {
            calls.give_back(&mut self.room);
        }
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
    room: bool,
    seq: u64,
    outer: impl FnOnce() -> Option<u64>,
) -> Option<&mut Span> {
    match spans.entry(seq) {
        Entry::Occupied(span) => Some(span.into_mut()),
        Entry::Vacant(place) => room.then(|| place.insert(Span::new(outer()))),
    }
}

#[cfg(test)]
impl Held {
    /// Whether nothing is held but what is of so many spans, and all room is free if there are none.
    pub(super) fn is_free(&self, open: u64) -> bool {
        let none = self.room.taken() == 0 && self.parts == 0;
        self.spans.len() as u64 <= open && (open > 0 || none)
    }
}
