use std::sync::Arc;

use ::syscalls::Sysno;
use nulltrace_core::activity::{InSpan, Inside, Times};
use nulltrace_core::facts::file::File;
use nulltrace_core::input::record::{CALLS_IN, CALLS_OUT, CallsRecord, FileRecord};
use nulltrace_core::measure::groups::Limits;
use nulltrace_core::measure::summary::Summary;
use nulltrace_core::query::condition::Condition;
use nulltrace_core::query::field::Known;
use nulltrace_core::query::plan::Plan;
use zerocopy::FromZeros;

use super::super::text::{is_hostile, width};
use super::super::{View, fixture, json, table};
use super::*;

/// A path's names, as the kernel tells them.
fn file(path: &str) -> Arc<File> {
    let mut record = FileRecord::new_zeroed();
    record.mode = 0o100_644;
    let names: String = path.rsplit('/').map(|name| format!("{name}\0")).collect();
    let names = names.strip_suffix('\0').unwrap_or(&names);
    Arc::new(File::read(&record, names.as_bytes()))
}

fn socket() -> Arc<File> {
    let mut record = FileRecord::new_zeroed();
    (record.family, record.protocol) = (2, 6);
    (record.local_port, record.remote_port) = (50412, 5432);
    record.local[..4].copy_from_slice(&[127, 0, 0, 1]);
    record.remote[..4].copy_from_slice(&[10, 0, 0, 9]);
    Arc::new(File::read(&record, b""))
}

fn calls(nr: Sysno, count: u32, bytes: u64) -> CallsRecord {
    let mut of = CallsRecord::new_zeroed();
    (of.nr, of.count, of.bytes) = (nr as u32, count, bytes);
    of.time = u64::from(count) * 11_000;
    of.blocked = of.time / 2;
    of.flags = match nr {
        Sysno::read => CALLS_IN,
        Sysno::write => CALLS_OUT,
        _ => 0,
    };
    of
}

fn shop(by: &[&str], sums: &[Metric], limits: Limits) -> Groups {
    let by = by.iter().map(|field| field.parse().unwrap()).collect();
    let mut groups = Groups::new(Plan::new(by, vec![], sums.to_vec()), limits);
    let pay = fixture::path(&[b"checkout", b"pay"]);
    let calls = [
        calls(Sysno::read, 8192, 512 << 20),
        calls(Sysno::read, 40, 4000),
        calls(Sysno::write, 41, 12_345),
        calls(Sysno::futex, 3, 0),
    ];
    let files = [
        Some(file("/tmp/blob.bin.4")),
        Some(socket()),
        Some(socket()),
        None,
    ];
    groups.push(
        &Inside {
            pid: 1,
            tid: 1,
            process: None,
            spans: &[InSpan::of_path(&pay)],
            wide: false,
            times: &Times::NONE,
            calls: &calls,
            files: &files,
        },
        Known::default(),
    );
    groups
}

/// Groups of files with any names.
fn files(paths: &[&str]) -> Groups {
    let by = vec!["fd.name".parse().unwrap(), "fd.directory".parse().unwrap()];
    let plan = Plan::new(by, vec![], vec![Metric::Bytes]);
    let mut groups = Groups::new(plan, Limits::default());
    for path in paths {
        push(&mut groups, calls(Sysno::write, 1, 10), file(path));
    }
    groups
}

/// Calls on a file, in no span.
fn push(groups: &mut Groups, calls: CallsRecord, file: Arc<File>) {
    groups.push(
        &Inside {
            pid: 1,
            tid: 1,
            process: None,
            spans: &[],
            wide: false,
            times: &Times::NONE,
            calls: &[calls],
            files: &[Some(file)],
        },
        Known::default(),
    );
}

fn shown(groups: &Groups, columns: usize) -> String {
    let summary = Summary::default();
    let (rows, ledger) = (summary.rows([]), fixture::clean());
    let mut report = fixture::of(&rows, &ledger, &[]);
    report.groups = Some(groups);
    let style = Style {
        width: columns,
        color: false,
    };
    let text = table::render(&report, View::Summary, style);
    for line in text.lines().skip(2).take_while(|line| !line.is_empty()) {
        assert!(width(line) <= columns, "{line}");
    }
    text
}

const NONE: Limits = Limits {
    groups: 2,
    text_bytes: 1 << 20,
};

