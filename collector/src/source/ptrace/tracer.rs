//! The tracing thread's loop: one stop of one thread at a time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use libc::pid_t;
use nulltrace_core::input::record::{
    ExitRecord, FLAG_CONT, FLAG_CUT, FLAG_EXEC, FLAG_GROUP, ForkRecord, Head, KIND_EXIT, KIND_FORK,
    KIND_PROCESS, KIND_WRITE, PAYLOAD_MAX, ProcessRecord,
};
use zerocopy::IntoBytes;

use super::buffer::Shared;
use super::facts;
use super::family::Family;
use super::filter::{self, AUDIT_ARCH};
use super::memory::{Reader, WRITE_MAX};
use super::sys::{self, Call, Change};
use crate::clock;

/// What every tracee is traced with, and passes on to the threads and processes it makes.
///
/// `EXITKILL`, because the filter cannot be taken off: without a tracer each write would fail with
/// `ENOSYS`, and a program that cannot write is worse than one that is dead.
/// `TRACEEXIT`, because nothing else reports the death of a leader that leaves threads behind.
pub(super) const OPTIONS: i32 = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_EXITKILL;

/// The traced command and all that came from it.
pub(super) struct Tracer {
    shared: Arc<Shared>,
    command: pid_t,
    family: Family,
    reader: Reader,
    /// The command runs the program it is for.
    started: bool,
    /// Everything is being killed.
    killing: bool,
}

impl Tracer {
    pub(super) fn new(shared: Arc<Shared>, command: pid_t) -> Self {
        let mut family = Family::default();
        family.add(command, command);
        Self {
            shared,
            command,
            family,
            reader: Reader::new(),
            started: false,
            killing: false,
        }
    }

    /// Whether the command has been seen to run its program.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// Handles one stop or end; false when nothing is left to trace.
    ///
    /// # Errors
    /// The kernel refuses to wait, which it has no reason to.
    pub(super) fn step(&mut self) -> io::Result<bool> {
        match sys::wait() {
            Ok((tid, change)) => self.handle(tid, change),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(false),
            Err(error) => return Err(error),
        }
        // Only now: an id that has just been waited for may be another's already.
        if self.shared.stop.load(Ordering::Acquire) && !self.killing {
            self.killing = true;
            for pid in self.family.pids() {
                sys::kill(pid, libc::SIGKILL);
            }
        }
        Ok(true)
    }

    fn count(&self) {
        let processes = self.family.processes();
        self.shared.processes.store(processes, Ordering::Release);
    }

    fn handle(&mut self, tid: pid_t, change: Change) {
        if !matches!(change, Change::Gone(_)) {
            self.adopt(tid, None);
        }
        let mut signal = 0;
        match change {
            Change::Gone(status) => {
                self.end(tid, status);
                if self.family.remove(tid) {
                    self.tell_exit(tid, tid, status, FLAG_GROUP);
                }
                self.count();
                if tid == self.command {
                    self.shared.command_ended(status);
                }
                return;
            }
            Change::Signal(number) => signal = number,
            Change::Event(libc::PTRACE_EVENT_SECCOMP, _) => self.call(tid),
            Change::Event(
                libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE,
                _,
            ) => {
                if let Ok(child) = sys::message(tid) {
                    self.adopt(child as pid_t, Some(tid));
                }
            }
            Change::Event(libc::PTRACE_EVENT_EXEC, _) => {
                if let Ok(former) = sys::message(tid) {
                    self.exec(tid, former as pid_t);
                }
            }
            Change::Event(libc::PTRACE_EVENT_EXIT, _) => {
                if let Ok(status) = sys::message(tid) {
                    self.end(tid, status as i32);
                }
            }
            Change::Event(
                sys::EVENT_STOP,
                libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU,
            ) => return sys::stay_stopped(tid),
            Change::Event(..) => {}
        }
        sys::go_on(tid, signal);
    }

    /// Takes note of `tid` if it is new: at its own first stop or at that of its `maker`, whichever
    /// comes first. It has not run yet, so its fork record precedes all that it does.
    fn adopt(&mut self, tid: pid_t, maker: Option<pid_t>) {
        if self.family.knows(tid) {
            return;
        }
        // None: killed, and its end already reported.
        let Some(kin) = facts::kin(tid) else {
            return;
        };
        self.family.add(tid, kin.tgid);
        self.count();
        if self.killing {
            sys::kill(kin.tgid, libc::SIGKILL);
        }
        if tid != kin.tgid {
            return;
        }
        let maker = maker.and_then(|maker| Some((self.family.thread(maker)?.tgid, maker)));
        let (pid, maker) = maker.unwrap_or((kin.parent, kin.parent));
        let record = ForkRecord {
            head: head::<ForkRecord>(KIND_FORK, 0, pid, maker),
            child: tid.cast_unsigned(),
            reserved: 0,
        };
        self.shared.push(&[record.as_bytes()]);
    }

