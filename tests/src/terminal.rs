//! A terminal of a test's own.

use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

/// A new one, without a width: its end that a person sits at, and the one that programs have.
///
/// # Panics
/// There can be none.
#[must_use]
pub fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut person, mut programs) = (-1, -1);
    // SAFETY: fills the two numbers and is given nothing else.
    let done = unsafe {
        libc::openpty(
            &raw mut person,
            &raw mut programs,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    assert_eq!(done, 0);
    // SAFETY: just made, and nobody else's.
    unsafe {
        libc::fcntl(person, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(programs, libc::F_SETFD, libc::FD_CLOEXEC);
        (OwnedFd::from_raw_fd(person), OwnedFd::from_raw_fd(programs))
    }
}