#[test]
fn tables() {
    let by_file = shop(&["fd.name"], &[Metric::Bytes], Limits::default());
    insta::assert_snapshot!("by_file", shown(&by_file, 100));
    let all = shop(
        &["fd.name", "span.tags", "evt.type"],
        &[
            Metric::Time,
            Metric::Blocked,
            Metric::BytesIn,
            Metric::BytesOut,
            Metric::Errors,
        ],
        Limits::default(),
    );
    for columns in [140, 80, 48] {
        insta::assert_snapshot!(format!("by_three_{columns}"), shown(&all, columns));
    }
    let few = shop(&["evt.type"], &[Metric::Count], NONE);
    insta::assert_snapshot!("beyond_the_limit", shown(&few, 80));
    let none = Groups::new(few.plan().clone(), Limits::default());
    insta::assert_snapshot!("no_calls", shown(&none, 80));
}

#[test]
fn what_may_be_missing_is_told() {
    let only = Condition::parse("fd.type=file", &|_| None).unwrap();
    let plan = Plan::new(
        vec!["fd.name".parse().unwrap()],
        vec![only],
        vec![Metric::Bytes],
    );
    let mut groups = Groups::new(plan, Limits::default());
    let other = Arc::new(File::other());
    push(&mut groups, calls(Sysno::write, 3, 2048), other);
    let text = shown(&groups, 80);
    let told = "left out: 3 calls with 2.00 KiB on files that were not told apart";
    assert!(text.contains(told), "{text}");
    let value: Value = serde_json::from_str(&written(&groups)).unwrap();
    assert_eq!(value["left_out"], json!({"bytes": 2048, "count": 3}));
}

#[test]
fn a_person_sees_the_first_rows() {
    let paths: Vec<_> = (100..170).map(|n| format!("/tmp/{n}")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let groups = files(&paths);
    let text = shown(&groups, 100);
    assert!(
        text.contains("/tmp/149 ") && !text.contains("/tmp/150 "),
        "{text}"
    );
    assert!(text.contains("\n20 more rows: --json has all\n"), "{text}");
    assert_eq!(rows(&groups).len(), 70);
}

#[test]
fn names_of_others_are_safe() {
    let groups = files(&[
        "/tmp/\x1b[2J",
        "/two\nlines\r/x",
        "/pay\u{202e}gnp.exe",
        "/a\\b",
    ]);
    let text = shown(&groups, 100);
    assert!(!text.replace('\n', "").chars().any(is_hostile), "{text}");
    assert!(text.contains(r"/tmp/\u{1b}[2J"), "{text}");
    // Shown once as an escape, in the first column and in the others.
    assert!(text.contains(r"/two\nlines\r "), "{text}");
    let line = written(&groups);
    assert!(!line.trim_end().chars().any(is_hostile));
    let value: Value = serde_json::from_str(&line).unwrap();
    let names: Vec<_> = value["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["fd.name"])
        .collect();
    assert!(names.contains(&&json!("/tmp/\x1b[2J")));
}

fn written(groups: &Groups) -> String {
    let summary = Summary::default();
    let (rows, ledger) = (summary.rows([]), fixture::clean());
    let mut report = fixture::of(&rows, &ledger, &[]);
    report.groups = Some(groups);
    let mut out = Vec::new();
    json::write(&mut out, &report).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn rows_for_programs() {
    let value = |groups: &Groups| -> Value { serde_json::from_str(&written(groups)).unwrap() };
    let groups = shop(
        &["fd.name", "fd.rport", "evt.type"],
        &[Metric::Bytes],
        Limits::default(),
    );
    let got = value(&groups);
    assert_eq!(got["by"], json!(["fd.name", "fd.rport", "evt.type"]));
    let peer = "127.0.0.1:50412->10.0.0.9:5432";
    assert_eq!(
        got["rows"],
        json!([
            {"fd.name": "/tmp/blob.bin.4", "fd.rport": null, "evt.type": "read", "bytes": 512 << 20, "count": 8192},
            {"fd.name": peer, "fd.rport": 5432, "evt.type": "write", "bytes": 12_345, "count": 41},
            {"fd.name": peer, "fd.rport": 5432, "evt.type": "read", "bytes": 4000, "count": 40},
            {"fd.name": null, "fd.rport": null, "evt.type": "futex", "bytes": 0, "count": 3},
        ])
    );
    let got = value(&shop(&["evt.type"], &[Metric::Count, Metric::Time], NONE));
    assert_eq!(
        got["rows"][2],
        json!({"evt.type": null, "count": 3, "time": 33_000, "overflow": {"groups": 1, "at_least": false}})
    );
}
