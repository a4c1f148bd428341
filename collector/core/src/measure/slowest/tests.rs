use std::sync::Arc;

use nulltrace_spec::Id;
use proptest::prelude::*;
use zerocopy::FromZeros;

use super::*;
use crate::activity::{InSpan, Times, When};
use crate::facts::file::{File, FileKind};
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::record::CallsRecord;
use crate::measure::story::{self, Stretch, push, segment};
use crate::spans::correlate::Correlator;
use crate::spans::matcher::Limits;
use crate::spans::span::End;

const NONE: Anchor = Anchor {
    monotonic: 0,
    wall: 0,
};

fn path(n: u64) -> Arc<TagPath> {
    let tag = format!("p{n}");
    Arc::new(TagPath::new(tag.as_bytes(), [tag.as_bytes()]))
}

fn span(seq: u64, tags: &Arc<TagPath>, ns: u64) -> Closed {
    Closed {
        seq,
        parent: None,
        parent_tags: None,
        tags: Arc::clone(tags),
        id: Id::None,
        enter_args: ArgList::default(),
        exit_args: ArgList::default(),
        pid: 1,
        tid: 1,
        process: None,
        start: 5,
        end: 5 + ns,
        how: End::Exit,
        child_ns: 0,
        child_hits: 0,
        times: None,
    }
}

/// Numbers that look random, the same in every run.
fn random() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// What is kept of such spans, as path and duration, the slowest first.
fn kept(spans: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let paths: Vec<_> = (0..1000).map(path).collect();
    let mut slowest = Slowest::default();
    for (seq, &(of, ns)) in (1..).zip(spans) {
        slowest.closed(&span(seq, &paths[of as usize], ns));
    }
    let found = slowest.spans([].into_iter(), 0, NONE);
    assert_eq!(found.total, spans.len() as u64);
    let number = |span: &SlowSpan| paths.iter().position(|path| *path == span.tags).unwrap() as u64;
    found
        .spans
        .iter()
        .map(|span| (number(span), span.duration))
        .collect()
}

/// The same by the definition.
fn truth(spans: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut sorted = spans.to_vec();
    sorted.sort_by_key(|&(_, ns)| core::cmp::Reverse(ns));
    let one = sorted.iter().all(|(path, _)| *path == sorted[0].0);
    let mut counts = std::collections::HashMap::new();
    sorted.retain(|(path, _)| {
        let count: &mut usize = counts.entry(*path).or_default();
        *count += 1;
        one || *count <= KEPT_OF_PATH
    });
    sorted.truncate(KEPT);
    sorted
}

#[test]
fn the_slowest_of_100_000_are_the_slowest() {
    let mut random = random();
    // Durations that are all different, so that there is one answer.
    let mut durations = |paths: u64, n: u64| -> Vec<(u64, u64)> {
        let each = (0..n).map(|at| (random() % paths, random() % 1_000_000 * n + at));
        each.collect()
    };
    for paths in [1, 2, 7, 500] {
        let spans = durations(paths, 100_000);
        assert_eq!(kept(&spans), truth(&spans), "{paths} paths");
    }
    // Another path comes late, and its spans are fast.
    let mut spans = durations(1, 10_000);
    spans.extend([(3, 1), (3, 2), (4, 3)]);
    assert_eq!(kept(&spans), truth(&spans));
    assert_eq!(kept(&spans).len(), KEPT_OF_PATH + 3);
}

#[test]
fn of_equal_ones_the_first_stay() {
    let spans: Vec<_> = (0..200).map(|_| (0, 7)).collect();
    let mut slowest = Slowest::default();
    let tags = path(0);
    for (seq, &(_, ns)) in (1..).zip(&spans) {
        slowest.closed(&span(seq, &tags, ns));
    }
    let found = slowest.spans([].into_iter(), 0, NONE).spans;
    let seqs: Vec<_> = found.iter().map(|span| span.seq).collect();
    assert_eq!(seqs, (1..=KEPT as u64).collect::<Vec<_>>());
}

/// Both see the same.
#[derive(Default)]
struct Seen {
    slowest: Slowest,
    closed: Vec<Closed>,
}

