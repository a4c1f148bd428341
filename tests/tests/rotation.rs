//! A recording that goes on in one file after the other: each is whole, and together they are the recording.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nulltrace_tests::{hooks, nulltrace, row};
use serde_json::Value;

/// So many requests within one span that is open all the time.
fn requests(many: u32) -> String {
    format!(
        r#"
mark() {{ echo "$1" > /dev/null; }}
mark ">:p:all:of=$USER:"
i=0
while [ $i -lt {many} ]; do
    mark ">:t:req:cart=$i:"
    mark ">:t:req.db::"
    mark "<:t:req.db::"
    mark "<:t:req:status=200:"
    i=$((i+1))
    [ $i = $(({many} / 2)) ] && sleep 1.2
done
sleep 1.2
mark ">:t:last::"
mark "<:t:last::"
mark "<:p:all::"
"#
    )
}

fn nulltrace_in(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(nulltrace());
    command.args(words).env("USER", "ann");
    command.current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The files of a recording, in the order of their numbers.
fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|of| of.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|of| of.ends_with(".ntc")).collect();
    names.sort();
    names
}

fn report(dir: &Path, files: &[&str], options: &[&str]) -> Value {
    let out = nulltrace_in(
        dir,
        &[&["report"], files, options, &["--json", "-"]].concat(),
    );
    assert!(out.status.success(), "{}", text(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn hits(of: &Value, tags: &[&str]) -> u64 {
    row(of, tags).map_or(0, |row| row["hits"].as_u64().unwrap())
}

#[test]
fn the_files_are_one_recording_and_each_is_whole() {
    for hook in hooks() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let options = [
            "record",
            "-o",
            "a.ntc",
            "--rotate",
            "64K,1s",
            "--backend",
            hook,
        ];
        let out = nulltrace_in(
            dir,
            &[&options[..], &["--", "sh", "-c", &requests(3000)]].concat(),
        );
        let said = text(&out.stderr);
        assert!(
            out.status.success() && said.contains("nothing lost"),
            "{said}"
        );
        let names = files(dir);
        assert!(names.len() >= 3, "{names:?}");
        assert_eq!((&*names[0], &*names[1]), ("a.0001.ntc", "a.0002.ntc"));
        assert!(said.contains(&format!("({} files)", names.len())), "{said}");

        let names: Vec<_> = names.iter().map(|name| &**name).collect();
        let all = report(dir, &names, &[]);
        assert_eq!(hits(&all, &["req"]), 3000);
        assert_eq!((hits(&all, &["all"]), hits(&all, &["last"])), (1, 1));
        assert_eq!(all["ledger"]["markers"]["unmatched_exit"], 0);
        assert_eq!(all["ledger"]["spans"]["before"], 0);

        // Each has what ended in its time, and what was open before it began.
        let (mut alone, mut opened) = (0, 0);
        for (n, name) in names.iter().enumerate() {
            let of = report(dir, &[name], &[]);
            alone += hits(&of, &["req"]);
            let spans = &of["ledger"]["spans"];
            opened += spans["opened"].as_u64().unwrap();
            assert_eq!(of["ledger"]["markers"]["unmatched_exit"], 0, "{name}");
            assert_eq!(spans["before"].as_u64().unwrap() > 0, n > 0, "{name}");
        }
        assert_eq!((alone, opened), (3000, 6002));
        // The last knows since when the first span was open, and what its marker said.
        let last = names.last().unwrap();
        let (whole, part) = (&all, &report(dir, &[last], &[]));
        let of = |of: &Value| row(of, &["all"]).unwrap()["duration_ns"]["max"].clone();
        assert_eq!(of(whole), of(part));
        assert_eq!(
            hits(&report(dir, &[last], &["span.arg.of=ann"]), &["all"]),
            1
        );

        // Names come with every file.
        if hook.starts_with("ebpf:") {
            let by = [
                "--by",
                "user.name,proc.name,proc.aname[1],fd.name",
                "--sum",
                "count",
            ];
            let rows = |files: &[&str]| {
                let of = report(dir, files, &by);
                let rows = of["rows"].as_array().unwrap().iter();
                let null = rows.filter(|row| row["fd.name"] == "/dev/null");
                let names = ["user.name", "proc.name", "proc.aname[1]"];
                let names = null.map(|row| names.map(|name| row[name].clone()));
                names.collect::<Vec<_>>()
            };
            let found = rows(&[last]);
            assert_eq!(found, rows(&names));
            assert_eq!((&found[0][0], &found[0][1]), (&"root".into(), &"sh".into()));
            assert_eq!(found[0][2], "nulltrace");
        }
    }
}

/// A recording with many files.
fn recorded(dir: &Path, options: &[&str]) -> (Vec<String>, String) {
    let record = ["record", "-o", "a.ntc", "--rotate", "64K"];
    let command = ["--", "sh", "-c", &requests(6000)];
    let out = nulltrace_in(dir, &[&record[..], options, &command].concat());
    let said = text(&out.stderr);
    assert!(out.status.success(), "{said}");
    (files(dir), said)
}

#[test]
fn a_missing_file_is_told_and_the_order_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (names, _) = recorded(dir, &[]);
    assert!(names.len() >= 4, "{names:?}");
    let out = nulltrace_in(dir, &["report", &names[0], &names[2], "--view", "summary"]);
    let shown = text(&out.stdout);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(
        shown.contains("before a.0003.ntc part 2 is missing"),
        "{shown}"
    );
    let out = nulltrace_in(dir, &["report", &names[1]]);
    let shown = text(&out.stdout);
    assert!(shown.contains("begins with part 2"), "{shown}");

    let other = recorded_elsewhere(dir);
    for (files, says) in [
        ([&*names[1], &names[0]], "part 1 after part 2"),
        ([&names[1], &names[1]], "part 2 after part 2"),
        ([&names[0], &other], "not a part of the same recording"),
        ([&other, &names[0]], "not a part of the same recording"),
    ] {
        let out = nulltrace_in(dir, &["report", files[0], files[1]]);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

fn recorded_elsewhere(dir: &Path) -> String {
    let out = nulltrace_in(dir, &["record", "-q", "-o", "other.ntc", "--", "true"]);
    assert!(out.status.success());
    "other.ntc".to_owned()
}

#[test]
fn only_the_latest_files_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mine = dir.join("a.0001.txt");
    fs::write(&mine, "mine").unwrap();
    let (names, said) = recorded(dir, &["--keep", "2"]);
    assert_eq!(names.len(), 2, "{names:?} {said}");
    assert!(*names[0] > *"a.0002.ntc", "{names:?}");
    assert!(said.contains("(2 files, and "), "{said}");
    assert!(mine.exists());
    let of = report(dir, &[&names[0], &names[1]], &[]);
    assert_eq!((hits(&of, &["all"]), hits(&of, &["last"])), (1, 1));

    // Nor does another recording overwrite them.
    let out = nulltrace_in(
        dir,
        &[
            "record", "-o", "a.ntc", "--rotate", "1h", "--", "touch", "ran",
        ],
    );
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--force") && !dir.join("ran").exists(),
        "{said}"
    );
}

#[test]
fn stdout_is_not_split() {
    let dir = tempfile::tempdir().unwrap();
    let out = nulltrace_in(
        dir.path(),
        &["record", "-o", "-", "--rotate", "1h", "--", "true"],
    );
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("leave out --rotate"));
}

/// A directory in which the next file could not be made is refused at once: rights are given up meanwhile.
#[test]
fn a_directory_of_another_user_is_refused_before_anything_runs() {
    let dir: PathBuf = tempfile::tempdir().unwrap().keep();
    std::os::unix::fs::chown(&dir, Some(65534), Some(65534)).unwrap();
    let out = nulltrace_in(
        &dir,
        &[
            "record", "-o", "a.ntc", "--rotate", "1h", "--", "touch", "ran",
        ],
    );
    let said = text(&out.stderr);
    let (ran, left) = (dir.join("ran").exists(), files(&dir));
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("rights that are given up") && !ran, "{said}");
    assert_eq!(left, Vec::<String>::new());
}
