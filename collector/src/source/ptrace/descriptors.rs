//! Where the descriptors of a tracee lead.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::pid_t;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statx};

/// So many directories are kept open, of a thousand files that a process mostly may have.
const KEPT_MAX: usize = 128;
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// The descriptors of one thread. Its directory in `/proc` is kept open: from there a look-up takes two thirds of
/// what it takes from the root.
#[derive(Default)]
pub(super) struct Descriptors {
    kept: Option<Kept>,
}

impl Descriptors {
    /// Whether `fd` of the thread is the null device, open for writing.
    ///
    /// Asked again for each write that may be a marker, so that it does not matter how and when the descriptor
    /// came to be. `/proc/TID` is the thread's own table, shared or not.
    pub(super) fn is_null_device(&mut self, tid: pid_t, fd: u64) -> bool {
        if self.kept.is_none() {
            self.kept = Kept::open(tid);
        }
        // The kernel takes the low half only.
        let fd = fd as u32;
        match &self.kept {
            Some(kept) => is_null_device(kept.0.as_fd(), &fd.to_string()),
            None => is_null_device(CWD, &format!("/proc/{tid}/fd/{fd}")),
        }
    }
}

/// A directory that counts.
struct Kept(OwnedFd);

impl Kept {
    fn open(tid: pid_t) -> Option<Self> {
        if KEPT.load(Ordering::Relaxed) >= KEPT_MAX {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, format!("/proc/{tid}/fd"), flags, Mode::empty()).ok()?;
        KEPT.fetch_add(1, Ordering::Relaxed);
        Some(Self(dir))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_null_device(dir: BorrowedFd<'_>, path: &str) -> bool {
    // Not a word to a network file system: the tracer may not hang on one.
    let flags = AtFlags::STATX_DONT_SYNC;
    // The link itself says how the file was opened.
    let link = statx(
        dir,
        path,
        flags | AtFlags::SYMLINK_NOFOLLOW,
        StatxFlags::MODE,
    );
    let writes = link.is_ok_and(|link| u32::from(link.stx_mode) & libc::S_IWUSR != 0);
    writes
        && statx(dir, path, flags, StatxFlags::TYPE).is_ok_and(|file| {
            let kind = rustix::fs::FileType::from_raw_mode(file.stx_mode.into());
            kind.is_char_device() && (file.stx_rdev_major, file.stx_rdev_minor) == (1, 3)
        })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn the_null_device_is_known_by_its_number() {
        let pid = std::process::id() as pid_t;
        let open = |path| File::options().write(true).open(path).unwrap();
        let (null, zero) = (open("/dev/null"), open("/dev/zero"));
        let readable = File::open("/dev/null").unwrap();
        let path = openat(CWD, "/dev/null", OFlags::PATH, Mode::empty()).unwrap();
        let file = tempfile::tempfile().unwrap();
        // Many threads: some have no directory of their own.
        let mut all: Vec<Descriptors> = Vec::new();
        all.resize_with(KEPT_MAX + 2, Descriptors::default);
        for of in &mut all {
            let mut is_null = |fd: u64| of.is_null_device(pid, fd);
            assert!(is_null(null.as_raw_fd() as u64));
            assert!(is_null(null.as_raw_fd() as u64 | 1 << 32));
            assert!(!is_null(zero.as_raw_fd() as u64));
            assert!(!is_null(file.as_raw_fd() as u64));
            assert!(!is_null(9999));
            // Not open for writing.
            assert!(!is_null(readable.as_raw_fd() as u64));
            assert!(!is_null(path.as_raw_fd() as u64));
        }
        assert!(all.iter().any(|of| of.kept.is_none()));
        assert!(all.iter().any(|of| of.kept.is_some()));
    }
}
