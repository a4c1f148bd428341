use std::sync::Arc;

use proptest::prelude::*;
use zerocopy::FromZeros;

use super::*;
use crate::activity::{InSpan, Inside, Times, When};
use crate::facts::file::{File, FileKind};
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::record::{CALLS_IN, CallsRecord};

const WAIT: u32 = 61;
const READ: u32 = 0;

/// What a process did in a stretch of time.
#[derive(Clone, Copy)]
struct Did<'a> {
    pid: u32,
    ppid: u32,
    name: &'a str,
    from: u64,
    to: u64,
    /// Asleep in calls that wait for children.
    waits: u64,
    /// Asleep reading from a pipe.
    pipe: u64,
    goes_on: bool,
}

fn did(pid: u32, ppid: u32, name: &str, from: u64, to: u64) -> Did<'_> {
    Did {
        pid,
        ppid,
        name,
        from,
        to,
        waits: 0,
        pipe: 0,
        goes_on: false,
    }
}

/// A shell that waited so long, and went on afterwards.
fn shell(pid: u32, waits: u64) -> Did<'static> {
    Did {
        waits,
        goes_on: true,
        ..did(pid, 1, "bash", 0, 1000)
    }
}

fn call(nr: u32, ns: u64) -> CallsRecord {
    let mut call = CallsRecord::new_zeroed();
    (call.nr, call.count, call.time, call.blocked) = (nr, 1, ns, ns);
    call.flags = if nr == READ { CALLS_IN } else { 0 };
    call
}

fn path() -> Arc<TagPath> {
    Arc::new(TagPath::new(b"job", ["job"]))
}

fn push(families: &mut Families, path: &Arc<TagPath>, of: Did<'_>) {
    let mut process = Process::named(of.name.as_bytes());
    let known = Arc::make_mut(&mut process);
    (known.pid, known.ppid, known.start) = (of.pid, of.ppid, of.pid.into());
    let pipe = Arc::new(File {
        kind: FileKind::Pipe,
        name: b"pipe:[7]"[..].into(),
        ends: None,
    });
    let wall = of.to - of.from;
    families.inside(&Inside {
        pid: of.pid,
        tid: of.pid,
        process: Some(&process),
        spans: &[InSpan::of_path(path)],
        wide: true,
        when: When {
            from: of.from,
            to: of.to,
            goes_on: of.goes_on,
            open: &[],
        },
        times: &Times {
            wall,
            blocked: of.waits + of.pipe,
            ..Times::NONE
        },
        calls: &[call(WAIT, of.waits), call(READ, of.pipe)],
        files: &[None, Some(pipe)],
    });
}

