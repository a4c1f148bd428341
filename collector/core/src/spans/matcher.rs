//! Open spans: matching, nesting, and the ends that are inferred.
//!
//! An exit closes the span of its id and tags that was opened last on the same thread; else in the
//! same process; else by processes of the same parent; else anywhere. Other processes' only if the id is
//! none of theirs, `t` or `p`, and the user is the same.
//!
//! The parent of a span is the one its marker names. Where it says nothing of it, the parent is found
//! by the rule above, among spans of the same id with one tag less; else it is the innermost of the thread:
//! the one opened last of those still open on it, none of whose own parents has ended.
//!
//! Where markers of a thread were lost, the ends of its open spans may be among them. Those whose ids are
//! no unique numbers are parents of nothing from then on, and how long they took is not known, whatever
//! ends them.
//!
//! A thread that ends takes with it the spans it opened with the id `t`; a process those with `t` and
//! `p`, and all of them if a signal killed it. The others outlive it, as orphans: `/bin/echo` may
//! open a span and another `/bin/echo` close it. Orphans have no thread and no process any more, so
//! they match by parent process or anywhere; they then belong to the parent process and, when
//! that ends, end with it, at the time their own process did.

mod around;
mod ends;
mod expired;
mod inside;
mod snapshot;

pub(crate) use snapshot::Restoring;

use std::sync::Arc;

use nulltrace_spec::{Args, Id, Marker, Parent};
use rustc_hash::FxHashMap;

use self::expired::Expired;
use super::slot::Slot;
use super::table::{self, Place, Scope, Table};
use super::times::Inside;
use crate::activity::{Reach, SpanTimes};
use crate::facts::args::ArgList;
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::facts::tags::{Interner, TagId};
use crate::ledger;
use crate::spans::span::{Closed, End, Open};

/// How much may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open spans; the oldest is evicted to make room for another.
    pub open: usize,
    /// Bytes of tags and arguments of open spans; the same.
    pub bytes: usize,
    /// How long a span may be open, nanoseconds.
    pub age: u64,
    /// Tag paths that are kept though no span has them.
    pub tags: usize,
    /// Threads of which an unfinished marker is kept.
    pub fragments: usize,
    /// Whose activity counts toward a span.
    pub reach: Reach,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: 1_000_000,
            bytes: 256 << 20,
            age: 3_600_000_000_000,
            tags: 1 << 16,
            fragments: 4096,
            reach: Reach::Thread,
        }
    }
}

/// Memory of tag paths no span has, for each that is allowed, in bytes.
const IDLE_TAG_BYTES: usize = 512;

/// Who wrote a marker, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    pub(super) ts: u64,
    pub(super) place: Place,
    /// Of the thread's last marker, where it is known.
    pub(super) number: u32,
}

impl Writer {
    /// When, the process and the thread.
    pub(super) const fn who(&self) -> (u64, u32, u32) {
        (self.ts, self.place.pid, self.place.tid)
    }

    /// Without a known parent process `pp` stays what it is: an id of its own, that matches itself.
    fn resolve(&self, id: Id) -> Id {
        let Place { pid, tid, ppid, .. } = self.place;
        match (id, ppid) {
            (Id::Parent, None) => id,
            _ => id.resolve(tid, pid, ppid.unwrap_or(0)),
        }
    }
}

/// The widest scope of a marker with an id written so: a thread and a process number their own spans only.
fn scope(id: Id) -> Scope {
    match id {
        Id::Thread | Id::Process => Scope::Process,
        _ => Scope::User,
    }
}

/// The span that a marker is about, as far as the stretch before it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The span that it ends, or the parent that it names.
    Span(Slot),
    /// None: what the thread did is its innermost span's.
    Innermost,
}

/// A span that is about to be opened.
#[derive(Debug)]
pub(crate) struct Opening {
    id: Id,
    tag: TagId,
    args: ArgList,
    parent: Option<Slot>,
    /// Whether the parent was guessed.
    guessed: bool,
}

impl Opening {
    pub(crate) fn about(&self) -> About {
        match self.parent {
            Some(slot) if !self.guessed => About::Span(slot),
            _ => About::Innermost,
        }
    }
}

