//! The summary as JSON, version 1, for programs.
//!
//! Keys are added, never renamed. Times are integer nanoseconds; where nothing was counted they are 0
//! and `hits` says so. Bytes that are no UTF-8 become U+FFFD.
//!
//! Where it was looked at what spans did inside, each has beside its latencies
//! - `time_ns`: where the time of all its spans went. Latencies are those of spans that ended by their exit
//!   marker, `time_ns` has the others too: those of `inferred`, and the `open` ones until the end of the run.
//!   Of `wall` so much was theirs as `unfinished` says (0 with `--inside` others than the thread).
//!   `interleaved` is beside it: time in which a span was open and its thread did the work of others;
//! - `activity`: one entry per system call, on whatever files;
//! - `files`: one per file or socket, the one that took the longest first, at most 100; after them one
//!   with the `name` null that is the sum of all others, of which `files` tells how many they are, or
//!   with `at_least` how many at least. A call on two files, as `sendfile`, is in two entries.
//!
//! ```json
//! {"name":"127.0.0.1:8888->127.0.0.1:50412","type":"ipv4","protocol":"tcp",
//!  "count":3,"bytes":1200,"bytes_in":0,"bytes_out":1200,
//!  "time_ns":{"sum":95000000,"blocked":94000000,…},"errors":{},"self":{"count":3,…}}
//! {"name":null,"files":212,"count":636,…}
//! ```
//!
//! A call that had not returned at the end of the run is in `sum` (and `blocked`, `runnable`) with its time
//! until then, which `going` repeats, and neither in `count` nor in `avg`, `min`, `max` and `p99`.
//!
//! `self` is what the span did while it was the innermost, as everywhere.

mod calls;

use std::borrow::Cow;
use std::io::{self, Write};

use nulltrace_core::activity::Times;
use nulltrace_core::ledger::{Ledger, Lost, Markers, Spans};
use nulltrace_core::measure::summary::{Inferred, Kind, Row};
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use super::text::is_hostile;
use super::{Report, group};
use calls::{Call, OnFile};

/// Writes the summary as one line.
///
/// # Errors
/// Those of `out`.
pub fn write(out: impl Write, report: &Report<'_>) -> io::Result<()> {
    let mut json = serde_json::Serializer::with_formatter(out, Plain);
    Summary::new(report).serialize(&mut json)?;
    json.into_inner().write_all(b"\n")
}

/// The account of a run, as every JSON output carries it under `"ledger"`.
#[must_use]
pub fn ledger(of: &Ledger) -> impl Serialize + use<> {
    LedgerKeys::new(of)
}

#[derive(Serialize)]
struct Summary<'a> {
    nulltrace: u8,
    backend: &'a str,
    wall_start: String,
    elapsed_ns: u64,
    spans: Vec<Span<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outside_ns: Option<Outside>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Map<String, Value>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<Map<String, Value>>,
    ledger: LedgerKeys,
    log: LogKeys,
}

#[derive(Serialize)]
struct Span<'a> {
    tags: Vec<Cow<'a, str>>,
    hits: u64,
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

/// `on_cpu + runnable + blocked = wall`, and `user + kernel = on_cpu`.
#[derive(Serialize)]
struct Time {
    wall: u64,
    on_cpu: u64,
    user: u64,
    kernel: u64,
    runnable: u64,
    blocked: u64,
    fault: u64,
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

#[derive(Serialize)]
struct LedgerKeys {
    markers: Map<String, Value>,
    spans: Map<String, Value>,
    lost: Map<String, Value>,
    /// Of which causes it is not known how much they lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<&'static str>,
}

/// The log on stderr; `lost` is in lines.
#[derive(Serialize)]
struct LogKeys {
    lost: u64,
}

impl<'a> Summary<'a> {
    fn new(report: &Report<'a>) -> Self {
        Self {
            nulltrace: 1,
            backend: report.backend,
            wall_start: report.wall_start.to_string(),
            elapsed_ns: report.elapsed_ns,
            spans: report
                .rows
                .iter()
                .map(|row| Span::new(row, report.outside.is_some()))
                .collect(),
            outside_ns: report.outside.map(Outside::new),
            by: report.groups.map(group::by),
            rows: report.groups.map(group::rows),
            left_out: report.groups.and_then(group::left_out),
            ledger: LedgerKeys::new(report.ledger),
            log: LogKeys {
                lost: report.log_lost,
            },
        }
    }
}

impl<'a> Span<'a> {
    fn new(row: &'a Row<'a>, activity: bool) -> Self {
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
            time_ns: activity.then(|| SpanTime {
                all: Time::new(&row.times.all),
                unfinished: row.unfinished,
                interleaved: row.times.interleaved,
                own: Time::new(&row.times.own),
            }),
            activity: activity.then(|| Call::each(&stats.calls)),
            files: activity.then(|| OnFile::each(&stats.calls)),
            overflow: match row.kind {
                Kind::Path => None,
                Kind::Overflow { paths, at_least } => Some(Overflow { paths, at_least }),
            },
        }
    }
}

/// The time of threads with no span open. Their calls are looked at only until the kernel is told so, so
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
            voluntary_switches: voluntary,
            involuntary_switches: involuntary,
            minor_faults: minor,
            major_faults: major,
        }
    }
}

impl LedgerKeys {
    fn new(of: &Ledger) -> Self {
        Self {
            markers: markers(&of.markers),
            spans: spans(&of.spans),
            lost: lost(&of.lost),
            unknown: of.lost.unknown().collect(),
        }
    }
}

