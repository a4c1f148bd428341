//! A reader that begins in the middle with a snapshot, beside one that saw all.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

mod common;

use std::collections::BTreeMap;

use nulltrace_core::activity::{Inside, Reach};
use nulltrace_core::input::event::Event;
use nulltrace_core::input::layout::Reader;
use nulltrace_core::input::made::KIND_GONE;
use nulltrace_core::input::record::{
    CALLS_IN_PROGRESS, CallsRecord, CgroupRecord, ExitRecord, FLAG_AT_MARKER, FLAG_AT_RETURN,
    FLAG_EXEC, FLAG_GROUP, FileId, FileRecord, ForkRecord, Head, KIND_CGROUP, KIND_COMMAND,
    KIND_EXIT, KIND_FILE, KIND_FORK, KIND_PROCESS, KIND_SEGMENT, KIND_SO_FAR, KIND_WRITE,
    SNAPSHOT_KINDS, SegmentRecord,
};
use nulltrace_core::input::snapshot::{
    KIND_DEAD, KIND_OPEN, KIND_THREAD, OPEN_THREAD_GONE, OpenRecord, ThreadRecord,
};
use nulltrace_core::spans::consumer::{Consumer, Malformed, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::{Limits, OpenSpan};
use nulltrace_core::spans::span::{Closed, End};
use nulltrace_spec::UNIQUE;
use proptest::prelude::*;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

/// Bytes at a word's beginning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    words: Vec<u64>,
    len: usize,
}

impl Record {
    fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        let len = bytes.len();
        Self { words, len }
    }

    fn of(head: Head, kind: u8, fixed: &(impl IntoBytes + Immutable), tail: &[u8]) -> Self {
        let mut bytes = [fixed.as_bytes(), tail].concat();
        let size = bytes.len() as u16;
        *Head::mut_from_prefix(&mut bytes).unwrap().0 = Head { size, kind, ..head };
        Self::new(&bytes)
    }

    fn head(&self) -> Head {
        Head::read_from_prefix(self.bytes()).unwrap().0
    }

    fn kind(&self) -> u8 {
        self.head().kind
    }

    fn thread(&self) -> (u32, u32) {
        (self.head().pid, self.head().tid)
    }

    fn bytes(&self) -> &[u8] {
        &self.words.as_bytes()[..self.len]
    }
}

