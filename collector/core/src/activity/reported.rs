//! What was reported of segments before their end.
//!
//! About once a second the kernel reports the sums so far of each segment that has not ended. Of every later
//! report, and of the segment's end, only the difference counts. So the totals are those of the segments, whenever
//! and however often they were sampled.
//!
//! Sums only grow, so a difference is what is new. Two of them may shrink by a little, as a wait for a cpu is
//! measured by another clock than a sleep: then what was reported too early is taken off the next difference, and
//! the parts of the time never add up to more than the whole.

use rustc_hash::FxHashMap;
use zerocopy::IntoBytes;

use crate::input::record::{
    BUCKETS, CALLS_AGAIN, CALLS_IN_PROGRESS, CALLS_RETURNED, CallsRecord, ERRORS, SegmentRecord,
};
use crate::input::snapshot::{CALLS_UNCOUNTED, FLAG_ENDED, KIND_REPORTED};
use crate::input::write::RecordWriter;

/// No shorter segment was reported before its end. The kernel waits longer (`NT_SAMPLE_NS`), by a clock that it
/// read a little later.
const SHORTEST: u64 = 400_000_000;
/// Bytes for all threads, roughly.
const BYTES: usize = 64 << 20;
/// A thread that was not reported again for so long has ended, and the record of its end was lost.
const STALE: u64 = 60_000_000_000;
/// No segment is sampled for so long after its end.
const ENDED: u64 = 1_000_000_000;
/// How many uncounted calls of a thread are remembered.
const UNCOUNTED: usize = 4;

/// What was reported of segments that have not ended.
#[derive(Debug)]
pub(crate) struct Reported {
    threads: FxHashMap<(u32, u32), Thread>,
    bytes: usize,
    limit: usize,
    /// When stale threads were last removed.
    swept: u64,
    unreported: u64,
    /// The calls of the last delta; kept for its allocation.
    calls: Vec<CallsRecord>,
}

/// What was reported of one thread's segment.
#[derive(Debug)]
struct Thread {
    /// The sums reported; of the head only the time counts.
    sums: SegmentRecord,
    calls: Vec<CallsRecord>,
    /// The call in progress, and when it began.
    in_progress: Option<(u64, CallsRecord)>,
    /// Calls reported while in progress, which are not yet among those reported as returned.
    uncounted: Vec<CallsRecord>,
    /// It has ended: reports that come after its end are old.
    ended: bool,
}

/// What is new in a segment.
#[derive(Debug)]
pub(crate) struct Delta<'a> {
    /// From the last report to now.
    pub(crate) segment: SegmentRecord,
    pub(crate) calls: &'a [CallsRecord],
}

impl Default for Reported {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

impl Reported {
    fn new(limit: usize) -> Self {
        Self {
            threads: FxHashMap::default(),
            bytes: 0,
            limit,
            swept: 0,
            unreported: 0,
            calls: Vec::new(),
        }
    }

    /// How often there was no room to remember what was reported of a segment, which then counts at its end only.
    pub(crate) fn unreported(&self) -> u64 {
        self.unreported
    }

