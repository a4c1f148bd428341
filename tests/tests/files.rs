//! What spans called on files, as the kernel saw it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use nulltrace_tests::no_bpf;
use nulltrace_tests::traced::run;
use serde_json::Value;

/// A file that one span writes and another reads, both inside a third.
#[test]
fn a_file_is_found_by_its_name() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    // As the kernel names it: without symbolic links.
    let path = dir.path().canonicalize().unwrap().join("notes.txt");
    let path = path.to_str().unwrap();
    let script = r#"
        echo '>:t:job::' >/dev/null
        echo '>:t:job.put::' >/dev/null; echo hello >"$1"; echo '<:t:job.put::' >/dev/null
        echo '>:t:job.get::' >/dev/null; read line <"$1"; echo '<:t:job.get::' >/dev/null
        echo '<:t:job::' >/dev/null
    "#;
    let command = ["sh", "-c", script, "sh", path];
    let ran = run("ebpf", &["--view", "files"], &command);
    assert!(ran.output.status.success(), "{}", ran.stderr());
    let find = |tags: &[&str]| -> Value {
        let files = ran.row(tags)["files"].as_array().unwrap();
        let found = files.iter().find(|file| file["name"] == path);
        found
            .unwrap_or_else(|| panic!("no notes in {files:#?}"))
            .clone()
    };
    for (tags, read, written) in [
        (&["job", "put"][..], 0, 6),
        (&["job", "get"], 6, 0),
        (&["job"], 6, 6),
    ] {
        let file = find(tags);
        assert_eq!(file["type"], "file");
        assert_eq!(
            (&file["bytes_in"], &file["bytes_out"]),
            (&read.into(), &written.into())
        );
        assert!(file["time_ns"]["sum"].as_u64().unwrap() > 0);
        // The outermost did none of it itself.
        let own = if tags.len() > 1 {
            &file["count"]
        } else {
            &Value::from(0)
        };
        assert_eq!(&file["self"]["count"], own);
    }
    let shown = ran.stderr();
    let lines = shown.lines().filter(|line| line.contains("/notes.txt"));
    assert_eq!(lines.count(), 3, "{shown}");
}
