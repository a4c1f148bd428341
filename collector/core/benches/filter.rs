//! What it costs to ask a filter of three comparisons about a call.
#![allow(missing_docs, reason = "criterion's macros write the public items")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nulltrace_core::activity::{InSpan, Inside, Times, When};
use nulltrace_core::facts::file::File;
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::input::record::{CallsRecord, FileRecord};
use nulltrace_core::query::field::{At, Known};
use nulltrace_core::query::filter::{Filter, Words};
use zerocopy::FromZeros;

/// Calls in a segment.
const CALLS: usize = 8;

fn filter(c: &mut Criterion) {
    let mut group = c.benchmark_group("filter/check");
    group.throughput(Throughput::Elements(CALLS as u64));
    let paths = ["service.request.query", "service.request", "service"]
        .map(|text| Arc::new(TagPath::new(text.as_bytes(), text.split('.'))));
    let calls = [CallsRecord::new_zeroed(); CALLS];
    let mut record = FileRecord::new_zeroed();
    record.mode = 0o100_644;
    let files: Vec<_> = (0..CALLS)
        .map(|n| {
            let name = format!("blob.{n}\0spool\0var\0");
            Some(Arc::new(File::read(&record, name.as_bytes())))
        })
        .collect();
    let inside = Inside {
        pid: 7,
        tid: 7,
        process: None,
        spans: &paths.iter().map(InSpan::of_path).collect::<Vec<_>>(),
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls: &calls,
        files: &files,
    };
    // Each comparison must be made.
    for (name, text) in [
        (
            "equal",
            "fd.type = file and evt.type = 0 and fd.directory != /dev/pts",
        ),
        (
            "any_of",
            "evt.type = 7 or proc.pid in (1, 2, 3) or fd.type = file",
        ),
        (
            "enclosing",
            "fd.type = file and evtin.span.tag[0] = service and fd.directory != /dev/pts",
        ),
        (
            "text",
            "fd.name contains blob and fd.name startswith /var and fd.name endswith 9",
        ),
        (
            "patterns",
            "fd.name glob /var/*.? and fd.name regex '/var/.*[0-9]' and len(fd.name) < 1KiB",
        ),
    ] {
        let Ok(filter) = Filter::parse(text, &Words::ANY) else {
            continue;
        };
        group.bench_function(name, |b| {
            b.iter(|| {
                let at = (0..CALLS).map(|call| At::call(&inside, call, Known::default()));
                at.map(|at| filter.check(&at) as usize).sum::<usize>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, filter);
criterion_main!(benches);
