//! The options of `run`: what is traced, where the view goes, what is refused.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::marks::{self, Puppet};
use nulltrace_tests::{hooks, no_bpf, nulltrace, row};
use serde_json::Value;

macro_rules! need_bpf {
    () => {
        if let Some(why) = no_bpf() {
            return println!("skipped: {why}");
        }
    };
}

const SPAN: &str = "echo '>::x::' > /dev/null; echo '<::x::' > /dev/null";

fn output(args: &[&str]) -> Output {
    Command::new(nulltrace()).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A `nulltrace run` on what runs already; killed when dropped.
struct Run {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Run {
    /// Once it is attached.
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(nulltrace())
            .arg("run")
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with("nulltrace: attached"), "{line}");
        Self { child, stderr }
    }

    fn signal(&self, number: i32) {
        // SAFETY: our own child, which was not waited for yet.
        unsafe { libc::kill(self.child.id().cast_signed(), number) };
    }

    /// Its next line.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// How it ended by itself, and what else it said.
    fn end(mut self) -> (ExitStatus, String) {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "it goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn span(puppet: &mut Puppet) {
    puppet.mark(">:t:x::");
    puppet.mark("<:t:x::");
}

#[test]
fn running_processes_until_all_have_ended() {
    need_bpf!();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.json");
    let mut puppets = [Puppet::start(), Puppet::start()];
    let pids = puppets.each_ref().map(|puppet| puppet.pid().to_string());
    let file = path.to_str().unwrap();
    let run = Run::start(&["--json", file, "--pid", &pids[0], "--pid", &pids[1]]);
    puppets.iter_mut().for_each(span);
    let [first, mut second] = puppets;
    drop(first);
    span(&mut second);
    drop(second);
    let (status, said) = run.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("3 hits"), "{said}");
    let summary = json(&path);
    assert_eq!(row(&summary, &["x"]).unwrap()["hits"], 3);
    // As for a command, what happens inside spans is seen unless that is switched off.
    assert!(row(&summary, &["x"]).unwrap()["time_ns"].is_object());
}

#[test]
fn running_processes_until_ctrl_c() {
    need_bpf!();
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let mut puppet = Puppet::start();
        let run = Run::start(&["--pid", &puppet.pid().to_string()]);
        span(&mut puppet);
        run.signal(libc::SIGUSR1);
        run.signal(signal);
        let (status, said) = run.end();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("1 hit "), "{said}");
    }
}

#[test]
fn descendants_of_selected_processes_are_waited_for_unless_told_not_to() {
    need_bpf!();
    for no_wait in [false, true] {
        let mut puppet = Puppet::start();
        let pid = puppet.pid().to_string();
        let args = ["--pid", &pid, "--no-wait"];
        let mut run = Run::start(&args[..if no_wait { 3 } else { 2 }]);
        puppet.run("sleep 600 < /dev/null > /dev/null 2>&1 &");
        let children = format!("/proc/{pid}/task/{pid}/children");
        let sleeper = std::fs::read_to_string(children).unwrap();
        let sleeper: i32 = sleeper.trim().parse().unwrap();
        drop(puppet);
        if !no_wait {
            let line = run.line();
            assert!(line.contains("1 of its descendants still run"), "{line}");
        }
        // SAFETY: takes two numbers; the test's own descendant.
        let end = || unsafe { libc::kill(sleeper, libc::SIGKILL) };
        if !no_wait {
            end();
        }
        assert_eq!(run.end().0.code(), Some(0));
        end();
    }
}

#[test]
fn a_user_is_selected() {
    need_bpf!();
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return println!("skipped: not root");
    }
    let run = Run::start(&["--uid", "54331"]);
    for uid in ["54331", "54332"] {
        let done = Command::new("setpriv")
            .args(["--reuid", uid, "--clear-groups", "sh", "-c"])
            .arg("echo '>:t:x::'; echo '<:t:x::'")
            .stdout(marks::null())
            .status();
        assert!(done.unwrap().success());
    }
    run.signal(libc::SIGINT);
    let (status, said) = run.end();
    assert_eq!(status.code(), Some(0));
    assert!(said.contains("1 hit "), "{said}");
}