    fn exec(&mut self, tgid: pid_t, former: pid_t) {
        self.started |= tgid == self.command;
        self.family.exec(tgid, former);
        if facts::hidden(tgid) || sys::abi(tgid).is_some_and(|abi| abi != AUDIT_ARCH) {
            self.lose_sight(tgid);
        }
        tell_process(&self.shared, clock::monotonic(), tgid, former, FLAG_EXEC);
    }

    fn end(&mut self, tid: pid_t, status: i32) {
        if let Some(tgid) = self.family.ended(tid) {
            self.tell_exit(tgid, tid, status, 0);
        }
    }

    /// The writes of process `tgid` are not seen while it runs this program.
    fn lose_sight(&mut self, tgid: pid_t) {
        if self.family.lose_sight(tgid) {
            self.shared.unseen.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A thread is about to make one of the calls that the filter selects.
    fn call(&mut self, tid: pid_t) {
        let Some(call) = sys::call(tid) else {
            return;
        };
        match filter::vectored(call.number) {
            Some(_) => self.write(tid, &call),
            None => sys::keep_traced(tid, &call),
        }
    }

    /// A thread is about to write: sends the record if that is, or may belong to, a marker.
    fn write(&mut self, tid: pid_t, call: &Call) {
        let Some(thread) = self.family.thread(tid) else {
            return;
        };
        let peeked = match self.reader.peek(tid, call) {
            Ok(None) => return,
            Ok(Some(write)) => {
                let marker = nulltrace_spec::begins(write.bytes);
                if !marker && !thread.pending.open(clock::monotonic) {
                    return;
                }
                Ok((marker, write.total))
            }
            // A process may hide its memory at any time: prctl(PR_SET_DUMPABLE, 0).
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let tgid = thread.tgid;
                return self.lose_sight(tgid);
            }
            Err(error) => Err(error),
        };
        let ts = clock::monotonic();
        if !thread.descriptors.is_null_device(tid, call.args[0], ts) {
            return;
        }
        if self
            .reader
            .is_refused(call, peeked.as_ref().ok().map(|peeked| peeked.1))
        {
            return;
        }
        let read = peeked.and_then(|(marker, total)| {
            let bytes = self.reader.read(tid, total)?;
            Ok((marker, total, bytes))
        });
        let (marker, total, bytes) = match read {
            Ok(read) => read,
            Err(error) => {
                // Killed meanwhile is no loss: the write does not happen.
                if error.raw_os_error() != Some(libc::ESRCH) {
                    thread.markers = thread.markers.wrapping_add(1);
                    self.shared.faults.fetch_add(1, Ordering::Relaxed);
                }
                return;
            }
        };
        let beyond = (total.min(WRITE_MAX).saturating_sub(PAYLOAD_MAX) as u64).to_ne_bytes();
        let (mut flags, beyond): (u8, &[u8]) = match total > PAYLOAD_MAX {
            true => (FLAG_CUT, &beyond),
            false => (0, &[]),
        };
        if marker {
            thread.pending.begin(bytes, ts);
        } else {
            thread.pending.go_on(bytes);
            flags |= FLAG_CONT;
        }
        thread.markers = thread.markers.wrapping_add(1);
        let tgid = thread.tgid;
        let record = Head {
            ts,
            pid: tgid.cast_unsigned(),
            tid: tid.cast_unsigned(),
            size: (size_of::<Head>() + bytes.len() + beyond.len()) as u16,
            kind: KIND_WRITE,
            flags,
            number: thread.markers,
        };
        if self.family.announce(tgid) {
            tell_process(&self.shared, ts, tgid, tid, 0);
        }
        self.shared.push(&[record.as_bytes(), bytes, beyond]);
    }

    fn tell_exit(&self, pid: pid_t, tid: pid_t, status: i32, flags: u8) {
        let record = ExitRecord {
            head: head::<ExitRecord>(KIND_EXIT, flags, pid, tid),
            code: status.cast_unsigned(),
            reserved: 0,
        };
        self.shared.push(&[record.as_bytes()]);
    }
}

fn tell_process(shared: &Shared, ts: u64, pid: pid_t, tid: pid_t, flags: u8) {
    let head = Head {
        ts,
        ..head::<ProcessRecord>(KIND_PROCESS, flags, pid, tid)
    };
    shared.push(&[facts::process(head).as_bytes()]);
}

fn head<Record>(kind: u8, flags: u8, pid: pid_t, tid: pid_t) -> Head {
    Head {
        ts: clock::monotonic(),
        pid: pid.cast_unsigned(),
        tid: tid.cast_unsigned(),
        size: size_of::<Record>() as u16,
        kind,
        flags,
        number: 0,
    }
}
