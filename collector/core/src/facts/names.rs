//! Names that the kernel programs do not report: of users, of ancestors, and of cgroups where they reported none, or
//! only the root of version 2, which all processes in a cgroup of version 1 are in.
//!
//! They come as records. What is asked for and not known yet is among the
//! [wants](Names::take_wants), each once: nothing is looked up that is not asked for.

use super::ancestor::Ancestor;
use super::container::Place;
use super::lineage::Lineage;
use super::process::Process;
use super::recent::Recent;
use crate::input::event::{Event, What};
use crate::input::made::Made;
use crate::input::record::ProcessRecord;
use crate::input::write::{padded, unpadded};

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
    /// Of containers, which takes their cgroups.
    pub container: bool,
}

impl Wanted {
    /// Whether `/proc` is asked for other processes.
    #[must_use]
    pub const fn others(self) -> bool {
        self.ancestors || self.cgroup || self.container
    }

    /// What this or the other wants.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            user: self.user || other.user,
            ancestors: self.ancestors || other.ancestors,
            cgroup: self.cgroup || other.cgroup,
            container: self.container || other.container,
        }
    }
}

/// The id of a container as its runtime has it, padded by NULs: hexadecimal digits, or a name that is no longer.
pub type ContainerId = [u8; 64];

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
    /// This container.
    Container(ContainerId),
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
    /// Name and image of the container; empty what is not known.
    pub container: Option<(&'a [u8], &'a [u8])>,
}

/// The answer to a want.
#[derive(Debug)]
enum Answer {
    Awaited,
    /// Empty if there is none.
    Name(Box<[u8]>),
}

/// A container: its name, if there is an answer, and its image.
#[derive(Debug)]
struct Container {
    name: Answer,
    image: Box<[u8]>,
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
    containers: Recent<ContainerId, Container>,
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
            containers: Recent::new(USERS),
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
            What::Container { id, name, image } => {
                let name = Answer::Name(name.into());
                let image = image.into();
                let container = Container { name, image };
                self.containers.insert(padded(id), container);
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
            Want::Container(id) => {
                let image = Box::default();
                let name = unknown;
                self.containers.insert(id, Container { name, image });
            }
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
        if (wanted.cgroup || wanted.container) && is_not_reported(process) {
            let known = self.cgroups.get(pid);
            if known.is_none_or(|known| known.start != process.start) {
                let (start, path) = (process.start, Answer::Awaited);
                self.cgroups.insert(pid, Cgroup { start, path });
                self.ask(Want::Cgroup { pid, start });
            }
        }
        let container = wanted.container.then(|| self.container(process)).flatten();
        if let Some(id) = container
            && self.containers.get(id).is_none()
        {
            let (name, image) = (Answer::Awaited, Box::default());
            self.containers.insert(id, Container { name, image });
            self.ask(Want::Container(id));
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
        let container = container.and_then(|id| self.containers.get(id));
        Known {
            container: container.map(|of| (of.name.name().unwrap_or_default(), &*of.image)),
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
        for (id, container) in self.containers.iter() {
            if let Answer::Name(name) = &container.name {
                out(made.container(ts, unpadded(id), name, &container.image));
            }
        }
        self.lineage.snapshot(ts, out);
    }

    /// The container that a process is in, as far as its cgroup is known.
    fn container(&mut self, process: &Process) -> Option<ContainerId> {
        let found = self.cgroups.get(process.pid);
        let found = found.filter(|cgroup| cgroup.start == process.start);
        let path = match is_not_reported(process) {
            true => found.and_then(|cgroup| cgroup.path.name())?,
            false => &process.cgroup_path,
        };
        let id = Place::read(path).id?;
        (id.len() <= size_of::<ContainerId>()).then(|| padded(id))
    }

    /// Whether of these names of a process some were asked for, and no answer came yet.
    pub fn awaits(&mut self, process: &Process, these: Wanted) -> bool {
        let awaited = |answer: Option<&mut Answer>| matches!(answer, Some(Answer::Awaited));
        let id = these.container.then(|| self.container(process)).flatten();
        if let Some(container) = id.and_then(|id| self.containers.get(id))
            && matches!(container.name, Answer::Awaited)
        {
            return true;
        }
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
        ((these.cgroup || these.container) && is_not_reported(process) && cgroup())
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
            container: false,
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

    #[test]
    fn a_container_has_the_name_that_was_found() {
        let mut names = Names::default();
        let container = Wanted {
            container: true,
            ..Wanted::default()
        };
        names.want(container);
        let id = "ab".repeat(32);
        let mut process = process(1);
        process.cgroup_path = format!("/docker/{id}").into_bytes().into();
        assert_eq!(names.known(&process).container, Some((&b""[..], &b""[..])));
        assert!(names.awaits(&process, container));
        let wants = names.take_wants();
        assert_eq!(wants, [Want::Container(padded(id.as_bytes()))]);
        let mut made = Made::default();
        let record = made.container(5, id.as_bytes(), b"shop", b"shop:1.2");
        names.learn(&Event::decode(record).unwrap());
        let found = Some((&b"shop"[..], &b"shop:1.2"[..]));
        assert_eq!(names.known(&process).container, found);
        assert!(!names.awaits(&process, container) && names.take_wants().is_empty());
        // A file of a recording that is split says it again.
        let mut again = Vec::new();
        names.snapshot(9, &mut |record| again.push(record.to_vec()));
        assert_eq!(again.len(), 1);
        // In none.
        process.cgroup_path = b"/user.slice"[..].into();
        assert_eq!(names.known(&process).container, None);
    }
}
