//! The ancestors of processes.
//!
//! An ancestor is the process that forked, with its name at that time. It stays one when it ends, runs another program, or
//! the kernel gives its child another parent. The kernel reports the forks of the processes it watches; of
//! others, most of them older than the collector, `/proc` has the parent they have when they are first
//! asked for.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::ancestor::{ANCESTORS, Ancestor};
use super::process::Process;
use super::recent::Recent;
use crate::input::made::Made;
use crate::input::record::ProcessRecord;
use crate::input::write::unpadded;

/// Of how many children the same parent may be awaited.
const CHILDREN: usize = 1 << 10;
/// `/proc` has start times in ticks of this length, by another clock: the same time may differ by two ticks.
const TICK_NS: u64 = 10_000_000;

/// The ancestors of processes.
#[derive(Debug)]
pub(super) struct Lineage {
    watched: Recent<u32, Watched>,
    /// From `/proc`, with when they began.
    found: Recent<u32, (u64, Arc<Ancestor>)>,
    /// Children of those that should be looked up.
    awaited: Recent<u32, Vec<u32>>,
    /// Who should be looked up next, and before which time it began.
    want: Option<(u32, u64)>,
}

/// A process that the kernel reports.
#[derive(Debug)]
struct Watched {
    /// When it began, or when it was first reported; nanoseconds.
    start: u64,
    /// When it ended; `u64::MAX` while it lives.
    end: u64,
    /// Its own facts came, of which this is the time.
    facts: Option<u64>,
    name: Box<[u8]>,
    parent: Parent,
    /// The same as the ancestor of its children.
    own: Option<Arc<Ancestor>>,
}

#[derive(Debug)]
enum Parent {
    /// It should be looked up.
    Awaited(u32),
    Known(Option<Arc<Ancestor>>),
}

impl Parent {
    fn node(&self) -> Option<&Arc<Ancestor>> {
        match self {
            Self::Awaited(_) => None,
            Self::Known(node) => node.as_ref(),
        }
    }
}

impl Lineage {
    pub(super) fn new(remembered: usize) -> Self {
        Self {
            watched: Recent::new(remembered),
            found: Recent::new(remembered),
            awaited: Recent::new(remembered),
            want: None,
        }
    }

    /// Who should be looked up, since the last time.
    pub(super) fn take_want(&mut self) -> Option<(u32, u64)> {
        self.want.take()
    }

    /// Takes in the facts of a process.
    pub(super) fn learn(&mut self, facts: &ProcessRecord) {
        let (pid, name, ts) = (facts.head.pid, unpadded(&facts.comm), facts.head.ts);
        self.record(pid, name, facts.start, facts.ppid, ts);
    }

    /// The same of a process whose facts came some time ago, if it was forgotten since.
    pub(super) fn see(&mut self, process: &Process) {
        let Process {
            pid, start, ppid, ..
        } = *process;
        let known = self.watched.get(pid);
        if known.is_none_or(|known| !known.is_of(start)) {
            self.record(pid, &process.comm, start, ppid, start);
        }
    }

    fn record(&mut self, pid: u32, name: &[u8], start: u64, ppid: u32, ts: u64) {
        if let Some(known) = self.watched.get(pid)
            && known.is_of(start)
        {
            if *known.name != *name {
                (known.name, known.own) = (name.into(), None);
            }
            (known.start, known.facts) = (start, Some(ts));
            return;
        }
        let parent = self.parent_of(pid, ppid, start);
        let watched = Watched {
            start,
            end: u64::MAX,
            facts: Some(ts),
            name: name.into(),
            parent,
            own: None,
        };
        self.watched.insert(pid, watched);
    }

    /// A process made another.
    pub(super) fn forked(&mut self, pid: u32, child: u32, ts: u64) {
        let name = self.watched.get(pid).map(|parent| parent.name.clone());
        let parent = self.parent_of(child, pid, ts);
        if let Some(known) = self.watched.get(child)
            && known.facts.is_some_and(|facts| facts >= ts)
        {
            // This comes late: the child's own facts were reported since.
            (known.parent, known.own) = (parent, None);
            return;
        }
        let watched = Watched {
            start: ts,
            end: u64::MAX,
            facts: None,
            // Its own until it runs another program.
            name: name.unwrap_or_default(),
            parent,
            own: None,
        };
        self.watched.insert(child, watched);
    }

    /// The process ended: from now on its id may be another's. What it did may still be asked about.
    pub(super) fn ended(&mut self, pid: u32, ts: u64) {
        if let Some(known) = self.watched.get(pid) {
            known.end = ts;
        }
    }

