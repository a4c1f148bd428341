//! Of a thread that has had no span open for a while, little is kept in the kernel, and nothing is lost by that.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::activity::{call, nothing_lost, ns, possible};
use nulltrace_tests::known::files;
use nulltrace_tests::storage::TaskStorage;
use nulltrace_tests::traced::program;
use nulltrace_tests::{Agent, hooks, no_bpf, row};
use serde_json::Value;

/// A thread that waits for a cpu is not asleep, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is kept of an idle thread may be so large.
const KEPT: usize = 1024;

/// The program, all whose threads but the first are idle, and two agents that observe it.
struct Idle {
    child: Child,
    input: ChildStdin,
    agents: Vec<Agent>,
    since: Instant,
    _dir: tempfile::TempDir,
}

impl Idle {
    fn start(hook: &str, args: &[&str]) -> Self {
        println!("{hook}: {args:?}");
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(program("idle"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let options = ["--activity", "segments", "--backend", hook];
        let agents = ["1.json", "2.json"]
            .map(|name| Agent::start(&[child.id()], &options, &dir.path().join(name)).unwrap());
        let mut input = child.stdin.take().unwrap();
        input.write_all(b".").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Self {
            child,
            input,
            agents: agents.into(),
            since: Instant::now(),
            _dir: dir,
        }
    }

    /// The first thread, and the others that can be asked for.
    fn threads(&self) -> (u32, Vec<u32>) {
        let first = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children"));
        let children = children.unwrap();
        let processes = children.split(' ').filter_map(|pid| pid.parse().ok());
        let tasks = processes.chain([first]).flat_map(|pid: u32| {
            let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap())
        });
        (first, tasks.filter(|&tid| tid != first).collect())
    }

    /// Waits until both agents freed what idle threads need no more.
    fn until_freed(&self) {
        let (first, others) = self.threads();
        assert!(!others.is_empty());
        for agent in &self.agents {
            let large = TaskStorage::of(agent.pid(), "activities").unwrap();
            let small = TaskStorage::of(agent.pid(), "idles").unwrap();
            assert!(small.value_size() <= KEPT && small.value_size() < large.value_size());
            let holding = || others.iter().filter(|&&tid| large.has(tid) == Some(true));
            while holding().next().is_some() {
                assert!(
                    self.since.elapsed() < PATIENCE,
                    "{} of {} threads hold {} bytes",
                    holding().count(),
                    others.len(),
                    large.value_size()
                );
                std::thread::sleep(Duration::from_millis(50));
            }
            let asked = others.iter().filter_map(|&tid| small.has(tid));
            assert!(asked.fold(0, |n, has| n + u64::from(has)) > 0);
            // It is in a span.
            assert_eq!(large.has(first), Some(true));
        }
    }

    /// Ends an agent.
    fn stop(&mut self) -> Value {
        let summary = self.agents.remove(0).stop();
        possible(&summary);
        nothing_lost(&summary);
        summary
    }

    /// Has the program go on to its end. What it printed.
    fn go_on(&mut self) -> String {
        self.input.write_all(b".").unwrap();
        let mut said = String::new();
        let output = self.child.stdout.as_mut().unwrap();
        output.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn each(args: &[&str], check: impl Fn(Idle)) {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
        check(Idle::start(hook, args));
    }
}

/// Spans of one kind, all ended, with so many reads of ten bytes in each.
fn spans(summary: &Value, tag: &str, hits: u64, reads: u64) {
    let row = row(summary, &["idle", tag]).unwrap();
    assert_eq!((&row["hits"], &row["open"]), (&hits.into(), &0.into()));
    assert_eq!(row["duration_ns"]["sum"], ns(row, "wall"));
    let read = call(row, "pread64");
    assert_eq!(
        (&read["count"], &read["bytes"]),
        (&(hits * reads).into(), &(10 * hits * reads).into()),
        "{row:#}"
    );
}

/// The time outside of spans: asleep for `least` at least, and no longer than the run, for each thread.
fn outside(summary: &Value, threads: u64, least: Duration) {
    let outside = |key: &str| summary["outside_ns"][key].as_u64().unwrap();
    let least = least.as_nanos() as u64;
    let off = outside("blocked") + outside("runnable");
    assert!(off >= threads * least, "{threads} * {least}: {off}");
    assert!(off <= outside("wall"));
    let most = summary["elapsed_ns"].as_u64().unwrap();
    // The first thread has a span open, but for a moment.
    assert!(outside("wall") <= (threads + 1) * most, "{most}");
}

#[test]
fn many_threads_that_are_idle() {
    let guest = std::env::var_os("NULLTRACE_TEST_KERNEL").is_some();
    let (processes, threads) = if guest { (20, 3) } else { (5, 1000) };
    let args = ["many", &processes.to_string(), &threads.to_string()];
    each(&args, |mut idle| {
        let all = processes * threads;
        idle.until_freed();
        std::thread::sleep(Duration::from_secs(1));
        let least = idle.since.elapsed();
        let summary = idle.stop();
        spans(&summary, "first", all, 1);
        assert_eq!(row(&summary, &["idle", "open"]).unwrap()["open"], 1);
        outside(&summary, all, least);

        let least = idle.since.elapsed();
        idle.go_on();
        let summary = idle.stop();
        spans(&summary, "first", all, 1);
        spans(&summary, "second", all, 3);
        assert_eq!(summary["ledger"]["markers"]["seen"], 4 * all + 2);
        outside(&summary, all, least);
    });
}

/// The time of an idle thread is known, too, when it ends without another span.
#[test]
fn threads_that_are_killed_while_idle() {
    each(&["many", "1", "3"], |mut idle| {
        idle.until_freed();
        let least = idle.since.elapsed();
        let (_, others) = idle.threads();
        for &tid in &others {
            // SAFETY: a signal to a child of the program, which does not wait for it before it is told to go on.
            unsafe { libc::kill(tid.cast_signed(), libc::SIGKILL) };
        }
        let lives = |tid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{tid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while others.iter().any(lives) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let summary = idle.stop();
        spans(&summary, "first", 3, 1);
        outside(&summary, 3, least);
    });
}

/// What an idle thread connects has its new name in the next span.
#[test]
fn a_socket_that_is_connected_while_idle() {
    each(&["connects"], |mut idle| {
        idle.until_freed();
        let bound = idle.go_on();
        for _ in 0..2 {
            let summary = idle.stop();
            let writes = row(&summary, &["idle", "writes"]).unwrap();
            let name = format!("{}->127.0.0.1:9", bound.trim());
            let all = files(writes);
            assert_eq!(
                all,
                [(("ipv4", "udp", &*name), (1, 0, 7))].into(),
                "{all:?}"
            );
        }
    });
}
