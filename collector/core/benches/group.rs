//! What it costs to add the calls of a segment to groups: by the span alone, by file and call, by each
//! enclosing span, and beyond the limit.
#![allow(missing_docs, reason = "criterion's macros write the public items")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nulltrace_core::activity::{InSpan, Inside, Times, When};
use nulltrace_core::facts::file::File;
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::input::record::{CallsRecord, FileId};
use nulltrace_core::measure::groups::{Groups, Limits};
use nulltrace_core::query::Query;
use nulltrace_core::query::field::Known;
use nulltrace_core::query::metric::Metric;
use zerocopy::FromZeros;

/// Calls in a segment.
const CALLS: usize = 8;

fn group(c: &mut Criterion) {
    let mut group = c.benchmark_group("group/push");
    group.throughput(Throughput::Elements(CALLS as u64));
    let paths = ["service.request.query", "service.request", "service"]
        .map(|text| Arc::new(TagPath::new(text.as_bytes(), text.split('.'))));
    let calls: Vec<_> = (0..CALLS)
        .map(|nr| {
            let mut of = CallsRecord::new_zeroed();
            (of.nr, of.count, of.bytes) = (nr as u32, 3, 4096);
            of
        })
        .collect();
    let files: Vec<_> = (0..CALLS as u64)
        .map(|ino| {
            let id = FileId {
                ino,
                ..FileId::NONE
            };
            Some(Arc::new(File::unknown(id)))
        })
        .collect();
    let inside = Inside {
        pid: 1,
        tid: 1,
        process: None,
        spans: &paths.iter().map(InSpan::of_path).collect::<Vec<_>>(),
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls: &calls,
        files: &files,
    };
    for (name, by, limit) in [
        ("by_span", &["span.tags"][..], 10_000),
        ("by_file_and_call", &["fd.name", "evt.type"], 10_000),
        ("by_three_enclosing", &["evtin.span.tags"], 10_000),
        ("beyond_the_limit", &["fd.name", "evt.type"], 0),
    ] {
        let by = by.iter().filter_map(|field| field.parse().ok()).collect();
        let query = Query::groups(by, vec![Metric::Time]);
        let limits = Limits {
            groups: limit,
            ..Limits::default()
        };
        let mut groups = Groups::new(query, limits);
        group.bench_function(name, |b| {
            b.iter(|| groups.push(&inside, Known::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, group);
criterion_main!(benches);
