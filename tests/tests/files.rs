//! What spans called on files, as the kernel saw it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::Read;
use std::net::TcpListener;

use nulltrace_tests::no_bpf;
use nulltrace_tests::traced::run;
use serde_json::{Value, json};

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
    // What a person sees, for a program.
    let view = &ran.summary["view"];
    assert_eq!(view["name"], "files");
    let rows = view["rows"].as_array().unwrap();
    let notes = rows.iter().filter(|row| row["file"] == path);
    let notes: Vec<_> = notes
        .map(|row| json!([row["tags"], row["in"], row["out"], row["depth"]]))
        .collect();
    assert_eq!(notes.len(), 3, "{view:#}");
    for row in [
        json!([["job"], 6, 6, 1]),
        json!([["job", "put"], 0, 6, 2]),
        json!([["job", "get"], 6, 0, 2]),
    ] {
        assert!(notes.contains(&row), "{row} in {notes:?}");
    }
}

/// A server at a port that no client is given, until nobody runs any more.
fn serve() -> u16 {
    let mut ports = (20_000..30_000).map(|port| TcpListener::bind(("127.0.0.1", port)));
    let listener = ports.find_map(Result::ok).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    port
}

/// Each connection has a port of its own: a person sees one row, a program each of them.
#[test]
fn many_connections_are_one_row() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let port = serve();
    let script = r#"
        echo '>:t:job::' >/dev/null
        for n in {1..30}; do exec 3<>"/dev/tcp/127.0.0.1/$1"; echo hi >&3; exec 3>&-; done
        echo '<:t:job::' >/dev/null
    "#;
    let command = ["bash", "-c", script, "bash", &port.to_string()];
    let ran = run("ebpf", &["--view", "sockets"], &command);
    assert!(ran.output.status.success(), "{}", ran.stderr());
    let shown = ran.stderr();
    let lines: Vec<_> = shown.lines().filter(|line| line.contains('→')).collect();
    assert_eq!(lines.len(), 1, "{shown}");
    let name = format!("127.0.0.1:*→127.0.0.1:{port} (30 sockets)");
    assert!(
        lines[0].contains(&name) && lines[0].contains(" 90 B "),
        "{shown}"
    );
    let files = ran.row(&["job"])["files"].as_array().unwrap();
    let to_server = format!("->127.0.0.1:{port}");
    let is = |file: &&Value| {
        file["name"]
            .as_str()
            .is_some_and(|name| name.ends_with(&to_server))
    };
    assert_eq!(files.iter().filter(is).count(), 30, "{files:#?}");

    for (only, rows) in [
        ("fd.port", 1),
        ("fd.sport", 1),
        ("fd.rport", 1),
        ("fd.cport", 0),
        ("fd.lport", 0),
    ] {
        let only = format!("{only}={port}");
        let by = "fd.sip,fd.sport,fd.cip,fd.rip";
        let where_ = ["--where", "evt.type=write", "--where", only.as_str()];
        let options = [&["--by", by, "--sum", "bytes.out"][..], &where_].concat();
        let ran = run("ebpf", &options, &command);
        let row = json!({
            "fd.sip": "127.0.0.1", "fd.sport": port, "fd.cip": "127.0.0.1", "fd.rip": "127.0.0.1",
            "bytes.out": 90, "count": 30,
        });
        assert_eq!(ran.summary["rows"], json!(vec![row; rows]), "{only}");
    }
}
