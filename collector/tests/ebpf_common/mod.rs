//! What the live tests share: a source, and its records as values.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::{EbpfError, EbpfSource, Options};
use nulltrace_core::input::event::{Event, What};

/// The marker device, opened anew.
pub fn null() -> std::fs::File {
    std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/null")
        .unwrap()
}

/// A record as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub ts: u64,
    pub pid: u32,
    pub tid: u32,
    pub what: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Write {
        bytes: Vec<u8>,
        beyond: u64,
        cont: bool,
    },
    Process {
        comm: String,
        exe: String,
        ppid: u32,
        uid: u32,
        start: u64,
        cgroup: u64,
        exec: bool,
    },
    Fork {
        child: u32,
    },
    Exit {
        signal: u8,
        group: bool,
    },
}

impl Kind {
    pub fn write(bytes: &[u8]) -> Self {
        Self::Write {
            bytes: bytes.into(),
            beyond: 0,
            cont: false,
        }
    }
    pub fn cont(bytes: &[u8]) -> Self {
        Self::Write {
            bytes: bytes.into(),
            beyond: 0,
            cont: true,
        }
    }
}

fn text(padded: &[u8]) -> String {
    let end = padded.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&padded[..end.unwrap_or(padded.len())]).into_owned()
}

fn seen(record: &[u8]) -> Seen {
    assert_eq!(record.as_ptr().align_offset(8), 0, "records are aligned");
    let event = Event::decode(record).unwrap();
    let what = match event.what {
        What::Write {
            bytes,
            beyond,
            continues,
        } => Kind::Write {
            bytes: bytes.into(),
            beyond,
            cont: continues,
        },
        What::Process { facts, exec } => Kind::Process {
            comm: text(&facts.comm),
            exe: text(&facts.exe),
            ppid: facts.ppid,
            uid: facts.uid,
            start: facts.start,
            cgroup: facts.cgroup,
            exec,
        },
        What::Fork { child } => Kind::Fork { child },
        What::Exit { signal, group, .. } => Kind::Exit { signal, group },
        other => panic!("nobody asked for {other:?}"),
    };
    Seen {
        ts: event.ts,
        pid: event.pid,
        tid: event.tid,
        what,
    }
}

/// A source under test. Tests take turns: each would see the others' processes.
pub struct Live {
    pub source: EbpfSource,
    pub all: Vec<Seen>,
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl Live {
    /// `None` when this process may not load kernel programs; it says so.
    pub fn start(options: &Options) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        match EbpfSource::attach(options) {
            Ok(source) => Some(Self {
                source,
                all: Vec::new(),
                _turn: turn,
            }),
            // A virtual machine made for these tests has every right.
            Err(error @ EbpfError::Rights { .. })
                if std::env::var_os("NULLTRACE_TEST_KERNEL").is_none() =>
            {
                eprintln!("skipped: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub fn drain(&mut self) {
        let all = &mut self.all;
        self.source
            .drain(&mut |record| all.push(seen(record)))
            .unwrap();
    }

    /// Drains until `done` holds of what was seen; fails after a while.
    pub fn until(&mut self, what: &str, done: impl Fn(&[Seen]) -> bool) {
        let begin = Instant::now();
        loop {
            self.drain();
            if done(&self.all) {
                return;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "no {what} among {:#?}",
                self.all
            );
            self.source.wait(Duration::from_millis(5));
        }
    }

    /// Everything there is of these processes: records are in the ring before the call that made
    /// them returns.
    pub fn of(&mut self, pid: u32) -> Vec<Kind> {
        self.drain();
        self.all
            .iter()
            .filter(|seen| seen.pid == pid)
            .map(|seen| seen.what.clone())
            .collect()
    }

    /// What this thread wrote.
    pub fn own_writes(&mut self) -> Vec<Kind> {
        self.drain();
        let tid = tid();
        self.all
            .iter()
            .filter(|seen| seen.tid == tid && matches!(seen.what, Kind::Write { .. }))
            .map(|seen| seen.what.clone())
            .collect()
    }
}

pub fn tid() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::gettid() }.cast_unsigned()
}
