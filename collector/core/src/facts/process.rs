//! What is known of the processes that write markers.
//!
//! The kernel sends the facts of a process once, ahead of its first marker, and again when it calls
//! exec. They may be lost, so everything works for a process of which nothing is known.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use zerocopy::IntoBytes;

use crate::facts::file;
use crate::facts::recent::Recent;
use crate::input::record::{COMM_LEN, CgroupRecord, EXE_LEN, Head, ProcessRecord};
use crate::input::record::{KIND_CGROUP, KIND_COMMAND, KIND_PROCESS};
use crate::input::snapshot::{FLAG_AGAIN, FactsRecord, KIND_DEAD, KIND_FACTS};
use crate::input::write::unpadded;
use crate::input::write::{RecordWriter, padded};

/// How many processes are remembered, at least; at most twice as many.
const REMEMBERED: usize = 1 << 15;

/// The facts of a process, as they are from its start or from an exec on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Process id, as the machine has it.
    pub pid: u32,
    /// Command name, without padding.
    pub comm: Arc<[u8]>,
    /// File name of the executable, without padding.
    pub exe: Arc<[u8]>,
    /// Process id of the parent.
    pub ppid: u32,
    /// Real user id.
    pub uid: u32,
    /// The command line, its arguments ended by NULs, perhaps cut; empty if it was not reported.
    pub command: Arc<[u8]>,
    /// cgroup v2 id, 0 where there is none.
    pub cgroup: u64,
    /// Path of that cgroup below the root of the hierarchy; empty if it was not reported.
    pub cgroup_path: Arc<[u8]>,
    /// When the process began, `CLOCK_MONOTONIC` nanoseconds.
    pub start: u64,
    /// When the first of these facts came.
    seen: u64,
}

impl Process {
    /// A process of which only the command name is known.
    #[must_use]
    pub fn named(comm: &[u8]) -> Arc<Self> {
        Arc::new(Self {
            comm: comm.into(),
            ..Self::default()
        })
    }
}

/// Who was asked for.
#[derive(Debug, Default)]
struct Who {
    pid: Option<u32>,
    process: Option<Arc<Process>>,
}

/// The processes that live, and those that died of late.
#[derive(Debug)]
pub struct Processes {
    living: Recent<u32, Arc<Process>>,
    /// Whose death is remembered: so that what they left is not put into the care of a dead parent.
    dead: Recent<u32, ()>,
    cgroups: Recent<u64, Arc<[u8]>>,
    /// Who was asked for last: the next marker is often the same process's.
    last: Who,
}

impl Default for Processes {
    fn default() -> Self {
        Self {
            living: Recent::new(REMEMBERED),
            dead: Recent::new(REMEMBERED),
            cgroups: Recent::new(REMEMBERED),
            last: Who::default(),
        }
    }
}

impl Processes {
    /// The facts of a process, if they came.
    pub fn get(&mut self, pid: u32) -> Option<&Arc<Process>> {
        self.living.get(pid).map(|process| &*process)
    }

    /// The same, for who asks for the same process again and again.
    #[inline]
    pub fn who(&mut self, pid: u32) -> Option<&Arc<Process>> {
        if self.last.pid != Some(pid) {
            self.ask(pid);
        }
        self.last.process.as_ref()
    }

    fn ask(&mut self, pid: u32) {
        self.last = Who {
            pid: Some(pid),
            process: self.living.get(pid).map(|process| Arc::clone(process)),
        };
    }

    /// Takes in the facts of a process. Returns whether another process had this id before, of
    /// whose end nothing was heard.
    #[must_use]
    pub fn learn(&mut self, facts: &ProcessRecord) -> bool {
        let pid = facts.head.pid;
        // A process that has facts lives, and so does its parent.
        self.dead.remove(pid);
        self.dead.remove(facts.ppid);
        self.last = Who::default();
        let former = self.living.remove(pid);
        let reused = former.as_ref().is_some_and(|p| p.start != facts.start);
        let seen = match former {
            Some(former) if !reused => former.seen,
            _ => facts.head.ts,
        };
        let process = Process {
            pid,
            comm: unpadded(&facts.comm).into(),
            exe: unpadded(&facts.exe).into(),
            ppid: facts.ppid,
            uid: facts.uid,
            command: Arc::default(),
            cgroup: facts.cgroup,
            cgroup_path: match self.cgroups.get(facts.cgroup) {
                Some(path) => Arc::clone(path),
                None => Arc::default(),
            },
            start: facts.start,
            seen,
        };
        self.living.insert(pid, Arc::new(process));
        reused
    }

