use std::collections::HashMap;

use proptest::prelude::*;

use std::sync::Arc;

use super::*;
use crate::activity::Inside;
use crate::facts::path::TagPath;
use crate::measure::groups;
use crate::measure::groups::GroupKind;
use crate::measure::slowest::Anchor;
use crate::measure::story::{self, Step, Stretch};
use crate::measure::summary::Row;
use crate::measure::summary::{self, Summary};
use crate::query::field::Known;
use crate::query::field::Value;
use crate::query::filter::{Filter, Words};
use crate::query::span_metric::SpanMetric;
use crate::query::{Query, Show};
use crate::spans::consumer::Consumer;
use crate::spans::consumer::Wants;
use crate::spans::correlate::Correlator;
use crate::spans::matcher::OpenSpan;
use crate::spans::span::Closed;
use crate::spans::span::Open;

/// Both see the same.
struct Seen {
    selected: Selected,
    summary: Summary,
    closed: Vec<Closed>,
    segments: Vec<Segment>,
}

/// The spans of a segment, and the numbers of its calls.
type Segment = (Vec<(u64, Arc<TagPath>)>, Vec<u32>);

impl Consumer for Seen {
    fn wants(&self) -> Wants {
        Wants::OPENED | Wants::CLOSED | Wants::INSIDE
    }
    fn opened(&mut self, span: &OpenSpan<'_>) {
        self.selected.opened(span);
    }
    fn inside(&mut self, inside: &Inside<'_>) {
        self.selected.inside(inside);
        self.summary.inside(inside);
        let spans = inside.spans.iter();
        let spans = spans.filter_map(|of| Some((of.seq?, Arc::clone(of.path))));
        let calls = inside.calls.iter().filter(|of| !of.is_empty());
        self.segments
            .push((spans.collect(), calls.map(|of| of.nr).collect()));
    }
    fn closed(&mut self, span: &Closed) {
        self.selected.closed(span, Known::default());
        self.summary.push(span);
        self.closed.push(span.clone());
    }
}

fn filter(text: &str) -> Filter {
    Filter::parse(text, &Words::ANY).unwrap()
}

fn query(by: &[&str], only: &[&str]) -> Query {
    let by = by.iter().map(|field| field.parse().unwrap()).collect();
    let only = only.iter();
    let only = only.map(|text| filter(text));
    Query::view("time")
        .with_by(by)
        .with_filter(only.reduce(Filter::and))
}

/// Plays the steps, with the query, and gives what was selected beside the summary of all.
fn played(query: Query, steps: &[(Step, Stretch)]) -> (Seen, Selection, Correlator, u64) {
    let mut seen = Seen {
        selected: Selected::new(query, Limits::default(), true),
        summary: Summary::default(),
        closed: Vec::new(),
        segments: Vec::new(),
    };
    let (correlator, end) = story::play(steps, &mut seen);
    let selection = taken(&mut seen, &correlator, end);
    (seen, selection, correlator, end)
}

fn taken(seen: &mut Seen, correlator: &Correlator, end: u64) -> Selection {
    let mut taking = seen.selected.snapshot(end);
    for span in correlator.open_by_age() {
        taking.open(span, Known::default());
    }
    taking.done(Anchor::default())
}

fn open(correlator: &Correlator) -> Vec<(Arc<TagPath>, Open)> {
    let open = correlator.open_by_tags(true);
    open.map(|(path, of)| (Arc::clone(path), of)).collect()
}

