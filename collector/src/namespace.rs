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
