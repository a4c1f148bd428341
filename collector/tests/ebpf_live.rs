//! Another thread asks what was measured until now, while a program writes markers as fast as most never will.
#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod ebpf_common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ebpf_common::{Live, null};
use nulltrace_collector::mailbox::Mailbox;
use nulltrace_collector::measured::Measured;
use nulltrace_collector::pipeline::{Limits, PLENTY, Pipeline};
use nulltrace_collector::show::{self, Answer, Style};
use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::{Options, Scope};
use nulltrace_core::measure::groups::GroupKind;
use nulltrace_core::query::filter::{Filter, Words};
use nulltrace_core::query::metric::Metric;
use nulltrace_core::query::span_metric::SpanMetric;
use nulltrace_core::query::{Query, Show};
use nulltrace_core::view;

/// Spans that the program opens, each with a call inside.
const SPANS: u64 = 100_000;
/// In a millisecond, if the machine is as fast.
const AT_ONCE: u64 = 50;

/// The program: spans of this test binary's own, run as a process of its own.
#[test]
#[ignore = "run by the other test"]
fn writer() {
    let (mut null, mut zero) = (null(), File::open("/dev/zero").unwrap());
    let began = Instant::now();
    for n in 0..SPANS {
        null.write_all(b">:t:live.work::").unwrap();
        zero.read_exact(&mut [0; 64]).unwrap();
        null.write_all(b"<:t:live.work::").unwrap();
        if n % AT_ONCE == 0 {
            let due = Duration::from_millis(n / AT_ONCE);
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
    }
}

fn by(field: &str) -> Query {
    Query::groups(vec![field.parse().unwrap()], vec![Metric::Count])
}

/// The spans that match, by a field: all of them.
fn some(view: &str) -> Query {
    let filter = Filter::parse("proc.name!=nobody", &Words::ANY).unwrap();
    let by = vec!["span.tag[-1]".parse().unwrap()];
    Query::view(view).with_by(by).with_filter(Some(filter))
}

fn spans() -> Query {
    let by = vec!["span.tags".parse().unwrap()];
    Query::spans(by, vec![SpanMetric::Hits, SpanMetric::Blocked], None)
}

fn hits(of: &Measured) -> u64 {
    let rows = of.rows();
    let row = rows.iter().find(|row| row.path.canonical() == b"live.work");
    row.map_or(0, |row| row.stats.hits())
}

/// Calls of each group, as the model of the answer to `query` is made from them.
fn calls(of: &Measured) -> BTreeMap<String, u64> {
    let Some(groups) = of.groups() else {
        return BTreeMap::new();
    };
    let rows = groups.rows();
    let rows = rows.iter().map(|row| match row.kind {
        GroupKind::Group(values) => (format!("{values:?}"), row.sums.get(Metric::Count)),
        other => panic!("{other:?}"),
    });
    rows.collect()
}

/// What one query was answered, one time after another.
#[derive(Default)]
struct Answers {
    asked: u32,
    since: Option<jiff::Timestamp>,
    hits: u64,
    seen: u64,
    calls: BTreeMap<String, u64>,
}

impl Answers {
    /// All that is counted only grows, and can be drawn as anything.
    fn take(&mut self, query: &Query, answer: &Measured) {
        let (hits, calls) = (hits(answer), calls(answer));
        assert!(hits >= self.hits && answer.ledger.markers.seen >= self.seen);
        for (group, count) in &self.calls {
            assert!(calls[group] >= *count, "{group}: {count} became {calls:?}");
        }
        assert_eq!(answer.ledger.check(), Ok(()));
        if self.asked > 0 {
            assert_eq!(answer.since, self.since);
        }
        let view = match query.show() {
            Show::View { name, .. } => view::find(name).unwrap(),
            Show::Groups { .. } | Show::Spans { .. } => view::find("summary").unwrap(),
        };
        answer.with_data(query, &answer.notes, |data| {
            let drawn = Answer::new(*data, answer.wall_start, view);
            let mut json = Vec::new();
            show::json(&mut json, &drawn).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json.get("since").is_some(), answer.since.is_some());
            let style = Style {
                width: 120,
                color: false,
            };
            let page = show::page(&drawn, style);
            assert_eq!(page.contains("since"), answer.since.is_some(), "{page}");
            assert!(!show::csv(&drawn.model).is_empty());
        });
        *self = Self {
            asked: self.asked + 1,
            since: answer.since,
            hits,
            seen: answer.ledger.markers.seen,
            calls,
        };
    }
}

