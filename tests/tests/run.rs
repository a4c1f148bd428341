//! `nulltrace run`: every backend sees the same spans of the same programs.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use nulltrace_tests::hooks;
use nulltrace_tests::traced::{Ran, program, run};

/// What must hold of any run in which nothing was lost.
fn accounts_hold(ran: &Ran) {
    let n = |path| ran.ledger(path);
    assert_eq!(
        n("markers.seen"),
        n("markers.enter") + n("markers.exit") + n("markers.malformed")
    );
    let rows = ran.summary["spans"].as_array().unwrap();
    let sum = |key: &str| {
        rows.iter()
            .map(|row| row[key].as_u64().unwrap())
            .sum::<u64>()
    };
    let inferred: u64 = rows
        .iter()
        .flat_map(|row| row["inferred"].as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(
        n("markers.enter"),
        sum("hits") + sum("open") + inferred,
        "{:#}",
        ran.summary
    );
    assert_eq!(n("markers.exit"), sum("hits") + n("markers.unmatched_exit"));
}

fn workload(backend: &str, args: &[&str]) -> Ran {
    let path = program("workload");
    let mut command = vec![path.to_str().unwrap()];
    command.extend(args);
    let ran = run(backend, &[], &command);
    assert!(ran.output.status.success(), "{}", ran.stderr());
    accounts_hold(&ran);
    ran
}

const SCRIPT: &str = "
    echo '>::outer:k=v:' > /dev/null
    for i in 1 2 3; do
        echo \">:$i:outer.inner::\" > /dev/null
        sleep 0.01
        echo \"<:$i:outer.inner::\" > /dev/null
    done
    echo '<::outer::' > /dev/null";

#[test]
fn scripts_of_each_shell() {
    for backend in hooks() {
        for shell in ["sh", "bash"] {
            if std::process::Command::new(shell)
                .args(["-c", ":"])
                .status()
                .is_err()
            {
                println!("skipped: no {shell} here");
                continue;
            }
            let ran = run(backend, &[], &[shell, "-c", SCRIPT]);
            accounts_hold(&ran);
            assert_eq!(
                (ran.hits(&["outer"]), ran.hits(&["outer", "inner"])),
                (1, 3)
            );
            let inner = &ran.row(&["outer", "inner"])["duration_ns"];
            assert!(inner["min"].as_u64().unwrap() >= 10_000_000, "{inner}");
            let outer = ran.row(&["outer"])["duration_ns"]["sum"].as_u64().unwrap();
            assert!(outer >= inner["sum"].as_u64().unwrap());
        }
    }
}

#[test]
fn a_span_may_begin_and_end_in_different_processes() {
    for backend in hooks() {
        let script =
            "/bin/echo '>::apart::' > /dev/null; sleep 0.02; /bin/echo '<::apart::' > /dev/null";
        let ran = run(backend, &[], &["sh", "-c", script]);
        accounts_hold(&ran);
        assert_eq!(ran.hits(&["apart"]), 1, "{:#}", ran.summary);
        assert!(ran.row(&["apart"])["duration_ns"]["min"].as_u64().unwrap() >= 20_000_000);
    }
}

#[test]
fn copies_of_a_script_with_empty_ids_do_not_mix() {
    for backend in hooks() {
        // The copy that begins later ends earlier: mixed up, one span would last 0.3 s less.
        let copy = "echo '>::copy::' > /dev/null; sleep \\$0; echo '<::copy::' > /dev/null";
        let script = format!("sh -c \"{copy}\" 0.4 & sleep 0.1; sh -c \"{copy}\" 0.1 & wait");
        let ran = run(backend, &[], &["sh", "-c", &script]);
        accounts_hold(&ran);
        let duration = &ran.row(&["copy"])["duration_ns"];
        assert_eq!(ran.hits(&["copy"]), 2);
        assert!(
            duration["max"].as_u64().unwrap() >= 400_000_000,
            "{duration}"
        );
    }
}

#[test]
fn threads_keep_their_spans_apart() {
    for backend in hooks() {
        let ran = workload(backend, &["threads", "8", "200"]);
        assert_eq!(ran.hits(&["threads"]), 1);
        assert_eq!(ran.hits(&["threads", "work"]), 1600);
        assert_eq!(ran.ledger("markers.unmatched_exit"), 0);
    }
}

#[test]
fn two_hundred_children() {
    for backend in hooks() {
        let ran = workload(backend, &["forks", "200"]);
        assert_eq!(ran.hits(&["child"]), 200);
    }
}

#[test]
fn a_child_that_outlives_its_parent_is_followed() {
    for backend in hooks() {
        let ran = workload(backend, &["orphan"]);
        assert_eq!(ran.hits(&["orphan"]), 1);
        assert!(
            ran.stderr().contains("descendants still run"),
            "{}",
            ran.stderr()
        );
    }
}

#[test]
fn every_call_that_writes_and_no_other_device() {
    for backend in hooks() {
        let ran = workload(backend, &["calls"]);
        for tag in ["write", "writev", "pwrite", "pwritev"] {
            assert_eq!(ran.hits(&[tag]), 1, "{tag} by {backend}");
        }
        assert_eq!(ran.ledger("markers.seen"), 8);
    }
}

#[test]
fn a_marker_in_single_characters() {
    for backend in hooks() {
        let ran = workload(backend, &["fragments"]);
        assert_eq!(ran.hits(&["print", "f"]), 1);
        assert_eq!(ran.ledger("markers.seen"), 2);
    }
}

#[test]
fn spans_left_open_end_with_what_held_them() {
    for backend in hooks() {
        let ran = workload(backend, &["left"]);
        for (tag, cause) in [
            ("thread", "thread_exit"),
            ("process", "process_exit"),
            ("killed", "process_exit"),
        ] {
            let row = ran.row(&["left", tag]);
            assert_eq!(
                (&row["hits"], &row["inferred"][cause]),
                (&0.into(), &1.into()),
                "{backend}: {row}"
            );
        }
    }
}

#[test]
fn only_the_commands_own_tree() {
    for backend in hooks() {
        let mut null = nulltrace_tests::marks::null();
        let stranger = std::thread::spawn(move || {
            for _ in 0..50 {
                nulltrace_tests::marks::write(&mut null, ">:g:stranger::\n<:g:stranger::\n");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let ran = run(
            backend,
            &[],
            &["sh", "-c", "echo '>::own::' > /dev/null; sleep 0.2"],
        );
        stranger.join().unwrap();
        assert_eq!(ran.ledger("markers.seen"), 1, "{:#}", ran.summary);
        let row = ran.row(&["own"]);
        assert_eq!(
            row["open"].as_u64().unwrap() + row["inferred"]["process_exit"].as_u64().unwrap(),
            1
        );
    }
}

#[test]
fn status_signals_and_streams_are_the_commands_own() {
    for backend in hooks() {
        let status = |script: &str| run(backend, &["-q"], &["sh", "-c", script]).output;
        assert_eq!(status("exit 7").status.code(), Some(7));
        assert_eq!(status("kill -KILL $$").status.code(), Some(137));
        assert_eq!(status("kill -TERM $$").status.code(), Some(143));
        let out = status("cat >&2; echo out");
        assert_eq!(
            (&out.stdout[..], &out.stderr[..]),
            (&b"out\n"[..], &b""[..])
        );
    }
}

#[test]
fn a_command_that_does_not_exist() {
    for backend in hooks() {
        let out = std::process::Command::new(nulltrace_tests::nulltrace())
            .args(["run", "--backend", backend, "--", "/no/such/command"])
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(127), "{backend}");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(said.contains("/no/such/command"), "{said}");
        let out = std::process::Command::new(nulltrace_tests::nulltrace())
            .args(["run", "--backend", backend, "--", "/dev/null"])
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(126), "{backend}");
    }
}

#[test]
fn a_signal_sent_to_nulltrace_reaches_the_command() {
    for backend in hooks() {
        let mut child = std::process::Command::new(nulltrace_tests::nulltrace())
            .args(["run", "-q", "--backend", backend, "--", "sh", "-c"])
            .arg("trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.01; done")
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        assert_eq!(line, "ready\n");
        // SAFETY: our own child, not yet waited for.
        unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) };
        line.clear();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        assert_eq!(line, "got it\n");
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
}

#[test]
fn the_same_rows_from_every_backend() {
    let shapes: Vec<_> = hooks()
        .into_iter()
        .map(|backend| {
            let ran = run(backend, &[], &["sh", "-c", SCRIPT]);
            let rows = ran.summary["spans"].as_array().unwrap().clone();
            rows.iter()
                .map(|row| {
                    [&row["tags"], &row["hits"], &row["child_hits"], &row["open"]]
                        .map(ToString::to_string)
                })
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(
        shapes.windows(2).all(|pair| pair[0] == pair[1]),
        "{shapes:?}"
    );
}

#[test]
fn exec_by_a_thread_that_is_not_the_leader() {
    // Longer than it takes until a segment that goes on is reported.
    let program = program("exec").to_str().unwrap().to_owned();
    for backend in hooks() {
        let ran = run(backend, &[], &[program.as_str(), "1300"]);
        assert!(ran.output.status.success(), "{}", ran.stderr());
        // Of the new program's own there is a second span of this name.
        for (name, hits, how, inferred) in [
            ("leader", 1, "thread_exit", 1),
            ("third", 0, "thread_exit", 1),
            ("third_numbered", 1, "thread_exit", 0),
            ("process", 1, "process_exit", 0),
            ("caller", 1, "thread_exit", 0),
            ("numbered", 1, "thread_exit", 0),
            ("child", 1, "thread_exit", 0),
            ("left", 0, "process_exit", 1),
        ] {
            let row = ran.row(&["exec", name]);
            assert_eq!(row["hits"], hits, "{backend}: {row:#}");
            assert_eq!(row["open"], 0, "{backend}: {row:#}");
            let all = row["inferred"].as_object().unwrap().values();
            let all: u64 = all.map(|count| count.as_u64().unwrap()).sum();
            assert_eq!((&row["inferred"][how], all), (&inferred.into(), inferred));
        }
        // `child` names it as its parent after the exec, `caller` is in it from before.
        assert_eq!(ran.row(&["exec", "numbered"])["child_hits"], 2);
        assert_eq!(ran.ledger("markers.unmatched_exit"), 0);
        let caller = ran.row(&["exec", "caller"]);
        if let Some(times) = caller["time_ns"].as_object() {
            let sum: u64 = ["on_cpu", "runnable", "blocked", "interleaved"]
                .map(|what| times[what].as_u64().unwrap())
                .iter()
                .sum();
            assert_eq!(caller["duration_ns"]["sum"], sum, "{backend}: {caller:#}");
            assert!(times["blocked"].as_u64().unwrap() >= 2_600_000_000);
        }
    }
}

/// They are counted as they come and go: to wait for many costs what it costs to wait for one.
#[test]
fn waiting_for_thousands_of_descendants_costs_nothing() {
    const MANY: usize = 2000;
    let waiting = |backend: &str, count: usize| {
        let script = "i=0; while [ $i -lt $1 ]; do sleep 600 & i=$((i+1)); done; echo begun";
        let mut run = std::process::Command::new(nulltrace_tests::nulltrace());
        run.args(["run", "--backend", backend, "--", "sh", "-c", script, "sh"]);
        run.arg(count.to_string());
        run.stdout(std::process::Stdio::piped());
        run.stderr(std::process::Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut run, 0);
        let mut run = run.spawn().unwrap();
        let mut line = String::new();
        let mut out = std::io::BufReader::new(run.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        run
    };
    for backend in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        let mut runs = [1, MANY].map(|count| waiting(backend, count));
        let cpu = |runs: &[std::process::Child; 2]| {
            runs.each_ref().map(|run| nulltrace_tests::cpu(run.id()))
        };
        let before = cpu(&runs);
        std::thread::sleep(std::time::Duration::from_secs(3));
        let after = cpu(&runs);
        let [one, many] = [0, 1].map(|n| after[n] - before[n]);
        for run in &mut runs {
            // SAFETY: the process group of our own child, which was not waited for yet.
            unsafe { libc::kill(-run.id().cast_signed(), libc::SIGKILL) };
            run.wait().unwrap();
        }
        println!("{backend}: {one:?} for one, {many:?} for {MANY}");
        assert!(
            many < 3 * one + std::time::Duration::from_millis(60),
            "{one:?}, {many:?}"
        );
    }
}
