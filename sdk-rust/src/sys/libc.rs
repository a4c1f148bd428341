//! Linux by the C library, for the machines whose system call is not written here. Each function gives
//! `errno` back as it found it.

use core::ffi::{c_char, c_int, c_long, c_uint, c_void};
use core::sync::atomic::AtomicI64;

use crate::sys::{NULL_PATH, S_IFCHR, S_IFMT};

unsafe extern "C" {
    #[link_name = "write"]
    fn c_write(fd: c_int, bytes: *const c_void, len: usize) -> isize;
    #[link_name = "open"]
    fn c_open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn fcntl(fd: c_int, cmd: c_int, ...) -> c_int;
    #[link_name = "close"]
    fn c_close(fd: c_int) -> c_int;
    fn getpid() -> c_int;
    fn sysconf(name: c_int) -> c_long;
    fn getrandom(bytes: *mut c_void, len: usize, flags: c_uint) -> isize;
    // The one `stat` whose layout is the same on every machine.
    fn statx(at: c_int, path: *const c_char, flags: c_int, mask: c_uint, out: *mut Statx) -> c_int;
    fn __errno_location() -> *mut c_int;
}

/// `struct statx`: 256 bytes, with numbers of eight in what is not read here.
#[repr(C, align(8))]
struct Statx {
    head: [u32; 7],
    mode: u16,
    middle: [u16; 49],
    rdev_major: u32,
    rdev_minor: u32,
    tail: [u32; 30],
}
const _: () = assert!(size_of::<Statx>() == 256);
const _: () = assert!(core::mem::offset_of!(Statx, mode) == 28);
const _: () = assert!(core::mem::offset_of!(Statx, rdev_major) == 128);

/// Runs `call`, restores `errno`, and gives a negative error number where the call gave -1.
fn keeping_errno(call: impl FnOnce() -> isize) -> isize {
    // SAFETY: the C library gives the place of this thread's `errno`, always valid.
    unsafe {
        let errno = __errno_location();
        let kept = *errno;
        let result = call();
        let result = if result == -1 {
            -(*errno as isize)
        } else {
            result
        };
        *errno = kept;
        result
    }
}

#[inline]
pub(crate) fn write(fd: i32, bytes: &[u8]) -> isize {
    // SAFETY: reads the borrowed bytes and nothing else.
    keeping_errno(|| unsafe { c_write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// The null device's path, opened to write; not inherited by programs.
pub(crate) fn open() -> isize {
    const O_WRONLY: c_int = 1;
    #[cfg(any(target_arch = "sparc", target_arch = "sparc64"))]
    const O_CLOEXEC: c_int = 0x40_0000;
    #[cfg(not(any(target_arch = "sparc", target_arch = "sparc64")))]
    const O_CLOEXEC: c_int = 0o2_000_000;
    // SAFETY: the path is static and ends in NUL.
    keeping_errno(|| unsafe { c_open(NULL_PATH.as_ptr(), O_WRONLY | O_CLOEXEC) as isize })
}

/// Whether a descriptor is the null device.
pub(crate) fn is_null(fd: i32) -> bool {
    const AT_EMPTY_PATH: c_int = 0x1000;
    const STATX_TYPE: c_uint = 1;
    let mut stat = Statx {
        head: [0; 7],
        mode: 0,
        middle: [0; 49],
        rdev_major: 0,
        rdev_minor: 0,
        tail: [0; 30],
    };
    // SAFETY: fills the buffer, which has the layout and length of the kernel's.
    let result = keeping_errno(|| unsafe {
        statx(fd, c"".as_ptr(), AT_EMPTY_PATH, STATX_TYPE, &mut stat) as isize
    });
    let character = u32::from(stat.mode) & S_IFMT == S_IFCHR;
    // Miri does not say which device it is.
    let null = (stat.rdev_major, stat.rdev_minor) == (1, 3) || cfg!(miri);
    result == 0 && character && null
}

/// A second descriptor of the same file, the lowest free one from `least` on.
pub(crate) fn dup(fd: i32, least: i32) -> isize {
    const F_DUPFD_CLOEXEC: c_int = 1030;
    // SAFETY: takes numbers only.
    keeping_errno(|| unsafe { fcntl(fd, F_DUPFD_CLOEXEC, least) as isize })
}

pub(crate) fn close(fd: i32) {
    // SAFETY: only called on descriptors that were opened here.
    keeping_errno(|| unsafe { c_close(fd) as isize });
}

/// How many descriptors this process may have.
pub(crate) fn descriptors() -> u64 {
    const SC_OPEN_MAX: c_int = 4;
    // SAFETY: takes a number.
    let limit = keeping_errno(|| unsafe { sysconf(SC_OPEN_MAX) as isize });
    // Without a limit it gives -1 and no error.
    u64::try_from(limit).unwrap_or(u64::MAX)
}

pub(crate) fn pid() -> u32 {
    // SAFETY: takes nothing, cannot fail.
    unsafe { getpid() as u32 }
}

/// Eight random bytes, if the kernel has them at once.
pub(crate) fn random() -> Option<u64> {
    const GRND_NONBLOCK: c_uint = 1;
    let mut bytes = [0_u8; 8];
    // SAFETY: fills the eight bytes, and says so.
    let filled =
        keeping_errno(|| unsafe { getrandom(bytes.as_mut_ptr().cast(), 8, GRND_NONBLOCK) });
    (filled == 8).then(|| u64::from_ne_bytes(bytes))
}

/// Not here: the types of `mmap` differ between C libraries. Children are known by their process id.
pub(crate) fn zero_in_children() -> Option<&'static [AtomicI64; 2]> {
    None
}
