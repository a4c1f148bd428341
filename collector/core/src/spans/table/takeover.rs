//! A thread that calls exec takes the id of its process over from the leader.

use nulltrace_spec::Id;
use rustc_hash::FxHashSet;

use super::Table;
use super::list::{List, both};
use crate::facts::tags::TagId;
use crate::spans::slot::{NIL, Slot};

impl Table {
    /// Thread `former` of a process has the process's id from now on. The spans of the thread that had it
    /// until now must have left it.
    pub(in crate::spans) fn take_over(&mut self, pid: u32, former: u32) {
        self.threads.rename(both(pid, former), both(pid, pid));
        if let Some(thread) = self.thread(pid, pid) {
            // That was said of the former id.
            thread.idle = false;
        }
        let mut moved: Vec<Slot> = self.of_thread(pid, pid).collect();
        moved.sort_unstable_by_key(|&slot| self.get(slot).seq);
        let mut tags = FxHashSet::default();
        for slot in moved {
            let span = self.get(slot);
            // What `t` stands for changes with the thread's id.
            if span.by_thread && span.id == Id::Number(former.into()) {
                tags.insert(span.tag);
                self.change_id(slot, pid);
            } else {
                self.change_thread(slot, pid);
            }
        }
        for tag in tags {
            self.sort_group(Id::Number(pid.into()), tag);
        }
    }

    fn change_thread(&mut self, slot: Slot, tid: u32) {
        let is_scoped = self.get(slot).is_on(List::Thread);
        if is_scoped {
            self.leave_scope(List::Thread, slot);
        }
        self.get_mut(slot).tid = tid;
        if is_scoped {
            self.join_thread_scope(slot);
        }
    }

    fn change_id(&mut self, slot: Slot, tid: u32) {
        self.leave_others_of_group(slot);
        let span = self.get_mut(slot);
        (span.tid, span.id) = (tid, Id::Number(tid.into()));
        let (id, tag) = (span.id, span.tag);
        self.join_group(slot, id, tag);
    }

    /// Puts the span that was opened last on top again, where spans came to those that have this id and tags already.
    fn sort_group(&mut self, id: Id, tag: TagId) {
        let mut spans: Vec<Slot> = self.group(id, tag).collect();
        spans.sort_unstable_by_key(|&slot| self.get(slot).seq);
        for slot in spans {
            self.leave_others_of_group(slot);
            self.join_group(slot, id, tag);
        }
    }

    /// Takes an open span out of its group, to be put into one again.
    fn leave_others_of_group(&mut self, slot: Slot) {
        self.leave_group(slot);
        if std::mem::take(&mut self.get_mut(slot).lingers) {
            self.forget_group(slot);
        }
        if self.get(slot).scope_links != NIL {
            self.leave_scopes(slot);
        }
    }
}
