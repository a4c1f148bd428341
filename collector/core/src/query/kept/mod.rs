//! What a filter keeps of a stream of records.
//!
//! A record is kept if it matches, or lies in a span that matches: its markers, and all inside. Of the spans around what is
//! kept there are the markers without arguments; of processes, files and users what is said of those that are in it.
//! Nothing else is: what was not asked for cannot be read in what is kept.
//!
//! Records wait, in their order, until it is known whether their spans match. Where there is no more room for that, the one
//! that came first is lost, and counted.

mod data;
mod facts;
mod names;
mod numbers;
mod passing;
mod queue;
mod record;
mod spans;
mod stripped;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use data::DataOf;

use rustc_hash::FxHashMap;
use zerocopy::{FromBytes, IntoBytes};

use self::facts::Record;
use self::names::{known, wanted};
use self::passing::Passing;
use self::queue::{Fate, Item, Queue};
use self::record::{copied, segment};
use self::spans::Spans;
use super::field::{At, Field, Info, Seen};
use super::filter::{Divided, Filter, Holds, OfCall, Verdict};
use crate::activity::Inside;
use crate::facts::names::{Names, Wanted};
use crate::input::event::{Event, What};
use crate::input::joined::{
    FLAG_BEGAN, FLAG_OF_MANY, KIND_MARKER, KIND_WRITE_BEGINS, KIND_WRITE_ENDS,
};
use crate::input::record::Head;
use crate::spans::consumer::{Consumer, Wants};
use crate::spans::matcher::OpenSpan;
use crate::spans::single::{Act, Single};
use crate::spans::span::{Closed, End};

/// Passes on what a filter keeps. When it is dropped, what still waits is decided as it is known then.
pub struct Kept<C: Consumer> {
    filter: Filter,
    divided: Divided,
    wanted: Wanted,
    names: Names,
    spans: Spans,
    queue: Queue,
    /// The marker that was given last, until it is known what it is about, and the segment that it ended.
    marker: Option<Record>,
    segment: Option<Item>,
    /// What the event holds whose record comes next.
    event: Option<EventHolds>,
    /// Spans that have ended, and wait for names.
    awaiting: Vec<Closed>,
    /// The open spans of each thread, the innermost last.
    threads: FxHashMap<(u32, u32), Vec<u64>>,
    lost: Arc<AtomicU64>,
    passing: Passing<C>,
}

/// What a single event holds, and whether it matches where it lies in no span.
struct EventHolds {
    holds: Option<Holds>,
    matches: bool,
}

impl<C: Consumer> Kept<C> {
    /// Passes on to `to`. Records of so many bytes may wait; more of them are counted in `lost`.
    #[must_use]
    pub fn new(filter: Filter, bytes: usize, lost: Arc<AtomicU64>, to: C) -> Self {
        let wanted = wanted(&filter);
        let mut names = Names::default();
        names.want(wanted);
        Self {
            divided: filter.divided(),
            filter,
            wanted,
            names,
            spans: Spans::default(),
            queue: Queue::new(bytes),
            marker: None,
            segment: None,
            event: None,
            awaiting: Vec::new(),
            threads: FxHashMap::default(),
            lost,
            passing: Passing::new(to),
        }
    }

    /// Puts it behind what waits.
    fn put(&mut self, record: Record, fate: Fate) {
        self.push(Item { record, fate });
        self.advance();
    }

    fn push(&mut self, item: Item) {
        if let Some(seq) = item.fate.span() {
            self.spans.wait(seq);
        }
        self.queue.push(item);
    }

    /// Passes on what is decided, up to what is not.
    fn advance(&mut self) {
        loop {
            let decided = match self.queue.decide(&self.spans) {
                Some(decided) => decided,
                None if self.queue.is_full() => {
                    self.make_room();
                    continue;
                }
                None => return,
            };
            let Some(item) = self.queue.pop() else { return };
            let seq = item.fate.span();
            self.passing.pass(item, decided);
            if let Some(seq) = seq {
                self.spans.done(seq);
            }
        }
    }

    /// There is no room for all that waits: the first goes, if what is left out anyway is not enough.
    #[cold]
    fn make_room(&mut self) {
        for seq in self.queue.sweep(&self.spans) {
            self.spans.done(seq);
        }
        self.spans.sweep();
        while !self.queue.has_room() && self.queue.decide(&self.spans).is_none() {
            let Some(item) = self.queue.pop() else { return };
            self.lost.fetch_add(1, Ordering::Relaxed);
            if let Some(seq) = item.fate.span() {
                if matches!(item.fate, Fate::Enter(_)) {
                    self.spans.give_up(seq);
                }
                self.spans.done(seq);
            }
        }
    }

