//! Looks up the names that the kernel does not report, on a thread of its own: a directory service may be slow, and
//! the ring must be drained meanwhile.
//!
//! What it finds goes into the line as records. A process id may be used again, so what is read under one is
//! taken only if it began when the kernel says: with no more doubt than a clock tick.

mod ancestors;
mod answer;
mod containers;
pub(crate) mod procfs;

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;
use std::time::Instant;

use nulltrace_core::facts::names::Want;
use nulltrace_core::input::made::Made;

use ancestors::Ancestors;
use answer::Answer;
use containers::Containers;
use procfs::{Proc, Since};

use crate::source::keeper::Keeper;

/// How many wants may wait, and how many answers.
const QUEUE: usize = 1 << 12;

/// The thread that looks up.
pub(crate) struct Resolver {
    wants: SyncSender<Want>,
    answers: Receiver<(bool, Answer)>,
    /// Wants that were not answered yet.
    awaited: u64,
    made: Made,
    /// It sees processes that `/proc` hides, or there are none.
    sees_all: bool,
}

impl Resolver {
    /// Starts the thread, with the rights of the caller. It asks the keeper of what `/proc` hides.
    ///
    /// # Errors
    /// The thread could not be made.
    pub(crate) fn start(keeper: Option<Keeper>) -> std::io::Result<Self> {
        let (wants, asked) = sync_channel(QUEUE);
        let (answer, answers) = sync_channel(QUEUE);
        let sees_all = keeper.is_some() || !procfs::hides();
        thread::Builder::new()
            .name("names".to_owned())
            .spawn(move || {
                let mut lookup = Lookup {
                    proc: Proc::new(keeper),
                    ancestors: Ancestors::default(),
                    containers: Containers::default(),
                };
                for want in asked {
                    let found = lookup.find(want);
                    let last = found.len().saturating_sub(1);
                    for (at, of) in found.into_iter().enumerate() {
                        // The collector ends: nobody waits for it.
                        if answer.send((at == last, of)).is_err() {
                            return;
                        }
                    }
                }
            })?;
        Ok(Self {
            wants,
            answers,
            awaited: 0,
            made: Made::default(),
            sees_all,
        })
    }

    /// Whether ancestors and cgroups of any process can be looked up.
    pub(crate) fn sees_all(&self) -> bool {
        self.sees_all
    }

    /// Asks for something.
    ///
    /// # Errors
    /// It is given back where too much is asked for already.
    pub(crate) fn ask(&mut self, want: Want) -> Result<(), Want> {
        match self.wants.try_send(want) {
            Ok(()) => {
                self.awaited += 1;
                Ok(())
            }
            Err(TrySendError::Full(want) | TrySendError::Disconnected(want)) => Err(want),
        }
    }

    /// Gives the answers that have come, as records of the time `now`.
    pub(crate) fn drain(&mut self, now: u64, take: &mut dyn FnMut(&[u8])) {
        loop {
            match self.answers.try_recv() {
                Ok(answer) => self.give(now, answer, take),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    /// The same of the next answer, for which it waits until then. Returns whether one came: none does if
    /// nothing was asked for.
    pub(crate) fn wait(&mut self, until: Instant, now: u64, take: &mut dyn FnMut(&[u8])) -> bool {
        if self.awaited == 0 {
            return false;
        }
        let left = until.saturating_duration_since(Instant::now());
        let answer = self.answers.recv_timeout(left);
        answer.map(|answer| self.give(now, answer, take)).is_ok()
    }

    fn give(&mut self, now: u64, (last, answer): (bool, Answer), take: &mut dyn FnMut(&[u8])) {
        self.awaited -= u64::from(last);
        take(answer.record(now, &mut self.made));
    }
}

/// What the thread has.
struct Lookup {
    proc: Proc,
    ancestors: Ancestors,
    containers: Containers,
}

impl Lookup {
    /// What is found, the last answer last.
    fn find(&mut self, want: Want) -> Vec<Answer> {
        match want {
            Want::User(uid) => vec![Answer::User {
                uid,
                name: user(uid).unwrap_or_default(),
            }],
            Want::Parent { pid, before } => self.ancestors.find(pid, before, &self.proc),
            Want::Container(id) => {
                let text = id.split(|byte| *byte == 0).next().unwrap_or_default();
                let found = self.containers.find(text).unwrap_or_default();
                let (name, image) = (found.name, found.image);
                vec![Answer::Container { id, name, image }]
            }
            Want::Cgroup { pid, start } => vec![Answer::Cgroup {
                pid,
                start,
                path: cgroup(&self.proc, pid, start).unwrap_or_default(),
            }],
        }
    }
}

/// The path of the cgroup of a process that began at `start`.
fn cgroup(proc: &Proc, pid: u32, start: u64) -> Option<Box<[u8]>> {
    let path = proc.cgroup(pid)?;
    // If this is still the process that was meant, it was when its path was read.
    let still = proc.stat(pid)?.start;
    still.is_about(Since::monotonic(start)).then_some(path)
}

fn user(uid: u32) -> Option<Box<[u8]>> {
    use std::os::unix::ffi::OsStrExt;
    let user = uzers::get_user_by_uid(uid)?;
    Some(user.name().as_bytes().into())
}

#[cfg(test)]
mod tests;
