//! Runs a command traced and keeps all that was recorded.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use nulltrace_collector::source::{Source, ptrace};
use nulltrace_core::input::event::{Event, What};
use tempfile::TempDir;

/// Longer than any of the commands takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The compiled programs, in a directory that every user can read.
static PROGRAMS: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = TempDir::new().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (source, program) = (dir.path().join("programs.c"), dir.path().join("programs"));
    std::fs::write(&source, include_str!("programs.c")).unwrap();
    let built = Command::new("cc")
        .args(["-O1", "-pthread", "-Wno-stringop-overread", "-o"])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(built.success());
    (dir, program)
});

/// The path of the programs.
pub(crate) fn programs() -> &'static Path {
    &PROGRAMS.1
}

/// One event, on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Write {
        bytes: Vec<u8>,
        beyond: u64,
        continues: bool,
    },
    Process {
        ppid: u32,
        uid: u32,
        start: u64,
        comm: String,
        exe: String,
        exec: bool,
    },
    Fork {
        child: u32,
    },
    Exit {
        signal: u8,
        code: u8,
        group: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) ts: u64,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) seen: Seen,
}

fn text(padded: &[u8]) -> String {
    String::from_utf8_lossy(padded)
        .trim_end_matches('\0')
        .to_owned()
}

impl Record {
    pub(crate) fn decode(record: &[u8]) -> Self {
        let event = Event::decode(record).unwrap();
        let seen = match event.what {
            What::Write {
                bytes,
                beyond,
                continues,
            } => Seen::Write {
                bytes: bytes.to_vec(),
                beyond,
                continues,
            },
            What::Process { facts, exec } => Seen::Process {
                ppid: facts.ppid,
                uid: facts.uid,
                start: facts.start,
                comm: text(&facts.comm),
                exe: text(&facts.exe),
                exec,
            },
            What::Fork { child } => Seen::Fork { child },
            What::Exit {
                signal,
                status,
                group,
            } => Seen::Exit {
                signal,
                code: status,
                group,
            },
            other => panic!("ptrace does not see {other:?}"),
        };
        Self {
            ts: event.ts,
            pid: event.pid,
            tid: event.tid,
            seen,
        }
    }
}

/// A command that has been traced to the end of its last descendant.
pub(crate) struct Run {
    pub(crate) pid: u32,
    pub(crate) status: ExitStatus,
    pub(crate) faults: u64,
    pub(crate) unseen: u64,
    pub(crate) records: Vec<Record>,
}

/// Drains `source` until nothing is alive.
pub(crate) fn drain(source: &mut ptrace::Ptrace) -> Vec<Record> {
    let (begun, mut records) = (Instant::now(), Vec::new());
    loop {
        let alive = source.alive();
        source
            .drain(&mut |record| records.push(Record::decode(record)))
            .unwrap();
        if alive == Some(0) {
            return records;
        }
        assert!(begun.elapsed() < LIMIT, "{alive:?} still alive");
        source.wait(Duration::from_millis(100));
    }
}

/// Traces `words` to the end.
pub(crate) fn run(words: &[&str]) -> Run {
    let words: Vec<OsString> = words.iter().map(Into::into).collect();
    let (mut source, command) = ptrace::spawn(&words).unwrap();
    let records = drain(&mut source);
    Run {
        pid: command.pid(),
        status: command.status().unwrap(),
        faults: source.lost().fault.known().unwrap(),
        unseen: source.lost().scope.known().unwrap(),
        records,
    }
}

/// Traces one of the C programs, which must end with 0.
pub(crate) fn program(name: &str) -> Run {
    let run = run(&[programs().to_str().unwrap(), name]);
    assert_eq!(run.status.code(), Some(0), "{name}: {}", run.status);
    run
}

impl Run {
    /// What was written, with its flags, in order.
    pub(crate) fn writes(&self) -> Vec<(&Record, String, u64, bool)> {
        self.records
            .iter()
            .filter_map(|record| match &record.seen {
                Seen::Write {
                    bytes,
                    beyond,
                    continues,
                } => Some((
                    record,
                    String::from_utf8_lossy(bytes).into_owned(),
                    *beyond,
                    *continues,
                )),
                _ => None,
            })
            .collect()
    }

    /// What was written, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.writes().into_iter().map(|write| write.1).collect()
    }

    /// The ends: process, thread, signal, code, whether of the whole process.
    pub(crate) fn exits(&self) -> Vec<(u32, u32, u8, u8, bool)> {
        self.records
            .iter()
            .filter_map(|record| match record.seen {
                Seen::Exit {
                    signal,
                    code,
                    group,
                } => Some((record.pid, record.tid, signal, code, group)),
                _ => None,
            })
            .collect()
    }

    /// Children by fork, with their parents.
    pub(crate) fn forks(&self) -> Vec<(u32, u32)> {
        self.records
            .iter()
            .filter_map(|record| match record.seen {
                Seen::Fork { child } => Some((record.pid, child)),
                _ => None,
            })
            .collect()
    }

    /// What must hold of every run.
    pub(crate) fn check(&self) {
        let mut last = 0;
        for record in &self.records {
            assert!(record.ts >= last, "{record:?} comes before {last}");
            last = record.ts;
        }
        // Each process ends once, and nothing of it comes after.
        let mut ended = std::collections::HashSet::new();
        for record in &self.records {
            assert!(!ended.contains(&record.pid), "{record:?} after its end");
            if let Seen::Exit { group: true, .. } = record.seen {
                ended.insert(record.pid);
            }
        }
        assert!(ended.contains(&self.pid));
        for (_, child) in self.forks() {
            assert!(ended.contains(&child), "{child} did not end");
        }
        // The facts precede the first marker.
        let mut known = std::collections::HashSet::new();
        for record in &self.records {
            match record.seen {
                Seen::Process { .. } => {
                    known.insert(record.pid);
                }
                Seen::Write { .. } => assert!(known.contains(&record.pid), "{record:?}"),
                _ => {}
            }
        }
    }
}
