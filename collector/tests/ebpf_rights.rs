//! With which rights the kernel programs load, and what remains after giving rights up.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod ebpf_common;

use std::io::Write;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use ebpf_common::{Kind, Live, null};
use nulltrace_collector::source::Source;
use nulltrace_collector::source::caps;
use nulltrace_collector::source::ebpf::{EbpfError, EbpfSource, Options};
use rustix::thread::CapabilitySet;

/// One at a time: a binary just copied cannot run while the fork of another thread holds it open.
static INNER: Mutex<()> = Mutex::new(());

/// Runs one ignored test of this binary, changed by `setpriv`; `None` without that program.
fn inner(test: &str, setpriv: &[&str]) -> Option<Output> {
    let _turn = INNER.lock().unwrap_or_else(PoisonError::into_inner);
    // Another user may not be able to reach the build directory.
    let dir = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
    let binary = dir.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), mode).unwrap();
    let run = Command::new("setpriv")
        .args(setpriv)
        .arg(&binary)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output();
    match run {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: setpriv: {error}");
            None
        }
    }
}

/// Whether this process can give rights to another; it says why not.
fn root() -> bool {
    // SAFETY: no arguments.
    let root = unsafe { libc::geteuid() } == 0 && caps::missing_for_bpf().is_empty();
    if !root {
        eprintln!("skipped: not root");
    }
    root
}

fn passed(output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && text.contains("1 passed");
    if !passed {
        eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
    }
    passed
}

#[test]
fn two_capabilities_suffice() {
    if !root() {
        return;
    }
    let as_nobody = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all,+bpf,+perfmon",
        "--ambient-caps=-all,+bpf,+perfmon",
    ];
    if let Some(output) = inner("sees_its_own_markers", &as_nobody) {
        assert!(passed(&output));
    }
}

#[test]
fn without_rights_the_missing_ones_are_named() {
    if !root() {
        return;
    }
    let as_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    if let Some(output) = inner("is_refused_both", &as_nobody) {
        assert!(passed(&output));
    }
    let with_one = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all,+bpf",
        "--ambient-caps=-all,+bpf",
    ];
    if let Some(output) = inner("is_refused_perfmon", &with_one) {
        assert!(passed(&output));
    }
}

#[test]
fn rights_can_be_given_up_and_counters_still_read() {
    if root()
        && let Some(output) = inner("drops_its_rights", &[])
    {
        assert!(passed(&output));
    }
}

#[test]
#[ignore = "run by two_capabilities_suffice"]
fn sees_its_own_markers() {
    // SAFETY: no arguments.
    assert_eq!(unsafe { libc::geteuid() }, 65534);
    assert!(!caps::rights().contains(&("CAP_SYS_ADMIN", true)));
    let mut live = Live::start(&Options::default()).unwrap();
    null().write_all(b">:1:a::").unwrap();
    assert_eq!(live.own_writes(), [Kind::write(b">:1:a::")]);
    let facts = live.of(std::process::id());
    assert!(matches!(&facts[0], Kind::Process { uid: 65534, .. }));
}

fn refused() -> Vec<&'static str> {
    match EbpfSource::attach(&Options::default()) {
        Err(error @ EbpfError::Rights { .. }) => {
            let text = error.to_string();
            assert!(text.contains("setcap") && !text.contains('\n'), "{text}");
            let EbpfError::Rights { missing } = error else {
                return Vec::new();
            };
            assert!(missing.iter().all(|name| text.contains(name)), "{text}");
            missing
        }
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("attached without rights"),
    }
}

#[test]
#[ignore = "run by without_rights_the_missing_ones_are_named"]
fn is_refused_both() {
    assert_eq!(refused(), ["CAP_BPF", "CAP_PERFMON"]);
}

#[test]
#[ignore = "run by without_rights_the_missing_ones_are_named"]
fn is_refused_perfmon() {
    assert_eq!(refused(), ["CAP_PERFMON"]);
}

#[test]
#[ignore = "run by rights_can_be_given_up_and_counters_still_read"]
fn drops_its_rights() {
    let mut live = Live::start(&Options::default()).unwrap();
    caps::keep_for_good(CapabilitySet::empty()).unwrap();
    null().write_all(b">:1:a::").unwrap();
    assert_eq!(live.own_writes(), [Kind::write(b">:1:a::")]);
    // A counter that moved can be read.
    // SAFETY: nothing is mapped at that address, so the device is given no memory.
    unsafe { libc::write(std::os::fd::AsRawFd::as_raw_fd(&null()), 8 as *const _, 4) };
    assert!(live.source.lost().fault.known() >= Some(1));
    assert_eq!(live.source.lost().unknown().next(), None);
    live.source.follow(std::process::id()).unwrap();

    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let set = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    for name in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] {
        assert_eq!(set(name), 0, "{name}");
    }
    assert_eq!(set("NoNewPrivs"), 1);
}
