use std::sync::Arc;

use super::*;
use crate::facts::path::TagPath;
use crate::spans::span::Closed;
use crate::spans::span::End;
use crate::spans::span::Open;
use nulltrace_spec::Id;
use proptest::prelude::*;

fn open(spans: u64) -> Open {
    Open {
        spans,
        ..Open::default()
    }
}

fn path(text: &str) -> Arc<TagPath> {
    Arc::new(TagPath::new(text.as_bytes(), text.split('.')))
}

fn span(tags: &Arc<TagPath>, ns: u64, how: End) -> Closed {
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
        start: 1_000,
        end: 1_000 + ns,
        how,
        child_ns: 0,
        child_hits: 0,
        times: None,
    }
}

fn hit(text: &str, ns: u64) -> Closed {
    span(&path(text), ns, End::Exit)
}

fn of<'a>(limits: Limits, spans: impl IntoIterator<Item = &'a Closed>) -> Summary {
    let mut summary = Summary::new(limits);
    for span in spans {
        summary.push(span);
    }
    summary
}

fn names(rows: &[Row<'_>]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            let tags = row.path.segments();
            let own: Vec<_> = tags[tags.len() - row.own_tags..]
                .iter()
                .map(|tag| String::from_utf8_lossy(tag))
                .collect();
            format!("{}{}", " ".repeat(row.depth), own.join("."))
        })
        .collect()
}

#[test]
fn only_exits_are_hits() {
    let a = path("a");
    let mut summary = Summary::default();
    let mut first = span(&a, 100, End::Exit);
    (first.child_ns, first.child_hits) = (30, 2);
    summary.push(&first);
    for how in [
        End::ThreadExit,
        End::ProcessExit,
        End::ProcessExit,
        End::Expired,
        End::Evicted,
        End::Lost,
    ] {
        let mut other = span(&a, 1_000_000, how);
        other.child_hits = 1;
        summary.push(&other);
    }
    let rows = summary.rows([(path("a"), open(3)), (path("a"), open(1))]);
    assert_eq!(rows.len(), 1);
    let stats = rows[0].stats;
    assert_eq!((stats.hits(), rows[0].open, stats.spans()), (1, 4, 7));
    assert_eq!(
        (stats.duration.max(), stats.self_ns, stats.child_hits),
        (Some(100), 70, 8)
    );
    let inferred = Inferred {
        thread_exit: 1,
        process_exit: 2,
        expired: 1,
        evicted: 1,
        lost: 1,
    };
    assert_eq!(stats.inferred, inferred);
}

#[test]
fn children_follow_their_parent_and_the_longest_comes_first() {
    let spans = [
        hit("b", 50),
        hit("a.x", 10),
        hit("a.y", 20),
        hit("a", 40),
        hit("a.y.deep.er", 5),
        // Sorts between `a` and `a.x` as text, but is no child of `a`.
        hit("a-", 45),
        hit("c.d", 1),
    ];
    let summary = of(Limits::default(), &spans);
    let rows = summary.rows([(path("open.only"), open(2)), (path("a.y.waits"), open(1))]);
    let expected = [
        "b",
        "a-",
        "a",
        " y",
        "  deep.er",
        "  waits",
        " x",
        "c.d",
        "open.only",
    ];
    assert_eq!(names(&rows), expected);
    assert!(rows.iter().all(|row| row.kind == PathKind::Path));
}

#[test]
fn equal_sums_are_in_order_of_their_tags() {
    let spans = [hit("c", 5), hit("a", 5), hit("b", 5)];
    assert_eq!(
        names(&of(Limits::default(), &spans).rows([])),
        ["a", "b", "c"]
    );
}

#[test]
fn a_path_shared_anew_keeps_its_row() {
    let mut summary = Summary::default();
    for _ in 0..100 {
        let (old, new) = (path("a.b"), path("a.b"));
        summary.push(&span(&old, 1, End::Exit));
        summary.push(&span(&new, 1, End::Exit));
        summary.push(&span(&old, 1, End::Exit));
    }
    assert_eq!(summary.by_address.len(), 1);
    let rows = summary.rows([]);
    assert_eq!((rows.len(), rows[0].stats.hits()), (1, 300));
}

