//! Processes that ended unheard of, because the record of their end found no room in the ring.
//!
//! What they left open would stay so for ever. So each process with an open span is looked at once a minute
//! and at the end: the kernel programs forget a process when it ends, whether or not that could be told.

use std::io;

use nulltrace_core::spans::correlate::Correlator;

use crate::enrich::procfs::{Proc, Since};
use crate::namespace;
use crate::source::Source;

/// Between two looks.
const MINUTE_NS: u64 = 60_000_000_000;

/// Those that may be gone. If nothing is heard of one by the time all is read that was written until now, it is.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    pids: Vec<u32>,
    looked: u64,
}

impl Suspects {
    /// Looks for some, if it is time. To be asked before the source is drained.
    pub(crate) fn look(&mut self, now: u64, correlator: &mut Correlator, source: &dyn Source) {
        if self.looked == 0 {
            self.looked = now;
        }
        if now.saturating_sub(self.looked) >= MINUTE_NS {
            self.look_now(now, correlator, source);
        }
    }

    /// The same, whatever the time.
    pub(crate) fn look_now(&mut self, now: u64, correlator: &mut Correlator, source: &dyn Source) {
        self.looked = now;
        self.pids = correlator.processes_with_open();
        self.pids.retain(|&pid| {
            let start = correlator.process(pid).map(|process| process.start);
            source.has_lost_sight_of(pid) && is_gone(pid, start)
        });
    }

    /// Those that are gone, once all is read that was written until `read`.
    pub(crate) fn gone(&mut self, read: u64, correlator: &Correlator) -> Vec<u32> {
        if self.pids.is_empty() || read < self.looked {
            return Vec::new();
        }
        let mut pids = std::mem::take(&mut self.pids);
        let open = correlator.processes_with_open();
        pids.retain(|pid| open.binary_search(pid).is_ok());
        pids
    }
}

/// Whether there is no such process any more. `start` is when it began, if that is known.
fn is_gone(pid: u32, start: Option<u64>) -> bool {
    // Elsewhere the id is another process's: then one whose facts were told, so that the kernel programs had
    // a state for it, and have none now.
    if !namespace::is_initial() {
        return start.is_some();
    }
    // SAFETY: plain system call; signal 0 is not sent.
    let there = unsafe { libc::kill(pid.cast_signed(), 0) } == 0
        || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH);
    let other = match (Proc::default().stat(pid), start) {
        (Some(stat), Some(start)) => !stat.start.is_about(Since::monotonic(start)),
        _ => false,
    };
    !there || other
}
