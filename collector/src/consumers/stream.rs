//! The events themselves: chosen by a filter, drawn, and handed to who writes them.
//!
//! What a filter asks of a span that is known only when it ends is decided then: until then the events inside wait, within
//! bounds. So do those whose names are still looked up.

use std::collections::{HashMap, VecDeque};

use nulltrace_core::facts::names::{Known, Names, Wanted};
use nulltrace_core::input::event::Event;
use nulltrace_core::query::field::{At, Field, Seen, Source};
use nulltrace_core::query::filter::{Filter, Verdict};
use nulltrace_core::spans::kept::Kept;
use nulltrace_core::spans::matcher::OpenSpan;
use nulltrace_core::spans::single::{Act, Innermost, Single};
use nulltrace_core::spans::span::Closed;
use nulltrace_core::view::Names as _;

use super::wide::{Around, Entry, Wide};
use crate::names::Machine;
use crate::show::event::{Clock, Drawing};
use crate::sink::lines::{Lines, Written};
use crate::when::When;

/// How long an event waits for the names of its process, nanoseconds.
const AGE: u64 = 5_000_000_000;

/// What is shown of the events.
pub(crate) struct Asked {
    pub(crate) filter: Option<Filter>,
    pub(crate) drawing: Drawing,
    /// No more than so many.
    pub(crate) count: Option<u64>,
    pub(crate) from: Option<When>,
    pub(crate) to: Option<When>,
    /// Calls have an event for their beginning, too.
    pub(crate) enter: bool,
    /// Bytes of events that may wait.
    pub(crate) waiting: usize,
}

/// The events of a stream.
pub(crate) struct Stream {
    asked: Asked,
    lines: Lines,
    clock: Clock,
    wanted: Wanted,
    /// The filter asks for what is known of a span when it has ended.
    of_ends: bool,
    number: u64,
    before: Option<u64>,
    wide: Wide,
    /// From and to, once the stream has begun.
    range: Option<(u64, u64)>,
    /// Waiting for the end of a span, by its number.
    held: HashMap<u64, Vec<Waiting>>,
    /// Waiting for names, the first first.
    unnamed: VecDeque<Waiting>,
    bytes: usize,
    shown: u64,
    counts: Counts,
}

/// Its place in the stream.
#[derive(Clone, Copy)]
struct Place {
    number: u64,
    before: u64,
    enter: bool,
}

struct Waiting {
    place: Place,
    around: Around,
    kept: Kept,
}

/// What was not shown though it might have to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// There was no room to wait.
    full: u64,
    /// Their spans had not ended.
    open: u64,
}

/// What a stream came to.
pub(crate) struct Shown {
    pub(crate) written: Written,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}

impl Stream {
    pub(crate) fn new(asked: Asked, lines: Lines) -> Self {
        let fields = asked.filter.iter().flat_map(Filter::fields);
        let fields: Vec<&Field> = fields.chain(asked.drawing.format.fields()).collect();
        let needs = |source| fields.iter().any(|field| field.info().source == source);
        let wanted = Wanted {
            user: needs(Source::User),
            ancestors: needs(Source::Ancestor) || needs(Source::Ancestors),
            cgroup: needs(Source::Cgroup),
            container: needs(Source::Container),
        };
        let wide = Wide::of(&fields);
        let of_ends = asked.filter.as_ref().is_some_and(Filter::is_of_ends);
        Self {
            asked,
            lines,
            clock: Clock::default(),
            wanted,
            of_ends,
            number: 0,
            before: None,
            wide,
            range: None,
            held: HashMap::new(),
            unnamed: VecDeque::new(),
            bytes: 0,
            shown: 0,
            counts: Counts::default(),
        }
    }

    /// The clock of the machine.
    pub(crate) const fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// The names it needs.
    pub(crate) const fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Whether all is shown that there is to be.
    pub(crate) fn is_over(&self) -> bool {
        self.asked.count.is_some_and(|count| self.shown >= count) || self.lines.is_over()
    }

    pub(super) fn fact(&mut self, fact: &Event<'_>) {
        self.clock.learn(fact);
    }

    pub(super) fn event(&mut self, event: &Single<'_>, names: &mut Names) {
        if self.is_over() {
            return;
        }
        self.number += 1;
        let place = Place {
            number: self.number,
            before: self.before.replace(event.ts).unwrap_or(event.ts),
            enter: false,
        };
        let waits = self.wanted != Wanted::default()
            && (!self.unnamed.is_empty()
                || event.process.is_some_and(|process| {
                    names.known(process);
                    names.awaits(process, self.wanted)
                }));
        let around = self.wide.around(event);
        match waits {
            true => {
                if let Some(waiting) = self.keep(place, around, event) {
                    self.unnamed.push_back(waiting);
                }
                self.settle(event.ts, names);
            }
            false => self.offer(event, (place, around), names),
        }
    }

    /// Whether it must be told of spans that are opened.
    pub(super) fn is_wide(&self) -> bool {
        self.wide.is_asked()
    }

    pub(super) fn opened(&mut self, span: &OpenSpan<'_>) {
        self.wide.opened(span);
    }

    /// A span has ended: what is inside of it is decided.
    pub(super) fn closed(&mut self, span: &Closed, names: &mut Names) {
        self.wide.closed(span);
        if !self.of_ends {
            return;
        }
        for waiting in &mut self.unnamed {
            waiting.kept.close(span);
        }
        for Waiting {
            place,
            around,
            kept,
        } in self.held.remove(&span.seq).unwrap_or_default()
        {
            self.bytes -= kept.bytes();
            kept.with(Some(span), |event| self.one(event, (place, around), names));
        }
    }

