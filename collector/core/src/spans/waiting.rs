//! Segments that were ended by markers, until these are read: only then is it known which span they are about.
//!
//! A segment and its marker come one behind the other, so mostly one waits, and not for long. Where a marker
//! comes in parts, the segments between the parts wait too, whatever ended them.

use std::collections::VecDeque;

use crate::input::event::EndedBy;
use zerocopy::IntoBytes;

use crate::input::record::{CallsRecord, SegmentRecord};
use crate::input::snapshot::KIND_WAITING;
use crate::input::write::RecordWriter;

/// A segment as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole<'a> {
    pub(crate) segment: &'a SegmentRecord,
    pub(crate) calls: &'a [CallsRecord],
    pub(crate) by: EndedBy,
}

/// The same, kept.
#[derive(Debug)]
pub(crate) struct Waited {
    segment: SegmentRecord,
    calls: Vec<CallsRecord>,
}

impl Waited {
    pub(crate) fn whole(&self) -> Whole<'_> {
        Whole {
            segment: &self.segment,
            calls: &self.calls,
            by: EndedBy::from_flags(self.segment.head.flags),
        }
    }
}

/// How many may wait. Only those whose marker was lost wait for long.
const WAITING: usize = 64;

/// The segments that wait, those of one thread in their order.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Mostly there is no more than this.
    first: Option<Waited>,
    others: VecDeque<Waited>,
    /// For calls: kept for its room.
    spare: Vec<CallsRecord>,
}

impl Waiting {
    /// Takes one in; gives the thread of another that has waited for too long, if there are too many.
    #[inline]
    pub(crate) fn add(&mut self, whole: Whole<'_>) -> Option<(u32, u32)> {
        let mut calls = std::mem::take(&mut self.spare);
        calls.extend_from_slice(whole.calls);
        let segment = *whole.segment;
        let waited = Waited { segment, calls };
        if self.first.is_none() {
            self.first = Some(waited);
            return None;
        }
        self.others.push_back(waited);
        self.any().filter(|_| self.others.len() >= WAITING)
    }

    /// Writes those that wait.
    pub(crate) fn snapshot(&self, to: &mut RecordWriter<'_>) {
        for waited in self.first.iter().chain(&self.others) {
            to.write(KIND_WAITING, &waited.segment, &[waited.calls.as_bytes()]);
        }
    }

    /// Whether none waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The next of a thread, if it ended by `until`.
    #[inline]
    pub(crate) fn take(&mut self, pid: u32, tid: u32, until: u64) -> Option<Waited> {
        let same_thread =
            |waited: &Waited| (waited.segment.head.pid, waited.segment.head.tid) == (pid, tid);
        let due = |waited: &Waited| waited.segment.head.ts <= until;
        match &self.first {
            Some(first) if same_thread(first) && !due(first) => None,
            Some(first) if same_thread(first) => {
                let others = &mut self.others;
                let next = (!others.is_empty()).then(|| others.pop_front()).flatten();
                std::mem::replace(&mut self.first, next)
            }
            _ => {
                let at = self.others.iter().position(same_thread)?;
                due(&self.others[at]).then(|| self.others.remove(at))?
            }
        }
    }

    /// A thread of a process has the process's id from now on.
    pub(crate) fn rename(&mut self, pid: u32, former: u32) {
        let all = self.first.iter_mut().chain(&mut self.others);
        for head in all.map(|waited| &mut waited.segment.head) {
            if (head.pid, head.tid) == (pid, former) {
                head.tid = pid;
            }
        }
    }

    /// A thread that has one.
    pub(crate) fn any(&self) -> Option<(u32, u32)> {
        let head = self.first.as_ref()?.segment.head;
        Some((head.pid, head.tid))
    }

    /// It was taken in.
    #[inline]
    pub(crate) fn done(&mut self, mut waited: Waited) {
        waited.calls.clear();
        self.spare = waited.calls;
    }
}
