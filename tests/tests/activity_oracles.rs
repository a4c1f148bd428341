//! What others say of the same calls, in the same run.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use nulltrace_tests::activity::{find_call, nothing_lost};
use nulltrace_tests::strace::{Seen, Sum};
use nulltrace_tests::traced::{Ran, program, run};
use nulltrace_tests::{hooks, no_bpf};
use serde_json::Value;

/// Runs a program of known work under an oracle, under each hook that sees activity. `None` if the
/// oracle does not work here.
fn under(oracle: &[&str], name: &str, check: impl Fn(&Ran, &str)) {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let said = dir.path().join("said");
    let command = |program: &Path, dir: &Path| {
        let words = oracle.iter().map(OsString::from);
        let rest = ["-o".into(), said.clone().into(), program.into(), dir.into()];
        words.chain(rest).collect::<Vec<_>>()
    };
    let trial = command(Path::new("true"), dir.path());
    let status = Command::new(&trial[0])
        .args(&trial[1..])
        .stderr(Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        let required = std::env::var_os("NULLTRACE_REQUIRE_CONSUMERS").is_some();
        assert!(!required || oracle[0] != "strace", "no strace");
        return println!("skipped: {} does not work here", oracle.join(" "));
    }
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        let work = tempfile::tempdir().unwrap();
        let ran = run(
            hook,
            &[],
            &command(&program(name), &work.path().join("work")),
        );
        assert!(ran.output.status.success(), "{}", ran.stderr());
        nothing_lost(&ran.summary);
        check(&ran, &std::fs::read_to_string(&said).unwrap());
    }
}

fn counts(of: &Value) -> (u64, u64) {
    (of["count"].as_u64().unwrap(), of["bytes"].as_u64().unwrap())
}

/// strace takes the time before and after the kernel does, in whole microseconds.
fn no_longer_than(ours: &Value, theirs: &Sum) -> bool {
    ours["time_ns"]["sum"].as_u64().unwrap() <= theirs.time + 1000 * theirs.count
}

/// Each call in each span, and each file, is what strace says it is, and nothing else is there.
/// `unlike` are spans of which strace must say something else: all of them, or of their files.
fn as_strace_says(name: &str, unlike: &[&str], files_unlike: &[&str]) {
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-yy",
        "-T",
        "-s",
        "80",
        "-e",
        "signal=none",
    ];
    under(&strace, name, |ran, trace| {
        let seen = Seen::read(trace);
        let mut wrong = Vec::new();
        let mut spans = BTreeSet::new();
        for ((span, name), theirs) in &seen.calls {
            if unlike.contains(&span.as_str()) {
                continue;
            }
            spans.insert(span);
            let ours = find_call(row(ran, span), name).map(|call| &call["self"]);
            let wanted = (theirs.count, theirs.bytes_in + theirs.bytes_out);
            match ours {
                Some(ours) if counts(ours) == wanted && no_longer_than(ours, theirs) => {}
                ours => wrong.push(format!("{span} {name}: {theirs:?}, but {ours:?}")),
            }
        }
        for span in spans {
            for call in row(ran, span)["activity"].as_array().unwrap() {
                let name = call["syscall"].as_str().unwrap();
                let known = seen.calls.contains_key(&(span.clone(), name.to_owned()));
                if !known && call["self"]["count"] != 0 {
                    wrong.push(format!("{span} {name}: not in the trace"));
                }
            }
            if files_unlike.contains(&span.as_str()) {
                continue;
            }
            let (mut ours, theirs) = (own_files(row(ran, span)), of_span(&seen, span));
            for (file, theirs) in theirs {
                let found = ours.remove(&file).unwrap_or_default();
                let same = Sum {
                    time: theirs.time,
                    ..found
                } == theirs;
                if !same || found.time > theirs.time + 1000 * theirs.count {
                    wrong.push(format!("{span} {file}: {theirs:?}, but {found:?}"));
                }
            }
            wrong.extend(
                ours.into_keys()
                    .map(|file| format!("{span} {file}: not in the trace")),
            );
        }
        assert!(seen.calls.len() > 10, "{seen:#?}");
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

fn row<'a>(ran: &'a Ran, span: &str) -> &'a Value {
    ran.row(&span.split('.').collect::<Vec<_>>())
}

