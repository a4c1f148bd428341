//! What is known of processes and files, held back until a record of theirs is kept.

use memchr::memmem;
use zerocopy::IntoBytes;

use crate::facts::recent::Recent;
use crate::input::event::{Event, What};
use crate::input::record::{CallsRecord, FileId};
use crate::input::write::{padded, unpadded};

/// So many processes, files and the like are remembered, or twice as many.
const REMEMBERED: usize = 1 << 15;
/// So many ancestors of a process are handed out with it.
const ANCESTORS: usize = 64;

/// A record, at a word's beginning, and its length in bytes.
pub(super) type Record = (Vec<u64>, usize);
/// Who is given records that are kept.
pub(super) type Out<'o> = &'o mut dyn FnMut(&Record);

/// How much of a process was handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    #[default]
    Nothing,
    /// What an ancestor is: not its command line.
    Ancestor,
    All,
}

/// What is known of a process.
#[derive(Debug, Default)]
struct Process {
    level: Level,
    ppid: Option<u32>,
    cgroup: u64,
    uid: u32,
    fork: Option<Record>,
    /// What `/proc` says of it.
    found: Option<Record>,
    facts: Option<Record>,
    member: Option<Record>,
    command: Option<Record>,
}

impl Process {
    /// Hands out who it is.
    fn who(&self, out: Out<'_>) {
        let Self {
            fork, found, facts, ..
        } = self;
        [fork, found, facts].into_iter().flatten().for_each(out);
    }
}

/// A record that says what something is.
#[derive(Debug)]
struct Said {
    record: Record,
    out: bool,
}

impl Said {
    fn hand_out(&mut self, out: Out<'_>) {
        if !self.out {
            self.out = true;
            out(&self.record);
        }
    }
}

/// What is known, and how much of it was handed out.
#[derive(Debug)]
pub(super) struct Facts {
    processes: Recent<u32, Process>,
    files: Recent<FileId, Said>,
    cgroups: Recent<u64, Said>,
    users: Recent<u32, Said>,
    containers: Recent<ContainerId, Said>,
}

/// The id of a container, NUL padded.
type ContainerId = [u8; 64];

/// Whether a record, of a cgroup or of who is in it, names the container.
fn names((words, len): &Record, id: &ContainerId) -> bool {
    let id = unpadded(id);
    let bytes = words.as_bytes().get(..*len).unwrap_or_default();
    !id.is_empty() && memmem::find(bytes, id).is_some()
}

impl Facts {
    pub(super) fn new() -> Self {
        Self {
            processes: Recent::new(REMEMBERED),
            files: Recent::new(REMEMBERED),
            cgroups: Recent::new(REMEMBERED),
            users: Recent::new(REMEMBERED),
            containers: Recent::new(REMEMBERED),
        }
    }

    /// Takes in a fact. It is handed out at once if that of which it is was, or if it is of the machine or the
    /// recording.
    pub(super) fn learn(&mut self, event: &Event<'_>, record: Record, out: Out<'_>) {
        let pid = event.pid;
        match event.what {
            What::Process { facts, .. } => {
                let (cgroup, uid, ppid) = (facts.cgroup, facts.uid, facts.ppid);
                let Some(process) = self.process(pid) else {
                    return;
                };
                (process.cgroup, process.uid, process.ppid) = (cgroup, uid, Some(ppid));
                // It runs another program now.
                process.command = None;
                let level = process.level;
                if level == Level::All {
                    self.ancestors(pid, out);
                    self.names(cgroup, uid, out);
                }
                if level > Level::Nothing {
                    out(&record);
                }
                self.put(pid, |of| of.facts = Some(record));
            }
            What::Parent { ppid, .. } => {
                self.put(pid, |of| of.ppid = Some(ppid));
                if self.level(pid) > Level::Nothing {
                    self.ancestors(pid, out);
                    out(&record);
                }
                self.put(pid, |of| of.found = Some(record));
            }
            What::Command { .. } => {
                self.told(pid, Level::All, &record, out);
                self.put(pid, |of| of.command = Some(record));
            }
            What::Member { .. } => {
                self.told(pid, Level::All, &record, out);
                if self.level(pid) == Level::All {
                    self.containers_in(&record, out);
                }
                self.put(pid, |of| of.member = Some(record));
            }
            What::Fork { child } => {
                self.told(pid, Level::All, &record, out);
                let fork = (self.level(pid) < Level::All).then_some(record);
                let born = Process {
                    fork,
                    ppid: Some(pid),
                    ..Process::default()
                };
                self.processes.insert(child, born);
            }
            What::Exit { .. } | What::Gone => self.told(pid, Level::All, &record, out),
            What::File { file, .. } => {
                let was_out = self.files.get(file.id).is_some_and(|said| said.out);
                add(&mut self.files, file.id, record, was_out, out);
            }
            What::Cgroup { id, .. } => {
                let was_out = self.cgroups.get(id).is_some_and(|said| said.out);
                if was_out {
                    self.containers_in(&record, out);
                }
                add(&mut self.cgroups, id, record, was_out, out);
            }
            What::Container { id, .. } => {
                let id = padded(id);
                let of_cgroup = |said: &Said| said.out && names(&said.record, &id);
                let of_member = |of: &Process| {
                    of.level == Level::All && of.member.as_ref().is_some_and(|of| names(of, &id))
                };
                let is_out = self.cgroups.iter().any(|(_, said)| of_cgroup(said))
                    || self.processes.iter().any(|(_, of)| of_member(of));
                add(&mut self.containers, id, record, is_out, out);
            }
            What::User { uid, .. } => {
                let was_out = self.users.get(uid).is_some_and(|said| said.out);
                add(&mut self.users, uid, record, was_out, out);
            }
            _ => out(&record),
        }
    }

