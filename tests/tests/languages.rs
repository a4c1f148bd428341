//! The same program in Rust, C, Python, Node and the shell: the same tree of spans.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use nulltrace_tests::hooks;
use nulltrace_tests::languages::{Marker, markers, programs};
use nulltrace_tests::traced::run;

const RUST: &str = env!("CARGO_BIN_EXE_tree");
const RESERVED: [&str; 2] = [".:=,\\<>", "a b ü"];
const CONTROL: [&str; 2] = ["line\nbreak", "\t\"\\\u{1}\u{1f}\u{7f}"];

/// Each path of the tree: its spans, and the spans whose parent is one of them.
fn tree() -> Vec<(Vec<&'static str>, u64, u64)> {
    let mut rows = vec![
        (vec!["tree"], 1, 5),
        (vec!["tree", "step"], 3, 1),
        (vec!["tree", "step", "leaf"], 1, 0),
        (RESERVED.to_vec(), 1, 0),
        (CONTROL.to_vec(), 1, 0),
        (vec!["worker"], 1, 1),
        (vec!["worker", "inner"], 1, 0),
    ];
    rows.sort();
    rows
}

#[test]
fn the_collector_sees_the_same_tree_from_each() {
    let dir = tempfile::tempdir().unwrap();
    let programs = programs(dir.path(), RUST);
    for backend in hooks() {
        for program in &programs {
            let ran = run(backend, &[], &program.command);
            let who = format!("{} by {backend}", program.name);
            assert!(ran.output.status.success(), "{who}: {}", ran.stderr());
            let mut rows: Vec<_> = ran.summary["spans"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| {
                    let tags = row["tags"].as_array().unwrap().iter();
                    let tags: Vec<_> = tags.map(|tag| tag.as_str().unwrap()).collect();
                    let inferred = row["inferred"].as_object().unwrap().values();
                    assert_eq!(
                        inferred.map(|n| n.as_u64().unwrap()).sum::<u64>()
                            + row["open"].as_u64().unwrap(),
                        0,
                        "{who}: {row}"
                    );
                    let n = |key: &str| row[key].as_u64().unwrap();
                    (tags, n("hits"), n("child_hits"))
                })
                .collect();
            rows.sort();
            assert_eq!(rows, tree(), "{who}");
            for (path, count) in [
                ("markers.seen", 18),
                ("markers.malformed", 0),
                ("markers.cut", 0),
                ("markers.unmatched_exit", 0),
            ] {
                assert_eq!(ran.ledger(path), count, "{who}: {path}");
            }
        }
    }
}

type Step<'a> = (&'a str, Vec<&'a str>, Vec<(&'a str, &'a str)>);

/// What the program's first thread writes, and its second.
fn steps() -> [Vec<Step<'static>>; 2] {
    let step = || vec!["tree", "step"];
    let leaf = || vec!["tree", "step", "leaf"];
    let main = vec![
        (">", vec!["tree"], vec![("run", "1")]),
        (">", step(), vec![("n", "0")]),
        ("<", step(), vec![("rows", "0")]),
        (">", step(), vec![("n", "1")]),
        (">", leaf(), vec![]),
        ("<", leaf(), vec![]),
        ("<", step(), vec![("rows", "10")]),
        (">", step(), vec![("n", "2")]),
        ("<", step(), vec![("rows", "20")]),
        (
            ">",
            RESERVED.to_vec(),
            vec![(":=,\\", ":=,\\<>[]{}'\""), ("text", "früh 日本")],
        ),
        ("<", RESERVED.to_vec(), vec![]),
        (
            ">",
            CONTROL.to_vec(),
            vec![("n\n", "v\r\u{b}"), ("empty", "")],
        ),
        ("<", CONTROL.to_vec(), vec![("status", "a:b,c=d")]),
        ("<", vec!["tree"], vec![("status", "ok")]),
    ];
    let worker = vec![
        (">", vec!["worker"], vec![]),
        (">", vec!["worker", "inner"], vec![]),
        ("<", vec!["worker", "inner"], vec![]),
        ("<", vec!["worker"], vec![]),
    ];
    [main, worker]
}

fn plain(marker: &Marker) -> Step<'_> {
    let args = marker.args.iter();
    (
        &marker.dir,
        marker.tags.iter().map(String::as_str).collect(),
        args.map(|(name, value)| (&**name, &**value)).collect(),
    )
}

/// One write for each marker, with these arguments, in the form they need; ids apart. An exit has the
/// id of its enter.
#[test]
fn each_writes_the_same_markers() {
    let dir = tempfile::tempdir().unwrap();
    for program in programs(dir.path(), RUST) {
        let Some(threads) = markers(&program.command) else {
            return;
        };
        let who = &program.name;
        assert_eq!(threads.len(), 2, "{who}: two threads write: {threads:#?}");
        for (thread, wanted) in threads.iter().zip(steps()) {
            assert_eq!(
                thread.iter().map(plain).collect::<Vec<_>>(),
                wanted,
                "{who}"
            );
            let mut open = Vec::new();
            for marker in thread {
                let control = marker.tags == CONTROL;
                assert_eq!(marker.form == "json", control, "{who}: {marker:?}");
                if marker.dir == ">" {
                    open.push((&marker.id, &marker.tags));
                } else {
                    assert_eq!(open.pop(), Some((&marker.id, &marker.tags)), "{who}");
                }
            }
        }
    }
}
