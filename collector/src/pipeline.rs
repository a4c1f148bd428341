//! The only place that wires the rooms together: source, order, correlator, summary, sinks.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nulltrace_core::facts::names::Wanted;
use nulltrace_core::facts::process::Process;
use nulltrace_core::input::event::{BadRecord, Event, What};
use nulltrace_core::input::layout::Reader;
use nulltrace_core::input::made::Made;
use nulltrace_core::input::order::Order;
use nulltrace_core::ledger::Lost;
use nulltrace_core::measure::family::Families;
use nulltrace_core::measure::{groups, summary};
use nulltrace_core::query::Query;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher;

use crate::clock::{self, Moment};
use crate::consumers::{self, Consumers, Now, Stream};
use crate::error::Error;
use crate::gone::Suspects;
use crate::host::Host;
use crate::mailbox::{Inbox, Mailbox};
use crate::measured::Measured;
use crate::recording::{self, Recording};
use crate::resolve::Resolver;
use crate::sink::Prepared;
use crate::sink::hub::Hub;
use crate::sink::recorder::Recorder;
use crate::source::keeper::Keeper;
use crate::source::{Source, capture};

/// How long a record waits for earlier ones of other CPUs. Between reading the clock and reserving
/// room in the ring lie a few hundred nanoseconds, more if a virtual CPU was stopped there.
const SLACK_NS: u64 = 1_000_000;
/// So many records in one round mean that the source fills about as fast as it is drained.
pub const PLENTY: usize = 1 << 15;

/// A snapshot is shared for so many times of what it takes to copy all of it: so copying takes no more than that
/// part of the draining thread.
const SHARED: u64 = 10;
/// With no more open spans than these a live answer says where their time went: each must be visited.
const OPEN_TIMED: u64 = 10_000;
/// What is not known of processes that cannot be looked at.
const HIDDEN: &str = "ancestors and cgroups of processes that /proc hides are not known: the right to look at them \
                      was given up when nulltrace began; name the fields there with --by";
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
    /// Bytes of records that may wait for the recorder.
    pub recorder_bytes: usize,
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
            recorder_bytes: 32 << 20,
            malformed_per_second: 5,
        }
    }
}

/// Whether an answer says where the time of open spans went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenTimes {
    Always,
    /// If they are not too many to visit between two rounds.
    OfFew,
}

/// Records in, summary and sinks out.
pub struct Pipeline {
    order: Order,
    line: Line,
    hub: Option<Hub>,
    recording: Option<Recording>,
    host: Host,
    resolver: Option<Resolver>,
    made: Made,
    /// What the source had lost the last time it was asked.
    lost_before: Lost,
    suspects: Suspects,
    /// Queries of other threads, once there is a [`Mailbox`].
    inbox: Option<Inbox>,
    recent: Option<Recent>,
    limits: Limits,
    began: Moment,
}

/// A snapshot that is shared by all who ask within a time. While there is one, what changes is copied: the longer
/// that takes in all, the longer it is shared.
struct Recent {
    /// `CLOCK_MONOTONIC` nanoseconds.
    until: u64,
    measured: Measured,
}

/// What comes after the order.
struct Line {
    reader: Reader,
    correlator: Correlator,
    consumers: Consumers,
    bad_record: u64,
    unknown_kind: u64,
}

/// A recording has all of them: it is not known what will be asked.
const ALL_NAMES: Wanted = Wanted {
    user: true,
    ancestors: true,
    cgroup: true,
    container: true,
};

/// What a run came to.
pub struct Outcome {
    /// What was measured in all.
    pub measured: Measured,
    /// What should still be logged, made safe for a terminal.
    pub log_lines: Vec<String>,
    /// The events, if they are shown.
    pub(crate) stream: Option<Stream>,
    /// The recording, if there is one: its last records are given, but perhaps not written.
    pub recorder: Option<Recorder>,
}

/// What measured things are said to come from.
struct From {
    backend: Cow<'static, str>,
    activity: bool,
}

