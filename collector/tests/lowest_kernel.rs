//! What is said of kernels is what is tested.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;
use std::process::Command;

use nulltrace_collector::source::ebpf::LOWEST_KERNEL;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// `6.12` as numbers.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap()).collect()
}

#[test]
fn the_lowest_kernel_is_a_guest_that_the_tests_run_in() {
    // Each kernel is a branch: `6.1) meta=…`.
    let script = read("tests/vm/fetch-kernel");
    let guests = script.lines().filter_map(|line| line.split_once(") meta="));
    let guests = guests.map(|(name, _)| version(name));
    assert_eq!(guests.min(), Some(version(LOWEST_KERNEL)));
}

#[test]
fn the_documents_and_doctor_agree_on_it() {
    let claim = format!("Linux {LOWEST_KERNEL} or newer");
    assert!(read("README.md").contains(&format!("eBPF needs {claim}")));
    let platform = read("PLATFORM.md");
    for hook in ["ebpf:fentry", "ebpf:raw_tracepoint"] {
        let row = format!("| `{hook}` | {claim} ");
        assert!(platform.contains(&row), "no {row:?} in PLATFORM.md");
    }
    let doctor = Command::new(env!("CARGO_BIN_EXE_nulltrace"))
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(facts["lowest_kernel"], LOWEST_KERNEL);
}