/// All that came out, as text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Only spans, not what was inside.
    only_spans: bool,
    lines: Vec<String>,
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
enum What {
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
struct Step {
    pid: u32,
    tid: u32,
    dt: i64,
    what: What,
}

/// One thing that happens to a correlator.
enum Happens {
    Event(Record),
    Tick(u64),
}

impl Happens {
    fn to(&self, correlator: &mut Correlator, seen: &mut Seen) {
        match self {
            Self::Event(record) => correlator.push(&Event::decode(record.bytes()).unwrap(), seen),
            Self::Tick(ts) => correlator.tick(*ts, seen),
        }
    }
}

/// What the kernel knows while it reports the steps.
#[derive(Default)]
struct Kernel {
    ts: u64,
    numbers: BTreeMap<(u32, u32), u32>,
    /// When each thread's segment began.
    since: BTreeMap<(u32, u32), u64>,
    reported: Vec<Happens>,
}

const FILE_SORTS: [(u16, u16, &[u8]); 5] = [
    (0o100_644, 0, b"blob\0tmp\0"),
    (0o010_600, 0, b""),
    (0, 2, b""),
    (0, 1, b"/run/a.sock\0"),
    (0, 10, b""),
];

impl Kernel {
    fn head(&self, step: &Step, flags: u8) -> Head {
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

    fn step(&mut self, step: &Step) {
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

fn text() -> impl Strategy<Value = String> {
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

fn steps() -> impl Strategy<Value = Vec<Step>> {
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
fn execs() -> impl Strategy<Value = Vec<Step>> {
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

fn limits() -> impl Strategy<Value = Limits> {
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

fn happenings(steps: &[Step]) -> Vec<Happens> {
    let mut kernel = Kernel {
        ts: 1000,
        ..Kernel::default()
    };
    steps.iter().for_each(|step| kernel.step(step));
    kernel.reported
}

fn snapshot(of: &Correlator) -> Vec<Record> {
    let mut records = Vec::new();
    of.snapshot(&mut |record| records.push(Record::new(record)));
    records
}

/// The records in an order of their own, as what is in no order comes in any.
fn sorted(of: &Correlator) -> Vec<Record> {
    let mut records = snapshot(of);
    // How many markers a thread has written, and when some were lost, matters only for spans that it has.
    let spans: Vec<_> = records
        .iter()
        .filter(|of| of.kind() == KIND_OPEN)
        .map(|of| {
            (
                of.thread(),
                OpenRecord::read_from_prefix(of.bytes()).unwrap().0,
            )
        })
        .filter(|(_, span)| span.flags & OPEN_THREAD_GONE == 0)
        .map(|(thread, span)| (thread, span.seq))
        .collect();
    for record in &mut records {
        if record.kind() == KIND_THREAD {
            let of_thread = spans
                .iter()
                .filter(|(thread, _)| *thread == record.thread());
            let first = of_thread.map(|(_, seq)| *seq).min();
            let (thread, _) = ThreadRecord::mut_from_prefix(record.words.as_mut_bytes()).unwrap();
            if first.is_none() {
                thread.head.number = 0;
            }
            if first.is_none_or(|first| thread.lost < first) {
                thread.lost = 0;
            }
        }
        let kind = record.kind();
        let (bytes, len) = (record.words.as_mut_bytes(), record.len);
        if kind == KIND_DEAD {
            let pids = <[u32]>::mut_from_bytes(&mut bytes[size_of::<Head>()..len]).unwrap();
            pids.sort_unstable();
        }
    }
    records.sort();
    // The path of a cgroup may be reported again where processes are reported in another order.
    records.dedup();
    records
}

/// A snapshot of both has the same records.
fn same(left: &Correlator, right: &Correlator) {
    let (left, right) = (sorted(left), sorted(right));
    let not_in = |all: &[Record], of: &[Record]| -> Vec<Record> {
        all.iter()
            .filter(|record| !of.contains(record))
            .cloned()
            .collect()
    };
    assert_eq!(not_in(&left, &right), not_in(&right, &left));
}

fn feed(correlator: &mut Correlator, records: &[Record], seen: &mut Seen) {
    let mut reader = Reader::default();
    for record in records {
        if let Ok(event) = reader.read(record.bytes()) {
            correlator.push(&event, seen);
        }
    }
}

/// Begins anew after `cut` of what happens, and compares from there on. Returns how many spans were open then.
fn compare(happens: &[Happens], cut: usize, limits: Limits, only_spans: bool) -> usize {
    let new = || Seen {
        only_spans,
        lines: Vec::new(),
    };
    let mut whole = Correlator::new(limits);
    let (before, after) = happens.split_at(cut.min(happens.len()));
    before
        .iter()
        .for_each(|happens| happens.to(&mut whole, &mut new()));

    // What is one too many goes with whatever comes next.
    whole.tick(0, &mut new());
    let (mut second, mut restored) = (Correlator::new(limits), new());
    feed(&mut second, &snapshot(&whole), &mut restored);
    let open: Vec<_> = whole
        .open_by_age()
        .map(|span| format!("opened {span:?}"))
        .collect();
    assert_eq!(restored.lines, open);
    assert_eq!(second.ledger().lost.bad_record, 0);
    same(&second, &whole);
    common::check(&second);

    for (at, happens) in after.iter().enumerate() {
        let (mut expected, mut seen) = (new(), new());
        happens.to(&mut whole, &mut expected);
        happens.to(&mut second, &mut seen);
        assert_eq!(seen.lines, expected.lines, "event {at} after the cut");
        common::check(&second);
        if at == after.len() / 2 {
            let (mut expected, mut seen) = (new(), new());
            whole.tick(0, &mut expected);
            second.tick(0, &mut seen);
            assert_eq!(seen, expected);
            // In the middle of its stream a snapshot of what it knows changes nothing.
            let records = snapshot(&second);
            feed(&mut second, &records, &mut seen);
            assert_eq!(seen, expected);
        }
    }
    if !after.is_empty() && !only_spans {
        same(&second, &whole);
    }
    let (mut expected, mut seen) = (new(), new());
    whole.finish(u64::MAX, &mut expected);
    second.finish(u64::MAX, &mut seen);
    assert_eq!(seen, expected);
    common::check(&second);
    open.len()
}

fn write(ts: u64, text: &str) -> Happens {
    let head = Head {
        ts,
        pid: 1,
        tid: 1,
        size: 0,
        kind: 0,
        flags: 0,
        number: 0,
    };
    Happens::Event(Record::of(head, KIND_WRITE, &head, text.as_bytes()))
}

/// One span of each sort, cut while all are open.
#[test]
fn what_is_open_goes_on() {
    let before = [
        write(100, ">:t:a:k=v:"),
        write(110, ">:t:a.b::"),
        write(120, "<:t:a.b::"),
        write(130, ">:t:a.c::"),
        write(140, ">:t:un"),
    ];
    let mut first = Correlator::new(Limits::default());
    before
        .iter()
        .for_each(|of| of.to(&mut first, &mut Seen::default()));
    let mut second = Correlator::new(Limits::default());
    feed(&mut second, &snapshot(&first), &mut Seen::default());
    assert_eq!((second.open(), second.ledger().spans.before), (2, 2));

    let mut closed = Vec::new();
    let mut out = |span: &Closed| closed.push(span.clone());
    for (ts, text) in [
        (150, "finished::"),
        (160, "<:t:unfinished::"),
        (170, "<:t:a.c::"),
        (200, "<:t:a::"),
    ] {
        let Happens::Event(record) = write(ts, text) else {
            unreachable!()
        };
        second.push(&Event::decode(record.bytes()).unwrap(), &mut out);
    }
    let rows: Vec<_> = closed
        .iter()
        .map(|span| {
            (
                span.tags.canonical(),
                span.seq,
                span.parent,
                span.start,
                span.duration(),
                span.self_ns(),
                span.child_hits,
            )
        })
        .collect();
    let expected: [(&[u8], _, _, _, _, _, _); 3] = [
        (b"unfinished", 4, Some(3), 140, 20, 20, 0),
        (b"a.c", 3, Some(1), 130, 40, 20, 1),
        (b"a", 1, None, 100, 100, 50, 2),
    ];
    assert_eq!(rows, expected);
    assert!(closed.iter().all(|span| span.how == End::Exit));
    assert_eq!(closed[2].enter_args.get(b"k"), Some(&b"v"[..]));
    let ledger = second.ledger();
    assert_eq!(
        (ledger.spans.before, ledger.spans.opened, ledger.spans.exit),
        (2, 1, 3)
    );
    assert_eq!(ledger.check(), Ok(()));
}

/// A thread that calls exec takes the id of its process: its spans come to those that have that id, and of all of them
/// the one that was opened last ends first.
#[test]
fn spans_that_take_another_id_keep_their_order() {
    let by = |tid, text: &str| {
        let head = Head {
            ts: 100,
            pid: 1,
            tid,
            size: 0,
            kind: 0,
            flags: 0,
            number: 0,
        };
        Happens::Event(Record::of(head, KIND_WRITE, &head, text.as_bytes()))
    };
    let mut exec = common::facts(110, 1, 9, 5, "sh");
    (exec.head.tid, exec.head.flags) = (2, FLAG_EXEC);
    let exec = Happens::Event(Record::of(exec.head, KIND_PROCESS, &exec, &[]));
    // Both many and few of one id and tags.
    for others in [1, 20] {
        let mut first = Correlator::new(Limits::default());
        let mut seen = Seen::default();
        by(2, ">:t:a::").to(&mut first, &mut seen);
        (0..others).for_each(|_| by(3, ">:p:a::").to(&mut first, &mut seen));
        exec.to(&mut first, &mut seen);
        let mut second = Correlator::new(Limits::default());
        feed(&mut second, &snapshot(&first), &mut seen);

        let mut ended = Vec::new();
        let mut out = |span: &Closed| ended.push(span.seq);
        let Happens::Event(exit) = by(4, "<:p:a::") else {
            unreachable!()
        };
        let exit = Event::decode(exit.bytes()).unwrap();
        (0..2).for_each(|_| second.push(&exit, &mut out));
        assert_eq!(ended, [1 + others, others]);
    }
}

/// Of more spans than a reader may have open those opened first make room, as ever.
#[test]
fn limits_hold_for_what_is_restored() {
    let mut first = Correlator::new(Limits::default());
    for n in 0..1000 {
        write(n, &format!(">:{n}:a.n{n}:k={n}:")).to(&mut first, &mut Seen::default());
        if n % 10 == 0 {
            let head = Head {
                ts: n,
                pid: 1,
                tid: 100 + n as u32,
                size: 0,
                kind: 0,
                flags: 0,
                number: 0,
            };
            let part = Record::of(head, KIND_WRITE, &head, b">:t:part");
            Happens::Event(part).to(&mut first, &mut Seen::default());
        }
    }
    let limits = Limits {
        open: 10,
        fragments: 12,
        ..Limits::default()
    };
    let (mut second, mut seen) = (Correlator::new(limits), Seen::default());
    feed(&mut second, &snapshot(&first), &mut seen);
    second.tick(1000, &mut seen);
    let open: Vec<_> = second.open_by_age().map(|span| span.seq).collect();
    assert_eq!(open, (991..=1000).collect::<Vec<_>>());
    let ledger = second.ledger();
    assert_eq!((ledger.spans.before, ledger.spans.evicted), (1000, 990));
    assert_eq!(ledger.lost.fragments, 97, "the oldest");
    assert_eq!(ledger.check(), Ok(()));
    // By bytes, too.
    let limits = Limits {
        bytes: 4096,
        ..Limits::default()
    };
    let mut second = Correlator::new(limits);
    feed(&mut second, &snapshot(&first), &mut seen);
    assert!(second.open() < 40 && second.open() > 1, "{}", second.open());
}

/// What a snapshot that somebody made up may do to a record.
#[derive(Clone, Debug)]
enum Harm {
    /// Puts a byte somewhere.
    Byte(usize, u8),
    /// Puts a number somewhere, at a word's beginning.
    Word(usize, u64),
    /// Gives it twice.
    Twice,
    /// Leaves it out.
    Without,
    /// Gives it in the place of another.
    Swapped(usize),
    /// Makes it shorter.
    Shorter(usize),
}

fn harms() -> impl Strategy<Value = Vec<(usize, Harm)>> {
    let number = prop_oneof![
        0_u64..300,
        any::<u64>(),
        Just(u64::MAX),
        Just(1 << 63),
        Just(u64::MAX >> 1)
    ];
    let harm = prop_oneof![
        2 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
        4 => (any::<usize>(), number).prop_map(|(at, number)| Harm::Word(at, number)),
        1 => Just(Harm::Twice),
        1 => Just(Harm::Without),
        1 => any::<usize>().prop_map(Harm::Swapped),
        1 => any::<usize>().prop_map(Harm::Shorter),
    ];
    prop::collection::vec((any::<usize>(), harm), 0..30)
}

fn harm(records: &mut Vec<Record>, harms: Vec<(usize, Harm)>) {
    for (at, harm) in harms {
        if records.len() < 2 {
            return;
        }
        // The layout stays: it has tests of its own.
        let at = 1 + at % (records.len() - 1);
        let record = &mut records[at];
        match harm {
            Harm::Byte(place, byte) => {
                let place = place % record.len;
                // What it is stays, and how long.
                if !(16..19).contains(&place) {
                    record.words.as_mut_bytes()[place] = byte;
                }
            }
            Harm::Word(place, number) => {
                let place = place % record.words.len();
                if place != 2 {
                    record.words[place] = number;
                }
            }
            Harm::Twice => {
                let again = record.clone();
                records.insert(at, again);
            }
            Harm::Without => drop(records.remove(at)),
            Harm::Swapped(other) => {
                let other = 1 + other % (records.len() - 1);
                records.swap(at, other);
            }
            Harm::Shorter(by) => {
                let len = record.len - by % record.len;
                let mut bytes = record.bytes()[..len].to_vec();
                if let Ok((head, _)) = Head::mut_from_prefix(&mut bytes) {
                    head.size = len as u16;
                }
                *record = Record::new(&bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever happens before and after, and wherever the cut is.
    #[test]
    fn as_one_that_saw_all(steps in prop_oneof![3 => steps(), 1 => execs()], cut in any::<prop::sample::Index>(), limits in limits()) {
        let happens = happenings(&steps);
        compare(&happens, cut.index(happens.len() + 1), limits, false);
    }

    /// The same where spans have what others than their thread did: the same spans.
    #[test]
    fn with_spans_that_reach_further(steps in prop_oneof![3 => steps(), 1 => execs()], cut in any::<prop::sample::Index>(), limits in limits()) {
        let happens = happenings(&steps);
        let limits = Limits { reach: Reach::Script, ..limits };
        compare(&happens, cut.index(happens.len() + 1), limits, true);
    }

    /// Nor do bytes that are of no snapshot at all.
    #[test]
    fn garbage_does_no_harm(
        records in prop::collection::vec((SNAPSHOT_KINDS, prop::collection::vec(any::<u8>(), 0..400)), 0..40),
        steps in steps(),
        limits in limits(),
    ) {
        let (mut correlator, mut seen) = (Correlator::new(limits), Seen::default());
        let records: Vec<_> = records.iter().map(|(kind, bytes)| {
            let head = Head { ts: 0, pid: 1, tid: 1, size: 0, kind: 0, flags: 0, number: 0 };
            Record::of(head, *kind, &head, bytes)
        }).collect();
        feed(&mut correlator, &records, &mut seen);
        common::check(&correlator);
        for happens in happenings(&steps) {
            happens.to(&mut correlator, &mut seen);
            common::check(&correlator);
        }
    }

    /// A snapshot that says anything does no harm: the limits hold, and all is accounted for.
    #[test]
    fn a_hostile_snapshot_does_no_harm(steps in steps(), cut in any::<prop::sample::Index>(), limits in limits(), harms in harms()) {
        let happens = happenings(&steps);
        let (before, after) = happens.split_at(cut.index(happens.len() + 1));
        let mut first = Correlator::new(limits);
        before.iter().for_each(|of| of.to(&mut first, &mut Seen::default()));
        let mut records = snapshot(&first);
        harm(&mut records, harms);

        let mut second = Correlator::new(limits);
        feed(&mut second, &records, &mut Seen::default());
        common::check(&second);
        for of in after {
            of.to(&mut second, &mut Seen::default());
            common::check(&second);
            prop_assert!(second.open() <= limits.open as u64);
        }
        // What came of it can be given out and taken in again.
        let (mut third, records) = (Correlator::new(limits), snapshot(&second));
        feed(&mut third, &records, &mut Seen::default());
        common::check(&third);
        second.finish(u64::MAX, &mut Seen::default());
        common::check(&second);
    }
}
