//! From events to closed spans.
//!
//! ```
//! use nulltrace_core::spans::correlate::Correlator;
//! use nulltrace_core::spans::matcher::Limits;
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::spans::span::Closed;
//!
//! let write = |ts, bytes| Event {
//!     ts, pid: 1, tid: 1, number: 0,
//!     what: What::Write { bytes, beyond: 0, continues: false },
//! };
//! let mut correlator = Correlator::new(Limits::default());
//! let mut spans = Vec::new();
//! let mut out = |span: &Closed| spans.push(span.clone());
//! correlator.push(&write(100, b">:t:checkout::"), &mut out);
//! correlator.push(&write(110, b">:t:checkout.pay:cart=7:"), &mut out);
//! correlator.push(&write(150, b"<:t:checkout.pay::"), &mut out);
//! correlator.push(&write(160, b"<:t:checkout::"), &mut out);
//! assert_eq!(spans[0].tags.canonical(), b"checkout.pay");
//! assert_eq!(spans[0].parent, Some(spans[1].seq));
//! assert_eq!((spans[1].duration(), spans[1].self_ns()), (60, 20));
//! assert!(correlator.ledger().check().is_ok());
//! ```

mod single;
mod snapshot;
mod writes;

use std::sync::Arc;

use nulltrace_spec::{Dir, Joined};
use rustc_hash::FxHashSet;

use crate::activity::divide::{Part, divide};
use crate::activity::reported::{Delta, Reported};
use crate::activity::{InSpan, Inside, Times, When};
use crate::facts::file::{File, Files};
use crate::facts::path::TagPath;
use crate::facts::process::{Process, Processes};
use crate::input::event::{EndedBy, Event, What};
use crate::input::fragments::Fragments;
use crate::input::record::{CALLS_HELD, CallsRecord, FileId, Stops};
use crate::input::write::unpadded;
use crate::ledger::{Ledger, Lost, Markers};
use crate::spans::consumer::{Consumer, Malformed, Wants};
use crate::spans::history::{Held, Reached};
use crate::spans::matcher::{About, Limits, OpenSpan, Restoring, Spans, Writer};
use crate::spans::span::{Closed, Open};
use crate::spans::table::Place;
use crate::spans::waiting::{Waiting, Whole};

/// Turns events into closed spans. Feed it events in order of time (see [`crate::input::order`]).
///
/// Memory is bounded by [`Limits`], whatever is written. Events out of order do no harm but to the
/// spans they belong to.
#[derive(Debug)]
pub struct Correlator {
    fragments: Fragments,
    state: State,
    /// Until something happens, it can begin with a snapshot.
    restoring: Option<Box<Restoring>>,
}

/// All state but the fragments, which hand over the markers they hold.
#[derive(Debug)]
struct State {
    processes: Processes,
    files: Files,
    /// The files of the current segment's calls; kept for its allocation.
    named: Vec<Option<Arc<File>>>,
    spans: Spans,
    reached: Reached,
    reported: Reported,
    /// Segments whose marker is still to come.
    waiting: Waiting,
    markers: Markers,
    /// What sources reported as lost.
    losses: Lost,
    /// Of which before the snapshot that this began with.
    lost_before: Lost,
    /// Time of threads while they had no span open.
    outside: Times,
    /// Calls inside spans for which segments had no room.
    slots: u64,
    /// Segments in more spans than they are added to.
    deep: u64,
    /// Threads within a marker, of those whose markers were joined before.
    within: FxHashSet<(u32, u32)>,
    /// Unfinished markers given up for want of room.
    fragments: u64,
    /// Bytes of markers' writes behind those that are seen.
    beyond: u64,
    /// Records of snapshots that contradict themselves or others, or were too many.
    refused: u64,
}

