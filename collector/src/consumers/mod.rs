//! Who is given what the correlator finds out: the summary, and a list of others. To add one is its own file and
//! a line where the pipeline is made.

mod grouped;
mod idle;
mod malformed;

use nulltrace_core::activity::Inside;
use nulltrace_core::facts::names::{Names, Wanted};
use nulltrace_core::input::event::Event;
use nulltrace_core::input::record::CallsRecord;
use nulltrace_core::measure::slowest::Slowest;
use nulltrace_core::measure::summary::{self, Summary};
use nulltrace_core::spans::consumer::{Consumer, Malformed, Sample, Wants};
use nulltrace_core::spans::matcher::OpenSpan;
use nulltrace_core::spans::span::Closed;

pub(crate) use grouped::Grouped;
pub(crate) use idle::Idle;
pub(crate) use malformed::MalformedLog;

/// All of them. What every run has is called directly, the others by way of their tables.
pub(crate) struct Consumers {
    pub(crate) summary: Summary,
    pub(crate) malformed: MalformedLog,
    pub(crate) idle: Idle,
    pub(crate) grouped: Option<Grouped>,
    pub(crate) slowest: Option<Slowest>,
    pub(crate) names: Names,
    others: Vec<Other>,
    /// What any of them wants.
    wants: Wants,
}

struct Other {
    wants: Wants,
    consumer: Box<dyn Consumer>,
}

impl Consumers {
    pub(crate) fn new(limits: summary::Limits, malformed_per_second: u32) -> Self {
        Self {
            summary: Summary::new(limits),
            malformed: MalformedLog::new(malformed_per_second),
            idle: Idle::default(),
            grouped: None,
            slowest: None,
            names: Names::default(),
            others: Vec::new(),
            wants: Wants::CLOSED | Wants::INSIDE | Wants::MALFORMED | Wants::IDLE,
        }
    }

    /// Groups calls from now on.
    pub(crate) fn group(&mut self, grouped: Grouped, names: Wanted) {
        self.grouped = Some(grouped);
        self.names.want(names);
        if self.names.is_asked() {
            self.wants = self.wants | Wants::FACT;
        }
    }

    /// Keeps the slowest of the spans from now on.
    pub(crate) fn keep_slowest(&mut self, slowest: Slowest) {
        self.wants = self.wants | slowest.wants();
        self.slowest = Some(slowest);
    }

    pub(crate) fn add(&mut self, consumer: Box<dyn Consumer>) {
        let wants = consumer.wants();
        self.wants = self.wants | wants;
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
        if let Some(slowest) = &mut self.slowest {
            slowest.opened(span);
        }
        self.each(Wants::OPENED, |other| other.opened(span));
    }

    #[inline]
    fn closed(&mut self, span: &Closed) {
        self.summary.push(span);
        if let Some(slowest) = &mut self.slowest {
            slowest.closed(span);
        }
        self.each(Wants::CLOSED, |other| other.closed(span));
    }

    #[inline]
    fn inside(&mut self, inside: &Inside<'_>) {
        self.summary.inside(inside);
        if let Some(grouped) = &mut self.grouped {
            grouped.inside(inside, &mut self.names);
        }
        if let Some(slowest) = &mut self.slowest {
            slowest.inside(inside);
        }
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
        self.each(Wants::FACT, |other| other.fact(fact));
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
        if let Some(grouped) = &mut self.grouped {
            grouped.settle(now, &mut self.names);
        }
        for other in &mut self.others {
            other.consumer.tick(now);
        }
    }
}
