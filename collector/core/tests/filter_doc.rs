//! docs/filter.md says what filters do: its examples are read, its answers are given, its table is that of the program.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

use std::sync::Arc;

use nulltrace_core::activity::{InSpan, Inside, Times, When};
use nulltrace_core::facts::file::File;
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::facts::syscall;
use nulltrace_core::input::record::{CallsRecord, FileRecord};
use nulltrace_core::query::field::{At, Known, Type};
use nulltrace_core::query::filter::{BadFilter, Filter, Op, Verdict, Words};
use syscalls::Sysno;
use zerocopy::FromZeros;

const DOC: &str = include_str!("../../../docs/filter.md");

fn parse(text: &str) -> Result<Filter, BadFilter> {
    let call = |name: &str| {
        let calls = syscall::family(name).into_iter();
        let calls = calls.filter_map(|name| name.parse().ok().map(|call: Sysno| call as u32));
        calls.chain(syscall::other(name)).collect()
    };
    let words = Words {
        subjects: &[],
        call: &call,
    };
    Filter::parse(text, &words)
}

/// The lines of the blocks of a kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    let blocks = DOC.split(&begin).skip(1);
    let lines: Vec<_> = blocks
        .flat_map(|rest| rest.split("```").next().unwrap().lines())
        .collect();
    assert!(lines.len() >= 3, "{kind}");
    lines
}

/// What stands between two marks.
fn part(name: &str) -> &'static str {
    let (_, rest) = DOC.split_once(&format!("<!-- {name} -->\n")).unwrap();
    rest.split_once(&format!("<!-- /{name} -->")).unwrap().0
}

#[test]
fn examples_are_filters() {
    for text in blocks("filter") {
        let filter = parse(text).unwrap_or_else(|bad| panic!("{text}: {bad:?}"));
        assert_eq!(parse(&filter.to_string()).unwrap(), filter);
    }
    // Those of the shell stand in quotes.
    let shell: Vec<_> = blocks("sh");
    for line in shell {
        let (_, rest) = line.split_once('\'').unwrap();
        let text = rest.split_once('\'').unwrap().0;
        parse(text).unwrap_or_else(|bad| panic!("{text}: {bad:?}"));
    }
}

#[test]
fn what_is_said_to_be_refused_is() {
    for text in blocks("refused") {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn answers() {
    let path = |text: &str| Arc::new(TagPath::new(text.as_bytes(), text.split('.')));
    let (pay, checkout) = (path("checkout.pay"), path("checkout"));
    let mut record = FileRecord::new_zeroed();
    record.mode = 0o100_644;
    let hosts = Arc::new(File::read(&record, b"hosts\0etc\0"));
    let mut read = CallsRecord::new_zeroed();
    (read.nr, read.count) = (Sysno::read as u32, 1);
    let inside = Inside {
        pid: 7,
        tid: 7,
        process: None,
        spans: &[InSpan::of_path(&pay), InSpan::of_path(&checkout)],
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls: &[read],
        files: &[Some(hosts)],
    };
    let at = At::call(&inside, 0, Known::default());
    let rows: Vec<_> = part("answers").lines().skip(2).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let (text, answer) = (cells.next().unwrap(), cells.next().unwrap());
        let text = text.trim_matches('`');
        let verdict = match answer {
            "yes" => Verdict::Yes,
            "no" => Verdict::No,
            "unknown" => Verdict::Unknown,
            other => panic!("{other}"),
        };
        assert_eq!(parse(text).unwrap().check(&at), verdict, "{text}");
    }
}

#[test]
fn operators_by_type() {
    let types = [
        Type::Text,
        Type::Number,
        Type::Integer,
        Type::Address,
        Type::Call,
        Type::Duration,
        Type::Time,
        Type::Size,
        Type::Boolean,
    ];
    let row = |type_: Type| {
        let ops = Op::ALL.into_iter().filter(|op| op.is_for(type_));
        let ops: Vec<_> = ops.map(|op| format!("`{}`", op.text())).collect();
        format!("| {} | {} |\n", type_.name(), ops.join(" "))
    };
    let rows: String = types.into_iter().map(row).collect();
    let table = format!("| type | operators |\n|---|---|\n{rows}");
    assert_eq!(part("operators"), table);
}

/// The names that stand for several calls.
#[test]
fn calls() {
    let rows = syscall::families().map(|(name, calls)| {
        let calls: Vec<_> = calls.split(' ').map(|call| format!("`{call}`")).collect();
        format!("| `{name}` | {} |\n", calls.join(" "))
    });
    let rows: String = rows.collect();
    assert_eq!(
        part("calls"),
        format!("| name | calls |\n|---|---|\n{rows}")
    );
}
