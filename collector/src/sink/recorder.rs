//! Records to a capture: a thread of its own encodes and writes them, away from the drain thread.
//!
//! A full queue loses a batch of records, counted, and nothing else. When the file takes no more, what was written is
//! whole, and the rest is counted as lost. A recording that is split goes on in the next file when the thread that
//! drains says so: it alone knows what is open then, with which each file begins.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nulltrace_core::capture::{Compress, Writer};
use nulltrace_core::input::record::Head;
use nulltrace_core::query::filter::Filter;
use nulltrace_core::query::kept::{DataOf, Kept};
use nulltrace_core::spans::consumer::{Consumer, Wants};
use zerocopy::{FromBytes, IntoBytes};

use super::files::{Files, Rotate, Target};
use super::kinds::Kinds;
use crate::outlet::LOOK;

/// Bytes of records in a batch.
const BATCH: usize = 256 << 10;
/// After so long without a new record what there is becomes a block.
const IDLE: Duration = Duration::from_secs(1);

/// What was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// All records.
    pub records: u64,
    /// The same by what they are of.
    pub kinds: Kinds,
    /// Bytes of whole blocks that were written.
    pub bytes: u64,
    /// Records that were lost: the queue was full, or the file took no more.
    pub lost: u64,
    /// The files, where it was split.
    pub files: Option<Split>,
    /// Records that were lost because it took too long to know whether the filter keeps them.
    pub held: u64,
}

/// The files of a recording that was split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The first that is there.
    pub first: PathBuf,
    /// The last.
    pub last: PathBuf,
    /// How many were made.
    pub made: u64,
    /// How many of them were deleted again, as only so many are kept.
    pub deleted: u64,
}

/// Records, each at a word's beginning.
#[derive(Debug, Default)]
struct Batch {
    words: Vec<u64>,
    records: u64,
}

impl Batch {
    fn push(&mut self, record: &[u8]) {
        let at = self.words.len();
        self.words.resize(at + record.len().div_ceil(8), 0);
        let room = self.words.as_mut_bytes().get_mut(at * 8..);
        if let Some(room) = room.and_then(|room| room.get_mut(..record.len())) {
            room.copy_from_slice(record);
        }
        self.records += 1;
    }

    fn is_full(&self) -> bool {
        self.words.len() * 8 >= BATCH
    }

    /// The memory it takes.
    fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

/// What goes through the queue.
enum Message {
    Records(Batch),
    /// The next file begins with these, when so much was lost in all.
    Next {
        head: Vec<Batch>,
        lost: u64,
    },
}

/// A recording that goes on.
pub struct Recorder {
    shared: Arc<Shared>,
    queue: Sender<Message>,
    /// Says that all is written, or by being gone that the thread is.
    done: Receiver<()>,
    rotate: Option<Rotate>,
    /// Files that were asked for.
    files: u64,
    /// When the one at hand was.
    since: Instant,
}

struct Shared {
    /// Bytes that may wait.
    room: usize,
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// What the source lost so far: blocks bear it.
    source_lost: AtomicU64,
    /// All records that came.
    given: AtomicU64,
    /// Those that are in blocks which were written.
    records: AtomicU64,
    bytes: AtomicU64,
    /// Bytes of the file at hand.
    file_bytes: AtomicU64,
    /// Files that were begun.
    files: AtomicU64,
    /// Those for which the queue had no room.
    dropped: AtomicU64,
    /// Those that would have waited, to know whether they are kept, where there was no room for that.
    held: Arc<AtomicU64>,
    /// What the queue had no room for when it ended.
    last: Mutex<Batch>,
    failed: Mutex<Option<io::Error>>,
    split: Mutex<Option<Split>>,
    kinds: Mutex<Kinds>,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(room: usize) -> Self {
        Self {
            room,
            waiting: AtomicUsize::new(0),
            source_lost: AtomicU64::new(0),
            given: AtomicU64::new(0),
            records: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            file_bytes: AtomicU64::new(0),
            files: AtomicU64::new(1),
            dropped: AtomicU64::new(0),
            held: Arc::default(),
            last: Mutex::default(),
            failed: Mutex::default(),
            split: Mutex::default(),
            kinds: Mutex::default(),
        }
    }

    fn fail(&self, error: io::Error) {
        locked(&self.failed).get_or_insert(error);
    }

    fn has_failed(&self) -> bool {
        locked(&self.failed).is_some()
    }

