//! Reads a capture: one thread cuts the file into blocks, some read what is in them, the caller takes the records in
//! their order.
//!
//! What can be read by itself, from a checkpoint to the next, goes to one thread after the other. Each has at most
//! [`PIECES`] blocks that are not read yet and [`BATCHES`] that are: with blocks as a recorder makes them, that is 12 MiB
//! at most, and half a MiB mostly.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::iter;
use std::mem;
use std::num::NonZero;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use nulltrace_core::capture::{
    Blocks, Cutter, FRONT, Index, Piece, Read, Reader, Refused, TAIL, Told,
};
use nulltrace_core::input::event::What;
use nulltrace_core::input::layout;
use zerocopy::IntoBytes;

use super::Ran;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;
/// The most threads that read blocks.
const WORKERS: usize = 8;
/// Blocks that wait for each.
const PIECES: usize = 8;
/// Blocks that were read by each and wait to be taken.
const BATCHES: usize = 4;

/// What goes to a worker.
enum Job {
    Piece(Piece),
    /// What follows is read by the next one.
    Next,
}

/// What comes from it.
enum Out {
    Block(Block),
    Next,
}

/// A block that was read.
#[derive(Default)]
struct Block {
    /// Its records, each at a word's beginning.
    words: Vec<u64>,
    /// How many bytes each has.
    sizes: Vec<usize>,
    told: Told,
}

impl Block {
    fn push(&mut self, record: &[u8]) {
        let at = self.words.len();
        self.words.resize(at + record.len().div_ceil(8), 0);
        let room = self.words.as_mut_bytes().get_mut(at * 8..);
        if let Some(room) = room.and_then(|room| room.get_mut(..record.len())) {
            room.copy_from_slice(record);
            self.sizes.push(record.len());
        }
    }

    fn give(&self, each: &mut dyn FnMut(&[u8])) {
        let mut rest = self.words.as_bytes();
        for &size in &self.sizes {
            each(rest.get(..size).unwrap_or_default());
            rest = rest.get(size.next_multiple_of(8)..).unwrap_or_default();
        }
    }
}

/// What the capture at `path` says of itself where it begins. `None` if it is no file, or says nothing there.
///
/// # Errors
/// It cannot be read.
pub fn begins(path: &Path) -> io::Result<Option<Ran>> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut first = vec![0; CHUNK];
    let len = file.read(&mut first)?;
    let (mut reader, mut layout) = (Reader::default(), layout::Reader::default());
    let (mut ran, mut said) = (Ran::default(), false);
    reader.push(first.get(..len).unwrap_or_default(), &mut |record| {
        if let Ok(event) = layout.read(record)
            && !said
        {
            ran.learn(&event);
            said = matches!(event.what, What::Run { .. });
        }
    });
    Ok(said.then_some(ran))
}

/// Gives each record of the capture at `path`, `-` being stdin. What is damaged is passed over, and told. Where the file
/// has an index, blocks of which all records are later than `until` are not read, in `CLOCK_MONOTONIC` nanoseconds, but
/// for those that say what things are. How many bytes were read is told as it goes on.
///
/// # Errors
/// It cannot be read, or no thread can be made; that it is no capture is told in what is returned.
pub fn read(
    path: &Path,
    until: u64,
    each: &mut dyn FnMut(&[u8]),
    at: &mut dyn FnMut(u64),
) -> io::Result<Read> {
    let mut ranges: Vec<_> = iter::once(0..u64::MAX).collect();
    let mut file: Box<dyn Input> = match path.as_os_str() {
        dash if dash == "-" => Box::new(io::stdin()),
        _ => {
            let file = File::open(path)?;
            if until < u64::MAX
                && let Some(index) = index(&file)?
            {
                ranges = index.ranges(&(0..=until), file.metadata()?.len());
            }
            Box::new(file)
        }
    };
    let bytes = AtomicU64::new(0);
    let used = &Used::default();
    let workers = thread::available_parallelism().map_or(1, NonZero::get) - 1;
    let mut read = Read::default();
    let (ended, refused) = thread::scope(|scope| -> io::Result<_> {
        let (mut jobs, mut blocks) = (Vec::new(), Vec::new());
        for _ in 0..workers.clamp(1, WORKERS) {
            let (to, queue) = sync_channel(PIECES);
            let (give, taken) = sync_channel(BATCHES);
            thread::Builder::new()
                .name("capture".to_owned())
                .spawn_scoped(scope, move || work(&queue, &give, used))?;
            jobs.push(to);
            blocks.push(taken);
        }
        let cutting = thread::Builder::new()
            .name("capture file".to_owned())
            .spawn_scoped(scope, || cut(&mut *file, ranges, jobs, &bytes))?;
        take(&blocks, &mut |mut block| {
            block.give(each);
            read.take(mem::take(&mut block.told));
            used.keep(block);
            at(bytes.load(Ordering::Relaxed));
        });
        let cut = cutting.join();
        cut.unwrap_or_else(|_| Err(io::Error::other("the thread that reads it has ended")))
    })?;
    if let Some(piece) = ended {
        read.take(Blocks::default().read(&piece, &mut |_| {}));
    }
    read.refused = refused;
    Ok(read)
}

