//! Open spans as records, and open spans from records.

use std::sync::Arc;

use nulltrace_spec::{Id, Tags};
use rustc_hash::FxHashMap;

use super::{Place, Reach, Spans};
use crate::activity::{SpanTimes, Times};
use crate::facts::args::ArgList;
use crate::facts::process::{Process, Processes};
use crate::input::record::{Head, Stops};
use crate::input::snapshot::{
    FACTS_NOW, FLAG_IDLE, FLAG_TIMES, ID_GLOBAL, ID_NONE, ID_NUMBER, ID_PARENT, KIND_OPEN,
    KIND_SNAPSHOT, KIND_THREAD, OPEN_ASIDE, OPEN_BY_PROCESS, OPEN_BY_THREAD, OPEN_ORPHAN,
    OPEN_PARENT, OPEN_PASSED, OPEN_PPID, OPEN_THREAD_GONE, OPEN_UID, OpenRecord, SnapshotRecord,
    ThreadRecord, TimesRecord,
};
use crate::input::write::RecordWriter;
use crate::spans::slot::Slot;
use crate::spans::span::Closed;
use crate::spans::table::Standing;

/// No correlator gives so many numbers, and those that follow do not run over.
const SEQ_MAX: u64 = 1 << 62;

/// What has to be remembered while a snapshot is taken in.
#[derive(Debug, Default)]
pub(crate) struct Restoring {
    /// It has begun.
    pub(crate) begun: bool,
    /// Facts of processes that have changed since, by the number that spans name them by.
    facts: FxHashMap<u32, Arc<Process>>,
    /// Bytes of them.
    bytes: usize,
    /// The spans so far, by their sequence numbers, which grow. A slot may be another span's since.
    open: Vec<(u64, Slot)>,
}

impl Restoring {
    fn slot(&self, seq: u64) -> Option<Slot> {
        let at = self.open.binary_search_by_key(&seq, |&(seq, _)| seq).ok()?;
        Some(self.open[at].1)
    }
}

impl Spans {
    /// Writes the beginning of a snapshot.
    pub(crate) fn begin_snapshot(&self, to: &mut RecordWriter<'_>) {
        let mut head = Head::of(0, 0, 0);
        head.flags = if self.inside.enabled { FLAG_TIMES } else { 0 };
        let begin = SnapshotRecord {
            head,
            seq: self.seq,
        };
        to.write(KIND_SNAPSHOT, &begin, &[]);
    }

    /// Writes what is open, and what is known of threads; `processes` were written before.
    pub(crate) fn snapshot(&self, processes: &Processes, to: &mut RecordWriter<'_>) {
        let mut facts: FxHashMap<*const Process, u32> = FxHashMap::default();
        for (slot, _) in self.table.by_age() {
            let span = self.table.get(slot);
            let number = match &span.process {
                None => 0,
                Some(process) if is_now(processes, process) => FACTS_NOW,
                Some(process) => {
                    let next = facts.len() as u32 + 1;
                    *facts.entry(Arc::as_ptr(process)).or_insert_with(|| {
                        process.write_as(next, to);
                        next
                    })
                }
            };
            self.write(slot, number, to);
        }
        for (pid, tid, thread) in self.table.threads() {
            let mut head = Head::of(0, pid, tid);
            head.number = thread.number;
            head.flags = if thread.idle { FLAG_IDLE } else { 0 };
            let lost = thread.lost;
            to.write(KIND_THREAD, &ThreadRecord { head, lost }, &[]);
        }
    }

