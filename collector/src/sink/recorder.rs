//! Records to a capture: a thread of its own encodes and writes them, away from the drain thread.
//!
//! A full queue loses a batch of records, counted, and nothing else. When the file takes no more, what was written is
//! whole, and the rest is counted as lost.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nulltrace_core::capture::{Compress, Writer};
use nulltrace_core::input::record::Head;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use zerocopy::{FromBytes, IntoBytes};

use crate::outlet::LOOK;

/// Bytes of records in a batch.
const BATCH: usize = 256 << 10;
/// Batches that may wait.
const QUEUE: usize = 128;
/// After so long without a new record what there is becomes a block.
const IDLE: Duration = Duration::from_secs(1);

/// What was recorded, by the kind of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// All records.
    pub records: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// Records that were lost: the queue was full, or the file took no more.
    pub lost: u64,
}

/// A batch of records, each at a word's beginning.
type Batch = Vec<u64>;

/// A recording that goes on.
pub struct Recorder {
    shared: Arc<Shared>,
    /// Says that all is written, or by being gone that the thread is.
    done: Receiver<()>,
}

#[derive(Default)]
struct Shared {
    /// What the source lost so far: blocks bear it.
    source_lost: AtomicU64,
    /// All records that came.
    given: AtomicU64,
    /// Those that are in blocks which were written.
    records: AtomicU64,
    bytes: AtomicU64,
    /// Those for which the queue had no room.
    dropped: AtomicU64,
    /// What the queue had no room for when it ended.
    last: Mutex<Batch>,
    failed: Mutex<Option<io::Error>>,
}

impl Shared {
    fn fail(&self, error: io::Error) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert(error);
    }

    fn has_failed(&self) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some()
    }
}

/// Who takes the records for it: when it is dropped, the recording ends.
struct Tap {
    batch: Batch,
    records: u64,
    queue: SyncSender<Batch>,
    shared: Arc<Shared>,
}

impl Recorder {
    /// Starts the thread that writes to `to`. Returns also who takes the records.
    ///
    /// # Errors
    /// The thread could not be made.
    pub fn start(
        to: Box<dyn Write + Send>,
        how: Compress,
    ) -> io::Result<(Box<dyn Consumer>, Self)> {
        let shared = Arc::new(Shared::default());
        let (queue, batches) = sync_channel(QUEUE);
        let writing = Writing {
            to,
            writer: Writer::new(how),
            shared: Arc::clone(&shared),
        };
        let (closed, done) = sync_channel(1);
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                writing.run(&batches);
                let _ = closed.try_send(());
            })?;
        let tap = Tap {
            batch: Vec::new(),
            records: 0,
            queue,
            shared: Arc::clone(&shared),
        };
        Ok((Box::new(tap), Self { shared, done }))
    }

    /// The source has lost so much by now.
    pub fn report(&self, lost: u64) {
        self.shared.source_lost.store(lost, Ordering::Relaxed);
    }

    /// Waits until all that was given is written, as long as `waits` says so; who gave it must be gone. What went
    /// wrong comes with what was written until then.
    pub fn close(self, waits: impl Fn() -> bool) -> (Recorded, Option<io::Error>) {
        let Self { shared, done } = self;
        let ended = loop {
            match done.recv_timeout(LOOK) {
                Ok(()) => break None,
                Err(RecvTimeoutError::Disconnected) => {
                    break Some("the thread that writes it has ended");
                }
                Err(RecvTimeoutError::Timeout) if waits() => {}
                Err(RecvTimeoutError::Timeout) => break Some("nobody reads it"),
            }
        };
        if let Some(why) = ended {
            shared.fail(io::Error::other(why));
        }
        let records = shared.records.load(Ordering::Relaxed);
        let recorded = Recorded {
            records,
            bytes: shared.bytes.load(Ordering::Relaxed),
            lost: shared.given.load(Ordering::Relaxed) - records,
        };
        let mut failed = shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
        (recorded, failed.take())
    }
}

impl Consumer for Tap {
    fn wants(&self) -> Wants {
        Wants::RECORD
    }

    fn record(&mut self, record: &[u8]) {
        let at = self.batch.len();
        self.batch.resize(at + record.len().div_ceil(8), 0);
        let room = self.batch.as_mut_bytes().get_mut(at * 8..);
        if let Some(room) = room.and_then(|room| room.get_mut(..record.len())) {
            room.copy_from_slice(record);
        }
        self.records += 1;
        if self.batch.len() * 8 >= BATCH {
            self.send();
        }
    }

    fn tick(&mut self, _: u64) {
        if self.records > 0 {
            self.send();
        }
    }
}

