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

/// How often an object has an atomic operation that gives the former value back, which is a full barrier.
fn barriers(object: &str) -> usize {
    const STX_ATOMIC: [u8; 2] = [0xc3, 0xdb]; // of 32 and 64 bits
    const XCHG: u32 = 0xe1;
    const FETCH: u32 = 0x01;
    const ALU: [u32; 4] = [0x00, 0x40, 0x50, 0xa0]; // add, or, and, xor
    let is_barrier = |word: &[u8; 8]| {
        let operation = u32::from_le_bytes([word[4], word[5], word[6], word[7]]);
        STX_ATOMIC.contains(&word[0])
            && (operation == XCHG || ALU.map(|alu| alu | FETCH).contains(&operation))
    };
    let bytes = std::fs::read(sources().join(object)).unwrap();
    let code = code(&bytes);
    code.as_chunks()
        .0
        .iter()
        .filter(|word| is_barrier(word))
        .count()
}

/// The instructions in an ELF file of 64 bits.
fn code(elf: &[u8]) -> Vec<u8> {
    const SHF_EXECINSTR: usize = 4;
    let number = |at: usize, bytes: usize| {
        let digits = elf[at..at + bytes].iter().rev();
        digits.fold(0, |all, &byte| all << 8 | usize::from(byte))
    };
    let sections = (0..number(0x3c, 2)).map(|n| number(0x28, 8) + n * number(0x3a, 2));
    sections
        .filter(|&section| number(section + 8, 8) & SHF_EXECINSTR != 0)
        .flat_map(|section| &elf[number(section + 0x18, 8)..][..number(section + 0x20, 8)])
        .copied()
        .collect()
}

/// What another cpu reads is stored in order: where the processor does so by itself that costs nothing, and
/// elsewhere the compiler must not have made plain operations of the barriers.
#[test]
fn barriers_are_where_the_processor_needs_them() {
    assert_eq!(barriers("nulltrace.x86_64.bpf.o"), 0);
    let ordered = ["activity.h", "hook_activity.h", "sample.h", "scope.h"]
        .map(|name| std::fs::read_to_string(sources().join(name)).unwrap())
        .concat();
    let uses = ["nt_store_first(", "nt_store_last(", "nt_ordered_load("]
        .map(|name| ordered.matches(name).count());
    let uses: usize = uses.iter().sum();
    let found = barriers("nulltrace.aarch64.bpf.o");
    assert!(found >= uses, "{found} barriers for {uses} uses");
}
