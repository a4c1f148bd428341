//! Messages never end the collector and never make it wait, wherever stderr goes; nor does stdout.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::marks::Puppet;
use nulltrace_tests::{hooks, no_bpf, nulltrace, row};
use serde_json::Value;

/// An address where no statsd server is: each datagram is refused.
fn nowhere() -> String {
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// A pipe that is full and that nobody reads, with its reading end.
fn full_pipe() -> (Stdio, OwnedFd) {
    let (read, write) = rustix::pipe::pipe().unwrap();
    rustix::io::ioctl_fionbio(&write, true).unwrap();
    while rustix::io::write(&write, &[b'.'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&write, false).unwrap();
    (write.into(), read)
}

/// A stderr that takes nothing, with what must live as long; `None` for one that is closed.
fn bad_stderr(kind: &str) -> (Option<Stdio>, Option<OwnedFd>) {
    match kind {
        "full" => {
            let full = File::options().write(true).open("/dev/full").unwrap();
            (Some(full.into()), None)
        }
        "stuck" => {
            let (write, read) = full_pipe();
            (Some(write), Some(read))
        }
        "gone" => {
            let (read, write) = rustix::pipe::pipe().unwrap();
            drop(read);
            (Some(write.into()), None)
        }
        "closed" => (None, None),
        _ => panic!("{kind}"),
    }
}

fn start(args: &[&str], json: &Path, stderr: Option<Stdio>) -> Child {
    let mut command = Command::new("sh");
    let script = match stderr {
        None => r#"exec "$@" 2>&-"#,
        Some(_) => r#"exec "$@""#,
    };
    command.args(["-c", script, "sh"]).arg(nulltrace());
    command.arg(args[0]).arg("--json").arg(json);
    command.args(&args[1..]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(stderr.unwrap_or_else(Stdio::null));
    command.spawn().unwrap()
}

fn within(seconds: u64, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(seconds), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Rights are given up when everything is attached, and only then.
fn is_attached(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    status.is_ok_and(|status| status.contains("NoNewPrivs:\t1"))
}

fn terminate(child: &Child) {
    // SAFETY: our own child, which was not waited for yet.
    unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) };
}

fn summary(json: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
}

#[test]
fn an_agent_whose_stderr_takes_nothing_goes_on_and_ends_in_time() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let statsd = nowhere();
    for kind in ["full", "stuck", "gone", "closed"] {
        for sink in [false, true] {
            println!("{kind}, statsd {sink}");
            let mut puppet = Puppet::start();
            let pid = puppet.pid().to_string();
            let mut args = vec!["agent", "--pid", &pid];
            if sink {
                args.extend(["--statsd", &statsd]);
            }
            let (stderr, _read) = bad_stderr(kind);
            let mut child = start(&args, &json, stderr);
            within(20, "it attaches", || is_attached(&child));
            for _ in 0..3 {
                puppet.mark(">:zz:x::");
                puppet.mark(">:1:a::");
                puppet.mark("<:1:a::");
            }
            // Long enough for the sink to complain.
            std::thread::sleep(Duration::from_millis(if sink { 1200 } else { 200 }));
            assert!(child.try_wait().unwrap().is_none(), "it lives");
            terminate(&child);
            within(8, "it ends", || child.try_wait().unwrap().is_some());
            assert!(child.wait().unwrap().success());
            let summary = summary(&json);
            assert_eq!(summary["ledger"]["markers"]["malformed"], 3);
            assert_eq!(row(&summary, &["a"]).unwrap()["hits"], 3);
            // Nobody knows of a line that is on its way into a stuck pipe.
            let lost = summary["log"]["lost"].as_u64().unwrap();
            let lines = if sink { 5 } else { 4 };
            match kind {
                "full" | "gone" => assert!(lost >= lines, "{lost} of {lines} lost"),
                _ => assert_eq!(lost, 0),
            }
            let unsent = summary["ledger"]["lost"]["sink"].as_u64().unwrap();
            assert_eq!(unsent, if sink { 3 } else { 0 });
        }
    }
}

#[test]
fn a_run_whose_stderr_takes_nothing_ends_as_its_command_does() {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let statsd = nowhere();
    for backend in hooks() {
        for kind in ["full", "stuck", "gone", "closed"] {
            for sink in [false, true] {
                println!("{backend}, {kind}, statsd {sink}");
                let mut args = vec!["run", "--backend", backend];
                if sink {
                    args.extend(["--statsd", &statsd]);
                }
                // Its own stderr, so that the command is not stuck as well.
                let script = "echo '>::a::' > /dev/null; echo '<::a::' > /dev/null; \
                    trap 'exit 5' TERM; sleep 0.3; [ $1 = stuck ] && while :; do sleep 0.01; done; exit 5";
                args.extend(["--", "sh", "-c", script, "sh", kind]);
                let (stderr, _read) = bad_stderr(kind);
                let mut child = start(&args, &json, stderr);
                if kind == "stuck" {
                    // The command passes it on; then nobody waits for ever for the summary to be read.
                    within(20, "it is attached", || is_attached(&child));
                    std::thread::sleep(Duration::from_millis(500));
                    terminate(&child);
                }
                within(20, "it ends", || child.try_wait().unwrap().is_some());
                assert_eq!(child.wait().unwrap().code(), Some(5));
                assert_eq!(row(&summary(&json), &["a"]).unwrap()["hits"], 1);
            }
        }
    }
}

#[test]
fn a_summary_that_nobody_reads_is_given_up_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let (stderr, _read) = bad_stderr("stuck");
    let args = ["run", "--backend", "ptrace", "--", "sh", "-c", "exit 3"];
    let mut child = start(&args, &json, stderr);
    // It waits for a reader, which may be a person with a pager.
    within(20, "the summary", || {
        std::fs::read(&json).is_ok_and(|text| text.ends_with(b"}\n"))
    });
    std::thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    terminate(&child);
    std::thread::sleep(Duration::from_millis(200));
    terminate(&child);
    let asked = Instant::now();
    within(5, "it ends", || child.try_wait().unwrap().is_some());
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "at once when asked twice"
    );
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_slow_reader_gets_the_whole_summary() {
    let script = "i=0; while [ $i -lt 2000 ]; do echo \">::row$i.with.a.long.path.to.fill.the.pipe::\"; \
        echo \"<::row$i.with.a.long.path.to.fill.the.pipe::\"; i=$((i+1)); done >/dev/null";
    let (read, write) = rustix::pipe::pipe().unwrap();
    let mut child = Command::new(nulltrace())
        .args(["run", "--", "sh", "-c", script])
        .stderr(Stdio::from(write))
        .spawn()
        .unwrap();
    let mut read = File::from(read);
    let (mut text, mut part) = (Vec::new(), vec![0; 32 << 10]);
    loop {
        let n = read.read(&mut part).unwrap();
        if n == 0 {
            break;
        }
        text.extend_from_slice(&part[..n]);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(child.wait().unwrap().success());
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.len() > 128 << 10,
        "more than two pipes hold: {}",
        text.len()
    );
    assert!(
        text.trim_end().ends_with("nothing lost"),
        "{}",
        &text[text.len() - 200..]
    );
}