impl From {
    fn source(source: &dyn Source) -> Self {
        Self {
            backend: source.name().into(),
            activity: source.sees_activity(),
        }
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
                consumers: Consumers::new(
                    limits.summary,
                    consumers::Limits {
                        groups: limits.groups,
                        summary: limits.summary,
                        reach: limits.spans.reach,
                        single_bytes: limits.summary.calls_bytes / 2,
                    },
                    limits.malformed_per_second,
                ),
                bad_record: 0,
                unknown_kind: 0,
            },
            hub: None,
            recording: None,
            host: Host::default(),
            resolver: None,
            made: Made::default(),
            lost_before: Lost::default(),
            suspects: Suspects::default(),
            inbox: None,
            recent: None,
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
    pub fn sending(mut self, sinks: Vec<Box<dyn Prepared>>) -> Result<Self, Error> {
        if !sinks.is_empty() {
            let (consumer, hub) =
                Hub::start(sinks, self.limits.queued_batches).map_err(no_thread)?;
            self.line.consumers.add(consumer);
            self.hub = Some(hub);
        }
        Ok(self)
    }

    /// Counts for this query from now on, to the end; names that `/proc` hides come by the keeper.
    ///
    /// # Errors
    /// The query cannot be answered, or a thread could not be made.
    pub fn asking(mut self, query: &Query, keeper: Option<Keeper>) -> Result<Self, Error> {
        self.line.consumers.keep(query)?;
        self.start_resolver(keeper).map_err(no_thread)?;
        Ok(self)
    }

    /// Shows the events that come from now on; names that `/proc` hides come by the keeper. Of a capture, which has its
    /// names, nothing is looked up.
    ///
    /// # Errors
    /// A thread could not be made.
    pub(crate) fn showing(
        mut self,
        mut stream: Stream,
        live: Option<Option<Keeper>>,
    ) -> Result<Self, Error> {
        let Moment { monotonic, wall } = self.began;
        stream.clock().begin(monotonic, wall);
        self.line.consumers.show(stream);
        if let Some(keeper) = live {
            self.start_resolver(keeper).map_err(no_thread)?;
        }
        Ok(self)
    }

    /// Whether all events are shown that were asked for, and nothing else is done.
    pub(crate) fn is_over(&self) -> bool {
        let stream = self.line.consumers.stream.as_ref();
        stream.is_some_and(Stream::is_over)
    }

    /// Nothing more comes for a while: what is drawn goes out.
    pub(crate) fn pause(&mut self) {
        if let Some(stream) = &mut self.line.consumers.stream {
            stream.pause();
        }
    }

    /// Records all that comes from now on, with every name that may be asked for.
    ///
    /// # Errors
    /// A thread could not be made.
    pub fn recording(
        mut self,
        plan: recording::Plan,
        keeper: Option<Keeper>,
    ) -> Result<Self, Error> {
        let room = self.limits.recorder_bytes;
        let (tap, recording) = Recording::start(plan, self.began, room).map_err(no_thread)?;
        self.line.consumers.add(tap);
        self.line.consumers.want_names(ALL_NAMES);
        self.recording = Some(recording);
        self.start_resolver(keeper).map_err(no_thread)?;
        Ok(self)
    }

    /// Starts the thread that looks up names if it is needed now.
    fn start_resolver(&mut self, keeper: Option<Keeper>) -> io::Result<()> {
        if self.resolver.is_none() && self.line.consumers.names.is_asked() {
            self.resolver = Some(Resolver::start(keeper)?);
        }
        Ok(())
    }

    /// Where other threads may put queries; each [`turn`](Self::turn) answers some.
    pub fn mailbox(&mut self) -> Mailbox {
        self.inbox.get_or_insert_with(Inbox::new).mailbox()
    }

    /// What was measured until now, as `query` asks; or until shortly before, where somebody asked then: with ten
    /// thousand tag paths that is a second at most, with a hundred of them 12 ms. What the summary does not have is counted from the first
    /// time it is asked for, which the answer has as [`since`](Measured::since); that goes on until nobody has
    /// asked for a minute.
    ///
    /// # Errors
    /// The query cannot be answered, or too many are counted for already.
    pub fn view(&mut self, query: &Query, source: &dyn Source) -> Result<Measured, Error> {
        let now = Moment::now();
        self.answer(query, now, source)
    }

