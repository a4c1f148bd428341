//! One process, or all of one name, in a span.

use std::sync::Arc;

use crate::activity::{Inside, SpanTimes, Times};
use crate::facts::process::Process;
use crate::measure::did::{Did, Reasons, Room};

/// What a process did in a span.
#[derive(Clone, Debug)]
pub struct Member {
    process: Arc<Process>,
    did: Did,
    times: Times,
    /// How long it lived while the span was open, nanoseconds.
    alive: u64,
    /// Until when it was seen.
    last: u64,
    /// When it went on while other spans were open from then on: the end of this one, unless it is seen again.
    goes_on: Option<u64>,
    /// It may be among those that are counted by their names.
    counted: bool,
}

impl Member {
    /// What one takes at most, but for its files.
    pub(super) const BYTES: usize = size_of::<Self>() + Did::BYTES;

    pub(super) fn new(process: Arc<Process>, counted: bool) -> Self {
        Self {
            process,
            did: Did::new(),
            times: Times::NONE,
            alive: 0,
            last: 0,
            goes_on: None,
            counted,
        }
    }

    pub(super) fn is(&self, process: &Process) -> bool {
        (self.process.pid, self.process.start) == (process.pid, process.start)
    }

    pub(super) fn push(&mut self, inside: &Inside<'_>, process: &Arc<Process>, room: &mut Room) {
        // It may run another program by now: the last one gives it its name.
        if !Arc::ptr_eq(&self.process, process) {
            self.process = Arc::clone(process);
        }
        let when = &inside.when;
        self.did.push(inside.calls, inside.files, room);
        self.times.add(inside.times);
        if inside.tid == inside.pid {
            self.alive = self.alive.saturating_add(when.to.saturating_sub(when.from));
        }
        self.last = self.last.max(when.to);
        if self.goes_on == Some(when.from) {
            self.goes_on = None;
        }
        if when.goes_on {
            self.goes_on = self.goes_on.max(Some(when.to));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.did.bytes()
    }

    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Whether it went on when the span had ended.
    pub(super) const fn outlived(&self) -> bool {
        self.goes_on.is_some()
    }

    /// How long it lived while the span was open, nanoseconds.
    pub(super) const fn alive(&self) -> u64 {
        self.alive
    }

    /// How long it was asleep in the calls of that number, nanoseconds.
    pub(super) fn blocked_in(&self, nr: u32) -> u64 {
        self.did.blocked_in(nr)
    }

    /// The process, as it was last.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Where the time of its threads went.
    #[must_use]
    pub fn times(&self) -> SpanTimes {
        SpanTimes {
            own: self.times,
            all: self.times,
            interleaved: 0,
        }
    }

    /// The parts of that time.
    #[must_use]
    pub fn reasons(&self) -> Reasons {
        self.did.reasons(&self.times)
    }
}

/// What children of one parent and one name did.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) ppid: u32,
    pub(super) name: Arc<[u8]>,
    /// The process, while it is one.
    pub(super) pid: Option<u32>,
    pub(super) children: u64,
    pub(super) times: Times,
    did: Did,
    alive: u64,
}

impl Named {
    /// What one takes at most, but for its files.
    pub(super) const BYTES: usize = size_of::<Self>() + Did::BYTES;

    /// Nothing, of the name that the member has.
    pub(super) fn new(of: &Member) -> Self {
        Self {
            ppid: of.process.ppid,
            name: Arc::clone(&of.process.comm),
            pid: None,
            children: 0,
            times: Times::NONE,
            did: Did::new(),
            alive: 0,
        }
    }

    pub(super) fn is_of(&self, member: &Member) -> bool {
        (self.ppid, &self.name) == (member.process.ppid, &member.process.comm)
    }

    /// Adds a member.
    pub(super) fn add(&mut self, member: &Member, room: &mut Room) {
        let first = self.children == 0;
        if first || !member.counted {
            self.children = self.children.saturating_add(1);
            self.pid = first.then_some(member.process.pid);
        }
        self.merge(&member.times, &member.did, member.alive, room);
    }

    /// Adds those of the same name that another parent has, too.
    pub(super) fn join(&mut self, other: &Self, room: &mut Room) {
        self.children = self.children.saturating_add(other.children);
        self.pid = None;
        self.merge(&other.times, &other.did, other.alive, room);
    }

    fn merge(&mut self, times: &Times, did: &Did, alive: u64, room: &mut Room) {
        self.times.add(times);
        self.did.merge(did, room);
        self.alive = self.alive.saturating_add(alive);
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.did.bytes()
    }

    /// How long they lived while the span was open, nanoseconds.
    pub(super) const fn alive(&self) -> u64 {
        self.alive
    }

    /// How long of that they did not wait for what is at the other end of a pipe.
    pub(super) fn worked(&self) -> u64 {
        self.alive.saturating_sub(self.did.blocked_at_pipes())
    }

    pub(super) fn reasons(&self) -> Reasons {
        self.did.reasons(&self.times)
    }
}
