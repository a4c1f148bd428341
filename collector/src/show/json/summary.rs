//! The keys of the summary.

use std::borrow::Cow;

use nulltrace_core::activity::Times;
use nulltrace_core::input::record::Stops;
use nulltrace_core::measure::decided::Decided;
use nulltrace_core::measure::groups::Groups;
use nulltrace_core::measure::selected::Selection;
use nulltrace_core::measure::summary::{Inferred, PathKind, Row};
use nulltrace_core::query::Show;
use nulltrace_core::view::{Names, VIEWS};
use serde::Serialize;
use serde_json::{Map, Value};

use super::calls::{Call, OnFile};
use super::groups;
use super::ledger::LedgerKeys;
use super::model::ViewKeys;
use super::span_groups;
use crate::show::answer::Answer;
use crate::show::moment;

#[derive(Serialize)]
pub(super) struct Summary<'a> {
    nulltrace: u8,
    backend: &'a str,
    wall_start: String,
    elapsed_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    spans: Vec<Span<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outside_ns: Option<Outside>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Map<String, Value>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<Map<String, Value>>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    filtered: Option<Filtered>,
    ledger: LedgerKeys,
    log: LogKeys,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<ViewKeys<'a>>,
}

#[derive(Serialize)]
struct Span<'a> {
    tags: Vec<Cow<'a, str>>,
    hits: u64,
    errors: u64,
    open: u64,
    child_hits: u64,
    duration_ns: Duration,
    self_ns: Sum,
    inferred: Ends,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_ns: Option<SpanTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<Vec<Call>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<OnFile<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overflow: Option<Overflow>,
}

#[derive(Serialize)]
struct Duration {
    sum: u128,
    min: u64,
    max: u64,
    avg: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
}

#[derive(Serialize)]
struct Sum {
    sum: u128,
}

#[derive(Serialize)]
struct Ends {
    process_exit: u64,
    thread_exit: u64,
    expired: u64,
    evicted: u64,
    lost: u64,
}

/// `on_cpu + runnable + blocked = wall`, and `user + kernel = on_cpu`. `stopped`, `traced` and `frozen` are parts of
/// `fault`, which is the part of `blocked` outside system calls.
#[derive(Serialize)]
struct Time {
    wall: u64,
    on_cpu: u64,
    user: u64,
    kernel: u64,
    runnable: u64,
    blocked: u64,
    fault: u64,
    stopped: u64,
    traced: u64,
    frozen: u64,
    voluntary_switches: u64,
    involuntary_switches: u64,
    minor_faults: u64,
    major_faults: u64,
}

#[derive(Serialize)]
struct SpanTime {
    #[serde(flatten)]
    all: Time,
    unfinished: u64,
    interleaved: u64,
    #[serde(rename = "self")]
    own: Time,
}

/// On the one row of all paths beyond the limits.
#[derive(Serialize)]
struct Overflow {
    paths: u64,
    at_least: bool,
}

/// What the filter said of all spans, or calls: all of them are here.
#[derive(Serialize)]
struct Filtered {
    of: &'static str,
    matched: u64,
    not: u64,
    unknown: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecided: Option<u64>,
}

impl Filtered {
    const fn spans(of: Decided) -> Self {
        Self {
            of: "spans",
            undecided: None,
            ..Self::calls(of)
        }
    }

    const fn calls(of: Decided) -> Self {
        Self {
            of: "calls",
            matched: of.matched,
            not: of.not,
            unknown: of.unknown,
            undecided: Some(of.undecided),
        }
    }
}

/// The log on stderr; `lost` is in lines.
#[derive(Serialize)]
struct LogKeys {
    lost: u64,
}

