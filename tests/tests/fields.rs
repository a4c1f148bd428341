//! What the program says of its fields, to people, programs and shells.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use nulltrace_tests::nulltrace;
use serde_json::{Value, json};

fn fields(args: &[&str]) -> Output {
    let mut command = Command::new(nulltrace());
    command.arg("fields").args(args).output().unwrap()
}

#[test]
fn a_table_and_json() {
    let output = fields(&["user."]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "field      type    unit  of   meaning\n\
         user.uid   number        all  real user id\n\
         user.name  text          all  name of the user\n"
    );
    let output = fields(&["user.uid", "--format", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["nulltrace"], 1);
    assert_eq!(
        found["fields"],
        json!([{
            "name": "user.uid", "key": null, "type": "number", "unit": null,
            "of": ["call", "segment", "span", "marker", "process", "event"], "many": false,
            "meaning": "real user id",
        }])
    );
    let output = fields(&["usr."]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no field begins with this: usr."), "{said}");
}

/// What a shell on a terminal makes of these lines, with nulltrace replaced by something that shows its arguments.
/// `None` where there is no such shell.
fn typed(shell: &[&str], setup: &str, lines: &[&str]) -> Option<Vec<String>> {
    for program in ["script", shell[0]] {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: no {program}");
            return None;
        }
    }
    let mut child = Command::new("script")
        .args(["-qec", &shell.join(" "), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = format!("{setup}\nnulltrace() {{ printf '<%s>' \"$@\"; echo '<end>'; }}\n");
    for line in lines {
        writeln!(input, "{line}").unwrap();
    }
    input += "exit\n";
    // Kept open: the end of this input is the end of the terminal, and the shell has not read it yet.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let calls = text
        .split("<run>")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("<end>")?.0));
    let calls: Vec<_> = calls.map(str::to_owned).collect();
    assert_eq!(calls.len(), lines.len(), "{text}");
    Some(calls)
}

fn script(shell: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(nulltrace())
        .args(["completions", shell])
        .output()
        .unwrap();
    assert!(output.status.success());
    std::fs::write(dir.path().join("_nulltrace"), output.stdout).unwrap();
    dir
}

#[test]
fn bash_completes_what_the_tables_have() {
    let dir = script("bash");
    let setup = format!(". '{}/_nulltrace'", dir.path().display());
    let lines = [
        "nulltrace run --by fd.na\t -- x",
        "nulltrace run --by evt.type,fd.na\t -- x",
        "nulltrace run --by evtin.span.arg.\tcart -- x",
        "nulltrace run --by proc.cm\t --where fd.ty\tfile -- x",
        "nulltrace run --by x --sum bytes.i\t --sort blo\t -- x",
        "nulltrace run --view sys\t -- x",
        "nulltrace run --by x --where fd.name=--\t -- x",
    ];
    let Some(calls) = typed(&["bash", "--norc", "-i"], &setup, &lines) else {
        return;
    };
    assert_eq!(
        calls,
        [
            "<--by><fd.name><--><x>",
            "<--by><evt.type,fd.name><--><x>",
            "<--by><evtin.span.arg.cart><--><x>",
            "<--by><proc.cmdline><--where><fd.type=file><--><x>",
            "<--by><x><--sum><bytes.in><--sort><blocked><--><x>",
            "<--view><syscalls><--><x>",
            "<--by><x><--where><fd.name=--><--><x>",
        ]
    );
}

#[test]
fn zsh_completes_what_the_tables_have() {
    let dir = script("zsh");
    let setup = format!(
        "fpath=('{}' $fpath); autoload -U compinit; compinit -u -D",
        dir.path().display()
    );
    let lines = [
        "nulltrace run --by fd.na\t -- x",
        "nulltrace run --by evt.ty\t,fd.na\t -- x",
        "nulltrace run --by evtin.span.arg.\tcart -- x",
        "nulltrace run --by proc.cm\t --where fd.ty\tfile -- x",
        "nulltrace run --by x --sum bytes.i\t-- x",
        "nulltrace run --view sys\t-- x",
    ];
    let Some(calls) = typed(&["zsh", "-f", "-i"], &setup, &lines) else {
        return;
    };
    assert_eq!(
        calls,
        [
            "<--by><fd.name><--><x>",
            "<--by><evt.type,fd.name><--><x>",
            "<--by><evtin.span.arg.cart><--><x>",
            "<--by><proc.cmdline><--where><fd.type=file><--><x>",
            "<--by><x><--sum><bytes.in><--><x>",
            "<--view><syscalls><--><x>",
        ]
    );
}

#[test]
fn fish_completes_what_the_tables_have() {
    let dir = script("fish");
    let path = dir.path().join("_nulltrace");
    let complete = |line: &str| {
        let command = format!("source '{}'; complete -C '{line}'", path.display());
        let output = Command::new("fish")
            .args(["--no-config", "-c", &command])
            .output();
        output.map(|output| String::from_utf8(output.stdout).unwrap())
    };
    let Ok(found) = complete("nulltrace run --by fd.na") else {
        return println!("skipped: no fish");
    };
    assert!(found.starts_with("fd.name\t"), "{found}");
    let found = complete("nulltrace run --where fd.ty").unwrap();
    assert!(found.starts_with("fd.type=\t"), "{found}");
    assert_eq!(complete("nulltrace run --view sys").unwrap(), "syscalls\n");
}
