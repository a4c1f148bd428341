//! Lines to stdout, written by a thread of its own.
//!
//! Where the stream is live, a reader that is too slow loses lines, counted, and holds up nothing; of a capture it sets the
//! pace.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::outlet::LOOK;

/// Bytes of lines in a batch.
const BATCH: usize = 128 << 10;
/// Batches that may wait.
const QUEUE: usize = 64;
/// What is written waits no longer than this for more, nanoseconds.
const WAIT: u64 = 100_000_000;

/// Who writes lines.
pub(crate) struct Lines {
    batch: Vec<u8>,
    /// Lines in it.
    lines: u64,
    /// When it was sent last, by the clock of the events.
    sent: u64,
    /// Nothing is lost; it waits instead.
    patient: bool,
    /// `None` once it has ended.
    queue: Option<SyncSender<Batch>>,
    done: Receiver<()>,
    shared: Arc<Shared>,
}

/// Lines, and how many there are.
type Batch = (Vec<u8>, u64);

#[derive(Default)]
struct Shared {
    /// Nothing more is taken.
    over: AtomicBool,
    written: AtomicU64,
    lost: AtomicU64,
    error: Mutex<Option<io::Error>>,
}

/// What became of the lines.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Those that were written.
    #[cfg(test)]
    pub(crate) lines: u64,
    /// Those for which there was no room.
    pub(crate) lost: u64,
    /// Why no more were written; a reader that went away is no reason.
    pub(crate) error: Option<io::Error>,
}

impl Lines {
    /// Starts the thread that writes to stdout.
    ///
    /// # Errors
    /// The thread could not be made, or there is no stdout.
    pub(crate) fn stdout(patient: bool) -> io::Result<Self> {
        let stdout = io::stdout().as_fd().try_clone_to_owned()?;
        Self::start(Box::new(File::from(stdout)), patient)
    }

    fn start(mut to: Box<dyn Write + Send>, patient: bool) -> io::Result<Self> {
        let (queue, batches) = sync_channel::<Batch>(QUEUE);
        let (closed, done) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || {
                for (batch, lines) in batches {
                    let wrote = to.write_all(&batch).and_then(|()| to.flush());
                    if let Err(error) = wrote {
                        of_thread.fail(error);
                        break;
                    }
                    of_thread.written.fetch_add(lines, Ordering::Relaxed);
                }
                let _ = closed.try_send(());
            })?;
        Ok(Self {
            batch: Vec::with_capacity(BATCH * 2),
            lines: 0,
            sent: 0,
            patient,
            queue: Some(queue),
            done,
            shared,
        })
    }

    /// Whether nothing more is taken.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Relaxed)
    }

    /// Where lines are appended to; each is [counted](Self::count).
    pub(crate) const fn room(&mut self) -> &mut Vec<u8> {
        &mut self.batch
    }

    /// A line was appended.
    pub(crate) fn count(&mut self) {
        self.lines += 1;
        if self.batch.len() >= BATCH {
            self.send();
        }
    }

    /// It is `now`: what has waited long enough goes.
    pub(crate) fn tick(&mut self, now: u64) {
        if self.lines > 0 && now.saturating_sub(self.sent) >= WAIT {
            self.sent = now;
            self.send();
        }
    }

    /// Hands over what there is.
    pub(crate) fn send(&mut self) {
        if self.lines == 0 {
            return;
        }
        let next = Vec::with_capacity(BATCH * 2);
        let batch = std::mem::replace(&mut self.batch, next);
        let lines = std::mem::take(&mut self.lines);
        let Some(queue) = self.queue.as_ref() else {
            return;
        };
        let left = match self.patient {
            true => queue.send((batch, lines)).is_err(),
            false => match queue.try_send((batch, lines)) {
                Err(TrySendError::Full(_)) => true,
                // Its reader went away: nobody misses them.
                Err(TrySendError::Disconnected(_)) => false,
                Ok(()) => false,
            },
        };
        if left && !self.patient {
            self.shared.lost.fetch_add(lines, Ordering::Relaxed);
        }
    }

    /// Waits until all is written, as long as `waits` says so.
    pub(crate) fn close(mut self, waits: impl Fn() -> bool) -> Written {
        self.send();
        self.queue = None;
        loop {
            match self.done.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) if waits() => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.shared.fail(io::Error::other("nobody reads it"));
                    break;
                }
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let error = self.shared.error.lock();
        let error = error.unwrap_or_else(PoisonError::into_inner).take();
        Written {
            #[cfg(test)]
            lines: self.shared.written.load(Ordering::Relaxed),
            lost: self.shared.lost.load(Ordering::Relaxed),
            error,
        }
    }
}

impl Shared {
    fn fail(&self, error: io::Error) {
        // The reader went away, as `head` does: it has what it wanted.
        if error.kind() != io::ErrorKind::BrokenPipe {
            let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
        }
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// A reader that takes nothing until it may.
    struct Slow(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_of_what_is_live_loses_its_own_and_holds_up_nothing() {
        let ((go, wait), read) = (std::sync::mpsc::channel(), Arc::default());
        let slow = Slow(wait, Arc::clone(&read));
        let mut lines = Lines::start(Box::new(slow), false).unwrap();
        let began = Instant::now();
        let all = 4 * QUEUE as u64;
        for now in 0..all {
            lines.room().extend_from_slice(b"line\n");
            lines.count();
            lines.tick((now + 1) * WAIT);
        }
        assert!(began.elapsed() < Duration::from_secs(10));
        drop(go);
        let written = lines.close(|| true);
        assert!(written.lost > 0 && written.error.is_none());
        assert_eq!(written.lines + written.lost, all);
        assert_eq!(read.lock().unwrap().len() as u64, 5 * written.lines);
    }

    /// Takes a line and is gone.
    struct Head(bool);

    impl Write for Head {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match std::mem::replace(&mut self.0, true) {
                true => Err(io::ErrorKind::BrokenPipe.into()),
                false => Ok(bytes.len()),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let mut lines = Lines::start(Box::new(Head(false)), true).unwrap();
        let began = Instant::now();
        while !lines.is_over() {
            lines.room().extend_from_slice(b"line\n");
            lines.count();
            lines.send();
            assert!(began.elapsed() < Duration::from_secs(20));
        }
        let written = lines.close(|| true);
        assert!(written.lines == 1 && written.error.is_none());
    }
}
