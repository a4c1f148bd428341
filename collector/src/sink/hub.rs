//! Closed spans to sinks: one task and one bounded queue each, away from the drain thread.
//!
//! A full queue loses that sink's batch, counted, and nothing else: neither the drain thread nor
//! another sink waits for a slow one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nulltrace_core::ledger::Lost;
use nulltrace_core::spans::span::Closed;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::{Sink, SinkCounts};

/// Batches a sink may be behind before it loses some.
const QUEUE: usize = 256;

struct Port {
    queue: mpsc::Sender<Arc<[Closed]>>,
    counts: Arc<SinkCounts>,
}

/// The running sinks.
pub struct Hub {
    ports: Vec<Port>,
    lost: watch::Sender<Lost>,
    thread: JoinHandle<()>,
}

impl Hub {
    /// Starts a thread with a task for each sink; no thread for none.
    ///
    /// # Errors
    /// The thread or its runtime could not be made.
    pub fn start(sinks: Vec<Box<dyn Sink>>) -> std::io::Result<Option<Self>> {
        if sinks.is_empty() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let (lost, _) = watch::channel(Lost::default());
        let mut ports = Vec::new();
        let mut tasks = Vec::new();
        for sink in sinks {
            let (queue, batches) = mpsc::channel(QUEUE);
            ports.push(Port {
                queue,
                counts: sink.counts(),
            });
            tasks.push(serve(sink, batches, lost.subscribe()));
        }
        let thread = thread::Builder::new()
            .name("sinks".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
                    for task in tasks {
                        // A sink that panicked has lost its own data; its account shows it.
                        let _ = task.await;
                    }
                });
            })?;
        Ok(Some(Self {
            ports,
            lost,
            thread,
        }))
    }

    /// Hands every sink the batch, without waiting.
    pub fn send(&self, batch: Vec<Closed>) {
        let batch: Arc<[Closed]> = batch.into();
        for port in &self.ports {
            if port.queue.try_send(Arc::clone(&batch)).is_err() {
                let n = batch.len() as u64;
                SinkCounts::add(&port.counts.given, n);
                SinkCounts::add(&port.counts.lost, n);
            }
        }
    }

    /// Tells the sinks what was lost so far, for their self-metrics.
    pub fn tell(&self, lost: &Lost) {
        self.lost.send_if_modified(|told| {
            let changed = told != lost;
            if changed {
                told.clone_from(lost);
            }
            changed
        });
    }

    /// Spans the sinks lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.ports
            .iter()
            .map(|port| port.counts.lost.load(Ordering::Relaxed))
            .sum()
    }

    /// Ends the sinks after all they were given is sent; returns the spans they lost in all.
    pub fn close(self) -> u64 {
        let counts: Vec<_> = self
            .ports
            .iter()
            .map(|port| Arc::clone(&port.counts))
            .collect();
        drop(self.ports);
        // A panic in the thread is an account that does not add up, shown as such.
        let _ = self.thread.join();
        counts
            .iter()
            .map(|counts| counts.lost.load(Ordering::Relaxed))
            .sum()
    }
}

/// How long a sink may take to send its last data.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

async fn serve(
    mut sink: Box<dyn Sink>,
    mut batches: mpsc::Receiver<Arc<[Closed]>>,
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
    use std::sync::mpsc as std_mpsc;

    use nulltrace_core::facts::path::TagPath;
    use nulltrace_core::spans::span::End;
    use nulltrace_spec::Id;

    use super::*;

    struct Slow {
        counts: Arc<SinkCounts>,
        go: std_mpsc::Receiver<()>,
    }

    impl Sink for Slow {
        fn send(&mut self, batch: &[Closed]) {
            SinkCounts::add(&self.counts.given, batch.len() as u64);
            SinkCounts::add(&self.counts.sent, batch.len() as u64);
            let _ = self.go.recv();
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
            comm: Arc::from(&b"x"[..]),
            start: 0,
            end: 1,
            how: End::Exit,
            child_ns: 0,
            child_hits: 0,
            times: None,
        }
    }

    #[test]
    fn a_stuck_sink_loses_its_own_batches_and_every_span_is_accounted_for() {
        let (unblock, go) = std_mpsc::channel();
        let slow = SinkCounts::shared();
        let (_never, free) = std_mpsc::channel::<()>();
        drop(_never);
        let quick = SinkCounts::shared();
        let hub = Hub::start(vec![
            Box::new(Slow {
                counts: Arc::clone(&quick),
                go: free,
            }),
            Box::new(Slow {
                counts: Arc::clone(&slow),
                go,
            }),
        ])
        .unwrap()
        .unwrap();
        let batches = 2 * QUEUE as u64;
        for _ in 0..batches {
            hub.send(vec![span(), span()]);
        }
        drop(unblock);
        let lost = hub.close();
        let get = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::Relaxed);
        assert!(get(&slow.lost) > 0, "the queue was never full");
        for counts in [&slow, &quick] {
            assert_eq!(get(&counts.given), 2 * batches);
            assert_eq!(get(&counts.given), get(&counts.sent) + get(&counts.lost));
        }
        assert_eq!(lost, get(&slow.lost) + get(&quick.lost));
    }
}