#[test]
fn a_command_without_dashes() {
    for backend in hooks() {
        let args = [
            "run",
            "-q",
            "--backend",
            backend,
            "sh",
            "-c",
            "echo $1; exit 7",
        ];
        let out = output(&[&args[..], &["sh", "--quiet"]].concat());
        assert_eq!(out.status.code(), Some(7), "{}", text(&out.stderr));
        assert_eq!(text(&out.stdout), "--quiet\n");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_status_2_and_a_remedy() {
    for (args, says) in [
        (&["run"][..], "name a command"),
        (
            &["run", "--pid", "1", "true"],
            "leave out the command, or --pid",
        ),
        (
            &["run", "--uid", "1", "--", "true"],
            "leave out the command",
        ),
        (
            &["run", "--backend", "ptrace", "--pid", "1"],
            "or another backend",
        ),
        (&["agent", "--backend", "ptrace"], "or another backend"),
        (
            &["run", "--pid", "1", "--uid", "1"],
            "give only one of them",
        ),
        (&["run", "-p", "12"], "write --pid 12"),
        (&["agent", "-p", "12"], "write --pid 12"),
        (
            &["run", "--ring-size", "5KiB", "true"],
            "write 4KiB or 8KiB",
        ),
        (
            &["run", "--ring-size", "3x", "true"],
            "write B, KiB, MiB or GiB",
        ),
        (&["run", "--memory", "1MiB", "true"], "16MiB"),
        (
            &["run", "--format", "xml", "true"],
            "write text, json or csv",
        ),
        (
            &["run", "--json", "a", "-o", "b", "true"],
            "cannot be used with",
        ),
        (&["agent", "--ring-size", "5KiB"], "write 4KiB or 8KiB"),
    ] {
        let out = output(args);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
    // ptrace is a way out only where there is a command to trace.
    let unprivileged = |args: &[&str]| {
        let out = Command::new("setpriv")
            .args([
                "--bounding-set=-bpf,-sys_admin",
                "--inh-caps=-all",
                "--",
                "setpriv",
                "--",
            ])
            .arg(nulltrace())
            .args(args)
            .output();
        out.map(|out| (out.status.code(), text(&out.stderr)))
    };
    if let (None, Ok((status, said))) = (no_bpf(), unprivileged(&["agent"])) {
        assert_eq!(status, Some(1), "{said}");
        assert!(
            said.contains("CAP_BPF missing") && !said.contains("ptrace"),
            "{said}"
        );
        let (_, said) = unprivileged(&["run", "--backend", "ebpf", "true"]).unwrap();
        assert!(
            said.contains("CAP_BPF missing") && said.contains("--backend ptrace"),
            "{said}"
        );
    }
    let out = output(&["run", "--pid", "4194304"]);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("no such process: 4194304"), "{said}");
}

/// Never an account of nothing: what can have no markers is refused.
#[test]
fn what_is_no_process_or_cgroup_is_refused() {
    need_bpf!();
    let refused = |args: &[&str], says: &str| {
        let out = output(args);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    };
    // SAFETY: takes nothing, cannot fail. The test's thread is not the one that began the process.
    let thread = unsafe { libc::gettid() }.to_string();
    let process = std::process::id().to_string();
    assert_ne!(thread, process);
    let mut ended = Command::new("true").spawn().unwrap();
    let gone = ended.id().to_string();
    ended.wait().unwrap();
    for verb in ["run", "agent"] {
        let says = format!("a thread of process {process}: {thread}; name the process");
        refused(&[verb, "--pid", &thread], &says);
        refused(&[verb, "--pid", &gone], &format!("no such process: {gone}"));
        refused(&[verb, "--pid", "0"], "no such process: 0");
        // There will be none either.
        refused(&[verb, "--cgroup", "/a/../b"], "/a/../b");
    }
    refused(&["run", "--cgroup", "/no/such/cgroup"], "/no/such/cgroup");
}

/// The kernel programs know the machine's numbers, which nobody in a pid namespace does.
#[test]
fn the_number_of_a_process_in_a_pid_namespace_is_refused() {
    need_bpf!();
    let script = r#"sleep 60 & "$0" "$1" --pid $!; status=$?; kill $!; exit $status"#;
    for verb in ["run", "agent"] {
        let mut command = Command::new("timeout");
        command.args([
            "60",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]);
        command
            .args(["sh", "-c", script])
            .arg(nulltrace())
            .arg(verb);
        let out = command.output().unwrap();
        let said = text(&out.stderr);
        if said.contains("unshare failed") {
            return println!("skipped: {said}");
        }
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("in a pid namespace"), "{said}");
        assert!(said.contains("run it on the host"), "{said}");
    }
}

#[test]
fn the_view_goes_where_it_is_sent() {
    for backend in hooks() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("out");
        let path = file.to_str().unwrap();
        let run = |options: &[&str]| {
            let args = [&["run", "--backend", backend], options, &["sh", "-c", SPAN]].concat();
            let out = output(&args);
            assert!(out.status.success(), "{}", text(&out.stderr));
            (text(&out.stdout), text(&out.stderr))
        };
        let is_table = |text: &str| text.contains("tags") && text.contains("1 hit in");
        let is_json = |text: &str| serde_json::from_str::<Value>(text).unwrap()["nulltrace"] == 1;

        let (out, err) = run(&[]);
        assert!(out.is_empty() && is_table(&err), "{out}{err}");
        let (out, err) = run(&["-o", path]);
        assert!(out.is_empty() && !is_table(&err), "{out}{err}");
        let table = std::fs::read_to_string(&file).unwrap();
        assert!(is_table(&table) && !table.contains('\x1b'), "{table}");
        // A width of 120 has room for the columns that narrow terminals leave out.
        assert!(
            table.contains("p999") && table.contains("child hits"),
            "{table}"
        );
        let (out, err) = run(&["-o", "-"]);
        assert!(is_table(&out) && !is_table(&err), "{out}{err}");
        let (out, err) = run(&["--format", "json"]);
        assert!(is_json(&out) && is_table(&err), "{out}{err}");
        let (out, err) = run(&["--format", "csv"]);
        let mut lines = out.lines();
        assert!(lines.next().unwrap().starts_with("tags,hits,"), "{out}");
        assert!(lines.next().unwrap().starts_with("x,1,"), "{out}");
        assert!(lines.next().is_none() && is_table(&err), "{out}{err}");
        for options in [&["--format", "json", "-o", path][..], &["--json", path]] {
            std::fs::remove_file(&file).unwrap();
            let (out, err) = run(options);
            assert!(out.is_empty() && is_table(&err), "{out}{err}");
            assert!(is_json(&std::fs::read_to_string(&file).unwrap()));
        }
        let (out, err) = run(&["-q", "--format", "text", "-o", "-"]);
        assert!(is_table(&out) && err.is_empty(), "{out}{err}");
    }
}

/// In the log when it is known, not once more with the table; with the table where that is in a file.
#[test]
fn a_note_is_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out");
    let path = file.to_str().unwrap();
    let run = |options: &[&str]| {
        let args = ["run", "--backend", "ptrace", "--view", "time"];
        let out = output(&[&args[..], options, &["sh", "-c", SPAN]].concat());
        text(&out.stderr)
    };
    let note = "not seen by ptrace";
    let said = run(&[]);
    assert_eq!(said.matches(note).count(), 1, "{said}");
    let said = run(&["-o", path]);
    assert_eq!(said.matches(note).count(), 1, "{said}");
    let table = std::fs::read_to_string(&file).unwrap();
    assert_eq!(table.matches(note).count(), 1, "{table}");
}

#[test]
fn a_malformed_marker_is_written_once() {
    for backend in hooks() {
        let args = ["run", "--backend", backend, "sh", "-c"];
        let out = output(&[&args[..], &["echo '>:zz:x::' > /dev/null"]].concat());
        let said = text(&out.stderr);
        assert_eq!(
            said.matches("malformed marker from sh[").count(),
            1,
            "{said}"
        );
    }
}