#[test]
fn too_many_paths_share_a_row() {
    let limits = Limits {
        paths: 2,
        ..Limits::default()
    };
    let spans = [
        hit("a", 1),
        hit("b", 2),
        hit("c", 3),
        hit("d", 4),
        hit("c", 5),
        span(&path("d"), 6, End::Expired),
        hit("a", 7),
    ];
    let summary = of(limits, &spans);
    let rows = summary.rows([
        (path("c"), open(1)),
        (path("e"), open(2)),
        (path("b"), open(4)),
    ]);
    assert_eq!(names(&rows), ["a", "b", ""]);
    let last = &rows[2];
    assert_eq!(
        last.kind,
        PathKind::Overflow {
            paths: 3,
            at_least: false
        }
    );
    assert_eq!(
        (last.stats.hits(), last.stats.spans(), last.open),
        (3, 4, 3)
    );
    assert_eq!(last.stats.duration.sum(), 12);
    assert_eq!(rows[1].open, 4);
    // Any marker has a tag.
    assert_eq!(last.path.segments().len(), 0);
}

#[test]
fn too_much_text_shares_a_row() {
    let limits = Limits {
        text_bytes: 100,
        ..Limits::default()
    };
    let long = "x".repeat(100);
    let summary = of(limits, &[hit("a", 1), hit(&long, 2), hit("b", 3)]);
    assert_eq!(names(&summary.rows([])), ["b", "a", ""]);
    assert!(summary.text_bytes <= 100);
}

#[test]
fn the_number_of_overflowing_paths_is_bounded() {
    let limits = Limits {
        paths: 0,
        buckets: 4,
        ..Limits::default()
    };
    let mut summary = Summary::new(limits);
    let n = OVERFLOW_PATHS_MAX + 10;
    for i in 0..n {
        summary.push(&hit(&i.to_string(), 1));
    }
    let rows = summary.rows([]);
    assert_eq!(rows[0].stats.hits(), n as u64);
    let paths = OVERFLOW_PATHS_MAX as u64;
    assert_eq!(
        rows[0].kind,
        PathKind::Overflow {
            paths,
            at_least: true
        }
    );
}

#[test]
fn nothing_gives_no_rows() {
    assert!(Summary::default().rows([]).is_empty());
}

fn any_span() -> impl Strategy<Value = Closed> {
    let tags = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4);
    let how = prop::sample::select(vec![
        End::Exit,
        End::Exit,
        End::Exit,
        End::ThreadExit,
        End::ProcessExit,
        End::Expired,
        End::Evicted,
    ]);
    (tags, how, 0..u64::MAX >> 20, 0_u64..1000, 0_u64..5).prop_map(
        |(tags, how, ns, child_ns, child_hits)| {
            let mut span = span(&path(&tags.join(".")), ns, how);
            (span.child_ns, span.child_hits) = (child_ns, child_hits);
            span
        },
    )
}

fn spans() -> impl Strategy<Value = Vec<Closed>> {
    prop::collection::vec(any_span(), 0..60)
}