impl Correlator {
    /// A correlator that has seen nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            fragments: Fragments::new(limits.fragments),
            state: State {
                processes: Processes::default(),
                files: Files::default(),
                named: Vec::new(),
                spans: Spans::new(limits),
                reached: Reached::new(limits.reach),
                reported: Reported::default(),
                waiting: Waiting::default(),
                markers: Markers::default(),
                losses: Lost::default(),
                lost_before: Lost::default(),
                outside: Times::NONE,
                slots: 0,
                deep: 0,
                within: FxHashSet::default(),
                fragments: 0,
                beyond: 0,
                refused: 0,
            },
            restoring: Some(Box::default()),
        }
    }

    /// Takes in one event.
    pub fn push(&mut self, event: &Event<'_>, out: &mut impl Consumer) {
        // What was given up was so before the event that follows let time pass.
        if !event.what.is_apart() {
            self.expire(event.ts, out);
        }
        if self.restoring.is_some() {
            self.end_snapshot(&event.what);
        }
        let state = &mut self.state;
        let Event {
            ts,
            pid,
            tid,
            number,
            what,
        } = *event;
        let is_fact = what.is_fact();
        if is_fact && out.wants().any_of(Wants::FACT) {
            out.fact(event);
        }
        match what {
            What::Write { bytes, beyond, .. } => self.write(event, bytes, beyond, out),
            What::Marker { .. }
            | What::Refused { .. }
            | What::WriteBegins
            | What::WriteEnds { .. }
            | What::GivenUp
            | What::Time => self.push_joined(event, out),
            What::Segment {
                segment,
                calls,
                so_far,
                by,
            } => {
                let whole = Whole { segment, calls, by };
                // The marker that ended it has a number of its own.
                if by != EndedBy::Marker {
                    state.spans.numbered(pid, tid, number, false);
                }
                // Within a marker that comes in parts, all of its segments wait: it bears the time of its first
                // part, so what came after is of what it leaves open. What is sampled is reported again.
                let within = self.fragments.has((pid, tid)) || state.is_within(pid, tid);
                if !within {
                    state.settle(pid, tid, out);
                }
                // Where spans have what others than their thread did, the time alone decides.
                let by_marker = by == EndedBy::Marker && !state.reached.is_wide();
                match (within || by_marker, so_far) {
                    (true, false) => state.wait(&whole, out),
                    (true, true) if within => {}
                    _ => state.segment(&whole, so_far, About::Innermost, out),
                }
            }
            What::LeftOut { wall } => state.spans.left_out(pid, tid, wall),
            What::NextSpan { seq } => state.spans.next_is(seq),
            What::File { file, names } => state.files.learn(file, names),
            What::Command { args } => state.processes.command(pid, args),
            What::Cgroup { id, names } => state.processes.cgroup(id, names),
            What::Snapshot { kind, record } => self.restore(event, kind, record, out),
            // In the middle of a stream nothing is known by it that was not known before.
            What::Process { facts, .. } if facts.is_again() && self.restoring.is_none() => {}
            What::Process { facts, exec } => {
                if exec && tid != pid {
                    // What its first thread did was of the program that was there before.
                    let each =
                        |joined: Joined<'_>| state.unfinished((pid, pid), &joined, Some(ts), out);
                    self.fragments.end((pid, pid), each);
                    state.settle(pid, pid, out);
                }
                if state.processes.learn(facts) {
                    let out = &mut watched(&mut state.reached, out);
                    state.spans.process_gone(pid, ts, out);
                }
                if exec && tid != pid {
                    self.fragments.rename((pid, tid), (pid, pid));
                    if state.within.remove(&(pid, tid)) {
                        state.within.insert((pid, pid));
                    }
                    state.waiting.rename(pid, tid);
                    state.reported.rename(pid, tid);
                }
                if exec {
                    let out = &mut watched(&mut state.reached, out);
                    state.spans.exec(pid, tid, ts, out);
                }
            }
            What::Gone => state.gone(pid, ts, out),
            What::User { .. }
            | What::Parent { .. }
            | What::Member { .. }
            | What::Container { .. }
            | What::Host { .. }
            | What::Run { .. }
            | What::CallNames { .. }
            | What::Clock { .. }
            | What::Layout => {}
            What::Syscall { .. }
            | What::Switch(_)
            | What::Wakeup { .. }
            | What::Block(_)
            | What::Irq { .. } => state.single(event, out),
            What::Losses { causes } => {
                for loss in causes {
                    state.losses.set(unpadded(&loss.cause), loss.known().into());
                }
            }
            What::Fork { child } => {
                if state.processes.born(child, ts) {
                    let out = &mut watched(&mut state.reached, out);
                    state.spans.process_gone(child, ts, out);
                }
            }
            What::Exit { signal, group, .. } => {
                let each =
                    |joined: Joined<'_>| state.unfinished((pid, tid), &joined, Some(ts), out);
                self.fragments.end((pid, tid), each);
                state.within.remove(&(pid, tid));
                state.settle(pid, tid, out);
                // What waited was before the markers that are missing.
                state.spans.numbered(pid, tid, number, false);
                state.exit(pid, tid, ts, signal, group, out);
            }
        }
    }

    /// Lets time pass: ends what was open for too long and gives up markers that stayed unfinished.
    /// [`push`](Self::push) does so too; this is for when no events come. Then `out` has a tick.
    pub fn tick(&mut self, now: u64, out: &mut impl Consumer) {
        self.expire(now, out);
        out.tick(now);
    }

    fn expire(&mut self, now: u64, out: &mut impl Consumer) {
        let state = &mut self.state;
        self.fragments.expire(now, |(pid, tid), joined| {
            match joined {
                Some(joined) => state.unfinished((pid, tid), &joined, None, out),
                None => state.given_up(now, (pid, tid), out),
            }
            state.settle(pid, tid, out);
        });
        state
            .spans
            .expire(now, &mut watched(&mut state.reached, out));
    }

    /// Nothing more will come: unfinished markers are refused, and spans whose process ended without
    /// them end. What else is open stays open, and is counted so.
    pub fn finish(&mut self, now: u64, out: &mut impl Consumer) {
        self.expire(now, out);
        let state = &mut self.state;
        self.fragments
            .finish(|thread, joined| state.unfinished(thread, &joined, Some(now), out));
        while let Some((pid, tid)) = state.waiting.any() {
            state.settle(pid, tid, out);
        }
        state.spans.finish(&mut watched(&mut state.reached, out));
        out.tick(now);
    }

    /// The account so far, with what sources reported as lost. What the reordering and sinks count is not in it.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            markers: self.state.markers.clone(),
            spans: self.state.spans.counts().clone(),
            lost: self.lost(),
        }
    }

    /// What was lost so far, as in the [`ledger`](Self::ledger).
    #[must_use]
    pub fn lost(&self) -> Lost {
        let mut lost = self.state.losses.since(&self.state.lost_before);
        lost.slots = lost.slots.saturating_add(self.state.slots);
        lost.depth = lost.depth.saturating_add(self.state.deep);
        lost.fragments = lost.fragments.saturating_add(self.state.fragments);
        lost.long_write_bytes = lost.long_write_bytes.saturating_add(self.state.beyond);
        lost.history = lost.history.saturating_add(self.state.reached.forgotten());
        lost.segment += self.state.reported.unreported();
        lost.bad_record = lost.bad_record.saturating_add(self.state.refused);
        lost
    }

    /// Where the time of threads that wrote markers went while they had no span open.
    #[must_use]
    pub fn outside(&self) -> &Times {
        &self.state.outside
    }

    /// The processes that opened what is open, each once.
    #[must_use]
    pub fn processes_with_open(&self) -> Vec<u32> {
        self.state.spans.processes()
    }

    /// How many spans are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.state.spans.counts().open
    }

    /// The tag paths of open spans, each with those spans. With their `times` each span is visited, without
    /// each path.
    pub fn open_by_tags(&self, times: bool) -> impl Iterator<Item = (&Arc<TagPath>, Open)> {
        self.state.spans.open_by_tags(times)
    }

    /// The open spans, the one opened first first.
    pub fn open_by_age(&self) -> impl Iterator<Item = OpenSpan<'_>> {
        self.state.spans.by_age()
    }

    /// The facts of a process, if they came and it did not end.
    pub fn process(&mut self, pid: u32) -> Option<&Arc<Process>> {
        self.state.processes.get(pid)
    }
}

