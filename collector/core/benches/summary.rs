//! What it costs to count one span: of a path with a row, of one shared anew, of one beyond the limit.
#![allow(missing_docs, reason = "criterion's macros write the public items")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::measure::summary::{Limits, Summary};
use nulltrace_core::spans::span::{Closed, End};
use nulltrace_spec::Id;

const PATHS: usize = 1000;

fn spans() -> Vec<Closed> {
    (0..PATHS)
        .map(|i| {
            let name = format!("step{i}");
            let canonical = format!("service.request.{name}");
            let tags = TagPath::new(canonical.as_bytes(), ["service", "request", &name]);
            Closed {
                seq: i as u64 + 1,
                parent: None,
                parent_tags: None,
                tags: Arc::new(tags),
                id: Id::None,
                enter_args: Default::default(),
                exit_args: Default::default(),
                pid: 1,
                tid: 1,
                process: None,
                start: 0,
                end: 1_000_000 + i as u64 * 7_919,
                how: End::Exit,
                child_ns: 0,
                child_hits: 0,
                times: None,
            }
        })
        .collect()
}

fn summary(c: &mut Criterion) {
    let mut group = c.benchmark_group("summary/push");
    group.throughput(Throughput::Elements(PATHS as u64));
    let (first, second) = (spans(), spans());

    let mut summary = Summary::default();
    group.bench_function("known", |b| {
        b.iter(|| first.iter().for_each(|span| summary.push(span)));
    });
    let mut summary = Summary::default();
    group.bench_function("shared_anew", |b| {
        b.iter(|| {
            first.iter().for_each(|span| summary.push(span));
            second.iter().for_each(|span| summary.push(span));
        });
    });
    let mut summary = Summary::new(Limits {
        paths: 0,
        ..Limits::default()
    });
    group.bench_function("overflow", |b| {
        b.iter(|| first.iter().for_each(|span| summary.push(span)));
    });
    group.finish();

    let mut summary = Summary::default();
    first.iter().for_each(|span| summary.push(span));
    c.bench_function("summary/rows_of_1000", |b| {
        b.iter(|| summary.rows([]).len())
    });
}

criterion_group!(benches, summary);
criterion_main!(benches);