/// What a row says, but for its place in a tree.
fn said(rows: &[Row<'_>]) -> Vec<String> {
    let mut said: Vec<_> = rows
        .iter()
        .map(|row| {
            let path = String::from_utf8_lossy(row.path.canonical()).into_owned();
            format!("{path} {} {:?} {:?}", row.open, row.times, row.stats)
        })
        .collect();
    said.sort();
    said
}

/// Hits, and calls of each number, by tag path.
type Counts = HashMap<String, (u64, u64)>;

fn counts<'r, 's: 'r>(
    rows: impl Iterator<Item = &'r Row<'s>>,
    path: impl Fn(&Row<'_>) -> String,
) -> Counts {
    let mut counts = Counts::new();
    for row in rows {
        let calls = row.stats.calls.iter();
        let calls: u64 = calls.map(|(_, both)| both.all().count).sum();
        let of = counts.entry(path(row)).or_default();
        (of.0, of.1) = (of.0 + row.stats.hits(), of.1 + calls);
    }
    counts
}

/// A filter, and whether it holds for a call of that number in a span that ended, or is open.
type Mixed = (&'static str, fn(Option<&Closed>, u32) -> bool);

const MIXED: [Mixed; 3] = [
    ("span.duration>=2us or evt.type in (0, 1, 2)", |span, nr| {
        span.is_some_and(|span| span.duration() >= 2000) || nr < 3
    }),
    (
        "(span.duration>=2us and evt.type in (0, 1, 2)) or (not span.duration>=2us and not evt.type in (0, 1, 2, 3))",
        |span, nr| match span.map(|span| span.duration() >= 2000) {
            Some(true) => nr < 3,
            Some(false) => nr > 3,
            None => false,
        },
    ),
    (
        "evt.type!=7 and not (span.exitarg.status=1 and evt.type in (0, 1, 2, 3, 4, 5))",
        |span, nr| {
            let one = span.map(|span| span.exit_args.get(b"status") == Some(b"1"));
            nr != 7 && (nr > 5 || one == Some(false))
        },
    ),
];

proptest! {
    /// Where a filter holds for all spans, what was selected is what there is; of recursions and interleaved
    /// spans too.
    #[test]
    fn all_that_is_selected_is_all_there_is(
        steps in prop::collection::vec((story::step(), story::did()), 1..60),
    ) {
        let (seen, selection, correlator, _) = played(query(&[], &["span.tag[0]=a"]), &steps);
        let all = seen.summary.rows(open(&correlator));
        prop_assert_eq!(said(&selection.total()), said(&all));
        prop_assert_eq!((selection.passed_over(), selection.unkept()), (0, 0));
        prop_assert!(seen.selected.held.is_free(correlator.open()));
    }

    /// Each span is in the group of its values, or was passed over.
    #[test]
    fn each_is_in_its_group_or_passed_over(
        steps in prop::collection::vec((story::step(), story::did()), 1..60),
    ) {
        let by = ["span.arg.n", "span.exitarg.status"];
        let (seen, selection, ..) = played(query(&by, &["span.arg.n!=1"]), &steps);
        let mut truth = HashMap::<String, u64>::new();
        for span in &seen.closed {
            let arg = |args: &crate::facts::args::ArgList, name: &[u8]| {
                args.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
            };
            let (n, status) = (arg(&span.enter_args, b"n"), arg(&span.exit_args, b"status"));
            let tags = String::from_utf8_lossy(span.tags.canonical());
            if n.as_deref() != Some("1") {
                *truth.entry(format!("{n:?} {status:?} {tags}")).or_default() += 1;
            }
        }
        let rows = selection.grouped();
        let mut found = HashMap::<String, u64>::new();
        for row in &rows {
            let (group, path) = selection.group(&row.path).unwrap();
            let value = |value: &Value<'_>| match value {
                Value::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
                _ => None,
            };
            let [n, status] = selection.values(group) else { panic!() };
            let tags = String::from_utf8_lossy(path.canonical());
            let key = format!("{:?} {:?} {tags}", value(n), value(status));
            prop_assert!(row.depth > 0 || row.own_tags == path.segments().len());
            if row.stats.spans() > 0 {
                prop_assert!(found.insert(key, row.stats.spans()).is_none());
            }
        }
        prop_assert_eq!(&found, &truth);
        let chosen: u64 = truth.values().sum();
        prop_assert_eq!(chosen + selection.passed_over(), seen.closed.len() as u64);
        // The whole of it is the sum of the groups.
        let tags = |row: &Row<'_>| {
            let found = selection.group(&row.path);
            let path = found.map_or_else(|| Arc::clone(&row.path), |(_, path)| path);
            String::from_utf8_lossy(path.canonical()).into_owned()
        };
        let total = selection.total();
        let whole = counts(total.iter(), |row| String::from_utf8_lossy(row.path.canonical()).into_owned());
        prop_assert_eq!(counts(rows.iter(), tags), whole);
        let slow = selection.slowest().unwrap();
        prop_assert!(slow.spans.iter().all(|span| selection.group(&span.tags).is_some()));
    }

    /// Where a filter mixes calls and spans, a call is with the innermost span of a path that it is chosen with.
    #[test]
    fn calls_are_with_the_spans_that_they_are_chosen_with(
        steps in prop::collection::vec((story::step(), story::did()), 1..60),
    ) {
        for (text, holds) in MIXED {
            let (seen, selection, correlator, _) = played(query(&[], &[text]), &steps);
            let order = |seq: u64| seen.closed.iter().position(|span| span.seq == seq);
            let ended = |seq: u64| order(seq).map(|at| &seen.closed[at]);
            // As it was when the span was first seen.
            let mut outers = HashMap::<u64, Option<u64>>::new();
            for (spans, _) in &seen.segments {
                for (at, (seq, path)) in spans.iter().enumerate() {
                    let outer = spans[at + 1..].iter().find(|(_, of)| of == path);
                    outers.entry(*seq).or_insert(outer.map(|(seq, _)| *seq));
                }
            }
            let mut truth = HashMap::<(String, u32), u64>::new();
            for (spans, calls) in &seen.segments {
                let first = spans.iter().enumerate();
                let first = first.filter(|(at, (_, path))| spans[..*at].iter().all(|(_, of)| of != path));
                for ((_, (seq, path)), &nr) in first.flat_map(|of| calls.iter().map(move |nr| (of, nr))) {
                    let mut next = Some(*seq);
                    while let Some(seq) = next {
                        let span = ended(seq);
                        if holds(span, nr) {
                            let name = String::from_utf8_lossy(path.canonical()).into_owned();
                            *truth.entry((name, nr)).or_default() += 1;
                            break;
                        }
                        // Of one that is open nothing is handed on yet, and nothing to one that ended before.
                        let outer = outers[&seq].filter(|_| span.is_some());
                        next = outer.filter(|outer| order(*outer).is_none_or(|at| Some(at) > order(seq)));
                    }
                }
            }
            let mut found = HashMap::new();
            for row in selection.total() {
                let name = String::from_utf8_lossy(row.path.canonical()).into_owned();
                for (nr, both) in row.stats.calls.iter() {
                    found.insert((name.clone(), nr), both.all().count);
                }
            }
            prop_assert_eq!(&found, &truth, "{}", text);
            prop_assert!(seen.selected.held.is_free(correlator.open()));
            let decided = selection.decided().unwrap();
            let all = seen.closed.len() as u64 + correlator.open();
            prop_assert_eq!(decided.matched + decided.not + decided.unknown, all);
        }
    }
}

