//! Open spans: matching, nesting, and the ends that are inferred.
//!
//! An exit closes the span of its id and tags that was opened last on the same thread; else in the
//! same process; else by processes of the same parent; else anywhere. The parent of a span is found
//! by the same rule, among spans of the same id with one tag less; else it is the span opened last
//! of those still open on the thread.
//!
//! A thread that ends takes with it the spans it opened with the id `t`; a process those with `t` and
//! `p`, and all of them if a signal killed it. The others outlive it, as orphans: `/bin/echo` may
//! open a span and another `/bin/echo` close it. Orphans have no thread and no process any more, so
//! they match by parent process or anywhere; they are in the care of the parent process and, when
//! that ends, end with it, at the time their own process did.

mod ends;
mod inside;
mod owners;
mod table;

use std::sync::Arc;

use nulltrace_spec::{Args, Id, Marker};
use rustc_hash::FxHashMap;

use crate::activity::{Reach, SpanTimes};
use crate::ledger;
use crate::span::{ArgList, Closed, End, Open, TagPath};
use crate::tags::{Interner, TagId};
use table::{Place, Slot, Table};

/// How much may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open spans; the oldest is evicted to make room for another.
    pub open: usize,
    /// Bytes of tags and arguments of open spans; the same.
    pub bytes: usize,
    /// How long a span may be open, nanoseconds.
    pub age: u64,
    /// Tag paths that are kept though no span bears them.
    pub tags: usize,
    /// Threads of which an unfinished marker is kept.
    pub fragments: usize,
    /// Whose doings belong to a span.
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

/// Memory of tag paths no span bears, for each that is allowed, in bytes.
const IDLE_TAG_BYTES: usize = 512;

/// Who wrote a marker, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) ts: u64,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    /// Unknown while no facts of the process came.
    pub(crate) ppid: Option<u32>,
    pub(crate) comm: &'a Arc<[u8]>,
}