impl Tap {
    /// Hands the batch over, without waiting.
    fn send(&mut self) {
        let batch = mem::take(&mut self.batch);
        let records = mem::take(&mut self.records);
        self.shared.given.fetch_add(records, Ordering::Relaxed);
        if self.queue.try_send(batch).is_err() {
            self.shared.dropped.fetch_add(records, Ordering::Relaxed);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // It says what the recording was, so it does not depend on room in the queue.
        self.shared.given.fetch_add(self.records, Ordering::Relaxed);
        let mut last = self
            .shared
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = mem::take(&mut self.batch);
    }
}

/// The thread's own.
struct Writing {
    to: Box<dyn Write + Send>,
    writer: Writer,
    shared: Arc<Shared>,
}

impl Writing {
    fn run(mut self, batches: &Receiver<Batch>) {
        self.put(|writer, out| writer.begin(out));
        let mut last = Instant::now();
        loop {
            match batches.recv_timeout(IDLE) {
                Ok(batch) => {
                    self.take(&batch);
                    last = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if last.elapsed() >= IDLE {
                self.put(Writer::block);
            }
        }
        let shared = Arc::clone(&self.shared);
        let mut last = shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(&mem::take(&mut *last));
        self.put(Writer::end);
        if let Err(error) = self.to.flush() {
            self.shared.fail(error);
        }
    }

    fn take(&mut self, batch: &Batch) {
        let lost = self.shared.source_lost.load(Ordering::Relaxed);
        self.writer
            .lost(lost + self.shared.dropped.load(Ordering::Relaxed));
        let mut rest = batch.as_bytes();
        while let Ok((head, _)) = Head::read_from_prefix(rest) {
            let size = usize::from(head.size);
            let Some(record) = rest.get(..size).filter(|_| size >= size_of::<Head>()) else {
                break;
            };
            self.put(|writer, out| writer.push(record, out));
            rest = rest.get(size.next_multiple_of(8)..).unwrap_or_default();
        }
    }

    /// Writes what `make` makes. After a failure nothing is: what is there is whole but for its tail.
    fn put(&mut self, make: impl FnOnce(&mut Writer, &mut dyn FnMut(&[u8]))) {
        let Self { to, writer, shared } = self;
        let mut failed = shared.has_failed();
        make(writer, &mut |bytes| {
            if failed {
                return;
            }
            match to.write_all(bytes) {
                Ok(()) => drop(
                    shared
                        .bytes
                        .fetch_add(bytes.len() as u64, Ordering::Relaxed),
                ),
                Err(error) => {
                    failed = true;
                    shared.fail(error);
                }
            }
        });
        if !failed {
            let written = writer.in_blocks();
            shared.records.store(written, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use nulltrace_core::capture::Reader;
    use nulltrace_core::input::made::Made;

    use super::*;

    /// A file in memory that is full after so many bytes.
    #[derive(Clone)]
    struct Disk(Arc<Mutex<Vec<u8>>>, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut file = self.0.lock().unwrap();
            let room = (self.1 - file.len()).min(bytes.len());
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.extend_from_slice(&bytes[..room]);
            Ok(room)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Records so many to a disk of that size; what is read from it, and what was told.
    fn record(records: u32, size: usize) -> (u64, Recorded, Option<io::Error>) {
        let disk = Disk(Arc::default(), size);
        let (mut tap, recorder) =
            Recorder::start(Box::new(disk.clone()), Compress::default()).unwrap();
        let mut made = Made::default();
        for uid in 0..records {
            // Names that do not compress.
            let name = format!(
                "{:x}",
                u128::from(uid).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            );
            tap.record(made.user(u64::from(uid), uid, name.as_bytes()));
            if uid.is_multiple_of(1000) {
                tap.tick(0);
            }
        }
        drop(tap);
        let (recorded, failed) = recorder.close(|| true);
        let mut reader = Reader::default();
        reader.push(&disk.0.lock().unwrap(), &mut |_| {});
        (reader.end().records, recorded, failed)
    }

    /// A pipe that nobody reads.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_takes_nothing_is_not_waited_for_for_ever() {
        let (go, stuck) = std::sync::mpsc::channel();
        let to = Box::new(Stuck(stuck));
        let (mut tap, recorder) = Recorder::start(to, Compress::default()).unwrap();
        let mut made = Made::default();
        let records = 2 * QUEUE as u32;
        for uid in 0..records {
            tap.record(made.user(1, uid, b"ann"));
            tap.tick(0);
        }
        // Neither waits.
        drop(tap);
        let (recorded, failed) = recorder.close(|| false);
        assert_eq!(failed.unwrap().to_string(), "nobody reads it");
        assert_eq!((recorded.records, recorded.lost), (0, records.into()));
        drop(go);
    }

    #[test]
    fn all_that_was_given_is_in_the_file() {
        let (read, recorded, failed) = record(50_000, usize::MAX);
        assert_eq!((read, recorded.records, recorded.lost), (50_000, 50_000, 0));
        assert!(failed.is_none() && recorded.bytes > 50_000);
    }

    #[test]
    fn a_full_disk_ends_it_and_what_is_lost_is_counted() {
        let (read, recorded, failed) = record(200_000, 1_500_000);
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
        assert!(read > 0 && recorded.lost > 0);
        assert_eq!(
            (recorded.records, recorded.records + recorded.lost),
            (read, 200_000)
        );
    }
}
