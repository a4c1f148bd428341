//! The pairing vectors of the specification.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use common::{Collected, check, facts, process, push, write};
use nulltrace_core::facts::args::ArgList;
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::Limits;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../spec/vectors/pairing.jsonl");

/// Text, or `{"hex": …}`.
fn bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let hex = value["hex"].as_str().unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

type Args = Vec<(Vec<u8>, Vec<u8>)>;

/// What is said of one span, in the words of the vectors.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    tags: Vec<Vec<u8>>,
    id: String,
    start: u64,
    end: Option<u64>,
    parent: Option<u64>,
    /// Of the enter and the exit marker, once it is closed.
    args: Option<[Args; 2]>,
}

fn args(list: &ArgList) -> Args {
    let pair = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
    list.iter().map(pair).collect()
}

fn expected_args(value: &Value) -> Args {
    let list = value.as_array().unwrap();
    list.iter()
        .map(|pair| (bytes(&pair[0]), bytes(&pair[1])))
        .collect()
}

#[test]
fn vectors() {
    let mut count = 0;
    for line in VECTORS.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap();
        let mut correlator = Correlator::new(Limits::default());
        let mut out = Collected::default();
        let mut known = Vec::new();
        for event in case["events"].as_array().unwrap() {
            let ts = event["ts"].as_u64().unwrap();
            let pid = number(&event["pid"]);
            if !known.contains(&pid) {
                known.push(pid);
                let mut facts = facts(ts, pid, number(&event["ppid"]), ts, "vector");
                facts.uid = event.get("uid").map_or(0, number);
                push(&mut correlator, &process(&facts), &mut out);
            }
            let text = bytes(&event["bytes"]);
            push(
                &mut correlator,
                &write(ts, pid, number(&event["tid"]), &text),
                &mut out,
            );
        }
        check(&correlator);

        let mut spans: Vec<_> = out
            .closed
            .iter()
            .map(|span| {
                let tags = span
                    .tags
                    .segments()
                    .iter()
                    .map(|tag| tag.to_vec())
                    .collect();
                let (start, end) = (span.start, Some(span.end));
                let args = Some([args(&span.enter_args), args(&span.exit_args)]);
                let parent = span.parent;
                (
                    span.seq,
                    Span {
                        tags,
                        id: span.id.to_string(),
                        start,
                        end,
                        parent,
                        args,
                    },
                )
            })
            .collect();
        spans.extend(correlator.open_by_age().map(|span| {
            let tags = span
                .tags
                .segments()
                .iter()
                .map(|tag| tag.to_vec())
                .collect();
            let parent = span.parent;
            let (start, end) = (span.start, None);
            (
                span.seq,
                Span {
                    tags,
                    id: span.id.to_string(),
                    start,
                    end,
                    parent,
                    args: None,
                },
            )
        }));
        spans.sort_by_key(|(seq, _)| *seq);
        let expected = case["spans"].as_array().unwrap();
        assert_eq!(spans.len(), expected.len(), "{name}: {spans:?}");
        for (n, ((seq, span), expected)) in spans.iter().zip(expected).enumerate() {
            assert_eq!(*seq, n as u64 + 1, "{name}");
            let tags = expected["tags"].as_array().unwrap();
            let end = expected["end"].as_u64();
            let expected = Span {
                tags: tags.iter().map(bytes).collect(),
                id: expected["id"].as_str().unwrap().to_string(),
                start: expected["start"].as_u64().unwrap(),
                end,
                // By index there, by sequence number here.
                parent: expected["parent"].as_u64().map(|index| index + 1),
                args: end.map(|_| {
                    [
                        expected_args(&expected["enter_args"]),
                        expected_args(&expected["exit_args"]),
                    ]
                }),
            };
            assert_eq!(*span, expected, "{name}");
        }
        let ledger = correlator.ledger();
        assert_eq!(
            ledger.markers.unmatched_exit,
            case["unmatched_exit"].as_u64().unwrap(),
            "{name}"
        );
        assert_eq!(
            ledger.markers.refused(),
            case["malformed"].as_u64().unwrap(),
            "{name}"
        );
        let gone = case.get("parent_gone").map_or(0, number);
        assert_eq!(ledger.spans.parent_gone, u64::from(gone), "{name}");
        count += 1;
    }
    assert!(count >= 10, "only {count} cases");
}
