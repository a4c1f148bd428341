//! Who is whose parent, what was inside, what is known of an end, and whose spans one may end: told by programs
//! that know it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::activity::{MS, call, nothing_lost, ns};
use nulltrace_tests::traced::{Ran, program, run};
use nulltrace_tests::{hooks, no_bpf, nulltrace, row};
use serde_json::Value;

fn parents(backend: &str, options: &[&str], args: &[&str]) -> Ran {
    let mut command = vec![program("parents").to_str().unwrap().to_owned()];
    command.extend(args.iter().map(ToString::to_string));
    let ran = run(backend, options, &command);
    assert!(ran.output.status.success(), "{}", ran.stderr());
    ran
}

fn each(options: &[&str], args: &[&str], check: impl Fn(&Ran)) {
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        println!("{hook}");
        check(&parents(hook, options, args));
    }
}

/// How many calls returned, and how many failed.
fn count(call: &Value) -> (u64, u64) {
    let errors = call["errors"].as_object().unwrap().values();
    let errors = errors.map(|n| n.as_u64().unwrap()).sum();
    (call["count"].as_u64().unwrap(), errors)
}

fn sum(ran: &Ran, tags: &[&str], key: &str) -> u64 {
    ran.row(tags)[key]["sum"].as_u64().unwrap()
}

/// As many children as there are tasks, and self is what is left, by each backend.
#[test]
fn tasks_that_share_a_thread_have_children_of_their_own() {
    for backend in hooks() {
        let ran = parents(backend, &[], &["loop"]);
        assert_eq!(
            (ran.hits(&["request"]), ran.hits(&["request", "query"])),
            (50, 50)
        );
        assert_eq!(ran.row(&["request"])["child_hits"], 50);
        assert_eq!(ran.ledger("spans.parent_gone"), 0);
        let (all, children) = (
            sum(&ran, &["request"], "duration_ns"),
            sum(&ran, &["request", "query"], "duration_ns"),
        );
        assert_eq!(sum(&ran, &["request"], "self_ns"), all - children);
    }
}

/// Each query has the one read that came before its exit, with as many bytes as it was; and the time in which
/// the thread slept is nobody's twice.
#[test]
fn tasks_that_share_a_thread_have_what_they_did() {
    each(&[], &["loop"], |ran| {
        nothing_lost(&ran.summary);
        let query = ran.row(&["request", "query"]);
        let read = call(query, "read");
        assert_eq!(
            (count(read), &read["bytes"]),
            ((50, 0), &(50 * 51 / 2).into())
        );
        let request = ran.row(&["request"]);
        assert_eq!(count(call(request, "read")), (50, 0));
        // All fifty are open at once, so that the thread's time in them is at most two of them long.
        let longest = request["duration_ns"]["max"].as_u64().unwrap();
        assert!(ns(request, "wall") <= 2 * longest, "{request:#}");
        for row in [request, query] {
            let whole = row["duration_ns"]["sum"].as_u64().unwrap();
            assert_eq!(ns(row, "wall") + ns(row, "interleaved"), whole, "{row:#}");
        }
    });
}

#[test]
fn children_that_overlap_are_taken_off_once() {
    for backend in hooks() {
        let ran = parents(backend, &[], &["overlap"]);
        let job = ran.row(&["job"]);
        assert_eq!((&job["hits"], &job["child_hits"]), (&1.into(), &2.into()));
        let (all, own) = (
            sum(&ran, &["job"], "duration_ns"),
            sum(&ran, &["job"], "self_ns"),
        );
        assert!(all >= 100 * MS);
        // The stretch before its first child is some writes long.
        assert!(own < all / 4, "{own} of {all}");
    }
}

#[test]
fn a_span_that_moves_has_what_both_threads_did() {
    each(&[], &["moves"], |ran| {
        nothing_lost(&ran.summary);
        let moved = ran.row(&["moved"]);
        let read = call(moved, "read");
        assert_eq!((count(read), &read["bytes"]), ((2, 0), &2000.into()));
        assert!(ns(moved, "blocked") >= (20 + 30) * MS, "{moved:#}");
        // The one thread waits for the other meanwhile, in a span of its own; on one cpu also for that.
        let handed = ran.row(&["handed"]);
        assert!(
            ns(handed, "wall") >= 30 * MS && ns(handed, "blocked") > 0,
            "{handed:#}"
        );
        assert_eq!(handed["child_hits"], 0);
    });
}

/// A thread that sleeps for a second lies in a span of 100 ms with 100 of them.
#[test]
fn a_wide_span_has_only_the_time_in_which_it_was_open() {
    each(&["--inside", "process"], &["pool"], |ran| {
        let row = ran.row(&["short"]);
        let took = row["duration_ns"]["sum"].as_u64().unwrap();
        assert!(ns(row, "wall") <= 2 * took + 5 * MS, "{row:#}");
        assert!(ns(row, "blocked") >= 150 * MS, "{row:#}");
        let sleep = &call(row, "clock_nanosleep")["time_ns"];
        assert!(
            sleep["sum"].as_u64().unwrap() <= 2 * took + 5 * MS,
            "{row:#}"
        );
    });
}

/// The program under `nulltrace run` with a ring of a page, told to stop and go on; and its output.
struct Small {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    json: tempfile::NamedTempFile,
}