fn of_span(seen: &Seen, span: &str) -> BTreeMap<String, Sum> {
    let files = seen.files.iter().filter(|((of, _), _)| of == span);
    files.map(|((_, file), sum)| (file.clone(), *sum)).collect()
}

/// The files that the span itself used, as `Seen` names them.
fn own_files(row: &Value) -> BTreeMap<String, Sum> {
    let mut files: BTreeMap<String, Sum> = BTreeMap::new();
    for file in row["files"].as_array().unwrap() {
        let (name, own) = (file["name"].as_str().unwrap(), &file["self"]);
        let number = |key: &str| own[key].as_u64().unwrap();
        if number("count") == 0 {
            continue;
        }
        let name = if file["type"] == "unix" { "unix" } else { name };
        let sum = files
            .entry(name.trim_end_matches(" (deleted)").to_owned())
            .or_default();
        sum.count += number("count");
        sum.bytes_in += number("bytes_in");
        sum.bytes_out += number("bytes_out");
        sum.time += own["time_ns"]["sum"].as_u64().unwrap();
    }
    files
}

#[test]
fn strace_of_nested_spans() {
    as_strace_says("activity", &[], &[]);
}

#[test]
fn strace_of_files() {
    // strace has the second name, of a second mount.
    as_strace_says("files", &[], &["known.mounted"]);
}

#[test]
fn strace_of_channels() {
    // strace names a socket by what it was when it was first used, nulltrace by what it became.
    let named_otherwise = [
        "known.connect",
        "known.refused",
        "known.absent",
        "known.nobody",
        "known.udp",
    ];
    as_strace_says("channels", &[], &named_otherwise);
}

#[test]
fn strace_of_threads() {
    // What the thread that began it did while another went on is told after its end.
    as_strace_says("threads", &["known.pool"], &[]);
}

/// Calls of the program `activity` that only its first thread makes, and only inside spans.
const INSIDE: [&str; 6] = [
    "fsync",
    "wait4",
    "setitimer",
    "socketpair",
    "pipe2",
    "shutdown",
];

/// Of each of those calls: how many, and if it is known the whole time in nanoseconds.
fn as_counted(ran: &Ran, said: &BTreeMap<&str, (u64, Option<u64>)>) {
    for name in INSIDE {
        let ours = find_call(ran.row(&["all"]), name).unwrap();
        let (count, time) = said
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {said:?}"));
        assert_eq!(ours["count"], *count, "{name}");
        if let Some(time) = time {
            let ours = ours["time_ns"]["sum"].as_u64().unwrap();
            assert!(ours <= *time, "{name}: {ours} of {time} ns");
        }
    }
}

#[test]
fn the_counts_of_strace() {
    under(
        &["strace", "-f", "-c", "-w", "-U", "name,calls,total-time"],
        "activity",
        |ran, table| {
            let rows = table.lines().filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [name, calls, seconds] = words[..] else {
                    return None;
                };
                let time = (seconds.parse::<f64>().ok()? * 1e9) as u64;
                let calls = calls.parse().ok()?;
                // The table has whole microseconds.
                Some((name, (calls, Some(time + 1000 * (calls + 1)))))
            });
            as_counted(ran, &rows.collect());
        },
    );
}

#[test]
fn the_counts_of_perf() {
    under(&["perf", "trace", "-s"], "activity", |ran, table| {
        if table.contains("LOST") {
            return println!("skipped: perf lost events");
        }
        let mut sums = BTreeMap::new();
        for line in table.lines() {
            let mut words = line.split_whitespace();
            if let (Some(name), Some(Ok(calls))) =
                (words.next(), words.next().map(str::parse::<u64>))
            {
                sums.entry(name).or_insert((0, None)).0 += calls;
            }
        }
        as_counted(ran, &sums);
    });
}
