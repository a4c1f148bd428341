//! Segments, added to the spans they lie in.
//!
//! What a thread did before a marker is the span's that the marker is about, and that one's parents': where
//! tasks share a thread, it is the task that ran last which wrote the marker. The other spans open on the
//! thread have that time as *interleaved*: it passed, but they did nothing in it. There may be many of those,
//! so it is the time of their thread, less what was theirs.

use super::{About, Spans};
use crate::activity::{DEPTH_MAX, InSpan, Times};

impl Spans {
    /// Adds what a thread did from `since` on to the span that it is about, and to its parents, as far as they
    /// were open all that time. Returns them, the innermost first, and whether there
    /// are more.
    pub(crate) fn segment(
        &mut self,
        about: About,
        pid: u32,
        tid: u32,
        since: u64,
        times: &Times,
    ) -> (Vec<InSpan<'_>>, bool) {
        let Self {
            table,
            tags,
            inside,
            ..
        } = self;
        let mut was_idle = false;
        if let Some(thread) = table.thread(pid, tid) {
            thread.wall = thread.wall.saturating_add(times.wall);
            was_idle = thread.idle;
        }
        let innermost = match about {
            About::Span(slot) => Some(slot),
            About::Innermost => table.innermost(pid, tid),
        };
        let mut spans: Vec<InSpan<'_>> = Vec::new();
        inside.enabled = true;
        inside.seen.clear();
        // The calls of an idle thread were not counted, so its segment belongs to no span.
        let mut next = innermost.filter(|_| !was_idle);
        let (mut depth, mut own, mut odd) = (0, true, false);
        while let Some(slot) = next {
            if depth == DEPTH_MAX {
                return (spans, true);
            }
            depth += 1;
            let span = table.get(slot);
            next = table.parent(span);
            if span.start > since {
                continue;
            }
            let held = inside.get(slot);
            held.times.all.add(times);
            if own {
                held.times.own.add(times);
                own = false;
            }
            if span.is_of(pid, tid) {
                held.of_thread = held.of_thread.saturating_add(times.wall);
            }
            let path = tags.path(span.tag);
            let mut repeated = !inside.seen.insert(span.tag);
            // Rare: two paths are one to a reader.
            odd |= path.shown_otherwise().is_some();
            if odd && !repeated {
                repeated = spans.iter().any(|known| known.path.is_shown_as(path));
            }
            spans.push(InSpan {
                seq: Some(span.seq),
                path,
                args: Some(&span.args),
                id: Some(span.id),
                repeated,
            });
        }
        (spans, false)
    }

    /// For so long a thread did what is in no span that is here.
    pub(crate) fn left_out(&mut self, pid: u32, tid: u32, wall: u64) {
        self.inside.enabled = true;
        if let Some(thread) = self.table.thread(pid, tid) {
            thread.wall = thread.wall.saturating_add(wall);
        }
    }
}
