//! Closed spans as statsd timers: `PREFIX.tag1.tag2:0.123456|ms`, milliseconds to the nanosecond.
//!
//! A span that ended by its exit marker is one line; spans with an inferred end are left out, for
//! their length is no latency. Lines are packed into datagrams (one value per line, no line split)
//! which leave through a bounded queue, so [`Statsd::send`] never waits for the network.
//!
//! # What the counts can say
//! `given = sent + lost + skipped` holds after [`Statsd::close`]; before it, the rest is under way.
//! *Sent* means that the datagram left and no refusal was heard. On a Unix socket that is exact: the
//! datagram is in the server's queue. On UDP to this machine it is exact as far as the server's
//! socket exists; whether it read the datagram or its buffer overflowed, UDP does not say. From
//! another machine refusals come late and few (hosts limit them), so *lost* is a lower bound.
//!
//! # Names
//! See [`name`]: no tag can forge a metric or break a line, and paths that differ only in replaced
//! bytes are merged. At most `max_names` distinct names are made; the spans of further ones go to
//! `PREFIX.nulltrace_overflow`, which no path can produce.
//!
//! # The sink about itself
//! Each flush interval, as far as they changed: counters `PREFIX.nulltrace_sent`,
//! `PREFIX.nulltrace_overflowed` and `PREFIX.nulltrace_lost.CAUSE` with what was added since, and the gauge
//! `PREFIX.nulltrace_queue`, datagrams waiting. For the prefix `nulltrace` see [`name::own`]. While the server takes
//! no data the gauge is sent each time, so that its return is noticed.
//!
//! ```
//! use std::net::UdpSocket;
//! use std::sync::{Arc, atomic::Ordering};
//! use std::time::Duration;
//! use nulltrace_collector::sink::statsd::{Statsd, StatsdConfig};
//! use nulltrace_core::spans::span::{Closed, End};
//! use nulltrace_core::facts::path::TagPath;
//! use nulltrace_spec::Id;
//!
//! let server = UdpSocket::bind("127.0.0.1:0")?;
//! let address = server.local_addr()?.to_string();
//! let mut statsd = Statsd::open(&StatsdConfig { address, ..StatsdConfig::default() })?;
//! let counts = statsd.counts();
//! statsd.send(&[Closed {
//!     seq: 1, parent: None, parent_tags: None,
//!     tags: Arc::new(TagPath::new(b"checkout.pay", ["checkout", "pay"])),
//!     id: Id::None, enter_args: Default::default(), exit_args: Default::default(),
//!     pid: 1, tid: 1, process: None,
//!     start: 1_000_000, end: 1_123_456, how: End::Exit, child_ns: 0, child_hits: 0, times: None,
//! }]);
//! statsd.close(Duration::from_secs(1));
//!
//! let mut datagram = [0; 1432];
//! let length = server.recv(&mut datagram)?;
//! assert_eq!(&datagram[..length], b"nulltrace.checkout.pay:0.123456|ms\n");
//! assert_eq!(counts.sent.load(Ordering::Relaxed), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod config;
mod delivery;
mod error;
pub mod name;
mod number;
mod pace;
mod sample;
mod series;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nulltrace_core::ledger::Lost;
use nulltrace_core::spans::span::{Closed, End};

pub use address::{Address, DEFAULT_PORT};
pub use config::{
    DATAGRAM_MAX, DATAGRAM_MIN, Dialect, HOST_MAX, LONGEST_LINE, MetricKind, PREFIX_MAX, RATE_MIN,
    StatsdConfig, UDP_DATAGRAM, UNIX_DATAGRAM,
};
use delivery::{Delivery, Opened};
pub use error::StatsdError;
use sample::Sampler;
use series::SeriesTable;
use trouble::{Said, Trouble};

use super::{Batch, Prepared, Sink, SinkCounts};
use crate::log;

