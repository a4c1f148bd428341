//! Random streams of records, as kernels report them.
#![allow(dead_code)] // Each test binary uses its part.

use std::collections::BTreeMap;

use nulltrace_core::activity::Inside;
use nulltrace_core::input::event::Event;
use nulltrace_core::input::made::KIND_GONE;
use nulltrace_core::input::record::{
    CALLS_IN_PROGRESS, CallsRecord, CgroupRecord, ExitRecord, FLAG_AT_MARKER, FLAG_AT_RETURN,
    FLAG_EXEC, FLAG_GROUP, FileId, FileRecord, ForkRecord, Head, KIND_CGROUP, KIND_COMMAND,
    KIND_EXIT, KIND_FILE, KIND_FORK, KIND_PROCESS, KIND_SEGMENT, KIND_SO_FAR, KIND_WRITE,
    SegmentRecord,
};
use nulltrace_core::spans::consumer::{Consumer, Malformed, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::{Limits, OpenSpan};
use nulltrace_core::spans::span::Closed;
use nulltrace_spec::UNIQUE;
use proptest::prelude::*;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

use crate::common;

/// Bytes at a word's beginning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) words: Vec<u64>,
    pub(crate) len: usize,
}

impl Record {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        let len = bytes.len();
        Self { words, len }
    }

    pub(crate) fn of(
        head: Head,
        kind: u8,
        fixed: &(impl IntoBytes + Immutable),
        tail: &[u8],
    ) -> Self {
        let mut bytes = [fixed.as_bytes(), tail].concat();
        let size = bytes.len() as u16;
        *Head::mut_from_prefix(&mut bytes).unwrap().0 = Head { size, kind, ..head };
        Self::new(&bytes)
    }

    pub(crate) fn head(&self) -> Head {
        Head::read_from_prefix(self.bytes()).unwrap().0
    }

    pub(crate) fn kind(&self) -> u8 {
        self.head().kind
    }

    pub(crate) fn thread(&self) -> (u32, u32) {
        (self.head().pid, self.head().tid)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.words.as_bytes()[..self.len]
    }
}

/// All that came out, as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Only spans, not what was inside.
    pub(crate) only_spans: bool,
    pub(crate) lines: Vec<String>,
}

impl Consumer for Seen {
    fn wants(&self) -> Wants {
        let all = Wants::CLOSED | Wants::OPENED | Wants::MALFORMED | Wants::IDLE;
        if self.only_spans {
            all
        } else {
            all | Wants::INSIDE
        }
    }

    fn opened(&mut self, span: &OpenSpan<'_>) {
        self.lines.push(format!("opened {span:?}"));
    }

    fn closed(&mut self, span: &Closed) {
        self.lines.push(format!("closed {span:?}"));
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        if !self.only_spans {
            self.lines.push(format!("inside {inside:?}"));
        }
    }

    fn malformed(&mut self, bad: &Malformed<'_>) {
        self.lines.push(format!("malformed {bad:?}"));
    }

    fn idle(&mut self, tid: u32, ts: u64) {
        self.lines.push(format!("idle {tid} {ts}"));
    }
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Writes that, which may be a part of a marker; a segment comes before it, or does not.
    Write {
        text: String,
        segment: bool,
    },
    /// A segment ends: at a marker that was lost, at a return, elsewhere; or goes on.
    Segment {
        flags: u8,
        so_far: bool,
    },
    Facts {
        exec: bool,
        ppid: u32,
        start: u64,
        uid: u32,
        comm: u8,
        command: u8,
        cgroup: u64,
    },
    Cgroup {
        id: u64,
        names: u8,
    },
    File {
        ino: u64,
        sort: u8,
    },
    Fork {
        child: u32,
    },
    ThreadExit,
    ProcessExit {
        signal: u32,
    },
    Lose {
        markers: u32,
    },
    Gone,
    Tick,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) dt: i64,
    pub(crate) what: What,
}

