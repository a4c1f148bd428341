//! The only place that wires the rooms together: source, order, correlator, summary, sinks.

use std::collections::{HashMap, VecDeque};
use std::mem;

use jiff::Timestamp;
use nulltrace_core::activity::{Inside, Times};
use nulltrace_core::input::event::Event;
use nulltrace_core::input::order::Order;
use nulltrace_core::input::record::RESTS;
use nulltrace_core::ledger::{Ledger, Lost};
use nulltrace_core::measure::groups;
use nulltrace_core::measure::groups::Groups;
use nulltrace_core::measure::summary;
use nulltrace_core::measure::summary::{Row, Summary};
use nulltrace_core::query::plan::Plan;
use nulltrace_core::spans::correlate;
use nulltrace_core::spans::correlate::{Correlator, Malformed, Out};
use nulltrace_core::spans::span::Closed;

use crate::clock::{self, Moment};
use crate::enrich::{Enrich, Wanted};
use crate::error::Error;
use crate::gone::Suspects;
use crate::sink::hub::Hub;
use crate::source::Source;
use crate::source::keeper::Keeper;
use crate::view::text;

/// How long a record waits for earlier ones of other CPUs. Between reading the clock and reserving
/// room in the ring lie a few hundred nanoseconds, more if a virtual CPU was stopped there.
const SLACK_NS: u64 = 1_000_000;
/// So many records in one round mean that the source fills about as fast as it is drained.
pub const PLENTY: usize = 1 << 15;
/// Bytes of records that may wait.
const ORDER_BYTES: usize = 4 << 20;
/// Spans in a batch for the sinks.
const BATCH: usize = 1024;
/// Bytes of a malformed marker that are shown.
const SHOWN: usize = 120;
/// Malformed markers that are kept to be shown.
const KEPT: usize = 64;

/// What bounds the pipeline.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the correlator.
    pub spans: correlate::Limits,
    /// Of the summary.
    pub summary: summary::Limits,
    /// Of groups.
    pub groups: groups::Limits,
    /// Malformed markers shown in a second; all are counted.
    pub malformed_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            spans: correlate::Limits::default(),
            summary: summary::Limits::default(),
            groups: groups::Limits::default(),
            malformed_per_second: 5,
        }
    }
}

/// Records in, summary and sinks out.
pub struct Pipeline {
    order: Order,
    rest: Rest,
    hub: Option<Hub>,
    suspects: Suspects,
    limits: Limits,
    began: Moment,
}

/// What comes after the order.
struct Rest {
    correlator: Correlator,
    results: Results,
    bad_record: u64,
}

/// Where the correlator's results go.
struct Results {
    summary: Summary,
    grouped: Option<Grouped>,
    batch: Vec<Closed>,
    /// Threads without an open span, and when each wrote last.
    rests: HashMap<u32, u64>,
    /// Nobody takes batches: do not make any.
    summary_only: bool,
    log: Log,
}

/// Calls by the fields somebody asked for.
struct Grouped {
    groups: Groups,
    enrich: Enrich,
}

