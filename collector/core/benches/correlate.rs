//! What a marker costs in userspace, from the ring to the closed span: order, decode, parse, match.
//!
//! `cargo bench -p nulltrace-core --bench correlate`; times are CPU time of 1024 markers, so
//! microseconds read as nanoseconds per marker, 2 % too much.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nulltrace_core::input::event::Event;
use nulltrace_core::input::order::{DEFAULT_BYTES, Order};
use nulltrace_core::input::record::{Head, KIND_WRITE};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use nulltrace_core::spans::span::Closed;
use rustix::time::{ClockId, clock_gettime};
use zerocopy::IntoBytes;

/// CPU time of this thread: the machine may have other work.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    }
    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }
    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Markers of one round: about what a drain finds in a millisecond at a million a second; a multiple of
/// all cycles below.
const MARKERS: usize = 1024;

/// Thread and text of the n-th marker.
type Nth = fn(usize) -> (u32, String);

/// Records that the ring would hold, 8-byte aligned one after another.
struct Ring {
    words: Vec<u64>,
    records: Vec<(usize, usize)>,
}

impl Ring {
    fn new(markers: impl Iterator<Item = (u32, String)>) -> Self {
        let mut ring = Self {
            words: Vec::new(),
            records: Vec::new(),
        };
        for (n, (tid, marker)) in markers.take(MARKERS).enumerate() {
            let size = size_of::<Head>() + marker.len();
            let head = Head {
                ts: n as u64 * 1000,
                pid: 100,
                tid,
                size: size as u16,
                kind: KIND_WRITE,
                flags: 0,
                number: 0,
            };
            let at = ring.words.len();
            ring.words.resize(at + size.div_ceil(8), 0);
            let bytes = ring.words[at..].as_mut_bytes();
            bytes[..24].copy_from_slice(head.as_bytes());
            bytes[24..size].copy_from_slice(marker.as_bytes());
            ring.records.push((at, size));
        }
        ring
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let record = |&(at, size): &(usize, usize)| &self.words[at..].as_bytes()[..size];
        self.records.iter().map(record)
    }
}

fn whole_path(ring: &Ring, order: &mut Order, correlator: &mut Correlator) {
    let mut out = |span: &Closed| {
        black_box(span.duration());
    };
    let mut handle = |record: &[u8]| {
        if let Ok(event) = Event::decode(record) {
            correlator.push(&event, &mut out);
        }
    };
    for record in ring.iter() {
        order.push(record, &mut handle);
    }
    order.release(u64::MAX, &mut handle);
}

/// Enter and exit in turn.
fn dir(n: usize) -> char {
    if n.is_multiple_of(2) { '>' } else { '<' }
}

/// An enter marker with the arguments, its exit without, and so on.
fn pair(n: usize, id: &str, tags: &str, args: &str) -> String {
    let args = if n.is_multiple_of(2) { args } else { "" };
    format!("{}:{id}:{tags}:{args}:", dir(n))
}

fn unique(n: usize) -> String {
    pair(n, &(n / 2 * 7919).to_string(), "checkout.pay", "")
}

/// Four spans within each other.
fn nested(n: usize) -> String {
    let tags = ["a", "a.b", "a.b.c", "a.b.c.d"];
    match n % 8 {
        depth @ 0..4 => format!(">:t:{}::", tags[depth]),
        depth => format!("<:t:{}::", tags[7 - depth]),
    }
}

fn bench(c: &mut Criterion<CpuTime>) {
    let cases: [(&str, Nth); 6] = [
        ("bare", |n| (100, pair(n, "t", "checkout.pay", ""))),
        ("nested", |n| (100, nested(n))),
        ("three args", |n| {
            (
                100,
                pair(n, "t", "checkout.pay", "cart=7,user=ann,total=12.50"),
            )
        }),
        ("unique ids", |n| (100, unique(n))),
        ("64 threads", |n| {
            let tid = 1000 + (n % 64) as u32;
            (tid, pair(n / 64, "", "checkout.pay", ""))
        }),
        ("json", |n| {
            (
                100,
                format!(r#"["{}", "t", ["checkout", "pay"], []]"#, dir(n)),
            )
        }),
    ];
    let mut group = c.benchmark_group("marker");
    group.throughput(Throughput::Elements(MARKERS as u64));
    for (name, marker) in cases {
        let ring = Ring::new((0..).map(marker));
        let mut order = Order::new(DEFAULT_BYTES);
        let mut correlator = Correlator::new(Limits::default());
        group.bench_function(name, |b| {
            b.iter(|| whole_path(&ring, &mut order, &mut correlator));
        });
        assert_eq!(correlator.ledger().markers.refused(), 0);
        assert_eq!(correlator.ledger().markers.unmatched_exit, 0);
    }
    // Among many open spans the lists no longer fit the caches.
    for open in [100_000, 1_000_000 - MARKERS] {
        group.bench_function(format!("{open} open"), |b| {
            let mut correlator = Correlator::new(Limits::default());
            let mut order = Order::new(DEFAULT_BYTES);
            for first in (0..open).step_by(MARKERS) {
                let marker = |id| (100, format!(">:{}:open.span::", id + 1_000_000_000));
                whole_path(
                    &Ring::new((first..).map(marker)),
                    &mut order,
                    &mut correlator,
                );
            }
            let ring = Ring::new((0..).map(|n| (100, unique(n))));
            b.iter(|| whole_path(&ring, &mut order, &mut correlator));
            assert_eq!(correlator.ledger().spans.evicted, 0);
        });
    }
    group.finish();

    let ring = Ring::new((0..).map(|n| (100, pair(n, "t", "checkout.pay", ""))));
    let mut order = Order::new(DEFAULT_BYTES);
    let mut group = c.benchmark_group("part");
    group.throughput(Throughput::Elements(MARKERS as u64));
    group.bench_function("order", |b| {
        b.iter(|| {
            let mut handle = |record: &[u8]| {
                black_box(record);
            };
            for record in ring.iter() {
                order.push(record, &mut handle);
            }
            order.release(u64::MAX, &mut handle);
        });
    });
    group.bench_function("parse", |b| {
        b.iter(|| {
            for record in ring.iter() {
                let _ = black_box(nulltrace_spec::parse(&record[24..]));
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(20);
    targets = bench
}
criterion_main!(benches);
