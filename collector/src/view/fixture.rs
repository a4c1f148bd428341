//! Reports for the golden files.

use std::sync::Arc;

use jiff::Timestamp;
use nulltrace_core::activity::{Inside, SpanTimes, Times};
use nulltrace_core::ledger::{Ledger, Lost, Markers, Spans};
use nulltrace_core::record::CallsRecord;
use nulltrace_core::span::{Closed, End, TagPath};
use nulltrace_core::summary::{Limits, Row, Summary};
use nulltrace_spec::{Code, Id};
use syscalls::Sysno;
use zerocopy::FromZeros;

use super::Report;

pub(super) fn path(tags: &[&[u8]]) -> Arc<TagPath> {
    Arc::new(TagPath::new(&tags.join(&b'.'), tags))
}

pub(super) fn span(tags: &Arc<TagPath>, ns: u64, how: End) -> Closed {
    Closed {
        seq: 1,
        parent: None,
        parent_tags: None,
        tags: Arc::clone(tags),
        id: Id::None,
        enter_args: Default::default(),
        exit_args: Default::default(),
        pid: 1,
        tid: 1,
        comm: Arc::from(&b"sh"[..]),
        start: 5,
        end: 5 + ns,
        how,
        child_ns: ns / 4,
        child_hits: 1,
        times: None,
    }
}

/// A shop: some calls at each of a few paths, one of them hours long, one still open.
pub(super) fn shop(limits: Limits) -> Summary {
    let mut summary = Summary::new(limits);
    let checkout = path(&[b"checkout"]);
    let pay = path(&[b"checkout", b"pay"]);
    let card = path(&[b"checkout", b"pay", b"card"]);
    let query = path(&[b"db", b"query"]);
    for i in 1..=100 {
        summary.push(&span(&checkout, i * 1_000_000, End::Exit));
        summary.push(&span(&pay, i * i * 9_000, End::Exit));
        summary.push(&span(&query, 100 + i, End::Exit));
    }
    summary.push(&span(&card, 1_234_567, End::Exit));
    summary.push(&span(&path(&[b"night job"]), 7_000_000_000_000, End::Exit));
    summary
}

/// A shop whose time was looked at: `checkout` waits for a disk, `db.query` for a cpu.
pub(super) fn busy() -> Summary {
    let mut summary = Summary::default();
    let ms = 1_000_000;
    let (checkout, query) = (path(&[b"checkout"]), path(&[b"db", b"query"]));
    for (tags, blocked, runnable, kernel) in [(&checkout, 90, 2, 3), (&query, 0, 30, 1)] {
        let times = Times {
            wall: 100 * ms,
            kernel: kernel * ms,
            runnable: runnable * ms,
            blocked: blocked * ms,
            voluntary: 9,
            ..Times::NONE
        };
        let times = Some(SpanTimes {
            own: times,
            all: times,
        });
        summary.push(&Closed {
            times,
            ..span(tags, 100 * ms, End::Exit)
        });
    }
    let (mut reads, mut locks) = (CallsRecord::new_zeroed(), CallsRecord::new_zeroed());
    for (calls, nr, count, each, blocked, bytes) in [
        (&mut reads, Sysno::read, 8192, 11_000, 10_900, 512 << 20),
        (&mut locks, Sysno::futex, 3, 900_000, 0, 0),
    ] {
        (calls.nr, calls.count) = (nr as u32, count);
        (calls.time, calls.blocked) = (u64::from(count) * each, u64::from(count) * blocked);
        (calls.bytes, calls.min, calls.max) = (bytes, each, each);
        calls.buckets[(each.ilog2() - 7) as usize] = count;
    }
    locks.errors[0] = 2;
    inside(&mut summary, &checkout, 100 * ms, &[reads, locks]);
    summary
}

/// Calls of a segment that lay in one span.
pub(super) fn inside(summary: &mut Summary, path: &Arc<TagPath>, wall: u64, calls: &[CallsRecord]) {
    summary.inside(&Inside {
        pid: 1,
        tid: 1,
        process: None,
        paths: &[path],
        wide: false,
        times: &Times {
            wall,
            ..Times::NONE
        },
        calls,
        files: &vec![None; calls.len()],
    });
}

pub(super) fn with_inferred(mut summary: Summary) -> Summary {
    for how in [
        End::ProcessExit,
        End::ProcessExit,
        End::ThreadExit,
        End::Expired,
        End::Evicted,
    ] {
        summary.push(&span(&path(&[b"checkout", b"pay"]), 1, how));
    }
    summary
}

/// Tags as an enemy would write them.
pub(super) fn hostile() -> Summary {
    let mut summary = Summary::default();
    for tags in [
        &[&b"\x1b[2J\x1b[31mcleared"[..]][..],
        &[b"two\nlines\r", b"\xff\xfe no utf-8 \x80"],
        &[
            "pay\u{202e}elif\u{2066}".as_bytes(),
            "zero\u{200b}width\u{feff}".as_bytes(),
        ],
        &["\u{9b}31m C1 \u{85}".as_bytes()],
        &["東京都の検索".as_bytes(), "Zürich".as_bytes()],
        &[&[b'x'; 3000]],
        &[b"(3 more tag paths)"],
    ] {
        summary.push(&span(&path(tags), 1_000, End::Exit));
    }
    summary
}

/// All went well.
pub(super) fn clean() -> Ledger {
    Ledger {
        markers: Markers {
            seen: 605,
            enter: 303,
            exit: 302,
            malformed: vec![0; Code::ALL.len()],
            ..Markers::default()
        },
        spans: Spans {
            opened: 303,
            exit: 302,
            open: 1,
            ..Spans::default()
        },
        lost: Lost::default(),
    }
}

/// Something of everything.
pub(super) fn losses() -> Ledger {
    let malformed = Code::ALL
        .iter()
        .map(|&code| if code == Code::Direction { 2 } else { 0 })
        .collect();
    Ledger {
        markers: Markers {
            seen: 614,
            enter: 308,
            exit: 304,
            malformed,
            cut: 3,
            unmatched_exit: 2,
            not_markers: 1,
            late: 4,
        },
        spans: Spans {
            opened: 308,
            exit: 302,
            thread_exit: 1,
            process_exit: 2,
            expired: 1,
            evicted: 1,
            open: 1,
        },
        lost: Lost {
            ring_full: 12,
            fault: 1,
            storage: 2,
            scope: 3,
            slots: 4,
            bad_record: 5,
            sink: 6,
            segment: 7,
            name: 8,
            depth: 9,
        },
    }
}

/// Hands the report of a summary to `view`; one span of `checkout` and one of `queue` are open.
pub(super) fn report<T>(
    summary: &Summary,
    ledger: &Ledger,
    notes: &[&str],
    view: impl FnOnce(&Report<'_>) -> T,
) -> T {
    let rows = summary.rows([(path(&[b"checkout"]), 1), (path(&[b"queue"]), 1)]);
    view(&of(
        &rows,
        ledger,
        &notes.iter().map(|&n| n.to_owned()).collect::<Vec<_>>(),
    ))
}

pub(super) fn of<'a>(rows: &'a [Row<'a>], ledger: &'a Ledger, notes: &'a [String]) -> Report<'a> {
    Report {
        backend: "ebpf:raw_tracepoint",
        wall_start: Timestamp::UNIX_EPOCH,
        elapsed_ns: 1_500_000_000,
        rows,
        ledger,
        outside: None,
        notes,
    }
}
