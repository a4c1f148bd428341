//! Linux by bare system calls. The C library's `write` is a cancellation point, dearer in a program
//! with threads, and sets `errno`; this is neither.

use core::arch::asm;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicI64;

use super::{NULL_PATH, NULL_RDEV, S_IFCHR, S_IFMT};

#[cfg(target_arch = "x86_64")]
mod number {
    pub(super) const WRITE: usize = 1;
    pub(super) const CLOSE: usize = 3;
    pub(super) const FSTAT: usize = 5;
    pub(super) const MMAP: usize = 9;
    pub(super) const MUNMAP: usize = 11;
    pub(super) const MADVISE: usize = 28;
    pub(super) const GETPID: usize = 39;
    pub(super) const FCNTL: usize = 72;
    pub(super) const OPENAT: usize = 257;
    pub(super) const PRLIMIT64: usize = 302;
    pub(super) const GETRANDOM: usize = 318;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub(super) const FCNTL: usize = 25;
    pub(super) const OPENAT: usize = 56;
    pub(super) const CLOSE: usize = 57;
    pub(super) const WRITE: usize = 64;
    pub(super) const FSTAT: usize = 80;
    pub(super) const GETPID: usize = 172;
    pub(super) const MUNMAP: usize = 215;
    pub(super) const MMAP: usize = 222;
    pub(super) const MADVISE: usize = 233;
    pub(super) const PRLIMIT64: usize = 261;
    pub(super) const GETRANDOM: usize = 278;
}

/// One system call of at most six arguments.
///
/// # Safety
/// The arguments must be what that call may be given.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn call(number: usize, args: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the caller's; the kernel keeps all registers but rax, rcx and r11, and the flags.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, preserves_flags),
        );
    }
    result
}

/// One system call of at most six arguments.
///
/// # Safety
/// The arguments must be what that call may be given.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn call(number: usize, args: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the caller's; the kernel keeps all registers but x0, and the flags.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") args[0] => result,
            in("x1") args[1],
            in("x2") args[2],
            in("x3") args[3],
            in("x4") args[4],
            in("x5") args[5],
            options(nostack, preserves_flags),
        );
    }
    result
}

/// The call of the hot path: three arguments, so that no register is set for nothing. The kernel takes the lower half of
/// a descriptor, so its sign need not be extended.
#[inline(always)]
pub(crate) fn write(fd: i32, bytes: &[u8]) -> isize {
    let result: isize;
    // SAFETY: write reads the borrowed bytes and nothing else; as for `call`.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number::WRITE => result,
            in("rdi") fd as u32 as usize,
            in("rsi") bytes.as_ptr(),
            in("rdx") bytes.len(),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, preserves_flags),
        );
    }
    // SAFETY: write reads the borrowed bytes and nothing else; as for `call`.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0",
            in("x8") number::WRITE,
            inlateout("x0") fd as u32 as usize => result,
            in("x1") bytes.as_ptr(),
            in("x2") bytes.len(),
            options(nostack, preserves_flags),
        );
    }
    result
}

/// The null device's path, opened to write; not inherited by programs.
pub(crate) fn open() -> isize {
    const AT_FDCWD: isize = -100;
    const O_WRONLY_CLOEXEC: usize = 0o2_000_001;
    let path = NULL_PATH.as_ptr() as usize;
    let args = [AT_FDCWD as usize, path, O_WRONLY_CLOEXEC, 0, 0, 0];
    // SAFETY: the path is static and ends in NUL.
    unsafe { call(number::OPENAT, args) }
}

/// Whether a descriptor is the null device.
pub(crate) fn is_null(fd: i32) -> bool {
    // `struct stat`, 144 bytes on x86_64 and 128 on aarch64, read at two places.
    #[cfg(target_arch = "x86_64")]
    const MODE_RDEV: (usize, usize) = (6, 5);
    #[cfg(target_arch = "aarch64")]
    const MODE_RDEV: (usize, usize) = (4, 4);
    let mut stat = [0_u64; 18];
    // SAFETY: the kernel fills the buffer, which is as long as the longer of the two.
    let result = unsafe {
        let stat = stat.as_mut_ptr() as usize;
        call(number::FSTAT, [fd as usize, stat, 0, 0, 0, 0])
    };
    let (mode, rdev) = MODE_RDEV;
    let mode = (stat[mode / 2] >> (32 * (mode % 2))) as u32;
    result == 0 && mode & S_IFMT == S_IFCHR && stat[rdev] == NULL_RDEV
}

/// A second descriptor of the same file, the lowest free one from `least` on.
pub(crate) fn dup(fd: i32, least: i32) -> isize {
    const F_DUPFD_CLOEXEC: usize = 1030;
    let args = [fd as usize, F_DUPFD_CLOEXEC, least as usize, 0, 0, 0];
    // SAFETY: takes numbers only.
    unsafe { call(number::FCNTL, args) }
}

pub(crate) fn close(fd: i32) {
    // SAFETY: only called on descriptors that were opened here.
    unsafe { call(number::CLOSE, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// How many descriptors this process may have.
pub(crate) fn descriptors() -> u64 {
    const RLIMIT_NOFILE: usize = 7;
    let mut limit = [0_u64; 2];
    // SAFETY: the kernel fills two numbers, of which the first is the soft limit.
    unsafe {
        let limit = limit.as_mut_ptr() as usize;
        call(number::PRLIMIT64, [0, RLIMIT_NOFILE, 0, limit, 0, 0])
    };
    limit[0]
}

pub(crate) fn pid() -> u32 {
    // SAFETY: takes nothing.
    unsafe { call(number::GETPID, [0; 6]) as u32 }
}

/// Eight random bytes, if the kernel has them at once.
pub(crate) fn random() -> Option<u64> {
    const GRND_NONBLOCK: usize = 1;
    let mut bytes = MaybeUninit::<u64>::uninit();
    let args = [bytes.as_mut_ptr() as usize, 8, GRND_NONBLOCK, 0, 0, 0];
    // SAFETY: the kernel fills the eight bytes, and says so.
    unsafe { (call(number::GETRANDOM, args) == 8).then(|| bytes.assume_init()) }
}

/// Two numbers that are zero now and become zero in a child when this process forks.
pub(crate) fn zero_in_children() -> Option<&'static [AtomicI64; 2]> {
    const PAGE: usize = 4096;
    const READ_WRITE: usize = 3;
    const PRIVATE_ANONYMOUS: usize = 0x22;
    const WIPEONFORK: usize = 18;
    const NO_ADVICE: usize = usize::MAX;
    let args = [0, PAGE, READ_WRITE, PRIVATE_ANONYMOUS, usize::MAX, 0];
    // SAFETY: a new page, of ours alone, aligned and zeroed; given back if it cannot be made so, else
    // never.
    unsafe {
        let page = call(number::MMAP, args);
        if page <= 0 {
            return None;
        }
        let advise = |advice| call(number::MADVISE, [page as usize, PAGE, advice, 0, 0, 0]);
        // Where what is no advice is taken, too (QEMU's user mode), the word is not to be trusted.
        if advise(WIPEONFORK) != 0 || advise(NO_ADVICE) == 0 {
            call(number::MUNMAP, [page as usize, PAGE, 0, 0, 0, 0]);
            return None;
        }
        Some(&*core::ptr::with_exposed_provenance(page as usize))
    }
}
