//! No two rows have one name, whatever programs write, and what is counted is in them all the same.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use nulltrace_core::activity::{InSpan, Inside, Times, When};
use nulltrace_core::facts::file::{File, FileKind};
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::measure::groups::Groups;
use nulltrace_core::measure::selected::{self, Selected};
use nulltrace_core::measure::summary::Summary;
use nulltrace_core::query::Query;
use nulltrace_core::query::field::Known;
use nulltrace_core::query::metric::Metric;
use nulltrace_core::query::span_metric::SpanMetric;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::{Limits, OpenSpan};
use nulltrace_core::spans::span::{Closed, Open};
use nulltrace_core::view::model::{Cell, Model, Table};
use nulltrace_core::view::{Data, VIEWS};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use syscalls::Sysno;

use super::any_marker::Written;
use super::fixture::{self, slow::ANCHOR};
use super::{Answer, Style, csv, json, text};

/// Tags that look alike: invalid bytes, what stands for them, and what separates tags.
fn tags() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let part = prop::sample::select(vec![
        &b"a"[..],
        b"\xff",
        b"\xfe",
        b"\xe2\x80",
        b"\x1b",
        b".",
        b"\"",
        b"\\",
        b"\\.",
        "\u{202e}".as_bytes(),
        "\u{fffd}".as_bytes(),
    ]);
    let tag = vec(part, 0..3).prop_map(|parts| parts.concat());
    vec(tag, 1..4).prop_filter("a path", |tags| !tags.concat().is_empty() || tags.len() > 1)
}

/// All that counts spans and calls by their paths. Each span makes one call when it begins.
struct Seen {
    summary: Summary,
    groups: Groups,
    spans: Selected,
    grouped: Selected,
    paths: Vec<Arc<TagPath>>,
}

impl Seen {
    fn new() -> Self {
        let by = || vec!["span.tags".parse().unwrap()];
        let limits = selected::Limits::default();
        let spans = Query::spans(by(), vec![SpanMetric::Hits], None);
        let view = Query::view("syscalls").with_by(vec!["span.tag[-1]".parse().unwrap()]);
        Self {
            summary: Summary::default(),
            groups: Groups::new(Query::groups(by(), vec![Metric::Count]), Default::default()),
            spans: Selected::new(spans, limits, false),
            grouped: Selected::new(view, limits, false),
            paths: Vec::new(),
        }
    }
}

impl Consumer for Seen {
    fn wants(&self) -> Wants {
        Wants::OPENED | Wants::CLOSED
    }

    fn opened(&mut self, span: &OpenSpan<'_>) {
        self.paths.push(Arc::clone(span.tags));
        let name = span.tags.segments().join(&b'/');
        let file = Arc::new(File {
            kind: FileKind::File,
            name: name.into(),
            ends: None,
        });
        let inside = Inside {
            pid: 1,
            tid: 1,
            process: None,
            spans: &[InSpan {
                seq: Some(span.seq),
                ..InSpan::of_path(span.tags)
            }],
            wide: false,
            when: When::default(),
            times: &Times::NONE,
            calls: &[fixture::calls(Sysno::read, 1, 1000, 0)],
            files: &[Some(file)],
        };
        self.summary.inside(&inside);
        self.groups.push(&inside, Known::default());
        self.grouped.inside(&inside);
    }

    fn closed(&mut self, span: &Closed) {
        self.summary.push(span);
        self.spans.closed(span, Known::default());
        self.grouped.closed(span, Known::default());
    }
}

/// The rows' names are all different: those that a person reads in a tree, and those that a spreadsheet has.
fn distinct(model: &Model, names: usize) -> Result<(), TestCaseError> {
    let Model::Table(table) = model else {
        return Ok(());
    };
    let style = Style {
        width: 10_000,
        color: false,
    };
    let drawn = text(model, style);
    let mut lines = drawn.lines().skip(1);
    let mut above: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for row in &table.rows {
        let line = lines.next().unwrap_or_default();
        // The name ends where two blanks begin, and there are no others in these names.
        let name = line.trim_start().split("  ").next().unwrap_or_default();
        above.truncate(row.depth);
        // A heading has no numbers, so it does not look like a row of the same name.
        let heading = row.cells.len() <= table.tree;
        above.push(format!("{heading} {name}"));
        prop_assert!(seen.insert(above.clone()), "{drawn}");
    }
    let mut seen = HashSet::new();
    for row in ::csv::Reader::from_reader(&csv(model)[..]).records() {
        let row = row.unwrap();
        let name: Vec<_> = row.iter().take(names).map(str::to_owned).collect();
        prop_assert!(seen.insert(name), "{row:?}");
    }
    Ok(())
}

