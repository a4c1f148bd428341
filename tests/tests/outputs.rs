//! Where the view goes: a file is whole or as it was, a terminal has its width, and nobody is waited for in vain.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::nulltrace;
use nulltrace_tests::terminal::terminal;
use serde_json::Value;

/// `nulltrace run -q OPTIONS -- sh -c SCRIPT` in a directory.
fn run(dir: &Path, options: &[&str], script: &str) -> Output {
    let mut command = Command::new(nulltrace());
    command.args(["run", "-q", "--backend", "ptrace"]);
    command.args(options).args(["--", "sh", "-c", script]);
    command.current_dir(dir).output().unwrap()
}

fn is_json(path: impl AsRef<Path>) -> bool {
    let text = fs::read(path).unwrap();
    serde_json::from_slice::<Value>(&text).is_ok_and(|value| value["nulltrace"] == 1)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_is_as_it_was_until_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("old"), "old").unwrap();
    fs::set_permissions(at("old"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("old", at("link")).unwrap();
    for name in ["old", "link"] {
        fs::write(at("old"), "old").unwrap();
        let out = run(dir.path(), &["--json", name], "cat old; cd /; exit 3");
        assert_eq!(
            (out.status.code(), text(&out.stdout)),
            (Some(3), "old".into())
        );
        assert!(is_json(at("old")));
        assert_eq!(at("old").metadata().unwrap().mode() & 0o777, 0o640);
        assert!(at("link").symlink_metadata().unwrap().is_symlink());
    }
    let out = run(dir.path(), &["-o", "new"], "test ! -e new");
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&fs::read(at("new")).unwrap()).contains("no spans"));
    // Nothing is traced: nothing is left behind.
    fs::write(at("old"), "old").unwrap();
    for name in ["old", "none"] {
        let args = ["run", "--json", name, "--", "/no/such/command"];
        let mut command = Command::new(nulltrace());
        let out = command.args(args).current_dir(dir.path()).output().unwrap();
        assert_eq!(out.status.code(), Some(127));
    }
    assert_eq!(fs::read(at("old")).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["link", "new", "old"]);
}

/// Another file in its place would be noticed.
#[test]
fn what_cannot_be_replaced_is_written_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("one"), "x".repeat(1 << 20)).unwrap();
    fs::hard_link(at("one"), at("other")).unwrap();
    assert!(run(dir.path(), &["--json", "one"], ":").status.success());
    assert!(is_json(at("one")) && is_json(at("other")));
    assert_eq!(at("one").metadata().unwrap().nlink(), 2);
    // What the shell opened.
    let script = "\"$0\" run -q --backend ptrace --json /dev/stdout true > \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(nulltrace()).arg(at("other"));
    assert!(shell.status().unwrap().success());
    assert!(is_json(at("one")) && is_json(at("other")));
    let out = run(dir.path(), &["--json", "/dev/stdout"], ":");
    assert!(serde_json::from_slice::<Value>(&out.stdout).is_ok());
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return println!("skipped: not root");
    }
    // Of another user, and in a directory of another user, where the rights to rename are gone at the end.
    chown(at("one"), Some(54321), None).unwrap();
    assert!(run(dir.path(), &["--json", "one"], ":").status.success());
    assert!(is_json(at("one")));
    assert_eq!(at("one").metadata().unwrap().uid(), 54321);
    chown(dir.path(), Some(54321), None).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(run(dir.path(), &["--json", "own"], ":").status.success());
    assert!(is_json(at("own")));
    assert_eq!(names(dir.path()), ["one", "other", "own"]);
}

