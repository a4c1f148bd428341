//! What may forbid bpf(2) to a process that has all capabilities it takes.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// The user namespace that all capabilities are checked in: `PROC_USER_INIT_INO` of the kernel.
const INITIAL: u64 = 0xEFFF_FFFD;

/// What forbids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The capabilities are those of a user namespace.
    UserNamespace,
    /// The kernel is locked down.
    Lockdown,
    /// A seccomp filter is in force.
    Seccomp,
    /// None of those: a security module, or a kernel that was changed to.
    Other,
}

impl Policy {
    /// What forbids bpf(2) altogether.
    pub(super) fn on_bpf() -> Self {
        let namespace = fs::metadata("/proc/self/ns/user").is_ok_and(|of| of.ino() != INITIAL);
        if namespace {
            Self::UserNamespace
        } else if is_filtered(&read("/proc/self/status")) {
            Self::Seccomp
        } else {
            Self::on_programs()
        }
    }

    /// What forbids a program where maps could be made.
    pub(super) fn on_programs() -> Self {
        match Self::is_locked_down() {
            true => Self::Lockdown,
            false => Self::Other,
        }
    }

    /// Whether kernel programs may read no memory of the kernel, as nearly all of ours do.
    pub(super) fn is_locked_down() -> bool {
        is_confidential(&read("/sys/kernel/security/lockdown"))
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::UserNamespace => "they are those of a user namespace, where they do not count",
            Self::Lockdown => "the kernel is locked down for confidentiality",
            Self::Seccomp => "a seccomp filter is in force, as in a container",
            Self::Other => "a security policy of this system",
        }
    }

    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::UserNamespace => "run it as root of the host, not of a rootless container",
            Self::Lockdown => "boot with lockdown=integrity or without lockdown",
            Self::Seccomp => "allow bpf(2) in the container's seccomp profile",
            Self::Other => "allow it in the security module (SELinux, AppArmor, a BPF LSM)",
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// `none integrity [confidentiality]`: the one in force stands in brackets.
fn is_confidential(lockdown: &str) -> bool {
    lockdown.contains("[confidentiality]")
}

/// Mode 2 of `/proc/PID/status` is a filter.
fn is_filtered(status: &str) -> bool {
    let modes = status
        .lines()
        .filter_map(|line| line.strip_prefix("Seccomp:"));
    modes.map(str::trim).any(|mode| mode == "2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_understood() {
        assert!(is_confidential("none integrity [confidentiality]\n"));
        assert!(!is_confidential("none [integrity] confidentiality\n"));
        assert!(!is_confidential(""));
        let status = |mode: u8| format!("NoNewPrivs:\t1\nSeccomp:\t{mode}\nSeccomp_filters:\t2\n");
        assert!(is_filtered(&status(2)));
        assert!(!is_filtered(&status(0)));
        assert!(!is_filtered(""));
    }
}
