//! A collector in a time namespace, whose clocks are days ahead of the machine's.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::path::Path;
use std::process::Command;

use nulltrace_tests::{hooks, nulltrace, row};
use serde_json::Value;

const AHEAD: [&str; 5] = [
    "-T",
    "--fork",
    "--monotonic=900000",
    "--boottime=500000",
    "--",
];
const SPAN: &str = "echo '>:t:ahead::' > /dev/null; sleep 0.1; echo '<:t:ahead::' > /dev/null";

/// Whether a time namespace can be made here; says why not.
fn possible() -> bool {
    match Command::new("unshare").args(AHEAD).arg("true").output() {
        Ok(made) if made.status.success() => true,
        Ok(refused) => {
            println!("skipped: {}", String::from_utf8_lossy(&refused.stderr));
            false
        }
        Err(error) => {
            println!("skipped: unshare: {error}");
            false
        }
    }
}

fn summary(command: &mut Command, json: &Path) -> Value {
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("2 markers, nothing lost"), "{said}");
    serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
}

fn check(summary: &Value) {
    let ahead = row(summary, &["ahead"]).unwrap();
    assert_eq!(ahead["hits"], 1, "{ahead:#}");
    let duration = ahead["duration_ns"]["sum"].as_u64().unwrap();
    assert!(duration >= 100_000_000, "{duration}");
    let ledger = &summary["ledger"];
    assert_eq!(ledger["spans"]["expired"], 0);
    assert_eq!(ledger["markers"]["late"], 0);
    let elapsed = summary["elapsed_ns"].as_u64().unwrap();
    assert!(
        elapsed >= duration && elapsed < 1_000_000_000_000,
        "{elapsed}"
    );
}

#[test]
fn spans_are_on_the_machines_clock() {
    if !possible() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    for backend in hooks() {
        let run = |command: &mut Command| {
            command
                .args(["run", "--backend", backend, "--json"])
                .arg(&json);
            // The collector is in it.
        };
        let mut inside = Command::new("unshare");
        inside.args(AHEAD).arg(nulltrace());
        run(&mut inside);
        inside.args(["--", "sh", "-c", SPAN]);
        check(&summary(&mut inside, &json));
        // The command is.
        let mut outside = Command::new(nulltrace());
        run(&mut outside);
        outside
            .args(["--", "unshare"])
            .args(AHEAD)
            .args(["sh", "-c", SPAN]);
        check(&summary(&mut outside, &json));
    }
}

/// When a process began is compared with what `/proc` says, which a time namespace changes too.
#[test]
fn ancestors_are_found() {
    if !possible() || !hooks().iter().any(|hook| hook.starts_with("ebpf:")) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let mut inside = Command::new("unshare");
    inside
        .args(AHEAD)
        .arg(nulltrace())
        .args(["run", "--json"])
        .arg(&json);
    inside.args([
        "--by",
        "proc.aname[2]",
        "--sum",
        "count",
        "--",
        "sh",
        "-c",
        SPAN,
    ]);
    let summary = summary(&mut inside, &json);
    let rows = summary["rows"].as_array().unwrap();
    assert_eq!(rows[0]["proc.aname[2]"], "unshare", "{rows:#?}");
}
