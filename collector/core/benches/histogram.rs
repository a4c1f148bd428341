//! What it costs to count one value, to merge, and to read a quantile.
#![allow(missing_docs, reason = "criterion's macros write the public items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nulltrace_core::measure::histogram::Histogram;

const VALUES: usize = 1 << 14;

/// Values spread evenly over the octaves from `2^low` to `2^high`, in no order.
fn values(low: f64, high: f64) -> Vec<u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..VALUES)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
            (low + unit * (high - low)).exp2() as u64
        })
        .collect()
}

fn filled(values: &[u64]) -> Histogram {
    let mut all = Histogram::new();
    for &value in values {
        all.record(value);
    }
    all
}

fn histogram(c: &mut Criterion) {
    let decade = values(20.0, 23.3);
    let wide = values(7.0, 40.0);
    let mut group = c.benchmark_group("histogram");
    group.throughput(Throughput::Elements(VALUES as u64));
    for (name, values) in [("record/decade", &decade), ("record/wide", &wide)] {
        let mut all = filled(values);
        group.bench_function(name, |b| {
            b.iter(|| {
                for &value in values {
                    all.record(black_box(value));
                }
            });
        });
        black_box(all);
    }
    group.throughput(Throughput::Elements(1));
    let (narrow, wide) = (filled(&decade), filled(&wide));
    group.bench_function("merge/same_scale", |b| {
        let mut all = narrow.clone();
        b.iter(|| all.merge(black_box(&narrow)));
    });
    group.bench_function("merge/finer_into_coarser", |b| {
        let mut all = wide.clone();
        b.iter(|| all.merge(black_box(&narrow)));
    });
    group.bench_function("quantile", |b| {
        b.iter(|| black_box(&narrow).quantile(black_box(0.99)))
    });
    group.finish();
}

criterion_group!(benches, histogram);
criterion_main!(benches);
