//! The checked-in objects are what the sources say.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::{Path, PathBuf};
use std::process::Command;

const OBJECTS: [&str; 2] = ["nulltrace.x86_64.bpf.o", "nulltrace.aarch64.bpf.o"];
const CHECKSUM: &str = "nulltrace.bpf.sha256";

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf")
}

fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Runs everywhere: the sources have not changed since the objects were built.
#[test]
fn the_objects_are_of_these_sources() {
    let sum = Command::new("sh")
        .args(["-c", "cat nulltrace.bpf.c *.h build.sh | sha256sum"])
        .env("LC_ALL", "C")
        .current_dir(sources())
        .output()
        .unwrap();
    let now = String::from_utf8(sum.stdout).unwrap();
    let built = std::fs::read_to_string(sources().join(CHECKSUM)).unwrap();
    assert_eq!(
        now.split(' ').next(),
        built.lines().next(),
        "a kernel program changed: run `make bpf`"
    );
}

#[test]
fn building_again_gives_the_same_bytes() {
    if !has("clang-14") || !has("llvm-strip-14") {
        eprintln!("skipped: no clang-14 and llvm-14");
        return;
    }
    // Elsewhere, so that a path that gets into an object shows.
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(sources()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !OBJECTS.contains(&name.as_str()) && name != CHECKSUM {
            std::fs::copy(entry.path(), copy.path().join(name)).unwrap();
        }
    }
    let built = Command::new(copy.path().join("build.sh")).output().unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    for name in OBJECTS.iter().chain([&CHECKSUM]) {
        assert!(
            std::fs::read(copy.path().join(name)).unwrap()
                == std::fs::read(sources().join(name)).unwrap(),
            "{name} is not what its sources give: run `make bpf`"
        );
    }
}