    /// What a segment, ended or `so_far`, has that was not reported yet; `None` if that is nothing.
    pub(crate) fn delta<'a>(
        &'a mut self,
        segment: &SegmentRecord,
        calls: &'a [CallsRecord],
        so_far: bool,
    ) -> Option<Delta<'a>> {
        let key = (segment.head.pid, segment.head.tid);
        let whole = Delta {
            segment: *segment,
            calls,
        };
        if !so_far && segment.head.ts.saturating_sub(segment.since) < SHORTEST {
            return Some(whole);
        }
        let known = match self.threads.get_mut(&key) {
            // Of an earlier segment, whose end was lost, or which has ended.
            Some(known) if known.sums.since != segment.since => {
                let known = self.threads.remove(&key)?;
                self.bytes -= known.bytes();
                None
            }
            known => known,
        };
        let Some(known) = known else {
            if !so_far {
                self.end(key, segment);
                return Some(whole);
            }
            if !self.has_room(segment.head.ts, calls.len()) {
                self.unreported = self.unreported.saturating_add(1);
                return None;
            }
            let mut thread = Thread::new(segment);
            let delta = thread.add(segment, calls, false, &mut self.calls);
            self.bytes += thread.bytes();
            self.threads.insert(key, thread);
            return Some(Delta {
                segment: delta,
                calls: &self.calls,
            });
        };
        if so_far && (known.ended || segment.head.ts < known.sums.head.ts) {
            return None;
        }
        self.bytes -= known.bytes();
        let delta = known.add(segment, calls, !so_far, &mut self.calls);
        if so_far {
            self.bytes += known.bytes();
        } else {
            self.threads.remove(&key);
            self.end(key, segment);
        }
        Some(Delta {
            segment: delta,
            calls: &self.calls,
        })
    }

    /// Remembers that the segment has ended: it may have been sampled at that very time.
    fn end(&mut self, key: (u32, u32), segment: &SegmentRecord) {
        if self.has_room(segment.head.ts, 0) {
            let mut thread = Thread::new(segment);
            thread.ended = true;
            thread.sums.head.ts = segment.head.ts;
            self.bytes += thread.bytes();
            self.threads.insert(key, thread);
        }
    }

    fn has_room(&mut self, now: u64, calls: usize) -> bool {
        let more = size_of::<Thread>() + calls * size_of::<CallsRecord>();
        let full = |bytes: usize| bytes.saturating_add(more) > self.limit;
        if full(self.bytes) && now.saturating_sub(self.swept) >= ENDED {
            self.swept = now;
            self.threads.retain(|_, thread| {
                let age = now.saturating_sub(thread.sums.head.ts);
                age < if thread.ended { ENDED } else { STALE }
            });
            self.bytes = self.threads.values().map(Thread::bytes).sum();
        }
        !full(self.bytes)
    }

    /// A thread of a process has the process's id from now on. The thread that had it has ended.
    pub(crate) fn rename(&mut self, pid: u32, former: u32) {
        self.thread_exit(pid, pid);
        if let Some(thread) = self.threads.remove(&(pid, former)) {
            self.threads.insert((pid, pid), thread);
        }
    }

    /// Writes what was reported.
    pub(crate) fn snapshot(&self, to: &mut RecordWriter<'_>) {
        for (&(pid, tid), thread) in &self.threads {
            thread.write(pid, tid, to);
        }
    }

    /// Takes in what was reported, from a snapshot.
    pub(crate) fn restore(&mut self, segment: &SegmentRecord, calls: &[CallsRecord]) {
        let key = (segment.head.pid, segment.head.tid);
        if self.threads.contains_key(&key) || !self.has_room(segment.head.ts, calls.len()) {
            self.unreported = self.unreported.saturating_add(1);
            return;
        }
        let thread = Thread::from_record(segment, calls);
        self.bytes += thread.bytes();
        self.threads.insert(key, thread);
    }

    /// A thread ended.
    pub(crate) fn thread_exit(&mut self, pid: u32, tid: u32) {
        if let Some(thread) = self.threads.remove(&(pid, tid)) {
            self.bytes -= thread.bytes();
        }
    }
}

impl Thread {
    fn new(segment: &SegmentRecord) -> Self {
        let mut sums = SegmentRecord {
            head: segment.head,
            since: segment.since,
            kernel: 0,
            runnable: 0,
            blocked: 0,
            fault: 0,
            other_time: 0,
            other: 0,
            voluntary: 0,
            involuntary: 0,
            minor: 0,
            major: 0,
            calls: 0,
        };
        sums.head.ts = segment.since;
        Self {
            sums,
            calls: Vec::new(),
            in_progress: None,
            uncounted: Vec::new(),
            ended: false,
        }
    }

    /// Writes what was reported: the calls that returned, the uncounted ones, the one in progress.
    fn write(&self, pid: u32, tid: u32, to: &mut RecordWriter<'_>) {
        let uncounted = self.uncounted.iter().map(|call| CallsRecord {
            flags: call.flags | CALLS_UNCOUNTED,
            ..*call
        });
        let in_progress = self.in_progress.iter().map(|(_, call)| *call);
        let calls: Vec<_> = self
            .calls
            .iter()
            .copied()
            .chain(uncounted)
            .chain(in_progress)
            .collect();
        let mut record = self.sums;
        record.calls = calls.len() as u32;
        // A thread that called exec has another id since.
        (record.head.pid, record.head.tid) = (pid, tid);
        record.head.flags = if self.ended { FLAG_ENDED } else { 0 };
        to.write(KIND_REPORTED, &record, &[calls.as_bytes()]);
    }