impl Small {
    /// Starts it, and waits until the program says that it runs.
    fn start(args: &[&str]) -> Self {
        let json = tempfile::NamedTempFile::new().unwrap();
        let mut child = Command::new(nulltrace())
            .args(["run", "--ring-size", "4KiB", "--activity", "off", "--json"])
            .arg(json.path())
            .arg("--")
            .arg(program("parents"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut small = Self {
            child,
            stdin,
            stdout,
            json,
        };
        assert_eq!(small.line(), "ready");
        small
    }

    fn line(&mut self) -> String {
        self.stdout.next().unwrap().unwrap()
    }

    fn signal(&self, number: i32) {
        // SAFETY: a signal to our own child, which was not waited for yet.
        unsafe { libc::kill(self.child.id().cast_signed(), number) };
    }

    fn summary(mut self) -> Value {
        assert!(self.child.wait().unwrap().success());
        serde_json::from_slice(&std::fs::read(self.json.path()).unwrap()).unwrap()
    }
}

/// While nobody reads a small ring, exits are lost: no latency is told that the program did not see.
#[test]
fn lost_markers_are_not_latencies() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let spans = 1500;
    let mut small = Small::start(&["slow", &spans.to_string()]);
    std::thread::sleep(Duration::from_millis(300));
    small.signal(libc::SIGSTOP);
    std::thread::sleep(Duration::from_millis(700));
    small.signal(libc::SIGCONT);
    let longest: u64 = small.line().parse().unwrap();
    let summary = small.summary();
    let (ledger, row) = (&summary["ledger"], row(&summary, &["request"]).unwrap());
    let lost = ledger["lost"]["ring_full_markers"].as_u64().unwrap();
    assert!(lost > 0, "{ledger:#}");
    let seen = ledger["markers"]["seen"].as_u64().unwrap();
    assert_eq!(seen + lost, 2 * spans);
    let told = row["duration_ns"]["max"].as_u64().unwrap();
    assert!(
        told <= longest * 1000 + 1000,
        "{told} ns, really {longest} us"
    );
    let (hits, inferred) = (
        row["hits"].as_u64().unwrap(),
        row["inferred"]["lost"].as_u64().unwrap(),
    );
    assert!(hits > 0 && hits + inferred <= spans, "{row:#}");
}

/// What a process left open that ended unheard of ends by the end of the run.
#[test]
fn the_end_of_a_process_may_be_lost() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let mut small = Small::start(&["gone", "2000"]);
    std::thread::sleep(Duration::from_millis(300));
    small.signal(libc::SIGSTOP);
    small.stdin.write_all(b"x").unwrap();
    assert_eq!(small.line(), "ended");
    small.signal(libc::SIGCONT);
    std::thread::sleep(Duration::from_millis(300));
    small.stdin.write_all(b"x").unwrap();
    let summary = small.summary();
    assert!(summary["ledger"]["lost"]["ring_full"].as_u64().unwrap() > 0);
    assert_eq!(row(&summary, &["after"]).unwrap()["hits"], 1);
    let left = row(&summary, &["left"]).unwrap();
    let inferred = left["inferred"].as_object().unwrap();
    let ends: u64 = inferred.values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((ends, &left["open"]), (1, &0.into()), "{left:#}");
}

/// A user ends nothing of another's, whatever number is written.
#[test]
fn another_user_ends_nothing() {
    // SAFETY: plain system call.
    if unsafe { libc::geteuid() } != 0 {
        return println!("skipped: needs root, to become another user");
    }
    let script = r#"
        set -e
        exec 7>/dev/null
        echo ">:t:root.thread::" >&7
        echo ">::root.empty::" >&7
        echo ">:g:root.anywhere::" >&7
        echo ">:77:root.number::" >&7
        /usr/bin/setpriv --reuid 65534 --clear-groups sh -c "
            echo '<:$$:root.thread::' >&7
            echo '<::root.empty::' >&7
            echo '<:g:root.anywhere::' >&7
            echo '<:77:root.number::' >&7"
        sh -c "echo '<:77:root.number::' >&7"
        sleep 0.05
        echo "<:g:root.anywhere::" >&7
        echo "<::root.empty::" >&7
        echo "<:t:root.thread::" >&7
    "#;
    for backend in hooks() {
        let ran = run(backend, &[], &["sh", "-c", script]);
        assert!(ran.output.status.success(), "{}", ran.stderr());
        assert_eq!(ran.ledger("markers.unmatched_exit"), 4, "{backend}");
        for tag in ["thread", "empty", "anywhere", "number"] {
            assert_eq!(ran.hits(&["root", tag]), 1, "{backend}: {tag}");
        }
        for tag in ["thread", "empty", "anywhere"] {
            assert!(sum(&ran, &["root", tag], "duration_ns") > 50 * MS);
        }
    }
}

/// Twenty thousand open spans make what others do no dearer, with whatever is inside.
#[test]
fn a_crowd_of_open_spans_slows_nobody() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    if std::env::var_os("NULLTRACE_TEST_KERNEL").is_some() {
        return println!("skipped: an emulator is too slow for so many");
    }
    for options in [&[][..], &["--inside", "process"]] {
        let took = [10, 20_000].map(|open| {
            let began = Instant::now();
            let ran = parents("ebpf", options, &["crowd", &open.to_string(), "100000"]);
            assert_eq!(ran.hits(&["brief"]), 100_000);
            began.elapsed()
        });
        assert!(
            took[1] < took[0] * 3 + Duration::from_secs(1),
            "{options:?}: {took:?}"
        );
    }
}
