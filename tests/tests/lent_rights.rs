//! What an ordinary user sees with a nulltrace to which `setcap` lends rights: own processes, and nobody else's.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nulltrace_tests::traced::program;
use nulltrace_tests::{copy_program, no_bpf, nulltrace, row};
use serde_json::Value;

const USER: u32 = 65534;
const OTHER: u32 = 54328;

/// A copy of the binary that anybody can run, and a directory that is the user's.
struct Lent {
    dir: tempfile::TempDir,
    binary: PathBuf,
}

fn mode(path: &Path, bits: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(bits)).unwrap();
}

impl Lent {
    /// `None`, said, where this cannot be tried.
    fn new() -> Option<Self> {
        // SAFETY: takes nothing, cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            println!("skipped: not root");
            return None;
        }
        if let Some(why) = no_bpf() {
            println!("skipped: {why}");
            return None;
        }
        let dir = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
        mode(dir.path(), 0o755);
        let own = dir.path().join("own");
        std::fs::create_dir(&own).unwrap();
        chown(&own, Some(USER), Some(USER)).unwrap();
        let binary = dir.path().join("nulltrace");
        copy_program(nulltrace(), &binary);
        mode(&binary, 0o755);
        Some(Self { dir, binary })
    }

    fn with_setcap() -> Option<Self> {
        let lent = Self::new()?;
        let done = Command::new("/usr/sbin/setcap")
            .arg("cap_bpf,cap_perfmon+ep")
            .arg(&lent.binary)
            .status();
        if !done.is_ok_and(|done| done.success()) {
            println!("skipped: no setcap here");
            return None;
        }
        Some(lent)
    }

    fn json(&self) -> PathBuf {
        self.dir.path().join("own/s.json")
    }

    fn summary(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.json()).unwrap()).unwrap()
    }

    /// nulltrace by this user.
    fn by(&self, user: u32) -> Command {
        let mut command = as_user(user);
        command.arg(&self.binary).current_dir(self.dir.path());
        command
    }

    fn agent(&self, command: &mut Command, options: &[&str]) -> Agent {
        let mut child = command
            .args(["agent", "--json"])
            .arg(self.json())
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line).unwrap();
        assert!(line.contains("attached"), "{line}");
        std::thread::spawn(move || err.read_to_end(&mut Vec::new()));
        Agent(child)
    }
}

struct Agent(Child);

impl Agent {
    fn stop(mut self) {
        // SAFETY: our own child, which was not waited for yet.
        unsafe { libc::kill(self.0.id().cast_signed(), libc::SIGTERM) };
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn as_user(user: u32) -> Command {
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}"));
    command.arg(format!("--regid={user}"));
    command.args(["--clear-groups", "--"]);
    command
}

/// A span by each of three users.
fn spans() {
    for user in [USER, OTHER, 0] {
        let script = format!("echo '>:t:user.u{user}::'; echo '<:t:user.u{user}::'");
        let null = nulltrace_tests::marks::null();
        let done = as_user(user)
            .args(["sh", "-c", &script])
            .stdout(null)
            .status();
        assert!(done.unwrap().success());
    }
}

fn seen(summary: &Value) -> Vec<u32> {
    [USER, OTHER, 0]
        .into_iter()
        .filter(|user| row(summary, &["user", &format!("u{user}")]).is_some())
        .collect()
}

#[test]
fn an_agent_sees_its_users_own_markers() {
    let Some(lent) = Lent::with_setcap() else {
        return;
    };
    let doctor = lent.by(USER).arg("doctor").output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(said.contains("only processes of user 65534"), "{said}");
    let agent = lent.agent(&mut lent.by(USER), &[]);
    let tasks = std::fs::read_dir(format!("/proc/{}/task", agent.0.id())).unwrap();
    let mut threads = 0;
    for task in tasks {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(
                status.contains(&format!("{set}:\t0000000000000000")),
                "{status}"
            );
        }
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        threads += 1;
    }
    assert!(threads >= 2);
    spans();
    agent.stop();
    assert_eq!(seen(&lent.summary()), [USER], "{:#}", lent.summary());
}

#[test]
fn root_and_a_service_see_all() {
    let Some(lent) = Lent::new() else { return };
    let agent = lent.agent(&mut lent.by(0), &[]);
    spans();
    agent.stop();
    assert_eq!(seen(&lent.summary()), [USER, OTHER, 0]);
    std::fs::remove_file(lent.json()).unwrap();

    let mut service = Command::new("setpriv");
    service
        .args([&format!("--reuid={USER}"), &format!("--regid={USER}")])
        .args(["--clear-groups", "--inh-caps=-all,+bpf,+perfmon"])
        .args(["--ambient-caps=-all,+bpf,+perfmon", "--"])
        .arg(&lent.binary)
        .current_dir(lent.dir.path());
    let agent = lent.agent(&mut service, &[]);
    spans();
    agent.stop();
    assert_eq!(seen(&lent.summary()), [USER, OTHER, 0]);
}