/// Passes spans that end to `out`, and to the memory of what is open.
fn watched(reached: &mut Reached, out: &mut impl Consumer) -> impl FnMut(&Closed) {
    |span| {
        if reached.is_wide() {
            reached.closed(span);
        }
        out.closed(span);
    }
}

/// All open spans of these paths.
fn in_paths(paths: &[Arc<TagPath>]) -> Vec<InSpan<'_>> {
    let changed = paths.iter().any(|path| path.shown_otherwise().is_some());
    let mut spans: Vec<InSpan<'_>> = Vec::with_capacity(paths.len());
    for path in paths {
        spans.push(InSpan {
            // Each is there once, but some may be shown alike.
            repeated: changed && spans.iter().any(|known| known.path.is_shown_as(path)),
            ..InSpan::of_path(path)
        });
    }
    spans
}

/// Passes a segment and its calls to the consumers that want them.
fn give(inside: &Inside<'_>, out: &mut impl Consumer) {
    out.inside(inside);
    if out.wants().any_of(Wants::CALL) {
        for call in inside.calls {
            out.call(call, inside);
        }
    }
}

impl State {
    /// Whether a thread is within a marker that was joined before.
    #[inline]
    fn is_within(&self, pid: u32, tid: u32) -> bool {
        !self.within.is_empty() && self.within.contains(&(pid, tid))
    }

