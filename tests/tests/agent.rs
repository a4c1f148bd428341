//! `nulltrace agent`: selection, configuration, the end of its life.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nulltrace_tests::marks::{self, Puppet};
use nulltrace_tests::traced::program;
use nulltrace_tests::{Agent, no_bpf, nulltrace, row};

macro_rules! need_bpf {
    () => {
        if let Some(why) = no_bpf() {
            return println!("skipped: {why}");
        }
    };
}

fn json() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("summary.json");
    (dir, path)
}

#[test]
fn what_was_written_before_sigterm_is_in_the_summary() {
    need_bpf!();
    let (_dir, path) = json();
    for _ in 0..5 {
        let mut puppet = Puppet::start();
        let agent = Agent::start(&[puppet.pid()], &[], &path).unwrap();
        let mark = "echo \">:$i:last.words::\" >&9; echo \"<:$i:last.words::\" >&9";
        puppet.run(&format!(
            "i=0; while [ $i -lt 1000 ]; do {mark}; i=$((i+1)); done"
        ));
        let summary = agent.stop();
        assert_eq!(row(&summary, &["last", "words"]).unwrap()["hits"], 1000);
    }
}

#[test]
fn it_finishes_while_others_go_on_writing() {
    need_bpf!();
    let (_dir, path) = json();
    let mut puppet = Puppet::start();
    let agent = Agent::start(&[puppet.pid()], &[], &path).unwrap();
    let workload = program("workload");
    puppet.run(&format!(
        "{} burst 1000000000 & burst=$!",
        workload.display()
    ));
    std::thread::sleep(Duration::from_millis(300));
    agent.terminate();
    // Its last word, not its end: that waits for the kernel to take the programs off, and in an
    // emulated guest the kernel's wait for the other cpu has been seen to last as long as the writer.
    let last_word = || std::fs::read(&path).is_ok_and(|text| text.ends_with(b"}\n"));
    let asked = Instant::now();
    while !last_word() && asked.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let finished = last_word();
    puppet.run("kill $burst");
    let summary = agent.stop();
    assert!(finished, "it finished only when the writer did");
    assert!(row(&summary, &["burst"]).unwrap()["hits"].as_u64() > Some(0));
}

#[test]
fn a_user_is_selected_in_the_kernel() {
    need_bpf!();
    let (_dir, path) = json();
    let agent = Agent::start(&[], &["--uid", "54321"], &path).unwrap();
    let script = "echo '>:t:by.user::'; echo '<:t:by.user::'";
    let mark = |uid: &str| {
        let status = Command::new("setpriv")
            .args(["--reuid", uid, "--clear-groups", "sh", "-c", script])
            .stdout(marks::null())
            .status()
            .unwrap();
        assert!(status.success());
    };
    mark("54321");
    mark("54322");
    let summary = agent.stop();
    assert_eq!(
        row(&summary, &["by", "user"]).unwrap()["hits"],
        1,
        "{summary:#}"
    );
}

/// A new cgroup with one below, of this name; `None`, said, if there can be none.
fn cgroup(name: &str) -> Option<PathBuf> {
    let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let Some(root) = roots
        .iter()
        .find(|root| Path::new(root).join("cgroup.procs").is_file())
    else {
        println!("skipped: no cgroup v2 here");
        return None;
    };
    let group = Path::new(root).join(name);
    if let Err(error) = std::fs::create_dir_all(group.join("below")) {
        println!("skipped: cannot make a cgroup: {error}");
        return None;
    }
    Some(group)
}

