//! Programs that say what their spans must show: see `tests/programs/known.h`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::activity::{MS, call, ns, sum};
use crate::traced::Ran;

/// Calls whose bytes the kernel adds to a thread's `rchar`.
const READS: [&str; 7] = [
    "read",
    "pread64",
    "readv",
    "preadv",
    "preadv2",
    "sendfile",
    "copy_file_range",
];
/// Calls whose bytes it adds to its `wchar`.
const WRITES: [&str; 7] = [
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "sendfile",
    "copy_file_range",
];

/// What the span did on one file: type, protocol, name; count, bytes in, bytes out.
type Files<'a> = BTreeMap<(&'a str, &'a str, &'a str), (u64, u64, u64)>;

/// Holds a summary against the facts that the traced program printed. Returns how many there were.
/// `not_the_tasks` are nanoseconds that clocks count and the scheduler does not.
///
/// # Panics
/// One does not hold, with all that do not.
pub fn check(ran: &Ran, not_the_tasks: u64) -> usize {
    let facts = String::from_utf8(ran.output.stdout.clone()).expect("UTF-8");
    let mut wrong = Vec::new();
    let mut told: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut others = BTreeSet::new();
    for fact in facts.lines() {
        let words: Vec<&str> = fact.split('\t').collect();
        let (kind, span) = (words[0], words[1]);
        if kind == "skip" {
            println!("skipped: {span}: {}", words[2]);
            continue;
        }
        let tags: Vec<&str> = span.split('.').collect();
        let row = ran.row(&tags);
        let found = match kind {
            "call" => one_call(row, &words[2..]),
            "file" => {
                told.entry(span).or_default().insert(words[7]);
                one_file(row, &words[2..])
            }
            "others" => {
                others.insert(span);
                None
            }
            "io" => io(row, &words[2..]),
            "between" => between(row, &words[2..], not_the_tasks),
            "ss" => one_of_ss(row, words[2]),
            kind => panic!("what is {kind}?"),
        };
        if let Some(found) = found {
            wrong.push(format!("{fact}: {found}"));
        }
    }
    for (span, names) in told.iter().filter(|(span, _)| !others.contains(*span)) {
        let tags: Vec<&str> = span.split('.').collect();
        for (kind, _, name) in files(ran.row(&tags)).into_keys() {
            if !names.contains(name) {
                wrong.push(format!("{span} has {kind} {name} too"));
            }
        }
    }
    assert!(wrong.is_empty(), "{:#?}", wrong);
    facts.lines().count()
}

/// The files of a row. Several of one name are one.
#[must_use]
pub fn files(row: &Value) -> Files<'_> {
    let mut sums = Files::new();
    for file in row["files"].as_array().expect("files") {
        let text = |key: &str| file[key].as_str().unwrap_or("-");
        let number = |key: &str| file[key].as_u64().expect("a number");
        let key = (text("type"), text("protocol"), text("name"));
        let sum = sums.entry(key).or_default();
        sum.0 += number("count");
        sum.1 += number("bytes_in");
        sum.2 += number("bytes_out");
    }
    sums
}

fn number(word: &str) -> u64 {
    word.parse()
        .unwrap_or_else(|_| panic!("{word} is no number"))
}

fn one_call(row: &Value, words: &[&str]) -> Option<String> {
    let of = call(row, words[0]);
    let errors = of["errors"].as_object().expect("errors");
    let errors: Vec<String> = errors
        .iter()
        .map(|(name, n)| format!("{name}={n}"))
        .collect();
    let found = (of["count"].as_u64(), of["bytes"].as_u64(), errors.join(","));
    let errors = if words[3] == "-" { "" } else { words[3] };
    let wanted = (
        Some(number(words[1])),
        Some(number(words[2])),
        errors.to_owned(),
    );
    (found != wanted).then(|| format!("{found:?}"))
}

fn one_file(row: &Value, words: &[&str]) -> Option<String> {
    let files = files(row);
    let Some(&found) = files.get(&(words[0], words[1], words[5])) else {
        return Some(format!("only {files:?}"));
    };
    let count = if words[2] == "-" {
        found.0
    } else {
        number(words[2])
    };
    let wanted = (count, number(words[3]), number(words[4]));
    (found != wanted).then(|| format!("{found:?}"))
}

fn io(row: &Value, words: &[&str]) -> Option<String> {
    let found = (sum(row, &READS, "bytes"), sum(row, &WRITES, "bytes"));
    (found != (number(words[0]), number(words[1]))).then(|| format!("{found:?}"))
}

/// The scheduler charges who preempts another from when it was woken, and so with what the other still ran
/// until the switch: on a virtual machine, where an interrupt of another cpu takes long, some 3 us.
const SWITCH_NS: u64 = 6_000;

fn between(row: &Value, words: &[&str], not_the_tasks: u64) -> Option<String> {
    let (low, high, percent) = (number(words[1]), number(words[2]), number(words[3]));
    let slack = match percent {
        0 => 0,
        // An emulated cpu is stopped for milliseconds, between the reading of one clock and another.
        _ if std::env::var_os("NULLTRACE_TEST_KERNEL").is_some() => low * 3 / 10,
        percent => {
            let switches = ns(row, "voluntary_switches") + ns(row, "involuntary_switches");
            low * percent / 100 + MS + not_the_tasks + switches * SWITCH_NS
        }
    };
    let found = ns(row, words[0]);
    let right = (low.saturating_sub(slack)..=high + slack).contains(&found);
    (!right).then(|| found.to_string())
}

fn one_of_ss(row: &Value, ends: &str) -> Option<String> {
    let files = files(row);
    let found = files
        .keys()
        .any(|(_, protocol, name)| (*protocol, *name) == ("tcp", ends));
    (!found).then(|| format!("only {files:?}"))
}