fn sum(table: &Table, key: &str) -> u64 {
    let at = table.columns.iter().position(|of| of.key == key).unwrap();
    let numbers = table.rows.iter().map(|row| match row.cells.get(at) {
        Some(Cell::Number(n)) => *n,
        _ => 0,
    });
    numbers.sum()
}

fn json_of(answer: &Answer<'_>) -> Value {
    let mut out = Vec::new();
    json(&mut out, answer).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// No two objects of a list have the same under these keys.
fn distinct_keys(list: &Value, keys: &[&str]) -> Result<(), TestCaseError> {
    let mut seen = HashSet::new();
    for of in list.as_array().into_iter().flatten() {
        let name: Vec<_> = keys.iter().map(|key| of[*key].to_string()).collect();
        prop_assert!(seen.insert(name), "{list:#}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_two_rows_have_one_name(paths in vec((tags(), 1_u64..100), 1..12)) {
        let mut correlator = Correlator::new(Limits::default());
        let mut seen = Seen::new();
        let mut ts = ANCHOR.monotonic;
        for (tags, ns) in &paths {
            let written = Written { id: "\"t\"".to_owned(), tags: tags.clone(), args: Vec::new() };
            for (dir, ns) in [('>', 0), ('<', *ns)] {
                ts += ns;
                let bytes = &written.marker(dir)[..];
                let what = What::Write { bytes, beyond: 0, continues: false };
                correlator.push(&Event { ts, pid: 1, tid: 1, number: 0, what }, &mut seen);
            }
        }
        let spans = paths.len() as u64;
        let ns: u64 = paths.iter().map(|(_, ns)| ns).sum();
        // One of each is open, too.
        let one = Open { spans: 1, ..Open::default() };
        let open = seen.paths.iter().map(|path| (Arc::clone(path), one));
        let rows = seen.summary.rows(open);
        prop_assert_eq!(rows.iter().map(|row| row.stats.hits()).sum::<u64>(), spans);
        prop_assert_eq!(rows.iter().map(|row| row.stats.duration.sum()).sum::<u128>(), u128::from(ns));
        prop_assert_eq!(rows.iter().map(|row| row.open).sum::<u64>(), spans);
        let (ledger, outside) = (fixture::clean(), Times::NONE);
        let data = Data { outside: Some(&outside), ..fixture::of(&rows, &ledger, &[]) };
        let answer_of = |data, view| Answer::new(data, Timestamp::UNIX_EPOCH, view);
        for view in VIEWS.iter().filter(|view| !view.single) {
            let answer = answer_of(data, view);
            let Model::Table(table) = &answer.model else { continue };
            distinct(&answer.model, table.tree)?;
            let counted = if view.calls { "calls" } else { "hits" };
            // Sockets there are none.
            let expected = if view.name == "sockets" { 0 } else { spans };
            prop_assert_eq!(sum(table, counted), expected, "{}", view.name);
            let keys = json_of(&answer);
            distinct_keys(&keys["spans"], &["tags"])?;
            for span in keys["spans"].as_array().unwrap() {
                distinct_keys(&span["files"], &["name", "type"])?;
            }
            let names: Vec<_> = table.columns[..table.tree].iter().map(|of| &*of.key).collect();
            distinct_keys(&keys["view"]["rows"], &names)?;
        }
        let summary = &VIEWS[0];
        let answer = answer_of(Data { groups: Some(&seen.groups), ..data }, summary);
        distinct(&answer.model, 1)?;
        let keys = json_of(&answer);
        distinct_keys(&keys["rows"], &["span.tags"])?;
        let counted: u64 = seen.groups.rows().iter().map(|row| row.sums.get(Metric::Count)).sum();
        prop_assert_eq!(counted, spans);

        let selection = seen.spans.snapshot(ts).done(ANCHOR);
        let answer = answer_of(Data { selected: Some(&selection), ..data }, summary);
        distinct(&answer.model, 1)?;
        distinct_keys(&json_of(&answer)["rows"], &["span.tags"])?;
        if let Model::Table(table) = &answer.model {
            prop_assert_eq!(sum(table, "span.hits"), spans);
        }

        let selection = seen.grouped.snapshot(ts).done(ANCHOR);
        let syscalls = VIEWS.iter().find(|view| view.name == "syscalls").unwrap();
        let answer = answer_of(Data { selected: Some(&selection), ..data }, syscalls);
        let Model::Table(table) = &answer.model else { panic!() };
        distinct(&answer.model, table.tree)?;
        prop_assert_eq!(sum(table, "calls"), spans);
    }
}
