//! Any model can be drawn in any way.

use std::borrow::Cow;

use jiff::Timestamp;
use nulltrace_core::measure::groups::Limits;
use nulltrace_core::measure::summary::Summary;
use nulltrace_core::query::metric::Metric;
use nulltrace_core::view::model::{
    Cell, Column, Flame, Frame, Heat, Interval, LeftOut, Row, RowKind, Table, Text, Timeline, Tone,
    Track, Unit,
};
use nulltrace_core::view::{self, Data, Model, VIEWS, View};
use serde_json::Value;

use super::fixture::{self, groups};
use super::{Answer, Style, csv, json, text};
use crate::text::{is_hostile, width};

fn name(text: &'static str) -> Cow<'static, [u8]> {
    Cow::Borrowed(text.as_bytes())
}

/// Values of all kinds, and all that a table may have.
fn table() -> Table {
    let total = Row {
        notes: vec![vec![
            "blocked ".into(),
            Cell::Share(0.25),
            " in read of ".into(),
            Cell::Path(name("/srv/\x1b[2J/with a long name/that goes on/data.bin")),
            ": ".into(),
            Cell::Bytes(4096),
        ]],
        ..Row::new(
            0,
            vec![
                Cell::Text(name("=cmd|' /C calc'!A0")),
                Cell::Path(name("/usr/share/zoneinfo/UTC")),
                Cell::Ns(u128::from(u64::MAX) + 5),
                Cell::Bytes(0),
                Cell::Share(0.125),
                Cell::Counts(Box::new([2, 0])),
            ],
        )
    };
    let part = Row::new(
        1,
        vec![
            Cell::Text(name("\"quoted\", and\nmore")),
            Cell::Absent,
            Cell::Absent,
            Cell::Bytes(1536),
            Cell::Absent,
            Cell::Counts(Box::new([0, 0])),
        ],
    );
    let heading = Row::new(0, vec![Cell::Text(name("a heading"))]);
    let others = Row {
        kind: RowKind::Others {
            count: 7,
            at_least: true,
            words: vec!["(7+ more)".into()],
        },
        ..Row::new(
            1,
            vec![Cell::Absent, Cell::Absent, Cell::Ns(5), Cell::Bytes(1)],
        )
    };
    let columns = vec![
        Column::names("name"),
        Column::names("proc.exe"),
        Column::new("on cpu", Unit::Ns, 0),
        Column::new("bytes.in", Unit::Bytes, 1),
        Column::new("share", Unit::Share, 2),
        Column::new("errors", Unit::Counts(&["again", "other"]), 3),
    ];
    Table {
        totals: vec![
            Cell::Absent,
            Cell::Ns(1_500_000),
            Cell::Bytes(1536),
            Cell::Share(1.0),
            Cell::Counts(Box::new([2, 0])),
        ],
        left_out: vec![LeftOut {
            of: "calls",
            count: 3,
            at_least: false,
            words: vec!["3 calls are in no row".into()],
        }],
        ..Table::new(columns, vec![total, part, heading, others])
    }
}

fn heat() -> Heat {
    Heat {
        start_ns: 2_000_000_000,
        step_ns: 1_000_000_000,
        rows: vec![1_000, 10_000, 100_000, 1_000_000],
        counts: vec![
            vec![0, 1000, 30],
            vec![1, 800, 100, 1],
            vec![],
            vec![2, 500, 300, 4],
            vec![0, 10],
        ],
    }
}

fn flame() -> Flame {
    let frame = |depth, text, total, own| Frame {
        depth,
        name: name(text),
        total,
        own,
    };
    Flame {
        unit: Unit::Ns,
        frames: vec![
            frame(0, "main", 900, 100),
            frame(1, "serve", 800, 300),
            frame(2, "std::io::Read::read\x1b[31m", 500, 500),
            frame(0, "=idle", 100, 100),
        ],
    }
}

fn timeline() -> Timeline {
    let interval = |text, start_ns, end_ns| Interval {
        name: name(text),
        start_ns,
        end_ns,
    };
    Timeline {
        start_ns: 0,
        end_ns: 1_000_000,
        tracks: vec![
            Track {
                depth: 0,
                name: name("thread 7"),
                intervals: vec![
                    interval("checkout", 0, 500_000),
                    interval("checkout", 600_000, 2_000_000),
                ],
            },
            Track {
                depth: 1,
                name: name("pay\n"),
                intervals: vec![
                    interval("pay", 100_000, 103_000),
                    interval("pay", 300_000, 300_000),
                    interval("@pay", 5_000_000, 6_000_000),
                ],
            },
        ],
    }
}

fn words() -> Text {
    let mut text = Text::default();
    text.say(
        Tone::Head,
        ["in ".into(), Cell::Ns(1_500_000), ", all".into()],
    );
    text.say(Tone::Plain, ["=1+1 of \x1b[2J".into()]);
    text
}

fn models() -> [(&'static str, Model); 5] {
    [
        ("table", Model::Table(table())),
        ("heat", Model::Heat(heat())),
        ("flame", Model::Flame(flame())),
        ("timeline", Model::Timeline(timeline())),
        ("text", Model::Text(words())),
    ]
}

/// The part of the JSON that is the view.
fn json_of(model: Model) -> String {
    let (summary, ledger) = (Summary::default(), fixture::clean());
    let rows = summary.rows([]);
    let view = View {
        name: "hand",
        help: "",
        activity: false,
        single: false,
        calls: false,
        make: |_| Model::Text(Text::default()),
    };
    let mut answer = Answer::new(
        fixture::of(&rows, &ledger, &[]),
        Timestamp::UNIX_EPOCH,
        &view,
    );
    answer.model = model;
    let mut out = Vec::new();
    json(&mut out, &answer).unwrap();
    let line = String::from_utf8(out).unwrap();
    assert!(!line.trim_end().chars().any(is_hostile));
    let (_, view) = line.split_once(r#""view":"#).unwrap();
    // It is the last key.
    view.trim_end().strip_suffix('}').unwrap().to_owned()
}

#[test]
fn each_model_in_each_way() {
    for (name, model) in models() {
        for (width, color) in [(100, false), (40, false), (60, true)] {
            let drawn = text(&model, Style { width, color }).replace('\x1b', "␛");
            let how = if color { "colours" } else { "text" };
            insta::assert_snapshot!(format!("{name}_{how}_{width}"), drawn);
        }
        let lines = String::from_utf8(csv(&model)).unwrap();
        insta::assert_snapshot!(format!("{name}_csv"), lines);
        insta::assert_snapshot!(format!("{name}_json"), json_of(model));
    }
}

/// What a spectrogram shows is what was counted, however narrow it is.
#[test]
fn a_narrow_spectrogram_has_all_counts() {
    let heat = Heat {
        counts: vec![vec![1, 0, 2]; 1000],
        ..heat()
    };
    let style = Style {
        width: 40,
        color: false,
    };
    let drawn = text(&Model::Heat(heat), style);
    // 1000 columns of time in 31: 33 of them in each but the last.
    assert!(drawn.contains("the most in one place: 66"), "{drawn}");
    assert!(drawn.lines().all(|line| width(line) <= 40), "{drawn}");
    assert_eq!(drawn.matches('@').count(), 30, "{drawn}");
}

/// Models without anything in them, and with the largest numbers.
#[test]
fn nothing_and_everything() {
    let extremes = [
        Model::Table(Table::new(vec![], vec![])),
        Model::Table(Table::new(vec![], vec![Row::new(9, vec![])])),
        Model::Heat(Heat {
            start_ns: u64::MAX,
            step_ns: u64::MAX,
            rows: vec![],
            counts: vec![vec![u64::MAX; 3]; 300],
        }),
        Model::Heat(Heat {
            start_ns: u64::MAX,
            step_ns: u64::MAX,
            rows: vec![0, u64::MAX],
            counts: vec![vec![u64::MAX; 3]; 300],
        }),
        Model::Flame(Flame {
            unit: Unit::Count,
            frames: vec![
                Frame {
                    depth: 0,
                    name: name(""),
                    total: u64::MAX,
                    own: 1,
                };
                2
            ],
        }),
        Model::Timeline(Timeline {
            start_ns: u64::MAX,
            end_ns: 0,
            tracks: vec![Track {
                depth: usize::MAX / 4,
                name: name("x"),
                intervals: vec![Interval {
                    name: name(""),
                    start_ns: u64::MAX,
                    end_ns: 0,
                }],
            }],
        }),
        Model::Text(Text::default()),
    ];
    for model in extremes {
        for width in [0, 1, 30, 200] {
            for color in [false, true] {
                let _ = text(&model, Style { width, color });
            }
        }
        let _ = csv(&model);
        let _ = json_of(model);
    }
}

/// The views themselves, over anything.
#[test]
fn every_view_is_safe_and_fits_in_every_way() {
    let summaries = [
        fixture::busy(),
        fixture::hostile(),
        fixture::scan(30, 64 << 20),
        Summary::default(),
    ];
    let slowest = fixture::slow::spans();
    for summary in &summaries {
        for view in VIEWS {
            fixture::data(summary, &fixture::losses(), &["\x1b[2J"], |data| {
                let slowest = Some(&slowest);
                let data = Data { slowest, ..*data };
                let answer = Answer::new(data, Timestamp::UNIX_EPOCH, view);
                for columns in [120, 80, 40] {
                    let style = Style {
                        width: columns,
                        color: false,
                    };
                    let drawn = text(&answer.model, style);
                    assert!(!drawn.replace('\n', "").chars().any(is_hostile), "{drawn}");
                    for line in drawn.lines().filter(|_| !data.rows.is_empty()) {
                        assert!(width(line) <= columns, "{line}");
                    }
                }
                let mut out = Vec::new();
                json(&mut out, &answer).unwrap();
                let line = String::from_utf8(out).unwrap();
                assert!(!line.trim_end().chars().any(is_hostile));
                let keys: Value = serde_json::from_str(&line).unwrap();
                assert_eq!(keys["spans"].as_array().unwrap().len(), data.rows.len());
                let (header, rows) = read(&csv(&answer.model));
                for field in header.iter().chain(rows.iter().flatten()) {
                    assert!(!field.chars().any(is_hostile), "{field}");
                    let number = field.parse::<i64>().is_ok();
                    assert!(
                        number || !field.starts_with(['=', '+', '-', '@']),
                        "{field}"
                    );
                }
            });
        }
    }
}

/// A header and rows of as many fields.
fn read(csv: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = ::csv::Reader::from_reader(csv);
    let fields = |row: &::csv::StringRecord| row.iter().map(str::to_owned).collect();
    let header = fields(reader.headers().unwrap());
    let rows = reader.records().map(|row| fields(&row.unwrap())).collect();
    (header, rows)
}

fn csv_of(data: &Data<'_>, view: &str) -> String {
    let view = view::find(view).unwrap();
    let answer = Answer::new(*data, Timestamp::UNIX_EPOCH, view);
    String::from_utf8(csv(&answer.model)).unwrap()
}

#[test]
fn views_as_csv() {
    let limits = nulltrace_core::measure::summary::Limits {
        paths: 3,
        ..Default::default()
    };
    let shop = fixture::with_inferred(fixture::shop(limits));
    let busy = fixture::busy();
    for (summary, view) in [
        (&shop, "summary"),
        (&busy, "time"),
        (&busy, "syscalls"),
        (&busy, "files"),
        (&busy, "sockets"),
    ] {
        let lines = fixture::data(summary, &fixture::clean(), &[], |data| csv_of(data, view));
        insta::assert_snapshot!(format!("{view}_csv"), lines);
    }
    let groups = groups::shop(
        &["fd.name", "fd.rport", "evt.type"],
        &[Metric::Time, Metric::Bytes],
        Limits {
            groups: 3,
            ..Limits::default()
        },
    );
    let (summary, ledger) = (Summary::default(), fixture::clean());
    let rows = summary.rows([]);
    let mut data = fixture::of(&rows, &ledger, &[]);
    data.groups = Some(&groups);
    insta::assert_snapshot!("groups_csv", csv_of(&data, "summary"));
}

/// A person sees the first rows, a program all.
#[test]
fn a_table_of_many_rows() {
    let paths: Vec<_> = (100..170).map(|n| format!("/tmp/{n}")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let groups = groups::files(&paths);
    let (summary, ledger) = (Summary::default(), fixture::clean());
    let rows = summary.rows([]);
    let mut data = fixture::of(&rows, &ledger, &[]);
    data.groups = Some(&groups);
    assert_eq!(csv_of(&data, "summary").lines().count(), 71);
}

/// Single spans, some of which an enemy wrote.
#[test]
fn the_slowest_spans_in_every_way() {
    let (summary, ledger, slowest) = (Summary::default(), fixture::clean(), fixture::slow::spans());
    let rows = summary.rows([]);
    let mut data = fixture::of(&rows, &ledger, &[]);
    data.slowest = Some(&slowest);
    let view = view::find("slowest").unwrap();
    let answer = Answer::new(data, Timestamp::UNIX_EPOCH, view);
    for columns in [120, 80, 40] {
        let style = Style {
            width: columns,
            color: false,
        };
        let drawn = text(&answer.model, style);
        assert!(!drawn.chars().any(|c| c != '\n' && is_hostile(c)));
        assert!(drawn.lines().all(|line| width(line) <= columns), "{drawn}");
        insta::assert_snapshot!(format!("slowest_text_{columns}"), drawn);
    }
    let lines = String::from_utf8(csv(&answer.model)).unwrap();
    assert!(!lines.chars().any(|c| c != '\n' && is_hostile(c)));
    assert_eq!(lines.lines().count(), 1 + slowest.spans.len());
    insta::assert_snapshot!("slowest_csv", lines);

    let value: Value = serde_json::from_str(&json_of(answer.model)).unwrap();
    let rows = value["rows"].as_array().unwrap();
    for (row, span) in rows.iter().zip(&slowest.spans) {
        let keys: Vec<_> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys[1..4], ["seq", "parent_seq", "id"]);
        assert_eq!(row["seq"], span.seq);
        assert_eq!(
            row["parent_seq"],
            span.parent.map_or(Value::Null, Value::from)
        );
    }
    let ids: Vec<_> = rows.iter().map(|row| row["id"].to_string()).collect();
    assert_eq!(ids, ["42", "\"\"", "-3", "\"g\"", "\"\""]);
    assert_eq!(
        rows[0]["enter_args"].to_string(),
        r#"[["cart","7"],["user","ann"]]"#
    );
    assert_eq!(rows[0]["start"], "2026-11-29T03:00:00.001000000Z");
    assert_eq!(
        (&rows[1]["end"], &rows[3]["end"]),
        (&"open".into(), &"process_exit".into())
    );
    assert_eq!(rows[1]["self"], Value::Null);
}