    fn answer(
        &mut self,
        query: &Query,
        now: Moment,
        source: &dyn Source,
    ) -> Result<Measured, Error> {
        let mut measured = self.snapshot(now.monotonic, source);
        let Line {
            correlator,
            consumers,
            ..
        } = &mut self.line;
        let asked = Now {
            moment: now,
            correlator,
            ended: false,
        };
        consumers.ask(query, &asked, &mut measured)?;
        // Rights that other processes' names take were given up by now: what cannot be had stays unknown.
        let failed = self.start_resolver(None).err();
        let seen = |resolver: &Resolver| resolver.sees_all();
        let names = query.names();
        if let Some(error) = failed {
            let note = format!("names are not known, as no thread could be started ({error})");
            measured.notes.push(note);
        } else if names.others() && !self.resolver.as_ref().is_some_and(seen) {
            measured.notes.push(HIDDEN.to_owned());
        }
        Ok(measured)
    }

    /// Answers some of the queries of other threads.
    fn serve(&mut self, source: &dyn Source) {
        let asks: Vec<_> = self.inbox.iter().flat_map(Inbox::take).collect();
        for ask in asks {
            let answer = self.answer(&ask.query, Moment::now(), source);
            ask.answer(answer);
        }
    }

    /// What was measured until `now`, or shortly before.
    fn snapshot(&mut self, now: u64, source: &dyn Source) -> Measured {
        if let Some(recent) = self.recent.as_ref().filter(|of| now < of.until) {
            return recent.measured.clone();
        }
        // Where the one before is kept by nobody, its copies are free for this one.
        self.recent = None;
        let measured = self.measured(now, From::source(source), OpenTimes::OfFew);
        let shared = measured.summary.copy_ns().saturating_mul(SHARED);
        let until = now.saturating_add(shared);
        self.recent = Some(Recent {
            until,
            measured: measured.clone(),
        });
        measured
    }

    /// What was measured until `now`, without what queries are counted for.
    fn measured(&mut self, now: u64, from: From, open_times: OpenTimes) -> Measured {
        let summary = Arc::new(self.line.consumers.summary.summary().clone());
        let Line {
            correlator,
            consumers,
            ..
        } = &self.line;
        let (activity, open) = (from.activity, correlator.open());
        let few = open_times == OpenTimes::Always || open <= OPEN_TIMED;
        let mut ledger = correlator.ledger();
        ledger.markers.late = self.order.late();
        ledger.lost = self.lost();
        let mut notes = Vec::new();
        if activity && !few {
            notes.push(format!(
                "where the time of the {open} open spans went is left out until they end"
            ));
        }
        let families = consumers.families.clone().filter(|_| activity);
        if let Some(times @ 1..) = families.as_ref().map(Families::unkept) {
            notes.push(format!(
                "there was no room {times} times to keep what a process did in spans: reasons name no child there; \
                 --memory gives more"
            ));
        }
        let open = correlator.open_by_tags(few);
        Measured {
            backend: from.backend,
            wall_start: self.began.wall,
            elapsed_ns: now.saturating_sub(self.began.monotonic),
            since: None,
            ledger,
            notes,
            summary,
            open: open.map(|(path, open)| (Arc::clone(path), open)).collect(),
            groups: None,
            selected: None,
            slowest: None,
            families,
            outside: activity.then(|| *correlator.outside()),
            calls: None,
        }
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
        let records = self.round(now, &gone, source)?;
        self.line.consumers.expire(now);
        self.recent = self.recent.take().filter(|of| now < of.until);
        self.serve(source);
        Ok(records)
    }

    /// A round that begins at `now`, when these processes were found to be gone.
    fn round(&mut self, now: u64, gone: &[u32], source: &mut dyn Source) -> Result<usize, Error> {
        self.produce(now, gone);
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
        for (tid, ts) in line.consumers.idle.drain() {
            source.mark_idle(tid, ts);
        }
        self.look_up();
        let lost = self.lost();
        if let Some(hub) = &self.hub {
            hub.report(&lost);
        }
        if let Some(recording) = &self.recording {
            recording.report(lost.sum());
        }
        self.split_recording(&lost);
        Ok(records)
    }

