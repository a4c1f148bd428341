//! A small process that keeps a right which this one gives up.
//!
//! Where `/proc` hides other users' processes (`hidepid`), their names can be read only with
//! `CAP_SYS_PTRACE`. That right would let an attacker who takes over this process, which reads what users
//! write, take over theirs. So it is kept by a child that is forked before rights are given up. It
//! takes requests of a closed list (a kind and a process id, see [`Ask`]), answers with a
//! descriptor that is open for reading, reads nothing else, and ends with its parent.

mod child;
mod protocol;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketFlags,
    SocketType,
};
use rustix::thread::CapabilitySet;

pub use protocol::Ask;

use super::caps;
use crate::namespace;

/// What it keeps, and all it keeps.
const KEPT: CapabilitySet = CapabilitySet::SYS_PTRACE;
/// One that does not answer for so long is stopped, and not asked again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The keeper, from its parent's side. It ends when this is dropped.
#[derive(Debug)]
pub struct Keeper {
    socket: OwnedFd,
    pid: libc::pid_t,
    broken: Cell<bool>,
}

impl Keeper {
    /// Forks it; `None` if this process has nothing to keep. To be called while there is one thread, and
    /// before the traced command is started, whose relatives are followed.
    ///
    /// # Errors
    /// There can be no process, or no socket to it.
    pub fn start() -> io::Result<Option<Self>> {
        // In another pid namespace `/proc` is not read: it has other processes under the ids that the kernel reports.
        if !caps::has(KEPT) || !namespace::is_initial() {
            return Ok(None);
        }
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        rustix::net::sockopt::set_socket_timeout(
            &ours,
            rustix::net::sockopt::Timeout::Recv,
            Some(PATIENCE),
        )?;
        let parent = std::process::id().cast_signed();
        // SAFETY: the child calls nothing that takes memory or a lock, and does not come back.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => child::serve(theirs.as_raw_fd(), parent, KEPT),
            pid => Ok(Some(Self {
                socket: ours,
                pid,
                broken: Cell::new(false),
            })),
        }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.cast_unsigned()
    }

    /// What it opens; `None` if there is no such thing, or no keeper any more.
    pub fn ask(&self, ask: Ask) -> Option<File> {
        if self.broken.get() {
            return None;
        }
        match self.try_ask(ask) {
            Ok(answer) => answer.map(File::from),
            Err(_) => {
                // A late answer would be taken for that to another question.
                self.broken.set(true);
                None
            }
        }
    }

    fn try_ask(&self, ask: Ask) -> rustix::io::Result<Option<OwnedFd>> {
        rustix::net::send(&self.socket, &ask.encode(), SendFlags::NOSIGNAL)?;
        let mut answer = [0; 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::net::recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut answer)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        if received.bytes == 0 {
            return Err(rustix::io::Errno::PIPE);
        }
        Ok(control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        // SAFETY: waits for our own child, wants no status.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn it_opens_what_is_asked_for_and_ends_with_its_parent() {
        let Some(keeper) = Keeper::start().unwrap() else {
            return eprintln!("skipped: no right to keep");
        };
        let own = std::process::id();
        let mut text = String::new();
        let mut stat = keeper.ask(Ask::Stat(own)).unwrap();
        stat.read_to_string(&mut text).unwrap();
        assert!(text.starts_with(&format!("{own} (")), "{text}");
        text.clear();
        let mut cgroup = keeper.ask(Ask::Cgroup(1)).unwrap();
        cgroup.read_to_string(&mut text).unwrap();
        assert!(text.contains("::/"), "{text}");
        assert!(keeper.ask(Ask::Stat(u32::MAX)).is_none());
        assert!(keeper.ask(Ask::Stat(own)).is_some(), "it goes on");
        // What is no request ends it.
        let pid = keeper.pid;
        rustix::net::send(&keeper.socket, b"?", SendFlags::NOSIGNAL).unwrap();
        assert!(keeper.ask(Ask::Stat(own)).is_none());
        drop(keeper);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn it_holds_one_right_and_no_descriptor() {
        let Some(keeper) = Keeper::start().unwrap() else {
            return eprintln!("skipped: no right to keep");
        };
        // It has done all of it before it answers; a file that it hands over is closed only after that, so what
        // it is asked for last is none.
        assert!(keeper.ask(Ask::Stat(std::process::id())).is_some());
        assert!(keeper.ask(Ask::Stat(u32::MAX)).is_none());
        let status = std::fs::read_to_string(format!("/proc/{}/status", keeper.pid)).unwrap();
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            let kept = format!("{set}:\t{:016x}", KEPT.bits());
            assert!(status.contains(&kept), "{status}");
        }
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        let fds = std::fs::read_dir(format!("/proc/{}/fd", keeper.pid)).unwrap();
        let open: Vec<_> = fds
            .map(|fd| std::fs::read_link(fd.unwrap().path()).unwrap())
            .collect();
        let sockets = open
            .iter()
            .filter(|to| to.to_string_lossy().starts_with("socket:"));
        assert_eq!((open.len(), sockets.count()), (1, 1), "{open:?}");
    }
}
