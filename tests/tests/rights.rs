//! Which rights are left once everything is attached: in each thread of nulltrace, and in the command.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::{no_bpf, nulltrace};

/// The capability sets of a task, by name, and `NoNewPrivs`.
type Rights = BTreeMap<String, u64>;

const DAC_READ_SEARCH: u64 = 1 << 2;
const KILL: u64 = 1 << 5;
const SYS_PTRACE: u64 = 1 << 19;

/// Says why the tests cannot run; rights can be given up only by who has them.
fn not_root() -> bool {
    // SAFETY: takes nothing, cannot fail.
    let other = unsafe { libc::geteuid() } != 0;
    if other {
        println!("skipped: not root");
    }
    other
}

fn rights(task: &str) -> Rights {
    let status = std::fs::read_to_string(format!("/proc/{task}/status")).unwrap();
    let lines = status.lines().filter_map(|line| line.split_once(":\t"));
    lines
        .filter(|(name, _)| name.starts_with("Cap") || *name == "NoNewPrivs")
        .map(|(name, value)| (name.to_owned(), u64::from_str_radix(value, 16).unwrap()))
        .collect()
}

/// The name and rights of each thread.
fn threads(pid: u32) -> Vec<(String, Rights)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| {
            let tid = task.unwrap().file_name().into_string().unwrap();
            let task = format!("{pid}/task/{tid}");
            let name = std::fs::read_to_string(format!("/proc/{task}/comm")).unwrap();
            (name.trim().to_owned(), rights(&task))
        })
        .collect()
}

/// A nulltrace; ended when dropped.
struct Nulltrace(Child);

/// One with so many threads at least, once they all run.
fn start(args: &[&str], least: usize) -> (Nulltrace, Vec<(String, Rights)>) {
    let child = Nulltrace(
        Command::new(nulltrace())
            .args(args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let began = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let threads = threads(child.0.id());
        if threads.len() >= least && threads.iter().any(|(name, _)| name == "log") {
            return (child, threads);
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{threads:?}");
    }
}

impl Drop for Nulltrace {
    fn drop(&mut self) {
        // SAFETY: our own child, which was not waited for yet.
        unsafe { libc::kill(self.0.id().cast_signed(), libc::SIGTERM) };
        let _ = self.0.wait();
    }
}

fn kept(name: &str, have: &Rights, kept: u64) {
    for set in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(have[set], kept, "{set} of {name}: {have:?}");
    }
    assert_eq!(have["CapInh"] | have["CapAmb"], 0, "{name}: {have:?}");
    assert_eq!(have["NoNewPrivs"], 1, "{name}");
}

/// The sinks' threads too, one of which has the socket: statsd's own, the hub's, and the log's.
#[test]
fn no_thread_of_an_agent_keeps_a_right() {
    if not_root() {
        return;
    }
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let (_agent, threads) = start(&["agent", "--statsd", "127.0.0.1:9", "--uid", "54329"], 4);
    for (name, have) in &threads {
        kept(name, have, 0);
    }
}

#[test]
fn a_run_keeps_what_tracing_takes_and_its_command_all_it_has() {
    if not_root() {
        return;
    }
    let own = rights("self");
    for (backend, least) in [("ptrace", 5), ("ebpf", 4)] {
        if let ("ebpf", Some(why)) = (backend, no_bpf()) {
            return println!("skipped: {why}");
        }
        let args = ["run", "--backend", backend, "--statsd", "127.0.0.1:9"];
        let args: Vec<_> = args.into_iter().chain(["--", "sleep", "30"]).collect();
        let (child, threads) = start(&args, least);
        for (name, have) in &threads {
            match name.as_str() {
                "ptrace" => kept(name, have, SYS_PTRACE | DAC_READ_SEARCH | KILL),
                _ => kept(name, have, KILL),
            }
        }
        assert_eq!(threads.len(), least, "{threads:?}");
        let children = format!("/proc/{0}/task/*/children", child.0.id());
        let children = Command::new("sh")
            .args(["-c", &format!("cat {children}")])
            .output()
            .unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let command = children.split_whitespace().next().unwrap();
        assert_eq!(rights(command), own, "{backend}");
    }
}

/// A command that became another user is seen, followed and ended all the same.
#[test]
fn a_command_may_become_another_user() {
    if not_root() {
        return;
    }
    for backend in nulltrace_tests::hooks() {
        let dir = tempfile::tempdir().unwrap();
        let json = dir.path().join("s.json");
        let script = "trap 'exit 6' TERM; echo '>::a::'>/dev/null; echo '<::a::'>/dev/null; \
            echo ready; while :; do sleep 0.01; done";
        let mut child = Command::new(nulltrace())
            .args(["run", "-q", "--backend", backend, "--json"])
            .arg(&json)
            .args(["--", "setpriv", "--reuid=65534", "--regid=65534"])
            .args(["--clear-groups", "sh", "-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        // SAFETY: our own child, which was not waited for yet.
        unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) };
        assert_eq!(child.wait().unwrap().code(), Some(6), "{backend}");
        let summary = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        let row = nulltrace_tests::row(&summary, &["a"]).unwrap();
        assert_eq!(row["hits"], 1, "{backend}");
    }
}

/// Its directory is another user's: root reaches it only while it has root's rights.
#[test]
fn the_json_file_is_opened_before_rights_are_given_up() {
    if not_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(65534), Some(65534)).unwrap();
    let json = dir.path().join("s.json");
    std::fs::write(&json, "x".repeat(1 << 16)).unwrap();
    std::os::unix::fs::chown(&json, Some(65534), Some(65534)).unwrap();
    for backend in nulltrace_tests::hooks() {
        let out = Command::new(nulltrace())
            .args(["run", "-q", "--backend", backend, "--json"])
            .arg(&json)
            .args(["--", "true"])
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        let summary: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        assert_eq!(summary["nulltrace"], 1);
    }
}