/// A file, or what cannot be read but from its beginning to its end.
trait Input: io::Read + Send {
    /// What follows is read from there on.
    fn jump(&mut self, at: u64) -> io::Result<()>;
}

impl Input for File {
    fn jump(&mut self, at: u64) -> io::Result<()> {
        self.seek(SeekFrom::Start(at)).map(drop)
    }
}

impl Input for io::Stdin {
    fn jump(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// What was cut off at the end, and why nothing was read.
type Ended = (Option<Piece>, Option<Refused>);

/// Cuts these ranges of a file into pieces, for workers in turn.
fn cut(
    file: &mut dyn Input,
    ranges: Vec<Range<u64>>,
    jobs: Vec<SyncSender<Job>>,
    bytes: &AtomicU64,
) -> io::Result<Ended> {
    let mut cutter = Cutter::default();
    let mut chunk = vec![0; CHUNK];
    let mut turn = 0;
    // Whoever takes the records may have gone.
    let mut out = |piece: Piece| {
        let Some(worker) = jobs.get(turn) else { return };
        if piece.is_checkpoint() {
            let _ = worker.send(Job::Next);
            turn = (turn + 1) % jobs.len();
        }
        if let Some(worker) = jobs.get(turn) {
            let _ = worker.send(Job::Piece(piece));
        }
    };
    let mut at = 0;
    for range in ranges {
        if range.start != at {
            file.jump(range.start)?;
            cutter.jump(range.start);
            at = range.start;
        }
        while at < range.end && cutter.check().is_ok() {
            let most = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let room = chunk.get_mut(..most.min(CHUNK)).unwrap_or_default();
            let len = match file.read(room) {
                Ok(0) => break,
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            at += len as u64;
            bytes.store(at, Ordering::Relaxed);
            cutter.push(room.get(..len).unwrap_or_default(), &mut out);
        }
    }
    Ok(cutter.end())
}

/// Blocks that were taken: their room is used again, which costs less than new room.
#[derive(Default)]
struct Used(Mutex<Vec<Block>>);

impl Used {
    fn keep(&self, block: Block) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BATCHES {
            kept.push(block);
        }
    }

    /// An empty block.
    fn block(&self) -> Block {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut block = kept.pop().unwrap_or_default();
        block.words.clear();
        block.sizes.clear();
        block
    }
}

/// Reads pieces.
fn work(jobs: &Receiver<Job>, to: &SyncSender<Out>, used: &Used) {
    let mut blocks = Blocks::default();
    for job in jobs {
        let out = match job {
            Job::Next => Out::Next,
            Job::Piece(piece) => {
                let mut block = used.block();
                block.told = blocks.read(&piece, &mut |record| block.push(record));
                Out::Block(block)
            }
        };
        if to.send(out).is_err() {
            return;
        }
    }
}

/// Takes what the workers read, in the order of the file.
fn take(workers: &[Receiver<Out>], each: &mut dyn FnMut(Block)) {
    for worker in workers.iter().cycle() {
        loop {
            match worker.recv() {
                Ok(Out::Block(block)) => each(block),
                Ok(Out::Next) => break,
                // No more follows: whoever was to read it would be this one.
                Err(_) => return,
            }
        }
    }
}

/// The index of a file: its own, or from the heads of its blocks. `None` if these cannot be followed to the end: all is
/// to be read then.
fn index(file: &File) -> io::Result<Option<Index>> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(None);
    }
    let len = meta.len();
    if let Some(index) = own_index(file, len)? {
        return Ok(Some(index));
    }
    let (mut index, mut at) = (Index::default(), 0);
    while at < len {
        let front = read_at(
            file,
            at,
            FRONT.min(usize::try_from(len - at).unwrap_or(FRONT)),
        )?;
        match index.scan(at, &front) {
            Some(next) => at = next,
            // What was cut off at the end has no records that could be read.
            None => return Ok(None),
        }
    }
    Ok(Some(index))
}

fn own_index(file: &File, len: u64) -> io::Result<Option<Index>> {
    let Some(from) = len.checked_sub(TAIL as u64) else {
        return Ok(None);
    };
    let place = Index::place(&read_at(file, from, TAIL)?);
    let Some(place) = place.filter(|at| at.saturating_add(FRONT as u64) <= len) else {
        return Ok(None);
    };
    let size = Index::len_of(&read_at(file, place, FRONT)?);
    let Some(size) = size.filter(|size| place.saturating_add(*size as u64) <= len) else {
        return Ok(None);
    };
    Ok(Index::read(&read_at(file, place, size)?))
}

fn read_at(file: &File, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}
