//! Processes that ended unheard of, because the record of their end found no room in the ring.
//!
//! What they left open would stay so for ever. So each process with an open span is looked at once a minute
//! and at the end: the kernel programs forget a process when it ends, whether or not that could be reported.

use std::io;

use nulltrace_core::spans::correlate::Correlator;

use crate::namespace;
use crate::resolve::procfs::{Proc, Since};
use crate::source::Source;

/// Between two looks.
const MINUTE_NS: u64 = 60_000_000_000;

/// When it was looked for some.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    looked: u64,
}

impl Suspects {
    /// Those that are gone, if it is time to look. To be asked before the source is drained: of one of which
    /// nothing is heard in what was written until now, nothing will be.
    pub(crate) fn look(
        &mut self,
        now: u64,
        correlator: &mut Correlator,
        source: &dyn Source,
    ) -> Vec<u32> {
        if self.looked == 0 {
            self.looked = now;
        }
        if now.saturating_sub(self.looked) < MINUTE_NS {
            return Vec::new();
        }
        self.look_now(now, correlator, source)
    }

    /// The same, whatever the time.
    pub(crate) fn look_now(
        &mut self,
        now: u64,
        correlator: &mut Correlator,
        source: &dyn Source,
    ) -> Vec<u32> {
        self.looked = now;
        let mut pids = correlator.processes_with_open();
        pids.retain(|&pid| {
            let start = correlator.process(pid).map(|process| process.start);
            source.has_lost_sight_of(pid) && is_gone(pid, start)
        });
        pids
    }
}

/// Whether there is no such process any more. `start` is when it began, if that is known.
fn is_gone(pid: u32, start: Option<u64>) -> bool {
    // Elsewhere the id is another process's: then one whose facts were reported, so that the kernel programs had
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