impl Consumer for Seen {
    fn wants(&self) -> Wants {
        self.slowest.wants()
    }
    fn opened(&mut self, span: &OpenSpan<'_>) {
        self.slowest.opened(span);
    }
    fn inside(&mut self, inside: &Inside<'_>) {
        self.slowest.inside(inside);
    }
    fn closed(&mut self, span: &Closed) {
        self.slowest.closed(span);
        self.closed.push(span.clone());
    }
}

fn sum(times: &Times, reasons: &Reasons) -> u64 {
    let calls: u64 = reasons.calls.iter().map(|of| of.spent.time()).sum();
    times.user() + times.runnable + times.fault + calls + reasons.other.time()
}

proptest! {
    /// Recursion (a tag inside the same tag) and interleaved spans (exits in any order) included: what a span's
    /// time is divided into is all of the time that its end reports.
    #[test]
    fn reasons_and_the_others_are_all_of_the_time(
        steps in prop::collection::vec((story::step(), story::did()), 1..60),
    ) {
        let mut seen = Seen::default();
        let (correlator, end) = story::play(&steps, &mut seen);
        let spans = seen.slowest.spans(correlator.open_by_age(), end, NONE);
        prop_assert!(!spans.wide);
        for span in &spans.spans {
            let Some(times) = &span.times else { continue };
            let reasons = span.reasons.as_ref().unwrap();
            prop_assert_eq!(sum(&times.all, reasons), times.all.wall);
            for call in &reasons.calls {
                let files: u64 = call.files.iter().map(|of| of.spent.time()).sum();
                prop_assert!(files <= call.spent.time());
            }
            if let Some(closed) = seen.closed.iter().find(|of| of.seq == span.seq) {
                prop_assert_eq!(Some(times), closed.times.as_ref());
                prop_assert_eq!(span.duration, closed.duration());
                prop_assert_eq!(span.parent, closed.parent);
            }
        }
    }
}

#[test]
fn what_a_span_did_goes_with_it() {
    let mut seen = Seen::default();
    let mut correlator = Correlator::new(Limits::default());
    let full = seen.slowest.room.left();
    let did = Stretch {
        user: 10,
        runnable: 0,
        fault: 0,
        calls: vec![(0, 5, 0, true)],
    };
    push(&mut correlator, &mut seen, 100, 1, ">:t:a::");
    push(&mut correlator, &mut seen, 100, 1, ">:t:a.b::");
    let wall = segment(&mut correlator, &mut seen, 1, 100, &did);
    push(&mut correlator, &mut seen, 100 + wall, 1, "<:t:a.b::");
    // The child may end after its parent.
    push(&mut correlator, &mut seen, 120, 1, ">:7:a:^=:");
    push(&mut correlator, &mut seen, 121, 1, ">:7:a.c::");
    push(&mut correlator, &mut seen, 125, 1, "<:7:a::");
    push(&mut correlator, &mut seen, 130, 1, "<:7:a.c::");
    push(&mut correlator, &mut seen, 140, 1, "<:t:a::");
    assert!(seen.slowest.open.is_empty());
    assert_eq!(seen.slowest.room.left(), full);
    let spans = seen.slowest.spans([].into_iter(), 0, NONE).spans;
    let of = |canonical: &[u8], ns| {
        let mut found = spans.iter();
        found
            .find(|span| span.tags.canonical() == canonical && span.duration == ns)
            .unwrap()
    };
    let outer = of(b"a", 40);
    let calls = &outer.reasons.as_ref().unwrap().calls;
    assert_eq!(
        (calls[0].nr, calls[0].spent.blocked, calls[0].spent.count),
        (0, 5, 1)
    );
    let children: Vec<_> = outer
        .children
        .iter()
        .map(|(path, of)| (path.canonical(), of.time, of.count))
        .collect();
    assert_eq!(children, [(&b"a.b"[..], 15, 1)]);
    assert!(of(b"a", 5).children.is_empty());
}

fn call(nr: u32, blocked: u64) -> CallsRecord {
    let mut of = CallsRecord::new_zeroed();
    (of.nr, of.count, of.time, of.blocked) = (nr, 1, blocked, blocked);
    of
}

fn file(name: &str) -> Option<Arc<File>> {
    Some(Arc::new(File {
        kind: FileKind::File,
        name: name.as_bytes().into(),
        ends: None,
    }))
}