/// A disk that was full and has room again: what comes then begins on a line of its own, and says what
/// is missing.
#[test]
fn a_log_on_a_full_disk() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mount = |verb: &str, args: &[&str]| {
        let status = Command::new(verb).args(args).arg(dir.path()).status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(
        "mount",
        &["-t", "tmpfs", "-o", "size=64k", "nulltrace-test"],
    ) {
        return println!("skipped: cannot mount a file system");
    }
    let log = dir.path().join("log");
    let fill = dir.path().join("fill");
    let outside = tempfile::tempdir().unwrap();
    let json = outside.path().join("s.json");
    let mut puppet = Puppet::start();
    let pid = puppet.pid().to_string();
    let stderr = File::options()
        .append(true)
        .create(true)
        .open(&log)
        .unwrap();
    let mut child = start(&["agent", "--pid", &pid], &json, Some(stderr.into()));
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    within(20, "it attaches", || said().contains("attached"));
    // To the end of the page that the log has, but for ten bytes.
    let mut append = File::options().append(true).open(&log).unwrap();
    let pad = 4096 - 10 - append.metadata().unwrap().len() % 4096;
    append.write_all(&vec![b'.'; pad as usize]).unwrap();
    let _ = File::create(&fill).unwrap().write_all(&[0; 64 << 10]);
    for _ in 0..3 {
        puppet.mark(">:zz:x::");
    }
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "it lives");
    std::fs::remove_file(&fill).unwrap();
    terminate(&child);
    assert!(child.wait().unwrap().success());
    let (said, summary) = (said(), summary(&json));
    drop(append);
    assert!(mount("umount", &[]));
    assert_eq!(summary["log"]["lost"], 3);
    assert!(
        said.contains(".nulltrace:\nnulltrace: no spans in"),
        "{said}"
    );
    assert!(said.contains("3 lines lost"), "{said}");
}