    /// It is `now` in the stream.
    pub(super) fn tick(&mut self, now: u64, names: &mut Names) {
        self.settle(now, names);
        self.lines.tick(now);
    }

    /// Nothing more comes for a while.
    pub(crate) fn pause(&mut self) {
        self.lines.send();
    }

    /// Takes those out that need not wait for names any more.
    fn settle(&mut self, now: u64, names: &mut Names) {
        while let Some(Waiting { kept, .. }) = self.unnamed.front() {
            let process = kept.process();
            let young = now.saturating_sub(kept.ts()) < AGE;
            if young && process.is_some_and(|of| names.awaits(of, self.wanted)) {
                return;
            }
            if let Some(Waiting {
                place,
                around,
                kept,
            }) = self.unnamed.pop_front()
            {
                self.bytes -= kept.bytes();
                kept.with(None, |event| self.offer(event, (place, around), names));
            }
        }
    }

    fn keep(&mut self, place: Place, around: Around, event: &Single<'_>) -> Option<Waiting> {
        let kept = Kept::from(event);
        let bytes = self.bytes + kept.bytes();
        if bytes > self.asked.waiting {
            self.counts.full += 1;
            return None;
        }
        self.bytes = bytes;
        Some(Waiting {
            place,
            around,
            kept,
        })
    }

    /// An event; of a call its beginning first, if that is asked for.
    fn offer(&mut self, event: &Single<'_>, (place, around): (Place, Around), names: &mut Names) {
        if self.asked.enter && matches!(event.act, Act::Syscall { .. }) {
            let enter = true;
            let place = Place { enter, ..place };
            self.one(event, (place, around.clone()), names);
        }
        self.one(event, (place, around), names);
    }

    fn one(&mut self, event: &Single<'_>, (place, around): (Place, Around), names: &mut Names) {
        if self.is_over() || !self.is_in_range(event.ts) {
            return;
        }
        let known = match event.process {
            Some(process) if self.wanted != Wanted::default() => names.known(process),
            _ => Known::default(),
        };
        let syscall = match event.act {
            Act::Syscall { call, .. } => Some(self.clock.call(call.nr, || Machine.call(call.nr))),
            _ => None,
        };
        let wide = around.each_ref().map(|spans| {
            let spans = spans.iter().map(|span| Entry::as_in_span(span));
            spans.collect::<Vec<_>>()
        });
        let seen = Seen {
            number: place.number,
            began: self.clock.began(event.ts),
            before: place.before,
            wall: self.clock.wall(),
            syscall: syscall.as_deref(),
            enter: place.enter,
            wide: wide.each_ref().map(|spans| &spans[..]),
        };
        let at = At::event(event, &seen, known);
        let filter = self.asked.filter.as_ref();
        let verdict = filter.map_or(Verdict::Yes, |filter| filter.check(&at));
        match (verdict, event.innermost) {
            (Verdict::Yes, _) => self.show(&at, event.ts),
            (Verdict::Undecided, Some(Innermost::Open(span))) if self.of_ends => {
                let seq = span.seq;
                if let Some(waiting) = self.keep(place, around, event) {
                    self.held.entry(seq).or_default().push(waiting);
                }
            }
            _ => {}
        }
    }

    fn show(&mut self, at: &At<'_>, ts: u64) {
        let drawing = &mut self.asked.drawing;
        if drawing.draw(at, &mut self.clock, self.lines.room()) {
            self.clock.show(ts);
            self.shown += 1;
            self.lines.count();
        }
    }

    fn is_in_range(&mut self, ts: u64) -> bool {
        if self.asked.from.is_none() && self.asked.to.is_none() {
            return true;
        }
        let began = self.clock.began(ts);
        let clock = &self.clock;
        let of = |when: When| when.monotonic(began, clock.wall(), clock.zone());
        let (from, to) = *self.range.get_or_insert_with(|| {
            let (from, to) = (self.asked.from.map(of), self.asked.to.map(of));
            (from.unwrap_or(0), to.unwrap_or(u64::MAX))
        });
        (from..=to).contains(&ts)
    }

    /// The stream has ended: what waits for names goes without them.
    pub(super) fn end(&mut self, names: &mut Names) {
        self.settle(u64::MAX, names);
        self.counts.open = self.held.values().map(|of| of.len() as u64).sum();
        self.lines.send();
    }

    /// Waits until all is written, as long as `waits` says so.
    pub(crate) fn close(self, waits: impl Fn() -> bool) -> Shown {
        let Counts { full, open } = self.counts;
        let written = self.lines.close(waits);
        let notes = [
            (
                full,
                "had no room to wait for the end of their spans, or for names: --memory gives more",
            ),
            (
                open,
                "were in spans that had not ended, and the filter asks for what is known at the end",
            ),
            (
                written.lost,
                "were lost, as stdout took them too slowly: choose fewer by a filter, or record and look later",
            ),
        ];
        let notes = notes.into_iter().filter(|(count, _)| *count > 0);
        let notes =
            notes.map(|(count, why)| format!("events that are not shown: {count}; they {why}"));
        Shown {
            notes: notes.collect(),
            written,
        }
    }
}
