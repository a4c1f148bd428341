//! Closed spans to sinks: one thread and one bounded queue each, away from the drain thread.
//!
//! A full queue loses that sink's batch, counted, and nothing else: neither the drain thread nor
//! another sink waits for a slow one.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::ledger::Lost;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::span::Closed;

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::{Batch, Prepared, Sink, SinkCounts};
use crate::clock::Moment;

/// Spans in a batch.
pub(crate) const BATCH: usize = 1024;
/// How long a sink may take to send its last data.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// How much longer than that its thread is waited for.
const GRACE: Duration = Duration::from_millis(500);

/// The running sinks.
pub struct Hub {
    sinks: Vec<Running>,
    lost: watch::Sender<Lost>,
    limit: Duration,
}

struct Running {
    counts: Arc<SinkCounts>,
    /// Spans queued, or lost because the queue was full.
    queued: Arc<AtomicU64>,
    /// Says that the sink has closed, or by being gone that it panicked.
    done: std_mpsc::Receiver<()>,
}

/// Gives every sink the spans that end.
struct Batches {
    /// The clocks when the sinks began, and from then on as the last record of them says.
    anchor: Moment,
    spans: Vec<Closed>,
    ports: Vec<Port>,
}

struct Port {
    queue: mpsc::Sender<Arc<Batch>>,
    queued: Arc<AtomicU64>,
    counts: Arc<SinkCounts>,
}

impl Hub {
    /// Starts a thread for each sink. They have the rights of the caller. Returns also who takes the spans for
    /// them: when it is dropped, the sinks end. Each loses what comes when so many `batches` wait for it.
    ///
    /// # Errors
    /// A thread could not be made.
    pub fn start(
        sinks: Vec<Box<dyn Prepared>>,
        batches: usize,
    ) -> std::io::Result<(Box<dyn Consumer>, Self)> {
        let (lost, _) = watch::channel(Lost::default());
        let (mut running, mut ports) = (Vec::new(), Vec::new());
        for sink in sinks {
            let sink = sink.start()?;
            let counts = sink.counts();
            let (queue, waiting) = mpsc::channel(batches);
            let (closed, done) = std_mpsc::channel();
            let lost = lost.subscribe();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()?;
            thread::Builder::new()
                .name("sink".to_owned())
                .spawn(move || {
                    runtime.block_on(serve(sink, waiting, lost));
                    let _ = closed.send(());
                })?;
            let queued = Arc::new(AtomicU64::new(0));
            ports.push(Port {
                queue,
                queued: Arc::clone(&queued),
                counts: Arc::clone(&counts),
            });
            running.push(Running {
                counts,
                queued,
                done,
            });
        }
        let hub = Self {
            sinks: running,
            lost,
            limit: CLOSE_LIMIT + GRACE,
        };
        let batches = Batches {
            anchor: Moment::now(),
            spans: Vec::new(),
            ports,
        };
        Ok((Box::new(batches), hub))
    }

    /// Lets the sinks know what was lost so far, for their self-metrics.
    pub fn report(&self, lost: &Lost) {
        self.lost.send_if_modified(|known| {
            let changed = known != lost;
            if changed {
                known.clone_from(lost);
            }
            changed
        });
    }

    /// Spans the sinks lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let counts = self.sinks.iter().map(|sink| &sink.counts);
        counts
            .map(|counts| counts.lost.load(Ordering::Relaxed))
            .sum()
    }

    /// Waits until the sinks have sent all they were given, each for no longer than it may take; who gives them
    /// spans must be gone. Returns the spans they lost in all: what a sink still has by then is among them.
    #[must_use]
    pub fn close(self) -> u64 {
        let until = Instant::now() + self.limit;
        let mut lost = 0;
        for Running {
            counts,
            queued,
            done,
        } in self.sinks
        {
            let _ = done.recv_timeout(until.saturating_duration_since(Instant::now()));
            lost += counts.settle(queued.load(Ordering::Relaxed));
        }
        lost
    }
}

impl Consumer for Batches {
    fn wants(&self) -> Wants {
        Wants::CLOSED | Wants::FACT
    }

    fn fact(&mut self, fact: &Event<'_>) {
        let What::Clock { wall, .. } = fact.what else {
            return;
        };
        if let Ok(wall) = Timestamp::from_nanosecond(wall.into()) {
            // What ended before belongs to the clocks as they were.
            self.tick(fact.ts);
            self.anchor = Moment {
                wall,
                monotonic: fact.ts,
            };
        }
    }

    fn closed(&mut self, span: &Closed) {
        self.spans.push(span.clone());
        if self.spans.len() >= BATCH {
            self.send();
        }
    }

    fn tick(&mut self, _: u64) {
        if !self.spans.is_empty() {
            self.send();
        }
    }
}

impl Batches {
    /// Hands every sink the batch, without waiting.
    fn send(&mut self) {
        let batch = Arc::new(Batch {
            anchor: self.anchor,
            spans: mem::take(&mut self.spans),
        });
        let n = batch.spans.len() as u64;
        for port in &self.ports {
            SinkCounts::add(&port.queued, n);
            if port.queue.try_send(Arc::clone(&batch)).is_err() {
                SinkCounts::add(&port.counts.given, n);
                SinkCounts::add(&port.counts.lost, n);
            }
        }
    }
}

async fn serve(
    mut sink: Box<dyn Sink>,
    mut batches: mpsc::Receiver<Arc<Batch>>,
    lost: watch::Receiver<Lost>,
) {
    let mut ticks = interval(sink.period());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => sink.tick(&lost.borrow()),
            batch = batches.recv() => match batch {
                Some(batch) => sink.send(&batch),
                None => break,
            },
        }
    }
    sink.tick(&lost.borrow());
    sink.close(CLOSE_LIMIT);
}

