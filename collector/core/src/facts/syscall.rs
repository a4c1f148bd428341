//! What system calls are for, by their names: categories, directions of data, and names that stand for several calls.
//!
//! ```
//! use nulltrace_core::facts::syscall::{Direction, Syscall, family};
//!
//! let read = Syscall::of("pread64");
//! assert_eq!((read.category, read.io, read.waits), ("file", Some(Direction::Read), false));
//! assert_eq!(family("open"), ["open", "openat", "openat2", "creat"]);
//! assert_eq!(family("openat"), ["openat"]);
//! ```

use super::signature::{self, Signature};

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the program.
    Read,
    /// From the program.
    Write,
}

/// What a system call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syscall {
    /// Its name.
    pub name: String,
    /// Its arguments, if they are known.
    pub signature: Option<&'static Signature>,
    /// What it is for: file, net, ipc, memory, process, sleep, system, signal, user, time, wait, scheduler or other.
    pub category: &'static str,
    /// Which way it moves data.
    pub io: Option<Direction>,
    /// It is there to wait for something.
    pub waits: bool,
}

impl Syscall {
    /// The call of that name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let has = |names: &str| names.split_ascii_whitespace().any(|of| of == name);
        let io = match () {
            () if has(READS) => Some(Direction::Read),
            () if has(WRITES) => Some(Direction::Write),
            () => None,
        };
        let category = CATEGORIES.iter().find(|(_, names)| has(names));
        Self {
            name: name.to_owned(),
            signature: signature::of(name),
            category: category.map_or("other", |(category, _)| category),
            io,
            waits: has(WAITS),
        }
    }
}

/// The calls that a name in a filter stands for: mostly the one.
#[must_use]
pub fn family(name: &str) -> Vec<&str> {
    let found = FAMILIES
        .iter()
        .find(|names| names.split(' ').next() == Some(name));
    found.map_or_else(|| vec![name], |names| names.split(' ').collect())
}

/// The names that stand for several calls, each with those; it is the first of them.
pub fn families() -> impl Iterator<Item = (&'static str, &'static str)> {
    FAMILIES
        .iter()
        .filter_map(|names| Some((names.split(' ').next()?, *names)))
}

/// The number that stands for what is no system call in `evt.type`, by its name: no call has such a number.
#[must_use]
pub fn other(name: &str) -> Option<u32> {
    let found = OTHERS.iter().position(|of| *of == name)?;
    u32::try_from(found).ok().map(|at| FIRST_OTHER | at)
}

/// The name of such a number.
#[must_use]
pub fn other_name(number: u32) -> Option<&'static str> {
    let at = usize::try_from(number & !FIRST_OTHER).ok()?;
    OTHERS
        .get(at)
        .filter(|_| number & FIRST_OTHER != 0)
        .copied()
}

/// [`other`] of a marker.
pub const TRACER: u32 = FIRST_OTHER;
/// Of a cpu that goes to another thread.
pub const SWITCH: u32 = FIRST_OTHER | 1;
/// Of a thread that becomes runnable.
pub const WAKEUP: u32 = FIRST_OTHER | 2;
/// Of a request that a block device completed.
pub const BLOCK: u32 = FIRST_OTHER | 3;
/// Of an interrupt.
pub const IRQ: u32 = FIRST_OTHER | 4;
/// Of a softirq.
pub const SOFTIRQ: u32 = FIRST_OTHER | 5;

const FIRST_OTHER: u32 = 1 << 30;
/// By what is behind `FIRST_OTHER`.
pub const OTHERS: [&str; 6] = ["tracer", "switch", "wakeup", "block", "irq", "softirq"];

/// Ways to do the same: what programs call is the C library's choice.
const FAMILIES: &[&str] = &[
    "accept accept4",
    "access faccessat faccessat2",
    "chmod fchmodat fchmodat2",
    "chown lchown fchownat",
    "clone clone3",
    "dup dup2 dup3",
    "epoll_create epoll_create1",
    "epoll_wait epoll_pwait epoll_pwait2",
    "eventfd eventfd2",
    "execve execveat",
    "getdents getdents64",
    "inotify_init inotify_init1",
    "link linkat",
    "mkdir mkdirat",
    "mknod mknodat",
    "open openat openat2 creat",
    "pipe pipe2",
    "poll ppoll",
    "preadv preadv2",
    "pwritev pwritev2",
    "readlink readlinkat",
    "rename renameat renameat2",
    "select pselect6",
    "signalfd signalfd4",
    "stat lstat newfstatat statx",
    "symlink symlinkat",
    "unlink unlinkat",
    "utime utimes futimesat utimensat",
];

const READS: &str = "read pread64 readv preadv preadv2 recvfrom recvmsg recvmmsg getdents getdents64 \
                     process_vm_readv getrandom mq_timedreceive msgrcv";
const WRITES: &str = "write pwrite64 writev pwritev pwritev2 sendto sendmsg sendmmsg sendfile splice tee vmsplice \
                      copy_file_range process_vm_writev mq_timedsend msgsnd";
