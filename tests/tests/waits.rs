//! What a shell waited for, by name, and what that did.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nulltrace_tests::activity::MS;
use nulltrace_tests::traced::{Ran, run};
use nulltrace_tests::{hooks, no_bpf, nulltrace};
use serde_json::Value;

/// Each span waits for something else. `first` and `second` are copies of sleep, `burner` is one of bash; `$1` is
/// their directory, with a pipe into which somebody else writes after a while.
const SCRIPT: &str = r#"
    cd "$1"
    PATH=$PWD:$PATH
    burn='n=0; while ((n < 300000)); do ((++n)); done'
    enter() { echo ">::$1::" >/dev/null; }
    leave() { echo "<::$1::" >/dev/null; }
    first 0.1
    enter many; first 0.1; second 0.4; leave many
    enter burn; burner -c "$burn"; leave burn
    enter pipe; cat fifo >/dev/null; leave pipe
    enter pipeline; burner -c "$burn; echo" | cat >/dev/null; leave pipeline
    enter background; sleep 30 & second 0.3; leave background
    kill $!; wait 2>/dev/null
    enter nested; burner -c 'second 0.2; second 0.2; :'; leave nested
    enter exec; burner -c 'exec second 0.3'; leave exec
    enter own; eval "$burn"; leave own
"#;

fn copy(of: &str, dir: &Path, name: &str) {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {of}")])
        .output();
    let path = String::from_utf8(found.unwrap().stdout).unwrap();
    std::fs::copy(path.trim(), dir.join(name)).unwrap();
}

/// Runs the script in a directory with its programs.
fn ran(backend: &str, options: &[&str], dir: &Path) -> Ran {
    let name = dir.to_str().unwrap().to_owned();
    let fifo = dir.join("fifo");
    // It opens when the script reads.
    let writer = std::thread::spawn(move || {
        let pipe = std::fs::OpenOptions::new().write(true).open(fifo);
        std::thread::sleep(Duration::from_millis(500));
        drop(pipe);
    });
    let ran = run(backend, options, &["bash", "-c", SCRIPT, "bash", &name]);
    assert!(ran.output.status.success(), "{}", ran.stderr());
    writer.join().unwrap();
    ran
}

fn with_programs(then: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    copy("sleep", &dir, "first");
    copy("sleep", &dir, "second");
    copy("bash", &dir, "burner");
    let made = Command::new("mkfifo").arg(dir.join("fifo")).status();
    assert!(made.unwrap().success());
    then(&dir);
}

fn row<'a>(ran: &'a Ran, tag: &str) -> &'a Value {
    let rows = ran.summary["view"]["rows"].as_array().unwrap();
    let found = rows
        .iter()
        .find(|row| row["tags"] == serde_json::json!([tag]));
    found.unwrap_or_else(|| panic!("no {tag} in {rows:#?}"))
}

/// The only wait among the reasons of a span.
fn wait<'a>(ran: &'a Ran, tag: &str) -> &'a Value {
    let row = row(ran, tag);
    match row["waits"].as_array().map(Vec::as_slice) {
        Some([wait]) => wait,
        _ => panic!("no wait: {row:#}"),
    }
}

/// How many children, and the name of that with most.
fn most<'a>(ran: &'a Ran, tag: &str) -> (u64, &'a str) {
    let wait = wait(ran, tag);
    assert_eq!(wait["at_least"], false, "{wait:#}");
    assert!(
        wait["call"].as_str().unwrap().starts_with("wait"),
        "{wait:#}"
    );
    let children = wait["children"].as_u64().unwrap();
    (children, wait["most"]["name"].as_str().unwrap())
}

fn ns(of: &Value, key: &str) -> u64 {
    of[key]
        .as_u64()
        .unwrap_or_else(|| panic!("no {key} in {of:#}"))
}

/// The largest part of what the child did.
fn part(ran: &Ran, tag: &str) -> (String, String) {
    let part = &wait(ran, tag)["most"]["parts"][0];
    let text = |key: &str| part[key].as_str().unwrap().to_owned();
    (text("state"), text("what"))
}

/// The sentence says the same as the fields.
fn sentence(ran: &Ran, tag: &str) -> String {
    let notes = row(ran, tag)["notes"].as_array().unwrap();
    let mut waits = notes.iter().map(|note| note.as_str().unwrap());
    let found =
        waits.find(|note| note.contains(" in wait4 for ") || note.contains(" in waitid for "));
    found.unwrap_or_else(|| panic!("{notes:#?}")).to_owned()
}

fn names_each(ran: &Ran, fifo: &str) {
    assert_eq!(most(ran, "many"), (2, "second"));
    assert_eq!(most(ran, "burn"), (1, "burner"));
    assert_eq!(most(ran, "pipe"), (1, "cat"));
    assert_eq!(most(ran, "pipeline"), (2, "burner"));
    assert_eq!(most(ran, "background"), (1, "second"));
    assert_eq!(most(ran, "nested"), (1, "burner"));
    assert_eq!(most(ran, "exec"), (1, "second"));
    assert!(row(ran, "own")["waits"].is_null(), "{:#}", row(ran, "own"));

    let burner = &wait(ran, "burn")["most"];
    let [alive, on_cpu, runnable, blocked] =
        ["alive_ns", "on_cpu_ns", "runnable_ns", "blocked_ns"].map(|key| ns(burner, key));
    assert!(blocked < alive / 4 && on_cpu > 0, "{burner:#}");
    assert!(on_cpu + runnable > alive / 4 * 3, "{burner:#}");

    assert_eq!(
        part(ran, "pipe"),
        ("blocked".into(), format!("in read of {fifo}"))
    );
    let cat = &wait(ran, "pipe")["most"];
    assert!(ns(cat, "blocked_ns") > 300 * MS, "{cat:#}");
    let (state, what) = part(ran, "exec");
    assert!(
        state == "blocked" && what.ends_with("nanosleep"),
        "{state} {what}"
    );
    let (state, what) = part(ran, "nested");
    assert!(
        state == "blocked" && what.starts_with("in wait"),
        "{state} {what}"
    );

    let (said, pid) = (sentence(ran, "pipe"), &cat["pid"]);
    assert!(
        said.contains(&format!(" for cat[{pid}]: blocked ")),
        "{said}"
    );
    let said = sentence(ran, "many");
    assert!(
        said.contains(" for 2 children, most of it second["),
        "{said}"
    );
}

#[test]
fn the_child_that_was_waited_for_is_named() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    with_programs(|dir| {
        let fifo = dir.join("fifo");
        for hook in hooks().into_iter().filter(|hook| hook.starts_with("ebpf:")) {
            for view in ["time", "slowest"] {
                let ran = ran(hook, &["--inside", "script", "--view", view], dir);
                names_each(&ran, fifo.to_str().unwrap());
                let text = [&ran.output.stdout[..], &ran.output.stderr].concat();
                let text = String::from_utf8_lossy(&text);
                assert!(!text.contains("--inside script"), "{text}");
            }
        }
    });
}

#[test]
fn how_to_name_it_is_said_once() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let script = "for n in 1 2 3; do echo \">::nap$n::\" >/dev/null; sleep 0.1; echo \"<::nap$n::\" >/dev/null; done";
    for view in ["time", "slowest"] {
        let output = Command::new(nulltrace())
            .args(["run", "--view", view, "bash", "-c", script])
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(text.matches("in wait4: ").count(), 3, "{text}");
        assert_eq!(text.matches("--inside script names").count(), 1, "{text}");
    }
}