    /// What was lost by now: by the source, and for want of room in the queue.
    fn lost(&self) -> u64 {
        let lost = self.source_lost.load(Ordering::Relaxed);
        lost + self.dropped.load(Ordering::Relaxed)
    }
}

/// Who takes the records for it: when it is dropped, the recording ends.
struct Tap {
    batch: Batch,
    queue: Sender<Message>,
    shared: Arc<Shared>,
}

impl Recorder {
    /// Starts the thread that writes to `to`, with so many bytes of records that may wait for it. Returns also who
    /// takes the records.
    ///
    /// # Errors
    /// The thread could not be made.
    pub fn start(
        to: Target,
        how: Compress,
        room: usize,
        only: Option<Filter>,
        data: Option<Filter>,
    ) -> io::Result<(Box<dyn Consumer>, Self)> {
        // Where a filter says what is kept, half of it is for records of which that is not known yet.
        let room = if only.is_some() { room / 2 } else { room };
        let shared = Arc::new(Shared::new(room));
        let (queue, messages) = channel();
        let rotate = to.rotate();
        let writing = Writing {
            to,
            how,
            writer: Writer::new(how),
            pending: Kinds::default(),
            before: 0,
            lost_before: 0,
            shared: Arc::clone(&shared),
        };
        let (closed, done) = sync_channel(1);
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writing.run(&messages, &closed))?;
        let tap = Tap {
            batch: Batch::default(),
            queue: queue.clone(),
            shared: Arc::clone(&shared),
        };
        let recorder = Self {
            shared: Arc::clone(&shared),
            queue,
            done,
            rotate,
            files: 1,
            since: Instant::now(),
        };
        let lost = Arc::clone(&shared.held);
        let taking: Box<dyn Consumer> = match only {
            Some(filter) => with_data(data, Kept::new(filter, room, lost, tap)),
            None => with_data(data, tap),
        };
        Ok((taking, recorder))
    }

    /// The source has lost so much by now.
    pub fn report(&self, lost: u64) {
        self.shared.source_lost.store(lost, Ordering::Relaxed);
    }

    /// Why it takes no more, if it does not.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        locked(&self.shared.failed)
            .as_ref()
            .map(io::Error::to_string)
    }

    /// Whether the recording is split.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.rotate.is_some()
    }

    /// Whether it is time for the next file: the number of that. Not while the one asked for last is not begun.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let rotate = self.rotate?;
        let begun = self.shared.files.load(Ordering::Acquire);
        let is_large = |most| self.shared.file_bytes.load(Ordering::Relaxed) >= most;
        let is_due = rotate.bytes.is_some_and(is_large)
            || rotate
                .after
                .is_some_and(|most| self.since.elapsed() >= most);
        (is_due && begun == self.files && !self.shared.has_failed()).then_some(begun + 1)
    }

    /// All that is given from now on goes to the next file, behind what `head` gives. Who takes the records has none
    /// that it did not hand over.
    ///
    /// The queue has room for these, however many they are: they take as much memory again as what is open.
    pub fn next(&mut self, lost: u64, head: impl FnOnce(&mut dyn FnMut(&[u8]))) {
        let mut batches = vec![Batch::default()];
        head(&mut |record| {
            if batches.last().is_none_or(Batch::is_full) {
                batches.push(Batch::default());
            }
            if let Some(last) = batches.last_mut() {
                last.push(record);
            }
        });
        let (given, waiting) = batches.iter().fold((0, 0), |(given, waiting), batch| {
            (given + batch.records, waiting + batch.bytes())
        });
        self.shared.given.fetch_add(given, Ordering::Relaxed);
        self.shared.waiting.fetch_add(waiting, Ordering::Relaxed);
        self.files += 1;
        self.since = Instant::now();
        let head = batches;
        // Where the thread is gone, closing says so.
        let _ = self.queue.send(Message::Next { head, lost });
    }

    /// Waits until all that was given is written, as long as `waits` says so; who gave it must be gone. What went
    /// wrong comes with what was written until then.
    pub fn close(self, waits: impl Fn() -> bool) -> (Recorded, Option<io::Error>) {
        let Self {
            shared,
            queue,
            done,
            ..
        } = self;
        drop(queue);
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
            kinds: *locked(&shared.kinds),
            bytes: shared.bytes.load(Ordering::Relaxed),
            lost: shared.given.load(Ordering::Relaxed) - records,
            files: locked(&shared.split).take(),
            held: shared.held.load(Ordering::Relaxed),
        };
        let failed = locked(&shared.failed).take();
        (recorded, failed)
    }
}

