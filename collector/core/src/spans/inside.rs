//! Segments, added to the spans they lie in.

use std::sync::Arc;

use super::Spans;
use crate::activity::{DEPTH_MAX, SpanTimes, Times};
use crate::span::TagPath;

impl Spans {
    /// Adds a segment's time to the spans its thread has open. Returns their paths, each once, the
    /// innermost first, and whether there are more.
    pub(crate) fn segment(
        &mut self,
        pid: u32,
        tid: u32,
        times: &Times,
    ) -> (Vec<&Arc<TagPath>>, bool) {
        let mut paths = Vec::new();
        for (depth, slot) in self.table.of_thread(pid, tid).enumerate() {
            if depth == DEPTH_MAX {
                return (paths, true);
            }
            let at = slot as usize;
            if self.times.len() <= at {
                self.times.resize(at + 1, SpanTimes::NONE);
            }
            self.times[at].all.add(times);
            if depth == 0 {
                self.times[at].own.add(times);
            }
            // Each path once: a recursion's calls are not made as often as it is deep.
            let path = self.tags.path(self.table.get(slot).tag);
            if !paths.iter().any(|&known| Arc::ptr_eq(known, path)) {
                paths.push(path);
            }
        }
        (paths, false)
    }
}
