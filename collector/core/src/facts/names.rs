//! Names that the kernel programs do not report: of users, of ancestors, and of cgroups where they reported none, or
//! only the root of version 2, which all processes in a cgroup of version 1 are in.
//!
//! They come as records. What is asked for and not known yet is among the
//! [wants](Names::take_wants), each once: nothing is looked up that is not asked for.

use super::ancestor::Ancestor;
use super::lineage::Lineage;
use super::process::Process;
use super::recent::Recent;
use crate::input::event::{Event, What};
use crate::input::made::Made;
use crate::input::record::ProcessRecord;

/// How many users and processes are remembered, at least; at most twice as many.
const USERS: usize = 1 << 10;
const PROCESSES: usize = 1 << 14;
/// How many wants are kept for who answers them. What does not fit is refused.
const WANTS: usize = 1 << 12;

/// Which names are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of users.
    pub user: bool,
    /// Of ancestors.
    pub ancestors: bool,
    /// Of cgroups.
    pub cgroup: bool,
}

impl Wanted {
    /// Whether `/proc` is asked for other processes.
    #[must_use]
    pub const fn others(self) -> bool {
        self.ancestors || self.cgroup
    }

    /// What this or the other wants.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            user: self.user || other.user,
            ancestors: self.ancestors || other.ancestors,
            cgroup: self.cgroup || other.cgroup,
        }
    }
}

/// What should be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The name of this user.
    User(u32),
    /// This process, which began before the other time, and its ancestors.
    Parent {
        /// Process id.
        pid: u32,
        /// `CLOCK_MONOTONIC` nanoseconds.
        before: u64,
    },
    /// The cgroup of a process.
    Cgroup {
        /// Process id.
        pid: u32,
        /// When it began.
        start: u64,
    },
}

/// What is known of a process beside the kernel's records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Name of the user.
    pub user: Option<&'a [u8]>,
    /// The parent process, and through it all ancestors.
    pub parent: Option<&'a Ancestor>,
    /// Path of the cgroup, for when the kernel reported none, or only the root.
    pub cgroup: Option<&'a [u8]>,
}

/// The answer to a want.
#[derive(Debug)]
enum Answer {
    Awaited,
    /// Empty if there is none.
    Name(Box<[u8]>),
}

/// The cgroup of a process.
#[derive(Debug)]
struct Cgroup {
    /// When the process began: another of the same id began at another time.
    start: u64,
    path: Answer,
}

/// The names, as far as they are wanted.
#[derive(Debug)]
pub struct Names {
    wanted: Wanted,
    users: Recent<u32, Answer>,
    lineage: Lineage,
    cgroups: Recent<u32, Cgroup>,
    wants: Vec<Want>,
    refused: u64,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            wanted: Wanted::default(),
            users: Recent::new(USERS),
            lineage: Lineage::new(PROCESSES),
            cgroups: Recent::new(PROCESSES),
            wants: Vec::new(),
            refused: 0,
        }
    }
}

impl Names {
    /// From now on these names are wanted too.
    pub fn want(&mut self, wanted: Wanted) {
        self.wanted = self.wanted.or(wanted);
    }

