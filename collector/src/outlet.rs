//! Writing to a descriptor that may be full, closed or stuck, without waiting for it.
//!
//! A thread of its own writes what others hand over, from a bounded queue. The descriptor itself is
//! left as it is: `O_NONBLOCK` belongs to the open file, which the shell and the traced command share,
//! and a pipe that `poll` says has room may be filled by one of them before the write.

use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::event::{PollFd, PollFlags, poll};

use crate::signals::{self, Signals};

/// Bytes of messages that may wait.
const QUEUE: usize = 256 << 10;
/// Bytes of one write: what a pipe takes whole, so that a line is not torn by another writer's.
const CHUNK: usize = 4096;
/// How long a reader that takes nothing is waited for by who was asked to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// From one look for signals to the next, while waiting.
pub const LOOK: Duration = Duration::from_millis(20);

/// How long readers that take nothing are waited for at the end: as long as it takes, until somebody asks this
/// process to end; then two seconds for each, or until it is asked again.
pub struct End<'a> {
    signals: Option<&'a Signals>,
    asked: Cell<bool>,
    again: Cell<bool>,
    /// When a reader last took something, or this process was asked to end.
    since: Cell<Instant>,
}

impl<'a> End<'a> {
    /// `asked`: somebody has asked already.
    #[must_use]
    pub fn new(signals: Option<&'a Signals>, asked: bool) -> Self {
        Self {
            signals,
            asked: Cell::new(asked),
            again: Cell::new(false),
            since: Cell::new(Instant::now()),
        }
    }

    /// A reader took something, or another one is waited for.
    pub fn moved(&self) {
        self.since.set(Instant::now());
    }

    /// Whether a reader that takes nothing is still waited for.
    #[must_use]
    pub fn waits(&self) -> bool {
        while let Some(signal) = self.signals.and_then(Signals::take) {
            if signal.asks_to_end() {
                self.again.set(self.asked.replace(true));
                self.moved();
            }
        }
        let impatient = || self.asked.get() && self.since.get().elapsed() > PATIENCE;
        !(self.again.get() || impatient())
    }
}

/// A descriptor and what waits to be written to it.
#[derive(Debug)]
pub struct Outlet {
    fd: RawFd,
    state: Mutex<State>,
    /// Told to the thread: there is something to write.
    news: Condvar,
    /// Told to who waits: something was written, or failed.
    moved: Condvar,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The thread runs.
    started: bool,
    /// It has taken a message out of the queue and is not done with it.
    busy: bool,
    /// Counts writes, and failures to: the reader is alive while it grows.
    moves: u64,
    lost: u64,
    error: Option<io::Error>,
}

impl Outlet {
    /// For a descriptor that stays open as long as the process lives.
    #[must_use]
    pub const fn new(fd: RawFd) -> Self {
        Self {
            fd,
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                started: false,
                busy: false,
                moves: 0,
                lost: 0,
                error: None,
            }),
            news: Condvar::new(),
            moved: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread, unless it runs. It has the rights that the calling thread has.
    ///
    /// # Errors
    /// The thread could not be made.
    pub fn start(&'static self) -> io::Result<()> {
        if std::mem::replace(&mut self.state().started, true) {
            return Ok(());
        }
        let started = thread::Builder::new()
            .name("log".to_owned())
            .spawn(|| self.serve());
        self.state().started = started.is_ok();
        started.map(drop)
    }

    /// Hands over a message; never waits. One that finds no room is lost, and counted.
    pub fn push(&self, message: Vec<u8>) {
        let mut state = self.state();
        if state.bytes + message.len() > QUEUE {
            state.lost += 1;
            return;
        }
        self.put(state, message);
    }

    /// Hands over the last message, for which there is always room.
    pub fn push_last(&self, message: Vec<u8>) {
        self.put(self.state(), message);
    }

    fn put(&self, mut state: MutexGuard<'_, State>, message: Vec<u8>) {
        state.bytes += message.len();
        state.queue.push_back(message);
        drop(state);
        self.news.notify_one();
    }

