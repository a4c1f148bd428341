//! What was told of segments before their end.
//!
//! Every second or so the kernel tells of each segment that goes on what it came to so far; at its end, or
//! when it is told again, only what is new counts. So the sums are those of the segments, whenever and
//! however often somebody looked.
//!
//! All that is summed only grows, so what is new is a difference. Two numbers may shrink by a hair, as a wait
//! for a cpu is measured by another clock than a sleep: then what was told too early is taken off what comes
//! next, and the parts of the time never add up to more than there was.

use rustc_hash::FxHashMap;
use zerocopy::IntoBytes;

use crate::input::record::{
    BUCKETS, CALLS_AGAIN, CALLS_GOING, CALLS_RETURNED, CallsRecord, ERRORS, SegmentRecord,
};
use crate::input::snapshot::{CALLS_OWED, FLAG_ENDED, KIND_REPORTED};
use crate::input::write::RecordWriter;

/// No segment that was shorter was told before its end. The kernel asks for more (`NT_SAMPLE_NS`), by a clock
/// that it read a little later.
const SHORTEST: u64 = 400_000_000;
/// Bytes for all of it, roughly.
const BYTES: usize = 64 << 20;
/// What was not told again for so long is of a thread whose end was lost.
const STALE: u64 = 60_000_000_000;
/// Nobody looks at a segment for so long after its end.
const ENDED: u64 = 1_000_000_000;
/// Calls that are owed at once.
const OWED: usize = 4;

/// What was told of the segments that go on.
#[derive(Debug)]
pub(crate) struct Told {
    threads: FxHashMap<(u32, u32), Thread>,
    bytes: usize,
    limit: usize,
    /// When it was last looked for what is stale.
    swept: u64,
    untold: u64,
    /// The news at hand; kept for its room.
    calls: Vec<CallsRecord>,
}

/// What was told of one thread's segment.
#[derive(Debug)]
struct Thread {
    /// The sums; of the head only the time counts.
    sums: SegmentRecord,
    calls: Vec<CallsRecord>,
    /// The call it was in, and when that began.
    going: Option<(u64, CallsRecord)>,
    /// Calls it was in, which are not among those that returned as far as that was told.
    owed: Vec<CallsRecord>,
    /// What is told of it from now on was overtaken by its end.
    ended: bool,
}

/// What is new in a segment.
#[derive(Debug)]
pub(crate) struct News<'a> {
    /// From the time it was told last to now.
    pub(crate) segment: SegmentRecord,
    pub(crate) calls: &'a [CallsRecord],
}

impl Default for Told {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

impl Told {
    fn new(limit: usize) -> Self {
        Self {
            threads: FxHashMap::default(),
            bytes: 0,
            limit,
            swept: 0,
            untold: 0,
            calls: Vec::new(),
        }
    }

    /// How often there was no room to remember what is told of a segment, which then counts at its end only.
    pub(crate) fn untold(&self) -> u64 {
        self.untold
    }