    /// Takes in the command line of a process whose facts came.
    pub fn command(&mut self, pid: u32, args: &[u8]) {
        // A snapshot has it again.
        if let Some(process) = self.living.get(pid)
            && *process.command != *args
        {
            Arc::make_mut(process).command = args.into();
            self.last = Who::default();
        }
    }

    /// Takes in the path of a cgroup, as the record has its names.
    pub fn cgroup(&mut self, id: u64, names: &[u8]) {
        self.cgroups.insert(id, file::join(names, false).into());
    }

    /// A process with the id `pid` was made at time `ts`. Returns whether what is known under this
    /// id is of a former process; it is forgotten then.
    #[must_use]
    pub fn born(&mut self, pid: u32, ts: u64) -> bool {
        self.dead.remove(pid);
        if self.living.get(pid).is_some_and(|p| p.seen >= ts) {
            return false; // The record of the fork came late: these are the child's own facts.
        }
        self.living.remove(pid);
        self.last = Who::default();
        true
    }

    /// The process ended.
    pub fn died(&mut self, pid: u32) {
        self.living.remove(pid);
        self.last = Who::default();
        self.dead.insert(pid, ());
    }

    /// The facts of a process, as far as they are known now.
    #[must_use]
    pub(crate) fn peek(&self, pid: u32) -> Option<&Arc<Process>> {
        self.living.peek(pid)
    }

    /// Writes all that is known.
    pub(crate) fn snapshot(&self, to: &mut RecordWriter<'_>) {
        let is_without_path = |process: &Process| process.cgroup_path.is_empty();
        let living = || self.living.iter().map(|(_, process)| &**process);
        // Facts that came before the path of their cgroup have none.
        for process in living().filter(|process| is_without_path(process)) {
            process.write(to);
        }
        let mut written: FxHashMap<u64, &Arc<[u8]>> = FxHashMap::default();
        for process in living().filter(|process| !is_without_path(process)) {
            let path = &process.cgroup_path;
            if written.insert(process.cgroup, path) != Some(path) {
                write_cgroup(process.cgroup, path, to);
            }
            process.write(to);
        }
        for (&id, path) in self.cgroups.iter() {
            if written.get(&id) != Some(&path) {
                write_cgroup(id, path, to);
            }
        }
        let dead: Vec<u32> = self.dead.iter().map(|(&pid, ())| pid).collect();
        for pids in dead.chunks(DEAD_AT_ONCE) {
            to.write(KIND_DEAD, &Head::of(0, 0, 0), &[pids.as_bytes()]);
        }
    }

    /// The process ended, says a snapshot.
    pub(crate) fn was_dead(&mut self, pid: u32) {
        self.dead.insert(pid, ());
    }

    /// Whether the process is known to have ended.
    pub fn is_dead(&mut self, pid: u32) -> bool {
        self.dead.get(pid).is_some()
    }
}

/// Process ids in one record.
const DEAD_AT_ONCE: usize = 1024;

/// Writes the path of a cgroup, as the kernel sends it.
fn write_cgroup(id: u64, path: &[u8], to: &mut RecordWriter<'_>) {
    let names = file::names(path);
    let record = CgroupRecord {
        head: Head::of(0, 0, 0),
        id,
        names: names.len() as u32,
        reserved: 0,
    };
    to.write(KIND_CGROUP, &record, &[&names]);
}

