//! The backend of the machines that are not here, against the one that is.

#[path = "libc.rs"]
#[allow(dead_code)]
mod c_library;

use super::*;

#[test]
fn both_backends_agree() {
    assert_eq!(c_library::pid(), pid());
    assert_eq!(c_library::pid(), std::process::id());
    assert_eq!(c_library::descriptors(), descriptors());
    assert_ne!(c_library::random(), random());
    assert!(random().is_some() && c_library::random().is_some());
    for (fd, null) in [(c_library::open(), true), (open(), true)] {
        let fd = i32::try_from(fd).unwrap();
        assert!(fd >= 0);
        assert_eq!((is_null(fd), c_library::is_null(fd)), (null, null));
        let high = dup(fd, 200) as i32;
        let higher = c_library::dup(fd, 200) as i32;
        // Miri takes the next number.
        assert!(high >= if cfg!(miri) { 3 } else { 200 } && higher > high);
        assert_eq!((write(high, b"x"), c_library::write(higher, b"xy")), (1, 2));
        [fd, high].into_iter().for_each(close);
        c_library::close(higher);
    }
}

#[test]
fn both_say_what_is_wrong_and_keep_errno() {
    // No borrow: the C library writes to it meanwhile.
    // SAFETY: this thread's own.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *errno = 77 };
    assert_eq!(
        (write(-1, b"x"), c_library::write(-1, b"x")),
        (-EBADF, -EBADF)
    );
    assert_eq!((dup(-1, 0), c_library::dup(-1, 0)), (-EBADF, -EBADF));
    assert!(!is_null(-1) && !c_library::is_null(-1));
    close(-1);
    c_library::close(-1);
    // SAFETY: as above.
    assert_eq!(unsafe { *errno }, 77);
}

#[test]
#[cfg_attr(miri, ignore = "it does not tell one device from another")]
fn another_device_is_not_the_null_device() {
    use std::os::fd::AsRawFd;
    let zero = std::fs::File::open("/dev/zero").unwrap();
    let file = tempfile::tempfile().unwrap();
    for fd in [zero.as_raw_fd(), file.as_raw_fd()] {
        assert!(!is_null(fd) && !c_library::is_null(fd));
    }
}

#[test]
#[cfg_attr(miri, ignore = "it has no fork")]
fn a_child_finds_the_number_cleared() {
    use core::sync::atomic::Ordering::Relaxed;
    let Some([number, _]) = zero_in_children() else {
        return println!("skipped: no MADV_WIPEONFORK here");
    };
    number.store(5, Relaxed);
    // SAFETY: the child does nothing but end.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(number.load(Relaxed) as i32) };
    }
    let mut status = -1;
    // SAFETY: fills the number.
    unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!((status, number.load(Relaxed)), (0, 5));
}