/// Asks all of them ten times a second, and once more when all has been counted.
fn ask(mailbox: &Mailbox, queries: &[Query], counted: &AtomicBool) -> Vec<Answers> {
    let mut answers: Vec<_> = queries.iter().map(|_| Answers::default()).collect();
    loop {
        let last = counted.load(Ordering::Acquire);
        for (query, answers) in queries.iter().zip(&mut answers) {
            let answer = mailbox.ask(query, Duration::from_secs(60)).unwrap();
            answers.take(query, &answer);
        }
        if last {
            return answers;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn answers_grow_while_it_runs_and_the_last_is_that_of_the_end() {
    let Some(mut live) = Live::start(&Options {
        scope: Scope::Members,
        activity: true,
        // Whatever else this machine does, nothing is to be lost.
        ring_bytes: 64 << 20,
        ..Options::default()
    }) else {
        return;
    };
    let source = &mut live.source;
    let own = by("evt.type");
    let mut pipeline = Pipeline::new(Limits::default());
    pipeline = pipeline.asking(&own, None).unwrap();
    let queries = [
        Query::view("summary"),
        Query::view("time"),
        Query::view("files"),
        own.clone(),
        by("fd.name"),
        by("user.name"),
        some("time"),
        some("slowest"),
        spans(),
    ];
    source.follow_children(true).unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--ignored"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    source.follow_children(false).unwrap();

    let (mailbox, counted) = (pipeline.mailbox(), AtomicBool::new(false));
    let (mut turns, mut longest) = (0_u32, Duration::ZERO);
    let answers = thread::scope(|scope| {
        let asker = scope.spawn(|| ask(&mailbox, &queries, &counted));
        let begun = Instant::now();
        while !asker.is_finished() {
            let turn = Instant::now();
            let records = pipeline.turn(source).unwrap();
            (turns, longest) = (turns + 1, longest.max(turn.elapsed()));
            if !counted.load(Ordering::Relaxed) && program.try_wait().unwrap().is_some() {
                let now = pipeline.view(&queries[0], source).unwrap();
                let late = begun.elapsed() > Duration::from_secs(300);
                counted.store(hits(&now) == SPANS || late, Ordering::Release);
            }
            if records < PLENTY {
                source.wait(Duration::from_millis(10));
            }
        }
        asker.join().unwrap()
    });
    assert!(program.wait().unwrap().success());
    let end = pipeline.finish(source).unwrap().measured;
    eprintln!(
        "{turns} turns, the longest {longest:?}; {} answers each",
        answers[0].asked
    );

    assert_eq!(hits(&end), SPANS);
    assert!(!end.ledger.lost.any(), "{:?}", end.ledger.lost);
    assert_eq!(end.ledger.check(), Ok(()));
    for (query, answers) in queries.iter().zip(&answers) {
        assert!(answers.asked >= 3, "the program was done too soon");
        assert_eq!(answers.hits, SPANS);
        assert_eq!(answers.seen, end.ledger.markers.seen);
        let live = [
            by("fd.name"),
            by("user.name"),
            some("time"),
            some("slowest"),
            spans(),
        ]
        .contains(query);
        assert_eq!(answers.since.is_some(), live, "{query:?}");
    }
    // Of its own query, the same to a call; one that was asked later has what came since.
    assert_eq!(answers[3].calls, calls(&end));
    let reads = &answers[3].calls;
    assert_eq!(reads.values().sum::<u64>(), SPANS, "{reads:?}");
    let zero: u64 = answers[4].calls.values().sum();
    assert!(0 < zero && zero <= SPANS, "{:?}", answers[4].calls);
}
