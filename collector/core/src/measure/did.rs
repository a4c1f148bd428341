//! What one span, or one process in it, did, as far as that is among the largest parts of its time.

use std::sync::Arc;

use super::top::Top;
use crate::activity::Times;
use crate::facts::file::{File, FileKind};
use crate::facts::path::TagPath;
use crate::input::record::{CALLS_AGAIN, CALLS_IN, CALLS_OUT, CALLS_RETURNED, CallsRecord};
use crate::measure::calls::CallStats;

/// How many system calls, and files of them, are has_place apart in a span.
const MOST: usize = 8;
/// The same of the paths of its children.
const CHILDREN: usize = 4;

/// What calls cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Asleep, nanoseconds.
    pub blocked: u64,
    /// On the cpu, nanoseconds.
    pub on_cpu: u64,
    /// How many calls returned.
    pub count: u64,
    /// What they say they moved.
    pub bytes: u64,
}

impl Spent {
    /// Asleep and on the cpu.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.blocked.saturating_add(self.on_cpu)
    }

    /// Adds all that `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.on_cpu = self.on_cpu.saturating_add(other.on_cpu);
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl From<&CallsRecord> for Spent {
    fn from(of: &CallsRecord) -> Self {
        Self {
            blocked: of.blocked,
            on_cpu: of
                .time
                .saturating_sub(of.blocked)
                .saturating_sub(of.runnable),
            count: of.count.into(),
            bytes: of.bytes,
        }
    }
}

impl From<&CallStats> for Spent {
    fn from(of: &CallStats) -> Self {
        Self {
            blocked: of.blocked,
            on_cpu: of.on_cpu(),
            count: of.count,
            bytes: of.bytes,
        }
    }
}

/// The calls of one number, on whatever files or none.
#[derive(Clone, Copy, Debug, Default)]
struct Number {
    spent: Spent,
    /// Some were on files that are not has_place apart.
    more: bool,
}

/// The calls of one number and direction on one file.
#[derive(Clone, Debug)]
struct OnFile {
    nr: u32,
    flags: u32,
    file: Arc<File>,
}

impl OnFile {
    fn bytes(&self) -> usize {
        size_of::<(Self, u64, Spent)>() + size_of::<File>() + self.file.name.len()
    }
}

/// Children of one tag path that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Children {
    /// How long they took, nanoseconds; those that overlap count each.
    pub time: u64,
    /// How many.
    pub count: u64,
}

/// Bytes that all spans may take.
#[derive(Clone, Debug)]
pub(super) struct Room {
    left: usize,
}

impl Room {
    pub(super) const fn new(bytes: usize) -> Self {
        Self { left: bytes }
    }

    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    #[cfg(test)]
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    pub(super) const fn give_back(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes);
    }
}

/// What was called in a span that is open, and which children ended.
#[derive(Clone, Debug)]
pub(super) struct Did {
    numbers: Top<u32, Number>,
    files: Top<OnFile, Spent>,
    children: Top<Arc<TagPath>, Children>,
}

impl Did {
    /// What one takes at most, but for its files; half of a hash table may be empty.
    pub(super) const BYTES: usize = size_of::<Self>()
        + MOST * size_of::<(u32, u64, Number)>()
        + CHILDREN * size_of::<(Arc<TagPath>, u64, Children)>()
        + 2 * size_of::<(u64, usize)>();

    pub(super) const fn new() -> Self {
        Self {
            numbers: Top::new(MOST),
            files: Top::new(MOST),
            children: Top::new(CHILDREN),
        }
    }

    /// What it takes of the room.
    pub(super) fn bytes(&self) -> usize {
        let files = self.files.iter().map(|(on, _)| on.bytes());
        Self::BYTES + files.sum::<usize>()
    }

    /// Adds the calls of a segment, each with its file.
    pub(super) fn push(
        &mut self,
        calls: &[CallsRecord],
        files: &[Option<Arc<File>>],
        room: &mut Room,
    ) {
        for (at, of) in calls.iter().enumerate() {
            // The second file of a copy; and what says only that a call has returned.
            if of.is_empty() || of.flags & (CALLS_AGAIN | CALLS_RETURNED) != 0 {
                continue;
            }
            let (nr, spent) = (of.nr, Spent::from(of));
            let add = |number: &mut Number| number.spent.add(&spent);
            self.number(nr, of.time, add, room);
            if let Some(Some(file)) = files.get(at) {
                let on = OnFile {
                    nr,
                    flags: of.flags & (CALLS_IN | CALLS_OUT),
                    file: Arc::clone(file),
                };
                self.file(on, of.time, &spent, room);
            }
        }
    }

    fn number(&mut self, nr: u32, time: u64, add: impl FnOnce(&mut Number), room: &mut Room) {
        if let Some((nr, _)) = self.numbers.add(|of| *of == nr, || nr, time, add) {
            // Without their number they are parts of nothing.
            let removed = |on: OnFile, _| room.give_back(on.bytes());
            self.files.remove(|on| on.nr == nr, removed);
        }
    }

