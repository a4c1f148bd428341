//! Births, changes and ends of processes, and whose markers are seen.
#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod ebpf_common;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Duration;

use ebpf_common::{Kind, Live, Seen, null, tid};
use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::{Cgroup, EbpfError, Options, Scope};

fn live(scope: Scope) -> Option<Live> {
    Live::start(&Options {
        scope,
        ..Options::default()
    })
}

/// Runs a shell script the way a traced command is run; returns its process id.
fn traced(live: &mut Live, script: &str) -> (u32, std::process::ExitStatus) {
    live.source.follow_children(true).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    live.source.follow_children(false).unwrap();
    (child.id(), child.wait().unwrap())
}

fn ended(pid: u32) -> impl Fn(&[Seen]) -> bool {
    move |all| {
        all.iter()
            .any(|seen| seen.pid == pid && matches!(seen.what, Kind::Exit { group: true, .. }))
    }
}

fn writes(all: &[Seen]) -> Vec<String> {
    all.iter()
        .filter_map(|seen| match &seen.what {
            Kind::Write { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_command_is_followed_from_fork_to_end() {
    let Some(mut live) = live(Scope::Members) else {
        return;
    };
    let (pid, status) = traced(&mut live, "printf '>:1:a::'; exit 3");
    assert_eq!(status.code(), Some(3));
    live.until("end", ended(pid));
    let own = std::process::id();
    assert!(live.of(own).contains(&Kind::Fork { child: pid }));
    let kinds = live.of(pid);
    let [exec, write, exit] = &kinds[..] else {
        panic!("{kinds:#?}")
    };
    assert!(
        matches!(exec, Kind::Process { comm, ppid, exec: true, .. } if comm == "sh" && *ppid == own)
    );
    assert_eq!(*write, Kind::write(b">:1:a::"));
    assert_eq!(
        *exit,
        Kind::Exit {
            signal: 0,
            group: true
        }
    );
    assert_eq!(live.source.alive(), Some(0));
}

#[test]
fn exec_tells_the_new_facts() {
    let Some(mut live) = live(Scope::Members) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other.sh");
    std::fs::write(&other, "#!/bin/sh\nprintf '<:1:a::'\n").unwrap();
    std::fs::set_permissions(&other, PermissionsExt::from_mode(0o755)).unwrap();
    let script = format!("printf '>:1:a::'; exec {}", other.display());
    let (pid, _) = traced(&mut live, &script);
    live.until("end", ended(pid));
    let names: Vec<String> = live
        .of(pid)
        .into_iter()
        .filter_map(|what| match what {
            Kind::Process { comm, exec, .. } => Some(format!("{comm} {exec}")),
            Kind::Write { bytes, .. } => Some(String::from_utf8(bytes).unwrap()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["sh true", ">:1:a::", "other.sh true", "<:1:a::"]);
}

#[test]
fn a_killed_process_says_by_what() {
    let Some(mut live) = live(Scope::Members) else {
        return;
    };
    let (pid, status) = traced(&mut live, "printf '>:1:a::'; kill -9 $$");
    assert_eq!(status.signal(), Some(9));
    live.until("end", ended(pid));
    assert_eq!(
        live.of(pid).last(),
        Some(&Kind::Exit {
            signal: 9,
            group: true
        })
    );
}

#[test]
fn a_thread_that_wrote_markers_tells_its_end() {
    let Some(mut live) = live(Scope::Machine) else {
        return;
    };
    let silent = std::thread::spawn(tid);
    let silent = silent.join().unwrap();
    let writer = std::thread::spawn(|| {
        null().write_all(b">:t:a::").unwrap();
        tid()
    });
    let writer = writer.join().unwrap();
    // join returns before the kernel is done with the thread.
    live.until("end of the thread", |all| {
        all.iter().any(|seen| {
            seen.tid == writer
                && seen.what
                    == Kind::Exit {
                        signal: 0,
                        group: false,
                    }
        })
    });
    assert!(live.all.iter().all(|seen| seen.tid != silent));
}

#[test]
fn strangers_are_not_seen_and_orphans_are() {
    let Some(mut live) = live(Scope::Members) else {
        return;
    };
    null().write_all(b">:1:stranger::").unwrap();
    // The middle process ends at once; the grandchild outlives it.
    let (pid, _) = traced(
        &mut live,
        "(sh -c 'sleep 0.3; printf \">:1:orphan::\"; sleep 0.3' & ) ; printf '>:1:parent::'",
    );
    null().write_all(b">:1:stranger::").unwrap();
    live.until("end", ended(pid));
    assert!(live.source.alive().unwrap() > 0, "the orphan lives");
    live.until("orphan", |all| {
        writes(all).contains(&String::from(">:1:orphan::"))
    });
    for _ in 0..2000 {
        if live.source.alive() == Some(0) {
            break;
        }
        live.source.wait(Duration::from_millis(10));
    }
    live.drain();
    assert_eq!(writes(&live.all), [">:1:parent::", ">:1:orphan::"]);
    // Everyone who was born is seen to end.
    let forks = live
        .all
        .iter()
        .filter(|seen| matches!(seen.what, Kind::Fork { .. }));
    let ends = live
        .all
        .iter()
        .filter(|seen| matches!(seen.what, Kind::Exit { group: true, .. }));
    assert_eq!(forks.count(), ends.count());
}

#[test]
fn two_hundred_children() {
    let Some(mut live) = live(Scope::Members) else {
        return;
    };
    let (_, status) = traced(
        &mut live,
        "i=0; while [ $i -lt 200 ]; do sh -c \"printf '>:$i:child::'\" & i=$((i+1)); done; wait",
    );
    assert!(status.success());
    assert_eq!(live.source.alive(), Some(0));
    live.drain();
    let mut ids: Vec<u32> = writes(&live.all)
        .iter()
        .map(|write| write.split(':').nth(1).unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..200));
    assert_eq!(live.source.lost(), Default::default());
    for seen in &live.all {
        if let Kind::Write { .. } = seen.what {
            let facts = live.all.iter().position(|other| {
                other.pid == seen.pid && matches!(other.what, Kind::Process { .. })
            });
            let write = live.all.iter().position(|other| other == seen);
            assert!(facts < write, "the facts come first");
        }
    }
}

#[test]
fn a_full_map_of_processes_is_counted() {
    let Some(mut live) = Live::start(&Options {
        scope: Scope::Members,
        max_processes: 8,
        ..Options::default()
    }) else {
        return;
    };
    let (_, status) = traced(
        &mut live,
        "i=0; while [ $i -lt 20 ]; do (printf \">:$i:child::\"; sleep 0.5) & i=$((i+1)); done; wait",
    );
    assert!(status.success());
    live.drain();
    let unseen = 20 - writes(&live.all).len() as u64;
    assert!(unseen > 0);
    // Each unseen shell may have started a `sleep` that was not followed either.
    let lost = live.source.lost().scope.known().unwrap();
    assert!((unseen..=40).contains(&lost), "{lost} of {unseen}");
}

#[test]
fn a_running_process_can_be_followed_with_its_children() {
    let Some(mut live) = live(Scope::Members) else {
        return;
    };
    // A background child has no stdin of its own, but may have ours by another number.
    let script = "exec 3<&0; sh -c 'read x <&3; printf \">:1:grandchild::\"' & \
                  wait; printf '>:1:child::'";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    for _ in 0..2000 {
        if !std::fs::read_to_string(&children).unwrap().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    live.source.follow(child.id()).unwrap();
    assert_eq!(live.source.alive(), Some(2));
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    child.wait().unwrap();
    live.until("end", ended(child.id()));
    assert_eq!(writes(&live.all), [">:1:grandchild::", ">:1:child::"]);
    assert_eq!(live.source.alive(), Some(0));
}

#[test]
fn one_user() {
    const NOBODY: u32 = 65534;
    let Some(mut live) = live(Scope::Uid(NOBODY)) else {
        return;
    };
    null().write_all(b">:1:me::").unwrap();
    // The same thread before and after it changes its user.
    let mut command = Command::new("sh");
    command
        .args(["-c", "printf '>:1:nobody::'"])
        .stdout(Stdio::null());
    // SAFETY: the child makes system calls only.
    unsafe {
        command.pre_exec(|| {
            let marker = b">:1:root::";
            libc::write(1, marker.as_ptr().cast(), marker.len());
            if libc::setuid(NOBODY) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    match command.status() {
        Ok(status) => assert!(status.success()),
        Err(error) => {
            eprintln!("skipped: no other user to be: {error}");
            return;
        }
    }
    live.drain();
    assert_eq!(writes(&live.all), [">:1:nobody::"]);
    assert!(live.all.iter().any(|seen| matches!(
        &seen.what,
        Kind::Process { uid, comm, .. } if *uid == NOBODY && comm == "sh"
    )));
}

#[test]
fn one_cgroup_and_those_below() {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    let root = mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some("cgroup2"))
        .and_then(|line| line.split(' ').nth(1));
    let dir = root.map(|root| format!("{root}/nulltrace-test-{}", std::process::id()));
    let Some(dir) = dir.filter(|dir| std::fs::create_dir(dir).is_ok()) else {
        eprintln!("skipped: no cgroup2 file system to write to");
        return;
    };
    let below = format!("{dir}/below");
    std::fs::create_dir(&below).unwrap();
    let cgroup = Cgroup::at(dir.as_ref()).unwrap();
    if let Some(mut live) = live(Scope::Cgroup(cgroup)) {
        let in_cgroup = |dir: &str, name: &str| {
            let script = format!("echo $$ >{dir}/cgroup.procs; printf '>:1:{name}::'");
            assert!(
                Command::new("sh")
                    .args(["-c", &script])
                    .stdout(Stdio::null())
                    .status()
                    .unwrap()
                    .success()
            );
        };
        in_cgroup(root.unwrap(), "outside");
        in_cgroup(&dir, "inside");
        in_cgroup(&below, "below");
        live.drain();
        assert_eq!(writes(&live.all), [">:1:inside::", ">:1:below::"]);
    }
    // A cgroup can be removed when its last process is reaped, which was waited for.
    std::fs::remove_dir(&below).unwrap();
    std::fs::remove_dir(&dir).unwrap();
}

#[test]
fn what_is_no_cgroup_is_refused() {
    for path in ["/proc", "/nonexistent"] {
        assert!(matches!(
            Cgroup::at(path.as_ref()),
            Err(EbpfError::Cgroup { .. })
        ));
    }
}
