//! Which threads and processes are traced, and what is reported of each to the reader.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use libc::pid_t;

use super::descriptors::Descriptors;
use super::pending::Pending;

/// A traced thread.
pub(super) struct Thread {
    pub(super) tgid: pid_t,
    /// The marker it may be in the middle of.
    pub(super) pending: Pending,
    pub(super) descriptors: Descriptors,
    /// How many markers it wrote, those that could not be read too. With some, its end is worth a record.
    pub(super) markers: u32,
    /// It is exiting or gone: its end has been reported.
    ended: bool,
}

/// A traced process.
#[derive(Default)]
struct Process {
    /// Threads that have not ended.
    live: usize,
    /// Its facts were sent.
    announced: bool,
    /// Its memory is hidden, and that was counted.
    unseen: bool,
}

/// Everything that is traced. Its size is bounded by the number of live threads.
#[derive(Default)]
pub(super) struct Family {
    threads: HashMap<pid_t, Thread>,
    processes: HashMap<pid_t, Process>,
}

impl Family {
    pub(super) fn thread(&mut self, tid: pid_t) -> Option<&mut Thread> {
        self.threads.get_mut(&tid)
    }

    pub(super) fn knows(&self, tid: pid_t) -> bool {
        self.threads.contains_key(&tid)
    }

    /// How many processes there are.
    pub(super) fn processes(&self) -> usize {
        self.processes.len()
    }

    /// Every process.
    pub(super) fn pids(&self) -> impl Iterator<Item = pid_t> {
        self.processes.keys().copied()
    }

    /// Adds thread `tid` of process `tgid`.
    pub(super) fn add(&mut self, tid: pid_t, tgid: pid_t) {
        if let Entry::Vacant(place) = self.threads.entry(tid) {
            place.insert(Thread {
                tgid,
                pending: Pending::default(),
                descriptors: Descriptors::default(),
                markers: 0,
                ended: false,
            });
            self.processes.entry(tgid).or_default().live += 1;
        }
    }

    /// Whether the facts of process `tgid` are still to be sent; answers yes once.
    pub(super) fn announce(&mut self, tgid: pid_t) -> bool {
        self.processes
            .get_mut(&tgid)
            .is_some_and(|process| !std::mem::replace(&mut process.announced, true))
    }

    /// Whether it is to be counted that process `tgid` cannot be seen; answers yes once for each program it runs.
    pub(super) fn lose_sight(&mut self, tgid: pid_t) -> bool {
        self.processes
            .get_mut(&tgid)
            .is_some_and(|process| !std::mem::replace(&mut process.unseen, true))
    }

    /// Process `tgid` runs another program, called for by its thread `former`, whose id is `tgid`
    /// from now on. All others have ended.
    pub(super) fn exec(&mut self, tgid: pid_t, former: pid_t) {
        let caller = self.threads.remove(&former);
        self.threads.retain(|_, thread| thread.tgid != tgid);
        self.processes.insert(
            tgid,
            Process {
                live: 0,
                announced: true,
                unseen: false,
            },
        );
        self.add(tgid, tgid);
        if let (Some(thread), Some(caller)) = (self.threads.get_mut(&tgid), caller) {
            *thread = caller;
            // Those are of its former id.
            thread.descriptors = Descriptors::default();
        }
    }

    /// Thread `tid` is on its way out. Returns its process the first time, if the end is to be reported:
    /// it wrote markers and others of its process live on. The last one's end is the process's.
    pub(super) fn ended(&mut self, tid: pid_t) -> Option<pid_t> {
        let thread = self.threads.get_mut(&tid)?;
        if std::mem::replace(&mut thread.ended, true) {
            return None;
        }
        let process = self.processes.get_mut(&thread.tgid)?;
        process.live = process.live.saturating_sub(1);
        (process.live > 0 && thread.markers > 0).then_some(thread.tgid)
    }

    /// Thread `tid` is gone. Says whether its process is, whose leader is always the last to go.
    pub(super) fn remove(&mut self, tid: pid_t) -> bool {
        self.threads.remove(&tid);
        self.processes.remove(&tid).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_ends_with_its_leader() {
        let mut family = Family::default();
        for tid in [7, 8, 9] {
            family.add(tid, 7);
            family.thread(tid).unwrap().markers = u32::from(tid != 7);
        }
        assert_eq!(family.ended(7), None, "a silent leader");
        assert_eq!(family.ended(8), Some(7));
        assert_eq!(family.ended(8), None, "reported once");
        assert!(!family.remove(8));
        assert_eq!(family.ended(9), None, "the last one");
        assert!(!family.remove(9));
        assert_eq!(family.processes(), 1);
        assert!(family.remove(7));
        assert_eq!(family.processes(), 0);
        assert_eq!(family.ended(7), None);
    }

    #[test]
    fn exec_leaves_one_thread() {
        let mut family = Family::default();
        for tid in [7, 8] {
            family.add(tid, 7);
        }
        assert!(family.announce(7));
        family.thread(7).unwrap().markers = 1;
        family.thread(8).unwrap().markers = 2;
        family.exec(7, 8);
        assert!(!family.knows(8) && family.knows(7));
        assert_eq!(family.thread(7).unwrap().markers, 2, "the caller goes on");
        assert!(!family.announce(7));
        assert_eq!(family.ended(7), None);
        assert!(family.remove(7));
    }
}