/// A span that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSpan<'a> {
    /// Sequence number, from 1.
    pub seq: u64,
    /// Sequence number of the parent.
    pub parent: Option<u64>,
    /// The tag path.
    pub tags: &'a Arc<TagPath>,
    /// The id with `t`, `p`, `pp` resolved.
    pub id: Id,
    /// Process that opened it.
    pub pid: u32,
    /// Thread that opened it.
    pub tid: u32,
    /// What was known of that process then.
    pub process: Option<&'a Arc<Process>>,
    /// Arguments of its enter marker.
    pub args: &'a ArgList,
    /// When, `CLOCK_MONOTONIC` nanoseconds.
    pub start: u64,
    /// Where its thread's time went so far; `None` where activity is not observed.
    pub times: Option<SpanTimes>,
}

/// The open spans.
#[derive(Debug)]
pub(crate) struct Spans {
    table: Table,
    tags: Interner,
    limits: Limits,
    /// Bytes of packed arguments.
    args: usize,
    counts: ledger::Spans,
    /// Sequence number of the span opened last, those before a snapshot included.
    seq: u64,
    /// For packing arguments.
    scratch: Vec<u8>,
    /// For spans that end together.
    ending: Vec<Slot>,
    /// The span closed last: kept to be filled again, which is cheaper than a new one.
    closed: Closed,
    inside: Inside,
    expired: Expired,
}

