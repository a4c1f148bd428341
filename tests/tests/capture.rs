//! `record` and `report`: what was recorded is shown again, whole or cut, and never anybody else's file is harmed.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nulltrace_tests::{hooks, nulltrace, row};
use serde_json::Value;

/// Three requests, one of which fails; each has a child that sleeps. The last span has no end.
const SHOP: &str = r#"
mark() { echo "$1" > /dev/null; }
for status in 200 200 500; do
    mark ">:t:req:cart=7:"
    mark ">:t:req.nap::"
    sleep 0.02
    mark "<:t:req.nap::"
    mark "<:t:req:status=$status:"
done
printf '>:t:req' > /dev/null
echo said
exit 3
"#;

fn record(dir: &Path, options: &[&str], command: &[&str]) -> Output {
    let mut record = Command::new(nulltrace());
    record.arg("record").args(options).arg("--").args(command);
    record.current_dir(dir).output().unwrap()
}

fn report(dir: &Path, options: &[&str]) -> Output {
    let mut report = Command::new(nulltrace());
    report.arg("report").args(options);
    report.current_dir(dir).output().unwrap()
}

fn summary(dir: &Path, options: &[&str]) -> Value {
    let out = report(dir, &[options, &["--json", "-"]].concat());
    assert!(out.status.success(), "{}", text(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_was_recorded_is_shown() {
    for hook in hooks() {
        let dir = tempfile::tempdir().unwrap();
        let options = ["-o", "shop.ntc", "--backend", hook];
        let out = record(dir.path(), &options, &["sh", "-c", SHOP]);
        let said = text(&out.stderr);
        assert_eq!(
            (out.status.code(), text(&out.stdout)),
            (Some(3), "said\n".into()),
            "{said}"
        );
        assert!(
            said.contains("recorded ")
                && said.contains(" markers, ")
                && said.contains("nothing lost"),
            "{said}"
        );
        let mode = fs::metadata(dir.path().join("shop.ntc"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);

        let of = summary(dir.path(), &["shop.ntc"]);
        assert_eq!(of["backend"], hook);
        let (req, nap) = (
            row(&of, &["req"]).unwrap(),
            row(&of, &["req", "nap"]).unwrap(),
        );
        assert_eq!((&req["hits"], &nap["hits"]), (&3.into(), &3.into()));
        assert!(nap["duration_ns"]["min"].as_u64().unwrap() >= 20_000_000);
        let markers = &of["ledger"]["markers"];
        assert_eq!(
            (&markers["enter"], &markers["exit"]),
            (&6.into(), &6.into())
        );
        assert_eq!(markers["malformed_by_code"]["E_UNFINISHED"], 1);

        // What was not asked for when it was recorded.
        let by = [
            "shop.ntc",
            "--by",
            "span.exitarg.status",
            "--sum",
            "span.hits",
        ];
        let of = summary(dir.path(), &by);
        let hits = |status: &str| {
            let rows = of["rows"].as_array().unwrap();
            let found = rows.iter().find(|row| row["span.exitarg.status"] == status);
            found.map_or(0, |row| row["span.hits"].as_u64().unwrap())
        };
        assert_eq!((hits("200"), hits("500")), (2, 1));
        for (filter, hits) in [
            (&["span.exitarg.status=500"][..], 1),
            (&["span.exitarg.status=200", "or", "span.failed=true"], 2),
            (&["span.tags=req and span.duration>1h"], 0),
        ] {
            let of = summary(dir.path(), &[&["shop.ntc"], filter].concat());
            let found = row(&of, &["req"]);
            assert_eq!(
                found.map_or(0, |row| row["hits"].as_u64().unwrap()),
                hits,
                "{filter:?}"
            );
        }
        if hook.starts_with("ebpf:") {
            let of = summary(dir.path(), &["shop.ntc", "--view", "time"]);
            let time = &row(&of, &["req", "nap"]).unwrap()["time_ns"];
            assert!(
                time["blocked"].as_u64().unwrap() >= 3 * 20_000_000,
                "{time}"
            );
            let by = ["shop.ntc", "--by", "user.name", "--sum", "count"];
            let rows = &summary(dir.path(), &by)["rows"];
            assert_eq!(rows[0]["user.name"], "root", "{rows}");
        }
    }
}

/// Spans that end in a range of time, of one that is open all the time.
#[test]
fn a_part_of_the_time_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mark() { echo \"$1\" > /dev/null; }
        mark '>:p:all::'; mark '>:t:early::'; mark '<:t:early::'; sleep 1
        mark '>:t:late::'; mark '<:t:late::'; sleep 1; mark '<:p:all::'";
    let out = record(dir.path(), &["-o", "a.ntc"], &["sh", "-c", script]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let of = |options: &[&str]| {
        let of = summary(dir.path(), &[&["a.ntc"], options].concat());
        let hits = |tag: &str| row(&of, &[tag]).map_or(0, |row| row["hits"].as_u64().unwrap());
        let open = row(&of, &["all"]).map_or(0, |row| row["open"].as_u64().unwrap());
        (hits("early"), hits("late"), hits("all"), open, of)
    };
    let (early, late, all, open, whole) = of(&[]);
    assert_eq!((early, late, all, open), (1, 1, 1, 0));
    let (early, late, all, open, _) = of(&["--to", "+0.7s"]);
    assert_eq!((early, late, all, open), (1, 0, 0, 1));
    let (early, late, all, open, _) = of(&["--from", "+0.7s", "--to", "+1.7s"]);
    assert_eq!((early, late, all, open), (0, 1, 0, 1));
    let (early, late, all, open, end) = of(&["--from", "+1.7s"]);
    assert_eq!((early, late, all, open), (0, 0, 1, 0));
    // It has all of its duration.
    let duration = |of: &Value| row(of, &["all"]).unwrap()["duration_ns"]["max"].clone();
    assert_eq!(duration(&end), duration(&whole));
    assert_eq!(end["ledger"]["spans"]["before"], 1);
    let (early, late, all, _, _) = of(&["--from", "2001-01-01T00:00:00Z", "--view", "slowest"]);
    assert_eq!((early, late, all), (1, 1, 1));

    let out = report(dir.path(), &["a.ntc", "--from", "+1h"]);
    let shown = text(&out.stdout);
    assert!(shown.contains("the recording ended at"), "{shown}");
    for (options, says) in [
        (["--from", "+2s", "--to", "+1s"], "before it begins"),
        (["--from", "soon", "--to", "+1s"], "is no time"),
    ] {
        let out = report(dir.path(), &[&["a.ntc"], &options[..]].concat());
        let said = text(&out.stderr);
        assert!(
            out.status.code() == Some(2) && said.contains(says),
            "{said}"
        );
    }
}

#[test]
fn a_recording_that_was_killed_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let spans = "echo $$ > pid; while :; do
        echo '>:t:a::' > /dev/null; sleep 0.01; echo '<:t:a::' > /dev/null
    done";
    let mut child = Command::new(nulltrace())
        .args(["record", "-o", "a.ntc", "--", "sh", "-c", spans])
        .current_dir(dir.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A block has the records of a second.
    let until = Instant::now() + Duration::from_secs(60);
    let file = dir.path().join("a.ntc");
    while fs::metadata(&file).map_or(0, |of| of.len()) < 1500 {
        assert!(Instant::now() < until, "nothing was written");
        sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Under eBPF the command goes on by itself.
    let pid = fs::read_to_string(dir.path().join("pid")).unwrap();
    let _ = Command::new("kill").arg(pid.trim()).status();

    let of = summary(dir.path(), &["a.ntc"]);
    assert!(row(&of, &["a"]).unwrap()["hits"].as_u64().unwrap() > 3);
    let out = report(dir.path(), &["a.ntc"]);
    let shown = text(&out.stdout);
    let cut = shown.contains("did not end as it should") || shown.contains("ends within a block");
    assert!(out.status.success() && cut, "{shown}");
    // Cut anywhere it can be read, or is refused.
    let bytes = fs::read(&file).unwrap();
    for part in 0..8 {
        fs::write(dir.path().join("cut"), &bytes[..bytes.len() * part / 8]).unwrap();
        let out = report(dir.path(), &["cut"]);
        let whole = part > 0;
        assert_eq!(
            out.status.code(),
            Some(if whole { 0 } else { 2 }),
            "{}",
            text(&out.stderr)
        );
    }
}

#[test]
fn no_file_is_overwritten_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("old"), "old").unwrap();
    symlink("nowhere", at("link")).unwrap();
    for name in ["old", "link"] {
        let out = record(dir.path(), &["-o", name], &["touch", "ran"]);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("--force"), "{said}");
    }
    assert_eq!(fs::read_to_string(at("old")).unwrap(), "old");
    assert!(!at("nowhere").exists() && !at("ran").exists());
    let out = record(dir.path(), &["--force", "-o", "old"], &["true"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(report(dir.path(), &["old"]).status.success());
}

#[test]
fn a_full_disk_is_told_and_the_command_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let out = record(
        dir.path(),
        &["--force", "-o", "/dev/full"],
        &["sh", "-c", "echo said; exit 4"],
    );
    let said = text(&out.stderr);
    assert_eq!(
        (out.status.code(), text(&out.stdout)),
        (Some(4), "said\n".into())
    );
    assert!(
        said.contains("cannot write the capture (No space left on device"),
        "{said}"
    );
}

#[test]
fn a_pipe_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo '>:t:a::' > /dev/null; echo '<:t:a::' > /dev/null";
    let mut recording = Command::new(nulltrace())
        .args(["record", "-q", "-o", "-", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut report = Command::new(nulltrace())
        .args(["report", "-", "--json", "-"])
        .current_dir(dir.path())
        .stdin(recording.stdout.take().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut json = String::new();
    report
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut json)
        .unwrap();
    assert!(recording.wait().unwrap().success() && report.wait().unwrap().success());
    let of: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(row(&of, &["a"]).unwrap()["hits"], 1);
}

#[test]
fn a_reader_that_takes_nothing_is_not_waited_for_once_asked_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let (_read, write) = rustix::pipe::pipe().unwrap();
    rustix::io::ioctl_fionbio(&write, true).unwrap();
    while rustix::io::write(&write, &[b'.'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&write, false).unwrap();
    let mut child = Command::new(nulltrace())
        .args(["record", "-o", "-", "--", "sh", "-c", "echo > ran; exit 3"])
        .current_dir(dir.path())
        .stdout(write)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !dir.path().join("ran").exists() {
        assert!(Instant::now() < until, "the command did not run");
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_millis(500));
    assert!(
        child.try_wait().unwrap().is_none(),
        "it waits for its reader"
    );
    // SAFETY: a signal to our own child, which was not waited for yet.
    unsafe { libc::kill(child.id().cast_signed(), libc::SIGINT) };
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(3));
    let said = text(&out.stderr);
    assert!(
        said.contains("cannot write the capture (nobody reads it)"),
        "{said}"
    );
}

#[test]
fn what_is_no_capture_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("text"), "no capture".repeat(100)).unwrap();
    for (name, status, says) in [
        ("text", 2, "does not begin as captures do"),
        ("nothing", 1, "No such file"),
        (".", 1, "directory"),
    ] {
        let out = report(dir.path(), &[name]);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(status), "{said}");
        assert!(said.contains(says) && out.stdout.is_empty(), "{said}");
    }
}
