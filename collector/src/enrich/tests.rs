use std::process::{Child, Command};

use nulltrace_core::activity::Times;
use nulltrace_core::process::Processes;
use zerocopy::FromZeros;

use super::*;
use crate::clock;

const ALL: Wanted = Wanted {
    user: true,
    parent: true,
    cgroup: true,
};

/// A child of this process that lives until it is dropped, and when it began.
struct Sleeper(Child, u64);

impl Sleeper {
    /// On a busy machine some tries are needed to know the time to a tick.
    fn new() -> Self {
        loop {
            let before = clock::monotonic();
            let child = Command::new("sleep").arg("1000").spawn().unwrap();
            let sleeper = Self(child, before);
            if clock::monotonic() - before < 5_000_000 {
                return sleeper;
            }
        }
    }

    /// As the kernel tells it.
    fn facts(&self, ppid: u32) -> ProcessRecord {
        facts(self.0.id(), ppid, self.1, "sleep")
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn facts(pid: u32, ppid: u32, start: u64, comm: &str) -> ProcessRecord {
    let mut record = ProcessRecord::new_zeroed();
    record.head.pid = pid;
    (record.ppid, record.start) = (ppid, start);
    record.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    record
}

/// User, parent and cgroup.
fn known(enrich: &mut Enrich, record: &ProcessRecord) -> [Option<String>; 3] {
    let mut processes = Processes::default();
    let _ = processes.learn(record);
    let pid = record.head.pid;
    let Known {
        user,
        parent,
        cgroup,
    } = enrich.known(&Inside {
        pid,
        tid: pid,
        process: processes.get(pid),
        paths: &[],
        wide: false,
        times: &Times::NONE,
        calls: &[],
        files: &[],
    });
    [user, parent, cgroup].map(|text| text.map(|text| String::from_utf8(text.to_vec()).unwrap()))
}

fn own_comm() -> String {
    let text = std::fs::read_to_string("/proc/self/comm").unwrap();
    text.trim_end().to_owned()
}

/// Of all hierarchies, those where this process is not in the root.
fn own_cgroups() -> Vec<String> {
    let text = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let mut paths: Vec<_> = paths.map(str::to_owned).collect();
    paths.sort_by_key(|path| path == "/");
    if paths[0] != "/" {
        paths.retain(|path| path != "/");
    }
    paths
}

#[test]
fn a_child_of_ours() {
    let child = Sleeper::new();
    let record = child.facts(std::process::id());
    let mut enrich = Enrich::new(ALL);
    enrich.learn(&record);
    let [user, parent, cgroup] = known(&mut enrich, &record);
    assert_eq!(user.as_deref(), Some("root"));
    assert_eq!(parent, Some(own_comm()));
    assert!(own_cgroups().contains(&cgroup.unwrap()));
    // Dead, it is still known.
    drop(child);
    assert_eq!(known(&mut enrich, &record)[1], Some(own_comm()));
}

#[test]
fn what_is_not_wanted_is_not_asked_for() {
    let child = Sleeper::new();
    let record = child.facts(std::process::id());
    let mut enrich = Enrich::new(Wanted::default());
    enrich.learn(&record);
    assert_eq!(known(&mut enrich, &record), [None, None, None]);
}

#[test]
fn another_process_of_the_same_id_is_not_meant() {
    let child = Sleeper::new();
    let pid = child.0.id();
    // One of the same id that began an hour before, or will have.
    for start in [
        clock::monotonic().saturating_sub(3_600_000_000_000).max(1),
        clock::monotonic() + 3_600_000_000_000,
    ] {
        let record = facts(pid, 0, start, "other");
        assert_eq!(known(&mut Enrich::new(ALL), &record)[2], None);
    }
    // A parent cannot be younger than its child.
    let orphan = facts(999_999_999, pid, 1, "orphan");
    assert_eq!(known(&mut Enrich::new(ALL), &orphan)[1], None);
    let of_ours = facts(999_999_999, pid, clock::monotonic(), "child");
    assert_eq!(
        known(&mut Enrich::new(ALL), &of_ours)[1].as_deref(),
        Some("sleep")
    );
}

#[test]
fn what_the_kernel_told_goes_first() {
    let mut enrich = Enrich::new(ALL);
    // Ids no process has: what is known of them was told.
    let (parent, child) = (999_999_998, 999_999_999);
    enrich.learn(&facts(parent, 1, 100, "make"));
    let first = facts(child, parent, 200, "cc");
    enrich.learn(&first);
    assert_eq!(known(&mut enrich, &first)[1].as_deref(), Some("make"));
    // The parent runs another program: that of the child's beginning is kept.
    enrich.learn(&facts(parent, 1, 100, "sh"));
    assert_eq!(known(&mut enrich, &first)[1].as_deref(), Some("make"));
    // The child's id is another's.
    let second = facts(child, parent, 300, "ld");
    assert_eq!(known(&mut enrich, &second)[1].as_deref(), Some("sh"));
    // The parent's is another's, which is younger.
    enrich.learn(&facts(parent, 1, 500, "late"));
    assert_eq!(
        known(&mut enrich, &facts(child, parent, 400, "as"))[1],
        None
    );
    // It ended.
    enrich.ended(parent);
    assert_eq!(
        known(&mut enrich, &facts(child, parent, 600, "ar"))[1],
        None
    );
}

#[test]
fn users_without_a_name_have_none() {
    let mut record = facts(999_999_999, 1, 5, "x");
    record.uid = 3_999_999_999;
    assert_eq!(known(&mut Enrich::new(ALL), &record)[0], None);
}
