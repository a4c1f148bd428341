//! What spans called, by number and by file.

use std::borrow::Cow;

use nulltrace_core::measure::calls::{Both, CallStats, Calls, ERROR_NAMES};
use nulltrace_core::view::{Names, OTHER};
use serde::Serialize;
use serde_json::{Map, Value};

use super::plain::object;

/// Files of a span with an entry of their own.
const FILES: usize = 100;

#[derive(Serialize)]
pub(super) struct Call {
    syscall: String,
    #[serde(flatten)]
    all: CallCounts,
    #[serde(rename = "self")]
    own: CallCounts,
}

#[derive(Serialize)]
pub(super) struct OnFile<'a> {
    name: Option<Cow<'a, str>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    at_least: bool,
    #[serde(flatten)]
    all: FileCounts,
    #[serde(rename = "self")]
    own: FileCounts,
}

#[derive(Serialize)]
struct FileCounts {
    count: u64,
    bytes: u64,
    bytes_in: u64,
    bytes_out: u64,
    time_ns: CallTime,
    errors: Map<String, Value>,
}

#[derive(Serialize)]
struct CallCounts {
    count: u64,
    bytes: u64,
    time_ns: CallTime,
    errors: Map<String, Value>,
}

#[derive(Serialize)]
struct CallTime {
    sum: u64,
    going: u64,
    blocked: u64,
    runnable: u64,
    avg: u64,
    min: u64,
    max: u64,
    p99: u64,
}

impl Call {
    pub(super) fn each(calls: &Calls, names: &dyn Names) -> Vec<Self> {
        let named = calls.iter().map(|(nr, both)| (names.call(nr), both));
        let others = calls.other_numbers().into_iter();
        let others = others.map(|both| (OTHER.to_owned(), both));
        let each = named.chain(others).map(|(syscall, both)| Self {
            syscall,
            all: CallCounts::new(both.all()),
            own: CallCounts::new(both.own()),
        });
        each.collect()
    }
}

impl<'a> OnFile<'a> {
    pub(super) fn each(calls: &'a Calls) -> Vec<Self> {
        let mut files = calls.by_file();
        let more = files.split_off(files.len().min(FILES));
        let mut rest = Both::NONE;
        for (_, both) in &more {
            rest.merge(both);
        }
        let beyond = [false, true].map(|sockets| calls.other_files(sockets));
        let (mut count, mut at_least) = (more.len() as u64, false);
        for others in beyond.into_iter().flatten() {
            rest.merge(others.both);
            count += others.files;
            at_least |= others.at_least;
        }
        let named = files.into_iter().map(|(file, both)| Self {
            name: Some(String::from_utf8_lossy(&file.name)),
            kind: Some(file.kind.name()),
            protocol: file.ends.map(|ends| ends.protocol),
            ..Self::new(&both)
        });
        let others = (!rest.all().is_empty()).then(|| Self {
            files: Some(count),
            at_least,
            ..Self::new(&rest)
        });
        named.chain(others).collect()
    }

    fn new(both: &Both) -> Self {
        Self {
            name: None,
            kind: None,
            protocol: None,
            files: None,
            at_least: false,
            all: FileCounts::new(both.all()),
            own: FileCounts::new(both.own()),
        }
    }
}

impl FileCounts {
    fn new(of: &CallStats) -> Self {
        let CallCounts {
            count,
            bytes,
            time_ns,
            errors,
        } = CallCounts::new(of);
        Self {
            count,
            bytes,
            bytes_in: of.bytes_in,
            bytes_out: of.bytes_out,
            time_ns,
            errors,
        }
    }
}

impl CallCounts {
    fn new(of: &CallStats) -> Self {
        let errors = ERROR_NAMES.into_iter().zip(of.errors);
        Self {
            count: of.count,
            bytes: of.bytes,
            time_ns: CallTime {
                sum: of.time,
                going: of.going,
                blocked: of.blocked,
                runnable: of.runnable,
                avg: of.mean(),
                min: if of.count > 0 { of.min } else { 0 },
                max: of.max,
                p99: of.quantile(0.99),
            },
            errors: object(errors.filter(|&(_, n)| n > 0)),
        }
    }
}

/// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_false(of: &bool) -> bool {
    !*of
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::show::answer::Answer;
    use jiff::Timestamp;
    use nulltrace_core::activity::Times;
    use nulltrace_core::view::VIEWS;

    /// Those that are shown and the rest are all, whether few or too many.
    #[test]
    fn the_files_add_up() {
        for (files, calls_bytes) in [
            (3, 64 << 20),
            (100, 64 << 20),
            (250, 64 << 20),
            (250, 100_000),
        ] {
            let summary = fixture::scan(files, calls_bytes);
            let (rows, ledger) = (summary.rows([]), fixture::clean());
            let mut data = fixture::of(&rows, &ledger, &[]);
            data.outside = Some(&Times::NONE);
            let mut out = Vec::new();
            let answer = Answer::new(data, Timestamp::UNIX_EPOCH, &VIEWS[0]);
            super::super::json(&mut out, &answer).unwrap();
            let value: Value = serde_json::from_slice(&out).unwrap();
            let span = &value["spans"][0];
            let entries = span["files"].as_array().unwrap();
            assert!(entries.len() <= FILES + 1);
            let sum = |entries: &[Value], key: &str| -> u64 {
                entries
                    .iter()
                    .map(|entry| entry[key].as_u64().unwrap())
                    .sum()
            };
            for key in ["count", "bytes"] {
                let activity = span["activity"].as_array().unwrap();
                assert_eq!(sum(entries, key), sum(activity, key), "{key} of {files}");
            }
            let last = entries.last().unwrap();
            assert_eq!(last["name"].is_null(), files > FILES);
            if files > FILES {
                assert_eq!(last["files"], files - FILES);
                assert_eq!(last.get("at_least"), None);
            }
        }
    }
}
