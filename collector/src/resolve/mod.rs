//! What the records of one process do not tell of it: its ancestors, the name of its user, and its cgroup
//! where the kernel did not tell it, or only the root of version 2, where all are that are in version 1.
//!
//! Each is asked for at first sight and remembered, within bounds; nothing is asked for each call. A
//! process id may be used again, so what is read under one is taken only if it began when the kernel
//! says: with no more doubt than a clock tick.

mod lineage;
pub(crate) mod procfs;

use nulltrace_core::activity::Inside;
use nulltrace_core::facts::process::Process;
use nulltrace_core::facts::recent::Recent;
use nulltrace_core::input::event::Event;
use nulltrace_core::query::field::{Known, Source};
use nulltrace_core::query::plan::Plan;

use lineage::Lineage;
use procfs::{Proc, Since};

use crate::source::keeper::Keeper;

/// How many users and processes are remembered, at least; at most twice as many.
const USERS: usize = 1 << 10;
const PROCESSES: usize = 1 << 14;

type Name = Option<Box<[u8]>>;

/// Which names are wanted; the others are not asked for.
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
    pub fn others(self) -> bool {
        self.ancestors || self.cgroup
    }
}

impl From<&Plan> for Wanted {
    fn from(plan: &Plan) -> Self {
        Self {
            user: plan.needs(Source::User),
            ancestors: plan.needs(Source::Ancestor) || plan.needs(Source::Ancestors),
            cgroup: plan.needs(Source::Cgroup),
        }
    }
}

/// The names, as far as they were wanted.
#[derive(Debug)]
pub struct Enrich {
    wanted: Wanted,
    users: Recent<u32, Name>,
    lineage: Lineage,
    proc: Proc,
    cgroups: Recent<u32, Cgroup>,
}

/// The cgroup of a process.
#[derive(Debug)]
struct Cgroup {
    /// When the process began, as the kernel told: another of the same id began at another time.
    start: u64,
    path: Name,
}

impl Enrich {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            users: Recent::new(USERS),
            lineage: Lineage::new(),
            proc: Proc::default(),
            cgroups: Recent::new(PROCESSES),
        }
    }

    /// Asks the keeper of what `/proc` hides.
    #[must_use]
    pub fn with_keeper(self, keeper: Option<Keeper>) -> Self {
        Self {
            proc: Proc(keeper),
            ..self
        }
    }

    /// Takes in what the kernel tells of processes.
    pub fn hear(&mut self, event: &Event<'_>) {
        if self.wanted.ancestors {
            self.lineage.hear(event, &self.proc);
        }
    }

    /// What is known of a segment's process.
    pub fn known(&mut self, inside: &Inside<'_>) -> Known<'_> {
        let Some(process) = inside.process else {
            return Known::default();
        };
        let (pid, wanted) = (inside.pid, self.wanted);
        if wanted.cgroup && matches!(*process.cgroup_path, [] | [b'/']) {
            let known = self.cgroups.get(pid);
            if known.is_none_or(|known| known.start != process.start) {
                let (start, path) = (process.start, cgroup(&self.proc, pid, process));
                self.cgroups.insert(pid, Cgroup { start, path });
            }
        }
        if wanted.user && self.users.get(process.uid).is_none() {
            self.users.insert(process.uid, user(process.uid));
        }
        let cgroup = self.cgroups.get(pid).filter(|of| of.start == process.start);
        Known {
            user: self.users.get(process.uid).and_then(|user| user.as_deref()),
            parent: match wanted.ancestors {
                true => self.lineage.parent(pid, process, &self.proc),
                false => None,
            },
            cgroup: cgroup.and_then(|of| of.path.as_deref()),
        }
    }
}

/// The path of a process's cgroup.
fn cgroup(proc: &Proc, pid: u32, process: &Process) -> Name {
    let path = proc.cgroup(pid)?;
    // If this is still the process that was meant, it was when its path was read.
    let still = proc.stat(pid)?.start;
    still
        .is_about(Since::monotonic(process.start))
        .then_some(path)
}

fn user(uid: u32) -> Name {
    use std::os::unix::ffi::OsStrExt;
    let user = uzers::get_user_by_uid(uid)?;
    Some(user.name().as_bytes().into())
}

#[cfg(test)]
mod tests;
