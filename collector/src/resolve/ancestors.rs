//! Who made whom: the ancestors of processes.
//!
//! An ancestor is who forked, by the name it bore then. It stays one when it ends, runs another program, or
//! the kernel gives its child another parent. The kernel tells the forks of the processes it watches; of
//! others, most of them older than the collector, `/proc` tells the parent they have when they are first
//! asked for.

use std::sync::Arc;

use nulltrace_core::facts::ancestor::{ANCESTORS, Ancestor};
use nulltrace_core::facts::process::Process;
use nulltrace_core::facts::recent::Recent;
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::input::record::ProcessRecord;

use super::procfs::{Proc, Since};

/// How many processes of either kind are remembered, at least; at most twice as many.
const PROCESSES: usize = 1 << 14;

/// The ancestors of processes.
#[derive(Debug)]
pub(super) struct Lineage {
    told: Recent<u32, Told>,
    /// From `/proc`, with when they began: of their end nothing is heard, so that each must be looked at
    /// again before it is believed to be the same.
    found: Recent<u32, (Since, Arc<Ancestor>)>,
}

/// A process that the kernel tells of, until its end.
#[derive(Debug)]
struct Told {
    /// When it began, or from when on it was told of; nanoseconds.
    start: u64,
    /// Its own facts came, of which this is the time.
    facts: Option<u64>,
    name: Box<[u8]>,
    parent: Option<Arc<Ancestor>>,
    /// The same as the ancestor of its children.
    own: Option<Arc<Ancestor>>,
}

impl Lineage {
    pub(super) fn new() -> Self {
        Self {
            told: Recent::new(PROCESSES),
            found: Recent::new(PROCESSES),
        }
    }

    /// Takes in what the kernel tells of processes.
    pub(super) fn hear(&mut self, event: &Event<'_>, proc: &Proc) {
        match event.what {
            What::Process { facts, .. } => self.learn(facts, proc),
            What::Fork { child } => self.forked(event.pid, child, event.ts, proc),
            // From now on its id may be another's.
            What::Exit { group: true, .. } => drop(self.told.remove(event.pid)),
            _ => {}
        }
    }

    fn learn(&mut self, facts: &ProcessRecord, proc: &Proc) {
        let name = facts.comm.split(|&byte| byte == 0).next();
        let (pid, ts) = (facts.head.pid, facts.head.ts);
        let name = name.unwrap_or_default();
        self.meet(pid, name, facts.start, facts.ppid, ts, proc);
    }

    fn meet(&mut self, pid: u32, name: &[u8], start: u64, parent: u32, ts: u64, proc: &Proc) {
        if let Some(known) = self.told.get(pid)
            && known.is_of(start)
        {
            if *known.name != *name {
                (known.name, known.own) = (name.into(), None);
            }
            (known.start, known.facts) = (start, Some(ts));
            return;
        }
        let parent = self.ancestor(parent, start, proc);
        let told = Told {
            start,
            facts: Some(ts),
            name: name.into(),
            parent,
            own: None,
        };
        self.told.insert(pid, told);
    }

    fn forked(&mut self, pid: u32, child: u32, ts: u64, proc: &Proc) {
        let parent = self.ancestor(pid, ts, proc);
        if let Some(known) = self.told.get(child)
            && known.facts.is_some_and(|facts| facts >= ts)
        {
            // This comes late: the child's own facts were told since.
            (known.parent, known.own) = (parent, None);
            return;
        }
        let told = Told {
            start: ts,
            facts: None,
            // Its own until it runs another program.
            name: parent
                .as_ref()
                .map_or_else(Box::default, |parent| parent.name.clone()),
            parent,
            own: None,
        };
        self.told.insert(child, told);
    }

    /// The parent of a process.
    pub(super) fn parent(&mut self, pid: u32, process: &Process, proc: &Proc) -> Option<&Ancestor> {
        let Process {
            comm, start, ppid, ..
        } = process;
        let known = self.told.get(pid);
        if known.is_none_or(|known| !known.is_of(*start)) {
            // It was forgotten for others.
            self.meet(pid, comm, *start, *ppid, *start, proc);
        }
        self.told.get(pid)?.parent.as_deref()
    }

    /// The process `pid` as the ancestor of one that it made at the time `at`. Whoever has this id and is
    /// not younger had it then: an id is one process's at a time.
    fn ancestor(&mut self, pid: u32, at: u64, proc: &Proc) -> Option<Arc<Ancestor>> {
        if let Some(known) = self.told.get(pid)
            && known.start <= at
        {
            let Told { name, parent, .. } = known;
            let own = || Ancestor::new(pid, name, parent.as_ref());
            return Some(Arc::clone(known.own.get_or_insert_with(own)));
        }
        self.find(pid, Since::monotonic(at).next(), proc)
    }

    /// A process that the kernel did not tell of, and began before that.
    fn find(&mut self, pid: u32, before: Since, proc: &Proc) -> Option<Arc<Ancestor>> {
        // The youngest first; those above the first that is known need not be looked at.
        let mut unknown = Vec::new();
        let mut known = None;
        let (mut next, mut before) = (pid, before);
        while next != 0 && unknown.len() < ANCESTORS {
            let Some(stat) = proc.stat(next).filter(|stat| stat.start <= before) else {
                break;
            };
            let (pid, parent, start) = (next, stat.parent, stat.start);
            if let Some((since, of)) = self.found.get(pid)
                && *since == start
            {
                if of.name != stat.comm {
                    // It runs another program.
                    *of = Ancestor::new(pid, &stat.comm, of.parent());
                }
                known = Some(Arc::clone(of));
                break;
            }
            unknown.push((pid, stat));
            (next, before) = (parent, start);
        }
        for (pid, stat) in unknown.into_iter().rev() {
            let of = Ancestor::new(pid, &stat.comm, known.as_ref());
            self.found.insert(pid, (stat.start, Arc::clone(&of)));
            known = Some(of);
        }
        known
    }
}

impl Told {
    /// Whether it is the process of this id that began at `start`. The kernel sets that time before it tells
    /// of the fork.
    fn is_of(&self, start: u64) -> bool {
        match self.facts {
            Some(_) => self.start == start,
            None => start <= self.start,
        }
    }
}