/// A statsd sink whose settings were checked and whose socket is open, but without a thread yet: a
/// mistake is found while the rights to start a thread are still too many.
#[derive(Debug)]
pub struct Ready {
    config: StatsdConfig,
    opened: Opened,
}

/// A statsd sink; see the [module](self).
///
/// It has to be [closed](Self::close): what is dropped before may not leave, uncounted.
#[derive(Debug)]
pub struct Statsd {
    series: SeriesTable,
    sampler: Option<Sampler>,
    /// The datagram being filled, and the spans in it.
    open: String,
    open_spans: u32,
    delivery: Delivery,
    counts: Arc<SinkCounts>,
    telemetry: String,
    reported: Reported,
    interval: Duration,
    trouble: Trouble,
}

/// What was reported to the server of the totals.
#[derive(Debug, Default)]
struct Reported {
    /// By the order of [`Lost::causes`].
    lost: [u64; Lost::CAUSES],
    sent: u64,
    overflowed: u64,
    queue: u64,
}

impl Ready {
    /// Opens a socket to the server, whose host name is looked up now and not again.
    ///
    /// # Errors
    /// A setting makes no sense, the host is unknown, or nothing listens at the Unix socket. Whether
    /// a UDP server listens cannot be known before data is sent.
    pub fn open(config: &StatsdConfig) -> Result<Self, StatsdError> {
        config.validate()?;
        Ok(Self {
            opened: Opened::open(config)?,
            config: config.clone(),
        })
    }

    /// Starts the thread that sends. It has the rights of the caller.
    #[must_use]
    pub fn start(self) -> Statsd {
        let Self { config, opened } = self;
        let counts = SinkCounts::shared();
        let delivery = opened.start(Arc::clone(&counts));
        Statsd {
            trouble: Trouble::default(),
            series: SeriesTable::new(&config),
            sampler: (config.sample_rate < 1.0)
                .then(|| Sampler::new(config.sample_rate, config.seed)),
            open: String::with_capacity(delivery.max_datagram() + LONGEST_LINE),
            open_spans: 0,
            delivery,
            counts,
            telemetry: name::own(&config.prefix),
            reported: Reported::default(),
            interval: config.flush_interval(),
        }
    }
}

impl Statsd {
    /// [`Ready::open`] and [`Ready::start`].
    ///
    /// # Errors
    /// Those of [`Ready::open`].
    pub fn open(config: &StatsdConfig) -> Result<Self, StatsdError> {
        Ok(Ready::open(config)?.start())
    }

    /// Spans given, sent, lost and skipped so far.
    #[must_use]
    pub fn counts(&self) -> Arc<SinkCounts> {
        Arc::clone(&self.counts)
    }

