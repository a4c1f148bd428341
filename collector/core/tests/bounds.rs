//! What anyone on the machine may write must not make the collector big or slow.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Collected, check, exit, facts, numbered, process, write};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use nulltrace_core::spans::span::{Closed, End};
use rustix::time::{ClockId, clock_gettime};

/// Counts what is allocated now, in bytes as malloc rounds them.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

fn rounded(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(rounded(layout), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(rounded(layout), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time, or the bytes and times would be those of another.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Time of this thread on the cpu: others that run on this machine do not count.
fn on_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn enter(correlator: &mut Correlator, ts: u64, tid: u32, marker: &str) {
    let mut none = |span: &Closed| panic!("closed {span:?}");
    correlator.push(&write(ts, 100, tid, marker.as_bytes()), &mut none);
}

#[test]
fn a_hundred_thousand_open_spans_are_small() {
    let _alone = alone();
    let before = ALLOCATED.load(Ordering::Relaxed);
    let mut correlator = Correlator::new(Limits::default());
    for n in 0..100_000 {
        enter(
            &mut correlator,
            n,
            100,
            &format!(">:{}:shop.checkout:^=:", (1_u64 << 40) + n),
        );
    }
    let each = (ALLOCATED.load(Ordering::Relaxed) - before) / 100_000;
    // A quarter of the slab is room of which no page was touched yet: it is counted here.
    assert!(each <= 300, "{each} bytes for each");
    check(&correlator);
}

#[test]
fn a_million_open_spans_and_one_more() {
    let _alone = alone();
    let mut correlator = Correlator::new(Limits::default());
    for pid in [100, 200] {
        let mut none = |span: &Closed| panic!("closed {span:?}");
        correlator.push(&process(&facts(0, pid, 1, 0, "x")), &mut none);
    }
    for n in 0..1_000_000 {
        enter(&mut correlator, n, 100, &format!(">:{n}:a::"));
    }
    assert_eq!(correlator.open(), 1_000_000);
    let mut out = Collected::default();
    correlator.push(&write(1_000_000, 100, 100, b">:g:b::"), &mut out);
    assert_eq!(out.closed.len(), 1);
    assert_eq!((out.closed[0].seq, out.closed[0].how), (1, End::Evicted));
    assert_eq!(out.closed[0].duration(), 1_000_000);
    // Every other is still found.
    let mut closed = 0;
    let mut count = |span: &Closed| closed += u64::from(span.how == End::Exit);
    for n in 1..1_000_000u64 {
        let marker = format!("<:{n}:a::");
        correlator.push(&write(2_000_000, 200, 200, marker.as_bytes()), &mut count);
    }
    assert_eq!((closed, correlator.open()), (999_999, 1));
    check(&correlator);
}

#[test]
fn a_million_tags_that_come_and_go() {
    let _alone = alone();
    let before = ALLOCATED.load(Ordering::Relaxed);
    let mut correlator = Correlator::new(Limits::default());
    let mut out = |_: &Closed| {};
    for n in 0..1_000_000u64 {
        for dir in ['>', '<'] {
            let marker = format!("{dir}:t:request.number-{n}.inner::");
            correlator.push(&write(n, 100, 100, marker.as_bytes()), &mut out);
        }
    }
    let bytes = ALLOCATED.load(Ordering::Relaxed) - before;
    assert!(bytes < 64 << 20, "{bytes} bytes kept");
    assert_eq!(correlator.ledger().spans.exit, 1_000_000);
    check(&correlator);
}

#[test]
fn tags_and_arguments_of_open_spans_have_a_budget() {
    let _alone = alone();
    let limits = Limits {
        bytes: 4 << 20,
        ..Limits::default()
    };
    let before = ALLOCATED.load(Ordering::Relaxed);
    let mut correlator = Correlator::new(limits);
    let mut out = |span: &Closed| assert_eq!(span.how, End::Evicted);
    for n in 0..20_000u64 {
        let big = "x".repeat(3000);
        let marker = match n % 2 {
            0 => format!(">:{n}:a:k={big}:"),
            _ => format!(">:{n}:t{n}.{big}::"),
        };
        correlator.push(&write(n, 100, 100, marker.as_bytes()), &mut out);
    }
    let spans = correlator.ledger().spans;
    assert!(spans.evicted > 15_000 && spans.open > 100, "{spans:?}");
    // What is idle in the interner and the slab come on top.
    let bytes = ALLOCATED.load(Ordering::Relaxed) - before;
    assert!(bytes < 48 << 20, "{bytes} bytes kept");
    check(&correlator);
}

/// How long the exits of `n` spans of one id and tags take, opened by `n` threads and closed by
/// others of the same process, of a sibling, and of a stranger in turn.
fn foreign_exits(n: u32) -> Duration {
    let mut correlator = Correlator::new(Limits::default());
    let mut none = |span: &Closed| panic!("closed {span:?}");
    for (pid, ppid) in [(100, 1), (200, 1), (300, 2)] {
        correlator.push(&process(&facts(0, pid, ppid, 0, "x")), &mut none);
    }
    for tid in 0..n {
        enter(&mut correlator, 1, 1000 + tid, ">:g:same::");
    }
    let mut closed = 0;
    let mut count = |_: &Closed| closed += 1;
    let start = on_cpu();
    for n in 0..n {
        let pid = [100, 200, 300][n as usize % 3];
        correlator.push(&write(2, pid, 7, b"<:g:same::"), &mut count);
    }
    let elapsed = on_cpu() - start;
    assert_eq!((closed, correlator.open()), (n, 0));
    check(&correlator);
    elapsed
}

#[test]
fn many_spans_of_one_key_do_not_slow_the_exits_of_others() {
    let _alone = alone();
    let few = (0..5).map(|_| foreign_exits(10_000)).min().unwrap();
    let many = foreign_exits(300_000);
    // Thirty times as many. A walk along the list would take nine hundred times as long.
    assert!(many < few * 250, "{few:?} for 10 000, {many:?} for 300 000");
}

/// How long it takes to open and close `n` spans while `open` others are open, of which each second is a child
/// of the first, and of which markers are lost again and again.
fn among(open: u64, n: u64) -> Duration {
    let first = 1_u64 << 40;
    let mut correlator = Correlator::new(Limits::default());
    let mut out = |_: &Closed| {};
    for at in 0..open {
        let parent = if at % 2 == 1 { first } else { 0 };
        let marker = format!(">:{}:a:^={parent}:", first + at);
        enter(&mut correlator, 1, 100, &marker);
    }
    let start = on_cpu();
    for at in 0..n {
        let number = (3 * at + 2) as u32;
        for (text, number) in [(">:t:b::", number), ("<:t:b::", number + 1)] {
            let write = numbered(write(2 + at, 100, 100, text.as_bytes()), number);
            correlator.push(&write, &mut out);
        }
    }
    let elapsed = on_cpu() - start;
    assert_eq!(correlator.open(), open);
    assert_eq!(correlator.ledger().spans.exit, n);
    check(&correlator);
    elapsed
}

#[test]
fn open_spans_and_losses_do_not_slow_others() {
    let _alone = alone();
    let few = (0..5).map(|_| among(10, 100_000)).min().unwrap();
    let many = (0..3).map(|_| among(100_000, 100_000)).min().unwrap();
    assert!(many < few * 8, "{few:?} among 10, {many:?} among 100 000");
}

/// Chains of spans, each the parent of the next, that end from the outside in: what is below each has to be reported
/// only once.
#[test]
fn a_deep_chain_that_ends_from_its_root_is_walked_once() {
    let _alone = alone();
    let first = 1_u64 << 40;
    let mut correlator = Correlator::new(Limits::default());
    let mut closed = 0;
    let start = on_cpu();
    for at in 0..300_000 {
        let marker = format!(">:{}:a:^={}:", first + at + 1, first + at);
        enter(&mut correlator, 1, 100, &marker);
    }
    for at in 0..300_000 {
        let marker = format!("<:{}:a::", first + at + 1);
        let mut count = |_: &Closed| closed += 1;
        correlator.push(&write(2, 100, 100, marker.as_bytes()), &mut count);
    }
    assert_eq!((closed, correlator.open()), (300_000, 0));
    assert!(on_cpu() - start < Duration::from_secs(20));
}

#[test]
fn many_threads_and_processes_that_leave_spans_behind() {
    let _alone = alone();
    let mut correlator = Correlator::new(Limits::default());
    let mut out = Collected::default();
    let start = on_cpu();
    for pid in 1000..101_000u32 {
        let ts = u64::from(pid);
        let facts = facts(ts, pid, 1, ts, "echo");
        correlator.push(&process(&facts), &mut out);
        correlator.push(&write(ts, pid, pid, b">::script.step::"), &mut out);
        correlator.push(&exit(ts, pid, pid, 0, true), &mut out);
    }
    assert_eq!(correlator.open(), 100_000);
    correlator.push(&exit(500_000, 1, 1, 0, true), &mut out);
    assert_eq!(out.closed.len(), 100_000);
    assert!(out.closed.iter().all(|span| span.how == End::ProcessExit));
    assert!(out.closed.iter().all(|span| span.duration() == 0));
    assert!(on_cpu() - start < Duration::from_secs(60));
    check(&correlator);
}

#[test]
fn unfinished_markers_of_many_threads() {
    let _alone = alone();
    let mut correlator = Correlator::new(Limits::default());
    let mut out = Collected::default();
    correlator.push(&write(1, 7, 7, b">:t:half"), &mut out);
    for tid in 0..100_000 {
        correlator.push(&write(1, 100, tid, b">:t:half"), &mut out);
    }
    // Those of another process are none of its business.
    let kept = (Limits::default().fragments / 4) as u64;
    assert_eq!(correlator.lost().fragments, 100_000 - kept - 1);
    correlator.push(&write(2, 7, 7, b".done::"), &mut out);
    assert_eq!(correlator.open(), 1);
    correlator.push(&write(3, 7, 7, b"<:t:half.done::"), &mut out);
    correlator.push(&write(2, 100, 99_999, b".done::"), &mut out);
    assert_eq!(
        correlator.open_by_age().next().unwrap().tags.canonical(),
        b"half.done"
    );
    // A second later the rest has waited in vain.
    correlator.tick(2_000_000_000, &mut out);
    let lost = correlator.lost().fragments;
    assert_eq!(out.malformed.len() as u64 + lost, 99_999);
    assert!(
        out.malformed
            .iter()
            .all(|(ts, code)| (*ts, *code) == (1, "E_UNFINISHED"))
    );
    check(&correlator);
}
