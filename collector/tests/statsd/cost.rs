//! What a span costs the caller and the machine.
//!
//! `cargo test --release -p nulltrace-collector --test statsd -- --ignored --nocapture cost`

use std::time::{Duration, Instant};

use nulltrace_collector::sink::statsd::{Dialect, Statsd, StatsdConfig};
use nulltrace_core::facts::process::Process;
use rustix::time::{ClockId, clock_gettime};

use crate::support::{path, read, span, udp_server};

fn cpu(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap()
}

#[test]
#[ignore = "a measurement, for a release build"]
fn cost_of_a_span() {
    const BATCH: usize = 1_000;
    const SPANS: usize = 2_000_000;
    for dialect in [Dialect::Plain, Dialect::DogStatsD] {
        let (_server, address) = udp_server();
        let mut statsd = Statsd::open(&StatsdConfig {
            address,
            dialect,
            // nothing is lost, so that the socket's cost is that of every span
            datagrams_per_second: 1_000_000_000,
            queue: 100_000,
            ..StatsdConfig::default()
        })
        .unwrap();
        let counts = statsd.counts();
        let tags: Vec<_> = (0..50)
            .map(|i| path(&[b"checkout", format!("step-{i}").as_bytes()]))
            .collect();
        let shop = Process::named(b"shop");
        let batch: Vec<_> = (0..BATCH)
            .map(|i| {
                let mut span = span(&tags[i * 7 % tags.len()], 1_234_567 + i as u64 * 1_000_003);
                span.process = Some(std::sync::Arc::clone(&shop));
                span
            })
            .collect();
        let wall = Instant::now();
        let (thread, process) = (cpu(ClockId::ThreadCPUTime), cpu(ClockId::ProcessCPUTime));
        for _ in 0..SPANS / BATCH {
            statsd.send(&batch);
        }
        let thread = cpu(ClockId::ThreadCPUTime) - thread;
        statsd.close(Duration::from_secs(60));
        let process = cpu(ClockId::ProcessCPUTime) - process;
        let each = |time: Duration| time.as_nanos() as f64 / SPANS as f64;
        eprintln!(
            "{dialect:?}: caller {:.0} ns/span, all threads {:.0} ns/span, wall {:?}, {:?}",
            each(thread),
            each(process),
            wall.elapsed(),
            read(&counts),
        );
    }
}
