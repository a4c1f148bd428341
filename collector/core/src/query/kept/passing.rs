//! What is kept on its way out.

use zerocopy::{FromBytes, IntoBytes};

use super::facts::{Facts, Record};
use super::numbers::Numbers;
use super::queue::{Decided, Fate, Item};
use super::record::bytes_of;
use crate::input::event::{Event, What};
use crate::input::made::Made;
use crate::input::record::{Head, SegmentRecord};
use crate::spans::consumer::Consumer;

/// Passes records on.
pub(super) struct Passing<C> {
    facts: Facts,
    pub(super) numbers: Numbers,
    /// The span whose enter marker was passed on last.
    opened: u64,
    pub(super) made: Made,
    pub(super) to: C,
}

impl<C: Consumer> Passing<C> {
    pub(super) fn new(to: C) -> Self {
        Self {
            facts: Facts::new(),
            numbers: Numbers::default(),
            opened: 0,
            made: Made::default(),
            to,
        }
    }

    /// Passes an item on as it was decided.
    pub(super) fn pass(&mut self, item: Item, (decided, follows): (Decided, bool)) {
        let Self {
            facts,
            numbers,
            opened,
            made,
            to,
        } = self;
        let mut out = |record: &Record| to.record(bytes_of(record));
        if item.fate == Fate::Fact {
            let mut record = item.record;
            if let Ok((head, _)) = Head::mut_from_prefix(record.0.as_mut_bytes()) {
                let of_all = head.number == 0;
                head.number = if of_all {
                    0
                } else {
                    numbers.next((head.pid, head.tid), false)
                };
            }
            if let Ok(event) = Event::decode(bytes_of(&record)) {
                if matches!(event.what, What::Exit { .. }) {
                    numbers.end((event.pid, event.tid));
                }
                facts.learn(&event, record.clone(), &mut out);
            }
            return;
        }
        let enters = match item.fate {
            Fate::Enter(seq) => Some(seq),
            _ => None,
        };
        // Where its process is not in what is kept, no span of the thread is.
        if item.fate == Fate::Aside {
            let head = Head::read_from_prefix(bytes_of(&item.record));
            if head.is_ok_and(|(head, _)| facts.is_out(head.pid)) {
                out(&item.record);
            }
            return;
        }
        if let (Fate::Segment(..), Decided::Dropped) = (&item.fate, &decided) {
            if let Ok((segment, _)) = SegmentRecord::read_from_prefix(bytes_of(&item.record)) {
                let Head { ts, pid, tid, .. } = segment.head;
                if facts.is_out(pid) {
                    let wall = ts.saturating_sub(segment.since);
                    to.record(made.left_out(ts, (pid, tid), wall));
                }
            }
            return;
        }
        let Some(mut record) = item.kept(&decided, follows) else {
            return;
        };
        let Ok(event) = Event::decode(bytes_of(&record)) else {
            return;
        };
        let thread = (event.pid, event.tid);
        match event.what {
            What::Segment { calls, .. } => facts.ahead_of(event.pid, calls, &mut out),
            What::Syscall { call, .. } => {
                facts.ahead_of(event.pid, &[], &mut out);
                facts.file(call.file, &mut out);
            }
            _ => facts.ahead_of(event.pid, &[], &mut out),
        }
        let is_marker = matches!(event.what, What::Marker { .. });
        if let Some(seq) = enters {
            // Others were left out: it has the number that it has in the whole stream.
            if seq != opened.wrapping_add(1) {
                to.record(made.next_span(event.ts, seq));
            }
            *opened = seq;
        }
        if is_marker {
            let number = numbers.next(thread, true);
            if let Ok((head, _)) = Head::mut_from_prefix(record.0.as_mut_bytes()) {
                head.number = number;
            }
        }
        to.record(bytes_of(&record));
    }
}
