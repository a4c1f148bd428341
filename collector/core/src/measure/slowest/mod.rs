//! The slowest single spans, each with the largest parts of its time.
//!
//! While a span is open, what was called inside is kept by its sequence number, in the room of a few; when it
//! ends it is known whether it is one of the slowest.
//!
//! ```
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::measure::slowest::{Anchor, Slowest};
//! use nulltrace_core::spans::correlate::Correlator;
//! use nulltrace_core::spans::matcher::Limits;
//!
//! let write = |ts, bytes| Event {
//!     ts, pid: 1, tid: 1, number: 0,
//!     what: What::Write { bytes, beyond: 0, continues: false },
//! };
//! let (mut correlator, mut slowest) = (Correlator::new(Limits::default()), Slowest::default());
//! correlator.push(&write(100, b">:t:checkout:cart=7:"), &mut slowest);
//! correlator.push(&write(110, b">:t:checkout.pay::"), &mut slowest);
//! correlator.push(&write(150, b"<:t:checkout.pay::"), &mut slowest);
//! let anchor = Anchor { monotonic: 0, wall: 1_000 };
//! let spans = slowest.spans(correlator.open_by_age(), 190, anchor).spans;
//! let durations: Vec<_> = spans.iter().map(|span| (span.duration, span.how.is_some())).collect();
//! assert_eq!(durations, [(90, false), (40, true)]);
//! assert_eq!((spans[1].parent, spans[1].wall), (Some(spans[0].seq), 1_110));
//! assert_eq!(spans[0].enter_args.get(b"cart"), Some(&b"7"[..]));
//! ```

mod kept;
mod span;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::activity::{Inside, SpanTimes};
use crate::facts::args::ArgList;
use crate::facts::path::TagPath;
use crate::spans::consumer::{Consumer, Wants};
use crate::spans::matcher::OpenSpan;
use crate::spans::span::Closed;

pub use super::did::{CallReason, Children, FileReason, Reasons, Spent};
pub use kept::{KEPT, KEPT_OF_PATH};
pub use span::{Anchor, SlowSpan, SlowSpans};

use super::did::{Did, Room};
use super::family::Family;
use kept::Kept;

/// Bytes for what is known of the open spans, if nobody says otherwise.
const BYTES: usize = 32 << 20;

/// Finds the slowest spans.
#[derive(Debug)]
pub struct Slowest {
    open: FxHashMap<u64, Doing>,
    room: Room,
    kept: Kept,
    ended: u64,
    wide: bool,
}

/// What is known of a span that is open.
#[derive(Debug)]
struct Doing {
    did: Did,
    /// What each process of a script did.
    family: Family,
}

impl Doing {
    fn bytes(&self) -> usize {
        self.did.bytes() + self.family.bytes()
    }
}

impl Default for Slowest {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

impl Slowest {
    /// No spans; of what open ones did so many bytes are kept.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            open: FxHashMap::default(),
            room: Room::new(bytes),
            kept: Kept::default(),
            ended: 0,
            wide: false,
        }
    }

    /// The slowest spans: of those that ended, and of those that are `open` at the time `now`.
    #[must_use]
    pub fn spans<'a>(
        &self,
        open: impl Iterator<Item = OpenSpan<'a>>,
        now: u64,
        anchor: Anchor,
    ) -> SlowSpans {
        let (mut kept, mut total) = (self.kept.clone(), self.ended);
        for span in open {
            let duration = now.saturating_sub(span.start);
            let make = || self.still_open(&span, duration);
            kept.push(span.tags, duration, make);
            total = total.saturating_add(1);
        }
        let mut spans = kept.into_sorted();
        for span in &mut spans {
            span.wall = anchor.wall(span.start);
        }
        SlowSpans {
            spans,
            total,
            wide: self.wide,
        }
    }

    /// A span ended that is one of these `paths`, in place of its own tags, or of none: then it is not counted.
    pub(super) fn end(&mut self, span: &Closed, paths: &[Arc<TagPath>]) {
        let doing = self.open.remove(&span.seq);
        if let Some(doing) = &doing {
            self.room.give_back(doing.bytes());
        }
        if let Some(parent) = span.parent
            && let Some(doing) = self.open.get_mut(&parent)
        {
            doing.did.child(&span.tags, span.duration());
        }
        let did = doing.as_ref().map(|doing| &doing.did);
        if !paths.is_empty() {
            self.ended = self.ended.saturating_add(1);
        }
        for tags in paths {
            self.kept.push(tags, span.duration(), || SlowSpan {
                seq: span.seq,
                parent: span.parent,
                tags: Arc::clone(tags),
                id: span.id,
                enter_args: span.enter_args.clone(),
                exit_args: span.exit_args.clone(),
                pid: span.pid,
                tid: span.tid,
                process: span.process.clone(),
                start: span.start,
                wall: 0,
                duration: span.duration(),
                self_ns: Some(span.self_ns()),
                how: Some(span.how),
                times: span.times,
                reasons: reasons(did, span.times.as_ref()),
                children: did.map(Did::children).unwrap_or_default(),
                family: doing.as_ref().map(|doing| Arc::new(doing.family.clone())),
            });
        }
    }

    fn still_open(&self, span: &OpenSpan<'_>, duration: u64) -> SlowSpan {
        let doing = self.open.get(&span.seq);
        let did = doing.map(|doing| &doing.did);
        SlowSpan {
            seq: span.seq,
            parent: span.parent,
            tags: Arc::clone(span.tags),
            id: span.id,
            enter_args: span.args.clone(),
            exit_args: ArgList::default(),
            pid: span.pid,
            tid: span.tid,
            process: span.process.cloned(),
            start: span.start,
            wall: 0,
            duration,
            self_ns: None,
            how: None,
            times: span.times,
            reasons: reasons(did, span.times.as_ref()),
            children: did.map(Did::children).unwrap_or_default(),
            family: doing.map(|doing| Arc::new(doing.family.clone())),
        }
    }
}

fn reasons(did: Option<&Did>, times: Option<&SpanTimes>) -> Option<Reasons> {
    Some(did?.reasons(&times?.all))
}

impl Consumer for Slowest {
    fn wants(&self) -> Wants {
        Wants::OPENED | Wants::CLOSED | Wants::INSIDE
    }

    fn opened(&mut self, span: &OpenSpan<'_>) {
        if self.room.take(Did::BYTES) {
            let doing = Doing {
                did: Did::new(),
                family: Family::default(),
            };
            self.open.insert(span.seq, doing);
        }
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        self.wide |= inside.wide;
        for seq in inside.spans.iter().filter_map(|span| span.seq) {
            if let Some(doing) = self.open.get_mut(&seq) {
                let did = &mut doing.did;
                did.push(inside.calls, inside.files, &mut self.room);
            }
        }
        for seq in inside.when.open {
            if let Some(doing) = self.open.get_mut(seq) {
                doing.family.push(inside, &mut self.room);
            } else if let Some(family) = self.kept.family(*seq) {
                // What was in a call when the span ended is reported when it returns.
                Arc::make_mut(family).push(inside, &mut Room::new(usize::MAX));
            }
        }
    }

    fn closed(&mut self, span: &Closed) {
        self.end(span, std::slice::from_ref(&span.tags));
    }
}

#[cfg(test)]
mod tests;
