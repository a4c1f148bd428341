//! Whether the kernel describes its own types (BTF), which the kernel programs are fitted by.

use std::fs;
use std::path::Path;

/// Where the description is.
const TYPES: &str = "/sys/kernel/btf/vmlinux";

/// Why there is no description; `None` if there is one.
#[must_use]
pub fn missing() -> Option<String> {
    if Path::new(TYPES).exists() {
        return None;
    }
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let path = format!("/boot/config-{release}");
    let config = fs::read_to_string(&path).ok();
    let sysfs = Path::new("/sys/kernel").exists();
    Some(reason(
        sysfs,
        config.as_deref().map(|text| (&path[..], text)),
    ))
}

/// `config` is the name and text of what the kernel was built with.
fn reason(sysfs: bool, config: Option<(&str, &str)>) -> String {
    const OPTIONS: [&str; 3] = [
        "CONFIG_BPF_SYSCALL",
        "CONFIG_DEBUG_INFO_BTF",
        "CONFIG_SYSFS",
    ];
    if !sysfs {
        return "/sys is not mounted here".to_owned();
    }
    let Some((path, text)) = config else {
        return format!("no {TYPES}: the kernel was built without CONFIG_DEBUG_INFO_BTF");
    };
    let is_set = |option: &&str| {
        let set = |line: &str| line.strip_prefix(*option).is_some_and(|rest| rest == "=y");
        text.lines().any(set)
    };
    match OPTIONS.iter().find(|option| !is_set(option)) {
        Some(option) => format!("the kernel was built without {option} ({path})"),
        None => format!("no {TYPES}, though {path} has CONFIG_DEBUG_INFO_BTF: it is hidden here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_nearest() {
        let full = "CONFIG_BPF_SYSCALL=y\nCONFIG_SYSFS=y\nCONFIG_DEBUG_INFO_BTF=y\n";
        let none = "CONFIG_BPF_SYSCALL=y\nCONFIG_SYSFS=y\n# CONFIG_DEBUG_INFO_BTF is not set\n\
                    CONFIG_DEBUG_INFO_BTF_MODULES=y\n";
        for (sysfs, config, says) in [
            (false, None, "/sys is not mounted"),
            (true, None, "without CONFIG_DEBUG_INFO_BTF"),
            (
                true,
                Some(("/boot/c", none)),
                "without CONFIG_DEBUG_INFO_BTF (/boot/c)",
            ),
            (
                true,
                Some(("/boot/c", "")),
                "without CONFIG_BPF_SYSCALL (/boot/c)",
            ),
            (true, Some(("/boot/c", full)), "hidden here"),
        ] {
            let reason = reason(sysfs, config);
            assert!(reason.contains(says), "{reason}");
        }
    }
}