#[test]
fn what_cannot_be_written_is_refused_first_or_leaves_the_commands_status() {
    let dir = tempfile::tempdir().unwrap();
    let script = "touch ran; exit 3";
    for (path, status, says) in [
        ("none/x.json", 1, "cannot write the summary (No such file"),
        ("none/", 1, "cannot write the summary"),
        (".", 1, "cannot write the summary"),
        ("/dev/full", 3, "No space left"),
    ] {
        let out = run(dir.path(), &["--json", path], script);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(status), "{path}: {said}");
        assert!(said.contains(says), "{path}: {said}");
        let ran = fs::remove_file(dir.path().join("ran")).is_ok();
        assert_eq!(ran, status == 3, "{path}");
    }
    fs::create_dir(dir.path().join("d")).unwrap();
    let out = run(dir.path(), &["--json", "d/x.json"], "rm -r d; exit 3");
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(
        said.contains("cannot write the summary") && said.contains("d/x.json"),
        "{said}"
    );
}

fn within(seconds: u64, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(seconds), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// It waits for somebody who reads: whether the command has ended is seen by the file that it wrote.
fn is_waited_for(child: &mut Child, ran: &Path) {
    within(60, "the command runs", || ran.exists());
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
}

#[test]
fn who_waits_for_a_reader_can_be_asked_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let (ran, pipe) = (dir.path().join("ran"), dir.path().join("pipe"));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let start = |options: &[&str], stdout: Option<OwnedFd>| {
        let _ = fs::remove_file(&ran);
        let mut command = Command::new(nulltrace());
        command.args(["run", "--backend", "ptrace"]).args(options);
        command.args(["--", "sh", "-c", "touch ran; exit 3"]);
        command.current_dir(dir.path()).stderr(Stdio::null());
        if let Some(full) = stdout {
            command.stderr(full.try_clone().unwrap()).stdout(full);
        }
        command.spawn().unwrap()
    };
    let stuck = || {
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&write, true).unwrap();
        while rustix::io::write(&write, &[b'.'; 4096]).is_ok() {}
        rustix::io::ioctl_fionbio(&write, false).unwrap();
        (read, write)
    };
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // A named pipe that nobody opens; both streams into a pipe that nobody reads.
        for options in [["--json", "pipe"], ["--json", "-"]] {
            let full = (options[1] == "-").then(stuck);
            let (_read, write) = full.unzip();
            let mut child = start(&options, write);
            is_waited_for(&mut child, &ran);
            // SAFETY: a signal to our own child, which was not waited for yet.
            unsafe { libc::kill(child.id().cast_signed(), signal) };
            within(60, "it ends", || child.try_wait().unwrap().is_some());
            assert_eq!(child.wait().unwrap().code(), Some(3), "{options:?}");
        }
    }
    // A reader that comes late has all of it.
    let mut child = start(&["--json", "pipe"], None);
    is_waited_for(&mut child, &ran);
    assert!(is_json(&pipe));
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

/// What a terminal that does not know its width is shown.
fn drawn(set: &[(&str, &str)]) -> String {
    let (person, programs) = terminal();
    let mut command = Command::new(nulltrace());
    command.env_remove("NO_COLOR").envs(set.iter().copied());
    command.args(["run", "--backend", "ptrace", "sh", "-c"]);
    command.arg("echo '>::a::' >/dev/null; echo '<::a::' >/dev/null");
    let mut child = command.stderr(programs).spawn().unwrap();
    drop(command);
    let mut text = Vec::new();
    // Ends with an error when nobody has the other end.
    let _ = fs::File::from(person).read_to_end(&mut text);
    assert!(child.wait().unwrap().success());
    String::from_utf8(text).unwrap()
}

#[test]
fn a_terminal_without_a_width_or_colors() {
    let table = drawn(&[("TERM", "dumb")]);
    let widths = table.lines().filter(|line| !line.contains("ptrace"));
    let widest = widths.map(|line| line.trim_end().chars().count()).max();
    // Narrower than 80 it would leave out these two columns.
    assert!(widest.is_some_and(|widest| widest <= 80), "{table}");
    assert!(table.contains("total") && table.contains("p99"), "{table}");
    assert!(!table.contains('\x1b'), "{table}");
    assert!(!drawn(&[("TERM", "xterm"), ("NO_COLOR", "1")]).contains('\x1b'));
    assert!(drawn(&[("TERM", "xterm")]).contains('\x1b'));
}
