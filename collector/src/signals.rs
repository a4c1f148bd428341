//! Signals as values: blocked for the process, taken one by one by the loop that owns them.
//!
//! A handler could do little and the traced command must not inherit one; a blocked signal waits
//! until it is asked for and says who sent it.

use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

/// What `run` and `agent` react to.
const TAKEN: [i32; 6] = [
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// Sent for a write beyond the largest file allowed, which otherwise just fails: a full log must not end
/// the collector.
const UNWANTED: i32 = libc::SIGXFSZ;

/// A signal that was sent to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its number.
    pub number: i32,
    /// The kernel sent it, as a terminal's Ctrl-C does, to the traced command just as to us.
    pub from_kernel: bool,
}

/// The blocked signals of this process and the mask that was there before.
pub struct Signals {
    taken: libc::sigset_t,
    before: libc::sigset_t,
}

impl Signals {
    /// Blocks the signals in this thread and those it starts later: call it first.
    #[must_use]
    pub fn block() -> Self {
        let mut taken = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set that sigaddset and pthread_sigmask then read;
        // pthread_sigmask fills `before`. None can fail with valid signal numbers.
        unsafe {
            libc::sigemptyset(taken.as_mut_ptr());
            for number in TAKEN {
                libc::sigaddset(taken.as_mut_ptr(), number);
            }
            let mut blocked = taken;
            libc::sigaddset(blocked.as_mut_ptr(), UNWANTED);
            libc::pthread_sigmask(libc::SIG_BLOCK, blocked.as_ptr(), before.as_mut_ptr());
            Self {
                taken: taken.assume_init(),
                before: before.assume_init(),
            }
        }
    }

    /// The next signal that has come, without waiting.
    #[must_use]
    pub fn take(&self) -> Option<Signal> {
        let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
        let none = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: all three point to live values; sigtimedwait fills `info` when it returns > 0.
        let number = unsafe { libc::sigtimedwait(&self.taken, info.as_mut_ptr(), &none) };
        if number <= 0 {
            return None;
        }
        // SAFETY: filled, see above.
        let code = unsafe { info.assume_init() }.si_code;
        Some(Signal {
            number,
            from_kernel: code == libc::SI_KERNEL,
        })
    }

    /// The mask that this process was started with.
    #[must_use]
    pub fn before(&self) -> libc::sigset_t {
        self.before
    }

    /// Gives `command` the mask that this process was started with.
    pub fn restore_in(&self, command: &mut Command) {
        let before = self.before;
        // SAFETY: pthread_sigmask is async-signal-safe and reads a value the closure owns.
        unsafe {
            command.pre_exec(move || {
                libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
                Ok(())
            });
        }
    }
}

/// Blocks every signal in this thread.
pub fn block_all() {
    let mut all = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the set that pthread_sigmask then reads.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), ptr::null_mut());
    }
}

/// The mask of this thread.
#[must_use]
pub fn mask() -> libc::sigset_t {
    let mut mask = MaybeUninit::uninit();
    // SAFETY: changes nothing and fills the mask; it cannot fail with these arguments.
    unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), mask.as_mut_ptr());
        mask.assume_init()
    }
}
