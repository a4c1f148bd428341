//! Where the descriptors of a tracee lead.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::pid_t;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statx};

/// So many directories are kept open, of a thousand files that a process mostly may have.
const KEPT_MAX: usize = 128;
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// For how long it is remembered that a descriptor is open for writing, ns. To find that out takes nearly as long as all
/// else; what was closed and opened anew under the same number is mostly open for the same.
const WRITES_NS: u64 = 1_000_000_000;

/// The descriptors of one thread. Its directory in `/proc` is kept open: from there a look-up is cheaper than from the
/// root.
#[derive(Default)]
pub(super) struct Descriptors {
    kept: Option<Kept>,
    /// The last one that was found to be open for writing, and until when that is remembered.
    writes: Option<(u32, u64)>,
}

impl Descriptors {
    /// Whether `fd` of the thread is the null device, open for writing.
    ///
    /// Asked again for each write that may be a marker, so that it does not matter how and when the descriptor
    /// came to be. `/proc/TID` is the thread's own table, shared or not.
    pub(super) fn is_null_device(&mut self, tid: pid_t, fd: u64, now: u64) -> bool {
        if self.kept.is_none() {
            self.kept = Kept::open(tid);
        }
        // The kernel takes the low half only.
        let fd = fd as u32;
        let (dir, path) = match &self.kept {
            Some(kept) => (kept.0.as_fd(), fd.to_string()),
            None => (CWD, format!("/proc/{tid}/fd/{fd}")),
        };
        let known = self
            .writes
            .is_some_and(|(of, until)| of == fd && now <= until);
        if !known && !is_open_for_writing(dir, &path) {
            return false;
        }
        if !known {
            self.writes = Some((fd, now.saturating_add(WRITES_NS)));
        }
        is_null_device(dir, &path)
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

/// The link itself says how the file was opened.
fn is_open_for_writing(dir: BorrowedFd<'_>, path: &str) -> bool {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::SYMLINK_NOFOLLOW;
    let link = statx(dir, path, flags, StatxFlags::MODE);
    link.is_ok_and(|link| u32::from(link.stx_mode) & libc::S_IWUSR != 0)
}

fn is_null_device(dir: BorrowedFd<'_>, path: &str) -> bool {
    // Not a word to a network file system: the tracer may not hang on one.
    statx(dir, path, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE).is_ok_and(|file| {
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
            let mut is_null = |fd: u64| of.is_null_device(pid, fd, 0);
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
    #[test]
    fn how_a_descriptor_was_opened_is_looked_up_again_after_a_second() {
        let pid = std::process::id() as pid_t;
        let null = File::options().write(true).open("/dev/null").unwrap();
        let fd = null.as_raw_fd() as u64;
        let mut of = Descriptors::default();
        assert!(of.is_null_device(pid, fd, 5));
        // Another file under the same number: it need not be the null device, nor be open for writing.
        let zero = File::options().write(true).open("/dev/zero").unwrap();
        let readable = File::open("/dev/null").unwrap();
        // SAFETY: both descriptors are open and ours.
        let take = |with: &File| unsafe { libc::dup2(with.as_raw_fd(), null.as_raw_fd()) };
        assert!(take(&zero) >= 0);
        assert!(!of.is_null_device(pid, fd, 6));
        assert!(take(&readable) >= 0);
        assert!(!of.is_null_device(pid, fd, 6 + WRITES_NS));
    }
}