    fn file(&mut self, on: OnFile, time: u64, spent: &Spent, room: &mut Room) {
        let same = |other: &OnFile| {
            (other.nr, other.flags) == (on.nr, on.flags)
                && (Arc::ptr_eq(&other.file, &on.file) || other.file == on.file)
        };
        let has_place = match self.files.get_mut(same) {
            Some(_) => true,
            None => on.file.kind != FileKind::Other && room.take(on.bytes()),
        };
        if !has_place {
            return self.not_apart(on.nr);
        }
        let add = |sum: &mut Spent| sum.add(spent);
        if let Some((gone, _)) = self.files.add(same, || on.clone(), time, add) {
            room.give_back(gone.bytes());
            self.not_apart(gone.nr);
        }
    }

    /// Some calls of that number are on a file that is not has_place apart.
    fn not_apart(&mut self, nr: u32) {
        if let Some(number) = self.numbers.get_mut(|of| *of == nr) {
            number.more = true;
        }
    }

    /// A child ended.
    pub(super) fn child(&mut self, path: &Arc<TagPath>, ns: u64) {
        let path = path.shown();
        let same = |of: &Arc<TagPath>| Arc::ptr_eq(of, path) || of == path;
        let add = |of: &mut Children| {
            of.time = of.time.saturating_add(ns);
            of.count += 1;
        };
        self.children.add(same, || Arc::clone(path), ns, add);
    }

    /// The paths with the longest children, the longest first.
    pub(super) fn children(&self) -> Vec<(Arc<TagPath>, Children)> {
        let each = self.children.iter();
        let mut all: Vec<_> = each.map(|(path, of)| (Arc::clone(path), *of)).collect();
        all.sort_by_key(|(_, of)| core::cmp::Reverse(of.time));
        all
    }

    /// Adds all that `other` has, but for its children.
    pub(super) fn merge(&mut self, other: &Self, room: &mut Room) {
        for (&nr, of) in other.numbers.iter() {
            let add = |number: &mut Number| {
                number.spent.add(&of.spent);
                number.more |= of.more;
            };
            self.number(nr, of.spent.time(), add, room);
        }
        for (on, spent) in other.files.iter() {
            self.file(on.clone(), spent.time(), spent, room);
        }
    }

    /// How long it was asleep at pipes: until others filled or emptied them.
    pub(super) fn blocked_at_pipes(&self) -> u64 {
        let files = self.files.iter();
        let pipes = files.filter(|(on, _)| on.file.kind == FileKind::Pipe);
        pipes.map(|(_, of)| of.blocked).fold(0, u64::saturating_add)
    }

    /// How long a thread was asleep in the calls of that number.
    pub(super) fn blocked_in(&self, nr: u32) -> u64 {
        let mut numbers = self.numbers.iter();
        let found = numbers.find(|&(&of, _)| of == nr);
        found.map_or(0, |(_, of)| of.spent.blocked)
    }

    /// The parts of a time that was spent so.
    pub(super) fn reasons(&self, times: &Times) -> Reasons {
        let mut left = Left {
            blocked: times.blocked.saturating_sub(times.fault),
            on_cpu: times.on_cpu().min(times.kernel),
        };
        let mut numbers: Vec<_> = self.numbers.iter().collect();
        numbers.sort_by_key(|(nr, of)| (core::cmp::Reverse(of.spent.time()), **nr));
        let calls = numbers.into_iter().map(|(&nr, of)| {
            let spent = left.take(&of.spent);
            // As that of its calls.
            let mut within = Left {
                blocked: spent.blocked,
                on_cpu: spent.on_cpu,
            };
            let files = self.files.iter().filter(|(on, _)| on.nr == nr);
            let mut files: Vec<_> = files.collect();
            files.sort_by_key(|(on, of)| (core::cmp::Reverse(of.time()), on.file.name.clone()));
            let files = files.into_iter().map(|(on, of)| FileReason {
                file: Arc::clone(&on.file),
                flags: on.flags,
                spent: within.take(of),
            });
            CallReason {
                nr,
                spent,
                files: files.collect(),
                more: of.more,
            }
        });
        let calls = calls.collect();
        Reasons {
            calls,
            other: Spent {
                blocked: left.blocked,
                on_cpu: left.on_cpu,
                ..Spent::default()
            },
        }
    }
}

/// What is left of a time. Clocks that are read one after the other may differ a little: no part is more than
/// what is left of the whole.
struct Left {
    blocked: u64,
    on_cpu: u64,
}

impl Left {
    fn take(&mut self, of: &Spent) -> Spent {
        let (blocked, on_cpu) = (of.blocked.min(self.blocked), of.on_cpu.min(self.on_cpu));
        self.blocked -= blocked;
        self.on_cpu -= on_cpu;
        Spent {
            blocked,
            on_cpu,
            ..*of
        }
    }
}

/// What the system calls of a span are, of its time in system calls: the largest, and all others.
///
/// With the time in its own code, waiting for a cpu and in page faults they are all of its time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons {
    /// The numbers that took the longest, the longest first.
    pub calls: Vec<CallReason>,
    /// Time in system calls that are none of these.
    pub other: Spent,
}

/// The calls of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallReason {
    /// System call, in the machine's own table.
    pub nr: u32,
    /// On all files and none.
    pub spent: Spent,
    /// The files that took the longest, the longest first.
    pub files: Vec<FileReason>,
    /// There were other files.
    pub more: bool,
}

/// The part of such calls that was on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReason {
    /// The file.
    pub file: Arc<File>,
    /// A set of [`CALLS_IN`] and [`CALLS_OUT`].
    pub flags: u32,
    /// On it.
    pub spent: Spent,
}