const WAITS: &str = "poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2 futex futex_wait futex_waitv \
                     nanosleep clock_nanosleep wait4 waitid pause rt_sigsuspend rt_sigtimedwait io_getevents \
                     io_pgetevents flock semop semtimedop";

/// The first that has a name is its category.
const CATEGORIES: &[(&str, &str)] = &[
    (
        "file",
        "read pread64 readv preadv preadv2 write pwrite64 writev pwritev pwritev2 open openat openat2 creat close \
         close_range stat lstat fstat newfstatat statx access faccessat faccessat2 chmod fchmod fchmodat fchmodat2 \
         chown lchown fchown fchownat mkdir mkdirat rmdir mknod mknodat link linkat unlink unlinkat symlink symlinkat \
         readlink readlinkat rename renameat renameat2 truncate ftruncate fallocate lseek getdents getdents64 getcwd \
         chdir fchdir chroot dup dup2 dup3 fcntl flock fsync fdatasync sync syncfs sync_file_range sendfile splice tee \
         vmsplice copy_file_range utime utimes futimesat utimensat statfs fstatfs ustat umask mount umount2 \
         pivot_root move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr getxattr lgetxattr fgetxattr \
         setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr \
         inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_init fanotify_mark fadvise64 \
         readahead name_to_handle_at open_by_handle_at quotactl quotactl_fd io_setup io_submit io_destroy io_cancel \
         io_uring_setup io_uring_enter io_uring_register",
    ),
    (
        "net",
        "socket socketpair bind connect listen accept accept4 getsockname getpeername sendto sendmsg sendmmsg \
         recvfrom recvmsg recvmmsg shutdown setsockopt getsockopt",
    ),
    (
        "wait",
        "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 \
         io_getevents io_pgetevents wait4 waitid",
    ),
    ("sleep", "nanosleep clock_nanosleep pause"),
    (
        "ipc",
        "pipe pipe2 futex futex_wait futex_wake futex_waitv futex_requeue eventfd eventfd2 semget semop semtimedop \
         semctl shmget shmat shmdt shmctl msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive \
         mq_notify mq_getsetattr process_vm_readv process_vm_writev",
    ),
    (
        "memory",
        "mmap munmap mremap mprotect madvise brk mlock mlock2 munlock mlockall munlockall mincore msync \
         remap_file_pages mbind memfd_create memfd_secret pkey_mprotect pkey_alloc pkey_free process_madvise \
         userfaultfd membarrier",
    ),
    (
        "process",
        "clone clone3 fork vfork execve execveat exit exit_group prctl arch_prctl ptrace getpid getppid gettid \
         getpgid setpgid getpgrp getsid setsid set_tid_address set_robust_list get_robust_list rseq unshare setns \
         pidfd_open pidfd_getfd getrlimit setrlimit prlimit64 getrusage personality seccomp kcmp",
    ),
    (
        "signal",
        "kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend \
         rt_sigreturn rt_tgsigqueueinfo sigaltstack signalfd signalfd4 pidfd_send_signal restart_syscall",
    ),
    (
        "user",
        "getuid geteuid getgid getegid setuid setgid setreuid setregid setresuid setresgid getresuid getresgid \
         setfsuid setfsgid getgroups setgroups capget capset",
    ),
    (
        "time",
        "clock_gettime clock_settime clock_getres clock_adjtime gettimeofday settimeofday time times adjtimex alarm \
         getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create \
         timerfd_settime timerfd_gettime",
    ),
    (
        "scheduler",
        "sched_yield sched_setscheduler sched_getscheduler sched_setparam sched_getparam sched_setattr sched_getattr \
         sched_setaffinity sched_getaffinity sched_get_priority_max sched_get_priority_min sched_rr_get_interval \
         getpriority setpriority ioprio_get ioprio_set getcpu",
    ),
    (
        "system",
        "uname sysinfo syslog sethostname setdomainname reboot swapon swapoff acct getrandom bpf perf_event_open \
         ioperm iopl ioctl",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_a_call() {
        let lists = [READS, WRITES, WAITS].into_iter();
        let lists = lists.chain(FAMILIES.iter().copied());
        let lists = lists.chain(CATEGORIES.iter().map(|(_, names)| *names));
        for name in lists.flat_map(str::split_ascii_whitespace) {
            assert!(signature::of(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_no_call_has_a_number_of_its_own() {
        for name in OTHERS {
            let number = other(name).unwrap();
            assert_eq!(other_name(number), Some(name));
        }
        assert_eq!((other("tracer"), other("read")), (Some(TRACER), None));
        assert_eq!((other_name(0), other_name(TRACER | 9)), (None, None));
    }

    #[test]
    fn what_calls_are_for() {
        for (name, category) in [
            ("accept4", "net"),
            ("futex", "ipc"),
            ("clock_nanosleep", "sleep"),
            ("no_such_call", "other"),
        ] {
            assert_eq!(Syscall::of(name).category, category);
        }
        assert!(Syscall::of("epoll_wait").waits);
        assert_eq!(Syscall::of("sendmsg").io, Some(Direction::Write));
    }
}