    /// From such a record.
    fn from_record(segment: &SegmentRecord, calls: &[CallsRecord]) -> Self {
        let mut thread = Self {
            sums: SegmentRecord {
                calls: 0,
                ..*segment
            },
            calls: Vec::new(),
            in_progress: None,
            uncounted: Vec::new(),
            ended: segment.head.flags & FLAG_ENDED != 0,
        };
        for call in calls {
            if call.flags & CALLS_UNCOUNTED != 0 {
                thread.uncounted.push(CallsRecord {
                    flags: call.flags & !CALLS_UNCOUNTED,
                    ..*call
                });
            } else if call.flags & CALLS_IN_PROGRESS != 0 {
                thread.in_progress = Some((segment.head.ts.saturating_sub(call.time), *call));
            } else {
                thread.calls.push(*call);
            }
        }
        thread.uncounted.truncate(UNCOUNTED);
        thread
    }

    fn bytes(&self) -> usize {
        // Half of a hash table may be empty.
        2 * size_of::<Self>()
            + (self.calls.capacity() + self.uncounted.capacity()) * size_of::<CallsRecord>()
    }

    /// Takes in the sums of the segment; returns what is new of it, its calls in `delta`.
    fn add(
        &mut self,
        now: &SegmentRecord,
        calls: &[CallsRecord],
        ends: bool,
        delta: &mut Vec<CallsRecord>,
    ) -> SegmentRecord {
        let segment = self.segment(now);
        delta.clear();
        let (returned, in_progress) = match calls.split_last() {
            Some((last, returned)) if last.flags & CALLS_IN_PROGRESS != 0 => (returned, Some(last)),
            _ => (calls, None),
        };
        self.calls
            .reserve_exact(returned.len().saturating_sub(self.calls.len()));
        for (at, call) in returned.iter().enumerate() {
            if self.calls.len() == at {
                self.calls.push(call.none_of());
            }
            if let Some(reported) = self.calls.get_mut(at) {
                delta.push(reported.grow(call));
            }
        }
        let began = |call: &CallsRecord| now.head.ts.saturating_sub(call.time);
        match (self.in_progress.as_mut(), in_progress) {
            (Some((since, reported)), Some(call)) if *since == began(call) => {
                delta.push(reported.grow(call))
            }
            (_, in_progress) => {
                if let Some((_, reported)) = self.in_progress.take() {
                    if self.uncounted.len() == UNCOUNTED {
                        delta.push(has_returned(&self.uncounted.remove(0)));
                    }
                    self.uncounted.push(reported);
                }
                if let Some(call) = in_progress {
                    let mut reported = call.none_of();
                    delta.push(reported.grow(call));
                    self.in_progress = Some((began(call), reported));
                }
            }
        }
        self.uncounted.retain_mut(|reported| {
            !(reported.take_off(delta) || ends) || {
                delta.push(has_returned(reported));
                false
            }
        });
        delta.retain(|call| !call.is_empty());
        segment
    }

    fn segment(&mut self, now: &SegmentRecord) -> SegmentRecord {
        let reported = &mut self.sums;
        let mut new = *now;
        new.since = reported.head.ts;
        reported.head.ts = now.head.ts;
        let wall = now.head.ts.saturating_sub(new.since);
        [new.blocked, new.runnable] = shares(
            wall,
            [
                (now.blocked, &mut reported.blocked),
                (now.runnable, &mut reported.runnable),
            ],
        );
        let on_cpu = wall - new.blocked - new.runnable;
        new.kernel = grow(&mut reported.kernel, now.kernel, on_cpu);
        new.fault = grow(&mut reported.fault, now.fault, new.blocked);
        new.other_time = grow(&mut reported.other_time, now.other_time, u64::MAX);
        for (new, reported, now) in [
            (&mut new.other, &mut reported.other, now.other),
            (&mut new.voluntary, &mut reported.voluntary, now.voluntary),
            (
                &mut new.involuntary,
                &mut reported.involuntary,
                now.involuntary,
            ),
            (&mut new.minor, &mut reported.minor, now.minor),
            (&mut new.major, &mut reported.major, now.major),
        ] {
            *new = count(reported, now);
        }
        new
    }
}