    #[inline]
    fn marker(
        &mut self,
        pid: u32,
        tid: u32,
        number: u32,
        joined: &Joined<'_>,
        out: &mut impl Consumer,
    ) {
        let process = self.processes.who(pid);
        let ts = joined.ts;
        self.markers.seen += 1;
        let marker = match &joined.marker {
            Ok(marker) => marker,
            Err(error) => {
                self.markers.refuse(error.code);
                out.malformed(&Malformed {
                    ts,
                    pid,
                    tid,
                    process,
                    bytes: joined.bytes,
                    error: *error,
                });
                return;
            }
        };
        self.markers.cut += u64::from(marker.cut);
        let ppid = process.map(|process| process.ppid);
        let writer = Writer {
            ts,
            place: Place {
                pid,
                tid,
                ppid,
                uid: process.map(|process| process.uid),
            },
            number,
        };
        match marker.dir {
            Dir::Enter => {
                self.markers.enter += 1;
                let opening =
                    self.spans
                        .enter(&writer, marker, &mut watched(&mut self.reached, out));
                self.before(&writer, opening.about(), out);
                let process = self.processes.who(pid);
                self.spans.open(opening, &writer, marker.id, process);
                self.opened(ppid, out);
                self.entered(&writer, joined, out);
            }
            Dir::Exit => {
                self.markers.exit += 1;
                match self.spans.ended_by(&writer, marker) {
                    None => {
                        self.markers.unmatched_exit += 1;
                        let expired = self.spans.is_after_expiry(&writer, marker);
                        self.markers.unmatched_after_expiry += u64::from(expired);
                        self.unmatched(&writer, joined, out);
                    }
                    Some(slot) => {
                        self.before(&writer, About::Span(slot), out);
                        let parent = self.spans.parent(slot);
                        self.spans
                            .exit(slot, ts, marker, &mut watched(&mut self.reached, out));
                        self.exited(&writer, joined, parent, out);
                    }
                }
            }
        }
    }

    /// Passes the span that was opened last to `out`, and to the memory of what is open.
    #[inline]
    fn opened(&mut self, ppid: Option<u32>, out: &mut impl Consumer) {
        let wanted = out.wants().any_of(Wants::OPENED);
        if (wanted || self.reached.is_wide())
            && let Some(span) = self.spans.newest()
        {
            if self.reached.is_wide() {
                let OpenSpan {
                    pid,
                    start,
                    seq,
                    tags,
                    ..
                } = span;
                self.reached.opened(pid, ppid, start, seq, tags);
            }
            if wanted {
                out.opened(&span);
            }
        }
    }

    /// Keeps a segment until its marker comes, or the rest of it.
    #[inline]
    fn wait(&mut self, whole: &Whole<'_>, out: &mut impl Consumer) {
        if let Some((pid, tid)) = self.waiting.add(*whole) {
            self.settle(pid, tid, out);
        }
    }

    /// The segment that a marker ended, now that it is known what that is about. Those between the parts of the
    /// marker come after it.
    #[inline(always)]
    fn before(&mut self, writer: &Writer, about: About, out: &mut impl Consumer) {
        if self.waiting.is_empty() {
            return;
        }
        let (Place { pid, tid, .. }, ts) = (writer.place, writer.ts);
        if let Some(waited) = self.waiting.take(pid, tid, ts) {
            self.segment(&waited.whole(), false, about, out);
            self.waiting.done(waited);
        }
    }

    /// No marker comes for the segments of a thread that wait.
    #[inline(always)]
    fn settle(&mut self, pid: u32, tid: u32, out: &mut impl Consumer) {
        if !self.waiting.is_empty() {
            self.settle_all(pid, tid, out);
        }
    }

    fn settle_all(&mut self, pid: u32, tid: u32, out: &mut impl Consumer) {
        while let Some(waited) = self.waiting.take(pid, tid, u64::MAX) {
            self.segment(&waited.whole(), false, About::Innermost, out);
            self.waiting.done(waited);
        }
    }

