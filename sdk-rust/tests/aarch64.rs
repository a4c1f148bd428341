//! Where this is no aarch64 machine: what the aarch64 backend takes for granted, checked by clang against the
//! kernel's headers. Not a run, and not the Rust code itself, which `test.sh` checks if its target is there.
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// The numbers and the layout, and an instruction with the operands of `sys/bare.rs`.
const PROGRAM: &str = r#"
#define __ARCH_WANT_NEW_STAT /* as arm64's asm/unistd.h does: it has fstat */
#include <asm-generic/unistd.h>
#include <asm-generic/stat.h>
_Static_assert(sizeof(struct stat) == 128, "stat");
_Static_assert(__builtin_offsetof(struct stat, st_mode) == 4 * 4, "mode");
_Static_assert(__builtin_offsetof(struct stat, st_rdev) == 4 * 8, "rdev");
_Static_assert(sizeof(((struct stat *)0)->st_mode) == 4, "mode");
_Static_assert(sizeof(((struct stat *)0)->st_rdev) == 8, "rdev");
long write_(long fd, const void *bytes, long len)
{
	register long number __asm__("x8") = __NR_write;
	register long x0 __asm__("x0") = fd;
	register const void *x1 __asm__("x1") = bytes;
	register long x2 __asm__("x2") = len;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(number), "r"(x1), "r"(x2) : "memory");
	return x0;
}
"#;

#[test]
fn numbers_layout_and_instruction() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(here.join("src/sys/bare.rs")).unwrap();
    let (_, after) = source
        .split_once("#[cfg(target_arch = \"aarch64\")]\nmod number {")
        .unwrap();
    let (numbers, _) = after.split_once("\n}").unwrap();
    let mut program = PROGRAM.to_owned();
    let mut count = 0;
    for line in numbers
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(super) const "))
    {
        let (name, number) = line.trim_end_matches(';').split_once(": usize = ").unwrap();
        let name = name.to_lowercase();
        writeln!(
            program,
            "_Static_assert(__NR_{name} == {number}, \"{name}\");"
        )
        .unwrap();
        count += 1;
    }
    assert!(count >= 10, "the numbers were not found in the source");

    let dir = tempfile::tempdir().unwrap();
    // The one header that is not the generic one.
    std::fs::create_dir(dir.path().join("asm")).unwrap();
    std::fs::write(
        dir.path().join("asm/bitsperlong.h"),
        "#define __BITS_PER_LONG 64\n",
    )
    .unwrap();
    let file = dir.path().join("check.c");
    std::fs::write(&file, program).unwrap();
    if !Path::new("/usr/include/asm-generic/unistd.h").exists() {
        return println!("skipped: no kernel headers");
    }
    let output = Command::new("clang-14")
        .args([
            "--target=aarch64-linux-gnu",
            "-ffreestanding",
            "-Wall",
            "-Werror",
            "-c",
            "-o",
        ])
        .arg(dir.path().join("check.o"))
        .arg("-I")
        .arg(dir.path())
        .args(["-isystem", "/usr/include"])
        .arg(&file)
        .output();
    match output {
        Err(error) => println!("skipped: no clang-14: {error}"),
        Ok(output) => {
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}
