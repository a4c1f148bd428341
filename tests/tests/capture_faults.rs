//! What becomes of a recording when something goes wrong: it is killed, the disk is full, others record too.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nulltrace_tests::{no_bpf, nulltrace, row};
use serde_json::Value;

/// Spans until somebody ends it, and its process id in a file.
const ENDLESS: &str = "echo $$ > pid; i=0; while :; do i=$((i+1))
    echo \">:t:a:i=$i$i$i:\" > /dev/null; echo '<:t:a::' > /dev/null
done";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn report(dir: &Path, options: &[&str]) -> Output {
    let mut report = Command::new(nulltrace());
    report.arg("report").args(options);
    report.current_dir(dir).output().unwrap()
}

fn summary(dir: &Path, file: &str) -> Value {
    let out = report(dir, &[file, "--json", "-"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Bytes of whole blocks, and records in them, as the heads of blocks have it.
fn whole(file: &[u8]) -> (usize, u64) {
    let (mut at, mut records) = (0, 0);
    while let Some(head) = file.get(at..at + 64) {
        assert_eq!(&head[..4], b"\x93NTC");
        let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let end = at + 64 + number(8) as usize;
        if end > file.len() {
            break;
        }
        records += u64::from(number(24));
        at = end;
    }
    (at, records)
}

fn wait_for(what: &str, is: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(10));
    }
}

fn end(dir: &Path, mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
    // Under eBPF the command goes on by itself.
    let pid = fs::read_to_string(dir.join("pid")).unwrap_or_default();
    let _ = Command::new("kill").arg(pid.trim()).status();
}

/// Killed at any time, what is whole is shown, and what is cut is told with its size.
#[test]
fn killed_at_random_times() {
    let mut tails = 0;
    for n in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let ms = RandomState::new().build_hasher().finish() % 1600;
        let child = Command::new(nulltrace())
            .args(["record", "-o", "a.ntc", "--rotate", "64K,1s"])
            .args(["--", "sh", "-c", ENDLESS])
            .current_dir(dir)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("the command did not begin", || dir.join("pid").exists());
        sleep(Duration::from_millis(ms));
        end(dir, child);

        let entries = fs::read_dir(dir).unwrap();
        let names = entries.map(|of| of.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|of| of.ends_with(".ntc")).collect();
        names.sort();
        let last = names.last().unwrap();
        for name in &names {
            let file = fs::read(dir.join(name)).unwrap();
            let (bytes, records) = whole(&file);
            if bytes == 0 {
                assert_eq!(
                    report(dir, &[name]).status.code(),
                    Some(2),
                    "run {n}, {ms} ms"
                );
                continue;
            }
            let out = report(dir, &[name]);
            let shown = text(&out.stdout);
            assert!(
                out.status.success(),
                "run {n}, {ms} ms: {}",
                text(&out.stderr)
            );
            let tail = format!(
                "bytes {bytes} to {} of the capture cannot be read: the file ends within a block",
                file.len()
            );
            assert_eq!(
                shown.contains(&tail),
                bytes < file.len(),
                "run {n}, {ms} ms: {shown}"
            );
            tails += u32::from(bytes < file.len());
            let ended = !shown.contains("did not end as it should") && bytes == file.len();
            assert_eq!(ended, name != last, "run {n}, {ms} ms, {name}: {shown}");
            if records > 1000 {
                let seen = summary(dir, name)["ledger"]["markers"]["seen"].as_u64();
                assert!(seen.unwrap() > 100, "run {n}, {ms} ms: {records} records");
            }
        }
    }
    println!("{tails} tails were cut");
}

/// A file that may be of no more than some 200 KiB: the disk is full.
#[test]
fn a_full_disk_leaves_a_capture() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let limited = "trap '' XFSZ; ulimit -f 400; exec \"$@\"";
    let spans = "i=0; while [ $i -lt 20000 ]; do i=$((i+1))
        echo \">:t:a:i=$i$i$i:\" > /dev/null; echo '<:t:a::' > /dev/null
    done; exit 3";
    let out = Command::new("sh")
        .args(["-c", limited, "sh"])
        .arg(nulltrace())
        .args([
            "record",
            "-o",
            "a.ntc",
            "--compress",
            "none",
            "--",
            "sh",
            "-c",
            spans,
        ])
        .current_dir(dir)
        .output()
        .unwrap();
    let said = text(&out.stderr);
    // The command has done its work.
    assert_eq!(out.status.code(), Some(3), "{said}");
    let file = fs::read(dir.join("a.ntc")).unwrap();
    let (bytes, records) = whole(&file);
    for part in [
        "the recording ended early: File too large".to_owned(),
        format!("recorded {records} records ("),
        format!(": {bytes} bytes, "),
        " records not in the file".to_owned(),
        format!("a.ntc; the first {bytes} bytes are whole and can be read"),
    ] {
        assert!(said.contains(&part), "{part:?}: {said}");
    }
    let out = report(dir, &["a.ntc"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
}

/// Without a command there is nothing left to do.
#[test]
fn a_recording_of_others_ends_when_it_cannot_be_written() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut traced = Command::new("sleep").arg("60").spawn().unwrap();
    let out = Command::new(nulltrace())
        .args(["record", "--force", "-o", "/dev/full", "--pid"])
        .arg(traced.id().to_string())
        .current_dir(dir.path())
        .output()
        .unwrap();
    let running = traced.try_wait().unwrap().is_none();
    traced.kill().unwrap();
    traced.wait().unwrap();
    let said = text(&out.stderr);
    assert_eq!((out.status.code(), running), (Some(1), true), "{said}");
    assert!(said.contains("nothing was written"), "{said}");
}

#[test]
fn two_record_the_same_program() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let script = "while [ ! -e go ]; do sleep 0.02; done; i=0
        while [ $i -lt 5000 ]; do i=$((i+1))
            echo '>:t:a::' > /dev/null; echo '<:t:a::' > /dev/null
        done";
    let mut traced = Command::new("sh")
        .args(["-c", script])
        .current_dir(dir)
        .spawn()
        .unwrap();
    let start = |name: &str| {
        let log = fs::File::create(dir.join(name).with_extension("log")).unwrap();
        let mut record = Command::new(nulltrace());
        record
            .args(["record", "-o", name, "--pid"])
            .arg(traced.id().to_string());
        record.current_dir(dir).stderr(log).spawn().unwrap()
    };
    let both = ["a.ntc", "b.ntc"].map(|name| (name, start(name)));
    for (name, _) in &both {
        let log = dir.join(name).with_extension("log");
        wait_for("it did not attach", || {
            fs::read_to_string(&log).unwrap().contains("attached")
        });
    }
    fs::write(dir.join("go"), "").unwrap();
    assert!(traced.wait().unwrap().success());
    for (name, mut record) in both {
        assert!(record.wait().unwrap().success());
        let said = fs::read_to_string(dir.join(name).with_extension("log")).unwrap();
        assert!(said.contains("nothing lost"), "{said}");
        let of = summary(dir, name);
        assert_eq!(row(&of, &["a"]).unwrap()["hits"], 5000);
    }
}
