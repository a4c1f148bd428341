//! What reading and writing one marker costs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nulltrace_spec::{Dir, Draft, Format, Fragment, Id, MARKER_MAX, parse};

const BARE: &[u8] = b">:t:a::";
const USUAL: &[u8] = b">:t:checkout.pay:cart=7,user=9,k=v:";
const THREE: &[u8] = b">:42:web.render.page:page=home,user=1234,lang=en:";
const JSON: &[u8] =
    br#"[">",42,["web","render","page"],[{"page":"home"},{"user":"1234"},{"lang":"en"}]]"#;
const ESCAPED: &[u8] = br">:t:fetch.api\.example\.org:url=https\://api.example.org/v1,ok=:";

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for (name, bytes) in [
        ("bare", BARE),
        ("2 tags 3 args", USUAL),
        ("3 tags 3 args", THREE),
        ("the same in json", JSON),
        ("escapes", ESCAPED),
    ] {
        assert!(parse(bytes).is_ok());
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| b.iter(|| parse(black_box(bytes)).is_ok()));
    }
    group.finish();

    // What a collector does with a marker: the path to look up, and every argument.
    let mut group = c.benchmark_group("parse and read");
    for (name, bytes) in [("3 tags 3 args", THREE), ("the same in json", JSON)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let Ok(marker) = parse(black_box(bytes)) else {
                    return 0;
                };
                let args: usize = marker.args.iter().map(|(n, v)| n.len() + v.len()).sum();
                args + marker.tags.canonical().len()
            });
        });
    }
    group.finish();
}

fn join(c: &mut Criterion) {
    let mut group = c.benchmark_group("fragment");
    let mut thread = Fragment::new();
    group.bench_function("whole marker", |b| {
        b.iter(|| {
            thread.push(1, black_box(THREE), false, |joined| {
                assert!(joined.marker.is_ok())
            })
        });
    });
    group.bench_function("five parts", |b| {
        b.iter(|| {
            for part in [">:", "42", ":", "web.render.page", "::\n"] {
                thread.push(1, black_box(part.as_bytes()), false, |j| {
                    assert!(j.marker.is_ok())
                });
            }
        });
    });
    group.finish();
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    let draft = Draft {
        dir: Dir::Enter,
        id: Id::Number(42),
        tags: &[b"web", b"render", b"page"],
        args: &[(b"page", b"home"), (b"user", b"1234"), (b"lang", b"en")],
    };
    let mut buf = [0; MARKER_MAX];
    group.bench_function("3 tags 3 args", |b| {
        b.iter(|| black_box(&draft).encode_into(black_box(&mut buf)));
    });
    let bare = Draft {
        tags: &[b"a"],
        args: &[],
        ..draft
    };
    group.bench_function("bare", |b| {
        b.iter(|| black_box(&bare).encode_into(black_box(&mut buf)));
    });
    let mut out = Vec::new();
    group.bench_function("3 tags 3 args in json", |b| {
        b.iter(|| {
            out.clear();
            black_box(&draft).encode_as(Format::Json, &mut out)
        });
    });
    group.finish();
}

criterion_group!(benches, read, join, write);
criterion_main!(benches);
