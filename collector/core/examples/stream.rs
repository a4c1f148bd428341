//! A fixed stream of records through order, correlator and summary, for counting instructions:
//! `tests/bench/instructions.sh` runs it under valgrind, for more records the second time, so that what it takes to
//! begin cancels out.
//!
//! `stream markers N`: N markers of 8 threads, nested three deep, some with an argument. `stream segments N`: the
//! same with a segment before each marker, that has two kinds of calls, one on a file. `stream nested N DEPTH`: such
//! markers and segments of one thread, that opens so many spans of different names, and in them one again and again.
#![allow(
    clippy::expect_used,
    reason = "a measurement, with arguments of its own"
)]

use nulltrace_core::activity::Inside;
use nulltrace_core::input::layout::Reader;
use nulltrace_core::input::order::Order;
use nulltrace_core::measure::summary;
use nulltrace_core::measure::summary::ByChain;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use nulltrace_core::spans::span::Closed;

/// Bytes of a `CallsRecord`, a `SegmentRecord` and a `Head`.
const CALLS: usize = 200;
const SEGMENT: usize = 96;
const HEAD: usize = 24;
/// `KIND_WRITE`, `KIND_SEGMENT` and `FLAG_AT_MARKER`.
const WRITE: u8 = 1;
const KIND_SEGMENT: u8 = 5;
const AT_MARKER: u8 = 1;

const THREADS: u64 = 8;
/// What a thread writes again and again.
const STORY: [&[u8]; 6] = [
    b">:t:request::",
    b">:t:request.query:table=users:",
    b">:t:request.query.row::",
    b"<:t:request.query.row:rows=7:",
    b"<:t:request.query::",
    b"<:t:request::",
];

/// The same inside of many spans.
const LEAF: [&[u8]; 2] = [b">:t:leaf::", b"<:t:leaf::"];

struct Sums(ByChain);

impl Consumer for Sums {
    fn wants(&self) -> Wants {
        Wants::CLOSED | Wants::INSIDE
    }

    fn closed(&mut self, span: &Closed) {
        self.0.push(span);
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        self.0.inside(inside);
    }
}

fn head(record: &mut Vec<u8>, ts: u64, tid: u32, size: usize, kind: u8, flags: u8, number: u32) {
    record.clear();
    record.extend(ts.to_ne_bytes());
    record.extend(100_u32.to_ne_bytes());
    record.extend(tid.to_ne_bytes());
    record.extend((size as u16).to_ne_bytes());
    record.extend([kind, flags]);
    record.extend(number.to_ne_bytes());
}

/// Two kinds of calls: three reads of a file, and a sleep.
fn segment(record: &mut Vec<u8>, since: u64, ts: u64, tid: u32, number: u32) {
    let size = SEGMENT + 2 * CALLS;
    head(record, ts, tid, size, KIND_SEGMENT, AT_MARKER, number);
    for of in [since, 300, 0, 400, 0, 0] {
        record.extend(of.to_ne_bytes());
    }
    for of in [0_u32, 1, 0, 0, 0, 2] {
        record.extend(of.to_ne_bytes());
    }
    for (ino, nr, count, time) in [(7_u64, 0_u32, 3_u32, 300_u64), (0, 230, 1, 450)] {
        record.extend(ino.to_ne_bytes());
        record.extend([0; 8]);
        for of in [time, 0, 0, 4096, time / 3, time / 2] {
            record.extend(of.to_ne_bytes());
        }
        record.extend(nr.to_ne_bytes());
        record.extend(count.to_ne_bytes());
        record.extend([0; 24]);
        record.extend(count.to_ne_bytes());
        record.extend([0; 92]);
        record.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let what = args.next().unwrap_or_default();
    let mut number = || args.next().and_then(|n| n.parse::<u64>().ok());
    let (n, depth) = (number(), number().unwrap_or(0));
    let n = depth + n.expect("stream markers|segments|nested N [DEPTH]");
    let (segments, nested) = (what != "markers", what == "nested");
    let (threads, again) = if nested {
        (1, &LEAF[..])
    } else {
        (THREADS, &STORY[..])
    };
    let outer: Vec<_> = (0..depth).map(|at| format!(">:t:outer{at}::")).collect();

    let mut correlator = Correlator::new(Limits::default());
    let mut sums = Sums(ByChain::new(summary::Limits::default()));
    let mut order = Order::new(4 << 20);
    let (mut reader, mut record) = (Reader::default(), Vec::new());
    let mut take = |record: &[u8]| {
        let event = reader.read(record).expect("a record");
        correlator.push(&event, &mut sums);
    };
    let mut at = 0;
    for step in 0..n.div_ceil(threads) {
        let text = match outer.get(step as usize) {
            Some(text) => text.as_bytes(),
            None => again[(step - depth) as usize % again.len()],
        };
        for thread in 0..threads.min(n - at) {
            let (tid, ts) = (100 + thread as u32, 1000 * (at + 1));
            let number = step as u32;
            if segments && step > 0 {
                segment(&mut record, ts - 1000 * threads, ts, tid, number);
                order.push(&record, &mut take);
            }
            let size = HEAD + text.len();
            head(&mut record, ts, tid, size, WRITE, 0, number + 1);
            record.extend(text);
            order.push(&record, &mut take);
            if at % 256 == 255 {
                order.release(ts - 10_000, &mut take);
            }
            at += 1;
        }
    }
    order.release(u64::MAX, &mut take);
    let spans = correlator.ledger().spans;
    let open = depth + threads * 3;
    assert!(
        spans.exit + open >= n / 2 && spans.open <= open,
        "{spans:?}"
    );
}
