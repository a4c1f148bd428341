//! Signals reach the command as if it ran alone, and what was ignored stays ignored.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::terminal::terminal;
use nulltrace_tests::{hooks, no_bpf, nulltrace};

fn within(seconds: u64, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(seconds), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Makes `command` the leader of a session on this terminal.
fn lead_session(command: &mut Command, terminal: &OwnedFd) {
    let terminal = terminal.as_raw_fd();
    // SAFETY: system calls with numbers.
    unsafe {
        command.pre_exec(move || {
            libc::setsid();
            libc::ioctl(terminal, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
}

/// Lets `command` begin with this signal ignored.
fn ignoring(command: &mut Command, number: i32) {
    // SAFETY: a system call with numbers.
    unsafe {
        command.pre_exec(move || {
            libc::signal(number, libc::SIG_IGN);
            Ok(())
        });
    }
}

fn end(child: &mut Child) -> Option<i32> {
    within(60, "it ends", || child.try_wait().unwrap().is_some());
    child.wait().unwrap().code()
}

/// `sh -c SCRIPT` under `run`, or alone, as the leader of a session whose terminal is closed once the script has
/// said something. Returns how it ended and what all that it started said after that.
fn hung_up(backend: Option<&str>, script: &str) -> (Option<i32>, String) {
    let (person, programs) = terminal();
    let mut command = match backend {
        None => Command::new("sh"),
        Some(backend) => {
            let mut command = Command::new(nulltrace());
            command.args(["run", "-q", "--backend", backend, "--", "sh"]);
            command
        }
    };
    command.args(["-c", script]).stdout(Stdio::piped());
    command.stdin(Stdio::from(programs.try_clone().unwrap()));
    lead_session(&mut command, &programs);
    let mut child = command.spawn().unwrap();
    drop((command, programs));
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    drop(person);
    within(60, "it ends", || child.try_wait().unwrap().is_some());
    let status = child.wait().unwrap();
    let mut said = String::new();
    // Ends when the last that has it open does.
    out.read_to_string(&mut said).unwrap();
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    (code, said)
}

#[test]
fn a_closed_terminal_ends_the_command_as_if_it_ran_alone() {
    for (script, status, said) in [
        // Descendants of the leader hear of it as well.
        ("sleep 601 & echo ready; exec sleep 600", 129, ""),
        (
            "trap 'echo heard; exit 4' HUP; echo ready; while :; do sleep 0.01; done",
            4,
            "heard\n",
        ),
        // One that ignores it goes on.
        (
            "(trap '' HUP; echo ready; sleep 0.5; echo still here) & exec sleep 600",
            129,
            "still here\n",
        ),
    ] {
        for backend in [None].into_iter().chain(hooks().into_iter().map(Some)) {
            let ended = hung_up(backend, script);
            assert_eq!(
                ended,
                (Some(status), said.to_owned()),
                "{backend:?}: {script}"
            );
        }
    }
}

/// As after `nohup`.
#[test]
fn an_agent_that_ignores_sighup_goes_on() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let mut puppet = nulltrace_tests::marks::Puppet::start();
    let mut command = Command::new(nulltrace());
    command.args([
        "agent",
        "--format",
        "csv",
        "--pid",
        &puppet.pid().to_string(),
    ]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    ignoring(&mut command, libc::SIGHUP);
    let mut child = command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("nulltrace: attached"), "{line}");
    let pid = child.id().cast_signed();
    // SAFETY: a signal to our own child, which was not waited for yet.
    let send = |number| unsafe { libc::kill(pid, number) };
    send(libc::SIGHUP);
    std::thread::sleep(Duration::from_millis(300));
    puppet.mark(">:t:after::");
    puppet.mark("<:t:after::");
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    send(libc::SIGTERM);
    assert_eq!(end(&mut child), Some(0));
    let mut rows = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut rows)
        .unwrap();
    assert!(rows.contains("after,1,"), "{rows}");
}

/// Who ignores SIGCHLD hears of no child's end; the command must have it as nulltrace had.
#[test]
fn sigchld_may_be_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let run = |backend: &str, command: &[&str]| {
        let mut run = Command::new(nulltrace());
        run.args(["run", "--backend", backend, "--json"]).arg(&json);
        run.arg("--").args(command);
        ignoring(&mut run, libc::SIGCHLD);
        let out = run.output().unwrap();
        let summary = std::fs::read(&json).unwrap_or_default();
        assert!(!summary.is_empty(), "{out:?}");
        out
    };
    for backend in hooks() {
        assert_eq!(run(backend, &["sh", "-c", "exit 6"]).status.code(), Some(6));
        let out = run(backend, &["grep", "^SigIgn", "/proc/self/status"]);
        let text = String::from_utf8(out.stdout).unwrap();
        let mask = text.trim().rsplit('\t').next().unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        assert_ne!(mask & 1 << (libc::SIGCHLD - 1), 0, "{backend}: {text}");
    }
}
