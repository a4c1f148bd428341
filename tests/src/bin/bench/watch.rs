//! Who looks on while something is measured: nobody, this collector, and others that tell the same.

use std::ffi::CStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nulltrace_tests::empty::Empty;
use nulltrace_tests::{Agent, cpu};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::Program;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watch {
    Nothing,
    /// Programs that do nothing, where those of kernel activity are: what no program there can undercut.
    Empty,
    /// Those that read the clock there, as who tells durations must.
    Clock,
    Off,
    Segments,
    Strace,
    Perf,
    Bpftrace,
}

impl Watch {
    pub(crate) const OURS: [Self; 5] = [
        Self::Nothing,
        Self::Empty,
        Self::Clock,
        Self::Off,
        Self::Segments,
    ];
    pub(crate) const OTHERS: [Self; 3] = [Self::Strace, Self::Perf, Self::Bpftrace];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing attached",
            Self::Empty => "empty programs",
            Self::Clock => "programs that read the clock",
            Self::Off => "activity off",
            Self::Segments => "activity segments",
            Self::Strace => "strace -c -f",
            Self::Perf => "perf trace -s",
            Self::Bpftrace => "bpftrace, count and bytes by fd",
        }
    }

    /// What stands before the command of a program that it is to watch from the start.
    pub(crate) fn prefix(self, dir: &Path) -> Vec<String> {
        let report = dir.join("report").to_string_lossy().into_owned();
        let words: &[&str] = match self {
            Self::Strace => &["strace", "-c", "-f", "-o", &report, "--"],
            Self::Perf => &["perf", "trace", "-s", "-o", &report, "--"],
            _ => &[],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }

    /// Begins to watch a program that was started behind `prefix`.
    pub(crate) fn attach(self, program: &Program, dir: &Path) -> io::Result<Watching> {
        let agent = |activity| {
            Agent::start(
                &[program.pid()],
                &["--activity", activity],
                &dir.join("summary.json"),
            )
        };
        Ok(match self {
            Self::Nothing => Watching::Nothing,
            Self::Empty => Watching::Empty(Empty::attach(&HOOKS)?),
            Self::Clock => Watching::Empty(Empty::attach_clock(&HOOKS)?),
            Self::Off => Watching::Agent(agent("off")?),
            Self::Segments => Watching::Agent(agent("segments")?),
            Self::Strace | Self::Perf => Watching::Around(program.outer()),
            Self::Bpftrace => Watching::Bpftrace(Bpftrace::start(program.pid())?),
        })
    }
}

/// Where the programs of kernel activity are.
const HOOKS: [&CStr; 3] = [c"sys_enter", c"sys_exit", c"sched_switch"];

pub(crate) enum Watching {
    Nothing,
    Empty(#[expect(dead_code, reason = "attached until dropped")] Empty),
    Agent(Agent),
    /// The process that the program runs under.
    Around(u32),
    Bpftrace(Bpftrace),
}

impl Watching {
    /// CPU time it used so far in processes of its own.
    pub(crate) fn cpu(&self) -> Duration {
        match self {
            Self::Nothing | Self::Empty(_) => Duration::ZERO,
            Self::Agent(agent) => agent.cpu(),
            Self::Around(pid) => cpu(*pid),
            Self::Bpftrace(bpftrace) => cpu(bpftrace.child.id()),
        }
    }

    /// Ends it; the summary, if it makes one.
    pub(crate) fn stop(self) -> io::Result<Option<Value>> {
        match self {
            Self::Agent(agent) => Ok(Some(agent.stop())),
            Self::Bpftrace(bpftrace) => bpftrace.stop().map(|()| None),
            Self::Nothing | Self::Empty(_) | Self::Around(_) => Ok(None),
        }
    }
}

/// Killed when dropped.
pub(crate) struct Bpftrace {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Bpftrace {
    fn start(pid: u32) -> io::Result<Self> {
        // Probes are attached in this order: once the last one speaks, all are.
        let code = format!(
            r#"
            tracepoint:raw_syscalls:sys_enter /pid == {pid}/ {{ @fd[tid] = args->args[0]; }}
            tracepoint:raw_syscalls:sys_exit /pid == {pid}/ {{
                @calls[pid, @fd[tid]] = count();
                @bytes[pid, @fd[tid]] = sum(args->ret);
            }}
            interval:ms:10 {{ if (@ready == 0) {{ @ready = 1; printf("ready\n"); }} }}
            "#
        );
        let mut child = Command::new("bpftrace")
            .args(["-e", &code])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("bpftrace: {error}")))?;
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut bpftrace = Self { child, output };
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            if bpftrace.output.read_line(&mut line)? == 0 {
                let mut said = String::new();
                let mut errors = bpftrace.child.stderr.take().expect("piped");
                errors.read_to_string(&mut said)?;
                return Err(io::Error::other(said));
            }
        }
        Ok(bpftrace)
    }

    /// Ends it, and sees that it had seen anything.
    fn stop(mut self) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT)?;
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        if said.contains("@calls[") {
            Ok(())
        } else {
            Err(io::Error::other("bpftrace saw no call"))
        }
    }
}

impl Drop for Bpftrace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