#[test]
fn quiet_is_quiet_but_for_what_ends_it() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let mut puppet = Puppet::start();
    let mut child = Command::new(nulltrace())
        .args([
            "agent",
            "-q",
            "--statsd",
            &nowhere(),
            "--pid",
            &puppet.pid().to_string(),
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    within(20, "it attaches", || is_attached(&child));
    puppet.mark(">:zz:x::");
    std::thread::sleep(Duration::from_millis(1200));
    terminate(&child);
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(said, "");
    let out = Command::new(nulltrace())
        .args(["run", "-q", "--cgroup", "/no/such/cgroup"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("/no/such/cgroup"), "{said}");
}

#[test]
fn a_server_that_is_away_is_told_of_ever_less_often_and_its_return_once() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut puppet = Puppet::start();
    let address = nowhere();
    let args = [
        "agent",
        "--pid",
        &puppet.pid().to_string(),
        "--statsd",
        &address,
    ];
    let stderr = File::create(&log).unwrap();
    let mut child = start(&args, &dir.path().join("s.json"), Some(stderr.into()));
    let said = |what: &str| std::fs::read_to_string(&log).unwrap().matches(what).count();
    within(20, "it attaches", || said("attached") == 1);
    let mut spans = 0;
    within(30, "it is told again", || {
        puppet.mark(">:1:a::");
        puppet.mark("<:1:a::");
        spans += 1;
        said("cannot send to the statsd server") == 2
    });
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(spans > 10, "{spans} spans: {text}");
    assert!(said("more spans lost") >= 1, "{text}");
    let server = std::net::UdpSocket::bind(&address).unwrap();
    within(10, "its return", || said("works again") == 1);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(
        (
            said("works again"),
            said("cannot send to the statsd server")
        ),
        (1, 2)
    );
    drop(server);
    terminate(&child);
    assert!(child.wait().unwrap().success());
}

/// Runs a line of shell in which `$0` is nulltrace.
fn shell(line: &str) -> Output {
    let mut command = Command::new("timeout");
    command.args(["20", "bash", "-c", line]).arg(nulltrace());
    command.output().unwrap()
}

#[test]
fn a_full_or_closed_stdout_is_an_error_or_an_end_never_a_panic() {
    for (line, status, what) in [
        (
            "echo '>::a::' | \"$0\" parse > /dev/full",
            1,
            "No space left",
        ),
        (
            "yes '>::a::' | \"$0\" parse | head -n 1; exit ${PIPESTATUS[1]}",
            0,
            "",
        ),
        ("echo '>:zz:a::' | \"$0\" parse 2> /dev/full", 1, ""),
        ("\"$0\" doctor > /dev/full", 1, "No space left"),
        ("\"$0\" --help > /dev/full; exit 0", 0, ""),
        (
            "\"$0\" run -q --json - --backend ptrace -- sh -c 'exit 3' > /dev/full",
            3,
            "No space left",
        ),
        (
            "\"$0\" run -q --json - --backend ptrace -- sh -c 'exit 3' | true; exit ${PIPESTATUS[0]}",
            3,
            "",
        ),
        (
            "\"$0\" run -q --json /no/such/dir/x -- touch ran; [ ! -e ran ]",
            0,
            "/no/such/dir/x",
        ),
    ] {
        let out = shell(line);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(status), "{line}: {said}");
        assert!(said.contains(what), "{line}: {said}");
        assert!(!said.contains("panicked"), "{line}: {said}");
        assert!(!what.is_empty() || said.is_empty(), "{line}: {said}");
    }
}

#[test]
fn json_on_a_stuck_stdout_is_given_up_when_asked() {
    let (stdout, _read) = full_pipe();
    let mut child = Command::new(nulltrace())
        .args(["run", "-q", "--backend", "ptrace", "--json", "-", "--"])
        .args(["sh", "-c", "exit 3"])
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    terminate(&child);
    within(5, "it ends", || child.try_wait().unwrap().is_some());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(said.contains("nobody reads it"), "{said}");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}