impl<'a> Summary<'a> {
    pub(super) fn new(answer: &'a Answer<'a>) -> Self {
        let Answer {
            data,
            wall_start,
            view,
            model,
        } = answer;
        let activity = data.outside.is_some().then_some(data.names);
        let groups = data.groups;
        let spans = data
            .selected
            .filter(|of| matches!(of.query().show(), Show::Spans { .. }));
        let grouped = data.selected.is_some_and(|of| !of.query().by().is_empty());
        Self {
            nulltrace: 1,
            backend: data.backend,
            wall_start: wall_start.to_string(),
            elapsed_ns: data.elapsed_ns,
            since: data.since.map(moment::rfc_3339),
            spans: data
                .rows
                .iter()
                .map(|row| Span::new(row, activity))
                .collect(),
            outside_ns: data.outside.map(Outside::new),
            by: groups
                .map(Groups::query)
                .or(spans.map(Selection::query))
                .map(groups::by),
            rows: groups
                .map(|groups| groups::rows(groups, data.names))
                .or_else(|| spans.map(|spans| span_groups::rows(spans, data))),
            left_out: groups.and_then(groups::left_out),
            filtered: match groups {
                Some(groups) => groups.decided().map(Filtered::calls),
                None => data
                    .selected
                    .and_then(Selection::decided)
                    .map(Filtered::spans),
            },
            ledger: LedgerKeys::new(data.ledger),
            log: LogKeys {
                lost: data.log_lost,
            },
            // The default view, if its rows are not grouped, and groups of calls are in the keys above.
            view: (groups.is_none() && spans.is_none() && (view.name != VIEWS[0].name || grouped))
                .then(|| ViewKeys::new(view.name, model)),
        }
    }
}

impl<'a> Span<'a> {
    fn new(row: &'a Row<'a>, activity: Option<&dyn Names>) -> Self {
        let stats = row.stats;
        let duration = &stats.duration;
        let quantile = |q| duration.quantile(q).unwrap_or(0);
        let Inferred {
            thread_exit,
            process_exit,
            expired,
            evicted,
            lost,
        } = stats.inferred;
        Self {
            tags: row
                .path
                .segments()
                .iter()
                .map(|tag| String::from_utf8_lossy(tag))
                .collect(),
            hits: stats.hits(),
            errors: stats.errors,
            open: row.open,
            child_hits: stats.child_hits,
            duration_ns: Duration {
                sum: duration.sum(),
                min: duration.min().unwrap_or(0),
                max: duration.max().unwrap_or(0),
                avg: duration.mean().unwrap_or(0),
                p50: quantile(0.5),
                p90: quantile(0.9),
                p99: quantile(0.99),
                p999: quantile(0.999),
            },
            self_ns: Sum { sum: stats.self_ns },
            inferred: Ends {
                process_exit,
                thread_exit,
                expired,
                evicted,
                lost,
            },
            time_ns: activity.map(|_| SpanTime {
                all: Time::new(&row.times.all),
                unfinished: row.unfinished,
                interleaved: row.times.interleaved,
                own: Time::new(&row.times.own),
            }),
            activity: activity.map(|names| Call::each(&stats.calls, names)),
            files: activity.map(|_| OnFile::each(&stats.calls)),
            overflow: match row.kind {
                PathKind::Path => None,
                PathKind::Overflow { paths, at_least } => Some(Overflow { paths, at_least }),
            },
        }
    }
}

/// The time of threads with no span open. Their calls are looked at only until the kernel knows that, so
/// that nothing is known of where it went in calls.
#[derive(Serialize)]
struct Outside {
    wall: u64,
    on_cpu: u64,
    runnable: u64,
    blocked: u64,
    voluntary_switches: u64,
    involuntary_switches: u64,
    minor_faults: u64,
    major_faults: u64,
}

impl Outside {
    fn new(of: &Times) -> Self {
        Self {
            wall: of.wall,
            on_cpu: of.on_cpu(),
            runnable: of.runnable,
            blocked: of.blocked,
            voluntary_switches: of.voluntary,
            involuntary_switches: of.involuntary,
            minor_faults: of.minor,
            major_faults: of.major,
        }
    }
}

impl Time {
    fn new(of: &Times) -> Self {
        let Times {
            wall,
            kernel,
            runnable,
            blocked,
            fault,
            stops:
                Stops {
                    stopped,
                    traced,
                    frozen,
                },
            voluntary,
            involuntary,
            minor,
            major,
        } = *of;
        Self {
            wall,
            on_cpu: of.on_cpu(),
            user: of.user(),
            kernel,
            runnable,
            blocked,
            fault,
            stopped,
            traced,
            frozen,
            voluntary_switches: voluntary,
            involuntary_switches: involuntary,
            minor_faults: minor,
            major_faults: major,
        }
    }
}