#[cfg(test)]
mod tests {
    use nulltrace_core::facts::path::TagPath;
    use nulltrace_core::spans::span::End;
    use nulltrace_spec::Id;

    use super::*;

    /// Batches that may wait.
    const QUEUE: usize = 256;

    /// Takes what it is given once it may.
    struct Fake {
        counts: Arc<SinkCounts>,
        go: Option<std_mpsc::Receiver<()>>,
    }

    impl Prepared for Fake {
        fn start(self: Box<Self>) -> std::io::Result<Box<dyn Sink>> {
            Ok(self)
        }
    }

    impl Sink for Fake {
        fn send(&mut self, batch: &Batch) {
            let n = batch.spans.len() as u64;
            SinkCounts::add(&self.counts.given, n);
            if let Some(go) = &self.go {
                let _ = go.recv();
            }
            SinkCounts::add(&self.counts.sent, n);
        }
        fn tick(&mut self, _: &Lost) {}
        fn period(&self) -> Duration {
            Duration::from_secs(1)
        }
        fn close(self: Box<Self>, _: Duration) {}
        fn counts(&self) -> Arc<SinkCounts> {
            Arc::clone(&self.counts)
        }
    }

    fn span() -> Closed {
        Closed {
            seq: 1,
            parent: None,
            parent_tags: None,
            tags: Arc::new(TagPath::new(b"a", [b"a"])),
            id: Id::None,
            enter_args: Default::default(),
            exit_args: Default::default(),
            pid: 1,
            tid: 1,
            process: None,
            start: 0,
            end: 1,
            how: End::Exit,
            child_ns: 0,
            child_hits: 0,
            times: None,
        }
    }

    fn get(count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }

    /// Gives two sinks, of which one is stuck, twice as many batches as a queue holds: each when the quick one
    /// has taken the one before.
    fn with_a_stuck_one(
        stuck: std_mpsc::Receiver<()>,
        check: impl FnOnce(Hub, &SinkCounts, &SinkCounts, u64),
    ) {
        let (slow, quick) = (SinkCounts::shared(), SinkCounts::shared());
        let fake = |counts: &Arc<SinkCounts>, go| -> Box<dyn Prepared> {
            let counts = Arc::clone(counts);
            Box::new(Fake { counts, go })
        };
        let (mut consumer, hub) =
            Hub::start(vec![fake(&slow, Some(stuck)), fake(&quick, None)], QUEUE).unwrap();
        let batches = 2 * QUEUE as u64;
        let begun = Instant::now();
        for n in 1..=batches {
            consumer.closed(&span());
            consumer.closed(&span());
            consumer.tick(n);
            while get(&quick.sent) < 2 * n {
                assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "the quick one waits"
                );
                thread::yield_now();
            }
        }
        drop(consumer);
        check(hub, &slow, &quick, 2 * batches);
    }

    /// A batch may wait, and be read from a capture: it knows when its spans were by what was recorded then.
    #[test]
    fn a_batch_has_the_clocks_that_were_recorded_before_it() {
        let (queue, mut taken) = mpsc::channel(4);
        let mut batches = Batches {
            anchor: Moment {
                wall: Timestamp::UNIX_EPOCH,
                monotonic: 1,
            },
            spans: Vec::new(),
            ports: vec![Port {
                queue,
                queued: Arc::default(),
                counts: SinkCounts::shared(),
            }],
        };
        batches.closed(&span());
        // The wall clock was set.
        let (pid, tid, number) = (0, 0, 0);
        let what = What::Clock {
            wall: 5_000_000_000,
            boot: 20,
        };
        batches.fact(&Event {
            ts: 20,
            pid,
            tid,
            number,
            what,
        });
        batches.closed(&span());
        batches.tick(30);
        for (wall, monotonic) in [(0, 1), (5, 20)] {
            let batch = taken.try_recv().unwrap();
            let anchor = batch.anchor;
            assert_eq!(
                (anchor.wall.as_second(), anchor.monotonic),
                (wall, monotonic)
            );
            assert_eq!(batch.spans.len(), 1);
        }
        assert!(taken.try_recv().is_err());
    }

    #[test]
    fn a_stuck_sink_harms_nobody_and_every_span_is_accounted_for() {
        let (unblock, stuck) = std_mpsc::channel();
        with_a_stuck_one(stuck, |hub, slow, quick, spans| {
            drop(unblock);
            let lost = hub.close();
            assert_eq!(
                (get(&quick.given), get(&quick.sent), get(&quick.lost)),
                (spans, spans, 0)
            );
            assert!(get(&slow.lost) > 0, "the queue was never full");
            assert_eq!(get(&slow.given), spans);
            assert_eq!(get(&slow.given), get(&slow.sent) + get(&slow.lost));
            assert_eq!(lost, get(&slow.lost));
        });
    }

    /// It has its time, and what it did not send by then is lost.
    #[test]
    fn a_sink_that_stays_stuck_is_left() {
        let (_unblock, stuck) = std_mpsc::channel();
        with_a_stuck_one(stuck, |mut hub, slow, quick, spans| {
            hub.limit = Duration::from_millis(50);
            let lost = hub.close();
            assert_eq!((lost, get(&slow.sent)), (spans, 0));
            assert_eq!(get(&slow.given), spans);
            assert_eq!(get(&quick.lost), 0);
        });
    }
}
