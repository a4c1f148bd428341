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
//!   with the `name` null that is the sum of all others, of which `files` says how many they are, or
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
//!
//! With a filter, `where` says for how many of all spans, or calls (`of`), it holds: `matched` of them; for so many
//! it does `not`, so many have no value to compare and are `unknown`, and of so many calls it is not known on which
//! files they were made: they are `undecided`.
//!
//! `since` is there where what was asked for was counted from that moment on, later than `wall_start`: it was first
//! asked for then, while the run went on.
//!
//! A view other than the summary is there as `view`: a table has the `key` and the `unit` of its `columns`, and
//! its `rows` by these keys. `depth` is how many others a row stands under, and a row with nothing but its name
//! is the heading of those below it. A row with `others` is the sum of so many that have none of their own.
//! `notes` are sentences, `totals` has the sums of the columns, `left_out` says what is in no row of its own.

mod calls;
mod groups;
mod ledger;
mod model;
mod plain;
mod span_groups;
mod summary;

use std::io::{self, Write};

use nulltrace_core::ledger::Ledger;
use serde::Serialize;

use super::answer::Answer;
use ledger::LedgerKeys;
use plain::Plain;
use summary::Summary;

/// Writes the summary as one line, with the view that was asked for.
///
/// # Errors
/// Those of `out`.
pub fn json(out: impl Write, answer: &Answer<'_>) -> io::Result<()> {
    let mut json = serde_json::Serializer::with_formatter(out, Plain);
    Summary::new(answer).serialize(&mut json)?;
    json.into_inner().write_all(b"\n")
}

/// The account of a run, as every JSON output carries it under `"ledger"`.
#[must_use]
pub fn ledger(of: &Ledger) -> impl Serialize + use<> {
    LedgerKeys::new(of)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::fixture::groups::{FEW, files, shop, shop_of, unknown};
    use super::*;
    use crate::text::is_hostile;
    use jiff::Timestamp;
    use nulltrace_core::activity::Times;
    use nulltrace_core::measure::groups::{self, Groups};
    use nulltrace_core::measure::summary::{Limits, Summary as Spans};
    use nulltrace_core::query::Query;
    use nulltrace_core::query::metric::Metric;
    use nulltrace_core::view::{self, Data};
    use serde_json::{Value, json};

    fn written(data: &Data<'_>, view: &str, out: &mut Vec<u8>) {
        let view = view::find(view).unwrap();
        json(out, &Answer::new(*data, Timestamp::UNIX_EPOCH, view)).unwrap();
    }

    fn line(summary: &Spans, ledger: &Ledger) -> String {
        let mut out = Vec::new();
        fixture::data(summary, ledger, &[], |data| {
            written(data, "summary", &mut out)
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
        let mut data = fixture::of(&rows, &ledger, &[]);
        data.outside = Some(&outside);
        let mut out = Vec::new();
        written(&data, "summary", &mut out);
        insta::assert_snapshot!(pretty(&String::from_utf8(out).unwrap()));
    }

    #[test]
    fn what_was_asked_for_later_says_since_when() {
        let value = |since| -> Value {
            let mut out = Vec::new();
            fixture::data(&Spans::default(), &Ledger::default(), &[], |data| {
                written(&Data { since, ..*data }, "summary", &mut out)
            });
            serde_json::from_slice(&out).unwrap()
        };
        let since = Some(1_700_000_000_000_000_000);
        assert_eq!(value(since)["since"], "2023-11-14T22:13:20.000000000Z");
        assert_eq!(value(None).get("since"), None);
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
        assert_eq!(unknown.as_array().unwrap().len(), 8);
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

    fn of_groups(groups: &Groups) -> String {
        let summary = Spans::default();
        let (rows, ledger) = (summary.rows([]), fixture::clean());
        let mut data = fixture::of(&rows, &ledger, &[]);
        data.groups = Some(groups);
        let mut out = Vec::new();
        written(&data, "summary", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_for_programs() {
        let value =
            |groups: &Groups| -> Value { serde_json::from_str(&of_groups(groups)).unwrap() };
        let groups = shop(
            &["fd.name", "fd.rport", "evt.type"],
            &[Metric::Bytes],
            groups::Limits::default(),
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
        let got = value(&shop(&["evt.type"], &[Metric::Count, Metric::Time], FEW));
        assert_eq!(
            got["rows"][2],
            json!({"evt.type": null, "count": 3, "time": 33_000, "overflow": {"groups": 1, "at_least": false}})
        );
        let top = Query::groups(vec!["evt.type".parse().unwrap()], vec![Metric::Count]);
        let top = shop_of(top.with_top(Some(1)), groups::Limits::default());
        assert_eq!(
            value(&top)["rows"],
            json!([
                {"evt.type": "read", "count": 8232},
                {"evt.type": null, "count": 44, "others": {"groups": 2}},
            ])
        );
    }

    #[test]
    fn all_groups_are_there_safe_and_what_is_missing() {
        let value: Value = serde_json::from_str(&of_groups(&unknown())).unwrap();
        assert_eq!(value["left_out"], json!({"bytes": 2048, "count": 3}));
        assert_eq!(
            value["where"],
            json!({"of": "calls", "matched": 0, "not": 0, "unknown": 0, "undecided": 3})
        );
        let paths: Vec<_> = (100..170).map(|n| format!("/tmp/{n}")).collect();
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        let value: Value = serde_json::from_str(&of_groups(&files(&paths))).unwrap();
        assert_eq!(value["rows"].as_array().unwrap().len(), 70);

        let line = of_groups(&files(&["/tmp/\x1b[2J", "/pay\u{202e}gnp.exe"]));
        assert!(!line.trim_end().chars().any(is_hostile));
        let value: Value = serde_json::from_str(&line).unwrap();
        let rows = value["rows"].as_array().unwrap();
        let names: Vec<_> = rows.iter().map(|row| &row["fd.name"]).collect();
        assert!(names.contains(&&json!("/tmp/\x1b[2J")));
    }

    /// What is there without it stays as it is.
    #[test]
    fn a_view_is_one_more_key() {
        let keys = |view: &str| -> Value {
            let mut out = Vec::new();
            fixture::data(&fixture::busy(), &fixture::clean(), &[], |data| {
                written(data, view, &mut out)
            });
            serde_json::from_slice(&out).unwrap()
        };
        let plain = keys("summary");
        assert_eq!(plain.get("view"), None);
        for view in ["time", "syscalls", "files", "sockets"] {
            let mut got = keys(view);
            let of = got.as_object_mut().unwrap();
            let (key, _) = of.iter().next_back().unwrap();
            assert_eq!(key, "view");
            let model = of.remove("view").unwrap();
            assert_eq!(got, plain);
            insta::assert_snapshot!(view, rows_of(&model));
        }
        let grouped: Value = serde_json::from_str(&of_groups(&unknown())).unwrap();
        assert_eq!(grouped.get("view"), None);
    }

    /// One row to a line.
    fn rows_of(view: &Value) -> String {
        let mut text = format!("{}\n{}\n", view["name"], view["columns"]);
        for row in view["rows"].as_array().unwrap() {
            text += &format!("{row}\n");
        }
        text
    }
}