fn enter(tag: u8) -> Step {
    Step::Enter(1, false, tag)
}

/// So many calls of read.
fn reads(n: usize) -> Stretch {
    Stretch {
        user: 1,
        runnable: 0,
        fault: 0,
        calls: vec![(0, 5, 5, true); n],
    }
}

#[test]
fn what_a_recursion_calls_counts_for_the_innermost_that_is_chosen() {
    // Three of one path, of which the arguments are 2, 0 and 1; each calls something before the next begins.
    let steps = [
        (enter(0), reads(0)),
        (enter(0), reads(1)),
        (enter(0), reads(2)),
        (Step::Exit(1, 2), reads(4)),
        (Step::Exit(1, 1), reads(8)),
        (Step::Exit(1, 0), reads(16)),
    ];
    let calls = |only: &str| {
        let (_, selection, ..) = played(query(&[], &[only]), &steps);
        let rows = selection.total();
        let both = rows[0].stats.calls.iter().next().map(|(_, both)| both);
        let both = both.cloned().unwrap_or_default();
        (rows[0].stats.hits(), both.all().count, both.own().count)
    };
    assert_eq!(calls("span.tag[0]=a"), (3, 31, 31));
    // All that was called in it, of which it called 4 itself; and what the one inside did, through the chosen one.
    assert_eq!(calls("span.arg.n=1"), (1, 4, 4));
    assert_eq!(calls("span.arg.n=0"), (1, 2 + 4 + 8, 2 + 8));
    assert_eq!(calls("span.arg.n=2"), (1, 31, 1 + 16));
    assert_eq!(calls("span.arg.n!=0"), (2, 31, 1 + 4 + 16));
}