/// What a run came to.
pub struct Outcome {
    summary: Summary,
    groups: Option<Groups>,
    correlator: Correlator,
    /// The backend's name.
    pub backend: &'static str,
    /// When the run began.
    pub wall_start: Timestamp,
    /// How long it took, nanoseconds.
    pub elapsed_ns: u64,
    /// The whole account.
    pub ledger: Ledger,
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
    pub fn new(limits: Limits, hub: Option<Hub>) -> Self {
        Self {
            order: Order::new(ORDER_BYTES),
            rest: Rest {
                correlator: Correlator::new(limits.spans),
                results: Results {
                    summary: Summary::new(limits.summary),
                    grouped: None,
                    batch: Vec::new(),
                    rests: HashMap::new(),
                    summary_only: hub.is_none(),
                    log: Log::new(limits.malformed_per_second),
                },
                bad_record: 0,
            },
            hub,
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

    /// Groups the calls that come from now on, too; names that `/proc` hides come by the keeper.
    #[must_use]
    pub fn grouping(mut self, plan: Option<Plan>, keeper: Option<Keeper>) -> Self {
        self.rest.results.grouped = plan.map(|plan| Grouped {
            enrich: Enrich::new(Wanted::from(&plan)).with_keeper(keeper),
            groups: Groups::new(plan, self.limits.groups),
        });
        self
    }

    /// One round: drains the source and moves everything on. Returns how many records there were;
    /// after fewer than [`PLENTY`] the caller waits, so that the next round finds a batch.
    ///
    /// # Errors
    /// The source is broken.
    pub fn turn(&mut self, source: &mut dyn Source) -> Result<usize, Error> {
        // Read before the drain: what is older than this less the slack has been drained after it.
        let now = clock::monotonic();
        let Self {
            order,
            rest,
            suspects,
            ..
        } = self;
        suspects.look(now, &mut rest.correlator, source);
        let records = source
            .drain(&mut |record| order.push(record, &mut |record| rest.take(record)))
            .map_err(|error| {
                Error::new(
                    format!("reading markers failed ({error})"),
                    source.name(),
                    "start it again; with --backend ptrace if it fails again",
                )
            })?;
        let until = now.saturating_sub(SLACK_NS);
        order.release(until, &mut |record| rest.take(record));
        rest.correlator.tick(until, &mut rest.results);
        rest.gone(suspects, until);
        for (tid, ts) in rest.results.rests.drain() {
            source.rests(tid, ts);
        }
        self.hand_over();
        if let Some(hub) = &self.hub {
            hub.tell(&self.lost(source));
        }
        Ok(records)
    }

    /// What should be logged since the last call, made safe for a terminal.
    pub fn log_lines(&mut self) -> impl Iterator<Item = String> {
        mem::take(&mut self.rest.results.log.lines).into_iter()
    }

    /// The last round: what is still in the source, the order and the sinks' queues goes through.
    ///
    /// # Errors
    /// The source is broken.
    pub fn finish(mut self, source: &mut dyn Source) -> Result<Outcome, Error> {
        // One drain holds all that was written before it; others may never stop writing.
        source.conclude();
        let suspects = &mut self.suspects;
        suspects.look_now(clock::monotonic(), &mut self.rest.correlator, source);
        self.turn(source)?;
        let now = clock::monotonic();
        let Self {
            order,
            rest,
            suspects,
            ..
        } = &mut self;
        order.release(u64::MAX, &mut |record| rest.take(record));
        rest.gone(suspects, now);
        rest.correlator.finish(now, &mut rest.results);
        self.hand_over();
        let mut ledger = self.rest.correlator.ledger();
        ledger.markers.late = self.order.late();
        ledger.lost = self.lost(source);
        if let Some(hub) = self.hub {
            ledger.lost.sink = hub.close();
        }
        Ok(Outcome {
            summary: self.rest.results.summary,
            groups: self.rest.results.grouped.map(|grouped| grouped.groups),
            correlator: self.rest.correlator,
            backend: source.name(),
            activity: source.sees_activity(),
            wall_start: self.began.wall,
            elapsed_ns: now.saturating_sub(self.began.monotonic),
            ledger,
        })
    }

    fn hand_over(&mut self) {
        let batch = &mut self.rest.results.batch;
        if let Some(hub) = &self.hub {
            while !batch.is_empty() {
                let rest = batch.split_off(batch.len().min(BATCH));
                hub.send(mem::replace(batch, rest));
            }
        }
    }

    fn lost(&self, source: &dyn Source) -> Lost {
        let mut lost = source.lost();
        lost.bad_record += self.rest.bad_record;
        lost.slots += self.rest.correlator.slots();
        lost.depth += self.rest.correlator.deep();
        lost.history += self.rest.correlator.forgotten();
        lost.segment += self.rest.correlator.untold();
        lost.sink += self.hub.as_ref().map_or(0, Hub::lost);
        lost
    }
}

impl Rest {
    fn take(&mut self, record: &[u8]) {
        match Event::decode(record) {
            Ok(event) => {
                if let Some(grouped) = &mut self.results.grouped {
                    grouped.enrich.hear(&event);
                }
                self.correlator.push(&event, &mut self.results);
            }
            Err(_) => self.bad_record += 1,
        }
    }

    /// Ends what processes left open that are gone unheard of, now that all is read that was written until `read`.
    fn gone(&mut self, suspects: &mut Suspects, read: u64) {
        for pid in suspects.gone(read, &self.correlator) {
            self.correlator.gone(pid, read, &mut self.results);
        }
    }
}

impl Out for Results {
    fn closed(&mut self, span: &Closed) {
        self.summary.push(span);
        if !self.summary_only {
            self.batch.push(span.clone());
        }
    }

    fn rests(&mut self, tid: u32, ts: u64) {
        // What is not told only costs its thread more.
        if self.rests.len() < RESTS {
            self.rests.insert(tid, ts);
        }
    }

    fn malformed(&mut self, bad: &Malformed<'_>) {
        self.log.note(bad);
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        self.summary.inside(inside);
        if let Some(Grouped { groups, enrich }) = &mut self.grouped
            // Of what is outside spans only the beginning was looked at.
            && !inside.spans.is_empty()
        {
            groups.push(inside, enrich.known(inside));
        }
    }
}

/// A sample of the malformed markers: so many a second, and bounded if nobody takes them.
struct Log {
    per_second: u32,
    second: u64,
    shown: u32,
    lines: VecDeque<String>,
}

impl Log {
    fn new(per_second: u32) -> Self {
        Self {
            per_second,
            second: 0,
            shown: 0,
            lines: VecDeque::new(),
        }
    }

    fn note(&mut self, bad: &Malformed<'_>) {
        let second = bad.ts / 1_000_000_000;
        if second != self.second {
            (self.second, self.shown) = (second, 0);
        }
        if self.shown >= self.per_second || self.lines.len() >= KEPT {
            return;
        }
        self.shown += 1;
        let (code, at) = (bad.error.code, bad.error.offset);
        self.lines.push_back(
            format!(
                "malformed marker from {}[{}]: {}",
                text::safe(bad.comm),
                bad.pid,
                text::safe_within(bad.bytes, SHOWN),
            ) + &format!(": {} at byte {at}; {}", code.name(), code.text()),
        );
    }
}