/// One thing that happens to a correlator.
pub(crate) enum Happens {
    Event(Record),
    Tick(u64),
}

impl Happens {
    pub(crate) fn to(&self, correlator: &mut Correlator, seen: &mut Seen) {
        match self {
            Self::Event(record) => correlator.push(&Event::decode(record.bytes()).unwrap(), seen),
            Self::Tick(ts) => correlator.tick(*ts, seen),
        }
    }
}

/// What the kernel knows while it reports the steps.
#[derive(Default)]
pub(crate) struct Kernel {
    pub(crate) ts: u64,
    pub(crate) numbers: BTreeMap<(u32, u32), u32>,
    /// When each thread's segment began.
    pub(crate) since: BTreeMap<(u32, u32), u64>,
    pub(crate) reported: Vec<Happens>,
}

const FILE_SORTS: [(u16, u16, &[u8]); 5] = [
    (0o100_644, 0, b"blob\0tmp\0"),
    (0o010_600, 0, b""),
    (0, 2, b""),
    (0, 1, b"/run/a.sock\0"),
    (0, 10, b""),
];

impl Kernel {
    pub(crate) fn head(&self, step: &Step, flags: u8) -> Head {
        Head {
            ts: self.ts,
            pid: step.pid,
            tid: step.tid,
            size: 0,
            kind: 0,
            flags,
            number: *self.numbers.get(&(step.pid, step.tid)).unwrap_or(&0),
        }
    }

    fn report(&mut self, head: Head, kind: u8, fixed: &(impl IntoBytes + Immutable), tail: &[u8]) {
        self.reported
            .push(Happens::Event(Record::of(head, kind, fixed, tail)));
    }