/// How many children, the name of that with most, and its process id.
fn waited(all: &[Did<'_>]) -> Option<(u64, String, Option<u32>)> {
    let (path, mut families) = (path(), Families::new(1 << 20));
    for of in all {
        push(&mut families, &path, *of);
    }
    let waited = families.of(&path)?.waited_for(WAIT)?;
    let name = String::from_utf8_lossy(&waited.most.name).into_owned();
    Some((waited.children, name, waited.most.pid))
}

fn one(name: &str, pid: u32) -> Option<(u64, String, Option<u32>)> {
    Some((1, name.to_owned(), Some(pid)))
}

#[test]
fn a_child_is_named_and_others_are_not() {
    let of = [
        shell(10, 900),
        did(11, 10, "sort", 50, 950),
        did(12, 99, "other", 0, 1000),
    ];
    assert_eq!(waited(&of), one("sort", 11));
    // A shell that did not wait, or of whose children nothing is known.
    assert_eq!(waited(&[shell(10, 0), did(11, 10, "sort", 50, 950)]), None);
    assert_eq!(waited(&of[..1]), None);
}

#[test]
fn a_child_has_the_name_of_its_last_program() {
    let of = [
        shell(10, 900),
        did(11, 10, "bash", 50, 60),
        did(11, 10, "sort", 60, 950),
    ];
    assert_eq!(waited(&of), one("sort", 11));
}

#[test]
fn the_child_that_lived_longest_is_named() {
    let of = [
        shell(10, 990),
        did(11, 10, "date", 0, 90),
        did(12, 10, "sort", 90, 950),
        did(13, 10, "tail", 950, 990),
    ];
    assert_eq!(waited(&of), Some((3, "sort".into(), Some(12))));
    // Those of one name count together.
    let of = [
        shell(10, 990),
        did(11, 10, "curl", 0, 200),
        did(12, 10, "sleep", 200, 500),
        did(13, 10, "curl", 500, 900),
    ];
    assert_eq!(waited(&of), Some((3, "curl".into(), None)));
}

#[test]
fn of_a_pipeline_the_one_that_the_others_wait_for_is_named() {
    let reader = Did {
        pipe: 880,
        ..did(12, 10, "cat", 20, 960)
    };
    let of = [shell(10, 940), did(11, 10, "sort", 10, 950), reader];
    assert_eq!(waited(&of), Some((2, "sort".into(), Some(11))));
    // Alone it is what was waited for.
    assert_eq!(waited(&[shell(10, 940), reader]), one("cat", 12));
    // Nor is it passed over for another that lived for a short time.
    let short = did(11, 10, "date", 0, 10);
    assert_eq!(
        waited(&[shell(10, 940), short, reader]),
        Some((2, "cat".into(), Some(12)))
    );
}

/// It goes on when the span has ended.
#[test]
fn nobody_waits_for_a_child_in_the_background() {
    let background = Did {
        goes_on: true,
        ..did(11, 10, "burn", 0, 1000)
    };
    let of = [shell(10, 500), background, did(12, 10, "sleep", 100, 600)];
    assert_eq!(waited(&of), one("sleep", 12));
    // Unless there is nobody else: the child may have ended the span.
    assert_eq!(waited(&[shell(10, 500), background]), one("burn", 11));
    // Where spans in this one end it is seen again at once.
    let goes_on = Did {
        to: 300,
        ..background
    };
    let of = [shell(10, 900), goes_on, did(11, 10, "burn", 300, 900)];
    let sleep = did(12, 10, "sleep", 0, 10);
    assert_eq!(
        waited(&[&of[..], &[sleep]].concat()),
        Some((2, "burn".into(), Some(11)))
    );
}

#[test]
fn a_nested_shell_stands_for_what_it_waits_for() {
    let nested = Did {
        waits: 850,
        ..did(11, 10, "bash", 20, 950)
    };
    // Where that is not known it is itself what was waited for.
    assert_eq!(waited(&[shell(10, 930), nested]), one("bash", 11));
    let of = [shell(10, 930), nested, did(12, 11, "sort", 50, 900)];
    assert_eq!(waited(&of), one("sort", 12));
    // It computes, most of the time.
    let busy = Did {
        waits: 100,
        ..nested
    };
    let of = [shell(10, 930), busy, did(12, 11, "date", 50, 150)];
    assert_eq!(waited(&of), Some((2, "bash".into(), Some(11))));
}

#[test]
fn what_the_child_did_is_known() {
    let (path, mut families) = (path(), Families::new(1 << 20));
    push(&mut families, &path, shell(10, 1000));
    let cat = Did {
        pipe: 300,
        ..did(11, 10, "cat", 0, 400)
    };
    push(&mut families, &path, cat);
    let waited = families.of(&path).unwrap().waited_for(WAIT).unwrap();
    let most = &waited.most;
    let times = &most.times.all;
    assert_eq!(
        (most.alive, times.wall, times.blocked, times.on_cpu()),
        (400, 400, 300, 100)
    );
    let reads: Vec<_> = most
        .reasons
        .calls
        .iter()
        .filter(|of| of.nr == READ)
        .collect();
    assert_eq!(reads[0].spent.blocked, 300);
    assert_eq!(&*reads[0].files[0].file.name, b"pipe:[7]");
    assert!(!waited.at_least);
}

#[test]
fn the_time_of_a_span_is_that_of_its_shell() {
    let lead = |all: &[Did<'_>], opener| {
        let (path, mut families) = (path(), Families::new(1 << 20));
        all.iter().for_each(|of| push(&mut families, &path, *of));
        let lead = families.of(&path)?.lead(opener);
        lead.map(|of| of.process().pid)
    };
    let echo = did(11, 10, "echo", 0, 10);
    let all = [shell(10, 900), echo, did(12, 10, "sort", 50, 950)];
    assert_eq!(lead(&all, 10), Some(10));
    assert_eq!(lead(&all, 11), Some(10), "a command wrote the marker");
    assert_eq!(lead(&all, 12), Some(12), "its own span");
    assert_eq!(lead(&all, 13), Some(10), "it ended with its marker");
    assert_eq!(lead(&[], 13), None);
}

#[test]
fn without_room_nothing_is_kept_and_that_is_counted() {
    let (path, mut families) = (path(), Families::new(0));
    push(&mut families, &path, shell(10, 900));
    assert!(families.of(&path).is_none());
    assert_eq!(families.unkept(), 1);
}

proptest! {
    /// A loop of many commands: each is counted once, and their times add up, whatever had to make room.
    #[test]
    fn all_commands_of_a_loop_are_counted(names in prop::collection::vec(0_usize..4, 1..60)) {
        const NAMES: [&str; 4] = ["curl", "grep", "sed", "sort"];
        let (path, mut families) = (path(), Families::new(1 << 20));
        let mut at = 0;
        for (pid, &name) in (100..).zip(&names) {
            // Two segments of each, and those of the shell between them.
            push(&mut families, &path, did(pid, 10, NAMES[name], at, at + 3));
            push(&mut families, &path, did(pid, 10, NAMES[name], at + 3, at + 10));
            push(&mut families, &path, Did { from: at, to: at + 10, waits: 10, ..shell(10, 0) });
            at += 10;
        }
        let waited = families.of(&path).unwrap().waited_for(WAIT).unwrap();
        let most = (0..4).map(|of| names.iter().filter(|&&name| name == of).count()).max().unwrap();
        prop_assert_eq!(waited.children, names.len() as u64);
        prop_assert_eq!(waited.most.children, most as u64);
        prop_assert_eq!(waited.most.alive, 10 * most as u64);
        prop_assert_eq!(waited.most.pid.is_some(), most == 1);
    }

    /// Many at once, in turn: no more memory than there is, never more children than there were.
    #[test]
    fn no_child_is_counted_twice(segments in prop::collection::vec((0_u32..40, 1_u64..9), 1..200)) {
        let (path, mut families) = (path(), Families::new(1 << 20));
        push(&mut families, &path, shell(10, 900));
        let mut at = 0;
        let mut seen = std::collections::HashSet::new();
        for (pid, ns) in segments {
            seen.insert(pid);
            push(&mut families, &path, did(100 + pid, 10, "make", at, at + ns));
            at += ns;
        }
        push(&mut families, &path, shell(10, 900));
        let waited = families.of(&path).unwrap().waited_for(WAIT).unwrap();
        prop_assert!(waited.children <= seen.len() as u64, "{} of {}", waited.children, seen.len());
        prop_assert!(waited.children == seen.len() as u64 || waited.at_least);
    }
}