    /// Goes on with the recording in its next file if it is time for that. All records that were taken in are handed
    /// over by the tick before; those that follow belong to it.
    fn split_recording(&mut self, lost: &Lost) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let Some(number) = recording.due() else {
            return;
        };
        let Self {
            order, line, host, ..
        } = self;
        recording.next(number, (lost, order.late()), |now, out| {
            host.again(out);
            line.known(now, out);
        });
    }

    /// Why the recording takes no more; once, when that is so.
    pub fn recording_failure(&mut self) -> Option<String> {
        self.recording.as_mut()?.failure()
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
        // Who waits for an answer hears now that there will be none.
        (self.inbox, self.recent) = (None, None);
        // One drain holds all that was written before it; others may never stop writing.
        source.conclude();
        let now = clock::monotonic();
        let correlator = &mut self.line.correlator;
        let gone = self.suspects.look_now(now, correlator, source);
        self.round(now, &gone, source)?;
        let now = clock::monotonic();
        let Self { order, line, .. } = &mut self;
        order.release(u64::MAX, &mut |record| line.take(record));
        self.finish_names(now);
        let line = &mut self.line;
        line.correlator.finish(now, &mut line.consumers);
        self.end_recording(now);
        let line = &mut self.line;
        line.consumers.end_others();
        let hub = self.hub.take();
        let mut outcome = self.outcome(now, From::source(source));
        if let Some(hub) = hub {
            outcome.measured.ledger.lost.sink = hub.close();
        }
        Ok(outcome)
    }

    /// What it came to, at `now`, when it has ended.
    fn outcome(mut self, now: u64, from: From) -> Outcome {
        let mut measured = self.measured(now, from, OpenTimes::Always);
        let Line {
            correlator,
            consumers,
            ..
        } = &mut self.line;
        let moment = Moment {
            monotonic: now,
            wall: measured.wall_end(),
        };
        let now = Now {
            moment,
            correlator,
            ended: true,
        };
        consumers.own(&now, &mut measured);
        Outcome {
            measured,
            log_lines: self.line.consumers.malformed.take().collect(),
            stream: self.line.consumers.stream.take(),
            recorder: self.recording.map(Recording::close),
        }
    }

    /// What only this pipeline knows goes into the recording, as its last records.
    fn end_recording(&mut self, now: u64) {
        let Self {
            line,
            order,
            recording,
            ..
        } = self;
        let Some(recording) = recording else { return };
        let lost = Lost {
            bad_record: line.bad_record,
            unknown_kind: line.unknown_kind,
            ..self.lost_before.clone()
        };
        recording.end(now, &lost, order.late(), &mut |record| {
            line.consumers.record(record);
        });
    }

    /// Takes a record that was kept: it is in order, and its names come with the others.
    pub fn replay(&mut self, record: &[u8]) {
        self.line.take(record);
    }

    /// Gives all that is known at `now`, as records for a pipeline that begins then.
    pub fn known(&self, now: u64, out: &mut dyn FnMut(&[u8])) {
        self.line.known(now, out);
    }

    /// All that was kept was given: what it came to is what a run of the same records did.
    #[must_use]
    pub fn replayed(mut self, ran: &capture::Ran) -> Outcome {
        self.began = ran.began;
        self.look_up();
        let line = &mut self.line;
        line.correlator.finish(ran.ended, &mut line.consumers);
        let from = From {
            backend: ran.backend.clone().into(),
            activity: ran.activity,
        };
        let mut outcome = self.outcome(ran.ended, from);
        outcome.measured.ledger.markers.late = ran.late;
        let calls = Some(&ran.calls).filter(|calls| !calls.is_empty());
        outcome.measured.calls = calls.cloned().map(Arc::new);
        outcome
    }

    /// Asks for the names that are wanted since the last time. Where nobody can answer they are unknown.
    fn look_up(&mut self) {
        let names = &mut self.line.consumers.names;
        for want in names.take_wants() {
            let asked = match &mut self.resolver {
                Some(resolver) => resolver.ask(want),
                None => Err(want),
            };
            if let Err(want) = asked {
                names.refuse(want);
            }
        }
    }

    /// Waits for the names that are wanted still, and for those that are wanted because of them.
    fn finish_names(&mut self, now: u64) {
        let until = Instant::now() + NAMES_LIMIT;
        loop {
            self.look_up();
            let Self { line, resolver, .. } = &mut *self;
            let Some(resolver) = resolver else { return };
            if !resolver.wait(until, now, &mut |record| line.take(record)) {
                return;
            }
        }
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

    /// What the source has lost goes into the line too, if it is more than before. It is read after the drain, so
    /// that nothing is reported missing before what there is; `now`, of before it, keeps the record in the order.
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
        let mut lost = self.line.correlator.lost();
        lost.bad_record += self.line.bad_record;
        lost.unknown_kind += self.line.unknown_kind;
        lost.lookup += self.line.consumers.names.refused();
        lost.sink += self.hub.as_ref().map_or(0, Hub::lost);
        lost
    }
}

