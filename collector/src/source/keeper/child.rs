//! The keeper's own side. It was forked from a process that may have more threads, so it takes no memory.

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::ffi::CStr;
use rustix::fs::{Mode, OFlags};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::thread::CapabilitySet;

use super::protocol::{Ask, REQUEST};
use crate::source::caps;

/// Where the socket is moved to: all other descriptors are closed.
const SOCKET: RawFd = 3;

/// Answers until the parent is gone or asks for what is not on the list.
pub(super) fn serve(socket: RawFd, parent: libc::pid_t, kept: CapabilitySet) -> ! {
    // SAFETY: plain system calls with numbers and a name; `SOCKET` is this function's own afterwards.
    let socket = unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::prctl(libc::PR_SET_NAME, c"nt-keeper".as_ptr());
        // It may have died before that was said.
        if libc::getppid() != parent || libc::dup2(socket, SOCKET) != SOCKET {
            libc::_exit(1);
        }
        libc::syscall(libc::SYS_close_range, SOCKET + 1, libc::c_uint::MAX, 0);
        libc::syscall(libc::SYS_close_range, 0, SOCKET - 1, 0);
        BorrowedFd::borrow_raw(SOCKET)
    };
    let _ = rustix::process::chdir(c"/");
    if caps::keep_for_good(kept).is_ok() {
        while answer(socket).is_some() {}
    }
    // SAFETY: ends the process, and runs nothing of its parent's.
    unsafe { libc::_exit(0) }
}

fn answer(socket: BorrowedFd<'_>) -> Option<()> {
    // One byte more, so that what is too long is seen to be.
    let mut request = [0; REQUEST + 1];
    let (got, _) = rustix::net::recv(socket, &mut request, RecvFlags::empty()).ok()?;
    let ask = Ask::decode(request.get(..got)?)?;
    let file = open(ask);
    let fds = [file.as_ref().map_or(socket, AsFd::as_fd)];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if file.is_some() {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let answer = [IoSlice::new(&[0])];
    rustix::net::sendmsg(socket, &answer, &mut control, SendFlags::NOSIGNAL).ok()?;
    Some(())
}

fn open(ask: Ask) -> Option<OwnedFd> {
    let (pid, file) = ask.file();
    let mut path = [0; 32];
    let mut rest = &mut path[..];
    write!(rest, "/proc/{pid}").ok()?;
    rest.write_all(file).ok()?;
    let path = CStr::from_bytes_until_nul(&path).ok()?;
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}
