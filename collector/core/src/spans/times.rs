//! What was done inside of each open span.

use super::slot::Slot;
use super::table::Table;
use crate::activity::SpanTimes;
use crate::facts::tag_set::TagSet;

/// What was inside of the open spans, by slot; empty while activity is not observed.
#[derive(Debug, Default)]
pub(super) struct Inside {
    spans: Vec<Span>,
    /// Whether activity is observed: there was a segment.
    pub(super) enabled: bool,
    /// The paths of the spans that the segment at hand is in; kept for its room.
    pub(super) seen: TagSet,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) times: SpanTimes,
    /// Time of the thread's segments when the span was opened.
    thread_before: u64,
    /// Of the thread's segments since then, those that are the span's.
    pub(super) of_thread: u64,
}

impl Span {
    const NEW: Self = Self {
        times: SpanTimes::NONE,
        thread_before: 0,
        of_thread: 0,
    };
}

impl Inside {
    pub(super) fn get(&mut self, slot: Slot) -> &mut Span {
        let at = slot as usize;
        if self.spans.len() <= at {
            self.spans.resize(at + 1, Span::NEW);
        }
        &mut self.spans[at]
    }

    /// A span was opened.
    #[inline]
    pub(super) fn opened(&mut self, table: &Table, slot: Slot) {
        if self.enabled {
            let thread_before = table.thread_of(table.get(slot)).wall;
            *self.get(slot) = Span {
                thread_before,
                ..Span::NEW
            };
        }
    }

    /// A span was opened before, and so much was inside of it.
    pub(super) fn restored(&mut self, table: &Table, slot: Slot, times: SpanTimes) {
        if self.enabled {
            self.opened(table, slot);
            self.get(slot).times = times;
        }
    }

    /// What was inside of an open span; `None` if activity is not observed.
    #[inline]
    pub(super) fn times(&self, table: &Table, slot: Slot) -> Option<SpanTimes> {
        self.enabled.then(|| self.times_of(table, slot))
    }

    fn times_of(&self, table: &Table, slot: Slot) -> SpanTimes {
        let span = self.spans.get(slot as usize).unwrap_or(&Span::NEW);
        let mut times = span.times;
        if table.get(slot).is_of_thread() {
            let wall = table.thread_of(table.get(slot)).wall - span.thread_before;
            let others = wall.saturating_sub(span.of_thread);
            times.interleaved = times.interleaved.saturating_add(others);
        }
        times
    }

    /// The thread of a span ends, and the span does not.
    pub(super) fn leaves_thread(&mut self, table: &Table, slot: Slot) {
        if let Some(times) = self.times(table, slot) {
            self.get(slot).times = times;
        }
    }
}
