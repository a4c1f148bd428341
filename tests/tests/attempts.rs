//! What `run` falls back to where the kernel refuses a program, and that `doctor` says the same.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::process::Command;

use nulltrace_tests::traced::program;
use nulltrace_tests::{no_bpf, nulltrace, row};
use serde_json::Value;

/// A nulltrace for which the kernel does not take a program; `None` for one that it refuses nothing.
fn nulltrace_without(refused: Option<&str>) -> Command {
    let Some(refused) = refused else {
        return Command::new(nulltrace());
    };
    let mut command = Command::new(program("refuse-bpf"));
    command.arg(refused).arg(nulltrace());
    command
}

/// What it says when it traces a command, and the summary.
fn run(refused: Option<&str>, options: &[&str]) -> (String, Value) {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let script = "echo '>::x::' > /dev/null; echo '<::x::' > /dev/null; exit 3";
    let out = nulltrace_without(refused)
        .args(["run", "--json"])
        .arg(&json)
        .args(options)
        .args(["sh", "-c", script])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(3), "{said}");
    let summary: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(row(&summary, &["x"]).unwrap()["hits"], 1, "{said}");
    (said, summary)
}

fn doctor(refused: Option<&str>) -> Value {
    let out = nulltrace_without(refused)
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Which of what `run` tries work, and the first that does.
fn works(facts: &Value) -> Vec<bool> {
    let tried = facts["run"].as_array().unwrap().iter();
    tried.map(|tried| tried["works"] == true).collect()
}

fn has_activity(summary: &Value) -> bool {
    row(summary, &["x"]).unwrap().get("time_ns").is_some()
}

fn can_refuse() -> bool {
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        println!("skipped: not root");
        return false;
    }
    if let Some(why) = no_bpf() {
        println!("skipped: {why}");
        return false;
    }
    true
}

#[test]
fn doctor_says_what_run_does() {
    let facts = doctor(None);
    let (_, summary) = run(None, &[]);
    assert_eq!(facts["hook"], summary["backend"], "{facts:#}");
    assert_eq!(works(&facts)[0], has_activity(&summary), "{facts:#}");
}

#[test]
fn without_activity_there_are_spans_by_ebpf() {
    if !can_refuse() {
        return;
    }
    let refused = Some("nt_switch");
    let (said, summary) = run(refused, &[]);
    assert!(summary["backend"].as_str().unwrap().starts_with("ebpf:"));
    assert!(!has_activity(&summary), "{summary:#}");
    assert_eq!(said.matches("spans only").count(), 1, "{said}");
    assert_eq!(said.matches("nt_switch").count(), 1, "{said}");
    let facts = doctor(refused);
    assert_eq!(works(&facts), [false, true, true], "{facts:#}");
    assert_eq!(facts["hook"], summary["backend"]);
    let why = facts["run"][0]["why"].as_str().unwrap();
    assert!(why.contains("nt_switch"), "{facts:#}");
    // Also where eBPF was asked for, and for what asks for activity: nothing more is said.
    let (said, _) = run(refused, &["--backend", "ebpf", "--view", "time"]);
    assert_eq!(said.matches("not seen").count(), 1, "{said}");
}

#[test]
fn without_ebpf_there_are_spans_by_ptrace() {
    if !can_refuse() {
        return;
    }
    let refused = Some("nt_fork");
    let (said, summary) = run(refused, &[]);
    assert_eq!(summary["backend"], "ptrace", "{said}");
    assert_eq!(said.matches("using ptrace").count(), 1, "{said}");
    assert_eq!(said.matches("nt_fork").count(), 1, "{said}");
    let facts = doctor(refused);
    assert_eq!(works(&facts), [false, false, true], "{facts:#}");
    assert_eq!(facts["hook"], "ptrace");
}

#[test]
fn threads_that_cannot_be_visited_are_no_reason_to_fall_back() {
    if !can_refuse() {
        return;
    }
    let refused = Some("nt_sample_task");
    let (_, summary) = run(refused, &[]);
    assert!(has_activity(&summary), "{summary:#}");
    let facts = doctor(refused);
    assert_eq!(works(&facts), [true, true, true], "{facts:#}");
    assert_eq!(facts["iter_task"]["works"], false);
    let why = facts["iter_task"]["why"].as_str().unwrap();
    assert!(why.contains("nt_sample_task"), "{facts:#}");
    assert_eq!(doctor(None)["iter_task"]["works"], true);
}

/// A capability that is missing is named, and nothing else is blamed for it.
#[test]
fn a_missing_capability_is_named() {
    if !can_refuse() {
        return;
    }
    let out = Command::new("setpriv")
        .args(["--bounding-set=-perfmon,-sys_admin", "--inh-caps=-all"])
        .args(["--", "setpriv", "--"])
        .arg(nulltrace())
        .args(["doctor", "--json"])
        .output();
    let Ok(out) = out else {
        return println!("skipped: no setpriv");
    };
    let facts: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(works(&facts), [false, false, true], "{facts:#}");
    for tried in 0..2 {
        let why = facts["run"][tried]["why"].as_str().unwrap();
        assert!(why.contains("CAP_PERFMON missing"), "{why}");
        assert!(
            !why.contains("Linux"),
            "it is not the kernel's fault: {why}"
        );
    }
}

/// As in the default profile of a container: all capabilities, and bpf(2) forbidden.
#[test]
fn a_seccomp_filter_is_named() {
    if !can_refuse() {
        return;
    }
    let out = Command::new(program("no-bpf"))
        .arg(nulltrace())
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let facts: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(works(&facts), [false, false, true], "{facts:#}");
    let why = facts["run"][0]["why"].as_str().unwrap();
    assert!(why.contains("seccomp"), "{why}");
    assert!(
        !why.contains("Linux"),
        "it is not the kernel's fault: {why}"
    );
}

/// The root of a user namespace has all capabilities, none of which counts.
#[test]
fn a_user_namespace_is_named() {
    if !can_refuse() {
        return;
    }
    let out = Command::new("unshare")
        .args(["--user", "--map-root-user"])
        .arg(nulltrace())
        .args(["doctor", "--json"])
        .output();
    let facts = out.map(|out| serde_json::from_slice::<Value>(&out.stdout));
    let Ok(Ok(facts)) = facts else {
        return println!("skipped: no user namespaces here");
    };
    let why = facts["run"][0]["why"].as_str().unwrap();
    assert!(why.contains("user namespace"), "{why}");
}
