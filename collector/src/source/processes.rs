//! Processes that are selected while they run.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::error::{Error, Kind};
use crate::namespace;

/// Processes that run, each held by a descriptor, so that another of the same id is not taken for it.
pub struct Processes(Vec<OwnedFd>);

impl Processes {
    /// `None` if they cannot be waited for: in a pid namespace of its own, where `/proc` shows those of the
    /// machine, which are traced like others.
    ///
    /// # Errors
    /// One of them is no process, or its number is not the one that the machine knows it by.
    pub fn of(pids: &[u32]) -> Result<Option<Self>, Error> {
        let apart = !namespace::is_initial();
        if let (true, false, Some(pid)) = (apart, namespace::shows_machine(), pids.first()) {
            return Err(Error::new(
                Kind::NotFound,
                "nulltrace is in a pid namespace, as in a container, where processes have other numbers than on the machine",
                format_args!("--pid {pid}"),
                "run it on the host, or give the container the host's pid namespace and /proc",
            ));
        }
        for &pid in pids {
            check(pid)?;
        }
        if apart {
            return Ok(None);
        }
        let each = pids.iter().map(|&pid| {
            hold(pid).map_err(|error| match error {
                Errno::SRCH => gone(pid),
                error => Error::io(
                    "cannot select the process",
                    error.into(),
                    pid,
                    "name a process with --pid",
                ),
            })
        });
        each.collect::<Result<_, _>>().map(|held| Some(Self(held)))
    }

    /// Whether all have.
    pub(super) fn have_ended(&mut self) -> Result<bool, Error> {
        let mut polled: Vec<_> = self
            .0
            .iter()
            .map(|fd| PollFd::new(fd, PollFlags::IN))
            .collect();
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match poll(&mut polled, Some(&now)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(false),
            Err(error) => {
                return Err(Error::io(
                    "cannot wait for the processes",
                    error.into(),
                    "poll(2)",
                    "select fewer with --pid",
                ));
            }
        }
        let alive: Vec<bool> = polled.iter().map(|fd| fd.revents().is_empty()).collect();
        let mut each = alive.into_iter();
        self.0.retain(|_| each.next().unwrap_or(false));
        Ok(self.0.is_empty())
    }
}

fn hold(pid: u32) -> Result<OwnedFd, Errno> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())
}

/// Refuses what is not there, and a thread: all that is seen is seen by process.
fn check(pid: u32) -> Result<(), Error> {
    match process_of(pid) {
        Some(process) if process != pid => Err(Error::new(
            Kind::NotFound,
            format_args!("not a process but a thread of process {process}"),
            pid,
            format_args!("name the process: --pid {process}"),
        )),
        Some(_) => Ok(()),
        // It may be hidden.
        None if hold(pid).is_ok() => Ok(()),
        None => Err(gone(pid)),
    }
}

/// Whose thread `id` is, as `/proc` has it.
fn process_of(id: u32) -> Option<u32> {
    let status = fs::read(Path::new("/proc").join(id.to_string()).join("status")).ok()?;
    let mut lines = status.split(|&byte| byte == b'\n');
    let process = lines.find_map(|line| line.strip_prefix(b"Tgid:"))?;
    std::str::from_utf8(process).ok()?.trim().parse().ok()
}

fn gone(pid: u32) -> Error {
    Error::new(
        Kind::NotFound,
        "no such process",
        pid,
        "name a running process with --pid",
    )
}