    /// Whether any name is wanted.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.wanted != Wanted::default()
    }

    /// Takes in facts of processes, and names.
    pub fn learn(&mut self, event: &Event<'_>) {
        match event.what {
            What::Process { facts, .. } => self.process(facts),
            What::Fork { child } if self.wanted.ancestors => {
                self.lineage.forked(event.pid, child, event.ts);
                self.ask_lineage();
            }
            What::Exit { group: true, .. } => self.lineage.ended(event.pid, event.ts),
            What::Gone => self.lineage.ended(event.pid, event.ts),
            What::User { uid, name } => self.users.insert(uid, Answer::Name(name.into())),
            What::Parent { start, ppid, comm } => {
                self.lineage.found(event.pid, start, ppid, comm);
            }
            What::Member { start, path } => {
                let path = Answer::Name(path.into());
                self.cgroups.insert(event.pid, Cgroup { start, path });
            }
            _ => {}
        }
    }

    fn process(&mut self, facts: &ProcessRecord) {
        if self.wanted.ancestors {
            self.lineage.learn(facts);
            self.ask_lineage();
        }
    }

    fn ask_lineage(&mut self) {
        if let Some((pid, before)) = self.lineage.take_want() {
            self.ask(Want::Parent { pid, before });
        }
    }

    fn ask(&mut self, want: Want) {
        if self.wants.len() < WANTS {
            self.wants.push(want);
        } else {
            self.refuse(want);
        }
    }

    /// What should be looked up, and was not given out yet.
    pub fn take_wants(&mut self) -> Vec<Want> {
        std::mem::take(&mut self.wants)
    }

    /// Nobody will answer this: it is unknown from now on, so that nothing waits for it, and counted.
    pub fn refuse(&mut self, want: Want) {
        self.refused += 1;
        let unknown = Answer::Name(Box::default());
        match want {
            Want::User(uid) => self.users.insert(uid, unknown),
            Want::Parent { pid, .. } => self.lineage.found(pid, u64::MAX, 0, b""),
            Want::Cgroup { pid, start } => {
                let path = unknown;
                self.cgroups.insert(pid, Cgroup { start, path });
            }
        }
    }

    /// How many wants were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What is known of a process. What is not, is wanted from now on.
    pub fn known(&mut self, process: &Process) -> Known<'_> {
        let (pid, wanted) = (process.pid, self.wanted);
        if wanted.cgroup && is_not_reported(process) {
            let known = self.cgroups.get(pid);
            if known.is_none_or(|known| known.start != process.start) {
                let (start, path) = (process.start, Answer::Awaited);
                self.cgroups.insert(pid, Cgroup { start, path });
                self.ask(Want::Cgroup { pid, start });
            }
        }
        if wanted.user && self.users.get(process.uid).is_none() {
            self.users.insert(process.uid, Answer::Awaited);
            self.ask(Want::User(process.uid));
        }
        if wanted.ancestors {
            self.lineage.see(process);
            self.ask_lineage();
        }
        let cgroup = self
            .cgroups
            .get(pid)
            .filter(|cgroup| cgroup.start == process.start);
        Known {
            user: self.users.get(process.uid).and_then(|cgroup| cgroup.name()),
            parent: match wanted.ancestors {
                true => self.lineage.parent(pid),
                false => None,
            },
            cgroup: cgroup.and_then(|cgroup| cgroup.path.name()),
        }
    }

    /// Writes the names that are known, as of `ts`: after the processes, whose ancestors they are.
    pub fn snapshot(&self, ts: u64, out: &mut dyn FnMut(&[u8])) {
        let mut made = Made::default();
        for (&uid, answer) in self.users.iter() {
            if let Answer::Name(name) = answer {
                out(made.user(ts, uid, name));
            }
        }
        for (&pid, cgroup) in self.cgroups.iter() {
            if let Answer::Name(path) = &cgroup.path {
                out(made.member(ts, pid, cgroup.start, path));
            }
        }
        self.lineage.snapshot(ts, out);
    }

    /// Whether of these names of a process some were asked for, and no answer came yet.
    pub fn awaits(&mut self, process: &Process, these: Wanted) -> bool {
        let awaited = |answer: Option<&mut Answer>| matches!(answer, Some(Answer::Awaited));
        let Self {
            users,
            lineage,
            cgroups,
            ..
        } = self;
        let mut cgroup = || {
            let cgroup = cgroups.get(process.pid);
            let cgroup = cgroup.filter(|cgroup| cgroup.start == process.start);
            awaited(cgroup.map(|cgroup| &mut cgroup.path))
        };
        (these.cgroup && is_not_reported(process) && cgroup())
            || (these.user && awaited(users.get(process.uid)))
            || (these.ancestors && lineage.awaits(process.pid))
    }
}

impl Answer {
    fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) if !name.is_empty() => Some(name),
            _ => None,
        }
    }
}

/// Whether the kernel reported no cgroup of a process, or only the root.
fn is_not_reported(process: &Process) -> bool {
    matches!(*process.cgroup_path, [] | [b'/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process of a user of its own, whose parent was not reported.
    fn process(n: u32) -> Process {
        let mut process = Process::default();
        (process.pid, process.ppid, process.uid) = (100_000 + n, 1 + n, n);
        process.start = 1;
        process
    }

    #[test]
    fn what_is_too_much_to_ask_for_is_unknown_and_counted() {
        const ALL: Wanted = Wanted {
            user: true,
            ancestors: true,
            cgroup: true,
        };
        let mut names = Names::default();
        names.want(ALL);
        // Three wants each, one of which finds no room.
        let fit = u32::try_from(WANTS / 3).unwrap();
        for n in 0..=fit {
            names.known(&process(n));
        }
        let wants = names.take_wants();
        assert_eq!((wants.len(), names.refused()), (WANTS, 2));
        let last = process(fit);
        assert!(names.awaits(
            &last,
            Wanted {
                ancestors: false,
                user: false,
                ..ALL
            }
        ));
        assert!(!names.awaits(
            &last,
            Wanted {
                cgroup: false,
                ..ALL
            }
        ));
        // So is what nobody can answer.
        let first = process(0);
        for want in [
            Want::User(first.uid),
            Want::Cgroup {
                pid: first.pid,
                start: first.start,
            },
            Want::Parent {
                pid: first.ppid,
                before: first.start,
            },
        ] {
            assert!(names.awaits(&first, ALL));
            names.refuse(want);
        }
        assert!(!names.awaits(&first, ALL));
        assert_eq!(names.refused(), 5);
        let known = names.known(&first);
        assert!(known.user.is_none() && known.parent.is_none() && known.cgroup.is_none());
        // It is not asked for again.
        assert_eq!(names.take_wants(), []);
    }
}