/// All that a row says.
fn facts(rows: &[Row<'_>]) -> Vec<(Arc<TagPath>, Stats, u64, usize, usize)> {
    rows.iter()
        .map(|r| {
            (
                Arc::clone(&r.path),
                r.stats.clone(),
                r.open,
                r.depth,
                r.own_tags,
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn merge_is_the_summary_of_the_union(a in spans(), b in spans()) {
        let limits = Limits { buckets: 100, ..Limits::default() };
        let mut merged = of(limits, &a);
        merged.merge(&of(limits, &b));
        let union = of(limits, a.iter().chain(&b));
        prop_assert_eq!(facts(&merged.rows([])), facts(&union.rows([])));
        let mut other = of(limits, &b);
        other.merge(&of(limits, &a));
        prop_assert_eq!(facts(&other.rows([])), facts(&union.rows([])));
    }

    #[test]
    fn every_span_is_in_one_row(a in spans(), b in spans(), paths in 0_usize..40) {
        let limits = Limits { paths, ..Limits::default() };
        let mut summary = of(limits, &a);
        summary.merge(&of(limits, &b));
        let rows = summary.rows([]);
        let all = || a.iter().chain(&b);
        let hits = |span: &&Closed| span.how == End::Exit;
        prop_assert_eq!(rows.iter().map(|r| r.stats.spans()).sum::<u64>(), all().count() as u64);
        prop_assert_eq!(rows.iter().map(|r| r.stats.hits()).sum::<u64>(), all().filter(hits).count() as u64);
        prop_assert_eq!(
            rows.iter().map(|r| r.stats.duration.sum()).sum::<u128>(),
            all().filter(hits).map(|s| u128::from(s.duration())).sum::<u128>()
        );
        prop_assert_eq!(
            rows.iter().map(|r| r.stats.child_hits).sum::<u64>(),
            all().map(|s| s.child_hits).sum::<u64>()
        );
        prop_assert!(rows.iter().filter(|r| r.kind == PathKind::Path).count() <= paths);
    }

    #[test]
    fn a_row_comes_after_the_path_it_extends(a in spans(), others in spans()) {
        let summary = of(Limits::default(), &a);
        let rows = summary.rows(others.iter().map(|s| (Arc::clone(&s.tags), open(1))));
        prop_assert_eq!(rows.iter().map(|r| r.open).sum::<u64>(), others.len() as u64);
        let mut above: Vec<&Row<'_>> = Vec::new();
        for row in &rows {
            above.truncate(row.depth);
            prop_assert_eq!(above.len(), row.depth);
            let shared = above.last().map_or(&[][..], |parent| parent.path.segments());
            prop_assert!(row.path.segments().starts_with(shared));
            prop_assert_eq!(row.path.segments().len(), shared.len() + row.own_tags);
            above.push(row);
        }
    }
}

/// What each row counts, with the spans beyond the limit.
fn counts(summary: &Summary) -> Vec<(String, Stats)> {
    let rows = summary.rows([]);
    let counts = rows.iter().map(|row| {
        let name = String::from_utf8_lossy(row.path.canonical()).into_owned();
        (name, row.stats.clone())
    });
    counts.collect()
}

#[test]
fn a_snapshot_stays_as_it_was_and_shares_what_did_not_change() {
    let limits = Limits {
        paths: 3,
        ..Limits::default()
    };
    let mut summary = of(
        limits,
        &[hit("a", 1), hit("b", 2), hit("c", 3), hit("d", 4)],
    );
    let snapshot = summary.clone();
    let before = counts(&snapshot);
    summary.push(&hit("a", 5));
    summary.push(&hit("d", 6));
    summary.push(&hit("e", 7));
    assert_eq!(counts(&snapshot), before);
    let now = counts(&summary);
    let hits: Vec<_> = now.iter().map(|(name, of)| (&**name, of.hits())).collect();
    assert_eq!(hits, [("a", 2), ("c", 1), ("b", 1), ("", 3)]);
    // Only of what changed there are two.
    let stats = |of: &Summary| -> Vec<*const Stats> {
        let entries = of.entries.iter().map(|entry| &raw const entry.stats);
        entries.collect()
    };
    let same: Vec<_> = stats(&summary)
        .into_iter()
        .zip(stats(&snapshot))
        .map(|(now, then)| now == then)
        .collect();
    assert_eq!(same, [false, true, true]);
    // Nothing is copied for one that is gone.
    drop(snapshot);
    let before = stats(&summary);
    summary.push(&hit("b", 8));
    assert_eq!(stats(&summary), before);
}