    fn write(&self, slot: Slot, facts: u32, to: &mut RecordWriter<'_>) {
        let span = self.table.get(slot);
        let stands = self.table.standing(slot);
        let times = self.inside.times(&self.table, slot).unwrap_or_default();
        let tags = self.tags.path(span.tag).canonical();
        let parent_tags = span.parent_tag.map(|tag| self.tags.path(tag).canonical());
        let parent_tags = parent_tags.unwrap_or_default();
        let (id, number) = match span.id {
            Id::Global => (ID_GLOBAL, 0),
            Id::Parent => (ID_PARENT, 0),
            Id::Number(number) => (ID_NUMBER, number),
            // The others were resolved.
            Id::None | Id::Thread | Id::Process => (ID_NONE, 0),
        };
        let flags = [
            (OPEN_PARENT, span.parent_tag.is_some()),
            (OPEN_PPID, span.ppid().is_some()),
            (OPEN_UID, span.uid().is_some()),
            (OPEN_BY_THREAD, span.by_thread),
            (OPEN_BY_PROCESS, span.by_process),
            (OPEN_THREAD_GONE, stands.thread_gone),
            (OPEN_ORPHAN, span.orphan),
            (OPEN_PASSED, stands.passed),
            (OPEN_ASIDE, stands.aside),
        ];
        let record = OpenRecord {
            head: Head::of(span.start, span.pid, span.tid),
            seq: span.seq,
            parent: span.parent_tag.map_or(0, |_| span.parent_seq),
            number,
            child_ns: span.child_ns,
            left: if span.orphan { span.left } else { 0 },
            interleaved: times.interleaved,
            own: times_record(&times.own),
            all: times_record(&times.all),
            child_hits: span.child_hits,
            ppid: span.ppid().unwrap_or(0),
            uid: span.uid().unwrap_or(0),
            facts,
            tags: tags.len() as u32,
            parent_tags: parent_tags.len() as u32,
            id,
            flags: flags
                .iter()
                .filter(|(_, is)| *is)
                .fold(0, |all, (flag, _)| all | flag),
            own_stops: times.own.stops,
            all_stops: times.all.stops,
        };
        let text = [tags, parent_tags, span.args.packed()];
        to.write(KIND_OPEN, &record, &text);
    }

    /// A snapshot begins. Returns whether that can be.
    pub(crate) fn begin(&mut self, restoring: &mut Restoring, record: &SnapshotRecord) -> bool {
        restoring.begun = true;
        if record.seq > SEQ_MAX || record.seq < self.seq {
            return false;
        }
        self.seq = record.seq;
        // Where spans have what others did, none has times of its own.
        let times = record.head.flags & FLAG_TIMES != 0 && self.limits.reach == Reach::Thread;
        self.inside.enabled |= times;
        true
    }

    /// Facts of a process that spans will name. Returns whether they can be.
    pub(crate) fn facts(&self, restoring: &mut Restoring, number: u32, facts: Process) -> bool {
        let bytes = restoring.bytes + facts.bytes();
        if bytes > self.limits.bytes || restoring.facts.contains_key(&number) {
            return false;
        }
        restoring.bytes = bytes;
        restoring.facts.insert(number, Arc::new(facts));
        true
    }

    /// Opens a span that was open. Returns whether it can be: its record may say anything.
    pub(crate) fn restore(
        &mut self,
        restoring: &mut Restoring,
        record: &OpenRecord,
        text: &[u8],
        processes: &mut Processes,
        out: &mut impl FnMut(&Closed),
    ) -> bool {
        let last = restoring.open.last().map_or(0, |&(seq, _)| seq);
        let Some(read) = Read::from(record, text) else {
            return false;
        };
        if record.seq <= last || record.seq > self.seq {
            return false;
        }
        let (ts, pid) = (record.head.ts, record.head.pid);
        let has = |flag| record.flags & flag != 0;
        let process = match record.facts {
            0 => None,
            FACTS_NOW => processes.get(pid).cloned(),
            number => restoring.facts.get(&number).cloned(),
        };
        let tag = self.tags.acquire(&read.tags);
        self.args += read.args.bytes();
        while self.is_full() && self.evict(ts, out) {}

        self.tags.opened(tag);
        let place = Place {
            pid,
            tid: record.head.tid,
            ppid: has(OPEN_PPID).then_some(record.ppid),
            uid: has(OPEN_UID).then_some(record.uid),
        };
        let slot = self.table.insert(read.id, tag, &place);
        let span = self.table.get_mut(slot);
        (span.seq, span.start) = (record.seq, ts);
        (span.process, span.args) = (process, read.args);
        (span.by_thread, span.by_process) = (has(OPEN_BY_THREAD), has(OPEN_BY_PROCESS));
        (span.child_ns, span.child_hits) = (record.child_ns, record.child_hits);
        if let Some(parent_tags) = read.parent_tags {
            span.parent_seq = record.parent;
            span.parent_tag = Some(self.tags.acquire(&parent_tags));
            if let Some(parent) = self.open_of(restoring, record.parent) {
                // How long children were open is in the record.
                let _ = self.table.adopt(slot, parent, record.parent);
            }
        }
        if !has(OPEN_BY_THREAD) {
            self.table.share(slot);
        }
        let times = SpanTimes {
            own: times(&record.own, record.own_stops),
            all: times(&record.all, record.all_stops),
            interleaved: record.interleaved,
        };
        self.inside.restored(&self.table, slot, times);
        self.table.set_standing(
            slot,
            Standing {
                thread_gone: has(OPEN_THREAD_GONE),
                passed: has(OPEN_PASSED),
                aside: has(OPEN_ASIDE),
            },
        );
        if has(OPEN_ORPHAN) {
            self.orphan(slot, record.left, place.ppid);
        }
        restoring.open.push((record.seq, slot));
        self.counts.before += 1;
        self.counts.open = self.table.len() as u64;
        true
    }

