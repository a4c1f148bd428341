//! Reports for the golden files.

use std::sync::Arc;

use jiff::Timestamp;
use nulltrace_core::activity::{InSpan, Inside, SpanTimes, Times};
use nulltrace_core::count::Count;
use nulltrace_core::facts::file::{Ends, File, Kind};
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::input::record::{CALLS_IN, CALLS_OUT, CallsRecord};
use nulltrace_core::ledger::{Ledger, Lost, Markers, Spans};
use nulltrace_core::measure::summary::{Limits, Row, Summary};
use nulltrace_core::spans::span::{Closed, End, Open};
use nulltrace_spec::{Code, Id};
use syscalls::Sysno;
use zerocopy::FromZeros;

use super::Report;

pub(super) const MS: u64 = 1_000_000;

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
        process: None,
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

/// A shop whose time was looked at: `checkout` waits for a disk, `db.query` for a cpu, `serve` for a peer.
pub(super) fn busy() -> Summary {
    let mut summary = Summary::default();
    let (checkout, query, serve) = (
        path(&[b"checkout"]),
        path(&[b"db", b"query"]),
        path(&[b"serve"]),
    );
    for (tags, blocked, runnable, kernel) in [
        (&checkout, 90, 2, 3),
        (&query, 0, 30, 1),
        (&serve, 96, 0, 2),
    ] {
        let times = Times {
            wall: 100 * MS,
            kernel: kernel * MS,
            runnable: runnable * MS,
            blocked: blocked * MS,
            voluntary: 9,
            ..Times::NONE
        };
        let times = Some(SpanTimes {
            own: times,
            all: times,
            interleaved: 0,
        });
        summary.push(&Closed {
            times,
            ..span(tags, 100 * MS, End::Exit)
        });
    }
    let reads = CallsRecord {
        bytes: 512 << 20,
        flags: CALLS_IN,
        ..calls(Sysno::read, 8192, 11_000, 10_900)
    };
    let mut locks = calls(Sysno::futex, 3, 900_000, 0);
    locks.errors[0] = 2;
    let blob = file(Kind::File, "/tmp/blob.bin.4");
    inside(
        &mut summary,
        &checkout,
        100 * MS,
        &[reads, locks],
        &[Some(blob), None],
    );

    let write = CallsRecord {
        bytes: 1200,
        flags: CALLS_OUT,
        ..calls(Sysno::write, 3, 31_500_000, 31_333_333)
    };
    let log = CallsRecord {
        bytes: 90,
        flags: CALLS_OUT,
        ..calls(Sysno::write, 2, 5_000, 0)
    };
    let accept = calls(Sysno::accept4, 1, 2_000_000, 1_999_000);
    let [peer, listener] = ["127.0.0.1:50412", ""].map(|remote| tcp("127.0.0.1:8888", remote));
    let long = "/var/log/a-shop-with-a-long-name/of-its-service-unit/in-the-year-2026/access.log";
    let files = [Some(peer), Some(listener), Some(file(Kind::File, long))];
    inside(
        &mut summary,
        &serve,
        100 * MS,
        &[write, accept, log],
        &files,
    );
    summary
}

/// A span that reads so many files, each a little longer than the one before.
pub(super) fn scan(files: usize, calls_bytes: usize) -> Summary {
    let mut summary = Summary::new(Limits {
        calls_bytes,
        ..Limits::default()
    });
    let tags = path(&[b"scan"]);
    for at in 0..files {
        let read = CallsRecord {
            bytes: 4096,
            flags: CALLS_IN,
            ..calls(Sysno::read, 1, 6_000 + at as u64, 5_000)
        };
        let file = file(Kind::File, &format!("/srv/files/{at:05}"));
        inside(&mut summary, &tags, 10_000, &[read], &[Some(file)]);
    }
    summary
}

/// So many calls, each as long as the others.
pub(super) fn calls(nr: Sysno, count: u32, each: u64, blocked: u64) -> CallsRecord {
    let mut calls = CallsRecord::new_zeroed();
    (calls.nr, calls.count) = (nr as u32, count);
    (calls.time, calls.blocked) = (u64::from(count) * each, u64::from(count) * blocked);
    (calls.min, calls.max) = (each, each);
    calls.buckets[(each.ilog2() - 7) as usize] = count;
    calls
}

pub(super) fn file(kind: Kind, name: &str) -> Arc<File> {
    Arc::new(File {
        kind,
        name: name.as_bytes().into(),
        ends: None,
    })
}

/// A socket, connected unless `remote` is empty.
pub(super) fn tcp(local: &str, remote: &str) -> Arc<File> {
    let name = match remote {
        "" => local.to_owned(),
        _ => format!("{local}->{remote}"),
    };
    Arc::new(File {
        ends: Some(Ends {
            protocol: "tcp",
            local: local.parse().unwrap(),
            remote: remote.parse().ok(),
        }),
        ..File::clone(&file(Kind::Ipv4, &name))
    })
}

/// Calls of a segment that lay in one span, each with its file.
pub(super) fn inside(
    summary: &mut Summary,
    path: &Arc<TagPath>,
    wall: u64,
    calls: &[CallsRecord],
    files: &[Option<Arc<File>>],
) {
    summary.inside(&Inside {
        pid: 1,
        tid: 1,
        process: None,
        spans: &[InSpan::of_path(path)],
        wide: false,
        times: &Times {
            wall,
            ..Times::NONE
        },
        calls,
        files,
    });
}

pub(super) fn with_inferred(mut summary: Summary) -> Summary {
    for how in [
        End::ProcessExit,
        End::ProcessExit,
        End::ThreadExit,
        End::Expired,
        End::Evicted,
        End::Lost,
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
            seen: 617,
            enter: 310,
            exit: 305,
            malformed,
            cut: 3,
            unmatched_exit: 2,
            not_markers: 1,
            late: 4,
        },
        spans: Spans {
            opened: 310,
            exit: 302,
            thread_exit: 1,
            process_exit: 2,
            expired: 1,
            evicted: 1,
            lost: 2,
            lost_exit: 1,
            open: 1,
            parent_gone: 3,
        },
        lost: Lost {
            ring_full: 12.into(),
            ring_full_markers: 5.into(),
            fault: 1.into(),
            storage: 2.into(),
            scope: 3.into(),
            slots: 4,
            bad_record: 5,
            sink: 6,
            segment: 7.into(),
            name: 8.into(),
            depth: 9,
            history: 10,
        },
    }
}

/// The kernel's counters could not be read.
pub(super) fn unreadable() -> Ledger {
    Ledger {
        lost: Lost {
            ring_full: Count::Unknown,
            ring_full_markers: Count::Unknown,
            fault: Count::Unknown,
            storage: Count::Unknown,
            scope: Count::Unknown,
            segment: Count::Unknown,
            name: Count::Unknown,
            slots: 4,
            ..Lost::default()
        },
        ..Ledger::default()
    }
}

/// Hands the report of a summary to `view`; one span of `checkout` and one of `queue` are open.
pub(super) fn report<T>(
    summary: &Summary,
    ledger: &Ledger,
    notes: &[&str],
    view: impl FnOnce(&Report<'_>) -> T,
) -> T {
    let one = Open {
        spans: 1,
        ..Open::default()
    };
    let rows = summary.rows([(path(&[b"checkout"]), one), (path(&[b"queue"]), one)]);
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
        groups: None,
        ledger,
        outside: None,
        notes,
        log_lost: 0,
    }
}