fn object(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Map<String, Value> {
    counts
        .into_iter()
        .map(|(name, n)| (name.to_owned(), n.into()))
        .collect()
}

/// What is not known is null.
fn lost(of: &Lost) -> Map<String, Value> {
    let causes = of.causes().into_iter();
    causes
        .map(|(name, n)| (name.to_owned(), n.known().into()))
        .collect()
}

fn markers(of: &Markers) -> Map<String, Value> {
    // Taken apart, here and below, so that a count added to the ledger cannot be forgotten.
    let Markers {
        seen,
        enter,
        exit,
        malformed,
        cut,
        unmatched_exit,
        not_markers,
        late,
    } = of;
    let mut keys = object([
        ("seen", *seen),
        ("enter", *enter),
        ("exit", *exit),
        ("malformed", super::total(malformed.iter().copied())),
        ("cut", *cut),
        ("unmatched_exit", *unmatched_exit),
        ("not_markers", *not_markers),
        ("late", *late),
    ]);
    let by_code = object(super::refused_by_code(of));
    if !by_code.is_empty() {
        keys.insert("malformed_by_code".to_owned(), by_code.into());
    }
    keys
}

fn spans(of: &Spans) -> Map<String, Value> {
    let Spans {
        opened,
        exit,
        thread_exit,
        process_exit,
        expired,
        evicted,
        lost,
        lost_exit,
        open,
        parent_gone,
    } = *of;
    object([
        ("opened", opened),
        ("exit", exit),
        ("thread_exit", thread_exit),
        ("process_exit", process_exit),
        ("expired", expired),
        ("evicted", evicted),
        ("lost", lost),
        ("lost_exit", lost_exit),
        ("open", open),
        ("parent_gone", parent_gone),
    ])
}

/// Compact JSON that is safe to look at: what would control a terminal is written as an escape,
/// which stands for the same character.
struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|&(_, c)| is_hostile(c)) {
            out.write_all(&fragment.as_bytes()[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use nulltrace_core::measure::summary::{Limits, Summary as Spans};

    fn line(summary: &Spans, ledger: &Ledger) -> String {
        let mut out = Vec::new();
        fixture::report(summary, ledger, &[], |report| {
            write(&mut out, report).unwrap()
        });
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with('\n') && text.lines().count() == 1);
        text
    }

    /// One key to a line, in the order written.
    fn pretty(line: &str) -> String {
        let value: Value = serde_json::from_str(line).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    }

    #[test]
    fn version_1() {
        let limits = Limits {
            paths: 2,
            ..Limits::default()
        };
        let summary = fixture::with_inferred(fixture::shop(limits));
        insta::assert_snapshot!(pretty(&line(&summary, &fixture::losses())));
    }

    #[test]
    fn activity_is_shown_where_it_was_looked_at() {
        let summary = fixture::busy();
        let outside = Times {
            wall: 7,
            blocked: 5,
            ..Times::NONE
        };
        let (rows, ledger) = (summary.rows([]), fixture::clean());
        let mut report = fixture::of(&rows, &ledger, &[]);
        report.outside = Some(&outside);
        let mut out = Vec::new();
        write(&mut out, &report).unwrap();
        insta::assert_snapshot!(pretty(&String::from_utf8(out).unwrap()));
    }

    #[test]
    fn nothing_refused_has_no_codes() {
        let value: Value =
            serde_json::from_str(&line(&Spans::default(), &Ledger::default())).unwrap();
        let markers = &value["ledger"]["markers"];
        assert_eq!(markers["malformed"], 0);
        assert_eq!(markers.get("malformed_by_code"), None);
    }

    #[test]
    fn a_loss_that_is_not_known_is_null() {
        let ledger = fixture::unreadable();
        let value: Value = serde_json::from_str(&line(&Spans::default(), &ledger)).unwrap();
        let (lost, unknown) = (&value["ledger"]["lost"], &value["ledger"]["unknown"]);
        assert_eq!(lost["fault"], Value::Null);
        assert_eq!((&lost["slots"], &lost["sink"]), (&4.into(), &0.into()));
        assert_eq!(lost.as_object().unwrap().len(), ledger.lost.causes().len());
        assert_eq!(unknown.as_array().unwrap().len(), 7);
        assert_eq!(unknown[0], "ring_full");
        let value: Value =
            serde_json::from_str(&line(&Spans::default(), &Ledger::default())).unwrap();
        assert_eq!(value["ledger"].get("unknown"), None);
    }

    #[test]
    fn any_tag_is_safe_and_comes_back() {
        let summary = fixture::hostile();
        let text = line(&summary, &fixture::clean());
        assert!(!text.trim_end().chars().any(is_hostile));
        let value: Value = serde_json::from_str(&text).unwrap();
        let rows = summary.rows([]);
        // Two more are open.
        assert_eq!(value["spans"].as_array().unwrap().len(), rows.len() + 2);
        for (row, span) in rows.iter().zip(value["spans"].as_array().unwrap()) {
            let tags = row
                .path
                .segments()
                .iter()
                .map(|tag| String::from_utf8_lossy(tag));
            assert!(
                tags.eq(span["tags"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|tag| tag.as_str().unwrap()))
            );
        }
    }

    #[test]
    fn sums_beyond_64_bits_are_whole() {
        let mut summary = Spans::default();
        for _ in 0..3 {
            let span = fixture::span(
                &fixture::path(&[b"age"]),
                u64::MAX - 5,
                nulltrace_core::spans::span::End::Exit,
            );
            summary.push(&span);
        }
        let sum = 3 * u128::from(u64::MAX - 5);
        assert!(line(&summary, &Ledger::default()).contains(&format!(r#""sum":{sum},"#)));
    }
}
