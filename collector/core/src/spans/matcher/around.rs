//! The spans around a single event.

use super::{OpenSpan, Slot, Spans};
use crate::activity::{DEPTH_MAX, InSpan};
use crate::spans::span::Closed;

impl Spans {
    /// The open parent of an open span.
    pub(crate) fn parent(&self, slot: Slot) -> Option<Slot> {
        self.table.parent(self.table.get(slot))
    }

    /// The span that what a thread does now lies in.
    pub(crate) fn innermost(&mut self, pid: u32, tid: u32) -> Option<Slot> {
        self.table.innermost(pid, tid)
    }

    /// The span that was opened last of all.
    pub(crate) fn newest_slot(&self) -> Option<Slot> {
        self.table.newest().map(|(slot, _)| slot)
    }

    /// An open span.
    pub(crate) fn open_span(&self, slot: Slot) -> OpenSpan<'_> {
        self.as_open(slot, self.table.get(slot))
    }

    /// The span that ended last of all.
    pub(crate) const fn last_closed(&self) -> &Closed {
        &self.closed
    }

    /// An open span and its parents, as far as activity is added to them, behind `spans`.
    pub(crate) fn around<'a>(&'a self, mut next: Option<Slot>, spans: &mut Vec<InSpan<'a>>) {
        while let Some(slot) = next.filter(|_| spans.len() < DEPTH_MAX) {
            let span = self.table.get(slot);
            spans.push(InSpan {
                seq: Some(span.seq),
                path: self.tags.path(span.tag),
                args: Some(&span.args),
                id: Some(span.id),
                repeated: false,
            });
            next = self.table.parent(span);
        }
    }
}