/// What a service does at its restart: another cgroup of the same path, at once with a process in it.
#[test]
fn a_cgroup_that_is_made_anew_is_the_same() {
    need_bpf!();
    let name = format!("nulltrace-anew-{}", std::process::id());
    let Some(group) = cgroup(&name) else { return };
    let (_dir, path) = json();
    let agent = Agent::start(&[], &["--cgroup", &format!("/{name}/below")], &path).unwrap();
    let script = format!(
        "work() {{ echo $$ > {group}/$1/cgroup.procs; echo \">:$2:$3::\" >/dev/null; \
            echo \"<:$2:$3::\" >/dev/null; echo $$ > {group}/../cgroup.procs; }}; \
        again() {{ rmdir {group}/$1 && mkdir {group}/$1; }}; \
        work below 1 before; again below; work below 2 after; \
        mkdir {group}/other {group}/other/below; work other/below 3 other; work . 4 other; \
        rmdir {group}/other/below {group}/other; \
        rmdir {group}/below {group} && mkdir {group} {group}/below; work below 5 all.anew",
        group = group.display()
    );
    let ok = Command::new("sh").args(["-ec", &script]).status();
    let summary = agent.stop();
    let _ = std::fs::remove_dir(group.join("below"));
    let _ = std::fs::remove_dir(&group);
    assert!(ok.unwrap().success());
    for tags in [&["before"][..], &["after"], &["all", "anew"]] {
        assert_eq!(row(&summary, tags).unwrap()["hits"], 1, "{summary:#}");
    }
    assert!(row(&summary, &["other"]).is_none(), "{summary:#}");
}

#[test]
fn a_cgroup_is_selected_in_the_kernel() {
    need_bpf!();
    let name = format!("nulltrace-test-{}", std::process::id());
    let Some(group) = cgroup(&name) else { return };
    let (_dir, path) = json();
    let agent = Agent::start(&[], &["--cgroup", &format!("/{name}")], &path).unwrap();
    for (inside, tag) in [("below", "inside"), ("..", "outside")] {
        let procs = group.join(inside).join("cgroup.procs");
        let script = format!(
            "echo $$ > '{}' && echo '>:t:{tag}::' > /dev/null && echo '<:t:{tag}::' > /dev/null",
            procs.display()
        );
        let ok = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(ok.success());
    }
    let summary = agent.stop();
    let _ = std::fs::remove_dir(group.join("below"));
    let _ = std::fs::remove_dir(&group);
    assert_eq!(
        row(&summary, &["inside"]).unwrap()["hits"],
        1,
        "{summary:#}"
    );
    assert!(row(&summary, &["outside"]).is_none(), "{summary:#}");
}

#[test]
fn a_configuration_with_a_mistake_is_refused_with_its_place() {
    let (dir, _) = json();
    let config = dir.path().join("agent.toml");
    for (text, what) in [
        ("rings = 1\n", "line 1"),
        ("backend = \"auto\"\n[spans]\nexpire = \"soon\"\n", "line 3"),
        (
            "[statsd]\naddres = \"127.0.0.1:8125\"\n",
            "did you mean `address`?",
        ),
        ("ring_size = \"5000\"\n", "5000"),
    ] {
        std::fs::write(&config, text).unwrap();
        let out = Command::new(nulltrace())
            .arg("agent")
            .arg("--config")
            .arg(&config)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success());
        assert!(said.contains(what), "{text:?}: {said}");
    }
    let out = Command::new(nulltrace())
        .args(["agent", "--config", "/no/such/file"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("/no/such/file"));
}

#[test]
fn spans_expire_and_the_oldest_makes_room() {
    need_bpf!();
    let (dir, path) = json();
    let config = dir.path().join("agent.toml");
    std::fs::write(&config, "[spans]\nmax_open = 10\nexpire = \"300ms\"\n").unwrap();
    let mut puppet = Puppet::start();
    let agent = Agent::start(
        &[puppet.pid()],
        &["--config", config.to_str().unwrap()],
        &path,
    )
    .unwrap();
    for id in 0..25 {
        puppet.mark(&format!(">:{id}:crowd::"));
    }
    std::thread::sleep(Duration::from_secs(1));
    // Of one that expired, one that was evicted, and one that never was.
    for id in [24, 0, 99] {
        puppet.mark(&format!("<:{id}:crowd::"));
    }
    puppet.mark(">:1:late::");
    puppet.mark("<:1:late::");
    let summary = agent.stop();
    let markers = &summary["ledger"]["markers"];
    assert_eq!(
        (
            &markers["unmatched_exit"],
            &markers["unmatched_after_expiry"]
        ),
        (&3.into(), &1.into()),
        "{markers}"
    );
    let crowd = row(&summary, &["crowd"]).unwrap();
    assert_eq!(
        (&crowd["inferred"]["evicted"], &crowd["inferred"]["expired"]),
        (&15.into(), &10.into()),
        "{crowd}"
    );
    assert_eq!(row(&summary, &["late"]).unwrap()["hits"], 1);
}