    /// What `/proc` says of a process. `start` is `u64::MAX` where that is nothing.
    pub(super) fn found(&mut self, pid: u32, start: u64, ppid: u32, name: &[u8]) {
        let known = match self.found.get(pid) {
            Some((since, ancestor)) if *since == start && *ancestor.name == *name => {
                Some(Arc::clone(ancestor))
            }
            // It runs another program.
            Some((since, ancestor)) if *since == start => {
                Some(Ancestor::new(pid, name, ancestor.parent()))
            }
            _ if start == u64::MAX => None,
            _ => {
                let parent = self.found.get(ppid);
                let parent = parent.filter(|(since, _)| *since <= start.saturating_add(TICK_NS));
                Some(Ancestor::new(
                    pid,
                    name,
                    parent.map(|(_, ancestor)| &*ancestor),
                ))
            }
        };
        if let Some(ancestor) = &known {
            self.found.insert(pid, (start, Arc::clone(ancestor)));
        }
        for child in self.awaited.remove(pid).into_iter().flatten() {
            let Some(child) = self.watched.get(child) else {
                continue;
            };
            if !matches!(child.parent, Parent::Awaited(ppid) if ppid == pid) {
                continue;
            }
            // Who has this id and is younger was not its parent.
            let before = child.start.saturating_add(2 * TICK_NS);
            let parent = known.as_ref().filter(|_| start <= before);
            if let (Some(own), Some(parent)) = (&child.own, parent) {
                own.comes_from(parent);
            }
            child.parent = Parent::Known(parent.cloned());
        }
    }

    /// Writes each ancestor of a process that is remembered, those of which it descends first, as `/proc` would say it.
    pub(super) fn snapshot(&self, ts: u64, out: &mut dyn FnMut(&[u8])) {
        let mut made = Made::default();
        let mut written = FxHashSet::default();
        let parents = self.watched.iter();
        for parent in parents.filter_map(|(_, child)| child.parent.node()) {
            let chain: Vec<_> = parent.chain().collect();
            for ancestor in chain.into_iter().rev() {
                if written.insert(std::ptr::from_ref(ancestor)) {
                    let ppid = ancestor.parent().map_or(0, |parent| parent.pid);
                    let found = (self.start_of(ancestor), ppid, &*ancestor.name);
                    out(made.parent(ts, ancestor.pid, Some(found)));
                }
            }
        }
    }

    /// When an ancestor began; 0 where that is forgotten.
    fn start_of(&self, ancestor: &Ancestor) -> u64 {
        let found = self.found.peek(ancestor.pid);
        let found = found.filter(|(_, known)| std::ptr::eq(&**known, ancestor));
        let own = |known: &&Watched| {
            let own = known.own.as_deref();
            own.is_some_and(|own| std::ptr::eq(own, ancestor))
        };
        let watched = || self.watched.peek(ancestor.pid).filter(own);
        found
            .map(|(start, _)| *start)
            .or_else(|| watched().map(|known| known.start))
            .unwrap_or(0)
    }

    /// The parent of a process, if it is known.
    pub(super) fn parent(&mut self, pid: u32) -> Option<&Ancestor> {
        self.watched.get(pid)?.parent.node().map(|known| &**known)
    }

    /// Whether one of its ancestors should be looked up still.
    pub(super) fn awaits(&mut self, pid: u32) -> bool {
        let mut next = pid;
        for _ in 0..ANCESTORS {
            let parent = match self.watched.get(next).map(|known| &known.parent) {
                Some(Parent::Awaited(_)) => return true,
                Some(Parent::Known(Some(parent))) => Arc::clone(parent),
                _ => return false,
            };
            let own = self
                .watched
                .get(parent.pid)
                .and_then(|known| known.own.as_ref());
            if own.is_none_or(|own| !Arc::ptr_eq(own, &parent)) {
                return false;
            }
            next = parent.pid;
        }
        false
    }

    /// The process `pid` as the parent of one that it made at the time `at`. Whoever has this id and is
    /// not younger had it then: an id is one process's at a time.
    fn parent_of(&mut self, child: u32, pid: u32, at: u64) -> Parent {
        if let Some(known) = self.watched.get(pid)
            && known.start <= at
            && at <= known.end
        {
            let Watched { name, parent, .. } = known;
            let own = || Ancestor::new(pid, name, parent.node());
            return Parent::Known(Some(Arc::clone(known.own.get_or_insert_with(own))));
        }
        if pid == 0 {
            return Parent::Known(None);
        }
        if self.awaited.get(pid).is_none() {
            self.awaited.insert(pid, Vec::new());
        }
        match self.awaited.get(pid) {
            Some(children) if children.len() < CHILDREN => children.push(child),
            _ => return Parent::Known(None),
        }
        self.want = Some((pid, at));
        Parent::Awaited(pid)
    }
}

impl Watched {
    /// Whether it is the process of this id that began at `start`. The kernel sets that time before it
    /// reports the fork.
    fn is_of(&self, start: u64) -> bool {
        match self.facts {
            Some(_) => self.start == start,
            None => start <= self.start,
        }
    }
}