    /// The marker was about no span, so it is left out.
    fn pass_over_marker(&mut self) {
        self.marker = None;
        if let Some(segment) = self.segment.take() {
            self.push(segment);
            self.advance();
        }
    }

    /// The marker is about a span.
    fn about(&mut self, fate: Fate) {
        if let Some(segment) = self.segment.take() {
            self.push(segment);
        }
        if let Some(record) = self.marker.take() {
            self.push(Item { record, fate });
        }
    }

    /// What the filter says of a span that has ended, whatever names are known.
    fn decide(&mut self, span: &Closed) {
        let Self {
            filter,
            divided,
            names,
            wanted,
            spans,
            ..
        } = self;
        let known = known(names, *wanted, span.process.as_deref());
        let at = At::closed(span, known);
        let matches = filter.check(&at) == Verdict::Yes;
        let chosen = |holds| divided.of_both(&at, holds) == Verdict::Yes;
        spans.ended(span.seq, matches, chosen);
    }

    /// Which calls of a segment may be chosen, and what they hold.
    fn holds(&mut self, inside: &Inside<'_>) -> Vec<Option<Holds>> {
        if !self.divided.is_of_calls() {
            return vec![None; inside.calls.len()];
        }
        let known = known(&mut self.names, self.wanted, inside.process.map(|of| &**of));
        let calls = 0..inside.calls.len();
        let each = calls.map(
            |call| match self.divided.of_call(&At::call(inside, call, known)) {
                OfCall::Open(holds) => Some(holds),
                OfCall::Decided(_) => None,
            },
        );
        each.collect()
    }

    /// Calls outside of spans: those that match are kept.
    fn outside(&mut self, inside: &Inside<'_>) {
        let known = known(&mut self.names, self.wanted, inside.process.map(|of| &**of));
        let chosen = (0..inside.calls.len()).filter(|&call| {
            let at = At::call(inside, call, known);
            self.filter.check(&at) == Verdict::Yes
        });
        let calls: Vec<_> = chosen
            .filter_map(|call| inside.calls.get(call).copied())
            .collect();
        if let (false, Some(record)) = (calls.is_empty(), segment(inside, &calls, false)) {
            self.put(record, Fate::Kept);
        }
    }
}

/// Whether a field of a span does not change after it was opened. One of calls only is not known of a span at any time.
fn is_known_at_opening(field: &Info) -> bool {
    const KNOWN: [&str; 9] = [
        "span.tags",
        "span.tag",
        "span.ntags",
        "span.seq",
        "span.id",
        "span.enterarg",
        "span.enterargs",
        "span.parent.seq",
        "span.time",
    ];
    !field.name.starts_with("span.") || KNOWN.contains(&field.name)
}

impl<C: Consumer> Consumer for Kept<C> {
    fn wants(&self) -> Wants {
        let wants = Wants::RECORD | Wants::OPENED | Wants::CLOSED | Wants::INSIDE;
        match self.divided.is_of_calls() {
            true => wants | Wants::EVENT,
            false => wants,
        }
    }

    fn event(&mut self, event: &Single<'_>) {
        if matches!(event.act, Act::Marker { .. }) {
            return;
        }
        let known = known(&mut self.names, self.wanted, event.process.map(|of| &**of));
        let seen = Seen::alone(event.ts);
        let at = At::event(event, &seen, known);
        let holds = match self.divided.of_call(&at) {
            OfCall::Open(holds) => Some(holds),
            OfCall::Decided(_) => None,
        };
        let matches = self.filter.check(&at) == Verdict::Yes;
        self.event = Some(EventHolds { holds, matches });
    }

