use super::super::fixture::{self, MS, path};
use super::*;
use crate::facts::args::ArgList;
use crate::measure::selected::{Limits, Selected};
use crate::measure::slowest::Anchor;
use crate::query::Query;
use crate::query::field::Known;
use crate::query::filter::{Filter, Words};
use crate::spans::span::{Closed, End};
use crate::view;

/// Spans with these tags, argument `n`, status at the end, and duration in milliseconds.
const SPANS: [(&str, &str, &str, u64); 6] = [
    ("pay", "1", "ok", 10),
    ("pay", "1", "bad", 20),
    ("pay", "2", "ok", 400),
    ("pay", "", "ok", 1),
    ("buy", "\x1b[31m2", "ok", 8),
    ("buy", "1", "no", 3),
];

fn selection(query: Query, single: bool) -> Selection {
    let mut selected = Selected::new(query, Limits::default(), single);
    for (seq, (tag, n, status, ms)) in (1..).zip(SPANS) {
        let args = |name: &str, value: &str| -> ArgList {
            let some = [(name, value)].into_iter();
            some.filter(|(_, value)| !value.is_empty()).collect()
        };
        let span = Closed {
            seq,
            enter_args: args("n", n),
            exit_args: args("status", status),
            ..fixture::span(&path(&[tag.as_bytes()]), ms * MS, End::Exit)
        };
        selected.closed(&span, Known::default());
    }
    selected.snapshot(1000 * MS).done(Anchor::default())
}

fn query(name: &str, by: &[&str], only: &[&str]) -> Query {
    let by = by.iter().map(|field| field.parse().unwrap()).collect();
    let only = only.iter();
    let only = only.map(|text| Filter::parse(text, &Words::ANY).unwrap());
    Query::view(name)
        .with_by(by)
        .with_filter(only.reduce(Filter::and))
}

fn values(query: Query, name: &str) -> String {
    let view = view::find(name).unwrap();
    let top = query.top();
    let selection = selection(query, view.single);
    let (rows, ledger) = (selection.total(), fixture::clean());
    let data = fixture::of(&rows, &ledger, &[]);
    let data = Data {
        selected: Some(&selection),
        top,
        ..data
    };
    fixture::values(&view::answer(view, &data))
}

#[test]
fn rows_are_under_the_values_of_their_group() {
    let by = ["span.arg.n", "span.exitarg.status"];
    insta::assert_snapshot!("two_fields", values(query("time", &by, &[]), "time"));
    let of = query("slowest", &["span.exitarg.status"], &["span.tags=pay"]);
    insta::assert_snapshot!("slowest", values(of, "slowest"));
    let of = query("summary", &["span.arg.n"], &[]).with_top(Some(1));
    insta::assert_snapshot!("top", values(of, "summary"));
}

#[test]
fn filters_leave_out_spans_and_say_how_many() {
    let text = values(query("time", &[], &["span.duration=20ms"]), "time");
    let lines: Vec<_> = text.lines().skip(1).collect();
    assert!(lines[0].starts_with("pay | 1 | "), "{text}");
    let left = "left out: 5 spans: left out: 5 spans that do not match";
    assert_eq!(lines[1..], [left]);
    // One of six has no argument `n`.
    let left = |only| {
        let text = values(query("time", &[], &[only]), "time");
        text.lines().last().unwrap().to_owned()
    };
    assert_eq!(
        left("span.arg.n=2"),
        "left out: 5 spans: left out: 5 spans that do not match, 1 of them without a value to compare"
    );
    assert_eq!(
        left("span.arg.n!=x"),
        "left out: 1 spans: left out: 1 span without a value to compare"
    );
    let text = values(query("time", &["span.tags"], &["span.tags=none"]), "time");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_person_reads_as_many_rows_as_asked_for() {
    let shown = |by: &[&str], name| {
        let query = query(name, by, &[]).with_top(Some(1));
        let selection = selection(query, true);
        let (rows, ledger) = (selection.total(), fixture::clean());
        let data = Data {
            selected: Some(&selection),
            top: Some(1),
            ..fixture::of(&rows, &ledger, &[])
        };
        match view::answer(view::find(name).unwrap(), &data) {
            Model::Table(table) => table.shown,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(shown(&[], "time"), Some(1));
    assert_eq!(shown(&[], "slowest"), Some(1));
    // Of groups all that are there.
    assert_eq!(shown(&["span.arg.n"], "slowest"), None);
}