#[test]
fn comparisons_of_calls_choose_among_these() {
    let steps = [
        (enter(0), reads(0)),
        (
            enter(1),
            Stretch {
                calls: vec![(1, 1, 1, true), (0, 1, 1, true)],
                ..reads(0)
            },
        ),
        (Step::Exit(1, 1), reads(3)),
        (Step::Exit(1, 0), reads(1)),
    ];
    let of = Query::view("syscalls").with_filter(Some(filter("evt.type=0")));
    let (seen, selection, ..) = played(of, &steps);
    let rows = selection.total();
    let numbers = |row: &Row<'_>| -> Vec<_> {
        let calls = row.stats.calls.iter();
        calls.map(|(nr, both)| (nr, both.all().count)).collect()
    };
    let found: Vec<_> = rows.iter().map(numbers).collect();
    assert_eq!(found, [vec![(0, 5)], vec![(0, 3)]]);
    assert_eq!((selection.passed_over(), seen.closed.len()), (0, 2));
}

#[test]
fn groups_beyond_those_wanted_are_one_and_those_beyond_the_limits_another() {
    let steps: Vec<_> = (0..12_u8)
        .flat_map(|n| {
            let time = usize::from(n / 3 % 2) + 1;
            [(enter(n % 4), reads(0)), (Step::Exit(1, 0), reads(time))]
        })
        .collect();
    let limits = Limits {
        groups: groups::Limits {
            groups: 3,
            text_bytes: 1 << 10,
        },
        ..Limits::default()
    };
    let of = query(&["span.tags"], &[]).with_top(Some(1));
    let mut seen = Seen {
        selected: Selected::new(of, limits, false),
        summary: Summary::default(),
        closed: Vec::new(),
        segments: Vec::new(),
    };
    let (correlator, end) = story::play(&steps, &mut seen);
    let selection = taken(&mut seen, &correlator, end);
    let rows = selection.grouped();
    let found = rows.iter().map(|row| {
        let (group, path) = selection.group(&row.path).unwrap();
        let path = String::from_utf8_lossy(path.canonical()).into_owned();
        let kind = match selection.kind(group) {
            GroupKind::Group(_) => "one".to_owned(),
            GroupKind::Others { groups } => format!("{groups} others"),
            GroupKind::Overflow { groups, at_least } => format!("{groups} beyond {at_least}"),
        };
        (kind, path, row.stats.hits())
    });
    let found: Vec<_> = found.collect();
    let hits: u64 = found.iter().map(|of| of.2).sum();
    assert_eq!(hits, 12, "{found:?}");
    let kinds: Vec<_> = found.iter().map(|of| of.0.as_str()).collect();
    assert_eq!(kinds, ["one", "2 others", "2 others", "1 beyond false"]);
    assert_eq!(selection.overflow(), Some((1, false)));
}

