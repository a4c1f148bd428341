//! Whether nulltrace has rights that are not its user's own.
//!
//! Rights that come with the file (`setcap`) are lent to any user who runs it: they are there to load the kernel
//! programs, not to observe other users. Rights that come with the process (root, a service's ambient
//! capabilities) are its user's own.

use rustix::process::getuid;

/// The user whose processes alone may be seen; `None` if all may be seen.
#[must_use]
pub fn confined() -> Option<u32> {
    // SAFETY: takes a number, reads what the kernel left at the start.
    let lent = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    let user = getuid();
    (lent && !user.is_root()).then(|| user.as_raw())
}
