//! What the kernel did inside spans, against what is known and what others say of the same work.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use nulltrace_tests::traced::{Ran, program, run};
use nulltrace_tests::{hooks, no_bpf};
use serde_json::Value;

/// The program of known work, once under each hook that sees activity.
fn each(check: impl Fn(&Ran, u64)) {
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        println!("{hook}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let workload = program("activity");
        let before = not_the_tasks();
        let ran = run(hook, &[], &[workload.as_os_str(), file.path().as_os_str()]);
        assert!(ran.output.status.success(), "{}", ran.stderr());
        let lost = ran.summary["ledger"]["lost"].as_object().unwrap();
        assert!(lost.values().all(|n| n == 0), "{lost:?}");
        check(&ran, not_the_tasks() - before);
    }
}

/// Time that passed for a thread on a cpu without being the thread's, of all cpus: interrupts, and what
/// a hypervisor took. The scheduler does not count it, a clock does.
fn not_the_tasks() -> u64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let ticks = |field: usize| -> u64 {
        let text = stat.lines().next().unwrap().split_whitespace().nth(field);
        text.map_or(0, |ticks| ticks.parse().unwrap())
    };
    // irq, softirq, steal; hundredths of a second.
    (ticks(6) + ticks(7) + ticks(8)) * 10 * MS
}

fn ns(row: &Value, key: &str) -> u64 {
    row["time_ns"][key].as_u64().unwrap()
}

/// The calls of one name, `self` or all.
fn call<'a>(row: &'a Value, name: &str) -> &'a Value {
    let calls = row["activity"].as_array().unwrap();
    calls
        .iter()
        .find(|call| call["syscall"] == name)
        .unwrap_or_else(|| panic!("no {name} in {row:#}"))
}

const MS: u64 = 1_000_000;

#[test]
fn known_work_is_found() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    each(|ran, _| {
        let of = |tag| ran.row(&["all", tag]);

        let sleep = of("sleep");
        assert_eq!(call(sleep, "clock_nanosleep")["count"], 2);
        assert!(ns(sleep, "blocked") >= 80 * MS, "{sleep:#}");
        assert!(ns(sleep, "voluntary_switches") >= 2);
        assert!(call(sleep, "clock_nanosleep")["time_ns"]["min"].as_u64() >= Some(30 * MS));

        let files = of("files");
        let counts = |name: &str| {
            let call = call(files, name);
            (
                call["count"].as_u64().unwrap(),
                call["bytes"].as_u64().unwrap(),
            )
        };
        assert_eq!(counts("write"), (200, 200 * 4096));
        assert_eq!(counts("pread64"), (100, 100 * 1000));
        assert_eq!(counts("openat"), (2, 0));
        assert_eq!(call(files, "openat")["errors"]["absent"], 1);
        assert_eq!(counts("close"), (1, 0));
        assert_eq!(counts("fsync"), (1, 0));

        let again = call(of("again"), "read");
        assert_eq!(
            (&again["count"], &again["errors"]["again"], &again["bytes"]),
            (&70.into(), &70.into(), &0.into())
        );

        let interrupt = call(of("interrupt"), "clock_nanosleep");
        assert_eq!(
            (&interrupt["count"], &interrupt["errors"]["interrupted"]),
            (&1.into(), &1.into())
        );

        assert!(call(of("lock"), "futex")["time_ns"]["blocked"].as_u64() > Some(20 * MS));

        let pingpong = of("pingpong");
        assert_eq!(
            (
                &call(pingpong, "read")["bytes"],
                &call(pingpong, "write")["bytes"]
            ),
            (&50.into(), &50.into())
        );

        assert_eq!(call(of("fork"), "wait4")["count"], 20);
        assert!(ns(of("faults"), "minor_faults") >= 256);

        // What is inside the others is inside the whole, and not its own: that is two of 104.
        let whole = call(ran.row(&["all"]), "pread64");
        assert_eq!(
            (&whole["count"], &whole["self"]["count"]),
            (&104.into(), &2.into())
        );
    });
}

#[test]
fn all_of_the_time_is_accounted_for_once() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    each(|ran, not_the_tasks| {
        let rows = ran.summary["spans"].as_array().unwrap();
        let mut own = 0;
        for row in rows {
            let wall = ns(row, "wall");
            // The same clock is read for a marker and its segment.
            assert_eq!(row["duration_ns"]["sum"], wall, "{row:#}");
            assert_eq!(
                ns(row, "on_cpu") + ns(row, "runnable") + ns(row, "blocked"),
                wall
            );
            assert_eq!(ns(row, "user") + ns(row, "kernel"), ns(row, "on_cpu"));
            own += row["time_ns"]["self"]["wall"].as_u64().unwrap();
        }
        assert_eq!(
            own,
            ns(ran.row(&["all"]), "wall"),
            "each ns has one innermost span"
        );

        // What the scheduler says of a stretch just inside the span, and of one just outside.
        let said = String::from_utf8_lossy(&ran.output.stdout);
        let said: Vec<u64> = said
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        let spin = ran.row(&["all", "spin"]);
        let between = |ours: u64, inside: u64, outside: u64, part: f64| {
            let slack = (inside as f64 * part) as u64 + MS + not_the_tasks;
            assert!(
                (inside.saturating_sub(slack)..=outside + slack).contains(&ours),
                "{inside} <= {ours} <= {outside}: {spin:#}"
            );
        };
        between(ns(spin, "on_cpu"), said[0], said[2], 0.02);
        between(ns(spin, "runnable"), said[1], said[3], 0.05);
        assert!(ns(spin, "user") > ns(spin, "kernel"));
    });
}