impl Spans {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits {
            open: limits.open.clamp(1, u32::MAX as usize - 1),
            ..limits
        };
        let tags = Interner::new(limits.tags, limits.tags.saturating_mul(IDLE_TAG_BYTES));
        let closed = Closed {
            seq: 0,
            parent: None,
            parent_tags: None,
            tags: Arc::clone(tags.nothing()),
            id: Id::None,
            enter_args: ArgList::default(),
            exit_args: ArgList::default(),
            pid: 0,
            tid: 0,
            process: None,
            start: 0,
            end: 0,
            how: End::Exit,
            child_ns: 0,
            child_hits: 0,
            times: None,
        };
        Self {
            table: Table::new(),
            tags,
            limits,
            args: 0,
            counts: ledger::Spans::default(),
            seq: 0,
            scratch: Vec::new(),
            ending: Vec::new(),
            closed,
            inside: Inside::default(),
            expired: Expired::default(),
        }
    }

    pub(crate) fn counts(&self) -> &ledger::Spans {
        &self.counts
    }

    pub(crate) fn open_by_tags(&self, times: bool) -> impl Iterator<Item = (&Arc<TagPath>, Open)> {
        let timed = times.then(|| self.table.by_age());
        let mut times: FxHashMap<*const TagPath, SpanTimes> = FxHashMap::default();
        for (slot, span) in timed.into_iter().flatten() {
            let Some(span_times) = self.inside.times(&self.table, slot) else {
                break;
            };
            let path = Arc::as_ptr(self.tags.path(span.tag));
            times.entry(path).or_default().add(&span_times);
        }
        self.tags.all_open().map(move |(path, spans)| {
            let times = times.get(&Arc::as_ptr(path)).copied();
            let times = times.unwrap_or_default();
            (path, Open { spans, times })
        })
    }

    pub(crate) fn by_age(&self) -> impl Iterator<Item = OpenSpan<'_>> {
        self.table
            .by_age()
            .map(|(slot, span)| self.as_open(slot, span))
    }

    fn as_open<'a>(&'a self, slot: Slot, span: &'a table::Open) -> OpenSpan<'a> {
        OpenSpan {
            seq: span.seq,
            parent: span.parent_tag.map(|_| span.parent_seq),
            tags: self.tags.path(span.tag),
            id: span.id,
            pid: span.pid,
            tid: span.tid,
            process: span.process.as_ref(),
            args: &span.args,
            start: span.start,
            times: self.inside.times(&self.table, slot),
        }
    }

    /// An enter marker: makes room for its span and finds the parent. It must be [opened](Self::open) next.
    #[inline(always)]
    pub(crate) fn enter(
        &mut self,
        writer: &Writer,
        marker: &Marker<'_>,
        out: &mut impl FnMut(&Closed),
    ) -> Opening {
        let id = writer.resolve(marker.id);
        let tag = self.tags.acquire(&marker.tags);
        let (named, args) = marker.parent();
        let args = self.pack(&args);
        self.args += args.bytes();
        while self.is_full() && self.evict(writer.ts, out) {}

        let (parent, guessed) = match named {
            None => self.guess(writer, marker, id, tag),
            Some(Parent::Root) => (None, false),
            Some(named) => (self.named(named, writer), false),
        };
        Opening {
            id,
            tag,
            args,
            parent,
            guessed,
        }
    }

    /// The open span that a marker names as the parent.
    fn named(&mut self, parent: Parent, writer: &Writer) -> Option<Slot> {
        let found = match parent {
            Parent::Span(number) => self.table.numbered(number, &writer.place),
            Parent::Root | Parent::Unknown => None,
        };
        self.counts.parent_gone += u64::from(found.is_none());
        found
    }

    /// The parent where the marker says nothing of it, and whether that is only the innermost.
    #[inline]
    fn guess(
        &mut self,
        writer: &Writer,
        marker: &Marker<'_>,
        id: Id,
        tag: TagId,
    ) -> (Option<Slot>, bool) {
        let by_tags = self
            .tags
            .parent(tag, &marker.tags)
            .and_then(|tag| self.nearest(id, tag, &writer.place, scope(marker.id)))
            .filter(|&slot| !self.table.may_have_ended(slot));
        match by_tags {
            Some(slot) => (Some(slot), false),
            None => {
                let Place { pid, tid, .. } = writer.place;
                (self.table.innermost(pid, tid), true)
            }
        }
    }

    /// Opens the span of an enter marker.
    #[inline(always)]
    pub(crate) fn open(
        &mut self,
        opening: Opening,
        writer: &Writer,
        written: Id,
        process: Option<&Arc<Process>>,
    ) {
        let Opening {
            id,
            tag,
            args,
            parent,
            ..
        } = opening;
        let parent = parent.map(|slot| {
            let span = self.table.get(slot);
            (slot, span.seq, span.tag)
        });
        self.tags.opened(tag);
        self.counts.opened += 1;
        self.seq += 1;
        let seq = self.seq;
        let slot = self.table.insert(id, tag, &writer.place);
        let span = self.table.get_mut(slot);
        (span.seq, span.start) = (seq, writer.ts);
        span.process = process.map(Arc::clone);
        span.args = args;
        span.by_thread = written == Id::Thread;
        span.by_process = written == Id::Process;
        if let Some((parent, parent_seq, tag)) = parent {
            span.parent_tag = Some(tag);
            self.tags.hold(tag);
            if let Some(parent) = self.table.adopt(slot, parent, parent_seq) {
                parent.child_ns = parent.child_ns.wrapping_sub(writer.ts.cast_signed());
            }
        }
        if written != Id::Thread {
            self.table.share(slot);
        }
        self.table.is_numbered_from(slot, writer.number);
        self.inside.opened(&self.table, slot);
        self.counts.open = self.table.len() as u64;
    }

    /// A thread's record with the number of its last marker. Where some before it are missing, they were
    /// lost: what is open on the thread may have ended.
    #[inline]
    pub(crate) fn numbered(&mut self, pid: u32, tid: u32, number: u32, is_marker: bool) {
        if number == 0 {
            return;
        }
        let Some(thread) = self.table.thread(pid, tid) else {
            return;
        };
        let before = std::mem::replace(&mut thread.number, number);
        let missing = number
            .wrapping_sub(before)
            .wrapping_sub(u32::from(is_marker));
        if missing != 0 && before != 0 {
            thread.lost = self.seq;
        }
    }

    /// The span that is opened next has this number, if that is not less than it would be. One that could come to the
    /// end of numbers is made up.
    pub(crate) fn next_is(&mut self, seq: u64) {
        if seq <= u64::MAX / 2 {
            self.seq = self.seq.max(seq.saturating_sub(1));
        }
    }

    /// Whether a thread is idle, so that its calls need not be counted: it has no span open, nor has its
    /// process one that another thread than its own may end or work for.
    #[inline]
    pub(crate) fn check_idle(&mut self, pid: u32, tid: u32) -> bool {
        self.table.check_idle(pid, tid)
    }

    /// The processes that opened what is open, each once.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.table.processes().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The span opened last.
    pub(crate) fn newest(&self) -> Option<OpenSpan<'_>> {
        self.table
            .newest()
            .map(|(slot, span)| self.as_open(slot, span))
    }

    /// The open span that an exit marker ends, if there is one.
    #[inline(always)]
    pub(crate) fn ended_by(&mut self, writer: &Writer, marker: &Marker<'_>) -> Option<Slot> {
        let id = writer.resolve(marker.id);
        let tag = self.tags.find(&marker.tags)?;
        self.nearest(id, tag, &writer.place, scope(marker.id))
    }

    /// Whether an exit marker that matches no open span is that of one that expired.
    pub(crate) fn is_after_expiry(&mut self, writer: &Writer, marker: &Marker<'_>) -> bool {
        let id = writer.resolve(marker.id);
        !self.expired.is_empty() && self.expired.exit(id, &marker.tags.canonical())
    }

    /// Ends the span of an exit marker.
    #[inline(always)]
    pub(crate) fn exit(
        &mut self,
        slot: Slot,
        ts: u64,
        marker: &Marker<'_>,
        out: &mut impl FnMut(&Closed),
    ) {
        let args = self.pack(&marker.args);
        let how = if self.table.may_have_ended(slot) {
            self.counts.lost_exit += 1;
            End::Lost
        } else {
            End::Exit
        };
        self.close(slot, ts, how);
        self.closed.exit_args = args;
        out(&self.closed);
    }

    #[inline]
    fn pack(&mut self, args: &Args<'_>) -> ArgList {
        match args.is_empty() {
            true => ArgList::default(),
            false => ArgList::pack(args.iter(), &mut self.scratch),
        }
    }

    /// The span of that id and tags which was opened last in the nearest scope that has one.
    #[inline]
    fn nearest(&self, id: Id, tag: TagId, place: &Place, scope: Scope) -> Option<Slot> {
        if self.tags.open(tag) == 0 {
            return None;
        }
        self.table.nearest(id, tag, place, scope)
    }

    fn is_full(&self) -> bool {
        self.table.len() >= self.limits.open
            || self.args + self.tags.held_bytes() > self.limits.bytes
    }

    /// Ends a span and passes it to `out`.
    fn end(&mut self, slot: Slot, end: u64, how: End, out: &mut impl FnMut(&Closed)) {
        self.close(slot, end, how);
        out(&self.closed);
    }

    /// Takes a span out into `closed`, updates its parent, and counts its end.
    fn close(&mut self, slot: Slot, end: u64, how: End) {
        self.closed.times = self.inside.times(&self.table, slot);
        self.table.remove(slot);
        let Self {
            table,
            tags,
            closed,
            ..
        } = self;
        let span = table.get_mut(slot);
        closed.seq = span.seq;
        closed.parent = span.parent_tag.map(|_| span.parent_seq);
        share(&mut closed.tags, tags.path(span.tag));
        match (span.parent_tag, &mut closed.parent_tags) {
            (Some(tag), Some(path)) => share(path, tags.path(tag)),
            (tag, path) => *path = tag.map(|tag| Arc::clone(tags.path(tag))),
        }
        closed.id = span.id;
        closed.enter_args = std::mem::take(&mut span.args);
        closed.exit_args = ArgList::default();
        (closed.pid, closed.tid) = (span.pid, span.tid);
        closed.process = span.process.take();
        (closed.start, closed.end, closed.how) = (span.start, end, how);
        if span.has_child() {
            span.child_ns = span.child_ns.wrapping_add(end.cast_signed());
        }
        closed.child_ns = span.child_ns.max(0).cast_unsigned();
        closed.child_hits = span.child_hits.into();
        span.seq = 0;

        let (tag, parent_tag) = (span.tag, span.parent_tag);
        if let Some(parent) = table.leave_parent(slot) {
            if !parent.has_child() {
                parent.child_ns = parent.child_ns.wrapping_add(end.cast_signed());
            }
            parent.child_hits = parent.child_hits.saturating_add(1);
        }
        self.args -= closed.enter_args.bytes();
        tags.closed(tag);
        tags.release(tag);
        if let Some(tag) = parent_tag {
            tags.release(tag);
        }
        *match how {
            End::Exit => &mut self.counts.exit,
            End::ThreadExit => &mut self.counts.thread_exit,
            End::ProcessExit => &mut self.counts.process_exit,
            End::Expired => &mut self.counts.expired,
            End::Evicted => &mut self.counts.evicted,
            End::Lost => &mut self.counts.lost,
        } += 1;
        self.counts.open = self.table.len() as u64;
    }
}

/// Spans that follow one another mostly share their path: then there is nothing to count.
#[inline]
fn share(held: &mut Arc<TagPath>, path: &Arc<TagPath>) {
    if !Arc::ptr_eq(held, path) {
        *held = Arc::clone(path);
    }
}
