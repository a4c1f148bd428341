//! Ends that no marker makes.

use super::Spans;
use crate::facts::process::Processes;
use crate::spans::slot::Slot;
use crate::spans::span::{Closed, End};

impl Spans {
    /// Ends what was open for longer than the limit, at the time the limit was reached: so it does
    /// not matter how often one asks.
    #[inline]
    pub(crate) fn expire(&mut self, now: u64, out: &mut impl FnMut(&Closed)) {
        while let Some((slot, span)) = self.table.oldest() {
            let due = span.start.saturating_add(self.limits.age);
            if due > now {
                return;
            }
            self.end(slot, due, End::Expired, out);
            let Closed { id, tags, .. } = &self.closed;
            self.expired.add(*id, tags.canonical());
        }
    }

    /// Ends the oldest span to make room. Returns whether there was one.
    pub(super) fn evict(&mut self, ts: u64, out: &mut impl FnMut(&Closed)) -> bool {
        let Some((slot, _)) = self.table.oldest() else {
            return false;
        };
        self.end(slot, ts, End::Evicted, out);
        true
    }

    /// A thread ended, its process lives on.
    pub(crate) fn thread_exit(
        &mut self,
        pid: u32,
        tid: u32,
        ts: u64,
        out: &mut impl FnMut(&Closed),
    ) {
        self.ending.clear();
        self.ending.extend(self.table.of_thread(pid, tid));
        self.threads_exit(ts, out);
    }

    /// A thread of a process called exec: the others have ended, also those of whose end nothing was heard, and
    /// it has the id of the process from now on. Its spans stay open.
    pub(crate) fn exec(&mut self, pid: u32, tid: u32, ts: u64, out: &mut impl FnMut(&Closed)) {
        self.gather(pid);
        let table = &self.table;
        self.ending.retain(|&slot| {
            let span = table.get(slot);
            span.is_of_thread() && span.tid != tid
        });
        self.threads_exit(ts, out);
        if tid != pid {
            self.table.take_over(pid, tid);
        }
    }

    /// The threads of the gathered spans have ended.
    fn threads_exit(&mut self, ts: u64, out: &mut impl FnMut(&Closed)) {
        self.each_ending(|spans, slot| {
            if spans.table.may_have_ended(slot) {
                spans.end(slot, ts, End::Lost, out);
            } else if spans.table.get(slot).by_thread {
                spans.end(slot, ts, End::ThreadExit, out);
            } else {
                spans.leave_thread(slot);
            }
        });
    }

    /// A process ended, and `processes` knows. `killed`: a signal ended it.
    pub(crate) fn process_exit(
        &mut self,
        pid: u32,
        ts: u64,
        killed: bool,
        processes: &mut Processes,
        out: &mut impl FnMut(&Closed),
    ) {
        self.gather(pid);
        self.each_ending(|spans, slot| {
            let span = spans.table.get(slot);
            let ends = span.orphan || killed || span.by_thread || span.by_process;
            let parent = span.ppid();
            if spans.table.may_have_ended(slot) {
                spans.end(slot, ts, End::Lost, out);
            } else if ends || parent.is_some_and(|ppid| processes.is_dead(ppid)) {
                let end = span.end_at(ts);
                spans.end(slot, end, End::ProcessExit, out);
            } else {
                spans.orphan(slot, ts, parent);
            }
        });
    }

    /// The end of a process was not heard of, but it is gone, or another has its id: nothing of it is left.
    pub(crate) fn process_gone(&mut self, pid: u32, ts: u64, out: &mut impl FnMut(&Closed)) {
        self.gather(pid);
        self.each_ending(|spans, slot| {
            let end = spans.table.get(slot).end_at(ts);
            let lost = spans.table.may_have_ended(slot);
            let how = if lost { End::Lost } else { End::ProcessExit };
            spans.end(slot, end, how, out);
        });
    }

    /// Nothing more will come: orphans end, what else is open stays.
    pub(crate) fn finish(&mut self, out: &mut impl FnMut(&Closed)) {
        self.ending.clear();
        let orphans = self.table.by_age().filter(|(_, span)| span.orphan);
        self.ending.extend(orphans.map(|(slot, _)| slot));
        self.each_ending(|spans, slot| {
            let end = spans.table.get(slot).left;
            spans.end(slot, end, End::ProcessExit, out);
        });
    }

    /// The thread of a span has ended.
    fn leave_thread(&mut self, slot: Slot) {
        self.inside.leaves_thread(&self.table, slot);
        self.table.leave_thread(slot);
    }

    fn gather(&mut self, pid: u32) {
        self.ending.clear();
        self.ending.extend(self.table.of_process(pid));
    }

    /// Gives each gathered span, the one opened last first: so a child ends before its parent and
    /// counts in it.
    fn each_ending(&mut self, mut f: impl FnMut(&mut Self, Slot)) {
        let mut ending = std::mem::take(&mut self.ending);
        ending.sort_unstable_by_key(|&slot| std::cmp::Reverse(self.table.get(slot).seq));
        for &slot in &ending {
            f(self, slot);
        }
        ending.clear();
        self.ending = ending;
    }

    /// Leaves a span to the parent process, or to none if that is not known.
    pub(super) fn orphan(&mut self, slot: Slot, ts: u64, parent: Option<u32>) {
        self.leave_thread(slot);
        self.table.leave_process(slot);
        let span = self.table.get_mut(slot);
        (span.orphan, span.left) = (true, ts);
        if let Some(parent) = parent {
            self.table.give(slot, parent);
        }
    }
}
