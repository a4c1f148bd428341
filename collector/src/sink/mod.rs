//! Where closed spans go.

pub mod hub;
pub mod statsd;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nulltrace_core::ledger::Lost;
use nulltrace_core::spans::span::Closed;

/// A place closed spans go to. All calls come from one task; none may block for long.
pub trait Sink: Send {
    /// Takes a batch.
    fn send(&mut self, batch: &[Closed]);
    /// Called each [`Sink::period`] with what was lost so far.
    fn tick(&mut self, lost: &Lost);
    /// How often [`Sink::tick`] is due.
    fn period(&self) -> Duration;
    /// Sends what is left, within `limit`.
    fn close(self: Box<Self>, limit: Duration);
    /// Its account.
    fn counts(&self) -> Arc<SinkCounts>;
}

/// What a sink did with what it was given. `given = sent + lost + skipped`, in spans.
#[derive(Debug, Default)]
pub struct SinkCounts {
    /// Spans handed to the sink.
    pub given: AtomicU64,
    /// Spans whose data left this process.
    pub sent: AtomicU64,
    /// Spans lost: queue full, server gone, line too long.
    pub lost: AtomicU64,
    /// Spans left out on purpose: sampled out, inferred ends.
    pub skipped: AtomicU64,
}

impl SinkCounts {
    /// A shared set of zeroes.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        Arc::default()
    }
    /// Adds `n` to `counter`.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}
