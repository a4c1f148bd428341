//! The source for machines without BPF rights: `ptrace` with a seccomp filter.
//!
//! It follows one command and all that comes from it, as an ordinary user and in a plain container,
//! and makes the same records as the kernel programs. The filter lets only `write`, `writev`,
//! `pwrite64`, `pwritev` and `pwritev2` stop for the tracing thread; all other system calls run at
//! nearly full speed. At such a stop the first bytes are read; what begins like no marker goes on.
//!
//! What to know before using it:
//!
//! - **The command dies with nulltrace.** The filter cannot be taken off again, and without a tracer
//!   each write would fail with `ENOSYS`. So nothing can be let go either: a caller that will not
//!   wait for descendants that outlive the command (daemons) kills them, by [`Command::kill_all`] or
//!   by dropping the [`Ptrace`].
//! - **setuid programs** gain no rights under an ordinary user: the kernel refuses that to what is
//!   traced, and wants `no_new_privs` for the filter (which is set only where it does).
//! - **Tracers inside the command** (strace, gdb) fail with `EPERM`: a thread has one tracer.
//! - **What is not seen**: programs of a foreign ABI (i386 on x86-64), which run untouched, and
//!   programs whose memory the kernel hides, as the user may run but not read them, or as they asked for it
//!   (`PR_SET_DUMPABLE`): each counts as [`Lost::scope`]. Not counted: single foreign calls (`int 0x80`, x32), and io_uring.
//! - **`CLONE_UNTRACED`** is taken from the flags of `clone` and `clone3`: a child without a tracer could not
//!   write, as it has the filter.
//! - **Writes that the kernel refuses** are no markers. Whether a descriptor is open for writing is looked up again
//!   after a second: until then one that was opened anew, under the same number and for reading, is not noticed.
//! - **`/proc`** must be mounted, and the kernel at least 5.3.
//! - **Process and thread ids** are those of nulltrace's own pid namespace; inside a container they
//!   are what the container sees. The cgroup id is 0.
//! - **Time** is taken when the tracing thread handles the stop, in the order it does; with several
//!   busy threads that is later than the write by the stops handled before it.
//! - A process's facts are sent at each exec, and at the first marker of one that has not called any;
//!   the exit record of a process names its leader as the thread.
//! - **Every child of this process** that another thread waits for must be waited for by its id:
//!   `waitpid(-1)` elsewhere would take the tracees' stops. The signal `SIGURG` is used to wake the
//!   tracing thread, and `SIGCHLD`, if it is ignored, is set to its default.
//!
//! ```
//! use std::time::Duration;
//! use nulltrace_collector::source::{Source, ptrace};
//! use nulltrace_core::input::event::{Event, What};
//!
//! let script = "echo '>:t:a::' > /dev/null; echo '<:t:a::' > /dev/null; exit 3";
//! let (mut source, command) = ptrace::spawn(&["sh".into(), "-c".into(), script.into()]).unwrap();
//! let mut markers = 0;
//! loop {
//!     // Asked before the last drain: nothing comes after it says 0.
//!     let alive = source.alive();
//!     source.drain(&mut |record| {
//!         let event = Event::decode(record).unwrap();
//!         markers += usize::from(matches!(event.what, What::Write { .. }));
//!     }).unwrap();
//!     if alive == Some(0) {
//!         break;
//!     }
//!     source.wait(Duration::from_millis(100));
//! }
//! assert_eq!(markers, 2);
//! assert_eq!(command.status().unwrap().code(), Some(3));
//! ```

mod buffer;
mod descriptors;
mod error;
mod facts;
mod family;
mod filter;
mod memory;
mod pending;
mod spawn;
mod sys;
mod tracer;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use nulltrace_core::ledger::Lost;

use self::buffer::Shared;
pub use self::error::Error;
use super::Source;
use crate::signals;

/// How long the killed are waited for; one stuck in the kernel may take longer.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// Starts `command` (a program and its arguments) with the terminal, directory, environment, open
/// files and signal mask of this process, traced. Returns once it runs.
///
/// From then on it must be drained: when a MiB of records lies undrained, the traced threads that
/// want to add one wait.
///
/// Signals that this process ignores (`SIG_IGN`, `SIGPIPE` excepted) are ignored in the command too,
/// as exec has it; handled ones are not.
///
/// # Errors
/// Why it does not run. As [`crate::error::Error`] it has the exit status to end with.
pub fn spawn(command: &[OsString]) -> Result<(Ptrace, Command), Error> {
    spawn_with_mask(command, signals::mask())
}

/// The same with another signal mask for the command than this thread's.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_with_mask(
    command: &[OsString],
    mask: libc::sigset_t,
) -> Result<(Ptrace, Command), Error> {
    let plan = spawn::Plan::new(command, mask)?;
    let shared = Arc::new(Shared::default());
    let (started, answer) = mpsc::channel();
    let theirs = Arc::clone(&shared);
    thread::Builder::new()
        .name("ptrace".into())
        .spawn(move || spawn::trace(&plan, &theirs, started))
        .map_err(Error::Thread)?;
    match answer.recv() {
        Ok(Ok(pid)) => {
            let command = Command {
                shared: Arc::clone(&shared),
                pid: pid.cast_unsigned(),
            };
            let source = Ptrace {
                shared,
                words: Vec::new(),
            };
            Ok((source, command))
        }
        Ok(Err(error)) => Err(error),
        Err(mpsc::RecvError) => Err(Error::Thread(
            shared
                .failure()
                .unwrap_or_else(|| io::Error::other("it ended at once")),
        )),
    }
}

/// The records of a traced command and its descendants. Dropping it kills them.
pub struct Ptrace {
    shared: Arc<Shared>,
    words: Vec<u64>,
}

/// The traced command itself.
pub struct Command {
    shared: Arc<Shared>,
    pid: u32,
}

impl Command {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, as soon as it has; its descendants may live on.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        self.shared.status().map(ExitStatus::from_raw)
    }

    /// Kills all that is traced, and waits up to two seconds until it is gone. What was recorded,
    /// and the ends, can still be drained.
    pub fn kill_all(&self) {
        self.shared
            .end_all(KILL_LIMIT, || spawn::wake(&self.shared));
    }
}

impl Source for Ptrace {
    fn name(&self) -> &'static str {
        "ptrace"
    }

    fn drain(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
        let failure = self.shared.failure();
        self.shared.take(&mut self.words);
        let count = buffer::each(&self.words, sink);
        failure.map_or(Ok(count), Err)
    }

    fn wait(&mut self, limit: Duration) {
        self.shared.wait(limit);
    }

    fn lost(&self) -> Lost {
        Lost {
            fault: self.shared.faults.load(Ordering::Relaxed).into(),
            scope: self.shared.unseen.load(Ordering::Relaxed).into(),
            ..Lost::default()
        }
    }

    /// 0 once nothing is traced any more and no record will come; at least 1 before.
    fn alive(&self) -> Option<usize> {
        if self.shared.ended() {
            return Some(0);
        }
        Some(self.shared.processes.load(Ordering::Acquire).max(1))
    }
}

impl Drop for Ptrace {
    fn drop(&mut self) {
        if !self.shared.ended() {
            self.shared
                .end_all(KILL_LIMIT, || spawn::wake(&self.shared));
        }
    }
}