    fn segment(&mut self, step: &Step, flags: u8, so_far: bool) {
        let key = (step.pid, step.tid);
        let Some(&since) = self.since.get(&key) else {
            return;
        };
        let lasted = self.ts.saturating_sub(since);
        let mut record = SegmentRecord::new_zeroed();
        record.since = since;
        (record.kernel, record.blocked, record.runnable) = (lasted / 4, lasted / 2, lasted / 8);
        (record.other, record.minor) = (lasted as u32 % 3, lasted as u32 % 7);
        let mut calls = CallsRecord::new_zeroed();
        (calls.nr, calls.time, calls.count) = (since as u32 % 3, lasted / 4, 1 + lasted as u32 % 5);
        (calls.min, calls.max, calls.buckets[3]) = (1, lasted / 4, calls.count);
        calls.file = FileId {
            ino: since % 4,
            dev: 1,
            generation: 0,
        };
        let mut all = vec![calls];
        if let Some(time) = lasted.checked_sub(100_000_000)
            && so_far
        {
            (calls.nr, calls.count, calls.buckets[3]) = (4, 0, 0);
            (calls.time, calls.flags) = (time, CALLS_IN_PROGRESS);
            all.push(calls);
        }
        record.calls = all.len() as u32;
        let kind = if so_far { KIND_SO_FAR } else { KIND_SEGMENT };
        self.report(self.head(step, flags), kind, &record, all.as_bytes());
        if !so_far {
            self.since.insert(key, self.ts);
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        self.ts = self.ts.saturating_add_signed(step.dt);
        let (pid, key) = (step.pid, (step.pid, step.tid));
        let zero = self.head(step, 0);
        match &step.what {
            What::Write { text, segment } => {
                if *segment {
                    self.segment(step, FLAG_AT_MARKER, false);
                }
                self.since.insert(key, self.ts);
                *self.numbers.entry(key).or_default() += 1;
                self.report(self.head(step, 0), KIND_WRITE, &zero, text.as_bytes());
            }
            What::Segment { flags, so_far } => self.segment(step, *flags, *so_far),
            What::Facts {
                exec,
                ppid,
                start,
                uid,
                comm,
                command,
                cgroup,
            } => {
                let mut facts = common::facts(self.ts, pid, *ppid, *start, &format!("c{comm}"));
                (facts.uid, facts.cgroup, facts.exe[0]) = (*uid, *cgroup, b'/');
                if *exec {
                    (facts.head.tid, facts.head.flags) = (step.tid, FLAG_EXEC);
                }
                self.report(facts.head, KIND_PROCESS, &facts, &[]);
                if *exec {
                    // The thread bears the id of its process from now on, and the others have ended.
                    let (number, since) = (self.numbers.remove(&key), self.since.remove(&key));
                    self.numbers.retain(|(of, _), _| *of != pid);
                    self.since.retain(|(of, _), _| *of != pid);
                    self.numbers
                        .extend(number.map(|number| ((pid, pid), number)));
                    self.since.extend(since.map(|since| ((pid, pid), since)));
                }
                if *command > 0 {
                    let args = vec![b'0' + *command; usize::from(*command)];
                    self.report(facts.head, KIND_COMMAND, &facts.head, &args);
                }
            }
            What::Cgroup { id, names } => {
                let names: &[u8] = [&b"b\0a\0"[..], b"", b"a.slice\0"][usize::from(names % 3)];
                let (names_len, reserved) = (names.len() as u32, 0);
                let record = CgroupRecord {
                    head: zero,
                    id: *id,
                    names: names_len,
                    reserved,
                };
                self.report(zero, KIND_CGROUP, &record, names);
            }
            What::File { ino, sort } => {
                let (mode, family, names) = FILE_SORTS[usize::from(*sort) % FILE_SORTS.len()];
                let mut file = FileRecord::new_zeroed();
                file.id = FileId {
                    ino: *ino,
                    dev: 1,
                    generation: 0,
                };
                (file.mode, file.family, file.protocol, file.names) =
                    (mode, family, 6, names.len() as u32);
                (file.local, file.local_port, file.remote_port) =
                    ([9; 16], 80, u16::from(*sort) / 5);
                self.report(zero, KIND_FILE, &file, names);
            }
            What::Fork { child } => {
                let fork = ForkRecord {
                    head: zero,
                    child: *child,
                    reserved: 0,
                };
                self.report(zero, KIND_FORK, &fork, &[]);
            }
            What::ThreadExit | What::ProcessExit { .. } => {
                let (flags, code) = match step.what {
                    What::ProcessExit { signal } => (FLAG_GROUP, signal),
                    _ => (0, 0),
                };
                let exit = ExitRecord {
                    head: zero,
                    code,
                    reserved: 0,
                };
                self.report(self.head(step, flags), KIND_EXIT, &exit, &[]);
                self.since.remove(&key);
            }
            What::Lose { markers } => *self.numbers.entry(key).or_default() += markers,
            What::Gone => self.report(zero, KIND_GONE, &zero, &[]),
            What::Tick => self.reported.push(Happens::Tick(self.ts)),
        }
    }
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    let first = *UNIQUE.start();
    let id = prop_oneof![
        3 => Just(String::new()),
        3 => Just("t".to_string()),
        1 => Just("p".to_string()),
        1 => Just("pp".to_string()),
        1 => Just("g".to_string()),
        1 => (1_i64..4).prop_map(|n| n.to_string()),
        3 => (0_i64..4).prop_map(move |n| (first + n).to_string()),
    ];
    let tags = prop::sample::select(vec!["a", "a.b", "a.b.c", r"d\.e", r"d\.e.\<x\>"]);
    let args = prop_oneof![
        4 => Just(String::new()),
        2 => Just("k=v,empty=".to_string()),
        1 => Just("^=".to_string()),
        3 => (0_i64..4).prop_map(move |n| format!("^={},k=v", first + n)),
    ];
    let marker = (prop::sample::select(vec![">", ">", "<"]), id, tags, args)
        .prop_map(|(dir, id, tags, args)| format!("{dir}:{id}:{tags}:{args}:"));
    let pieces = vec![
        ">:t", ":a.b", "::", "<:", "t:a::", ">:x7:a::", "hello\n", ">:t:a:k",
    ];
    prop_oneof![
        12 => marker,
        2 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => Just("[\">\",\"t\",[\"a\\nb\",\"c.d\"],{\"k\":1}]".to_owned()),
        1 => Just("[\"<\",\"t\",[\"a\\nb\",\"c.d\"]]".to_owned()),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flags = prop::sample::select(vec![0, FLAG_AT_RETURN, FLAG_AT_MARKER]);
    let facts = (
        any::<bool>(),
        1_u32..5,
        0_u64..3,
        0_u32..2,
        0_u8..4,
        0_u8..3,
        0_u64..3,
    );
    let what = prop_oneof![
        20 => (text(), any::<bool>()).prop_map(|(text, segment)| What::Write { text, segment }),
        4 => (flags, any::<bool>()).prop_map(|(flags, so_far)| What::Segment { flags, so_far }),
        5 => facts.prop_map(|(exec, ppid, start, uid, comm, command, cgroup)|
            What::Facts { exec, ppid, start, uid, comm, command, cgroup }),
        1 => (1_u64..3, any::<u8>()).prop_map(|(id, names)| What::Cgroup { id, names }),
        1 => (0_u64..4, 0_u8..10).prop_map(|(ino, sort)| What::File { ino, sort }),
        1 => (1_u32..5).prop_map(|child| What::Fork { child }),
        2 => Just(What::ThreadExit),
        2 => prop::sample::select(vec![0, 0, 9]).prop_map(|signal| What::ProcessExit { signal }),
        1 => (1_u32..3).prop_map(|markers| What::Lose { markers }),
        1 => Just(What::Gone),
        1 => Just(What::Tick),
    ];
    let who = prop_oneof![3 => Just(1_u32), 2 => 1_u32..5];
    let dt = prop_oneof![6 => -5_i64..20, 1 => 200_000_000_i64..700_000_000];
    let step = (who, 1_u32..4, dt, what);
    let step = step.prop_map(|(pid, tid, dt, what)| Step { pid, tid, dt, what });
    prop::collection::vec(step, 0..150)
}

/// Few spans that threads and processes share, and threads that call exec.
pub(crate) fn execs() -> impl Strategy<Value = Vec<Step>> {
    let texts = vec![">:t:a::", ">:p:a::", "<:t:a::", "<:p:a::", ">:1:a::"];
    let write = (prop::sample::select(texts), any::<bool>());
    let what = prop_oneof![
        10 => write.prop_map(|(text, segment)| What::Write { text: text.to_owned(), segment }),
        2 => (0_u8..4).prop_map(|comm|
            What::Facts { exec: true, ppid: 9, start: 1, uid: 0, comm, command: 0, cgroup: 0 }),
        1 => Just(What::ThreadExit),
    ];
    let step = (1_u32..3, 1_u32..4, 0_i64..20, what);
    let step = step.prop_map(|(pid, tid, dt, what)| Step { pid, tid, dt, what });
    prop::collection::vec(step, 0..80)
}

pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    let open = prop_oneof![1 => 2_usize..40, 1 => Just(1000)];
    let age = prop_oneof![1 => 50_u64..2000, 2 => Just(2_000_000_000), 2 => Just(u64::MAX)];
    (open, age, 1_usize..6).prop_map(|(open, age, fragments)| Limits {
        open,
        age,
        fragments,
        tags: 2,
        ..Limits::default()
    })
}

pub(crate) fn happenings(steps: &[Step]) -> Vec<Happens> {
    let mut kernel = Kernel {
        ts: 1000,
        ..Kernel::default()
    };
    steps.iter().for_each(|step| kernel.step(step));
    kernel.reported
}