impl Line {
    /// Gives what is known and open, and names, as records.
    fn known(&self, now: u64, out: &mut dyn FnMut(&[u8])) {
        self.correlator.snapshot_joined(out);
        self.consumers.names.snapshot(now, out);
    }

    fn take(&mut self, record: &[u8]) {
        match self.reader.read(record) {
            Ok(event) => {
                self.correlator.push(&event, &mut self.consumers);
                if self.consumers.wants().any_of(Wants::RECORD) {
                    let is_process = matches!(event.what, What::Process { .. });
                    let process = match is_process {
                        true => self.correlator.process(event.pid).map(|of| &**of),
                        false => None,
                    };
                    self.consumers.taken(&event, record, process);
                }
            }
            Err(BadRecord::Kind(_)) => self.unknown_kind += 1,
            Err(BadRecord::Size { .. }) => self.bad_record += 1,
        }
    }
}

impl Consumers {
    /// Gives a record to those who keep the stream, and asks for the names of a process that it brings: it is not
    /// known what will be asked of it later.
    fn taken(&mut self, event: &Event<'_>, record: &[u8], process: Option<&Process>) {
        if let Some(process) = process {
            self.names.known(process);
        }
        // Of a write they have heard already.
        if !matches!(event.what, What::Write { .. } | What::Snapshot { .. }) {
            self.record(record);
        }
    }
}

