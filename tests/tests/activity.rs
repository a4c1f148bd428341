//! What the kernel did inside spans, against what is known of the work.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use nulltrace_tests::activity::{MS, call, each, ns};
use nulltrace_tests::traced::run;
use nulltrace_tests::{hooks, no_bpf};

#[test]
fn known_work_is_found() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    each("activity", |ran, _| {
        let of = |tag| ran.row(&["all", tag]);

        let sleep = of("sleep");
        assert_eq!(call(sleep, "clock_nanosleep")["count"], 2);
        // The alarm is set before the cpu is left.
        assert!(call(sleep, "clock_nanosleep")["time_ns"]["sum"].as_u64() >= Some(80 * MS));
        // On a busy machine a part of it passes before the thread leaves the cpu, and after it was woken.
        assert!(ns(sleep, "blocked") > 0, "{sleep:#}");
        let off = ns(sleep, "blocked") + ns(sleep, "runnable");
        assert!(off >= 70 * MS, "{sleep:#}");
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

        let futex = &call(of("lock"), "futex")["time_ns"];
        let off = |key: &str| futex[key].as_u64().unwrap();
        assert!(off("blocked") + off("runnable") > 20 * MS, "{futex:#}");

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
    each("activity", |ran, not_the_tasks| {
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