    /// A record of the process is kept, with calls on such files: what is known of these goes before it.
    pub(super) fn ahead_of(&mut self, pid: u32, calls: &[CallsRecord], out: Out<'_>) {
        if pid != 0 && self.level(pid) < Level::All {
            self.hand_out(pid, out);
        }
        for call in calls {
            if let Some(said) = self.files.get(call.file) {
                said.hand_out(out);
            }
        }
    }

    /// The same of one file.
    pub(super) fn file(&mut self, file: FileId, out: Out<'_>) {
        if let Some(said) = self.files.get(file) {
            said.hand_out(out);
        }
    }

    fn hand_out(&mut self, pid: u32, out: Out<'_>) {
        self.ancestors(pid, out);
        let Some(process) = self.process(pid) else {
            return;
        };
        let before = process.level;
        process.level = Level::All;
        let (cgroup, uid) = (process.cgroup, process.uid);
        self.names(cgroup, uid, out);
        let Some(process) = self.process(pid) else {
            return;
        };
        if before == Level::Nothing {
            process.who(out);
        }
        let Process {
            member, command, ..
        } = process;
        [&*member, &*command]
            .into_iter()
            .flatten()
            .for_each(&mut *out);
        if let Some(member) = member.clone() {
            self.containers_in(&member, out);
        }
    }

    /// Hands out the ancestors of a process, the first one first.
    fn ancestors(&mut self, pid: u32, out: Out<'_>) {
        let mut chain = Vec::new();
        let mut next = self.processes.peek(pid).and_then(|of| of.ppid);
        while let Some(pid) = next.filter(|&pid| pid != 0 && chain.len() < ANCESTORS) {
            if self.level(pid) > Level::Nothing || chain.contains(&pid) {
                break;
            }
            chain.push(pid);
            next = self.processes.peek(pid).and_then(|of| of.ppid);
        }
        for pid in chain.into_iter().rev() {
            if let Some(process) = self.process(pid) {
                process.level = Level::Ancestor;
                process.who(out);
            }
        }
    }

    /// Hands out what is known of the containers that it names.
    fn containers_in(&mut self, record: &Record, out: Out<'_>) {
        let named =
            |(id, said): (&ContainerId, &Said)| (!said.out && names(record, id)).then_some(*id);
        let found: Vec<_> = self.containers.iter().filter_map(named).collect();
        for id in found {
            if let Some(said) = self.containers.get(id) {
                said.hand_out(out);
            }
        }
    }

    fn names(&mut self, cgroup: u64, uid: u32, out: Out<'_>) {
        let record = self
            .cgroups
            .get(cgroup)
            .filter(|said| !said.out)
            .map(|said| {
                said.hand_out(out);
                said.record.clone()
            });
        if let Some(record) = record {
            self.containers_in(&record, out);
        }
        if let Some(said) = self.users.get(uid) {
            said.hand_out(out);
        }
    }