/// Count and bytes of each call by span path, as strace tells them.
fn by_strace(trace: &str) -> BTreeMap<(String, String), (u64, u64)> {
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    // Only the thread that marks: the first.
    let first = trace.split(' ').next().unwrap();
    for line in trace.lines() {
        let Some(line) = line.strip_prefix(first).map(str::trim_start) else {
            continue;
        };
        if let Some(marker) = line
            .split('"')
            .nth(1)
            .filter(|_| line.starts_with("write("))
            && let Some((dir @ (">" | "<"), rest)) = marker.split_once(":t:")
        {
            match dir {
                ">" => open.push(rest.trim_end_matches(':').to_owned()),
                _ => drop(open.pop()),
            }
            continue;
        }
        let (Some(path), Some((name, _))) = (open.last(), line.split_once('(')) else {
            continue;
        };
        let Some((_, result)) = line.rsplit_once(" = ") else {
            continue;
        };
        let result: i64 = result.split(' ').next().unwrap().parse().unwrap_or(0);
        let counts: &mut (u64, u64) = found.entry((path.clone(), name.to_owned())).or_default();
        counts.0 += 1;
        if ["read", "write", "pread64", "getrandom"].contains(&name) {
            counts.1 += result.max(0).unsigned_abs();
        }
    }
    found
}

#[test]
fn counts_and_bytes_are_those_of_strace() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (trace, file) = (dir.path().join("trace"), dir.path().join("file"));
    // Restarted calls and their parts on other lines would count twice: the marking thread has none.
    let strace = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&trace)
        .arg(program("activity"))
        .arg(&file)
        .stdout(Stdio::null())
        .status();
    if !strace.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("NULLTRACE_REQUIRE_CONSUMERS").is_none(),
            "no strace"
        );
        return println!("skipped: no strace here");
    }
    let theirs = by_strace(&joined(&std::fs::read_to_string(trace).unwrap()));
    assert!(theirs.len() > 10, "{theirs:?}");
    each(|ran, _| {
        for ((path, name), (count, bytes)) in &theirs {
            // How often a lock's futex is called is a matter of luck, how often the clock is read one of
            // time, and the scheduler's numbers, which are read outside the inner spans, have more or
            // fewer digits.
            if name == "futex" || path == "all.spin" || path == "all" {
                continue;
            }
            let tags: Vec<&str> = path.split('.').collect();
            let ours = &call(ran.row(&tags), name)["self"];
            assert_eq!(
                (
                    ours["count"].as_u64().unwrap(),
                    ours["bytes"].as_u64().unwrap()
                ),
                (*count, *bytes),
                "{name} in {path}"
            );
        }
    });
}

/// `PID call(… <unfinished ...>` and `PID <... call resumed>…` on one line.
fn joined(trace: &str) -> String {
    let mut waiting: BTreeMap<&str, &str> = BTreeMap::new();
    let mut lines = String::new();
    for line in trace.lines() {
        let pid = line.split(' ').next().unwrap();
        if let Some(begun) = line.strip_suffix(" <unfinished ...>") {
            waiting.insert(pid, begun);
        } else if let Some((_, rest)) = line.split_once(" resumed>") {
            lines += waiting.remove(pid).unwrap_or(pid);
            lines += rest;
            lines.push('\n');
        } else {
            lines += line;
            lines.push('\n');
        }
    }
    lines
}

#[test]
fn what_is_off_is_not_shown() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let script = "echo '>:t:a::' >/dev/null; echo '<:t:a::' >/dev/null";
    let ran = run("ebpf", &["--activity", "off"], &["sh", "-c", script]);
    assert_eq!(ran.row(&["a"]).get("time_ns"), None);
    assert_eq!(ran.summary.get("outside_ns"), None);
}

#[test]
fn a_view_of_what_is_not_seen_says_so() {
    for (backend, options, why) in [
        ("ptrace", &["--view", "time"][..], "by ptrace"),
        (
            "auto",
            &["--view", "syscalls", "--activity", "off"],
            "--activity off",
        ),
    ] {
        let ran = run(backend, options, &["true"]);
        assert!(ran.stderr().contains(why), "{}", ran.stderr());
    }
}

/// What a thread calls with no span open is not looked at once userspace has said so, and is again from the
/// next marker on.
#[test]
fn a_thread_at_rest_is_left_alone() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let script = r#"
        echo ">:t:$1::" >/dev/null; echo "<:t:$1::" >/dev/null
        sleep 0.2
        i=0; while [ $i -lt 50 ]; do umask >&3; i=$((i + 1)); done
        echo ">:t:$1::" >/dev/null
        i=0; while [ $i -lt 50 ]; do umask >&3; i=$((i + 1)); done
        echo "<:t:$1::" >/dev/null
    "#;
    let file = tempfile::NamedTempFile::new().unwrap();
    let command = format!("exec 3>{}; {script}", file.path().display());
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        let ran = run(hook, &[], &["sh", "-c", &command, "sh", "job"]);
        let job = ran.row(&["job"]);
        let files = job["files"].as_array().unwrap();
        let name = file.path().to_str().unwrap();
        let written = files.iter().find(|of| of["name"] == name).unwrap();
        assert_eq!(written["bytes_out"], 50 * 5, "{job:#}");
        // All of the time is known all the same.
        let outside = &ran.summary["outside_ns"];
        assert!(outside["blocked"].as_u64() > Some(150 * MS), "{outside:#}");
    }
}