#[test]
fn what_is_anothers_cannot_be_selected() {
    let Some(lent) = Lent::with_setcap() else {
        return;
    };
    let own = std::process::id().to_string();
    for (options, what) in [
        (["--uid", "0"], "another user cannot be selected"),
        (["--pid", &own], "another user's process cannot be selected"),
        (["--cgroup", "/"], "a cgroup cannot be selected"),
    ] {
        let out = lent.by(USER).arg("agent").args(options).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(
            said.contains(what) && said.contains("AmbientCapabilities"),
            "{said}"
        );
    }
    // What is the user's own can.
    let mut sleep = as_user(USER).args(["sleep", "60"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let pid = sleep.id().to_string();
    for options in [["--uid", &USER.to_string()], ["--pid", &pid]] {
        lent.agent(&mut lent.by(USER), &options).stop();
    }
    sleep.kill().unwrap();
    sleep.wait().unwrap();
}

/// A program with the set-user-id bit, which is its owner's though the user started it.
fn setuid_show(lent: &Lent) -> PathBuf {
    let show = lent.dir.path().join("show");
    copy_program(program("show"), &show);
    mode(&show, 0o4755);
    show
}

fn run(lent: &Lent, user: u32, options: &[&str], script: &str) -> (Output, String) {
    let _ = std::fs::remove_file(lent.json());
    let out = lent
        .by(user)
        .args(["run", "-q", "--json"])
        .arg(lent.json())
        .args(options)
        .args(["--", "sh", "-c", script])
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    let text = std::fs::read_to_string(lent.json()).unwrap();
    (out, text)
}

#[test]
fn a_command_has_no_right_and_what_it_makes_root_do_is_not_seen() {
    let Some(lent) = Lent::with_setcap() else {
        return;
    };
    let (out, text) = run(
        &lent,
        USER,
        &[],
        "cat /proc/self/status; echo '>::a::' >/dev/null; echo '<::a::' >/dev/null",
    );
    let status = String::from_utf8(out.stdout).unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(
            status.contains(&format!("{set}:\t0000000000000000")),
            "{status}"
        );
    }
    assert!(text.contains("\"hits\":1"), "{text}");

    let secret = lent.dir.path().join("secret");
    std::fs::write(&secret, "of root").unwrap();
    mode(&secret, 0o600);
    let script = format!(
        "echo '>:t:own::' >/dev/null; exec {} {}",
        setuid_show(&lent).display(),
        secret.display()
    );
    // The same by root, who may see it: so it is there to be seen.
    for (user, sees) in [(0, true), (USER, false)] {
        let by = ["--by", "fd.name", "--sum", "bytes"];
        let (out, text) = run(&lent, user, &by, &script);
        assert_eq!(String::from_utf8_lossy(&out.stdout), "of root");
        assert_eq!(text.contains("/secret"), sees, "{user}: {text}");
        assert!(text.contains("\"own\""), "{text}");
    }
}

#[test]
fn inside_machine_is_inside_the_user() {
    let Some(lent) = Lent::with_setcap() else {
        return;
    };
    let secret = lent.dir.path().join("secret");
    std::fs::write(&secret, "of root").unwrap();
    let own = lent.dir.path().join("own/mine");
    std::fs::write(&own, "mine").unwrap();
    let script = "echo '>::own::' >/dev/null; echo ready; sleep 1; echo '<::own::' >/dev/null";
    for (user, sees) in [(0, true), (USER, false)] {
        let _ = std::fs::remove_file(lent.json());
        let mut child = lent
            .by(user)
            .args(["run", "-q", "--inside", "machine", "--json"])
            .arg(lent.json())
            .args([
                "--by", "fd.name", "--sum", "bytes", "--", "sh", "-c", script,
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        for (by, file) in [(0, &secret), (USER, &own)] {
            let done = as_user(by)
                .arg("cat")
                .arg(file)
                .stdout(Stdio::null())
                .status();
            assert!(done.unwrap().success());
        }
        assert!(child.wait().unwrap().success());
        let text = std::fs::read_to_string(lent.json()).unwrap();
        assert_eq!(text.contains("/secret"), sees, "{user}: {text}");
        assert!(text.contains("/own/mine"), "{user}: {text}");
    }
}

#[test]
fn a_set_user_id_bit_is_refused() {
    let Some(lent) = Lent::new() else { return };
    mode(&lent.binary, 0o4755);
    let out = lent
        .by(USER)
        .args(["run", "--json", "/etc/nulltrace-test", "--", "true"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        !out.status.success() && said.contains("set-user-id"),
        "{said}"
    );
    assert!(!Path::new("/etc/nulltrace-test").exists());
}

/// More than `setcap` lends by the README: files are still opened with the user's own rights.
#[test]
fn files_are_opened_with_the_users_own_rights() {
    let Some(lent) = Lent::new() else { return };
    let all = Command::new("/usr/sbin/setcap")
        .arg("cap_bpf,cap_perfmon,cap_dac_override,cap_dac_read_search,cap_sys_ptrace+ep")
        .arg(&lent.binary)
        .status();
    if !all.is_ok_and(|done| done.success()) {
        return println!("skipped: no setcap here");
    }
    let secret = lent.dir.path().join("secret.toml");
    std::fs::write(&secret, "password = 7").unwrap();
    mode(&secret, 0o600);
    let out = lent
        .by(USER)
        .args(["agent", "--config"])
        .arg(&secret)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        said.contains("Permission denied") && !said.contains("password"),
        "{said}"
    );
    let out = lent
        .by(USER)
        .args(["run", "--json"])
        .arg(&secret)
        .args(["--", "echo", "ran"])
        .output()
        .unwrap();
    assert!(out.stdout.is_empty() && !out.status.success());
    assert_eq!(std::fs::read(&secret).unwrap(), b"password = 7");
}
