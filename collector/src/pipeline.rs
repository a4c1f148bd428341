//! The only place that wires the rooms together: source, order, correlator, summary, sinks.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use nulltrace_core::activity::Times;
use nulltrace_core::facts::names::Wanted;
use nulltrace_core::input::event::BadRecord;
use nulltrace_core::input::layout::Reader;
use nulltrace_core::input::made::Made;
use nulltrace_core::input::order::Order;
use nulltrace_core::ledger::{Ledger, Lost};
use nulltrace_core::measure::groups::{self, Groups};
use nulltrace_core::measure::slowest::{SlowSpans, Slowest};
use nulltrace_core::measure::summary::{self, Row, Summary};
use nulltrace_core::query::Query;
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher;

use crate::clock::{self, Moment};
use crate::consumers::{Consumers, Grouped};
use crate::error::Error;
use crate::gone::Suspects;
use crate::host::Host;
use crate::resolve::Resolver;
use crate::sink::Prepared;
use crate::sink::hub::Hub;
use crate::source::Source;
use crate::source::keeper::Keeper;

/// How long a record waits for earlier ones of other CPUs. Between reading the clock and reserving
/// room in the ring lie a few hundred nanoseconds, more if a virtual CPU was stopped there.
const SLACK_NS: u64 = 1_000_000;
/// So many records in one round mean that the source fills about as fast as it is drained.
pub const PLENTY: usize = 1 << 15;

/// How long names that are still looked up at the end are waited for.
const NAMES_LIMIT: Duration = Duration::from_secs(2);

/// What bounds the pipeline.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of records that may wait for those of other CPUs.
    pub order_bytes: usize,
    /// Of the correlator.
    pub spans: matcher::Limits,
    /// Of the summary.
    pub summary: summary::Limits,
    /// Of groups.
    pub groups: groups::Limits,
    /// Batches of spans that may wait for each sink.
    pub queued_batches: usize,
    /// Malformed markers shown in a second; all are counted.
    pub malformed_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            order_bytes: 4 << 20,
            spans: matcher::Limits::default(),
            summary: summary::Limits::default(),
            groups: groups::Limits::default(),
            queued_batches: 256,
            malformed_per_second: 5,
        }
    }
}

/// Records in, summary and sinks out.
pub struct Pipeline {
    order: Order,
    line: Line,
    hub: Option<Hub>,
    host: Host,
    resolver: Option<Resolver>,
    made: Made,
    /// What the source had lost the last time it was asked.
    lost_before: Lost,
    suspects: Suspects,
    limits: Limits,
    began: Moment,
}

/// What comes after the order.
struct Line {
    reader: Reader,
    correlator: Correlator,
    consumers: Consumers,
    bad_record: u64,
    unknown_kind: u64,
}

/// What a run came to.
pub struct Outcome {
    summary: Summary,
    groups: Option<Groups>,
    slowest: Option<SlowSpans>,
    correlator: Correlator,
    /// The backend's name.
    pub backend: &'static str,
    /// When the run began.
    pub wall_start: Timestamp,
    /// How long it took, nanoseconds.
    pub elapsed_ns: u64,
    /// The whole account.
    pub ledger: Ledger,
    /// What should still be logged, made safe for a terminal.
    pub log_lines: Vec<String>,
    activity: bool,
}

impl Outcome {
    /// Where the time of threads went while they had no span open; `None` if the source does not see it.
    #[must_use]
    pub fn outside(&self) -> Option<&Times> {
        self.activity.then(|| self.correlator.outside())
    }

    /// The groups, if any were asked for; `None` if the source does not see activity.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        self.groups.as_ref().filter(|_| self.activity)
    }

    /// The slowest spans, if they were asked for.
    #[must_use]
    pub fn slowest(&self) -> Option<&SlowSpans> {
        self.slowest.as_ref()
    }

    /// The rows of the summary.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let open = self.correlator.open_by_tags();
        self.summary
            .rows(open.map(|(path, open)| (path.clone(), open)))
    }
}