    /// What a segment that ended, or one that goes on, has that was not told; `None` if that is nothing.
    pub(crate) fn news<'a>(
        &'a mut self,
        segment: &SegmentRecord,
        calls: &'a [CallsRecord],
        so_far: bool,
    ) -> Option<News<'a>> {
        let key = (segment.head.pid, segment.head.tid);
        let whole = News {
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
                self.untold = self.untold.saturating_add(1);
                return None;
            }
            let mut thread = Thread::new(segment);
            let news = thread.add(segment, calls, false, &mut self.calls);
            self.bytes += thread.bytes();
            self.threads.insert(key, thread);
            return Some(News {
                segment: news,
                calls: &self.calls,
            });
        };
        if so_far && (known.ended || segment.head.ts < known.sums.head.ts) {
            return None;
        }
        self.bytes -= known.bytes();
        let news = known.add(segment, calls, !so_far, &mut self.calls);
        if so_far {
            self.bytes += known.bytes();
        } else {
            self.threads.remove(&key);
            self.end(key, segment);
        }
        Some(News {
            segment: news,
            calls: &self.calls,
        })
    }

    /// Remembers that the segment has ended: somebody may have looked at it at that very time.
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

    /// A thread of a process bears the process's id from now on. Who bore it has ended.
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
            self.untold = self.untold.saturating_add(1);
            return;
        }
        let thread = Thread::told(segment, calls);
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
            going: None,
            owed: Vec::new(),
            ended: false,
        }
    }

    /// Writes what was reported: the calls that returned, those that are owed, the one that goes on.
    fn write(&self, pid: u32, tid: u32, to: &mut RecordWriter<'_>) {
        let owed = self.owed.iter().map(|of| CallsRecord {
            flags: of.flags | CALLS_OWED,
            ..*of
        });
        let going = self.going.iter().map(|(_, of)| *of);
        let calls: Vec<_> = self
            .calls
            .iter()
            .copied()
            .chain(owed)
            .chain(going)
            .collect();
        let mut record = self.sums;
        record.calls = calls.len() as u32;
        // A thread that called exec bears another id since.
        (record.head.pid, record.head.tid) = (pid, tid);
        record.head.flags = if self.ended { FLAG_ENDED } else { 0 };
        to.write(KIND_REPORTED, &record, &[calls.as_bytes()]);
    }

    /// From such a record.
    fn told(segment: &SegmentRecord, calls: &[CallsRecord]) -> Self {
        let mut thread = Self {
            sums: SegmentRecord {
                calls: 0,
                ..*segment
            },
            calls: Vec::new(),
            going: None,
            owed: Vec::new(),
            ended: segment.head.flags & FLAG_ENDED != 0,
        };
        for of in calls {
            if of.flags & CALLS_OWED != 0 {
                thread.owed.push(CallsRecord {
                    flags: of.flags & !CALLS_OWED,
                    ..*of
                });
            } else if of.flags & CALLS_GOING != 0 {
                thread.going = Some((segment.head.ts.saturating_sub(of.time), *of));
            } else {
                thread.calls.push(*of);
            }
        }
        thread.owed.truncate(OWED);
        thread
    }

    fn bytes(&self) -> usize {
        // Half of a hash table may be empty.
        2 * size_of::<Self>()
            + (self.calls.capacity() + self.owed.capacity()) * size_of::<CallsRecord>()
    }

    /// Takes in what the segment came to; returns what is new of it, its calls in `news`.
    fn add(
        &mut self,
        now: &SegmentRecord,
        calls: &[CallsRecord],
        ends: bool,
        news: &mut Vec<CallsRecord>,
    ) -> SegmentRecord {
        let segment = self.segment(now);
        news.clear();
        let (returned, going) = match calls.split_last() {
            Some((last, returned)) if last.flags & CALLS_GOING != 0 => (returned, Some(last)),
            _ => (calls, None),
        };
        self.calls
            .reserve_exact(returned.len().saturating_sub(self.calls.len()));
        for (at, of) in returned.iter().enumerate() {
            if self.calls.len() == at {
                self.calls.push(of.none_of());
            }
            if let Some(told) = self.calls.get_mut(at) {
                news.push(told.grow(of));
            }
        }
        let began = |of: &CallsRecord| now.head.ts.saturating_sub(of.time);
        match (self.going.as_mut(), going) {
            (Some((since, told)), Some(of)) if *since == began(of) => news.push(told.grow(of)),
            (_, going) => {
                if let Some((_, told)) = self.going.take() {
                    if self.owed.len() == OWED {
                        news.push(has_returned(&self.owed.remove(0)));
                    }
                    self.owed.push(told);
                }
                if let Some(of) = going {
                    let mut told = of.none_of();
                    news.push(told.grow(of));
                    self.going = Some((began(of), told));
                }
            }
        }
        self.owed.retain_mut(|told| {
            !(told.pay(news) || ends) || {
                news.push(has_returned(told));
                false
            }
        });
        news.retain(|of| !of.is_empty());
        segment
    }

    fn segment(&mut self, now: &SegmentRecord) -> SegmentRecord {
        let told = &mut self.sums;
        let mut new = *now;
        new.since = told.head.ts;
        told.head.ts = now.head.ts;
        let wall = now.head.ts.saturating_sub(new.since);
        [new.blocked, new.runnable] = shares(
            wall,
            [
                (now.blocked, &mut told.blocked),
                (now.runnable, &mut told.runnable),
            ],
        );
        let on_cpu = wall - new.blocked - new.runnable;
        new.kernel = grow(&mut told.kernel, now.kernel, on_cpu);
        new.fault = grow(&mut told.fault, now.fault, new.blocked);
        new.other_time = grow(&mut told.other_time, now.other_time, u64::MAX);
        for (new, told, now) in [
            (&mut new.other, &mut told.other, now.other),
            (&mut new.voluntary, &mut told.voluntary, now.voluntary),
            (&mut new.involuntary, &mut told.involuntary, now.involuntary),
            (&mut new.minor, &mut told.minor, now.minor),
            (&mut new.major, &mut told.major, now.major),
        ] {
            *new = count(told, now);
        }
        new
    }
}

