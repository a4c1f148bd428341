//! What others than a span's thread did, where it belongs to the span.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use nulltrace_tests::traced::{Ran, program, run};
use nulltrace_tests::{hooks, no_bpf};
use serde_json::{Value, json};

/// The file of that name among those of a path; null if it is not there.
fn file<'a>(ran: &'a Ran, tags: &[&str], name: &str) -> &'a Value {
    let files = ran.row(tags)["files"].as_array().unwrap();
    let found = files.iter().find(|file| file["name"] == name);
    found.unwrap_or(&Value::Null)
}

fn nothing_lost(ran: &Ran) {
    let lost = ran.summary["ledger"]["lost"].as_object().unwrap();
    assert!(lost.values().all(|n| n == 0), "{lost:?}");
}

#[test]
fn a_pool_works_for_the_span_that_waits() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("data");
    let name = path.to_str().unwrap();
    let command = [program("pool").into_os_string(), path.clone().into()];
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        let ran = run(hook, &[], &command);
        assert!(file(&ran, &["job"], name).is_null(), "{:#}", ran.summary);
        for whose in ["process", "script"] {
            let ran = run(hook, &["--inside", whose], &command);
            assert!(ran.output.status.success(), "{}", ran.stderr());
            nothing_lost(&ran);
            let data = file(&ran, &["job"], name);
            assert_eq!(
                (&data["count"], &data["bytes_in"]),
                (&json!(150), &json!(150_000)),
                "{whose}: {:#}",
                ran.summary
            );
            // Two threads were there, one of them waiting mostly for the other.
            let row = ran.row(&["job"]);
            let (wall, sum) = (&row["time_ns"]["wall"], &row["duration_ns"]["sum"]);
            assert!(wall.as_u64() > sum.as_u64(), "{row:#}");
        }
    }
}

/// A shell opens a span by itself and another by a command; a third command works in both.
#[test]
fn commands_work_for_the_script() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("zeros");
    let name = path.to_str().unwrap();
    let script = r#"
        echo '>::all::' >/dev/null
        /bin/echo '>:pp:all.fill::' >/dev/null
        head -c 100000 /dev/zero >"$1"
        /bin/echo '<:pp:all.fill::' >/dev/null
        head -c 50000 /dev/zero >>"$1"
        echo '<::all::' >/dev/null
        head -c 7 /dev/zero >>"$1"
    "#;
    let command = ["sh", "-c", script, "sh", name];
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        let ran = run(hook, &["--inside", "script"], &command);
        assert!(ran.output.status.success(), "{}", ran.stderr());
        nothing_lost(&ran);
        let written = |tags: &[&str]| {
            let calls = ran.row(tags)["activity"].as_array().unwrap();
            let write = calls.iter().find(|call| call["syscall"] == "write");
            write.and_then(|call| call["bytes"].as_u64())
        };
        assert_eq!(
            written(&["all", "fill"]),
            Some(100_000),
            "{:#}",
            ran.summary
        );
        assert_eq!(written(&["all"]), Some(150_000));
    }
}

/// It is the parent of the command and a child of this test, and works while the command sleeps.
#[test]
fn the_collector_is_no_part_of_what_it_looks_at() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let script = "echo $PPID; echo '>::nap::' >/dev/null; sleep 0.2; echo '<::nap::' >/dev/null";
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        for whose in ["script", "machine"] {
            let options = ["--inside", whose, "--by", "proc.pid,evt.type"];
            let ran = run(hook, &options, &["sh", "-c", script]);
            assert!(ran.output.status.success(), "{}", ran.stderr());
            let rows = ran.summary["rows"].as_array().unwrap();
            let said = String::from_utf8_lossy(&ran.output.stdout);
            let collector: u32 = said.trim().parse().unwrap();
            let its = |row: &&Value| row["proc.pid"] == collector;
            let sleeps = |row: &&Value| row["evt.type"].as_str().unwrap().ends_with("nanosleep");
            assert!(rows.iter().any(|row| sleeps(&row)), "{whose}: {rows:#?}");
            assert!(!rows.iter().any(|row| its(&row)), "{whose}: {rows:#?}");
        }
    }
}

#[test]
fn whose_is_checked() {
    let output = std::process::Command::new(nulltrace_tests::nulltrace())
        .args(["run", "--inside", "family", "--", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("thread, process, script or machine"),
        "{said}"
    );
}
