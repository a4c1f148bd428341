use std::process::{Child, Command};

use nulltrace_core::facts::names::{Known, Names, Wanted};
use nulltrace_core::facts::process::{Process, Processes};
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::input::record::ProcessRecord;
use zerocopy::FromZeros;

use super::*;
use crate::clock;

const ALL: Wanted = Wanted {
    user: true,
    ancestors: true,
    cgroup: true,
    container: false,
};

/// Names, and who looks them up as soon as they are wanted.
struct Resolved {
    names: Names,
    lookup: Lookup,
    made: Made,
}

impl Resolved {
    fn new(wanted: Wanted) -> Self {
        let mut names = Names::default();
        names.want(wanted);
        Self {
            names,
            lookup: Lookup {
                containers: Containers::default(),
                proc: Proc::new(None),
                ancestors: Ancestors::default(),
            },
            made: Made::default(),
        }
    }

    fn hear(&mut self, event: &Event<'_>) {
        self.names.learn(event);
        self.look_up();
    }

    fn look_up(&mut self) {
        for want in self.names.take_wants() {
            for answer in self.lookup.find(want) {
                let record = answer.record(1, &mut self.made);
                self.names.learn(&Event::decode(record).unwrap());
            }
        }
    }

    fn known(&mut self, process: &Process) -> Known<'_> {
        self.names.known(process);
        self.look_up();
        assert!(!self.names.awaits(process, ALL));
        self.names.known(process)
    }
}

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

    /// As the kernel reports it.
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
    record.head.ts = start;
    record.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    record
}

fn event(pid: u32, ts: u64, what: What<'_>) -> Event<'_> {
    Event {
        ts,
        pid,
        tid: pid,
        number: 0,
        what,
    }
}

/// The kernel reports the facts, at once when the process began or at a later exec.
fn learn(resolved: &mut Resolved, record: &ProcessRecord) {
    let facts = What::Process {
        facts: record,
        exec: true,
    };
    resolved.hear(&event(record.head.pid, record.head.ts, facts));
}

fn fork(resolved: &mut Resolved, parent: u32, child: u32, ts: u64) {
    resolved.hear(&event(parent, ts, What::Fork { child }));
}

fn end(resolved: &mut Resolved, pid: u32) {
    let exit = What::Exit {
        signal: 0,
        status: 0,
        group: true,
    };
    resolved.hear(&event(pid, 0, exit));
}

/// Names and ids of ancestors, the parent first.
fn chain(resolved: &mut Resolved, record: &ProcessRecord) -> Vec<(String, u32)> {
    let mut processes = Processes::default();
    let _ = processes.learn(record);
    let known = resolved.known(processes.get(record.head.pid).unwrap());
    let of = known.parent.iter().flat_map(|parent| parent.chain());
    of.map(|of| (String::from_utf8(of.name.to_vec()).unwrap(), of.pid))
        .collect()
}

/// User, parent and cgroup.
fn known(resolved: &mut Resolved, record: &ProcessRecord) -> [Option<String>; 3] {
    let mut processes = Processes::default();
    let _ = processes.learn(record);
    let Known {
        user,
        parent,
        cgroup,
        ..
    } = resolved.known(processes.get(record.head.pid).unwrap());
    let parent = parent.map(|parent| &*parent.name);
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
    let mut resolved = Resolved::new(ALL);
    learn(&mut resolved, &record);
    let [user, parent, cgroup] = known(&mut resolved, &record);
    assert_eq!(user.as_deref(), Some("root"));
    assert_eq!(parent, Some(own_comm()));
    assert!(own_cgroups().contains(&cgroup.unwrap()));
    // Dead, it is still known.
    drop(child);
    assert_eq!(known(&mut resolved, &record)[1], Some(own_comm()));
}

#[test]
fn what_is_not_wanted_is_not_asked_for() {
    let child = Sleeper::new();
    let record = child.facts(std::process::id());
    let mut resolved = Resolved::new(Wanted::default());
    learn(&mut resolved, &record);
    assert_eq!(known(&mut resolved, &record), [None, None, None]);
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
        assert_eq!(known(&mut Resolved::new(ALL), &record)[2], None);
    }
    // A parent cannot be younger than its child.
    let orphan = facts(999_999_999, pid, 1, "orphan");
    assert_eq!(known(&mut Resolved::new(ALL), &orphan)[1], None);
    let of_ours = facts(999_999_999, pid, clock::monotonic(), "child");
    assert_eq!(
        known(&mut Resolved::new(ALL), &of_ours)[1].as_deref(),
        Some("sleep")
    );
}