/// That a call which was reported while in progress has returned.
fn has_returned(reported: &CallsRecord) -> CallsRecord {
    CallsRecord {
        flags: reported.flags & !CALLS_IN_PROGRESS | CALLS_RETURNED,
        ..*reported
    }
}

impl CallsRecord {
    /// No calls of the same kind.
    pub(crate) fn none_of(&self) -> Self {
        Self {
            time: 0,
            blocked: 0,
            runnable: 0,
            bytes: 0,
            count: 0,
            errors: [0; ERRORS],
            buckets: [0; BUCKETS],
            ..*self
        }
    }

    /// Takes off what was reported of a call while it was in progress, if all of it is now in `delta`. Returns
    /// whether it is.
    fn take_off(&mut self, delta: &mut [Self]) -> bool {
        let kind = |call: &Self| (call.file, call.flags & !CALLS_IN_PROGRESS);
        let same = |call: &Self| {
            call.nr == self.nr
                && call.count > 0
                && call.flags & CALLS_AGAIN == 0
                && call.time >= self.time
        };
        // The file may be known only since it returned, or have found no room.
        let found = delta
            .iter()
            .position(|call| same(call) && kind(call) == kind(self));
        let Some(at) = found.or_else(|| delta.iter().position(same)) else {
            return false;
        };
        let call = &mut delta[at];
        call.time -= self.time;
        [call.blocked, call.runnable] = shares(
            call.time,
            [
                (call.blocked, &mut self.blocked.clone()),
                (call.runnable, &mut self.runnable.clone()),
            ],
        );
        true
    }

    /// Becomes `now`; returns what it has more. The shortest and longest call are those of all.
    fn grow(&mut self, now: &Self) -> Self {
        let mut new = *now;
        new.time = grow(&mut self.time, now.time, u64::MAX);
        [new.blocked, new.runnable] = shares(
            new.time,
            [
                (now.blocked, &mut self.blocked),
                (now.runnable, &mut self.runnable),
            ],
        );
        new.bytes = grow(&mut self.bytes, now.bytes, u64::MAX);
        new.count = count(&mut self.count, now.count);
        let pairs = self.errors.iter_mut().zip(now.errors);
        for (new, (reported, now)) in new.errors.iter_mut().zip(pairs) {
            *new = count(reported, now);
        }
        let pairs = self.buckets.iter_mut().zip(now.buckets);
        for (new, (reported, now)) in new.buckets.iter_mut().zip(pairs) {
            *new = count(reported, now);
        }
        new
    }
}

/// What a sum has more than was reported of it, no more than `most`; from now on that is reported too.
fn grow(reported: &mut u64, now: u64, most: u64) -> u64 {
    let new = now.saturating_sub(*reported).min(most);
    *reported += new;
    new
}

/// The same of two parts of a time that was `whole`. What one has less than was reported, the other has less too.
fn shares(whole: u64, parts: [(u64, &mut u64); 2]) -> [u64; 2] {
    let [(a, reported_a), (b, reported_b)] = parts;
    let most =
        whole.min((a.saturating_add(b)).saturating_sub(reported_a.saturating_add(*reported_b)));
    let new_a = grow(reported_a, a, most);
    let new_b = grow(reported_b, b, most - new_a);
    [new_a, new_b]
}

/// The same of a counter, which may have run over.
fn count(reported: &mut u32, now: u32) -> u32 {
    let new = now.wrapping_sub(*reported);
    // More in one second than half of what it can count is less: it was read while the next segment began.
    if new > u32::MAX / 2 {
        return 0;
    }
    *reported = now;
    new
}

#[cfg(test)]
mod tests;
