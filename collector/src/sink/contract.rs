//! What every sink is to the room that feeds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nulltrace_core::ledger::Lost;
use nulltrace_core::spans::span::Closed;

use crate::clock::Moment;

/// A sink that was checked and is open, but has no thread yet: until rights were given up, of which each thread
/// has its own.
pub trait Prepared {
    /// Makes the sink, with what threads it needs. They have the rights of the caller.
    ///
    /// # Errors
    /// A thread could not be made.
    fn start(self: Box<Self>) -> std::io::Result<Box<dyn Sink>>;
}

/// Spans that ended, each with what was known of its process.
#[derive(Debug)]
pub struct Batch {
    /// A moment by both clocks, as recorded last before they ended: to say when they were by the wall clock.
    pub anchor: Moment,
    /// The spans, in the order in which they ended.
    pub spans: Vec<Closed>,
}

/// A place closed spans go to. All calls come from one thread of its own.
pub trait Sink: Send {
    /// Takes a batch.
    fn send(&mut self, batch: &Batch);
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

    /// The sink is left, after so many spans were queued for it or lost on the way there: those that did not
    /// leave are lost. Returns how many are in all.
    pub fn settle(&self, spans: u64) -> u64 {
        let get = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let left = get(&self.sent) + get(&self.skipped);
        self.given.store(spans, Ordering::Relaxed);
        self.lost
            .store(spans.saturating_sub(left), Ordering::Relaxed);
        get(&self.lost)
    }

    /// Adds `n` to `counter`.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}