    fn segment(&mut self, whole: &Whole<'_>, so_far: bool, about: About, out: &mut impl Consumer) {
        let Whole { segment, calls, by } = *whole;
        let (pid, tid) = (segment.head.pid, segment.head.tid);
        let Some(Delta { segment, calls }) = self.reported.delta(segment, calls, so_far) else {
            return;
        };
        let mut times = Times::from(&segment);
        self.named.clear();
        let mut flags = 0;
        for call in calls {
            flags |= call.flags;
            let file = (call.file != FileId::NONE).then(|| self.files.get(call.file));
            self.named.push(file);
        }
        let mut counted = Vec::new();
        let calls = match flags & CALLS_HELD {
            0 => calls,
            // Rare: some are no calls.
            _ => {
                times.stops = Stops::of(calls, times.fault);
                counted.extend(calls.iter().filter(|call| !call.is_held()).copied());
                let mut each = calls.iter();
                self.named
                    .retain(|_| each.next().is_some_and(|call| !call.is_held()));
                &counted[..]
            }
        };
        let inside = Inside {
            pid,
            tid,
            process: self.processes.get(pid),
            spans: &[],
            wide: false,
            when: When::default(),
            times: &times,
            calls,
            files: &self.named,
        };
        if !self.reached.is_wide() {
            let (spans, deep) = self.spans.segment(about, pid, tid, segment.since, &times);
            self.deep += u64::from(deep);
            match spans.is_empty() {
                true => self.outside.add(&times),
                false => self.slots = self.slots.saturating_add(segment.other.into()),
            }
            let spans = &spans;
            let when = When {
                from: segment.since,
                to: segment.head.ts,
                ..When::default()
            };
            give(
                &Inside {
                    spans,
                    when,
                    ..inside
                },
                out,
            );
            return;
        }
        let ppid = inside.process.map(|process| process.ppid);
        let (since, end) = (segment.since, segment.head.ts);
        let stretches = self.reached.stretches(pid, ppid, since, end);
        let (outside, slots) = (&mut self.outside, &mut self.slots);
        let mut each = |held: &Held, when: When<'_>, times: &Times, calls: &[CallsRecord]| {
            self.deep += u64::from(held.deep);
            if held.paths.is_empty() {
                outside.add(times);
            }
            let inside = Inside {
                spans: &in_paths(&held.paths),
                wide: true,
                when: When {
                    open: &held.single,
                    ..when
                },
                times,
                calls,
                ..inside
            };
            give(&inside, out);
        };
        let [first, changes @ ..] = &stretches[..] else {
            return;
        };
        if !first.held.paths.is_empty() {
            *slots = slots.saturating_add(segment.other.into());
        }
        let whole = When {
            from: since,
            to: end,
            ..When::default()
        };
        let Some(change) = changes.first() else {
            each(&first.held, whole, &times, calls);
            return;
        };
        let mut ends: Vec<u64> = changes.iter().map(|change| change.from - since).collect();
        ends.push(end - since);
        let parts = divide(&times, calls, &ends, change.by_marker, by);
        for (at, (stretch, Part { times, calls })) in stretches.iter().zip(&parts).enumerate() {
            let next = stretches.get(at + 1);
            let when = When {
                from: stretch.from,
                to: next.map_or(end, |next| next.from),
                goes_on: next.is_some(),
                ..whole
            };
            each(&stretch.held, when, times, calls);
        }
    }

    /// A process is gone, and its end did not come: ends what it left open.
    fn gone(&mut self, pid: u32, ts: u64, out: &mut impl Consumer) {
        self.processes.died(pid);
        let out = &mut watched(&mut self.reached, out);
        self.spans.process_gone(pid, ts, out);
    }

    fn exit(
        &mut self,
        pid: u32,
        tid: u32,
        ts: u64,
        signal: u8,
        group: bool,
        out: &mut impl Consumer,
    ) {
        self.reported.thread_exit(pid, tid);
        let out = &mut watched(&mut self.reached, out);
        if group {
            self.processes.died(pid);
            let killed = signal != 0;
            self.spans
                .process_exit(pid, ts, killed, &mut self.processes, out);
        } else {
            self.spans.thread_exit(pid, tid, ts, out);
        }
    }
}