#[test]
fn spans_without_a_place_are_counted() {
    let limits = Limits {
        open_bytes: 0,
        ..Limits::default()
    };
    let mut seen = Seen {
        selected: Selected::new(query(&[], &["span.tag[0]=a"]), limits, false),
        summary: Summary::default(),
        closed: Vec::new(),
        segments: Vec::new(),
    };
    let steps = [(enter(0), reads(0)), (Step::Exit(1, 0), reads(3))];
    let (correlator, end) = story::play(&steps, &mut seen);
    let selection = taken(&mut seen, &correlator, end);
    assert_eq!(
        (selection.unkept(), selection.total()[0].stats.hits()),
        (1, 1)
    );
}

#[test]
fn spans_are_summed_whatever_their_tags() {
    let steps = [
        (enter(0), reads(0)),
        (enter(1), reads(1)),
        (Step::Exit(1, 1), reads(2)),
        (Step::Exit(1, 0), reads(1)),
        (enter(0), reads(0)),
        (enter(2), reads(3)),
    ];
    let by = vec!["span.exitarg.status".parse().unwrap()];
    let sums = vec![SpanMetric::Hits, SpanMetric::Duration];
    let (_, selection, ..) = played(Query::spans(by, sums, None), &steps);
    let rows = selection.grouped();
    let found = rows.iter().map(|row| {
        let (group, path) = selection.group(&row.path).unwrap();
        assert!(path.segments().is_empty());
        let value = selection.values(group)[0].clone();
        let of = |of| metric(of, row.stats, &row.times);
        (
            value,
            row.open,
            of(SpanMetric::Hits),
            of(SpanMetric::Duration),
        )
    });
    let text = |text: &'static str| Value::Text(text.as_bytes().into());
    // Those of one group are as many as of another: the longer ones come first. Two are open.
    let found: Vec<_> = found.collect();
    assert_eq!(
        found,
        [
            (text("0"), 0, Some(1), Some(11 + 21 + 11)),
            (text("1"), 0, Some(1), Some(21)),
            (Value::Absent, 2, Some(0), None),
        ]
    );
}

/// Whatever the limits, and however few groups are wanted, each span is in one row.
#[test]
fn no_span_is_missing_where_there_is_no_room() {
    let steps: Vec<_> = (0..60_u8)
        .flat_map(|n| [(enter(n % 4), reads(0)), (Step::Exit(1, 0), reads(1))])
        .collect();
    let by = |field: &str| vec![field.parse().unwrap()];
    let sums = || vec![SpanMetric::Hits];
    for (paths, groups, top) in [
        (1, 9, None),
        (2, 9, None),
        (3, 2, None),
        (9, 1, Some(1)),
        (4, 60, Some(2)),
    ] {
        for of in [
            Query::spans(by("span.seq"), sums(), None),
            Query::spans(by("span.tags"), sums(), None),
            Query::view("time").with_by(by("span.seq")),
            Query::view("time").with_by(by("span.tags")),
        ] {
            let limits = Limits {
                groups: groups::Limits {
                    groups,
                    text_bytes: 1 << 10,
                },
                summary: summary::Limits {
                    paths,
                    ..summary::Limits::default()
                },
                ..Limits::default()
            };
            let mut seen = Seen {
                selected: Selected::new(of.with_top(top), limits, false),
                summary: Summary::default(),
                closed: Vec::new(),
                segments: Vec::new(),
            };
            let (correlator, end) = story::play(&steps, &mut seen);
            let selection = taken(&mut seen, &correlator, end);
            let rows = selection.grouped();
            let hits: u64 = rows.iter().map(|row| row.stats.hits()).sum();
            assert_eq!(hits, 60, "{paths} {groups} {top:?} {:?}", selection.query());
            if matches!(selection.query().show(), Show::Spans { .. }) {
                let grouped = |row: &Row<'_>| selection.group(&row.path).is_some();
                assert!(rows.iter().all(grouped), "{paths} {groups} {top:?}");
            }
        }
    }
}
