//! Processes that the kernel programs did not see begin, and their ancestors, as `/proc` has them.

use nulltrace_core::facts::ancestor::ANCESTORS;
use nulltrace_core::facts::recent::Recent;

use super::answer::Answer;
use super::procfs::{Proc, Since, Stat};

/// How many processes are remembered, at least; at most twice as many.
const PROCESSES: usize = 1 << 14;

/// What was reported of processes already: of their end nothing is heard, so that each must be looked at again
/// before it is believed to be the same, but none above one that is.
#[derive(Debug)]
pub(super) struct Ancestors {
    reported: Recent<u32, Stat>,
}

impl Default for Ancestors {
    fn default() -> Self {
        Self {
            reported: Recent::new(PROCESSES),
        }
    }
}

impl Ancestors {
    /// The process `pid`, which began before that time, and those it descends from; itself last.
    pub(super) fn find(&mut self, pid: u32, before: u64, proc: &Proc) -> Vec<Answer> {
        let mut found = Vec::new();
        let (mut next, mut before) = (pid, Since::monotonic(before).next());
        while next != 0 && found.len() < ANCESTORS {
            let Some(stat) = proc.stat(next).filter(|stat| stat.start <= before) else {
                break;
            };
            let known = self
                .reported
                .get(next)
                .is_some_and(|reported| *reported == stat);
            let (pid, parent, start) = (next, stat.parent, stat.start);
            let of = (start.as_monotonic(), parent, stat.comm.clone());
            found.push(Answer::Parent { pid, of: Some(of) });
            self.reported.insert(pid, stat);
            if known {
                break;
            }
            (next, before) = (parent, start);
        }
        if found.is_empty() {
            found.push(Answer::Parent { pid, of: None });
        }
        found.reverse();
        found
    }
}