/// Nothing expires unless that is asked for.
#[test]
fn an_option_says_when_spans_expire() {
    need_bpf!();
    let (dir, path) = json();
    let config = dir.path().join("agent.toml");
    std::fs::write(&config, "[spans]\nexpire = \"1h\"\n").unwrap();
    let config = config.to_str().unwrap();
    for (options, hits, expired) in [
        (&[][..], 1, 0),
        (&["--config", config], 1, 0),
        (&["--expire", "100ms"], 0, 1),
        (&["--config", config, "--expire", "100ms"], 0, 1),
    ] {
        let mut puppet = Puppet::start();
        let agent = Agent::start(&[puppet.pid()], options, &path).unwrap();
        puppet.mark(">:t:nap::");
        std::thread::sleep(Duration::from_millis(300));
        puppet.mark("<:t:nap::");
        let summary = agent.stop();
        let nap = row(&summary, &["nap"]).unwrap();
        let counts = (&nap["hits"], &nap["inferred"]["expired"]);
        assert_eq!(
            counts,
            (&hits.into(), &expired.into()),
            "{options:?}: {nap}"
        );
        let late = &summary["ledger"]["markers"]["unmatched_after_expiry"];
        assert_eq!(late, expired, "{options:?}");
    }
}

/// A view of what happened inside spans switches its observation on, as `--by` does.
#[test]
fn a_view_of_activity_switches_it_on() {
    need_bpf!();
    let (_dir, path) = json();
    for (options, seen) in [
        (&["--view", "time"][..], true),
        (&["--view", "files"], true),
        (&["--inside", "process"], true),
        (&["--view", "summary"], false),
        (&["--view", "time", "--activity", "off"], false),
    ] {
        let mut puppet = Puppet::start();
        let agent = Agent::start(&[puppet.pid()], options, &path).unwrap();
        puppet.mark(">:t:x::");
        puppet.mark("<:t:x::");
        let summary = agent.stop();
        let times = &row(&summary, &["x"]).unwrap()["time_ns"];
        assert_eq!(times.is_object(), seen, "{options:?}: {times}");
    }
    // Where somebody wants both, it says why there is nothing.
    let out = Command::new("timeout")
        .args(["--preserve-status", "-s", "TERM", "3"])
        .arg(nulltrace())
        .args(["agent", "--view", "time", "--activity", "off", "--pid"])
        .arg(std::process::id().to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("not seen with --activity off"), "{said}");
}

/// The log of an agent that is waited for line by line.
struct Logged {
    child: std::process::Child,
    log: PathBuf,
}