    /// How many messages were lost: found no room, or failed to be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.state().lost
    }

    /// Why the last message that failed did.
    #[must_use]
    pub fn take_error(&self) -> Option<io::Error> {
        self.state().error.take()
    }

    /// Waits until all is written, or `end` does not wait any longer. Returns whether all was written, or failed
    /// to be.
    pub fn settle(&self, end: &End<'_>) -> bool {
        end.moved();
        let mut state = self.state();
        let mut moves = state.moves;
        while state.started && (state.busy || !state.queue.is_empty()) {
            (state, _) = self
                .moved
                .wait_timeout(state, LOOK)
                .unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut moves, state.moves) != state.moves {
                end.moved();
            }
            if !end.waits() {
                return false;
            }
        }
        state.queue.is_empty()
    }

    fn serve(&self) {
        // Of no concern to this thread: signals for the process, and those that a write itself may cause:
        // beyond the largest file allowed, or to the terminal of another job.
        signals::block_all();
        let mut torn = false;
        loop {
            let message = self.next();
            let written = self.write(&message, torn);
            torn = written.is_err_and(|torn| torn);
            let mut state = self.state();
            state.busy = false;
            state.moves += 1;
            drop(state);
            self.moved.notify_all();
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            if let Some(message) = state.queue.pop_front() {
                state.bytes -= message.len();
                state.busy = true;
                return message;
            }
            state = self
                .news
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes a message, on a new line where the last one was `torn`. The error is whether this one is.
    fn write(&self, message: &[u8], torn: bool) -> Result<(), bool> {
        let mut left = message;
        let written = (if torn {
            self.write_all(&mut &b"\n"[..])
        } else {
            Ok(())
        })
        .and_then(|()| self.write_all(&mut left));
        written.map_err(|error| {
            let mut state = self.state();
            state.lost += 1;
            state.error = Some(error);
            torn || left.len() < message.len()
        })
    }

    fn write_all(&self, left: &mut &[u8]) -> io::Result<()> {
        // SAFETY: open as long as the process lives; if it was closed the kernel says so.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        while !left.is_empty() {
            match rustix::io::write(fd, &left[..left.len().min(CHUNK)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    *left = &left[n..];
                    self.state().moves += 1;
                }
                Err(rustix::io::Errno::INTR) => {}
                // Who shares the open file made it non-blocking.
                Err(rustix::io::Errno::AGAIN) => {
                    let _ = poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

    use super::*;

    /// An outlet into a pipe.
    fn piped() -> (&'static Outlet, File) {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let outlet: &Outlet = Box::leak(Box::new(Outlet::new(write.into_raw_fd())));
        (outlet, read.into())
    }

    fn close(outlet: &Outlet) {
        // SAFETY: the test's own descriptor, which nothing else has.
        drop(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(outlet.fd) });
    }

    #[test]
    fn a_stuck_reader_costs_the_newest_and_is_left_in_time() {
        let (outlet, mut read) = piped();
        outlet.start().unwrap();
        let line = [b'x'; 999].iter().chain(b"\n").copied().collect::<Vec<_>>();
        for _ in 0..1000 {
            outlet.push(line.clone());
        }
        outlet.push_last(b"last\n".to_vec());
        let began = Instant::now();
        assert!(!outlet.settle(&End::new(None, true)));
        assert!((2..4).contains(&began.elapsed().as_secs()));
        let lost = outlet.lost();
        assert!((600..800).contains(&lost), "{lost}");
        // It comes back: all that waited is there, in order and whole.
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            read.read_to_end(&mut text).unwrap();
            text
        });
        assert!(outlet.settle(&End::new(None, true)));
        close(outlet);
        let text = reader.join().unwrap();
        assert_eq!(text.len() as u64, (1000 - lost) * 1000 + 5);
        assert!(text.ends_with(b"x\nlast\n"));
        assert_eq!(outlet.lost(), lost);
    }

    #[test]
    fn a_slow_reader_gets_a_long_message_whole() {
        let (outlet, mut read) = piped();
        outlet.start().unwrap();
        outlet.push_last(vec![b'y'; 300 << 10]);
        let reader = thread::spawn(move || {
            let mut got = 0;
            let mut part = vec![0; 40 << 10];
            // On the whole for longer than the patience is.
            while got < 300 << 10 {
                thread::sleep(Duration::from_millis(400));
                got += read.read(&mut part).unwrap();
            }
            got
        });
        assert!(outlet.settle(&End::new(None, true)));
        assert_eq!(reader.join().unwrap(), 300 << 10);
        close(outlet);
    }

    #[test]
    fn what_is_refused_is_counted_and_says_why() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let outlet: &Outlet = Box::leak(Box::new(Outlet::new(full.as_raw_fd())));
        outlet.start().unwrap();
        for _ in 0..3 {
            outlet.push(b"no\n".to_vec());
        }
        assert!(outlet.settle(&End::new(None, false)));
        assert_eq!(outlet.lost(), 3);
        let error = outlet.take_error().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));

        let (outlet, read) = piped();
        drop(read);
        outlet.start().unwrap();
        outlet.push(b"gone\n".to_vec());
        assert!(outlet.settle(&End::new(None, false)));
        let error = outlet.take_error().unwrap();
        assert_eq!(
            (outlet.lost(), error.kind()),
            (1, io::ErrorKind::BrokenPipe)
        );
    }

    #[test]
    fn a_file_that_another_made_non_blocking_is_waited_for() {
        let (outlet, mut read) = piped();
        // SAFETY: open, and the test's own.
        let fd = unsafe { BorrowedFd::borrow_raw(outlet.fd) };
        rustix::io::ioctl_fionbio(fd, true).unwrap();
        outlet.start().unwrap();
        outlet.push_last(vec![b'z'; 200 << 10]);
        thread::sleep(Duration::from_millis(50));
        let mut text = vec![0; 200 << 10];
        read.read_exact(&mut text).unwrap();
        assert!(outlet.settle(&End::new(None, false)));
        assert_eq!(outlet.lost(), 0);
        close(outlet);
    }
}