pub(crate) fn no_thread(error: io::Error) -> Error {
    Error::io(
        "cannot start a thread",
        error,
        "the limit on threads",
        "raise it (ulimit -u)",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::thread;

    use nulltrace_core::input::record::{Head, KIND_WRITE};
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;

    /// Gives the records it has.
    #[derive(Default)]
    struct Records(VecDeque<Vec<u64>>);

    impl Records {
        /// Thread 7 writes this now, or some time ago: its records are due.
        fn write(&mut self, marker: &str) {
            let mut head = Head::new_zeroed();
            let len = size_of::<Head>() + marker.len();
            (head.ts, head.pid, head.tid) = (clock::monotonic() - 2 * SLACK_NS, 7, 7);
            (head.size, head.kind) = (u16::try_from(len).unwrap(), KIND_WRITE);
            // Records are aligned.
            let mut record = vec![0_u64; len.div_ceil(8)];
            let bytes = record.as_mut_bytes();
            bytes[..size_of::<Head>()].copy_from_slice(head.as_bytes());
            bytes[size_of::<Head>()..len].copy_from_slice(marker.as_bytes());
            self.0.push_back(record);
        }
    }

    impl Source for Records {
        fn name(&self) -> &'static str {
            "records"
        }
        fn drain(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
            let records = self.0.len();
            for record in self.0.drain(..) {
                let len = usize::from(u16::from_ne_bytes([
                    record.as_bytes()[16],
                    record.as_bytes()[17],
                ]));
                sink(&record.as_bytes()[..len]);
            }
            Ok(records)
        }
        fn wait(&mut self, _: Duration) {}
        fn sees_activity(&self) -> bool {
            true
        }
        fn lost(&self) -> Lost {
            Lost::default()
        }
        fn alive(&self) -> Option<usize> {
            None
        }
    }

    /// Tags, hits and how many are open.
    fn rows(of: &Measured) -> Vec<(String, u64, u64)> {
        let rows = of.rows();
        let rows = rows.iter().map(|row| {
            let tags = String::from_utf8_lossy(row.path.canonical()).into_owned();
            (tags, row.stats.hits(), row.open)
        });
        rows.collect()
    }

    #[test]
    fn now_is_reported_as_the_end_is() {
        let (mut pipeline, mut source) = (Pipeline::new(Limits::default()), Records::default());
        for marker in [">:t:a::", "<:t:a::", ">:t:b::"] {
            source.write(marker);
        }
        pipeline.turn(&mut source).unwrap();
        let now = pipeline.view(&Query::view("summary"), &source).unwrap();
        assert_eq!(rows(&now), [("a".to_owned(), 1, 0), ("b".to_owned(), 0, 1)]);
        assert_eq!((&*now.backend, now.since), ("records", None));
        assert!(now.notes.is_empty() && now.groups().is_none());
        let end = pipeline.finish(&mut source).unwrap().measured;
        assert_eq!((rows(&end), &end.ledger), (rows(&now), &now.ledger));
        assert_eq!(end.ledger.check(), Ok(()));
        assert!(end.elapsed_ns > now.elapsed_ns);
    }

    #[test]
    fn a_snapshot_is_shared_for_ten_times_of_what_it_takes_to_copy_it() {
        let (mut pipeline, mut source) = (Pipeline::new(Limits::default()), Records::default());
        source.write(">:t:a::");
        source.write("<:t:a::");
        pipeline.turn(&mut source).unwrap();
        let now = clock::monotonic();
        let first = pipeline.snapshot(now, &source);
        let copy = first.summary.copy_ns();
        assert!(copy > 0);
        let soon = pipeline.snapshot(now + SHARED * copy - 1, &source);
        assert!(Arc::ptr_eq(&first.summary, &soon.summary));
        let later = pipeline.snapshot(now + SHARED * copy, &source);
        assert!(!Arc::ptr_eq(&first.summary, &later.summary));
        // Nobody keeps it for longer than that.
        drop((first, soon));
        let weak = Arc::downgrade(&later.summary);
        drop(later);
        thread::sleep(Duration::from_nanos(3 * SHARED * copy));
        pipeline.turn(&mut source).unwrap();
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn of_too_many_open_spans_only_their_number_is_reported_live() {
        let (mut pipeline, mut source) = (Pipeline::new(Limits::default()), Records::default());
        for id in 0..=OPEN_TIMED {
            source.write(&format!(">:{id}:a::"));
        }
        pipeline.turn(&mut source).unwrap();
        let now = pipeline.view(&Query::view("time"), &source).unwrap();
        assert_eq!(rows(&now), [("a".to_owned(), 0, OPEN_TIMED + 1)]);
        let note = "where the time of the 10001 open spans went is left out until they end";
        assert_eq!(now.notes, [note]);
        let end = pipeline.finish(&mut source).unwrap().measured;
        assert!(end.notes.is_empty());
    }

    #[test]
    fn another_thread_asks_until_the_end() {
        let (mut pipeline, mut source) = (Pipeline::new(Limits::default()), Records::default());
        let mailbox = pipeline.mailbox();
        let query = Query::groups(vec!["user.name".parse().unwrap()], Vec::new());
        let asked = thread::spawn({
            let (mailbox, query) = (mailbox.clone(), query.clone());
            move || mailbox.ask(&query, Duration::from_secs(60)).unwrap()
        });
        source.write(">:t:a::");
        while !asked.is_finished() {
            pipeline.turn(&mut source).unwrap();
            thread::yield_now();
        }
        let answer = asked.join().unwrap();
        assert!(answer.groups().is_some() && answer.since.is_some());
        // Whoever looks up names was started for it.
        assert!(pipeline.resolver.is_some());
        pipeline.finish(&mut source).unwrap();
        let error = mailbox.ask(&query, Duration::from_secs(60)).unwrap_err();
        assert!(error.to_string().contains("the run has ended"), "{error}");
    }

    #[test]
    fn a_name_that_nobody_can_look_up_is_unknown_and_counted() {
        let mut pipeline = Pipeline::new(Limits::default());
        let query = Query::groups(vec!["user.name".parse().unwrap()], Vec::new());
        pipeline.line.consumers.keep(&query).unwrap();
        let user = Wanted {
            user: true,
            ..Wanted::default()
        };
        let process = Process::default();
        let names = &mut pipeline.line.consumers.names;
        names.known(&process);
        assert!(names.awaits(&process, user));
        pipeline.look_up();
        let names = &mut pipeline.line.consumers.names;
        assert!(!names.awaits(&process, user));
        assert_eq!(pipeline.lost().lookup, 1);
    }
}