/// The children of a process.
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists = tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Another user's process, older than the collector, whose child opens a span.
struct Parent(Child);

impl Parent {
    fn start(uid: u32) -> Self {
        let script = "read line; sh -c 'echo \">::job::\"; read line </proc/version; \
            echo \"<::job::\"' >/dev/null; read line";
        let ids = [format!("--reuid={uid}"), format!("--regid={uid}")];
        let child = Command::new("setpriv")
            .args(ids)
            .args(["--clear-groups", "--", "sh", "-c", script])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn go(mut self) {
        let mut stdin = self.0.stdin.take().unwrap();
        stdin.write_all(b"\n").unwrap();
        // It is asked for when the collector hears of its child.
        std::thread::sleep(Duration::from_millis(500));
        drop(stdin);
        self.0.wait().unwrap();
    }
}

/// Where `/proc` hides the processes of others, the keeper opens what tells their names, and only while its
/// parent lives.
#[test]
fn a_keeper_reads_the_names_that_proc_hides() {
    if not_root() {
        return;
    }
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let hidden = "mount -t proc -o hidepid=4 proc /proc && exec \"$@\"";
    let uid = 54327;
    // Without the right, as it is where it was not given, nothing is kept and the name is not known.
    for (capsh, keeps) in [("", true), ("capsh --drop=cap_sys_ptrace --", false)] {
        let parent = Parent::start(uid);
        let name = if keeps {
            "sh".into()
        } else {
            serde_json::Value::Null
        };
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", hidden, "sh"]);
        if !capsh.is_empty() {
            command
                .args(capsh.split(' '))
                .args(["-c", "exec \"$@\"", "sh"]);
        }
        let child = command
            .arg(nulltrace())
            .args(["agent", "--uid", &uid.to_string(), "--json"])
            .arg(&json)
            .args(["--by", "proc.aname[1]", "--sum", "count"])
            .stderr(Stdio::piped())
            .spawn();
        let Ok(child) = child else {
            return println!("skipped: no unshare");
        };
        let mut agent = Nulltrace(child);
        let mut err = BufReader::new(agent.0.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line).unwrap();
        assert!(line.contains("attached"), "{line}");
        let keepers = children(agent.0.id());
        assert_eq!(keepers.len(), usize::from(keeps));
        for (name, have) in threads(agent.0.id()) {
            kept(&name, &have, 0);
        }
        for &keeper in &keepers {
            kept("keeper", &rights(&keeper.to_string()), SYS_PTRACE);
        }
        parent.go();
        drop(agent);
        let text = std::fs::read(&json).unwrap();
        let summary: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let rows = summary["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{summary:#}");
        assert_eq!(rows[0]["proc.aname[1]"], name, "{summary:#}");
        // It hears of the end of its parent when that is over.
        let began = Instant::now();
        for keeper in keepers {
            while std::path::Path::new(&format!("/proc/{keeper}")).exists() {
                assert!(began.elapsed() < Duration::from_secs(20), "the keeper ends");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

#[test]
fn a_keeper_dies_with_its_parent() {
    if not_root() {
        return;
    }
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let by = [
        "agent",
        "--uid",
        "54326",
        "--by",
        "proc.aname[1]",
        "--sum",
        "count",
    ];
    let (mut agent, _) = start(&by, 2);
    let keepers = children(agent.0.id());
    assert_eq!(keepers.len(), 1);
    agent.0.kill().unwrap();
    agent.0.wait().unwrap();
    let began = Instant::now();
    // Dead, or waited for by whoever takes in orphans here.
    let lives = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", keepers[0]));
        status.is_ok_and(|status| !status.contains("State:\tZ"))
    };
    while lives() {
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_keeper_is_no_part_of_the_machine() {
    if not_root() {
        return;
    }
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let parent = Parent::start(54325);
    // The parent's name is asked for while the span is open.
    let script = "mount -t proc -o hidepid=4 proc /proc && exec \"$@\"";
    let child = Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(nulltrace())
        .args(["run", "--inside", "machine", "--json"])
        .arg(&json)
        .args(["--by", "proc.pid,proc.aname[1]", "--sum", "count", "--"])
        .args([
            "sh",
            "-c",
            "echo '>::all::' >/dev/null; sleep 3; echo '<::all::' >/dev/null",
        ])
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        return println!("skipped: no unshare");
    };
    let mut run = Nulltrace(child);
    let began = Instant::now();
    let named = |pid: &u32, name: &str| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        comm.is_ok_and(|comm| comm.trim() == name)
    };
    let keeper = loop {
        let own = children(run.0.id());
        let keeper = own.iter().find(|pid| named(pid, "nt-keeper"));
        if let (Some(&keeper), true) = (keeper, own.iter().any(|pid| named(pid, "sh"))) {
            break keeper;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{own:?}");
        std::thread::sleep(Duration::from_millis(10));
    };
    std::thread::sleep(Duration::from_millis(300));
    parent.go();
    assert!(run.0.wait().unwrap().success());
    let text = std::fs::read(&json).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let rows = summary["rows"].as_array().unwrap();
    let pids: Vec<u64> = rows
        .iter()
        .filter_map(|row| row["proc.pid"].as_u64())
        .collect();
    // Others of the machine are there, the one that it was asked for among them.
    assert!(rows.iter().any(|row| row["proc.aname[1]"] == "sh"));
    assert!(!pids.contains(&keeper.into()), "{keeper}: {pids:?}");
    assert!(!pids.contains(&run.0.id().into()), "{pids:?}");
}