impl Pipeline {
    /// An empty pipeline; the run begins now.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            order: Order::new(limits.order_bytes),
            line: Line {
                reader: Reader::default(),
                correlator: Correlator::new(limits.spans),
                consumers: Consumers::new(limits.summary, limits.malformed_per_second),
                bad_record: 0,
                unknown_kind: 0,
            },
            hub: None,
            host: Host::default(),
            resolver: None,
            made: Made::default(),
            lost_before: Lost::default(),
            suspects: Suspects::default(),
            limits,
            began: Moment::now(),
        }
    }

    /// The run began earlier than this was made.
    #[must_use]
    pub fn since(mut self, began: Moment) -> Self {
        self.began = began;
        self
    }

    /// Sends what comes from now on to these sinks, too.
    ///
    /// # Errors
    /// A thread could not be made.
    pub fn sending(mut self, sinks: Vec<Box<dyn Prepared>>) -> io::Result<Self> {
        if !sinks.is_empty() {
            let (consumer, hub) = Hub::start(sinks, self.limits.queued_batches)?;
            self.line.consumers.add(consumer);
            self.hub = Some(hub);
        }
        Ok(self)
    }

    /// Groups the calls that come from now on, too; names that `/proc` hides come by the keeper.
    ///
    /// # Errors
    /// A thread could not be made.
    pub fn grouping(mut self, query: Option<Query>, keeper: Option<Keeper>) -> io::Result<Self> {
        if let Some(query) = query {
            let names = query.names();
            let grouped = Grouped::new(Groups::new(query, self.limits.groups));
            self.line.consumers.group(grouped, names);
            if names != Wanted::default() {
                self.resolver = Some(Resolver::start(keeper)?);
            }
        }
        Ok(self)
    }

    /// Keeps the slowest spans that end from now on, each with the reasons of its time.
    pub fn keep_slowest(&mut self) {
        let bytes = self.limits.summary.calls_bytes / 2;
        self.line.consumers.keep_slowest(Slowest::new(bytes));
    }

    /// One round: drains the source and moves everything on. Returns how many records there were;
    /// after fewer than [`PLENTY`] the caller waits, so that the next round finds a batch.
    ///
    /// # Errors
    /// The source is broken.
    pub fn turn(&mut self, source: &mut dyn Source) -> Result<usize, Error> {
        // Read before the drain: what is older than this less the slack has been drained after it.
        let now = clock::monotonic();
        let gone = self.suspects.look(now, &mut self.line.correlator, source);
        self.produce(now, &gone);
        let Self { order, line, .. } = self;
        let records = source
            .drain(&mut |record| order.push(record, &mut |record| line.take(record)))
            .map_err(|error| {
                Error::io(
                    "reading markers failed",
                    error,
                    source.name(),
                    "start it again; with --backend ptrace if it fails again",
                )
            })?;
        self.losses(now, source);
        let Self { order, line, .. } = self;
        let until = now.saturating_sub(SLACK_NS);
        order.release(until, &mut |record| line.take(record));
        line.correlator.tick(until, &mut line.consumers);
        if let Some(resolver) = &mut self.resolver {
            for want in line.consumers.names.take_wants() {
                resolver.ask(want);
            }
        }
        for (tid, ts) in line.consumers.idle.drain() {
            source.mark_idle(tid, ts);
        }
        if let Some(hub) = &self.hub {
            hub.report(&self.lost());
        }
        Ok(records)
    }

    /// What should be logged since the last call, made safe for a terminal.
    pub fn log_lines(&mut self) -> impl Iterator<Item = String> {
        self.line.consumers.malformed.take()
    }

    /// The last round: what is still in the source, the order and the sinks' queues goes through.
    ///
    /// # Errors
    /// The source is broken.
    pub fn finish(mut self, source: &mut dyn Source) -> Result<Outcome, Error> {
        // One drain holds all that was written before it; others may never stop writing.
        source.conclude();
        let now = clock::monotonic();
        let gone = self
            .suspects
            .look_now(now, &mut self.line.correlator, source);
        self.produce(now, &gone);
        self.turn(source)?;
        let now = clock::monotonic();
        let Self {
            order,
            line,
            resolver,
            ..
        } = &mut self;
        order.release(u64::MAX, &mut |record| line.take(record));
        if let Some(resolver) = resolver {
            for want in line.consumers.names.take_wants() {
                resolver.ask(want);
            }
            resolver.finish(now, NAMES_LIMIT, &mut |record| line.take(record));
        }
        line.correlator.finish(now, &mut line.consumers);
        let mut ledger = self.line.correlator.ledger();
        ledger.markers.late = self.order.late();
        ledger.lost = self.lost();
        self.line.consumers.end_others();
        if let Some(hub) = self.hub {
            ledger.lost.sink = hub.close();
        }
        let mut consumers = self.line.consumers;
        let groups = consumers.grouped.take();
        let groups = groups.map(|groups| groups.finish(&mut consumers.names));
        let anchor = self.began.anchor();
        let slowest = consumers.slowest.take();
        let slowest = slowest.map(|of| of.spans(self.line.correlator.open_by_age(), now, anchor));
        Ok(Outcome {
            log_lines: consumers.malformed.take().collect(),
            summary: consumers.summary,
            groups,
            slowest,
            correlator: self.line.correlator,
            backend: source.name(),
            activity: source.sees_activity(),
            wall_start: self.began.wall,
            elapsed_ns: now.saturating_sub(self.began.monotonic),
            ledger,
        })
    }

    /// What becomes known outside of the kernel goes into the line as records, those of processes that are
    /// `gone` too.
    fn produce(&mut self, now: u64, gone: &[u32]) {
        let Self {
            order,
            line,
            host,
            resolver,
            made,
            ..
        } = self;
        let mut push = |record: &[u8]| order.push(record, &mut |record| line.take(record));
        host.drain(&mut push);
        for &pid in gone {
            push(made.gone(now, pid));
        }
        if let Some(resolver) = resolver {
            resolver.drain(now, &mut push);
        }
    }

    /// What the source has lost goes into the line too, if it is more than before.
    fn losses(&mut self, now: u64, source: &dyn Source) {
        let lost = source.lost();
        if lost != self.lost_before {
            let causes = lost.causes().into_iter();
            let causes = causes.map(|(name, count)| (name, count.known()));
            let Self {
                order, line, made, ..
            } = self;
            order.push(made.losses(now, causes), &mut |record| line.take(record));
            self.lost_before = lost;
        }
    }

    fn lost(&self) -> Lost {
        let mut lost = self.line.correlator.ledger().lost;
        lost.bad_record += self.line.bad_record;
        lost.unknown_kind += self.line.unknown_kind;
        lost.sink += self.hub.as_ref().map_or(0, Hub::lost);
        lost
    }
}

impl Line {
    fn take(&mut self, record: &[u8]) {
        match self.reader.read(record) {
            Ok(event) => self.correlator.push(&event, &mut self.consumers),
            Err(BadRecord::Kind(_)) => self.unknown_kind += 1,
            Err(BadRecord::Size { .. }) => self.bad_record += 1,
        }
    }
}
