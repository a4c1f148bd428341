//! Segments, added to the spans they lie in.

use super::Spans;
use crate::activity::{DEPTH_MAX, SpanTimes, Times};
use crate::correlate::Out;
use crate::record::{CallsRecord, SegmentRecord};

impl Spans {
    /// Adds a segment to the spans its thread has open. Returns the time that was in none.
    pub(crate) fn segment(
        &mut self,
        pid: u32,
        tid: u32,
        segment: &SegmentRecord,
        calls: &[CallsRecord],
        out: &mut impl Out,
    ) -> Times {
        let times = Times::from(segment);
        let mut paths = Vec::new();
        let mut last = None;
        for (depth, slot) in self.table.of_thread(pid, tid).take(DEPTH_MAX).enumerate() {
            let at = slot as usize;
            if self.times.len() <= at {
                self.times.resize(at + 1, SpanTimes::NONE);
            }
            self.times[at].all.add(&times);
            if depth == 0 {
                self.times[at].own.add(&times);
            }
            let tag = self.table.get(slot).tag;
            // Each path once: a recursion's calls are not made as often as it is deep.
            if !calls.is_empty() && last != Some(tag) {
                let path = self.tags.path(tag);
                if !paths
                    .iter()
                    .any(|&known| std::sync::Arc::ptr_eq(known, path))
                {
                    paths.push(path);
                }
                last = Some(tag);
            }
        }
        if !paths.is_empty() {
            out.inside(&paths, calls);
        }
        if self.table.innermost(pid, tid).is_some() {
            Times::NONE
        } else {
            times
        }
    }
}
