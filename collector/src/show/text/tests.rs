//! Pages as a person sees them.

use jiff::Timestamp;
use nulltrace_core::facts::file::FileKind;
use nulltrace_core::ledger::Ledger;
use nulltrace_core::measure::groups::{self, Groups};
use nulltrace_core::measure::summary::{Limits, Summary};
use nulltrace_core::query::Query;
use nulltrace_core::query::metric::Metric;
use nulltrace_core::view::model::{Cell, Column, Row, Table};
use nulltrace_core::view::{Data, find};

use super::*;
use crate::show::fixture;
use crate::show::fixture::groups::{FEW, files, shop, shop_of, unknown};
use crate::text::{is_hostile, width};

fn drawn(data: &Data<'_>, view: &str, style: Style) -> String {
    let view = find(view).unwrap();
    page(&Answer::new(*data, Timestamp::UNIX_EPOCH, view), style)
}

fn shown(summary: &Summary, view: &str) -> String {
    let style = Style {
        width: 120,
        color: false,
    };
    fixture::data(summary, &fixture::clean(), &[], |data| {
        drawn(data, view, style)
    })
}

fn plain(summary: &Summary, ledger: &Ledger, columns: usize) -> String {
    let style = Style {
        width: columns,
        color: false,
    };
    let text = fixture::data(summary, ledger, &[], |data| drawn(data, "summary", style));
    for line in text.lines().skip(2).take_while(|line| !line.is_empty()) {
        assert!(width(line) <= columns, "{line}");
    }
    text
}

#[test]
fn wide() {
    let summary = fixture::shop(Limits::default());
    insta::assert_snapshot!(plain(&summary, &fixture::clean(), 160));
}

#[test]
fn narrow() {
    let summary = fixture::with_inferred(fixture::shop(Limits::default()));
    for columns in [100, 80, 60, 40, 24] {
        let text = plain(&summary, &fixture::clean(), columns);
        insta::assert_snapshot!(format!("narrow_{columns}"), text);
    }
}

#[test]
fn losses() {
    let summary = fixture::with_inferred(fixture::shop(Limits::default()));
    let style = Style {
        width: 100,
        color: true,
    };
    let notes = [
        "no right to load BPF programs (CAP_BPF, CAP_PERFMON): ptrace is used, which is slow",
        "the file \x1b[31m was not there",
    ];
    let text = fixture::data(&summary, &fixture::losses(), &notes, |data| {
        drawn(data, "summary", style)
    });
    insta::assert_snapshot!(text.replace('\x1b', "␛"));
}

/// Two tasks of one thread: half of the time of each is the other's.
#[test]
fn interleaved() {
    let mut summary = Summary::default();
    for tag in ["/a", "/b"] {
        let times = nulltrace_core::activity::Times {
            wall: 40 * fixture::MS,
            blocked: 30 * fixture::MS,
            ..nulltrace_core::activity::Times::NONE
        };
        summary.push(&nulltrace_core::spans::span::Closed {
            times: Some(nulltrace_core::activity::SpanTimes {
                own: times,
                all: times,
                interleaved: 60 * fixture::MS,
            }),
            ..fixture::span(
                &fixture::path(&[tag.as_bytes()]),
                100 * fixture::MS,
                nulltrace_core::spans::span::End::Exit,
            )
        });
    }
    let style = Style {
        width: 120,
        color: false,
    };
    let text = fixture::data(&summary, &fixture::clean(), &[], |data| {
        drawn(data, "time", style)
    });
    insta::assert_snapshot!(text);
}

#[test]
fn overflow() {
    let limits = Limits {
        paths: 2,
        ..Limits::default()
    };
    let summary = fixture::with_inferred(fixture::shop(limits));
    insta::assert_snapshot!(plain(&summary, &fixture::clean(), 100));
}

#[test]
fn hostile() {
    let text = plain(&fixture::hostile(), &fixture::clean(), 100);
    assert!(!text.replace('\n', "").chars().any(is_hostile));
    insta::assert_snapshot!(text);
}

#[test]
fn deep() {
    let mut summary = Summary::default();
    let tags: Vec<_> = (10..42).map(|i| format!("level{i}")).collect();
    let tags: Vec<_> = tags.iter().map(String::as_bytes).collect();
    for depth in (0..tags.len()).step_by(3) {
        let path = fixture::path(&tags[..=depth]);
        summary.push(&fixture::span(
            &path,
            1_000,
            nulltrace_core::spans::span::End::Exit,
        ));
    }
    insta::assert_snapshot!(plain(&summary, &fixture::clean(), 60));
}

