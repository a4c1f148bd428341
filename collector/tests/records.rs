//! What the pipeline says of records that it cannot read.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

use std::io;
use std::time::Duration;

use nulltrace_collector::pipeline::{Limits, Pipeline};
use nulltrace_collector::source::Source;
use nulltrace_core::input::record::{Head, KIND_WRITE};
use nulltrace_core::ledger::Lost;
use zerocopy::IntoBytes;

/// Records that are given once.
struct Given(Vec<Vec<u64>>);

impl Source for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn drain(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
        let records = std::mem::take(&mut self.0);
        for words in &records {
            let (head, _) = zerocopy::Ref::<_, Head>::from_prefix(words.as_bytes()).unwrap();
            sink(&words.as_bytes()[..head.size.into()]);
        }
        Ok(records.len())
    }

    fn wait(&mut self, _: Duration) {}

    fn lost(&self) -> Lost {
        Lost::default()
    }

    fn alive(&self) -> Option<usize> {
        None
    }
}

fn record(ts: u64, kind: u8, rest: &[u8]) -> Vec<u64> {
    let head = Head {
        ts,
        pid: std::process::id(),
        tid: std::process::id(),
        size: (size_of::<Head>() + rest.len()) as u16,
        kind,
        flags: 0,
        number: 0,
    };
    let bytes = [head.as_bytes(), rest].concat();
    let mut words = vec![0_u64; bytes.len().div_ceil(8)];
    words.as_mut_bytes()[..bytes.len()].copy_from_slice(&bytes);
    words
}

#[test]
fn kinds_that_are_not_known_are_counted_apart_from_broken_records() {
    let mut source = Given(vec![
        record(1, KIND_WRITE, b">:t:a::"),
        record(2, 200, b"of a later version"),
        record(3, 201, b""),
        record(4, nulltrace_core::input::record::KIND_EXIT, b""),
        record(5, KIND_WRITE, b"<:t:a::"),
    ]);
    let mut pipeline = Pipeline::new(Limits::default());
    assert_eq!(pipeline.turn(&mut source).unwrap(), 5);
    let ledger = pipeline.finish(&mut source).unwrap().measured.ledger;
    assert_eq!((ledger.lost.unknown_kind, ledger.lost.bad_record), (2, 1));
    assert_eq!((ledger.spans.exit, ledger.spans.open), (1, 0));
}
