//! Single spans: which of them were slow, and why.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::process::Command;

use nulltrace_tests::activity::MS;
use nulltrace_tests::traced::{Ran, program, run};
use nulltrace_tests::{hooks, nulltrace};
use serde_json::Value;

fn with_fifo<T>(then: impl FnOnce(&str) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("orders.fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    then(fifo.to_str().unwrap())
}

fn ran(backend: &str, options: &[&str], fifo: &str) -> Ran {
    let program = program("slowest");
    let options = [&["--view", "slowest"], options].concat();
    let ran = run(backend, &options, &[program.to_str().unwrap(), fifo]);
    assert!(ran.output.status.success(), "{}", ran.stderr());
    ran
}

fn rows(ran: &Ran) -> &[Value] {
    ran.summary["view"]["rows"].as_array().unwrap()
}

/// The span of these tags and that job.
fn job<'a>(rows: &'a [Value], tags: &[&str], n: u32) -> &'a Value {
    let args = serde_json::json!([["n", n.to_string()]]);
    let tags = serde_json::json!(tags);
    let mut found = rows
        .iter()
        .filter(|row| row["tags"] == tags && row["enter_args"] == args);
    let row = found
        .next()
        .unwrap_or_else(|| panic!("no {n} in {rows:#?}"));
    assert!(found.next().is_none(), "two of {n}");
    row
}

fn notes(row: &Value) -> Vec<&str> {
    let notes = row["notes"].as_array().into_iter().flatten();
    notes.map(|note| note.as_str().unwrap()).collect()
}

fn ns(row: &Value, key: &str) -> u64 {
    row[key]
        .as_u64()
        .unwrap_or_else(|| panic!("no {key} in {row:#}"))
}

/// What no machine changes: the spans, their order, their arguments and their links.
fn known(rows: &[Value]) {
    // Ten of each path, and the one that has no end.
    assert_eq!(rows.len(), 21);
    let durations: Vec<_> = rows.iter().map(|row| ns(row, "duration")).collect();
    assert!(durations.is_sorted_by(|a, b| a >= b), "{durations:?}");
    let (asleep, part) = (job(rows, &["job"], 31), job(rows, &["job", "part"], 31));
    assert_eq!(part["parent_seq"], asleep["seq"]);
    assert_eq!(asleep["parent_seq"], Value::Null);
    assert_eq!(asleep["id"], asleep["tid"]);
    assert_eq!(asleep["exit_args"], serde_json::json!([["done", "yes"]]));
    assert_eq!(
        (&asleep["comm"], &asleep["end"]),
        (&"slowest".into(), &"exit".into())
    );
    for slow in [asleep, part, job(rows, &["job"], 17)] {
        assert!(ns(slow, "duration") >= 250 * MS, "{slow:#}");
    }
    let child = notes(asleep)
        .into_iter()
        .find(|note| note.starts_with("child spans: job.part "));
    assert!(
        child.is_some_and(|note| note.ends_with(" in 1 span")),
        "{asleep:#}"
    );
    let left = rows.iter().find(|row| row["tags"][0] == "left").unwrap();
    assert_eq!(left["end"], "process_exit");
    assert_eq!(notes(left)[0], "no exit marker: its process ended");
}

#[test]
fn slow_spans_are_named_with_their_arguments_and_reasons() {
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        println!("{hook}");
        with_fifo(|fifo| {
            let ran = ran(hook, &[], fifo);
            let rows = rows(&ran);
            known(rows);
            let has = |row: &Value, start: &str, end: &str| {
                let found = notes(row)
                    .into_iter()
                    .any(|note| note.starts_with(start) && note.ends_with(end));
                assert!(found, "no {start}…{end} in {row:#}");
            };
            for tags in [&["job"][..], &["job", "part"]] {
                let asleep = job(rows, tags, 31);
                has(asleep, "blocked ", " % in clock_nanosleep: 1 call");
                assert!(ns(asleep, "blocked") >= 240 * MS, "{asleep:#}");
            }
            let reads = job(rows, &["job"], 17);
            has(
                reads,
                "blocked ",
                &format!(" % in read of {fifo}: 4.00 KiB in 1 call"),
            );
            assert!(ns(reads, "blocked") >= 240 * MS, "{reads:#}");
            for row in rows {
                let all: u64 = ["on_cpu", "runnable", "blocked", "interleaved"]
                    .map(|key| ns(row, key))
                    .iter()
                    .sum();
                // The markers themselves, and what two clocks differ.
                assert!(all <= ns(row, "duration") + MS, "{row:#}");
            }
            let left_out = &ran.summary["view"]["left_out"];
            assert_eq!(
                (&left_out[0]["of"], &left_out[0]["count"]),
                (&"spans".into(), &80.into())
            );
        });
    }
}

#[test]
fn without_activity_there_are_spans_and_no_reasons() {
    with_fifo(|fifo| {
        let ran = ran("ptrace", &[], fifo);
        known(rows(&ran));
        for row in rows(&ran) {
            assert_eq!(row["blocked"], Value::Null);
            assert!(
                notes(row).iter().all(|note| !note.contains(" % ")),
                "{row:#}"
            );
        }
    });
}

/// Where other threads count too, nobody knows which span they worked for.
#[test]
fn what_is_not_told_apart_is_said() {
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        with_fifo(|fifo| {
            let ran = ran(hook, &["--inside", "process"], fifo);
            known(rows(&ran));
            let left_out = ran.summary["view"]["left_out"].as_array().unwrap();
            assert!(
                left_out.iter().any(|of| of["of"] == "reasons"),
                "{left_out:?}"
            );
            for row in rows(&ran) {
                assert_eq!(row["blocked"], Value::Null);
            }
        });
    }
}

/// A hang: the span that nobody ends is the slowest, and it is known in what it hangs.
#[test]
fn a_span_that_is_open_still_is_there() {
    let script = "(echo '>:7:wait:for=godot:' >/dev/null; exec sleep 3) & sleep 0.5";
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        let options = ["--view", "slowest", "--no-wait"];
        let ran = run(hook, &options, &["sh", "-c", script]);
        let rows = rows(&ran);
        assert_eq!(
            (rows.len(), &rows[0]["end"], &rows[0]["self"]),
            (1, &"open".into(), &Value::Null),
            "{rows:#?}"
        );
        assert_eq!(rows[0]["enter_args"], serde_json::json!([["for", "godot"]]));
        let notes = notes(&rows[0]);
        assert_eq!(notes[0], "still open");
        let hangs = |note: &&str| {
            note.starts_with("blocked ") && note.ends_with(" in clock_nanosleep: not returned yet")
        };
        assert!(notes.iter().any(hangs), "{notes:?}");
    }
}

#[test]
fn the_help_names_the_view() {
    let help = Command::new(nulltrace())
        .args(["run", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&help.stdout);
    assert!(help.contains("slowest: the slowest single spans"), "{help}");
}