    fn record(&mut self, record: &[u8]) {
        self.pass_over_marker();
        let Ok((head, _)) = Head::read_from_prefix(record) else {
            return;
        };
        let is_one = match head.kind {
            KIND_MARKER => head.flags & FLAG_OF_MANY == 0,
            KIND_WRITE_ENDS => head.flags & FLAG_BEGAN == 0,
            kind => kind == KIND_WRITE_BEGINS,
        };
        let Ok(event) = Event::decode(record) else {
            return;
        };
        if is_one {
            self.passing.numbers.see(&head, true);
        }
        match event.what {
            What::Marker { .. } => self.marker = Some(copied(record)),
            what if what.is_full() => {
                let holds = self.event.take();
                let spans = self.threads.get(&(head.pid, head.tid));
                let seq = spans.and_then(|spans| spans.last().copied());
                match (seq, holds) {
                    (Some(seq), holds) => {
                        let holds = holds.and_then(|of| of.holds);
                        holds.into_iter().for_each(|of| self.spans.call(seq, of));
                        self.put(copied(record), Fate::Event(seq, holds));
                    }
                    (None, Some(EventHolds { matches: true, .. })) => {
                        self.put(copied(record), Fate::Kept);
                    }
                    _ => {}
                }
            }
            what if what.is_fact() && !matches!(what, What::Snapshot { .. }) => {
                self.names.learn(&event);
                self.put(copied(record), Fate::Fact);
            }
            _ => {}
        }
    }

    fn opened(&mut self, span: &OpenSpan<'_>) {
        let Self {
            filter,
            divided,
            names,
            wanted,
            ..
        } = self;
        let known = known(names, *wanted, span.process.map(|of| &**of));
        let at = At::open(span, span.start, known);
        let later = |field: &Field| !is_known_at_opening(field.info());
        let matches = filter.check_so_far(&at, &later);
        let calls = divided.is_of_calls().then(|| divided.so_far(&at, &later));
        // What is not known yet of its process may be known at its end.
        let awaits = span.process.is_some_and(|of| names.awaits(of, *wanted));
        let (matches, calls) = if awaits {
            (None, None)
        } else {
            (matches, calls)
        };
        self.spans.opened(span.seq, span.parent, matches, calls);
        let thread = self.threads.entry((span.pid, span.tid)).or_default();
        thread.push(span.seq);
        self.about(Fate::Enter(span.seq));
        self.advance();
    }

    fn closed(&mut self, span: &Closed) {
        if span.how == End::Exit {
            self.about(Fate::Exit(span.seq));
        }
        let thread = (span.pid, span.tid);
        if let Some(spans) = self.threads.get_mut(&thread) {
            spans.retain(|&seq| seq != span.seq);
            if spans.is_empty() {
                self.threads.remove(&thread);
            }
        }
        let process = span.process.as_deref();
        let asked = process.filter(|_| self.wanted != Wanted::default());
        let awaits = asked.is_some_and(|of| {
            self.names.known(of);
            self.names.awaits(of, self.wanted)
        });
        match awaits {
            true => self.awaiting.push(span.clone()),
            false => self.decide(span),
        }
        self.advance();
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        let seq = inside.innermost().and_then(|span| span.seq);
        let Some(seq) = seq.filter(|&seq| self.spans.has(seq)) else {
            if self.divided.is_of_calls() {
                self.outside(inside);
            }
            if self.threads.contains_key(&(inside.pid, inside.tid)) {
                let (to, wall) = (inside.when.to, inside.times.wall);
                let made = &mut self.passing.made;
                let record = copied(made.left_out(to, (inside.pid, inside.tid), wall));
                self.put(record, Fate::Aside);
            }
            return;
        };
        let holds = self.holds(inside);
        holds
            .iter()
            .flatten()
            .for_each(|&holds| self.spans.call(seq, holds));
        let marker = self.marker.as_ref().map(|(words, _)| words.as_bytes());
        let marker = marker.and_then(|bytes| Head::read_from_prefix(bytes).ok());
        let at_marker = marker.is_some_and(|(of, _)| (of.pid, of.tid) == (inside.pid, inside.tid));
        let Some(record) = segment(inside, inside.calls, at_marker) else {
            return;
        };
        // Those that are held follow the calls.
        let fate = Fate::Segment(seq, holds);
        match at_marker && self.segment.is_none() {
            true => self.segment = Some(Item { record, fate }),
            false => self.put(record, fate),
        }
    }

    fn tick(&mut self, now: u64) {
        for span in std::mem::take(&mut self.awaiting) {
            let awaits = span.process.as_ref();
            match awaits.is_some_and(|of| self.names.awaits(of, self.wanted)) {
                true => self.awaiting.push(span),
                false => self.decide(&span),
            }
        }
        self.advance();
        self.passing.to.tick(now);
    }
}

impl<C: Consumer> Drop for Kept<C> {
    fn drop(&mut self) {
        self.pass_over_marker();
        for span in std::mem::take(&mut self.awaiting) {
            self.decide(&span);
        }
        self.spans.end();
        self.advance();
    }
}

impl<C: Consumer> std::fmt::Debug for Kept<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