#[test]
fn activity() {
    let summary = fixture::busy();
    for name in ["time", "syscalls", "files", "sockets"] {
        for width in [120, 60] {
            let style = Style {
                width,
                color: false,
            };
            let text = fixture::data(&summary, &fixture::clean(), &[], |data| {
                drawn(data, name, style)
            });
            insta::assert_snapshot!(format!("{name}_{width}"), text);
        }
    }
}

#[test]
fn losses_that_are_not_known() {
    let mut ledger = fixture::unreadable();
    let foot = |ledger: &Ledger| {
        let text = plain(&Summary::default(), ledger, 200);
        let lines = text.lines().filter(|line| !line.starts_with("nulltrace"));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(foot(&ledger));
    ledger.lost.slots = 0;
    insta::assert_snapshot!("nothing_else_is_lost", foot(&ledger));
}

#[test]
fn empty() {
    let ledger = Ledger::default();
    let data = fixture::of(&[], &ledger, &[]);
    insta::assert_snapshot!(drawn(
        &data,
        "summary",
        Style {
            width: 80,
            color: false
        }
    ));
}

#[test]
fn no_width_at_all() {
    let summary = fixture::shop(Limits::default());
    fixture::data(&summary, &fixture::clean(), &[], |data| {
        for width in 0..24 {
            let text = drawn(
                data,
                "summary",
                Style {
                    width,
                    color: false,
                },
            );
            assert!(text.contains("hits"));
        }
    });
}
#[test]
fn what_is_not_shown_is_summed() {
    insta::assert_snapshot!(shown(&fixture::scan(25, 64 << 20), "files"));
    let text = shown(&fixture::scan(20, 64 << 20), "files");
    assert!(text.contains("/srv/files/00000") && !text.contains("more"));
    // Without room there are neither files nor numbers to count separately.
    let text = shown(&fixture::scan(25, 0), "files");
    let row = text.lines().find(|line| line.contains("more"));
    let row: Vec<_> = row.unwrap().split_whitespace().collect();
    assert_eq!(row[..6], ["and", "at", "least", "1", "more", "25"]);
    let text = shown(&fixture::scan(25, 0), "syscalls");
    let row = text.lines().find(|line| line.contains("other calls"));
    assert_eq!(row.unwrap().split_whitespace().nth(2), Some("25"));
}

/// A server in a span, a pool of clients of another, and two sockets that stand alone.
#[test]
fn connections_of_one_peer_are_one_row() {
    let mut summary = Summary::default();
    let job = fixture::path(&[b"job"]);
    let mut on = |file, bytes| {
        let mut write = fixture::calls(syscalls::Sysno::write, 2, 1_000, 500);
        (write.bytes, write.flags) = (bytes, nulltrace_core::input::record::CALLS_OUT);
        fixture::inside(&mut summary, &job, 9_000, &[write], &[Some(file)]);
    };
    for at in 0..1500 {
        let peer = format!("10.0.0.{}:{}", at % 3, 40_000 + at);
        on(fixture::tcp("127.0.0.1:8080", &peer), 100);
    }
    for port in 50_000..50_004 {
        on(fixture::tcp(&format!("[::1]:{port}"), "[::1]:5432"), 1000);
    }
    on(fixture::tcp("127.0.0.1:8080", "10.0.0.9:40000"), 5_000_000);
    on(fixture::tcp("0.0.0.0:8080", ""), 0);
    for port in 0..1500 {
        // Each between others: these are many peers indeed.
        let local = format!("10.1.0.1:{}", 10_000 + port);
        on(
            fixture::tcp(&local, &format!("10.2.0.1:{}", 20_000 + port)),
            1,
        );
    }
    insta::assert_snapshot!(shown(&summary, "sockets"));
}

#[test]
fn names_of_files_are_safe() {
    let mut summary = Summary::default();
    let names = [
        "/\x1b[2J\x1b[31m",
        "/a\nb\r",
        "/pay\u{202e}elif",
        "/\u{9b}31m",
    ];
    for name in names {
        let file = Some(fixture::file(FileKind::File, name));
        let read = fixture::calls(syscalls::Sysno::read, 1, 1_000, 0);
        fixture::inside(&mut summary, &fixture::path(&[b"job"]), 9, &[read], &[file]);
    }
    let text = shown(&summary, "files").replace('\n', "");
    assert!(!text.chars().any(is_hostile));
}

fn groups_shown(groups: &Groups, columns: usize) -> String {
    let summary = Summary::default();
    let (rows, ledger) = (summary.rows([]), fixture::clean());
    let mut data = fixture::of(&rows, &ledger, &[]);
    data.groups = Some(groups);
    let style = Style {
        width: columns,
        color: false,
    };
    let text = drawn(&data, "summary", style);
    for line in text.lines().skip(2).take_while(|line| !line.is_empty()) {
        assert!(width(line) <= columns, "{line}");
    }
    text
}

#[test]
fn tables() {
    let by_file = shop(&["fd.name"], &[Metric::Bytes], groups::Limits::default());
    insta::assert_snapshot!("by_file", groups_shown(&by_file, 100));
    let all = shop(
        &["fd.name", "span.tags", "evt.type"],
        &[
            Metric::Time,
            Metric::Blocked,
            Metric::BytesIn,
            Metric::BytesOut,
            Metric::Errors,
        ],
        groups::Limits::default(),
    );
    for columns in [140, 80, 48] {
        insta::assert_snapshot!(format!("by_three_{columns}"), groups_shown(&all, columns));
    }
    let few = shop(&["evt.type"], &[Metric::Count], FEW);
    insta::assert_snapshot!("beyond_the_limit", groups_shown(&few, 80));
    let top = Query::groups(vec!["evt.type".parse().unwrap()], vec![Metric::Count]);
    let top = shop_of(top.with_top(Some(1)), groups::Limits::default());
    insta::assert_snapshot!("the_others", groups_shown(&top, 80));
    let none = Groups::new(few.query().clone(), groups::Limits::default());
    insta::assert_snapshot!("no_calls", groups_shown(&none, 80));
}

#[test]
fn what_may_be_missing_is_reported() {
    let groups = unknown();
    let text = groups_shown(&groups, 80);
    let left_out = "left out: 3 calls with 2.00 KiB on files that are not known";
    assert!(text.contains(left_out), "{text}");
}

#[test]
fn a_person_sees_the_first_rows() {
    let paths: Vec<_> = (100..170).map(|n| format!("/tmp/{n}")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let groups = files(&paths);
    let text = groups_shown(&groups, 100);
    assert!(
        text.contains("/tmp/149 ") && !text.contains("/tmp/150 "),
        "{text}"
    );
    assert!(text.contains("\n20 more rows: --json has all\n"), "{text}");
}

#[test]
fn names_of_others_are_safe() {
    let groups = files(&[
        "/tmp/\x1b[2J",
        "/two\nlines\r/x",
        "/pay\u{202e}gnp.exe",
        "/a\\b",
    ]);
    let text = groups_shown(&groups, 100);
    assert!(!text.replace('\n', "").chars().any(is_hostile), "{text}");
    assert!(text.contains(r"/tmp/\u{1b}[2J"), "{text}");
    // Shown once as an escape, in the first column and in the others.
    assert!(text.contains(r"/two\nlines\r "), "{text}");
}

#[test]
fn paths_in_sentences_are_safe_and_short() {
    let style = Style {
        width: 88,
        color: false,
    };
    let shown = |path: &str| {
        let path = Cell::Path(path.as_bytes().to_vec().into());
        plain::sentence(&["in read of ".into(), path, ": 1 call".into()], style)
    };
    assert_eq!(
        shown("/\x1b[2J/a\nb"),
        r"in read of /\u{1b}[2J/a\nb: 1 call"
    );
    assert_eq!(
        shown(&format!("/{}end.log", "deep/".repeat(200))),
        "in read of …/deep/deep/deep/end.log: 1 call"
    );
    assert_eq!(
        shown("127.0.0.1:80→127.0.0.1:4000"),
        "in read of …0.0.1:80→127.0.0.1:4000: 1 call"
    );
    // Under a row they are the same, escaped once.
    let row = Row {
        notes: vec![vec!["of ".into(), Cell::Path(b"/\x1b"[..].into())]],
        ..Row::new(0, vec!["a".into()])
    };
    let table = Table::new(vec![Column::names("name")], vec![row]);
    assert_eq!(
        text(&Model::Table(table), style),
        "name\na\n  of /\\u{1b}\n"
    );
}
