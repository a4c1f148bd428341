//! Who is given what the correlator finds out: the summary, and a list of others. To add one is its own file and
//! a line where the pipeline is made.

mod counting;
mod grouped;
mod idle;
mod malformed;
mod selected;
mod single;
mod standing;
mod stream;
mod wide;

use nulltrace_core::activity::{Inside, Reach};
use nulltrace_core::facts::names::{Names, Wanted};
use nulltrace_core::input::event::Event;
use nulltrace_core::input::joiner::Joiner;
use nulltrace_core::input::record::CallsRecord;
use nulltrace_core::measure::family::Families;
use nulltrace_core::measure::summary::{self, ByChain};
use nulltrace_core::query::Query;
use nulltrace_core::spans::consumer::{Consumer, Malformed, Sample, Wants};
use nulltrace_core::spans::matcher::OpenSpan;
use nulltrace_core::spans::single::Single;
use nulltrace_core::spans::span::Closed;

pub(crate) use counting::Now;
pub(crate) use idle::Idle;
pub(crate) use malformed::MalformedLog;
use standing::Standing;
pub(crate) use standing::{Limits, check};
pub(crate) use stream::{Asked, Shown, Stream};

use crate::error::Error;
use crate::measured::Measured;

/// What the processes of a script may take: this part of what system calls and files by span may.
const FAMILIES: usize = 4;

/// All of them. What every run has is called directly, the others by way of their tables.
pub(crate) struct Consumers {
    pub(crate) summary: ByChain,
    pub(crate) malformed: MalformedLog,
    pub(crate) idle: Idle,
    pub(crate) names: Names,
    /// What each process did in spans, where that of a script counts.
    pub(crate) families: Option<Families>,
    /// The events, where they are shown.
    pub(crate) stream: Option<Stream>,
    standing: Standing,
    others: Vec<Other>,
    joiner: Joiner,
    /// What any of them wants.
    wants: Wants,
}

struct Other {
    wants: Wants,
    consumer: Box<dyn Consumer>,
}

impl Consumers {
    pub(crate) fn new(
        summary: summary::Limits,
        queries: Limits,
        malformed_per_second: u32,
    ) -> Self {
        Self {
            summary: ByChain::new(summary),
            malformed: MalformedLog::new(malformed_per_second),
            idle: Idle::default(),
            names: Names::default(),
            families: (queries.reach == Reach::Script)
                .then(|| Families::new(summary.calls_bytes / FAMILIES)),
            stream: None,
            standing: Standing::new(queries),
            others: Vec::new(),
            joiner: Joiner::default(),
            wants: Wants::CLOSED | Wants::INSIDE | Wants::MALFORMED | Wants::IDLE,
        }
    }

    /// Counts for the query of the command line from now on.
    pub(crate) fn keep(&mut self, query: &Query) -> Result<(), Error> {
        self.standing.keep(query)?;
        self.want(query);
        Ok(())
    }

    /// Puts the answer to a query into what was measured until `now`. One that was not asked before is counted
    /// from now on.
    pub(crate) fn ask(
        &mut self,
        query: &Query,
        now: &Now<'_>,
        into: &mut Measured,
    ) -> Result<(), Error> {
        let Self {
            standing, names, ..
        } = self;
        standing.ask(query, now, names, into)?;
        self.want(query);
        Ok(())
    }

    fn want(&mut self, query: &Query) {
        self.wants = self.wants | self.standing.wants();
        self.want_names(query.names());
    }

    /// Shows the events from now on.
    pub(crate) fn show(&mut self, stream: Stream) {
        self.wants = self.wants | Wants::EVENT | Wants::FACT;
        if stream.is_wide() {
            self.wants = self.wants | Wants::OPENED;
        }
        self.want_names(stream.wanted());
        self.stream = Some(stream);
    }

    /// These names are looked up from now on.
    pub(crate) fn want_names(&mut self, names: Wanted) {
        self.names.want(names);
        if self.names.is_asked() {
            self.wants = self.wants | Wants::FACT;
        }
    }

    /// Those queries go that nobody has asked for a while.
    pub(crate) fn expire(&mut self, now: u64) {
        self.standing.expire(now);
    }