impl Writer<'_> {
    fn place(&self) -> Place {
        Place {
            pid: self.pid,
            tid: self.tid,
            ppid: self.ppid,
        }
    }

    /// Without a known parent process `pp` stays what it is: an id of its own, that matches itself.
    fn resolve(&self, id: Id) -> Id {
        match (id, self.ppid) {
            (Id::Parent, None) => id,
            _ => id.resolve(self.tid, self.pid, self.ppid.unwrap_or(0)),
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
    /// Command name of that process then.
    pub comm: &'a [u8],
    /// When, `CLOCK_MONOTONIC` nanoseconds.
    pub start: u64,
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
    /// For packing arguments.
    scratch: Vec<u8>,
    /// For spans that end together.
    ending: Vec<Slot>,
    /// The span closed last: kept to be filled again, which is cheaper than to make it anew.
    closed: Closed,
    /// Of each slot, as far as segments came.
    times: Vec<SpanTimes>,
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
            comm: Arc::default(),
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
            scratch: Vec::new(),
            ending: Vec::new(),
            closed,
            times: Vec::new(),
        }
    }

    pub(crate) fn counts(&self) -> &ledger::Spans {
        &self.counts
    }

    pub(crate) fn open_by_tags(&self) -> impl Iterator<Item = (&Arc<TagPath>, Open)> {
        let mut times: FxHashMap<*const TagPath, SpanTimes> = FxHashMap::default();
        if !self.times.is_empty() {
            for (slot, span) in self.table.by_age() {
                if let Some(of) = self.times.get(slot as usize) {
                    let path = Arc::as_ptr(self.tags.path(span.tag));
                    times.entry(path).or_default().add(of);
                }
            }
        }
        self.tags.all_open().map(move |(path, spans)| {
            let times = times.get(&Arc::as_ptr(path)).copied();
            let times = times.unwrap_or_default();
            (path, Open { spans, times })
        })
    }

    pub(crate) fn by_age(&self) -> impl Iterator<Item = OpenSpan<'_>> {
        self.table.by_age().map(|(_, span)| OpenSpan {
            seq: span.seq,
            parent: span.parent_tag.map(|_| span.parent_seq),
            tags: self.tags.path(span.tag),
            id: span.id,
            pid: span.pid,
            tid: span.tid,
            comm: span.comm.as_deref().unwrap_or_default(),
            start: span.start,
        })
    }

    /// An enter marker.
    pub(crate) fn enter(
        &mut self,
        writer: &Writer<'_>,
        marker: &Marker<'_>,
        out: &mut impl FnMut(&Closed),
    ) {
        let id = writer.resolve(marker.id);
        let tag = self.tags.acquire(&marker.tags);
        let parent_tag = self.tags.parent(tag, &marker.tags);
        let args = self.pack(&marker.args);
        self.args += args.bytes();
        while self.is_full() && self.evict(writer.ts, out) {}

        let place = writer.place();
        let parent = parent_tag
            .and_then(|tag| self.nearest(id, tag, &place))
            .or_else(|| self.table.innermost(place.pid, place.tid));

        let parent = parent.map(|slot| {
            let span = self.table.get(slot);
            (slot, span.seq, span.tag)
        });
        self.tags.opened(tag);
        self.counts.opened += 1;
        let span = self.table.insert(id, tag, &place);
        span.seq = self.counts.opened;
        span.start = writer.ts;
        span.comm = Some(Arc::clone(writer.comm));
        span.args = args;
        span.by_thread = marker.id == Id::Thread;
        span.by_process = marker.id == Id::Process;
        if let Some((slot, seq, tag)) = parent {
            (span.parent, span.parent_seq) = (slot, seq);
            span.parent_tag = Some(tag);
            self.tags.hold(tag);
        }
        self.counts.open = self.table.len() as u64;
    }

    /// Whether a thread has a span open.
    pub(crate) fn has_open(&self, pid: u32, tid: u32) -> bool {
        self.table.innermost(pid, tid).is_some()
    }

    /// Sequence number and path of the span opened last.
    pub(crate) fn newest(&self) -> Option<(u64, &Arc<TagPath>)> {
        let span = self.table.newest()?;
        Some((span.seq, self.tags.path(span.tag)))
    }

    /// An exit marker. Returns whether an open span matched.
    pub(crate) fn exit(
        &mut self,
        writer: &Writer<'_>,
        marker: &Marker<'_>,
        out: &mut impl FnMut(&Closed),
    ) -> bool {
        let id = writer.resolve(marker.id);
        let found = self.tags.find(&marker.tags);
        let Some(slot) = found.and_then(|tag| self.nearest(id, tag, &writer.place())) else {
            return false;
        };
        let args = self.pack(&marker.args);
        self.close(slot, writer.ts, End::Exit);
        self.closed.exit_args = args;
        out(&self.closed);
        true
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
    fn nearest(&self, id: Id, tag: TagId, place: &Place) -> Option<Slot> {
        if self.tags.open(tag) == 0 {
            return None;
        }
        self.table.nearest(id, tag, place)
    }

    fn is_full(&self) -> bool {
        self.table.len() >= self.limits.open
            || self.args + self.tags.held_bytes() > self.limits.bytes
    }

    /// Ends a span, tells `out`.
    fn end(&mut self, slot: Slot, end: u64, how: End, out: &mut impl FnMut(&Closed)) {
        self.close(slot, end, how);
        out(&self.closed);
    }

    /// Takes a span out into `closed`, tells its parent, and counts its end.
    fn close(&mut self, slot: Slot, end: u64, how: End) {
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
        if let Some(comm) = span.comm.take() {
            closed.comm = comm;
        }
        (closed.start, closed.end, closed.how) = (span.start, end, how);
        (closed.child_ns, closed.child_hits) = (span.child_ns, span.child_hits);
        closed.times = self.times.get_mut(slot as usize).map(std::mem::take);
        span.seq = 0;

        let (tag, parent_tag) = (span.tag, span.parent_tag);
        let (parent, parent_seq) = (span.parent, span.parent_seq);
        if let Some(parent) = table.still(parent, parent_seq) {
            parent.child_ns = parent.child_ns.saturating_add(closed.duration());
            parent.child_hits += 1;
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