    /// Spans so far that went to the overflow name.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.series.overflowed()
    }

    /// What kept data from the server last, reported once: for a warning.
    #[must_use]
    pub fn take_trouble(&self) -> Option<StatsdError> {
        self.delivery.take_trouble()
    }

    /// Encodes the spans and queues each datagram that is full. Never waits.
    pub fn send(&mut self, batch: &[Closed]) {
        SinkCounts::add(&self.counts.given, batch.len() as u64);
        let mut skipped = 0;
        for span in batch {
            if span.how != End::Exit || !self.sampler.as_mut().is_none_or(Sampler::keep) {
                skipped += 1;
                continue;
            }
            let start = self.open.len();
            let series = self.series.find(span);
            self.open.push_str(&series.head);
            number::push_millis(&mut self.open, span.duration());
            self.open.push_str(&series.tail);
            self.close_line(start);
            self.open_spans += 1;
        }
        SinkCounts::add(&self.counts.skipped, skipped);
    }

    /// Sends what was lost, sent and overflowed since the last time, if anything was; `lost` is the total so far.
    pub fn telemetry(&mut self, lost: &Lost) {
        let mut reported = self.reported.lost;
        for ((name, now), before) in lost.causes().into_iter().zip(&mut reported) {
            // What is not known now is sent once it is.
            if let Some(now) = now.known().filter(|now| now > before) {
                self.own_line(["lost.", name], now - *before, "|c");
                *before = now;
            }
        }
        let now = Reported {
            lost: reported,
            sent: self.counts.sent.load(Ordering::Relaxed),
            overflowed: self.series.overflowed(),
            queue: self.delivery.waiting(),
        };
        let before = std::mem::replace(&mut self.reported, now);
        let (sent, overflowed, queue) = (
            self.reported.sent - before.sent,
            self.reported.overflowed - before.overflowed,
            self.reported.queue,
        );
        if overflowed > 0 {
            self.own_line(["", "overflowed"], overflowed, "|c");
        }
        if sent > 0 {
            self.own_line(["", "sent"], sent, "|c");
        }
        if queue != before.queue || self.trouble.goes_on() {
            self.own_line(["", "queue"], queue, "|g");
        }
    }

    /// Queues the datagram being filled, and books the one that left before. Never waits.
    pub fn flush(&mut self) {
        self.delivery.settle();
        self.hand_over();
    }

    /// Sends what is left, for at most `timeout`; what has not left by then is lost. A datagram that
    /// is with the kernel at that moment counts as lost and may arrive yet.
    pub fn close(mut self, timeout: Duration) {
        self.flush();
        self.delivery.close(timeout);
    }

    fn own_line(&mut self, [group, name]: [&str; 2], value: u64, kind: &str) {
        let start = self.open.len();
        for part in [&self.telemetry, group, name, ":"] {
            self.open.push_str(part);
        }
        number::push_integer(&mut self.open, value);
        for part in [kind, self.series.host(), "\n"] {
            self.open.push_str(part);
        }
        self.close_line(start);
    }

    /// If the line that begins at `start` made the datagram too long, it begins the next one. Alone
    /// it always fits: [`LONGEST_LINE`] is checked by the compiler.
    fn close_line(&mut self, start: usize) {
        if self.open.len() > self.delivery.max_datagram() {
            let line = self.open.split_off(start);
            self.hand_over();
            self.open.push_str(&line);
        }
    }

    /// Says what keeps data from the server, not each time, and that it is over.
    fn complain(&mut self) {
        let trouble = self.take_trouble();
        let lost = self.counts.lost.load(Ordering::Relaxed);
        let (taken, now) = (self.delivery.taken(), Instant::now());
        match (
            self.trouble.look(now, trouble.is_some(), taken, lost),
            trouble,
        ) {
            (Some(Said::Trouble { lost: 0 }), Some(trouble)) => log::say(trouble),
            (Some(Said::Trouble { lost }), Some(trouble)) => {
                log::say(format_args!("{trouble} ({lost} more spans lost)"));
            }
            (Some(Said::Over { lost }), _) => log::say(format_args!(
                "sending to the statsd server works again: {}; {lost} more spans were lost",
                self.delivery.address(),
            )),
            _ => {}
        }
    }

    fn hand_over(&mut self) {
        if !self.open.is_empty() {
            self.delivery.submit(&mut self.open, self.open_spans);
            self.open_spans = 0;
        }
    }
}

impl Prepared for Ready {
    fn start(self: Box<Self>) -> std::io::Result<Box<dyn Sink>> {
        Ok(Box::new(Self::start(*self)))
    }
}

impl Sink for Statsd {
    fn send(&mut self, batch: &Batch) {
        Self::send(self, &batch.spans);
    }
    fn tick(&mut self, lost: &Lost) {
        self.telemetry(lost);
        self.flush();
        self.complain();
    }
    fn period(&self) -> Duration {
        self.interval
    }
    fn close(self: Box<Self>, limit: Duration) {
        Self::close(*self, limit);
    }
    fn counts(&self) -> Arc<SinkCounts> {
        Self::counts(self)
    }
}
