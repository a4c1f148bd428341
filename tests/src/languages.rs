//! The same small program in each language, and the markers a program writes, as strace sees them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::nulltrace;

/// One way to run the program.
#[derive(Debug)]
pub struct Program {
    /// The language, and which of its implementations.
    pub name: String,
    /// The command line.
    pub command: Vec<OsString>,
}

/// A file of the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Where `make -C sdk-c` puts what it makes.
#[must_use]
pub fn made_for_c() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target
        .map_or_else(|| repository("target"), PathBuf::from)
        .join("sdk-c")
}

/// Says why something is left out; fails instead where `NULLTRACE_REQUIRE_CONSUMERS` is set.
///
/// # Panics
/// It is set.
pub fn missing(name: &str, why: &str) {
    assert!(
        std::env::var_os("NULLTRACE_REQUIRE_CONSUMERS").is_none(),
        "{name}: {why}"
    );
    println!("skipped: {name}: {why}");
}

fn there(command: &str) -> bool {
    Command::new(command)
        .args(["-c", ":"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// The Python with the native package: `$NULLTRACE_TEST_PYTHON`, else that of a venv which
/// `bindings-python/test.sh` made. Without one it says so, or fails where
/// `NULLTRACE_REQUIRE_CONSUMERS` is set.
///
/// # Panics
/// It is missing and must be here.
#[must_use]
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os("NULLTRACE_TEST_PYTHON").map(PathBuf::from);
    let python = python.or_else(venv);
    if python.is_none() {
        missing(
            "python",
            "no venv with the package: run bindings-python/test.sh",
        );
    }
    python
}

fn venv() -> Option<PathBuf> {
    let venvs = std::fs::read_dir(repository("bindings-python/.cache")).ok()?;
    let mut pythons: Vec<_> = venvs
        .flatten()
        .map(|dir| dir.path().join("bin/python"))
        .filter(|python| {
            let native = "import nulltrace, sys; sys.exit(nulltrace.implementation != 'native')";
            Command::new(python)
                .args(["-c", native])
                .current_dir("/")
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
        .collect();
    pythons.sort();
    pythons.into_iter().next()
}

/// Compiles the C program against the static library that `sdk-c/test.sh` leaves in `target`.
fn c(dir: &Path) -> Result<PathBuf, String> {
    let library = made_for_c().join("libnulltrace.a");
    if !library.is_file() {
        return Err("no libnulltrace.a: run `make -C sdk-c`".to_owned());
    }
    let program = dir.join("tree-c");
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(repository("sdk-c/include"))
        .arg(repository("tests/programs/languages/tree.c"))
        .arg(library)
        .args(["-pthread", "-o"])
        .arg(&program)
        .status();
    match compiled {
        Ok(status) => {
            assert!(status.success(), "tree.c does not compile");
            Ok(program)
        }
        Err(error) => Err(format!("no cc: {error}")),
    }
}

/// The program in all languages that are here; `dir` is for what must be built, `rust` is the one
/// that cargo built. Says what is missing, and fails for it where `NULLTRACE_REQUIRE_CONSUMERS` is
/// set.
///
/// # Panics
/// A language is missing that must be here, or `tree.c` does not compile.
#[must_use]
pub fn programs(dir: &Path, rust: &str) -> Vec<Program> {
    let mut programs = Vec::new();
    let mut add = |name: &str, command: &[&std::ffi::OsStr]| {
        programs.push(Program {
            name: name.to_owned(),
            command: command.iter().map(OsString::from).collect(),
        });
    };
    if std::env::var_os("NULLTRACE_TEST_KERNEL").is_some() {
        println!("skipped: the languages are tested on the host");
        return programs;
    }
    let source = |name: &str| repository("tests/programs/languages").join(name);

    add("rust", &[rust.as_ref()]);

    match c(dir) {
        Ok(program) => add("c", &[program.as_ref()]),
        Err(why) => missing("c", &why),
    }

    if let Some(python) = python() {
        let script = source("tree.py");
        add(
            "python",
            &[python.as_ref(), script.as_ref(), "native".as_ref()],
        );
    }
    if there("python3") {
        let mut path = OsString::from("PYTHONPATH=");
        path.push(repository("bindings-python/python"));
        let pure = ["env", "NULLTRACE_PURE=1", "PYTHONDONTWRITEBYTECODE=1"];
        let [env, switch, bytecode] = pure.map(std::ffi::OsStr::new);
        let script = source("tree.py");
        let python = "python3".as_ref();
        add(
            "python, pure",
            &[
                env,
                switch,
                bytecode,
                &path,
                python,
                script.as_ref(),
                "pure".as_ref(),
            ],
        );
    } else {
        missing("python, pure", "no python3");
    }

    let package = repository("bindings-node");
    let script = source("tree.js");
    if there("node") {
        let node: [&std::ffi::OsStr; 3] = ["node".as_ref(), script.as_ref(), package.as_ref()];
        if package.join("nulltrace.node").is_file() {
            add("node", &[&node[..], &["native".as_ref()]].concat());
        } else {
            missing("node", "no nulltrace.node: run bindings-node/build.sh");
        }
        let pure: [&std::ffi::OsStr; 2] = ["env".as_ref(), "NULLTRACE_PURE=1".as_ref()];
        add(
            "node, pure",
            &[&pure[..], &node, &["pure".as_ref()]].concat(),
        );
    } else {
        missing("node", "no node");
    }

    let functions = repository("examples/shell/nulltrace.sh");
    // Not ksh93, where each marker is a process: what is opened in another has no thread in common with it.
    // `examples/shell/test.sh` has it.
    for shell in ["dash", "bash", "zsh", "busybox", "mksh"] {
        if !there(shell) {
            missing(shell, "not here");
            continue;
        }
        let script = source("tree.sh");
        let words: &[&std::ffi::OsStr] = &[shell.as_ref(), "sh".as_ref()];
        let words = if shell == "busybox" {
            words
        } else {
            &words[..1]
        };
        add(
            shell,
            &[words, &[script.as_ref(), functions.as_ref()]].concat(),
        );
    }
    programs
}

/// One marker a program wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker {
    /// `>` or `<`.
    pub dir: String,
    /// As JSON.
    pub id: Value,
    /// From the root.
    pub tags: Vec<String>,
    /// Name and value, in order.
    pub args: Vec<(String, String)>,
    /// `simple` or `json`.
    pub form: String,
}

/// The markers of `command`, by thread, the thread that wrote first coming first; `None` where there
/// is no strace.
///
/// # Panics
/// The command failed, or a write that begins like a marker is not one whole marker.
pub fn markers(command: &[OsString]) -> Option<Vec<Vec<Marker>>> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = dir.path().join("strace");
    let ran = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-xx",
            "-s",
            "10000",
            "-e",
            "trace=write,writev,pwrite64",
            "-o",
        ])
        .arg(&log)
        .args(command)
        .output();
    let Ok(ran) = ran else {
        missing("strace", "not here");
        return None;
    };
    assert!(
        ran.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let log = std::fs::read_to_string(log).expect("strace writes a log of ASCII");
    let mut order = Vec::new();
    let mut writes: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for line in log.lines() {
        if let Some((thread, bytes)) = write_to_null(line)
            // python3 may be a script that writes other things there.
            && matches!(bytes.first(), Some(b'>' | b'<' | b'['))
        {
            if !order.contains(&thread) {
                order.push(thread);
            }
            writes.entry(thread).or_default().push(bytes);
        }
    }
    Some(order.iter().map(|thread| parse(&writes[thread])).collect())
}

/// The thread and the bytes of `123 write(4</dev/null>, "…", 17) = 17`, all text in hexadecimal.
fn write_to_null(line: &str) -> Option<(&str, Vec<u8>)> {
    let (thread, call) = line.split_once(' ')?;
    let (_, call) = call.split_once("write(")?;
    let (_, rest) = call.split_once('<')?;
    let (path, rest) = rest.split_once(">, \"")?;
    let (bytes, _) = rest.split_once('"')?;
    (unhex(path)? == b"/dev/null").then_some((thread, unhex(bytes)?))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.split("\\x").skip(1);
    digits.map(|two| u8::from_str_radix(two, 16).ok()).collect()
}

/// What the collector's own parser says of these writes, each of them one marker.
fn parse(writes: &[Vec<u8>]) -> Vec<Marker> {
    let mut child = Command::new(nulltrace())
        .arg("parse")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nulltrace starts");
    let mut stdin = child.stdin.take().expect("piped");
    for write in writes {
        assert!(!write.contains(&b'\n'), "a marker of one line");
        stdin.write_all(write).expect("it reads");
        stdin.write_all(b"\n").expect("it reads");
    }
    drop(stdin);
    let out = child.wait_with_output().expect("our child");
    assert!(out.status.success(), "a marker is refused: {writes:?}");
    let text = String::from_utf8(out.stdout).expect("JSON");
    let found: Vec<_> = text.lines().map(marker).collect();
    assert_eq!(found.len(), writes.len(), "one marker in each write");
    found
}

fn marker(line: &str) -> Marker {
    let found: Value = serde_json::from_str(line).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    Marker {
        dir: text(&found["dir"]),
        id: found["id"].clone(),
        tags: list(&found["tags"]).iter().map(text).collect(),
        args: list(&found["args"])
            .iter()
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect(),
        form: text(&found["format"]),
    }
}
