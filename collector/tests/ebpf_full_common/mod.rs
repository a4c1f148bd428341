//! A program of a test binary's own under trace, and its calls as values.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_collector::source::ebpf::{EbpfSource, Options, Scope};
use nulltrace_collector::source::{Full, Source};
use nulltrace_core::input::event::{Event, What};
use nulltrace_core::input::full::{
    BlockRecord, IrqRecord, SwitchRecord, TextKind, Texts, WakeupRecord,
};
use nulltrace_core::input::record::FileId;

use crate::ebpf_common::Live;

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    pub ts: u64,
    pub pid: u32,
    pub tid: u32,
    pub nr: u32,
    pub time: u64,
    pub result: i64,
    pub args: [u64; 6],
    pub fd: i32,
    pub file: FileId,
    pub no_return: bool,
    pub texts: Vec<(u8, TextKind, bool, Vec<u8>)>,
}

/// What was seen of it.
pub struct Traced {
    live: Live,
    pub calls: Vec<Call>,
    pub names: HashMap<FileId, Vec<u8>>,
    pub processes: HashSet<u32>,
    pub markers: usize,
    pub switches: Vec<SwitchRecord>,
    /// With whether the thread was new.
    pub wakeups: Vec<(WakeupRecord, bool)>,
    pub blocks: Vec<BlockRecord>,
    /// With whether they are softirqs.
    pub irqs: Vec<(IrqRecord, bool)>,
}

pub fn options(full: Full) -> Options {
    Options {
        scope: Scope::Members,
        activity: true,
        full: Some(full),
        ..Options::default()
    }
}

/// A call that begins or ends what is compared.
pub fn edge(n: i32) {
    // SAFETY: closes nothing: no such descriptor is open.
    unsafe { libc::close(i32::MAX - n) };
}

/// The calls between two edges, of their thread.
pub fn between(calls: &[Call], from: i32, to: i32) -> Vec<Call> {
    let at = |n: i32| {
        let is = |call: &Call| {
            i64::from(call.nr) == libc::SYS_close && call.args[0] == (i32::MAX - n) as u64
        };
        calls.iter().position(is).unwrap()
    };
    let (from, to) = (at(from), at(to));
    let tid = calls[from].tid;
    let between = calls[from + 1..to].iter().filter(|call| call.tid == tid);
    between.cloned().collect()
}

/// In the program: reads a byte.
pub fn wait_for_parent() {
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

impl Traced {
    pub fn start(options: &Options) -> Option<Self> {
        Some(Self {
            live: Live::start(options)?,
            calls: Vec::new(),
            names: HashMap::new(),
            processes: HashSet::new(),
            markers: 0,
            switches: Vec::new(),
            wakeups: Vec::new(),
            blocks: Vec::new(),
            irqs: Vec::new(),
        })
    }

    pub fn source(&mut self) -> &mut EbpfSource {
        &mut self.live.source
    }

    /// Runs a test of this binary to its end.
    pub fn run(&mut self, test: &str, variables: &[(&str, &str)]) {
        let own = std::env::current_exe().unwrap();
        let own = own.to_str().unwrap();
        self.spawn(own, &["--exact", test, "--ignored"], variables);
        self.until_end();
    }

    /// Starts a program that is followed.
    pub fn spawn(&mut self, program: &str, args: &[&str], variables: &[(&str, &str)]) {
        self.source().follow_children(true).unwrap();
        let mut child = Command::new(program)
            .args(args)
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.source().follow_children(false).unwrap();
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
            self.drain();
            self.live.source.wait(Duration::from_millis(5));
        }
        assert!(child.wait().unwrap().success());
    }

    /// Until all that was started has ended.
    pub fn until_end(&mut self) {
        while self.source().alive() != Some(0) {
            self.drain();
        }
        self.drain();
    }

    /// A test of this binary, which waits for its parent.
    pub fn child(test: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored"])
            .stdout(Stdio::null())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// One that is followed from when it waits.
    pub fn follow(&mut self, test: &str) -> Child {
        let child = Self::child(test);
        let waits = || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
            let mut calls = tasks.map(|task| {
                std::fs::read_to_string(task.unwrap().path().join("syscall")).unwrap_or_default()
            });
            calls.any(|call| call.starts_with(&format!("{} 0x0 ", libc::SYS_read)))
        };
        let begun = Instant::now();
        while !waits() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "it does not wait"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.source().follow(child.id()).unwrap();
        child
    }

    /// Drains until `done` holds.
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < Duration::from_secs(60), "no {what}");
            self.drain();
            self.live.source.wait(Duration::from_millis(1));
        }
    }

    pub fn drain(&mut self) {
        let Self {
            live,
            calls,
            names,
            processes,
            markers,
            switches,
            wakeups,
            blocks,
            irqs,
        } = self;
        let mut take = |record: &[u8]| {
            let event =
                Event::decode(record).unwrap_or_else(|error| panic!("{error:?}: {record:?}"));
            match event.what {
                What::Syscall {
                    call,
                    no_return,
                    texts,
                } => {
                    // What it is about is known before.
                    assert!(
                        call.file.ino == 0 || names.contains_key(&call.file),
                        "{call:?}"
                    );
                    assert!(processes.contains(&event.pid), "{call:?}");
                    let texts = Texts::of(texts);
                    let texts = texts
                        .map(|text| (text.arg, text.kind.unwrap(), text.cut, text.bytes.to_vec()));
                    calls.push(Call {
                        ts: event.ts,
                        pid: event.pid,
                        tid: event.tid,
                        nr: call.nr,
                        time: call.time,
                        result: call.result,
                        args: call.args,
                        fd: call.fd,
                        file: call.file,
                        no_return,
                        texts: texts.collect(),
                    });
                }
                What::File { file, names: of } => {
                    names.insert(file.id, of.to_vec());
                }
                What::Process { .. } => {
                    processes.insert(event.pid);
                }
                What::Write { .. } => *markers += 1,
                What::Switch(of) => switches.push(*of),
                What::Block(of) => blocks.push(*of),
                What::Irq { irq, soft } => irqs.push((*irq, soft)),
                What::Wakeup { wakeup, new } => wakeups.push((*wakeup, new)),
                _ => {}
            }
        };
        live.source.drain(&mut take).unwrap();
    }

    /// Descriptor of the null device in the program that wrote markers.
    pub fn null_fd(&self) -> u64 {
        let null =
            |call: &&Call| call.texts.iter().any(|text| text.3 == b"/dev/null") && call.result > 2;
        self.calls
            .iter()
            .rfind(null)
            .map_or(3, |call| call.result as u64)
    }
}
