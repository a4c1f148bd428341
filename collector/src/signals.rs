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

/// Those of them that end a trace; the others are for the command, if there is one.
const ENDS: [i32; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

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

impl Signal {
    /// Whether it asks this process to end.
    #[must_use]
    pub fn asks_to_end(self) -> bool {
        ENDS.contains(&self.number)
    }

    /// The terminal was closed: the kernel tells the leader of its session alone, which is this process.
    #[must_use]
    pub fn hangs_up_session(self) -> bool {
        // SAFETY: takes a number and gives one; 0 is this process.
        let leader = || unsafe { libc::getsid(0) == libc::getpid() };
        self.number == libc::SIGHUP && self.from_kernel && leader()
    }
}

/// The blocked signals of this process and the mask that was there before.
pub struct Signals {
    taken: libc::sigset_t,
    before: libc::sigset_t,
}

impl Signals {
    /// Blocks the signals in this thread and those it starts later: call it first. Those that are ignored, as
    /// SIGHUP is under nohup, stay so: once blocked they would be taken.
    #[must_use]
    pub fn block() -> Self {
        let mut taken = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set that sigaddset and pthread_sigmask then read;
        // pthread_sigmask fills `before`. None can fail with valid signal numbers.
        unsafe {
            libc::sigemptyset(taken.as_mut_ptr());
            for number in TAKEN.into_iter().filter(|&number| !is_ignored(number)) {
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
        loop {
            // SAFETY: all three point to live values; sigtimedwait fills `info` when it returns > 0.
            let number = unsafe { libc::sigtimedwait(&self.taken, info.as_mut_ptr(), &none) };
            if number <= 0 {
                return None;
            }
            // SAFETY: filled, see above; who sent it is there unless the kernel did.
            let (code, sender) = unsafe {
                let info = info.assume_init();
                (info.si_code, info.si_pid())
            };
            // Its own is for the others of its process group: see `hang_up_group`.
            if code != libc::SI_USER || sender.cast_unsigned() != std::process::id() {
                return Some(Signal {
                    number,
                    from_kernel: code == libc::SI_KERNEL,
                });
            }
        }
    }

    /// The mask that this process was started with.
    #[must_use]
    pub fn before(&self) -> libc::sigset_t {
        self.before
    }

    /// Gives `command` the mask, and the treatment of SIGCHLD, that this process was started with. From now on
    /// this process does not ignore SIGCHLD: if it did, nobody would know how the command ended.
    pub fn restore_in(&self, command: &mut Command) {
        let before = self.before;
        let ignored = is_ignored(libc::SIGCHLD);
        // SAFETY: both are async-signal-safe; they take numbers and a mask that the closure owns.
        unsafe {
            if ignored {
                libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            }
            command.pre_exec(move || {
                if ignored {
                    libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                }
                libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
                Ok(())
            });
        }
    }
}

fn is_ignored(number: i32) -> bool {
    let mut now = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: changes nothing, and fills `now` where it returns 0.
    unsafe {
        libc::sigaction(number, ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// What the kernel does when the leader of a session ends: hangs up its process group. For the traced command,
/// which would be the leader if it ran alone.
pub fn hang_up_group() {
    for number in [libc::SIGHUP, libc::SIGCONT] {
        // SAFETY: takes two numbers; 0 is the process group of this process, in which SIGHUP is blocked.
        unsafe { libc::kill(0, number) };
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
