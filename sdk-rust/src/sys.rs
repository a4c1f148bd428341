//! The system calls, behind one face: each backend has the functions of [`Linux`](none)'s list.
//!
//! A call gives what the kernel gives: a result, or a negative error number. `errno` never changes.

/// "Bad file descriptor", the same number on every Linux.
pub(crate) const EBADF: isize = 9;
#[allow(dead_code, reason = "some backends have no devices")]
pub(crate) const NULL_PATH: &core::ffi::CStr = c"/dev/null";
/// The null device, 1:3, as `stat` numbers it.
#[allow(dead_code, reason = "not every backend asks in this form")]
pub(crate) const NULL_RDEV: u64 = 1 << 8 | 3;
#[allow(dead_code, reason = "some backends have no devices")]
pub(crate) const S_IFMT: u32 = 0o170_000;
#[allow(dead_code, reason = "some backends have no devices")]
pub(crate) const S_IFCHR: u32 = 0o020_000;

// `--cfg nulltrace_libc` takes the C library where the bare call would be taken: so the tests run it, and
// Miri, which knows the C library's calls. Without it Miri sees no device: a program that is run in its
// isolation would be ended at the first marker, since a file is opened.
#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(nulltrace_libc),
    not(miri),
))]
mod bare;
#[cfg(all(
    target_os = "linux",
    any(
        nulltrace_libc,
        not(target_pointer_width = "64"),
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
    ),
    any(nulltrace_libc, not(miri)),
))]
#[path = "sys/libc.rs"]
mod bare;
#[cfg(any(not(target_os = "linux"), all(miri, not(nulltrace_libc))))]
#[path = "sys/none.rs"]
mod bare;

pub(crate) use bare::*;

/// Whether a value of `NULLTRACE` means off: `0`, `off`, `false` or `no`, in any case.
#[allow(dead_code, reason = "some backends have no environment")]
fn means_off(value: &[u8]) -> bool {
    let words: [&[u8]; 4] = [b"0", b"off", b"false", b"no"];
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether the environment switches markers off.
///
/// The list of the C library is walked as it stands: `std::env` would take a lock and allocate, and
/// neither may happen in a signal handler.
#[cfg(all(target_os = "linux", any(nulltrace_libc, not(miri))))]
pub(crate) fn switched_off() -> bool {
    use core::ffi::{CStr, c_char};
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: the C library's own variable; it is null or a list that a null pointer ends, of strings
    // that a NUL ends.
    unsafe {
        let mut at = (&raw const environ).read();
        while !at.is_null() && !(*at).is_null() {
            if let Some(value) = CStr::from_ptr(*at).to_bytes().strip_prefix(b"NULLTRACE=") {
                return means_off(value);
            }
            at = at.add(1);
        }
    }
    false
}

#[cfg(any(not(target_os = "linux"), all(miri, not(nulltrace_libc))))]
pub(crate) fn switched_off() -> bool {
    true
}

#[cfg(all(test, target_os = "linux", any(nulltrace_libc, not(miri))))]
mod tests;
