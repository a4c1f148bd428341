//! The tracing thread: starts the command, traced from before its first instruction.

use std::ffi::{CString, OsString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::{io, mem, ptr};

use libc::{c_char, c_int, pid_t, sock_filter};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use zerocopy::IntoBytes;

use super::buffer::Shared;
use super::tracer::{OPTIONS, Tracer};
use super::{Error, filter, sys};
use crate::source::caps;

/// Interrupts the tracing thread's wait. By default it does nothing to anyone.
const WAKE: c_int = libc::SIGURG;

/// What went wrong in the child, as it reports to its parent.
const FILTER: i32 = 1;
const EXEC: i32 = 2;

/// A command that exec can carry.
pub(super) struct Plan {
    name: OsString,
    words: Vec<CString>,
    mask: libc::sigset_t,
}

impl Plan {
    pub(super) fn new(command: &[OsString], mask: libc::sigset_t) -> Result<Self, Error> {
        let words = command
            .iter()
            .map(|word| CString::new(word.as_bytes()).map_err(|_| Error::Nul(word.clone())))
            .collect::<Result<_, _>>()?;
        let name = command.first().ok_or(Error::Empty)?.clone();
        Ok(Self { name, words, mask })
    }
}

/// The tracing thread from its begin to its end. Tells `started` whether the command runs.
pub(super) fn trace(plan: &Plan, shared: &Arc<Shared>, started: Sender<Result<pid_t, Error>>) {
    /// Tells of the thread's end, also by a panic: the reader must not wait for ever.
    struct End<'a>(&'a Shared);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.all_ended();
        }
    }
    let _end = End(shared);
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    shared.tracer.store(thread, Ordering::Release);

    let (command, socket) = match start(plan) {
        Ok(begun) => begun,
        Err(error) => return drop(started.send(Err(error))),
    };
    // The command was born with all rights of this thread, and has them still.
    if let Err(error) = caps::keep_for_good(caps::to_trace()) {
        return drop(started.send(Err(Error::Rights(error))));
    }
    let mut started = Some(started);
    let mut tracer = Tracer::new(Arc::clone(shared), command);
    loop {
        match tracer.step() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                shared.fail(error);
                break;
            }
        }
        // Also a command that was killed before it could run anything has been started.
        if (tracer.started() || shared.status().is_some())
            && let Some(started) = started.take()
        {
            let result = reported(plan, &socket).map_or(Ok(command), Err);
            // Fails only if the receiver is gone.
            let _ = started.send(result);
        }
    }
}

/// Interrupts the tracing thread's wait. Harmless when it is not waiting, or gone.
pub(super) fn wake(shared: &Shared) {
    let thread = shared.tracer.load(Ordering::Acquire);
    if thread > 0 {
        // SAFETY: takes three numbers; the signal has a handler that does nothing, or is ignored.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, WAKE) };
    }
}

/// Makes the child, becomes its tracer, and lets it run.
fn start(plan: &Plan) -> Result<(pid_t, OwnedFd), Error> {
    // All that allocates comes before fork: another thread may hold the allocator's lock.
    let mut words: Vec<*const c_char> = plan.words.iter().map(|word| word.as_ptr()).collect();
    words.push(ptr::null());
    let filter = filter::program();
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|error| Error::Fork(error.into()))?;
    let signals = Signals::prepare(plan.mask);
    // SAFETY: the child calls nothing but async-signal-safe functions until exec or _exit.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => return Err(Error::Fork(io::Error::last_os_error())),
        0 => {
            // SAFETY: this is the child; it has no use for the parent's end, and does not come back.
            unsafe {
                libc::close(ours.as_raw_fd());
                child(theirs.as_raw_fd(), &words, &filter, &signals)
            }
        }
        _ => drop(theirs),
    }
    let traced = sys::seize(pid, OPTIONS).and_then(|()| {
        rustix::net::send(&ours, &[1], SendFlags::NOSIGNAL)?;
        Ok(())
    });
    if let Err(error) = traced {
        sys::kill(pid, libc::SIGKILL);
        // SAFETY: waits for our own child, wants no status.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        return Err(Error::Trace(error));
    }
    Ok((pid, ours))
}

/// What the child said went wrong, if it said anything.
fn reported(plan: &Plan, socket: &OwnedFd) -> Option<Error> {
    let mut report = [0_i32; 2];
    let got = rustix::net::recv(socket, report.as_mut_bytes(), RecvFlags::DONTWAIT);
    match (got, report) {
        (Ok((8, _)), [FILTER, errno]) => Some(Error::Filter(io::Error::from_raw_os_error(errno))),
        (Ok((8, _)), [_, errno]) => Some(Error::exec(&plan.name, errno)),
        _ => None,
    }
}

/// In the child: waits to be traced, and becomes the command. Reports by `send`, since the filter
/// would stop `write`.
///
/// # Safety
/// To be called after fork, with `words` NULL-terminated.
unsafe fn child(
    socket: RawFd,
    words: &[*const c_char],
    filter: &[sock_filter],
    signals: &Signals,
) -> ! {
    let mut go = 0_u8;
    // SAFETY: async-signal-safe calls only; `go`, `report` and `words` outlive them.
    unsafe {
        if libc::recv(socket, (&raw mut go).cast(), 1, 0) != 1 {
            libc::_exit(127);
        }
        signals.restore();
        let stage = match filter::install(filter) {
            Err(_) => FILTER,
            Ok(()) => {
                libc::execvp(words[0], words.as_ptr());
                EXEC
            }
        };
        let report = [stage, *libc::__errno_location()];
        libc::send(
            socket,
            report.as_ptr().cast(),
            size_of_val(&report),
            libc::MSG_NOSIGNAL,
        );
        libc::_exit(127)
    }
}

/// The signal settings the command shall have, kept while the tracing thread has its own.
struct Signals {
    mask: libc::sigset_t,
    ignored_child: bool,
}

impl Signals {
    /// Lets no signal but [`WAKE`] come to this thread, and makes sure that the ends of tracees are reported.
    fn prepare(mask: libc::sigset_t) -> Self {
        extern "C" fn nothing(_: c_int) {}
        // SAFETY: all structs are zeroed, which is a valid value, and passed to the calls that fill
        // them in; the handler does nothing, so it is safe at any time.
        unsafe {
            let mut wake: libc::sigaction = mem::zeroed();
            wake.sa_sigaction = nothing as extern "C" fn(c_int) as libc::sighandler_t;
            // No SA_RESTART: the wait has to end.
            libc::sigaction(WAKE, &wake, ptr::null_mut());

            // Ignored, SIGCHLD would let the kernel throw the statuses away.
            let mut old: libc::sigaction = mem::zeroed();
            libc::sigaction(libc::SIGCHLD, ptr::null(), &mut old);
            let ignored_child = old.sa_sigaction == libc::SIG_IGN;
            if ignored_child {
                libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            }

            let mut all: libc::sigset_t = mem::zeroed();
            libc::sigfillset(&mut all);
            libc::sigdelset(&mut all, WAKE);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, ptr::null_mut());
            Self {
                mask,
                ignored_child,
            }
        }
    }

    /// In the child: what this process had. SIGPIPE, which Rust programs ignore, gets its default.
    ///
    /// # Safety
    /// To be called after fork only, as it sets signals for the whole process.
    unsafe fn restore(&self) {
        // SAFETY: async-signal-safe calls with numbers and a mask that outlives them.
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            if self.ignored_child {
                libc::signal(libc::SIGCHLD, libc::SIG_IGN);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.mask, ptr::null_mut());
        }
    }
}