/// Takes the records, with what calls read and wrote of those only for which the filter holds.
fn with_data(data: Option<Filter>, to: impl Consumer + 'static) -> Box<dyn Consumer> {
    match data {
        Some(filter) => Box::new(DataOf::new(filter, to)),
        None => Box::new(to),
    }
}

impl Consumer for Tap {
    fn wants(&self) -> Wants {
        Wants::RECORD
    }

    fn record(&mut self, record: &[u8]) {
        self.batch.push(record);
        if self.batch.is_full() {
            self.send();
        }
    }

    fn tick(&mut self, _: u64) {
        if self.batch.records > 0 {
            self.send();
        }
    }
}

impl Tap {
    /// Hands the batch over, without waiting.
    fn send(&mut self) {
        let batch = mem::take(&mut self.batch);
        let (records, bytes) = (batch.records, batch.bytes());
        let Shared {
            room,
            waiting,
            given,
            dropped,
            ..
        } = &*self.shared;
        given.fetch_add(records, Ordering::Relaxed);
        // This thread alone adds to it.
        let has_room = waiting.load(Ordering::Relaxed) + bytes <= *room;
        if has_room {
            waiting.fetch_add(bytes, Ordering::Relaxed);
        }
        if !has_room || self.queue.send(Message::Records(batch)).is_err() {
            dropped.fetch_add(records, Ordering::Relaxed);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // It says what the recording was, so it does not depend on room in the queue.
        let last = mem::take(&mut self.batch);
        self.shared.given.fetch_add(last.records, Ordering::Relaxed);
        *locked(&self.shared.last) = last;
    }
}

/// The thread's own.
struct Writing {
    to: Target,
    how: Compress,
    writer: Writer,
    /// Records that are in no block yet.
    pending: Kinds,
    /// Records in the files before this one.
    before: u64,
    /// What was lost before it.
    lost_before: u64,
    shared: Arc<Shared>,
}

impl Writing {
    fn run(mut self, messages: &Receiver<Message>, closed: &SyncSender<()>) {
        self.put(|writer, out| writer.begin(out));
        let mut last = Instant::now();
        loop {
            match messages.recv_timeout(IDLE) {
                Ok(Message::Records(batch)) => {
                    self.take(batch);
                    last = Instant::now();
                }
                Ok(Message::Next { head, lost }) => {
                    self.next(lost);
                    head.into_iter().for_each(|batch| self.take(batch));
                    last = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if last.elapsed() >= IDLE {
                self.put(Writer::block);
            }
        }
        let last = mem::take(&mut *locked(&self.shared.last));
        self.shared
            .waiting
            .fetch_add(last.bytes(), Ordering::Relaxed);
        self.take(last);
        self.end();
        *locked(&self.shared.split) = self.to.files.as_ref().and_then(split);
        let _ = closed.try_send(());
    }

    fn take(&mut self, batch: Batch) {
        self.writer
            .lost(self.shared.lost().saturating_sub(self.lost_before));
        let mut rest = batch.words.as_bytes();
        while let Ok((head, _)) = Head::read_from_prefix(rest) {
            let size = usize::from(head.size);
            let Some(record) = rest.get(..size).filter(|_| size >= size_of::<Head>()) else {
                break;
            };
            let refused = self.writer.refused();
            self.put(|writer, out| writer.push(record, out));
            if self.writer.refused() == refused {
                self.pending.count(head.kind);
            }
            rest = rest.get(size.next_multiple_of(8)..).unwrap_or_default();
        }
        self.shared
            .waiting
            .fetch_sub(batch.bytes(), Ordering::Relaxed);
    }

    /// Ends this file and begins the next, when so much was lost in all.
    fn next(&mut self, lost: u64) {
        self.end();
        if !self.shared.has_failed()
            && let Some(files) = &mut self.to.files
        {
            match files.next() {
                Ok(file) => self.to.file = Box::new(file),
                Err(error) => self.shared.fail(error),
            }
        }
        self.before += self.writer.in_blocks();
        self.lost_before = lost + self.shared.dropped.load(Ordering::Relaxed);
        self.writer = Writer::new(self.how);
        self.shared.file_bytes.store(0, Ordering::Relaxed);
        self.put(|writer, out| writer.begin(out));
        self.shared.files.fetch_add(1, Ordering::Release);
    }

    fn end(&mut self) {
        self.put(Writer::end);
        if let Err(error) = self.to.file.flush() {
            self.shared.fail(error);
        }
    }

    /// Writes what `make` makes. After a failure nothing is: what is there is whole but for its tail.
    fn put(&mut self, make: impl FnOnce(&mut Writer, &mut dyn FnMut(&[u8]))) {
        let Self {
            to,
            writer,
            shared,
            pending,
            before,
            ..
        } = self;
        let mut failed = shared.has_failed();
        let mut wrote = 0;
        make(writer, &mut |bytes| {
            if failed {
                return;
            }
            match to.file.write_all(bytes) {
                Ok(()) => wrote += bytes.len() as u64,
                Err(error) => {
                    failed = true;
                    shared.fail(error);
                }
            }
        });
        if !failed {
            shared.bytes.fetch_add(wrote, Ordering::Relaxed);
            shared.file_bytes.fetch_add(wrote, Ordering::Relaxed);
            let written = *before + writer.in_blocks();
            if shared.records.swap(written, Ordering::Relaxed) != written {
                locked(&shared.kinds).add(&mem::take(pending));
            }
        }
    }
}

/// What became of the files of a recording.
fn split(files: &Files) -> Option<Split> {
    let (first, last) = files.names()?;
    Some(Split {
        first: first.to_owned(),
        last: last.to_owned(),
        made: files.made(),
        deleted: files.deleted(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use nulltrace_core::capture::Reader;
    use nulltrace_core::input::event::{Event, What};
    use nulltrace_core::input::made::Made;

    use super::*;
    use crate::sink::files::Place;

    /// More than any of these takes.
    const ROOM: usize = 32 << 20;

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
        let (mut tap, recorder) = Recorder::start(
            Target::one(Box::new(disk.clone())),
            Compress::default(),
            ROOM,
            None,
            None,
        )
        .unwrap();
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
        let (go, stuck) = channel();
        let to = Target::one(Box::new(Stuck(stuck)));
        let (mut tap, recorder) =
            Recorder::start(to, Compress::default(), 4 << 10, None, None).unwrap();
        let mut made = Made::default();
        let records = 500;
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
        assert_eq!(recorded.kinds.words(), "50000 facts");
        assert_eq!((read, recorded.records, recorded.lost), (50_000, 50_000, 0));
        assert!(failed.is_none() && recorded.bytes > 50_000);
    }

    #[test]
    fn each_file_is_whole_and_begins_with_its_head() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place {
            path: dir.path().join("a.ntc"),
            force: false,
            rotate: Some("64K".parse().unwrap()),
            keep: None,
        };
        let (mut tap, mut recorder) =
            Recorder::start(place.open().unwrap(), Compress::default(), ROOM, None, None).unwrap();
        let mut made = Made::default();
        for file in 1..=3 {
            for uid in 0..1000 {
                tap.record(made.user(file, uid, b"ann"));
            }
            tap.tick(0);
            if file < 3 {
                recorder.next(file * 7, |out| out(made.user(file, 4242, b"head")));
            }
        }
        recorder.report(20);
        drop(tap);
        let (recorded, failed) = recorder.close(|| true);
        assert!(failed.is_none());
        assert_eq!((recorded.records, recorded.lost), (3002, 0));
        let at = |n| dir.path().join(format!("a.000{n}.ntc"));
        let split = Split {
            first: at(1),
            last: at(3),
            made: 3,
            deleted: 0,
        };
        assert_eq!(recorded.files, Some(split));
        let mut bytes = 0;
        for (n, count) in [(1, 1000), (2, 1001), (3, 1001)] {
            let file = std::fs::read(at(n)).unwrap();
            bytes += file.len() as u64;
            let (mut reader, mut uids) = (Reader::default(), Vec::new());
            reader.push(&file, &mut |record| {
                if let Ok(Event {
                    what: What::User { uid, .. },
                    ..
                }) = Event::decode(record)
                {
                    uids.push(uid);
                }
            });
            let read = reader.end();
            assert!(read.ended && read.damage.is_empty());
            assert_eq!((uids.len(), uids[0] == 4242), (count, n > 1));
            // Each says what was lost in its time.
            assert!(n < 3 || read.lost == 6, "{}", read.lost);
        }
        assert_eq!(recorded.bytes, bytes);
    }

    #[test]
    fn a_full_disk_ends_it_and_what_is_lost_is_counted() {
        let (read, recorded, failed) = record(200_000, 1_500_000);
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
        assert!(read > 0 && recorded.lost > 0);
        assert_eq!(recorded.kinds.words(), format!("{read} facts"));
        assert_eq!(
            (recorded.records, recorded.records + recorded.lost),
            (read, 200_000)
        );
    }
}
