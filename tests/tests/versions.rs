//! One version, wherever it is written.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::process::Command;

use nulltrace_tests::languages::{made_for_c, missing, python as installed_python, repository};
use serde_json::Value;

/// The workspace's: this crate takes its own from there.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The binaries of the tests run in guests too, without the repository.
fn no_repository() -> bool {
    let none = std::env::var_os("NULLTRACE_TEST_KERNEL").is_some();
    if none {
        println!("skipped: no repository in a guest");
    }
    none
}

/// What follows `before` on its line, up to `"` or the end.
fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(before));
    let rest = found.unwrap_or_else(|| panic!("no line begins with {before:?}"));
    rest.split('"').next().unwrap()
}

#[test]
fn crates() {
    if no_repository() {
        return;
    }
    let workspace = read("Cargo.toml");
    assert_eq!(after(&workspace, "version = \""), VERSION);
    let members = workspace.split_once("members = [").unwrap().1;
    let members: Vec<_> = members
        .split_once(']')
        .unwrap()
        .0
        .split('"')
        .skip(1)
        .step_by(2)
        .collect();
    assert!(members.contains(&"sdk-rust") && members.contains(&"tests"));
    let lock = read("Cargo.lock");
    for member in members {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(
            manifest.contains("\nversion.workspace = true\n"),
            "{member} has a version of its own"
        );
        let name = after(&manifest, "name = \"");
        let locked = format!("name = \"{name}\"\nversion = \"{VERSION}\"\n");
        assert!(lock.contains(&locked), "Cargo.lock: {name}");
    }
    let paths = workspace
        .lines()
        .filter(|line| line.contains("path = ") && line.contains("version = "));
    for line in paths {
        assert!(line.contains(&format!("version = \"{VERSION}\"")), "{line}");
    }
}

#[test]
fn the_collector() {
    let out = Command::new(nulltrace_tests::nulltrace())
        .arg("--version")
        .output()
        .unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(said.trim_end(), format!("nulltrace {VERSION}"));
}

#[test]
fn c() {
    if no_repository() {
        return;
    }
    let header = read("sdk-c/include/nulltrace.h");
    assert_eq!(after(&header, "#define NT_VERSION \""), VERSION);
    assert_eq!(
        after(&read("sdk-c/nulltrace.pc.in"), "Version: "),
        "@version@"
    );
    // What make puts there; the version of the symbols has no patch number.
    match std::fs::read_to_string(made_for_c().join("nulltrace.pc")) {
        Ok(made) => assert_eq!(after(&made, "Version: "), VERSION),
        Err(_) => missing("nulltrace.pc", "run `make -C sdk-c`"),
    }
    let minor = VERSION.rsplit_once('.').unwrap().0;
    assert!(read("sdk-c/nulltrace.map").contains(&format!("NULLTRACE_{minor} {{")));
}

#[test]
fn node() {
    if no_repository() {
        return;
    }
    let json = |path| -> Value { serde_json::from_str(&read(path)).unwrap() };
    assert_eq!(json("bindings-node/package.json")["version"], VERSION);
    let lock = json("bindings-node/package-lock.json");
    assert_eq!(lock["version"], VERSION);
    assert_eq!(lock["packages"][""]["version"], VERSION);
    let addon = repository("bindings-node/nulltrace.node");
    if !addon.is_file() {
        missing("nulltrace.node", "run bindings-node/build.sh");
        return;
    }
    let out = Command::new("node")
        .args(["-p", "require(process.argv[1]).version()"])
        .arg(addon)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(
        said.trim_end(),
        VERSION,
        "the addon, built before the version changed?"
    );
}

#[test]
fn python() {
    if no_repository() {
        return;
    }
    // maturin takes it from Cargo.toml.
    let project = read("bindings-python/pyproject.toml");
    assert!(project.contains("\ndynamic = [\"version\"]\n"));
    assert!(!project.lines().any(|line| line.starts_with("version")));
    let Some(python) = installed_python() else {
        return;
    };
    let metadata = "import importlib.metadata as m; print(m.version('nulltrace'))";
    let out = Command::new(python)
        .args(["-c", metadata])
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(said.trim_end(), VERSION, "the wheel's metadata");
}

#[test]
fn the_changelog_begins_with_what_is_not_released_or_with_this() {
    if no_repository() {
        return;
    }
    let changelog = read("CHANGELOG.md");
    let head = after(&changelog, "## ");
    let version = head
        .trim_start_matches('[')
        .split([']', ' '])
        .next()
        .unwrap();
    assert!(version == "Unreleased" || version == VERSION, "{head}");
}
