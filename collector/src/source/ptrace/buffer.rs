//! Records on their way from the tracing thread to [`drain`](crate::source::Source::drain).

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nulltrace_core::input::record::Head;
use zerocopy::{FromBytes, IntoBytes};

/// The tracing thread waits when this many words of records lie here, which loses nothing: what it
/// traces waits with it. One record may go beyond.
const FULL: usize = (1 << 20) / size_of::<u64>();
/// A waiting reader is woken at once when this many do.
const MANY: usize = FULL / 4;
/// Records are left to gather for this long, so that a busy command does not wake the reader for
/// each of its markers.
const GATHER: Duration = Duration::from_millis(2);

/// What the tracing thread and the other side share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Wakes the reader: there are records, or the command or everything ended.
    changed: Condvar,
    /// Wakes the tracing thread: there is room again, or everything shall end.
    room: Condvar,
    /// Kernel id of the tracing thread.
    pub(super) tracer: AtomicI32,
    /// Everything traced shall be killed.
    pub(super) stop: AtomicBool,
    /// Processes traced now.
    pub(super) processes: AtomicUsize,
    /// Marker writes whose buffer could not be read.
    pub(super) faults: AtomicU64,
    /// Programs whose writes cannot be seen.
    pub(super) unseen: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Records, each padded to the next word: so each is 8-byte aligned.
    words: Vec<u64>,
    /// Wait status of the command.
    status: Option<i32>,
    /// Nothing is traced any more.
    ended: bool,
    /// Why tracing ended early.
    failed: Option<io::Error>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics under the lock, and the state is whole after each statement anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the record of these parts; waits for room unless everything shall end.
    pub(super) fn push(&self, parts: &[&[u8]]) {
        let mut state = self.state();
        while state.words.len() >= FULL && !self.stop.load(Ordering::Acquire) {
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let before = state.words.len();
        let size: usize = parts.iter().map(|part| part.len()).sum();
        state
            .words
            .resize(before + size.div_ceil(size_of::<u64>()), 0);
        let mut bytes = state.words[before..].as_mut_bytes();
        for part in parts {
            let (to, rest) = bytes.split_at_mut(part.len());
            to.copy_from_slice(part);
            bytes = rest;
        }
        let after = state.words.len();
        drop(state);
        if before == 0 || (before < MANY && after >= MANY) {
            self.changed.notify_one();
        }
    }

    /// Exchanges the records for `empty`, whose memory is used again.
    pub(super) fn take(&self, empty: &mut Vec<u64>) {
        empty.clear();
        let mut state = self.state();
        std::mem::swap(&mut state.words, empty);
        drop(state);
        if empty.len() >= FULL {
            self.room.notify_one();
        }
    }

    /// Sleeps until records have gathered, the command or everything has ended, or `limit` is over.
    pub(super) fn wait(&self, limit: Duration) {
        let begun = Instant::now();
        let state = self.state();
        let had = state.status;
        let quiet = |state: &mut State| !state.ended && state.status == had;
        let (state, _) = self
            .changed
            .wait_timeout_while(state, limit, |state| quiet(state) && state.words.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let left = limit.saturating_sub(begun.elapsed()).min(GATHER);
        let _unused = self
            .changed
            .wait_timeout_while(state, left, |state| {
                quiet(state) && state.words.len() < MANY
            })
            .unwrap_or_else(PoisonError::into_inner);
    }

    /// The command has ended with `status`.
    pub(super) fn command_ended(&self, status: i32) {
        self.state().status = Some(status);
        self.changed.notify_all();
    }

    /// Tracing broke; [`all_ended`](Self::all_ended) follows.
    pub(super) fn fail(&self, error: io::Error) {
        self.state().failed = Some(error);
    }

    /// Why tracing ended early; answers once.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.state().failed.take()
    }

    /// Nothing is traced any more.
    pub(super) fn all_ended(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    pub(super) fn status(&self) -> Option<i32> {
        self.state().status
    }

    pub(super) fn ended(&self) -> bool {
        self.state().ended
    }

    /// Asks the tracing thread to kill everything, `wake`s it, and waits for that, at most `limit`.
    pub(super) fn end_all(&self, limit: Duration, wake: impl Fn()) {
        let begun = Instant::now();
        self.stop.store(true, Ordering::Release);
        let mut state = self.state();
        while !state.ended && begun.elapsed() < limit {
            self.room.notify_one();
            // Again and again, as one may come just before the thread goes to sleep.
            wake();
            (state, _) = self
                .changed
                .wait_timeout(state, GATHER)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Hands each record in `words` to `sink`; returns how many there were.
pub(super) fn each(words: &[u64], sink: &mut dyn FnMut(&[u8])) -> usize {
    let mut bytes = words.as_bytes();
    let mut count = 0;
    while let Ok((head, _)) = Head::ref_from_prefix(bytes) {
        let size = usize::from(head.size);
        let (Some(record), Some(rest)) = (
            bytes.get(..size),
            bytes.get(size.next_multiple_of(size_of::<u64>())..),
        ) else {
            break;
        };
        sink(record);
        count += 1;
        bytes = rest;
    }
    count
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use nulltrace_core::input::record::KIND_WRITE;

    use super::*;

    fn push(shared: &Shared, payload: &[u8]) {
        let head = Head {
            ts: 1,
            pid: 2,
            tid: 3,
            size: (size_of::<Head>() + payload.len()) as u16,
            kind: KIND_WRITE,
            flags: 0,
            number: 0,
        };
        shared.push(&[head.as_bytes(), payload]);
    }

    #[test]
    fn a_full_buffer_waits_and_loses_nothing() {
        let shared = Arc::new(Shared::default());
        let writer = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for n in 0..5000_u32 {
                    push(&shared, &[n as u8; 1001]);
                }
                shared.all_ended();
            }
        });
        let (mut words, mut seen, mut most) = (Vec::new(), 0_u32, 0);
        loop {
            let ended = shared.ended();
            shared.take(&mut words);
            most = most.max(words.len());
            each(&words, &mut |record| {
                assert_eq!(record.as_ptr() as usize % 8, 0);
                assert_eq!(record[24..], [seen as u8; 1001]);
                seen += 1;
            });
            if ended {
                break;
            }
            shared.wait(Duration::from_millis(50));
        }
        writer.join().unwrap();
        assert_eq!(seen, 5000);
        assert!(most <= FULL + 129, "{most} words at once");
    }
}