    /// Puts the answer to the query of the command line, whatever names are not known, into what was measured.
    pub(crate) fn own(&mut self, now: &Now<'_>, into: &mut Measured) {
        let Self {
            standing,
            names,
            stream,
            ..
        } = self;
        standing.each(|of| of.settle(u64::MAX, names));
        if let Some(stream) = stream {
            stream.end(names);
        }
        standing.own(now, names, into);
    }

    pub(crate) fn add(&mut self, consumer: Box<dyn Consumer>) {
        let wants = consumer.wants();
        self.wants = self.wants | wants;
        if wants.any_of(Wants::RECORD) {
            self.wants = self.wants | Wants::JOINED;
        }
        self.others.push(Other { wants, consumer });
    }

    /// Those of the list go, so that what they hold on to ends.
    pub(crate) fn end_others(&mut self) {
        self.others.clear();
    }

    #[inline]
    fn each(&mut self, these: Wants, mut give: impl FnMut(&mut dyn Consumer)) {
        for other in self.others.iter_mut().filter(|of| of.wants.any_of(these)) {
            give(&mut *other.consumer);
        }
    }
}

impl Consumer for Consumers {
    #[inline]
    fn wants(&self) -> Wants {
        self.wants
    }

    fn opened(&mut self, span: &OpenSpan<'_>) {
        let Self {
            standing,
            names,
            stream,
            ..
        } = self;
        if let Some(stream) = stream {
            stream.opened(span);
        }
        standing.each(|of| of.opened(span, names));
        self.each(Wants::OPENED, |other| other.opened(span));
    }

    #[inline]
    fn closed(&mut self, span: &Closed) {
        self.summary.push(span);
        let Self {
            standing,
            names,
            stream,
            ..
        } = self;
        if let Some(stream) = stream {
            stream.closed(span, names);
        }
        standing.each(|of| of.closed(span, names));
        self.each(Wants::CLOSED, |other| other.closed(span));
    }

    #[inline]
    fn inside(&mut self, inside: &Inside<'_>) {
        let Self {
            summary,
            standing,
            names,
            families,
            ..
        } = self;
        summary.inside(inside);
        if let Some(families) = families {
            families.inside(inside);
        }
        standing.each(|of| of.inside(inside, names));
        self.each(Wants::INSIDE, |other| other.inside(inside));
    }

    fn call(&mut self, call: &CallsRecord, inside: &Inside<'_>) {
        self.each(Wants::CALL, |other| other.call(call, inside));
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        self.each(Wants::SAMPLE, |other| other.sample(sample));
    }

    fn fact(&mut self, fact: &Event<'_>) {
        self.names.learn(fact);
        if let Some(stream) = &mut self.stream {
            stream.fact(fact);
        }
        self.each(Wants::FACT, |other| other.fact(fact));
    }

    fn event(&mut self, event: &Single<'_>) {
        let Self { stream, names, .. } = self;
        if let Some(stream) = stream {
            stream.event(event, names);
        }
        self.each(Wants::EVENT, |other| other.event(event));
    }

    fn joined(&mut self, event: &Event<'_>) {
        let Self { joiner, others, .. } = self;
        if let Some(record) = joiner.record(event) {
            let wanting = others.iter_mut();
            let wanting = wanting.filter(|of| of.wants.any_of(Wants::RECORD));
            wanting.for_each(|other| other.consumer.record(record));
        }
    }

    fn record(&mut self, record: &[u8]) {
        self.each(Wants::RECORD, |other| other.record(record));
    }

    fn malformed(&mut self, bad: &Malformed<'_>) {
        self.malformed.note(bad);
        self.each(Wants::MALFORMED, |other| other.malformed(bad));
    }

    fn idle(&mut self, tid: u32, ts: u64) {
        self.idle.note(tid, ts);
        self.each(Wants::IDLE, |other| other.idle(tid, ts));
    }

    fn tick(&mut self, now: u64) {
        let Self {
            standing,
            names,
            stream,
            ..
        } = self;
        standing.each(|of| of.settle(now, names));
        if let Some(stream) = stream {
            stream.tick(now, names);
        }
        for other in &mut self.others {
            other.consumer.tick(now);
        }
    }
}
