//! What threads do is told while they do it, and once: whether they sleep, compute or are killed.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::activity::{MS, call, find_call, nothing_lost, ns, possible};
use nulltrace_tests::traced::program;
use nulltrace_tests::{Agent, hooks, no_bpf, nulltrace, row};
use serde_json::Value;

/// What must be done between two looks at a clock may take so long on a busy machine.
const SLACK: u64 = 300 * MS;

/// A program in its spans, and two agents that watch it.
struct Going {
    child: Child,
    agents: Vec<Agent>,
    /// Just before it opened its spans, and just after.
    before: Instant,
    after: Instant,
    _dir: tempfile::TempDir,
}

impl Going {
    fn start(hook: &str, inside: &str, args: &[&str]) -> Self {
        println!("{hook}: {args:?}");
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(program("going"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let options = [
            "--activity",
            "segments",
            "--backend",
            hook,
            "--inside",
            inside,
        ];
        let agents = ["1.json", "2.json"]
            .map(|name| Agent::start(&[child.id()], &options, &dir.path().join(name)).unwrap());
        let before = Instant::now();
        child.stdin.take().unwrap().write_all(b".").unwrap();
        let mut byte = [0];
        let answers = child.stdout.as_mut().unwrap();
        answers.read_exact(&mut byte).unwrap();
        Self {
            child,
            agents: agents.into(),
            before,
            after: Instant::now(),
            _dir: dir,
        }
    }

    /// Ends an agent. Returns its summary and how long each span was open then, at least and at most.
    fn stop(&mut self) -> (Value, u64, u64) {
        let least = self.after.elapsed();
        let summary = self.agents.remove(0).stop();
        let most = self.before.elapsed();
        possible(&summary);
        nothing_lost(&summary);
        let ns = |time: Duration| time.as_nanos() as u64;
        (summary, ns(least), ns(most))
    }

    /// The numbers that the program printed when it ended.
    fn ends(&mut self) -> Vec<u64> {
        let mut said = String::new();
        let answers = self.child.stdout.as_mut().unwrap();
        answers.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said.split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn each(inside: &str, args: &[&str], check: impl Fn(Going)) {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        check(Going::start(hook, inside, args));
    }
}

fn number(of: &Value, key: &str) -> u64 {
    of[key]
        .as_u64()
        .unwrap_or_else(|| panic!("no {key}: {of:#}"))
}

/// The only row of a kind of work, of spans that are all still open, or were.
fn span<'a>(summary: &'a Value, tag: &str, open: u64) -> &'a Value {
    let row = row(summary, &["going", tag]).unwrap();
    assert_eq!(number(row, "open"), open, "{row:#}");
    row
}

#[test]
fn a_thread_asleep_is_told_until_the_stop() {
    each("thread", &["asleep", "3000"], |mut going| {
        std::thread::sleep(Duration::from_secs(2));
        let (midway, least, most) = going.stop();
        let asleep = span(&midway, "asleep", 1);
        assert_eq!(number(asleep, "hits"), 0);
        assert!((least..=most).contains(&ns(asleep, "wall")), "{asleep:#}");
        assert_eq!(ns(asleep, "unfinished"), ns(asleep, "wall"));
        assert!(ns(asleep, "blocked") + SLACK >= least, "{asleep:#}");
        let nap = call(asleep, "clock_nanosleep");
        let times = &nap["time_ns"];
        assert_eq!((number(nap, "count"), number(times, "avg")), (0, 0));
        assert!(number(times, "blocked") + SLACK >= least, "{asleep:#}");
        assert_eq!(times["going"], times["sum"]);

        going.ends();
        let (whole, _, _) = going.stop();
        let asleep = span(&whole, "asleep", 0);
        assert_eq!((number(asleep, "hits"), ns(asleep, "unfinished")), (1, 0));
        assert_eq!(asleep["duration_ns"]["sum"], ns(asleep, "wall"));
        let nap = call(asleep, "clock_nanosleep");
        let times = &nap["time_ns"];
        assert_eq!((number(nap, "count"), number(times, "going")), (1, 0));
        // The longest call is told as a whole, the sum in parts.
        assert_eq!(
            (&times["sum"], &times["avg"]),
            (&times["max"], &times["max"])
        );
        assert!(number(times, "blocked") >= 2900 * MS, "{asleep:#}");
    });
}

#[test]
fn a_thread_that_only_computes_is_told_and_so_is_one_that_was_killed() {
    each("thread", &["spins"], |mut going| {
        std::thread::sleep(Duration::from_secs(2));
        let (midway, least, most) = going.stop();
        let check = |row: &Value, least: u64, most: u64| {
            assert_eq!(
                (number(row, "hits"), &row["duration_ns"]["sum"]),
                (0, &0.into())
            );
            assert!((least..=most).contains(&ns(row, "wall")), "{row:#}");
            assert_eq!(ns(row, "unfinished"), ns(row, "wall"));
            assert!(ns(row, "blocked") <= SLACK, "{row:#}");
            assert!(ns(row, "kernel") <= SLACK, "{row:#}");
            assert_eq!(number(call(row, "write"), "count"), 1, "its answer");
            assert_eq!(find_call(row, "clock_nanosleep"), None);
        };
        check(span(&midway, "spins", 1), least, most);
        going.kill();
        let (whole, _, most) = going.stop();
        let spins = span(&whole, "spins", 0);
        assert_eq!(number(&spins["inferred"], "process_exit"), 1);
        check(spins, least, most);
    });
}

#[test]
fn however_often_it_is_told_it_comes_out_the_same() {
    each("thread", &["busy", "8", "4000"], |mut going| {
        std::thread::sleep(Duration::from_millis(2500));
        let (midway, least, most) = going.stop();
        let part = span(&midway, "busy", 8);
        // Not all had the cpu at once.
        let wall = ns(part, "wall");
        assert!(
            (8 * least..=8 * most).contains(&wall),
            "{least}, {most}: {part:#}"
        );

        let [reads, naps] = going.ends()[..] else {
            panic!("it says what it did");
        };
        let (whole, _, _) = going.stop();
        let busy = span(&whole, "busy", 0);
        assert_eq!((number(busy, "hits"), ns(busy, "unfinished")), (8, 0));
        assert_eq!(busy["duration_ns"]["sum"], ns(busy, "wall"));
        let read = call(busy, "pread64");
        assert_eq!(
            (number(read, "count"), number(read, "bytes")),
            (reads, 10 * reads)
        );
        assert_eq!(number(call(busy, "clock_nanosleep"), "count"), naps);
        for call in busy["activity"].as_array().unwrap() {
            assert_eq!(call["time_ns"]["going"], 0, "{call:#}");
        }
        let file = &busy["files"].as_array().unwrap()[0];
        assert_eq!(
            (&file["name"], &file["bytes_in"]),
            (&"memfd:busy".into(), &read["bytes"])
        );
        assert!(number(call(part, "pread64"), "count") < reads);
    });
}

#[test]
fn a_thread_that_sleeps_for_another_is_told_too() {
    each("process", &["helped", "3000"], |mut going| {
        std::thread::sleep(Duration::from_secs(2));
        let (midway, least, most) = going.stop();
        let helped = span(&midway, "helped", 1);
        let wall = ns(helped, "wall");
        assert!(wall + SLACK >= 2 * least && wall <= 2 * most, "{helped:#}");
        for waits in ["clock_nanosleep", "futex"] {
            let times = &call(helped, waits)["time_ns"];
            assert!(number(times, "going") + SLACK >= least, "{helped:#}");
        }
        going.ends();
        let (whole, _, _) = going.stop();
        let helped = span(&whole, "helped", 0);
        let nap = call(helped, "clock_nanosleep");
        assert_eq!(
            (number(nap, "count"), &nap["time_ns"]["going"]),
            (1, &0.into())
        );
        assert_eq!(nap["time_ns"]["sum"], nap["time_ns"]["max"]);
    });
}

#[test]
fn many_threads_that_wait() {
    let guest = std::env::var_os("NULLTRACE_TEST_KERNEL").is_some();
    let threads: u64 = if guest { 500 } else { 10_000 };
    each("thread", &["many", &threads.to_string()], |mut going| {
        let size = going.agents[0].rss();
        std::thread::sleep(Duration::from_millis(2500));
        let grown = going.agents[0].rss().saturating_sub(size);
        assert!(grown < 64 << 20, "grew by {} KiB", grown >> 10);
        let (summary, least, _) = going.stop();
        let many = span(&summary, "many", threads);
        assert!(ns(many, "wall") >= threads * least, "{many:#}");
        let waits = &call(many, "pause")["time_ns"];
        assert!(
            number(waits, "going") + threads * SLACK >= threads * least,
            "{many:#}"
        );
        assert_eq!(summary["ledger"]["markers"]["late"], 0);
    });
}

/// Whoever cannot see the threads has them tell by themselves, at their calls.
#[test]
fn threads_outside_of_the_collectors_pid_namespace() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("summary.json");
    let mut child = Command::new(program("going"))
        .args(["busy", "2", "20000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let script = r#""$@" & read -r _; kill -TERM $!; wait $!"#;
    let mut apart = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"])
        .arg(nulltrace())
        .args(["agent", "--activity", "segments", "--json"])
        .arg(&json)
        .args(["--pid", &child.id().to_string()])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(apart.stderr.take().unwrap()).lines();
    let attached = said.find(|line| line.as_ref().unwrap().contains("attached"));
    child.stdin.take().unwrap().write_all(b".").unwrap();
    std::thread::sleep(Duration::from_secs(3));
    apart.stdin.take().unwrap().write_all(b"\n").unwrap();
    said.for_each(drop);
    let status = apart.wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(attached.is_some() && status.success(), "{status}");
    let summary = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    possible(&summary);
    nothing_lost(&summary);
    let busy = span(&summary, "busy", 2);
    assert!(ns(busy, "wall") >= 2 * 1000 * MS, "{busy:#}");
    let read = call(busy, "pread64");
    assert!(number(read, "count") > 0, "{busy:#}");
    assert_eq!(number(read, "bytes"), 10 * number(read, "count"));
}