#[test]
fn what_the_kernel_reported_goes_first() {
    let mut resolved = Resolved::new(ALL);
    // Ids no process has: what is known of them was reported.
    let (parent, child) = (999_999_998, 999_999_999);
    learn(&mut resolved, &facts(parent, 1, 100, "make"));
    let first = facts(child, parent, 200, "cc");
    learn(&mut resolved, &first);
    assert_eq!(known(&mut resolved, &first)[1].as_deref(), Some("make"));
    // The parent runs another program: that by which it made the child is kept.
    learn(&mut resolved, &facts(parent, 1, 100, "sh"));
    assert_eq!(known(&mut resolved, &first)[1].as_deref(), Some("make"));
    // The child's id is another's.
    let second = facts(child, parent, 300, "ld");
    assert_eq!(known(&mut resolved, &second)[1].as_deref(), Some("sh"));
    // The parent's is another's, which is younger.
    learn(&mut resolved, &facts(parent, 1, 500, "late"));
    assert_eq!(
        known(&mut resolved, &facts(child, parent, 400, "as"))[1],
        None
    );
    // It ended.
    end(&mut resolved, parent);
    assert_eq!(
        known(&mut resolved, &facts(child, parent, 600, "ar"))[1],
        None
    );
}

/// Ids no process has: all that is known of these is reported.
const SHELL: u32 = 999_999_990;
const MAKE: u32 = 999_999_991;
const SUB: u32 = 999_999_992;
const CC: u32 = 999_999_993;

fn names(chain: &[(String, u32)]) -> Vec<&str> {
    chain.iter().map(|(name, _)| &**name).collect()
}

#[test]
fn ancestors_are_who_forked() {
    let mut resolved = Resolved::new(ALL);
    learn(&mut resolved, &facts(SHELL, 0, 100, "bash"));
    fork(&mut resolved, SHELL, MAKE, 200);
    learn(&mut resolved, &facts(MAKE, SHELL, 199, "make"));
    // This one runs no program of its own, and ends before its child does anything.
    fork(&mut resolved, MAKE, SUB, 300);
    fork(&mut resolved, SUB, CC, 400);
    end(&mut resolved, SUB);
    let cc = facts(CC, 1, 399, "cc");
    learn(&mut resolved, &cc);
    let want = [("make", SUB), ("make", MAKE), ("bash", SHELL)];
    let want = want.map(|(name, pid)| (name.to_owned(), pid));
    assert_eq!(chain(&mut resolved, &cc), want);
    // They all end, and others take their ids.
    for pid in [SHELL, MAKE] {
        end(&mut resolved, pid);
        learn(&mut resolved, &facts(pid, 0, 1000, "other"));
    }
    assert_eq!(chain(&mut resolved, &cc), want);
    let later = facts(CC, MAKE, 2000, "ld");
    assert_eq!(chain(&mut resolved, &later), [("other".to_owned(), MAKE)]);
}

#[test]
fn a_fork_may_be_reported_late_or_never() {
    let mut resolved = Resolved::new(ALL);
    learn(&mut resolved, &facts(SHELL, 0, 100, "bash"));
    let mut cc = facts(CC, 0, 200, "cc");
    cc.head.ts = 220;
    learn(&mut resolved, &cc);
    assert!(chain(&mut resolved, &cc).is_empty(), "0 is nobody");
    fork(&mut resolved, SHELL, CC, 210);
    assert_eq!(chain(&mut resolved, &cc), [("bash".to_owned(), SHELL)]);
    // Neither the end of that one nor the fork of the next was reported.
    let next = facts(CC, SHELL, 500, "ld");
    learn(&mut resolved, &next);
    fork(&mut resolved, CC, SUB, 600);
    assert_eq!(
        names(&chain(&mut resolved, &facts(SUB, CC, 599, "as"))),
        ["ld", "bash"]
    );
}

#[test]
fn what_the_kernel_does_not_tell_is_found() {
    let child = Sleeper::new();
    let mut resolved = Resolved::new(ALL);
    let of_child = chain(&mut resolved, &child.facts(std::process::id()));
    assert_eq!(of_child[0], (own_comm(), std::process::id()));
    assert_eq!(of_child[1].1, std::os::unix::process::parent_id());
    // A grandchild of which only the fork was reported.
    fork(&mut resolved, child.0.id(), CC, clock::monotonic());
    let start = clock::monotonic();
    let cc = facts(CC, 1, start - 1, "cc");
    fork(&mut resolved, child.0.id(), CC, start);
    let of_cc = chain(&mut resolved, &cc);
    assert_eq!(of_cc[0], ("sleep".to_owned(), child.0.id()));
    assert_eq!(of_cc[1..], of_child);
}

#[test]
fn what_is_forgotten_is_asked_for_again() {
    let mut resolved = Resolved::new(ALL);
    let shell = facts(SHELL, 0, 100, "bash");
    learn(&mut resolved, &shell);
    let cc = facts(CC, SHELL, 200, "cc");
    learn(&mut resolved, &cc);
    for pid in 0..100_000 {
        fork(&mut resolved, SHELL, 1_000_000_000 + pid, 300);
    }
    assert_eq!(names(&chain(&mut resolved, &cc)), ["bash"]);
}

#[test]
fn users_without_a_name_have_none() {
    let mut record = facts(999_999_999, 1, 5, "x");
    record.uid = 3_999_999_999;
    assert_eq!(known(&mut Resolved::new(ALL), &record)[0], None);
}