    /// Whether records of the process were kept.
    pub(super) fn is_out(&mut self, pid: u32) -> bool {
        self.level(pid) == Level::All
    }

    fn level(&mut self, pid: u32) -> Level {
        self.processes
            .get(pid)
            .map_or(Level::Nothing, |of| of.level)
    }

    /// Hands out what becomes known of a process of which so much was.
    fn told(&mut self, pid: u32, level: Level, record: &Record, out: Out<'_>) {
        if self.level(pid) >= level {
            out(record);
        }
    }

    fn process(&mut self, pid: u32) -> Option<&mut Process> {
        if self.processes.peek(pid).is_none() {
            self.processes.insert(pid, Process::default());
        }
        self.processes.get(pid)
    }

    fn put(&mut self, pid: u32, what: impl FnOnce(&mut Process)) {
        if let Some(process) = self.process(pid) {
            what(process);
        }
    }
}

/// Takes in what something is, and hands it out if what was known of it was.
fn add<K: Eq + std::hash::Hash + Copy>(
    all: &mut Recent<K, Said>,
    key: K,
    record: Record,
    was_out: bool,
    out: Out<'_>,
) {
    let mut said = Said { record, out: false };
    if was_out {
        said.hand_out(out);
    }
    all.insert(key, said);
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;
    use crate::input::made::Made;
    use crate::input::record::{CgroupRecord, Head, KIND_CGROUP, KIND_PROCESS, ProcessRecord};

    fn record(bytes: &[u8]) -> Record {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        (words, bytes.len())
    }

    fn head(pid: u32, kind: u8, size: usize) -> Head {
        let size = u16::try_from(size).unwrap();
        Head {
            pid,
            tid: pid,
            size,
            kind,
            ..Head::new_zeroed()
        }
    }

    fn process(pid: u32, ppid: u32, cgroup: u64) -> Record {
        let mut facts = ProcessRecord::new_zeroed();
        facts.head = head(pid, KIND_PROCESS, size_of::<ProcessRecord>());
        (facts.ppid, facts.cgroup) = (ppid, cgroup);
        record(facts.as_bytes())
    }

    fn cgroup(id: u64, names: &[u8]) -> Record {
        let mut of = CgroupRecord::new_zeroed();
        of.head = head(1, KIND_CGROUP, size_of::<CgroupRecord>() + names.len());
        (of.id, of.names) = (id, u32::try_from(names.len()).unwrap());
        record(&[of.as_bytes(), names].concat())
    }

    #[test]
    fn what_is_known_is_handed_out_with_its_process_and_nothing_else() {
        let (mut facts, mut out) = (Facts::new(), Vec::new());
        let mut made = Made::default();
        let learn = |facts: &mut Facts, out: &mut Vec<Record>, record: Record| {
            let bytes = record.0.as_bytes()[..record.1].to_vec();
            let words = self::record(&bytes);
            let event = Event::decode(words.0.as_bytes().get(..words.1).unwrap()).unwrap();
            facts.learn(&event, record, &mut |of| out.push(of.clone()));
        };
        let groups = [
            cgroup(1, b"docker-aa.scope\0"),
            cgroup(2, b"docker-bb.scope\0"),
        ];
        let names = [
            record(made.container(1, b"aa", b"shop", b"img")),
            record(made.container(1, b"bb", b"other", b"img")),
        ];
        for of in groups.iter().chain(&names[1..]) {
            learn(&mut facts, &mut out, of.clone());
        }
        for of in [process(7, 5, 1), process(8, 5, 2), process(5, 0, 0)] {
            learn(&mut facts, &mut out, of);
        }
        assert!(out.is_empty());
        facts.ahead_of(7, &[], &mut |of| out.push(of.clone()));
        assert_eq!(out, [process(5, 0, 0), groups[0].clone(), process(7, 5, 1)]);
        // One that becomes known later.
        out.clear();
        learn(&mut facts, &mut out, names[0].clone());
        assert_eq!(out, names[..1]);
        out.clear();
        facts.ahead_of(8, &[], &mut |of| out.push(of.clone()));
        assert_eq!(out, [groups[1].clone(), names[1].clone(), process(8, 5, 2)]);
        // Once.
        out.clear();
        facts.ahead_of(7, &[], &mut |of| out.push(of.clone()));
        assert!(out.is_empty());
    }
}