/// That a call which was told while it went on has returned.
fn has_returned(told: &CallsRecord) -> CallsRecord {
    CallsRecord {
        flags: told.flags & !CALLS_GOING | CALLS_RETURNED,
        ..*told
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

    /// Takes off what was told of a call while it went on, now that all of it is among the news. Returns
    /// whether it is.
    fn pay(&mut self, news: &mut [Self]) -> bool {
        let kind = |of: &Self| (of.file, of.flags & !CALLS_GOING);
        let same = |of: &Self| {
            of.nr == self.nr && of.count > 0 && of.flags & CALLS_AGAIN == 0 && of.time >= self.time
        };
        // The file may be known only since it returned, or have found no room.
        let found = news
            .iter()
            .position(|of| same(of) && kind(of) == kind(self));
        let Some(at) = found.or_else(|| news.iter().position(same)) else {
            return false;
        };
        let of = &mut news[at];
        of.time -= self.time;
        [of.blocked, of.runnable] = shares(
            of.time,
            [
                (of.blocked, &mut self.blocked.clone()),
                (of.runnable, &mut self.runnable.clone()),
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
        for (new, (told, now)) in new.errors.iter_mut().zip(pairs) {
            *new = count(told, now);
        }
        let pairs = self.buckets.iter_mut().zip(now.buckets);
        for (new, (told, now)) in new.buckets.iter_mut().zip(pairs) {
            *new = count(told, now);
        }
        new
    }
}

/// What a sum has more than was told of it, no more than `most`; from now on that is told too.
fn grow(told: &mut u64, now: u64, most: u64) -> u64 {
    let new = now.saturating_sub(*told).min(most);
    *told += new;
    new
}

/// The same of two parts of a time that was `whole`. What one has less than was told, the other has less too.
fn shares(whole: u64, parts: [(u64, &mut u64); 2]) -> [u64; 2] {
    let [(a, told_a), (b, told_b)] = parts;
    let most = whole.min((a.saturating_add(b)).saturating_sub(told_a.saturating_add(*told_b)));
    let new_a = grow(told_a, a, most);
    let new_b = grow(told_b, b, most - new_a);
    [new_a, new_b]
}

/// The same of a counter, which may have run over.
fn count(told: &mut u32, now: u32) -> u32 {
    let new = now.wrapping_sub(*told);
    // More in one second than half of what it can count is less: it was read while it began anew.
    if new > u32::MAX / 2 {
        return 0;
    }
    *told = now;
    new
}

#[cfg(test)]
mod tests;
