//! What the table knows of open spans and threads, for a snapshot.

use super::list::{List, both};
use super::{Table, Thread};
use crate::spans::slot::Slot;

impl Table {
    /// Each thread that has spans or is idle.
    pub(in crate::spans) fn threads(&self) -> impl Iterator<Item = (u32, u32, &Thread)> {
        let threads = self.threads.each();
        let threads = threads.filter(|(_, thread, is_idle)| !is_idle || thread.idle);
        threads.map(|(id, thread, _)| ((id >> 32) as u32, id as u32, thread))
    }

    /// What the ends of other spans and of its thread have made of an open span.
    pub(in crate::spans) fn standing(&self, slot: Slot) -> Standing {
        let span = self.get(slot);
        let thread_gone = !span.is_on(List::OfThread);
        Standing {
            thread_gone,
            passed: span.passed,
            aside: span.aside && !thread_gone,
        }
    }

    /// Makes it what it was.
    pub(in crate::spans) fn set_standing(&mut self, slot: Slot, stands: Standing) {
        self.get_mut(slot).passed = stands.passed;
        if stands.thread_gone {
            self.leave_thread(slot);
        } else if stands.aside {
            self.put_aside(slot);
        }
    }

    /// What is known of a thread, which is known from now on.
    pub(in crate::spans) fn known_thread(&mut self, pid: u32, tid: u32) -> &mut Thread {
        let number = self.threads.obtain(both(pid, tid));
        self.threads.of_mut(number)
    }
}

/// What the ends of others have made of an open span: its thread has ended, a span that it is below has, its
/// thread is not within it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::spans) struct Standing {
    pub(in crate::spans) thread_gone: bool,
    pub(in crate::spans) passed: bool,
    pub(in crate::spans) aside: bool,
}
