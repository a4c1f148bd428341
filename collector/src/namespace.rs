//! The pid namespace this process is in.

use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;

/// Of the initial one: `PROC_PID_INIT_INO` of the kernel.
const INITIAL: u64 = 0xEFFF_FFFC;

static IS_INITIAL: LazyLock<bool> =
    LazyLock::new(|| std::fs::metadata("/proc/self/ns/pid").is_ok_and(|of| of.ino() == INITIAL));

/// Whether it is the initial one, whose ids the kernel programs report and which has all processes there are.
/// In another, an id is another process's.
pub(crate) fn is_initial() -> bool {
    *IS_INITIAL
}

/// Whether `/proc` shows the processes of the initial one, whichever this process is in: then ids that people read
/// there are those that the kernel programs report.
pub(crate) fn shows_machine() -> bool {
    // The parent of the kernel's threads is nowhere else, and may be looked at by all.
    is_initial() || std::fs::read("/proc/2/comm").is_ok_and(|name| name == b"kthreadd\n")
}
