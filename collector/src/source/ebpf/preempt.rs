//! Whether this kernel may take the cpu away from a thread inside a fentry program.
//!
//! While it does, the kernel skips the program for every other thread on that cpu, as it would for a
//! recursion: their markers are lost. Raw tracepoints run with preemption off and lose none.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Whether preemption in the kernel is possible; where that cannot be known, it is.
pub(super) fn possible() -> bool {
    let uname = rustix::system::uname();
    let version = uname.version().to_string_lossy();
    if !version.contains("PREEMPT_DYNAMIC") {
        // The model was fixed when the kernel was built: without a word it is not the preemptible one.
        return version.contains("PREEMPT");
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let config = format!("/boot/config-{}", uname.release().to_string_lossy());
    by_scheduler(&scheduler().unwrap_or_default())
        .or_else(|| by_command_line(&read("/proc/cmdline")))
        .or_else(|| by_build(&read(&config)))
        .unwrap_or(true)
}

/// The scheduler's own word, from a debugfs that may be mounted nowhere.
fn scheduler() -> io::Result<String> {
    fs::read_to_string("/sys/kernel/debug/sched/preempt").or_else(|_| {
        let context = fsopen("debugfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let root: OwnedFd = fsmount(
            &context,
            FsMountFlags::FSMOUNT_CLOEXEC,
            MountAttrFlags::MOUNT_ATTR_RDONLY,
        )?;
        let file = openat(
            &root,
            "sched/preempt",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut text = String::new();
        File::from(file).read_to_string(&mut text)?;
        Ok(text)
    })
}

fn preemptible(model: &str) -> Option<bool> {
    match model {
        "none" | "voluntary" => Some(false),
        "full" | "lazy" => Some(true),
        _ => None,
    }
}

/// `none (voluntary) full`: the chosen one stands in parentheses.
fn by_scheduler(text: &str) -> Option<bool> {
    let chosen = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix('(')?.strip_suffix(')'))?;
    preemptible(chosen)
}

fn by_command_line(text: &str) -> Option<bool> {
    let chosen = text
        .split_whitespace()
        .rev()
        .find_map(|word| word.strip_prefix("preempt="))?;
    preemptible(chosen)
}

/// What the kernel was built to begin with.
fn by_build(text: &str) -> Option<bool> {
    text.lines().find_map(|line| match line {
        "CONFIG_PREEMPT_NONE=y" | "CONFIG_PREEMPT_VOLUNTARY=y" => Some(false),
        "CONFIG_PREEMPT=y" | "CONFIG_PREEMPT_LAZY=y" => Some(true),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_on_the_model_is_understood() {
        assert_eq!(by_scheduler("none (voluntary) full\n"), Some(false));
        assert_eq!(by_scheduler("(none) voluntary full\n"), Some(false));
        assert_eq!(by_scheduler("none voluntary (full)\n"), Some(true));
        assert_eq!(by_scheduler("full (lazy)\n"), Some(true));
        assert_eq!(by_scheduler(""), None);
        assert_eq!(by_scheduler("(undefined)"), None);

        assert_eq!(by_command_line("ro quiet preempt=full\n"), Some(true));
        assert_eq!(by_command_line("preempt=full preempt=none"), Some(false));
        assert_eq!(by_command_line("ro rootpreempt=full"), None);

        let debian = "CONFIG_PREEMPT_BUILD=y\n# CONFIG_PREEMPT_NONE is not set\n\
                      CONFIG_PREEMPT_VOLUNTARY=y\n# CONFIG_PREEMPT is not set\n";
        assert_eq!(by_build(debian), Some(false));
        assert_eq!(
            by_build("CONFIG_PREEMPT=y\nCONFIG_PREEMPTION=y\n"),
            Some(true)
        );
        assert_eq!(by_build(""), None);
    }
}