impl Process {
    /// Writes the facts, as the kernel sends them.
    fn write(&self, to: &mut RecordWriter<'_>) {
        let head = Head::of(self.seen, self.pid, self.pid);
        let record = ProcessRecord {
            head: Head {
                flags: FLAG_AGAIN,
                ..head
            },
            start: self.start,
            cgroup: self.cgroup,
            ppid: self.ppid,
            uid: self.uid,
            comm: padded::<COMM_LEN>(&self.comm),
            exe: padded::<EXE_LEN>(&self.exe),
        };
        to.write(KIND_PROCESS, &record, &[]);
        if !self.command.is_empty() {
            to.write(KIND_COMMAND, &head, &[&self.command]);
        }
    }

    /// Writes them as facts that have changed since, with that number.
    pub(crate) fn write_as(&self, facts: u32, to: &mut RecordWriter<'_>) {
        let record = FactsRecord {
            head: Head::of(self.seen, self.pid, self.pid),
            facts,
            command: self.command.len() as u32,
            start: self.start,
            cgroup: self.cgroup,
            ppid: self.ppid,
            uid: self.uid,
            comm: padded(&self.comm),
            exe: padded(&self.exe),
        };
        to.write(KIND_FACTS, &record, &[&self.command, &self.cgroup_path]);
    }

    /// From such a record and what follows it; `None` if it contradicts itself.
    pub(crate) fn from_facts(record: &FactsRecord, text: &[u8]) -> Option<Self> {
        let (command, path) = text.split_at_checked(record.command as usize)?;
        Some(Self {
            pid: record.head.pid,
            comm: unpadded(&record.comm).into(),
            exe: unpadded(&record.exe).into(),
            ppid: record.ppid,
            uid: record.uid,
            command: command.into(),
            cgroup: record.cgroup,
            cgroup_path: path.into(),
            start: record.start,
            seen: record.head.ts,
        })
    }

    /// Bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [&self.comm, &self.exe, &self.command, &self.cgroup_path];
        size_of::<Self>() + texts.map(|text| text.len()).iter().sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::record::{Head, KIND_PROCESS};

    fn facts(pid: u32, ts: u64, start: u64, comm: &[u8]) -> ProcessRecord {
        let mut record = ProcessRecord {
            head: Head {
                ts,
                pid,
                tid: pid,
                size: 128,
                kind: KIND_PROCESS,
                flags: 0,
                number: 0,
            },
            start,
            cgroup: 7,
            ppid: 1,
            uid: 0,
            comm: [0; 16],
            exe: [b'x'; 64],
        };
        record.comm[..comm.len()].copy_from_slice(comm);
        record
    }

    #[test]
    fn facts_are_shared_without_padding() {
        let mut processes = Processes::default();
        assert_eq!(processes.who(5), None);
        assert!(!processes.learn(&facts(5, 10, 9, b"bash")));
        let bash = processes.who(5).unwrap();
        assert_eq!((&*bash.comm, bash.ppid, bash.uid), (&b"bash"[..], 1, 0));
        assert_eq!(processes.get(5).unwrap().exe.len(), 64);
        // Exec: another name, the same process.
        assert!(!processes.learn(&facts(5, 20, 9, b"sixteen-letters!")));
        assert_eq!(processes.get(5).unwrap().comm.len(), 16);
    }

    #[test]
    fn reuse_shows_by_another_start_or_by_a_fork() {
        let mut processes = Processes::default();
        assert!(!processes.learn(&facts(5, 10, 9, b"a")));
        assert!(processes.learn(&facts(5, 30, 29, b"b")));
        assert!(!processes.born(5, 29), "late: b itself was born then");
        assert!(processes.get(5).is_some());
        assert!(processes.born(5, 40));
        assert!(processes.get(5).is_none());
    }

    #[test]
    fn death_is_remembered_until_a_sign_of_life() {
        let mut processes = Processes::default();
        assert!(!processes.learn(&facts(5, 10, 9, b"a")));
        processes.died(5);
        processes.died(1);
        assert!(processes.is_dead(5) && processes.is_dead(1));
        assert!(processes.born(5, 20));
        assert!(!processes.is_dead(5));
        assert!(!processes.learn(&facts(5, 21, 20, b"b")));
        assert!(!processes.is_dead(1), "the parent of a living process");
    }
}