    /// The open span of that sequence number, among those that were restored.
    fn open_of(&self, restoring: &Restoring, seq: u64) -> Option<Slot> {
        let slot = restoring.slot(seq)?;
        (self.table.get(slot).seq == seq).then_some(slot)
    }

    /// What is known of a thread besides its spans.
    pub(crate) fn restore_thread(&mut self, record: &ThreadRecord) {
        let lost = record.lost.min(self.seq);
        let thread = self.table.known_thread(record.head.pid, record.head.tid);
        (thread.number, thread.lost) = (record.head.number, lost);
        thread.idle = record.head.flags & FLAG_IDLE != 0;
    }
}

/// Whether that is all that is known of the process now.
fn is_now(processes: &Processes, process: &Arc<Process>) -> bool {
    let now = processes.peek(process.pid);
    now.is_some_and(|now| Arc::ptr_eq(now, process))
}

/// What stands in the record of an open span.
struct Read<'a> {
    id: Id,
    tags: Tags<'a>,
    parent_tags: Option<Tags<'a>>,
    args: ArgList,
}

impl<'a> Read<'a> {
    /// `None` if it contradicts itself.
    fn from(record: &OpenRecord, text: &'a [u8]) -> Option<Self> {
        let (tags, text) = text.split_at_checked(record.tags as usize)?;
        let (parent_tags, args) = text.split_at_checked(record.parent_tags as usize)?;
        let parent_tags = match record.flags & OPEN_PARENT != 0 {
            false => None,
            true if record.parent > 0 && record.parent < record.seq => {
                Some(Tags::from_canonical(parent_tags)?)
            }
            true => return None,
        };
        Some(Self {
            id: match record.id {
                ID_NONE => Id::None,
                ID_GLOBAL => Id::Global,
                ID_PARENT => Id::Parent,
                ID_NUMBER => Id::Number(record.number),
                _ => return None,
            },
            tags: Tags::from_canonical(tags)?,
            parent_tags,
            args: ArgList::from_packed(args)?,
        })
    }
}

fn times_record(times: &Times) -> TimesRecord {
    let Times {
        wall,
        kernel,
        runnable,
        blocked,
        fault,
        stops: _,
        voluntary,
        involuntary,
        minor,
        major,
    } = *times;
    [
        wall,
        kernel,
        runnable,
        blocked,
        fault,
        voluntary,
        involuntary,
        minor,
        major,
    ]
}

fn times(record: &TimesRecord, stops: Stops) -> Times {
    let [
        wall,
        kernel,
        runnable,
        blocked,
        fault,
        voluntary,
        involuntary,
        minor,
        major,
    ] = *record;
    Times {
        wall,
        kernel,
        runnable,
        blocked,
        fault,
        stops,
        voluntary,
        involuntary,
        minor,
        major,
    }
}
