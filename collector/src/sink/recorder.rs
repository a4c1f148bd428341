//! Records to a capture: a thread of its own encodes and writes them, away from the drain thread.
//!
//! A full queue loses a batch of records, counted, and nothing else. When the file takes no more, what was written is
//! whole, and the rest is counted as lost.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nulltrace_core::capture::{Compress, Writer};
use nulltrace_core::input::record::Head;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use zerocopy::{FromBytes, IntoBytes};

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
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// What the source lost so far: blocks bear it.
    source_lost: AtomicU64,
    /// Records that were lost on the way to the file.
    lost: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
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
        let thread = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writing.run(&batches))?;
        let tap = Tap {
            batch: Vec::new(),
            records: 0,
            queue,
            shared: Arc::clone(&shared),
        };
        Ok((Box::new(tap), Self { shared, thread }))
    }

    /// The source has lost so much by now.
    pub fn report(&self, lost: u64) {
        self.shared.source_lost.store(lost, Ordering::Relaxed);
    }

    /// Waits until all that was given is written; who gave it must be gone. What went wrong comes with what was
    /// written until then.
    pub fn close(self) -> (Recorded, Option<io::Error>) {
        let Self { shared, thread } = self;
        if thread.join().is_err() {
            shared.fail(io::Error::other("the thread that writes it has ended"));
        }
        let recorded = Recorded {
            records: shared.records.load(Ordering::Relaxed),
            bytes: shared.bytes.load(Ordering::Relaxed),
            lost: shared.lost.load(Ordering::Relaxed),
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
        if self.queue.try_send(batch).is_err() {
            self.shared.lost.fetch_add(records, Ordering::Relaxed);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // The last one has all the time that the disk takes.
        let batch = mem::take(&mut self.batch);
        if self.queue.send(batch).is_err() {
            self.shared.lost.fetch_add(self.records, Ordering::Relaxed);
        }
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
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if last.elapsed() >= IDLE {
                self.put(Writer::block);
            }
        }
        self.put(Writer::end);
        if let Err(error) = self.to.flush() {
            self.shared.fail(error);
        }
        self.settle();
    }

    fn take(&mut self, batch: &Batch) {
        let lost = self.shared.source_lost.load(Ordering::Relaxed);
        self.writer
            .lost(lost + self.shared.lost.load(Ordering::Relaxed));
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

    /// What was taken and could not be written is lost.
    fn settle(&self) {
        let written = self.shared.records.load(Ordering::Relaxed);
        let lost = self.writer.records() - written + self.writer.refused();
        self.shared.lost.fetch_add(lost, Ordering::Relaxed);
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
        let (recorded, failed) = recorder.close();
        let mut reader = Reader::default();
        reader.push(&disk.0.lock().unwrap(), &mut |_| {});
        (reader.end().records, recorded, failed)
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
