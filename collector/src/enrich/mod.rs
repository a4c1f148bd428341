//! What only this machine's files know of a process: names of users, of parents, and of cgroups the
//! kernel did not tell, or only by the root of version 2, where all are that are in version 1.
//!
//! Each is asked for at first sight and remembered, within bounds; nothing is asked for each call. A
//! process id may be used again, so what is read under one is taken only if it began when the kernel
//! says: with no more doubt than a clock tick.

mod procfs;

use nulltrace_core::activity::Inside;
use nulltrace_core::event::{Event, What};
use nulltrace_core::field::{Known, Source};
use nulltrace_core::group::Plan;
use nulltrace_core::process::Process;
use nulltrace_core::recent::Recent;
use nulltrace_core::record::ProcessRecord;

use procfs::Since;

/// How many users and processes are remembered, at least; at most twice as many.
const USERS: usize = 1 << 10;
const PROCESSES: usize = 1 << 14;

type Name = Option<Box<[u8]>>;

/// Which names are wanted; the others are not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of users.
    pub user: bool,
    /// Of parent processes.
    pub parent: bool,
    /// Of cgroups.
    pub cgroup: bool,
}

impl From<&Plan> for Wanted {
    fn from(plan: &Plan) -> Self {
        Self {
            user: plan.needs(Source::User),
            parent: plan.needs(Source::Parent),
            cgroup: plan.needs(Source::Cgroup),
        }
    }
}

/// The names, as far as they were wanted.
#[derive(Debug)]
pub struct Enrich {
    wanted: Wanted,
    users: Recent<u32, Name>,
    /// What the kernel told of processes: command name and when they began.
    told: Recent<u32, ([u8; 16], u64)>,
    processes: Recent<u32, Seen>,
}

/// What was found of a process.
#[derive(Debug)]
struct Seen {
    /// When it began, as the kernel told: another process of the same id began at another time.
    start: u64,
    parent: Name,
    /// `None` while it was not asked for.
    cgroup: Option<Name>,
}

impl Enrich {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            users: Recent::new(USERS),
            told: Recent::new(PROCESSES),
            processes: Recent::new(PROCESSES),
        }
    }

    /// Takes in what the kernel tells of processes.
    pub fn hear(&mut self, event: &Event<'_>) {
        match event.what {
            What::Process { facts, .. } => self.learn(facts),
            What::Exit { group: true, .. } => self.ended(event.pid),
            _ => {}
        }
    }

    /// Its parent may be gone soon.
    fn learn(&mut self, facts: &ProcessRecord) {
        if self.wanted.parent {
            let pid = facts.head.pid;
            self.told.insert(pid, (facts.comm, facts.start));
            self.look(pid, facts.start, facts.ppid);
        }
    }

    /// From now on its id may be another's.
    fn ended(&mut self, pid: u32) {
        if self.wanted.parent {
            self.told.remove(pid);
        }
    }

    /// What is known of a segment's process.
    pub fn known(&mut self, inside: &Inside<'_>) -> Known<'_> {
        let Some(process) = inside.process else {
            return Known::default();
        };
        let (pid, wanted) = (inside.pid, self.wanted);
        if wanted.parent || wanted.cgroup {
            self.look(pid, process.start, process.ppid);
        }
        if wanted.cgroup
            && matches!(*process.cgroup_path, [] | [b'/'])
            && let Some(Seen {
                cgroup: unasked @ None,
                ..
            }) = self.processes.get(pid)
        {
            *unasked = Some(cgroup(pid, process));
        }
        if wanted.user && self.users.get(process.uid).is_none() {
            self.users.insert(process.uid, user(process.uid));
        }
        let seen = self.processes.get(pid).map(|seen| &*seen);
        let user = self.users.get(process.uid).map(|user| &*user);
        Known {
            user: user.and_then(Option::as_deref),
            parent: seen.and_then(|seen| seen.parent.as_deref()),
            cgroup: seen.and_then(|seen| seen.cgroup.as_ref()?.as_deref()),
        }
    }

    /// Remembers a process that is not known yet.
    fn look(&mut self, pid: u32, start: u64, ppid: u32) {
        let known = self.processes.get(pid);
        if known.is_none_or(|seen| seen.start != start) {
            let parent = self.wanted.parent.then(|| self.parent(ppid, start));
            let seen = Seen {
                start,
                parent: parent.flatten(),
                cgroup: None,
            };
            self.processes.insert(pid, seen);
        }
    }

    /// The name of the process `ppid`, parent of one that began at `start`. Whoever has this id and is
    /// not younger had it when that child was made: an id is one process's at a time.
    fn parent(&mut self, ppid: u32, start: u64) -> Name {
        if let Some((comm, began)) = self.told.get(ppid)
            && *began <= start
        {
            let name = comm.split(|&byte| byte == 0).next();
            return name.map(Into::into);
        }
        let parent = procfs::stat(ppid)?;
        (parent.start <= Since::monotonic(start).next()).then_some(parent.comm)
    }
}

/// The path of a process's cgroup.
fn cgroup(pid: u32, process: &Process) -> Name {
    let path = procfs::cgroup(pid)?;
    // If this is still the process that was meant, it was when its path was read.
    let still = procfs::stat(pid)?.start;
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
