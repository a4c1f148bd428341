//! What it costs to count one span: of a path with a row, of one shared anew, of one beyond the limit; and to take
//! a snapshot of as many paths as have rows, each with a histogram and calls.
#![allow(missing_docs, reason = "criterion's macros write the public items")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nulltrace_core::activity::{InSpan, Inside, Times, When};
use nulltrace_core::facts::file::{File, FileKind};
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::input::record::CallsRecord;
use nulltrace_core::measure::summary::{Limits, Summary};
use nulltrace_core::spans::span::{Closed, End};
use nulltrace_spec::Id;
use zerocopy::FromZeros;

const PATHS: usize = 1000;

fn spans(paths: usize) -> Vec<Closed> {
    (0..paths)
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
    let (first, second) = (spans(PATHS), spans(PATHS));

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

/// Each path with spans over four octaves, and calls of three numbers on a file.
fn busy(paths: &[Closed]) -> Summary {
    let mut summary = Summary::default();
    let file = |at: usize| {
        let name = format!("/srv/files/{at}").into_bytes().into();
        let kind = FileKind::File;
        Some(Arc::new(File {
            kind,
            name,
            ends: None,
        }))
    };
    let calls = [0, 1, 7].map(|nr| {
        let mut of = CallsRecord::new_zeroed();
        (of.nr, of.count, of.time) = (nr, 3, 9_000);
        of
    });
    for (at, span) in paths.iter().enumerate() {
        for octave in 0..4 {
            let end = span.end << octave;
            summary.push(&Closed {
                end,
                ..span.clone()
            });
        }
        summary.inside(&inside(span, &calls, &[file(at), file(at), None]));
    }
    summary
}

fn inside<'a>(
    span: &'a Closed,
    calls: &'a [CallsRecord],
    files: &'a [Option<Arc<File>>],
) -> Inside<'a> {
    let spans = vec![InSpan::of_path(&span.tags)];
    Inside {
        pid: 1,
        tid: 1,
        process: None,
        spans: Vec::leak(spans),
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls,
        files,
    }
}

fn snapshot(c: &mut Criterion) {
    let paths = spans(10_000);
    let mut summary = busy(&paths);
    c.bench_function("summary/snapshot_of_10000", |b| b.iter(|| summary.clone()));
    // What counting on costs while each of the snapshots is kept until the next: every row changes.
    let mut kept = summary.clone();
    c.bench_function("summary/push_10000_after_a_snapshot", |b| {
        b.iter(|| {
            paths.iter().for_each(|span| summary.push(span));
            kept = summary.clone();
        });
    });
    c.bench_function("summary/rows_of_10000", |b| b.iter(|| kept.rows([]).len()));
}

criterion_group!(benches, summary, snapshot);
criterion_main!(benches);
