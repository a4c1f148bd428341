//! Whatever programs write as markers, it is drawn without harm.

use jiff::Timestamp;
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::measure::slowest::Slowest;
use nulltrace_core::measure::summary::Summary;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::{Limits, OpenSpan};
use nulltrace_core::spans::span::Closed;
use nulltrace_core::view::{Data, VIEWS};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::fixture::{self, slow::ANCHOR};
use super::{Answer, Style, csv, json, text};
use crate::text::{is_hostile, width};

#[derive(Default)]
struct Seen {
    summary: Summary,
    slowest: Slowest,
}

impl Consumer for Seen {
    fn wants(&self) -> Wants {
        self.slowest.wants()
    }
    fn opened(&mut self, span: &OpenSpan<'_>) {
        self.slowest.opened(span);
    }
    fn closed(&mut self, span: &Closed) {
        self.summary.push(span);
        self.slowest.closed(span);
    }
}

/// Bytes that mean something to the format, a terminal or a spreadsheet, empty ones and any others.
fn some_text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(&b"=+-@,;\"'\n\r\t\x1b\x9b\\.:|#_ "[..]),
    ];
    prop_oneof![Just(Vec::new()), vec(byte, 0..8)]
}

#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) tags: Vec<Vec<u8>>,
    pub(super) args: Vec<(Vec<u8>, Vec<u8>)>,
}

fn written() -> impl Strategy<Value = Written> {
    let number = ("-?", "[0-9]{1,40}").prop_map(|(sign, digits)| format!("{sign}{digits}"));
    let id = prop_oneof![
        prop::sample::select(&["\"\"", "\"t\"", "\"g\""][..]).prop_map(String::from),
        number
    ];
    let tags = vec(some_text(), 1..5)
        .prop_filter("a path", |tags| !tags.concat().is_empty() || tags.len() > 1);
    let args = vec((some_text(), some_text()), 0..3);
    (id, tags, args).prop_map(|(id, tags, args)| {
        // JSON has no leading zeros.
        let id = match id.strip_prefix('-') {
            Some(digits) => format!("-1{digits}"),
            None if id.starts_with('"') => id,
            None => format!("1{id}"),
        };
        Written { id, tags, args }
    })
}

impl Written {
    pub(super) fn marker(&self, dir: char) -> Vec<u8> {
        let quoted = |text: &[u8]| {
            let mut out = vec![b'"'];
            for &byte in text {
                match byte {
                    0..0x80 => out.extend(format!("\\u{byte:04x}").bytes()),
                    _ => out.push(byte),
                }
            }
            out.push(b'"');
            out
        };
        let tags: Vec<_> = self.tags.iter().map(|tag| quoted(tag)).collect();
        let args = self.args.iter().filter(|(name, _)| !name.is_empty());
        let args: Vec<_> = args
            .map(|(name, value)| [quoted(name), quoted(value)].join(&b':'))
            .collect();
        let [tags, args] = [tags, args].map(|of| of.join(&b','));
        let id = &self.id;
        [
            format!(r#"["{dir}",{id},["#).as_bytes(),
            &tags,
            b"],{",
            &args,
            b"}]",
        ]
        .concat()
    }
}

/// All views of spans that these markers made, in every form.
fn draw(data: &Data<'_>) -> Result<(), TestCaseError> {
    for view in VIEWS {
        let answer = Answer::new(*data, Timestamp::UNIX_EPOCH, view);
        for columns in [120, 40] {
            let style = Style {
                width: columns,
                color: false,
            };
            let drawn = text(&answer.model, style);
            prop_assert!(!drawn.replace('\n', "").chars().any(is_hostile), "{drawn}");
            for line in drawn.lines() {
                prop_assert!(width(line) <= columns, "{line}");
            }
        }
        let mut out = Vec::new();
        json(&mut out, &answer).unwrap();
        let line = String::from_utf8(out).unwrap();
        prop_assert!(!line.trim_end().chars().any(is_hostile));
        let keys: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(keys["spans"].as_array().unwrap().len(), data.rows.len());
        // The reader refuses a row of another length.
        for row in ::csv::Reader::from_reader(&csv(&answer.model)[..]).records() {
            for field in &row.unwrap() {
                prop_assert!(!field.chars().any(is_hostile), "{field}");
                let number = field.parse::<i64>().is_ok();
                prop_assert!(
                    number || !field.starts_with(['=', '+', '-', '@']),
                    "{field}"
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_marker_is_drawn_safely(markers in vec(written(), 1..6)) {
        let mut correlator = Correlator::new(Limits::default());
        let mut seen = Seen::default();
        for dir in ['>', '<'] {
            for of in &markers {
                let bytes = &of.marker(dir)[..];
                let what = What::Write { bytes, beyond: 0, continues: false };
                let event = Event { ts: ANCHOR.monotonic, pid: 1, tid: 1, number: 0, what };
                correlator.push(&event, &mut seen);
            }
        }
        let markers_seen = &correlator.ledger().markers;
        prop_assert_eq!((markers_seen.refused(), markers_seen.unmatched_exit), (0, 0));
        let slowest = seen.slowest.spans(std::iter::empty(), ANCHOR.monotonic, ANCHOR);
        fixture::data(&seen.summary, &fixture::clean(), &[], |data| {
            draw(&Data { slowest: Some(&slowest), ..*data })
        })?;
    }
}