impl Logged {
    fn start(args: &[&str], log: PathBuf) -> Self {
        let child = Command::new(nulltrace())
            .arg("agent")
            .args(args)
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Until it has said this so many times.
    fn says(&mut self, what: &str, times: usize) {
        let began = Instant::now();
        loop {
            let said = std::fs::read_to_string(&self.log).unwrap();
            if said.matches(what).count() == times {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{what}: {said}");
            assert!(self.child.try_wait().unwrap().is_none(), "{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_cgroup_may_come_and_go() {
    need_bpf!();
    let name = format!("nulltrace-awaited-{}", std::process::id());
    let Some(group) = cgroup(&name) else { return };
    let below = group.join("below");
    std::fs::remove_dir(&below).unwrap();
    let (dir, path) = json();
    let selected = format!("/{name}/below");
    let args = ["--cgroup", &selected, "--json", path.to_str().unwrap()];
    let mut agent = Logged::start(&args, dir.path().join("log"));
    agent.says("attached", 1);
    agent.says("waiting for the cgroup", 1);
    let mark = |tag: &str| {
        let script = format!(
            "echo $$ > {}/cgroup.procs; echo '>::{tag}::' >/dev/null; echo '<::{tag}::' >/dev/null; \
             echo $$ > {}/../cgroup.procs",
            below.display(),
            group.display()
        );
        let ok = Command::new("sh").args(["-ec", &script]).status().unwrap();
        assert!(ok.success());
    };
    // Nobody who is elsewhere is in it.
    let outside = "echo '>::outside::' >/dev/null; echo '<::outside::' >/dev/null";
    assert!(
        Command::new("sh")
            .args(["-c", outside])
            .status()
            .unwrap()
            .success()
    );
    for (n, tag) in ["first", "second"].into_iter().enumerate() {
        std::fs::create_dir(&below).unwrap();
        mark(tag);
        agent.says("exists now", n + 1);
        std::fs::remove_dir(&below).unwrap();
        agent.says("was removed: waiting until it is made again", n + 1);
    }
    // SAFETY: a signal to our own child, which was not waited for yet.
    unsafe { libc::kill(agent.child.id().cast_signed(), libc::SIGTERM) };
    assert!(agent.child.wait().unwrap().success());
    let _ = std::fs::remove_dir(&group);
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for tag in ["first", "second"] {
        assert_eq!(row(&summary, &[tag]).unwrap()["hits"], 1, "{summary:#}");
    }
    assert!(row(&summary, &["outside"]).is_none(), "{summary:#}");
}

#[test]
fn doctor_names_the_hook_and_the_reasons() {
    let out = Command::new(nulltrace())
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(facts["kernel"].is_string());
    let hook = facts["hook"].as_str().unwrap();
    if std::env::var_os("NULLTRACE_TEST_KERNEL").is_some() {
        assert_eq!(hook, "ebpf:fentry", "stock kernels have the best one");
    }
    let hooks = facts["hooks"].as_array().unwrap();
    let chosen = hooks
        .iter()
        .position(|tried| tried["name"] == hook)
        .unwrap();
    // Whatever was not chosen before it says why.
    assert!(
        hooks[..chosen]
            .iter()
            .all(|tried| tried["works"] == false && !tried["why"].as_str().unwrap().is_empty()),
        "{facts:#}"
    );
    let text = Command::new(nulltrace()).arg("doctor").output().unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains(hook));
}

/// One attach serves the sinks, the view and the recording.
#[test]
fn it_records_too() {
    need_bpf!();
    let (dir, path) = json();
    let config = dir.path().join("agent.toml");
    let file = dir.path().join("a.ntc");
    let text = format!("[record]\nfile = {file:?}\nrotate = \"1h\"\nkeep = 2\n");
    std::fs::write(&config, text).unwrap();
    let mut puppet = Puppet::start();
    let options = ["--config", config.to_str().unwrap()];
    let agent = Agent::start(&[puppet.pid()], &options, &path).unwrap();
    puppet.run("for i in 1 2 3; do echo '>:t:rec::' >&9; echo '<:t:rec::' >&9; done");
    let summary = agent.stop();
    assert_eq!(row(&summary, &["rec"]).unwrap()["hits"], 3);
    let out = Command::new(nulltrace())
        .args(["report", "--json", "-"])
        .arg(dir.path().join("a.0001.ntc"))
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(row(&report, &["rec"]).unwrap()["hits"], 3);

    // What exists is kept.
    let out = Command::new(nulltrace())
        .args(["agent", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.code() == Some(2) && said.contains("a.0001.ntc"),
        "{said}"
    );
}
