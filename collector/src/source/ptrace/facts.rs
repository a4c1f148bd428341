//! Facts of a process, from `/proc`.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::pid_t;
use nulltrace_core::input::record::{COMM_LEN, EXE_LEN, Head, ProcessRecord};

use crate::clock;

/// Thread group and parent of a new tracee.
pub(super) struct Kin {
    pub(super) tgid: pid_t,
    pub(super) parent: pid_t,
}

/// Whose thread `tid` is; `None` if it is gone.
pub(super) fn kin(tid: pid_t) -> Option<Kin> {
    let status = read(tid, "status")?;
    Some(Kin {
        tgid: field(&status, "Tgid:")?,
        parent: field(&status, "PPid:")?,
    })
}

/// The facts of the process in `head`; what cannot be read is left empty.
pub(super) fn process(head: Head) -> ProcessRecord {
    let mut record = ProcessRecord {
        head,
        start: 0,
        cgroup: 0,
        ppid: 0,
        uid: 0,
        comm: [0; COMM_LEN],
        exe: [0; EXE_LEN],
    };
    let pid = head.pid.cast_signed();
    if let Some(stat) = read(pid, "stat").as_deref().and_then(stat) {
        record.ppid = stat.ppid;
        record.start = since_boot_to_monotonic(stat.start_ticks);
        put(&mut record.comm, stat.comm);
    }
    if let Some(uid) = read(pid, "status").and_then(|status| field(&status, "Uid:")) {
        record.uid = uid;
    }
    if let Ok(path) = fs::read_link(format!("/proc/{pid}/exe")) {
        let path = path.as_os_str().as_bytes();
        // What the kernel appends when the file has been removed or replaced since.
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        let name = Path::new(std::ffi::OsStr::from_bytes(path)).file_name();
        put(&mut record.exe, name.map_or(path, OsStrExt::as_bytes));
    }
    record
}

/// Whether the kernel hides the memory and files of process `pid`, as it does when its user may run
/// but not read the program.
pub(super) fn hidden(pid: pid_t) -> bool {
    fs::read_link(format!("/proc/{pid}/exe"))
        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

struct Stat<'a> {
    comm: &'a [u8],
    ppid: u32,
    start_ticks: u64,
}

/// Reads `pid (comm) state ppid …`; comm may hold anything, also `) `.
fn stat(line: &[u8]) -> Option<Stat<'_>> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let close = line.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    // The first field after comm is the third of the line.
    let mut fields = rest.split_ascii_whitespace();
    Some(Stat {
        comm: line.get(open + 1..close)?,
        ppid: fields.nth(1)?.parse().ok()?,
        start_ticks: fields.nth(17)?.parse().ok()?,
    })
}

/// The number after `name` in `/proc/PID/status`. The first line can hold anything, but no newline.
fn field<T: std::str::FromStr>(status: &[u8], name: &str) -> Option<T> {
    status
        .split(|&byte| byte == b'\n')
        .skip(1)
        .find_map(|line| {
            let value = line.strip_prefix(name.as_bytes())?;
            let value = std::str::from_utf8(value).ok()?;
            value.split_ascii_whitespace().next()?.parse().ok()
        })
}

fn read(tid: pid_t, file: &str) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{tid}/{file}")).ok()
}

fn put(place: &mut [u8], text: &[u8]) {
    // The last byte stays NUL.
    let len = text.len().min(place.len() - 1);
    place[..len].copy_from_slice(&text[..len]);
}

/// `/proc` counts from boot, suspended time included; spans are on the clock without it.
fn since_boot_to_monotonic(ticks: u64) -> u64 {
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    let ns = ticks.saturating_mul(tick);
    ns.saturating_add_signed(clock::proc_ahead().saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"7 (a) R 1 (b) S 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 777 22";
        let stat = stat(line).unwrap();
        assert_eq!(
            (stat.comm, stat.ppid, stat.start_ticks),
            (&b"a) R 1 (b"[..], 3, 777)
        );
        let status = b"Name:\tUid:\t9\nTgid:\t7\nUid:\t1\t2\t3\t4\n";
        assert_eq!(field(status, "Uid:"), Some(1));
        assert_eq!(field(status, "PPid:"), None::<u32>);
        assert!(super::stat(b"7 (").is_none());
    }

    #[test]
    fn own_facts() {
        let head = Head {
            ts: 0,
            pid: std::process::id(),
            tid: 0,
            size: 0,
            kind: 0,
            flags: 0,
            number: 0,
        };
        let facts = process(head);
        assert_eq!(facts.ppid, std::os::unix::process::parent_id());
        assert_eq!(facts.uid, rustix::process::getuid().as_raw());
        let exe = std::env::current_exe().unwrap();
        let exe = exe.file_name().unwrap().as_bytes();
        assert_eq!(
            facts.exe[..exe.len().min(EXE_LEN - 1)],
            exe[..exe.len().min(EXE_LEN - 1)]
        );
        assert!(
            facts.start <= clock::monotonic()
                && clock::monotonic() - facts.start < 3_600_000_000_000
        );
        assert_eq!(
            kin(rustix::thread::gettid().as_raw_nonzero().get())
                .unwrap()
                .tgid
                .cast_unsigned(),
            std::process::id()
        );
    }
}