fn blocked(ns: u64) -> Times {
    Times {
        wall: ns,
        blocked: ns,
        ..Times::NONE
    }
}

/// A thousand files once each, and one again and again; likewise numbers.
#[test]
fn the_largest_survive_the_many() {
    let mut room = Room::new(1 << 20);
    let mut did = Did::new();
    for n in 0..1000_u32 {
        let calls = [call(0, 3), call(0, 2), call(1 + n % 100, 1)];
        let files = [file("/large"), file(&format!("/{n}")), None];
        did.push(&calls, &files, &mut room);
    }
    let reasons = did.reasons(&blocked(6000));
    let [largest, ..] = &reasons.calls[..] else {
        panic!("{reasons:?}")
    };
    assert_eq!(reasons.calls.len(), 8);
    assert_eq!(
        (largest.nr, largest.spent.blocked, largest.spent.count),
        (0, 5000, 2000)
    );
    assert!(largest.more);
    assert_eq!(largest.files.len(), 8);
    assert_eq!(
        (&*largest.files[0].file.name, largest.files[0].spent.blocked),
        (&b"/large"[..], 3000)
    );
    // The other numbers are what is left of the time.
    let others: u64 = reasons.calls[1..].iter().map(|of| of.spent.blocked).sum();
    assert_eq!(others + reasons.other.blocked, 1000);
    // A number that goes takes its files with it.
    let bytes = did.bytes();
    for n in 200..300 {
        did.push(&[call(n, 1_000_000)], &[None], &mut room);
    }
    assert!(did.bytes() < bytes);
    assert_eq!(did.bytes(), Did::BYTES);
    assert_eq!(room.left(), 1 << 20);
}

#[test]
fn where_there_is_no_room_files_are_not_counted_separately() {
    let mut room = Room::new(0);
    let mut did = Did::new();
    did.push(&[call(0, 7)], &[file("/a")], &mut room);
    let reasons = did.reasons(&blocked(10));
    let [of] = &reasons.calls[..] else {
        panic!("{reasons:?}")
    };
    assert!(of.more && of.files.is_empty());
    assert_eq!((of.spent.blocked, reasons.other.blocked), (7, 3));
    // Clocks that differ: no part is more than the whole.
    let reasons = did.reasons(&blocked(5));
    assert_eq!(
        (reasons.calls[0].spent.blocked, reasons.other.blocked),
        (5, 0)
    );
}

/// A shell's command is reported when it ends, which may be after the span did.
#[test]
fn what_processes_did_belongs_to_the_span_that_was_open() {
    let tags = path(1);
    let mut shell = Process::named(b"sh");
    let known = Arc::make_mut(&mut shell);
    (known.pid, known.ppid) = (7, 1);
    let args = ArgList::default();
    let open = |seq| OpenSpan {
        seq,
        parent: None,
        tags: &tags,
        id: Id::None,
        pid: 7,
        tid: 7,
        process: Some(&shell),
        args: &args,
        start: 0,
        times: None,
    };
    let mut slowest = Slowest::default();
    let before = slowest.room.left();
    let inside = |slowest: &mut Slowest, spans: &[u64], wall| {
        slowest.inside(&Inside {
            pid: 7,
            tid: 7,
            process: Some(&shell),
            spans: &[InSpan::of_path(&tags)],
            wide: true,
            when: When {
                from: 0,
                to: wall,
                goes_on: false,
                open: spans,
            },
            times: &Times {
                wall,
                ..Times::NONE
            },
            calls: &[],
            files: &[],
        });
    };
    slowest.opened(&open(1));
    slowest.opened(&open(2));
    inside(&mut slowest, &[1], 100);
    slowest.closed(&span(1, &tags, 300));
    inside(&mut slowest, &[1, 2], 30);
    slowest.closed(&span(2, &tags, 200));
    assert_eq!(slowest.room.left(), before, "all room is free again");
    let spans = slowest.spans([].into_iter(), 0, NONE).spans;
    let wall = |span: &SlowSpan| {
        let lead = span.family.as_ref().unwrap().lead(7).unwrap();
        lead.times().all.wall
    };
    assert_eq!(spans.iter().map(wall).collect::<Vec<_>>(), [130, 30]);
}
