//! The whole userspace path but for the ring, for counting instructions, which repeat exactly where
//! times do not:
//!
//! ```text
//! cargo bench -p nulltrace-core --bench path --no-run
//! valgrind --tool=callgrind target/release/deps/path-* pair 100000
//! ```
//!
//! Without arguments it prints the CPU time of each case.

use std::hint::black_box;

use nulltrace_core::input::event::Event;
use nulltrace_core::input::order::{DEFAULT_BYTES, Order};
use nulltrace_core::input::record::{Head, KIND_PROCESS, KIND_WRITE, ProcessRecord};
use nulltrace_core::measure::summary::Summary;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use nulltrace_core::spans::span::Closed;
use rustix::time::{ClockId, clock_gettime};
use zerocopy::IntoBytes;

/// Markers that come in a round: about what a drain finds in a millisecond.
const ROUND: u64 = 960;

/// Thread and text of the n-th marker.
type Nth = fn(u64) -> (u32, String);

const CASES: [(&str, Nth); 5] = [
    ("pair", |n| (100, format!("{}:t:bench.produce::", dir(n)))),
    ("args", |n| {
        let args = ["page=home,user=1234:", ":"][n as usize % 2];
        (100, format!("{}:t:web.render:{args}", dir(n)))
    }),
    ("nested", |n| {
        let tags = ["a", "a.b", "a.b.c", "a.b.c.d"];
        let depth = (n % 8) as usize;
        match depth {
            0..4 => (100, format!(">:t:{}::", tags[depth])),
            _ => (100, format!("<:t:{}::", tags[7 - depth])),
        }
    }),
    ("unique", |n| {
        (100, format!("{}:{}:checkout.pay::", dir(n), n / 2 * 7919))
    }),
    ("threads", |n| {
        // 32 threads in a row open a span of the same id, then close it.
        (
            1000 + (n % 32) as u32,
            format!("{}:g:job.run::", dir(n / 32)),
        )
    }),
];

/// Enter and exit in turn.
fn dir(n: u64) -> char {
    if n.is_multiple_of(2) { '>' } else { '<' }
}

struct Path {
    order: Order,
    correlator: Correlator,
    summary: Results,
}

struct Results(Summary);

impl Consumer for Results {
    fn wants(&self) -> Wants {
        Wants::CLOSED
    }

    fn closed(&mut self, span: &Closed) {
        self.0.push(span);
    }
}

impl Path {
    fn new() -> Self {
        let mut correlator = Correlator::new(Limits::default());
        let mut summary = Results(Summary::default());
        let mut comm = [0; 16];
        comm[..5].copy_from_slice(b"bench");
        let facts = ProcessRecord {
            head: head(0, 100, KIND_PROCESS, size_of::<ProcessRecord>()),
            start: 1,
            cgroup: 0,
            ppid: 1,
            uid: 0,
            comm,
            exe: [0; 64],
        };
        let event = Event::decode(facts.as_bytes());
        event
            .iter()
            .for_each(|event| correlator.push(event, &mut summary));
        Self {
            order: Order::new(DEFAULT_BYTES),
            correlator,
            summary,
        }
    }

    fn run(&mut self, round: &[Vec<u8>]) {
        let Self {
            order,
            correlator,
            summary,
        } = self;
        let mut take = |record: &[u8]| {
            if let Ok(event) = Event::decode(record) {
                correlator.push(&event, summary);
            }
        };
        for record in round {
            order.push(record, &mut take);
        }
        order.release(u64::MAX, &mut take);
    }
}

fn head(ts: u64, tid: u32, kind: u8, size: usize) -> Head {
    Head {
        ts,
        pid: 100,
        tid,
        size: size as u16,
        kind,
        flags: 0,
        number: 0,
    }
}

fn round(nth: Nth) -> Vec<Vec<u8>> {
    let record = |n| {
        let (tid, marker) = nth(n);
        let size = size_of::<Head>() + marker.len();
        let head = head(n * 1700, tid, KIND_WRITE, size);
        [head.as_bytes(), marker.as_bytes()].concat()
    };
    (0..ROUND).map(record).collect()
}

fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let wanted = CASES.iter().filter(|(name, _)| {
        args.is_empty() || args.iter().any(|arg| arg == name || arg == "--bench")
    });
    let markers = args.iter().find_map(|arg| arg.parse::<u64>().ok());
    for (name, nth) in wanted {
        let (round, mut path) = (round(*nth), Path::new());
        // A number of markers asks for no time: the clock is not for valgrind.
        if let Some(markers) = markers {
            (0..markers / ROUND).for_each(|_| path.run(black_box(&round)));
        } else {
            let best = (0..1000).map(|_| {
                let began = cpu_ns();
                path.run(black_box(&round));
                cpu_ns() - began
            });
            let best = best.min().unwrap_or_default() as f64 / ROUND as f64;
            println!("{name:8} {best:6.1} ns CPU per marker");
        }
        let ledger = path.correlator.ledger();
        assert_eq!(ledger.check(), Ok(()));
        assert_eq!(
            (ledger.markers.refused(), ledger.markers.unmatched_exit),
            (0, 0)
        );
    }
}
