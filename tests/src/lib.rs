//! What the end-to-end tests and the benches share: the binary, a running agent, its JSON.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

pub mod activity;
pub mod empty;
pub mod known;
pub mod languages;
pub mod marks;
pub mod storage;
pub mod strace;
pub mod terminal;
pub mod traced;

/// Copies a program. Another process writes the copy: a file that this one has open for writing, or that a child of
/// another thread inherited before it called exec, cannot be executed («text file busy»).
///
/// # Panics
/// It cannot be copied.
pub fn copy_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let copied = Command::new("cp")
        .args([from.as_ref(), to.as_ref()])
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "cp failed");
}

/// The binary under test: `$NULLTRACE_BIN`, else the one beside this test's own.
///
/// # Panics
/// There is none: build it first.
#[must_use]
pub fn nulltrace() -> PathBuf {
    if let Some(path) = std::env::var_os("NULLTRACE_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a test has a path");
    let found = own
        .ancestors()
        .map(|dir| dir.join("nulltrace"))
        .find(|path| path.is_file());
    found.expect("no nulltrace binary: run `cargo build -p nulltrace-collector` first")
}

/// What `nulltrace doctor` says of this machine, asked once.
fn doctor() -> &'static Value {
    static FACTS: OnceLock<Value> = OnceLock::new();
    FACTS.get_or_init(|| {
        let out = Command::new(nulltrace())
            .args(["doctor", "--json"])
            .output();
        let facts = out
            .ok()
            .and_then(|out| serde_json::from_slice(&out.stdout).ok());
        facts.expect("nulltrace doctor --json prints JSON")
    })
}

/// The hooks that work here, best first; says why of those that do not.
///
/// # Panics
/// A stock kernel in a guest, which has them all, lacks one.
#[must_use]
pub fn hooks() -> Vec<&'static str> {
    let guest = std::env::var_os("NULLTRACE_TEST_KERNEL").is_some();
    let tried = doctor()["hooks"].as_array().into_iter().flatten();
    tried
        .filter_map(|hook| {
            let name = hook["name"].as_str()?;
            if hook["works"] == true {
                return Some(name);
            }
            assert!(!guest, "{name} must work in a guest: {hook}");
            println!("skipped: {name}: {}", hook["why"]);
            None
        })
        .collect()
}

/// Why the eBPF tests cannot run here; `None` when they can.
#[must_use]
pub fn no_bpf() -> Option<String> {
    let any = hooks().iter().any(|hook| hook.starts_with("ebpf:"));
    (!any).then(|| "no eBPF here".to_owned())
}

/// A running `nulltrace agent`; killed when dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    json: PathBuf,
    /// From its start to the line that says it is attached.
    pub attached_in: Duration,
}

impl Agent {
    /// Starts it for the processes `pids` and their descendants, and waits until it is attached.
    ///
    /// # Errors
    /// It ended before; the error holds what it said.
    ///
    /// # Panics
    /// With `-q` it would not say that it is attached.
    pub fn start(pids: &[u32], options: &[&str], json: &Path) -> io::Result<Self> {
        assert!(!options.contains(&"-q"), "a quiet agent says nothing");
        let mut command = Command::new(nulltrace());
        command.arg("agent").arg("--json").arg(json).args(options);
        for pid in pids {
            command.args(["--pid", &pid.to_string()]);
        }
        let began = Instant::now();
        let mut child = command.stderr(Stdio::piped()).process_group(0).spawn()?;
        let stderr = child.stderr.take().expect("piped");
        let mut lines = BufReader::new(stderr).lines();
        let mut said = String::new();
        loop {
            match lines.next() {
                Some(line) => {
                    let line = line?;
                    if line.starts_with("nulltrace: attached") {
                        break;
                    }
                    said += &line;
                    said.push('\n');
                }
                None => return Err(io::Error::other(said)),
            }
        }
        let attached_in = began.elapsed();
        // Its later lines must have a reader, or it would block.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            child,
            json: json.to_owned(),
            attached_in,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time it used so far, user and system.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        cpu(self.pid())
    }

    /// Its resident memory in bytes.
    ///
    /// # Panics
    /// It is not running.
    #[must_use]
    pub fn rss(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("VmRSS");
        line.trim()
            .trim_end_matches(" kB")
            .parse::<u64>()
            .expect("a number")
            * 1024
    }

    /// Asks it to end, by SIGTERM.
    pub fn terminate(&self) {
        // SAFETY: a signal to our own child, which was not waited for yet.
        unsafe { libc::kill(self.pid().cast_signed(), libc::SIGTERM) };
    }

    /// Ends it by SIGTERM and returns its JSON summary.
    ///
    /// # Panics
    /// It failed, or wrote no JSON.
    #[must_use]
    pub fn stop(mut self) -> Value {
        self.terminate();
        let status = self.child.wait().expect("our child");
        assert!(status.success(), "the agent ended with {status}");
        let json = std::fs::read(&self.json).expect("the agent writes its summary");
        serde_json::from_slice(&json).expect("JSON")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time a process used so far, user and system, also of its threads that ended; zero if it is gone.
#[must_use]
pub fn cpu(pid: u32) -> Duration {
    let mut clock = 0;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: each writes one value where it is told to.
    let known = unsafe {
        libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    if known {
        Duration::new(
            time.tv_sec.cast_unsigned(),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    } else {
        Duration::ZERO
    }
}

/// The row of a summary for one tag path.
#[must_use]
pub fn row<'a>(summary: &'a Value, tags: &[&str]) -> Option<&'a Value> {
    let wanted = serde_json::json!(tags);
    summary["spans"]
        .as_array()?
        .iter()
        .find(|row| row["tags"] == wanted)
}
