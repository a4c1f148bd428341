//! From records to blocks.

use super::block::{
    FLAG_CHECKPOINT, HEAD, Head, KIND_END, KIND_FILE, KIND_INDEX, KIND_RECORDS, PART_LAYOUT,
    PART_PLACE, PART_TABLE, PART_VERSION, put_part,
};
use super::encode::Encoder;
use super::index::{self, Index};
use super::table::Compress;
use crate::input::record::Head as RecordHead;

/// The version of the format: a reader of another major version refuses the file.
pub const VERSION: (u8, u8) = (1, 1);

/// A block has at most so many bytes of records.
pub const BLOCK_BYTES: usize = 1 << 20;
/// A block has the records of at most so long, in nanoseconds.
pub const BLOCK_NS: u64 = 1_000_000_000;
/// Every so many blocks there is a checkpoint.
pub const CHECKPOINT: u32 = 16;
/// There is one sooner if the dictionaries take so much memory, in bytes.
const DICTIONARY_BYTES: usize = 8 << 20;

/// Makes the blocks of a recording. What it gives is to be written in this order, and nothing else.
///
/// ```
/// use nulltrace_core::capture::{Compress, Reader, Writer};
/// use nulltrace_core::input::made::Made;
///
/// let mut file = Vec::new();
/// let mut out = |block: &[u8]| file.extend_from_slice(block);
/// let mut writer = Writer::new(Compress::Fast);
/// writer.begin(&mut out);
/// let record = Made::default().user(5_000, 1000, b"ann").to_vec();
/// writer.push(&record, &mut out);
/// writer.end(&mut out);
///
/// let (mut reader, mut records) = (Reader::default(), Vec::new());
/// reader.push(&file, &mut |record| records.push(record.to_vec()));
/// let read = reader.end();
/// assert_eq!(records[1..], [record]); // the first is the layout
/// assert!(read.ended && read.damage.is_empty());
/// ```
#[derive(Debug)]
pub struct Writer {
    encoder: Encoder,
    /// Records of the block that is made.
    count: u32,
    bytes: usize,
    from: u64,
    to: u64,
    /// Records before it.
    first: u64,
    /// Blocks until the next checkpoint.
    left: u32,
    lost: u64,
    refused: u64,
    /// Which kinds of records the block has that is made.
    kinds: u64,
    /// Bytes of the file that were given.
    at: u64,
    index: Index,
}

impl Writer {
    /// Compresses so.
    #[must_use]
    pub fn new(how: Compress) -> Self {
        Self {
            encoder: Encoder::new(how),
            count: 0,
            bytes: 0,
            from: 0,
            to: 0,
            first: 0,
            left: 0,
            lost: 0,
            refused: 0,
            kinds: 0,
            at: 0,
            index: Index::default(),
        }
    }

    /// The first block: what the file is.
    pub fn begin(&mut self, out: &mut dyn FnMut(&[u8])) {
        use zerocopy::IntoBytes;
        let mut body = Vec::new();
        put_part(&mut body, PART_VERSION, &[VERSION.0, VERSION.1]);
        let layout = crate::input::layout::own();
        put_part(&mut body, PART_LAYOUT, layout.as_bytes());
        self.give(&Head::of(KIND_FILE, &body), &body, out);
    }

    fn give(&mut self, head: &Head, body: &[u8], out: &mut dyn FnMut(&[u8])) {
        out(&head.write());
        out(body);
        self.at += (HEAD + body.len()) as u64;
    }

    /// Takes a record, 8-byte aligned as records are. A block that is full goes to `out`.
    pub fn push(&mut self, record: &[u8], out: &mut dyn FnMut(&[u8])) {
        let ts = record.first_chunk().map_or(0, |ts| u64::from_ne_bytes(*ts));
        let full = self.bytes + record.len() > BLOCK_BYTES;
        if self.count > 0 && (full || ts.saturating_sub(self.from) > BLOCK_NS) {
            self.block(out);
        }
        if self.count == 0 {
            self.begin_block();
        }
        if self.encoder.push(record).is_err() {
            self.refused += 1;
            return;
        }
        if self.count == 0 {
            (self.from, self.to) = (ts, ts);
        }
        let kind = record.get(core::mem::offset_of!(RecordHead, kind));
        self.kinds |= index::bit(kind.copied().unwrap_or_default());
        self.count += 1;
        self.bytes += record.len();
        self.from = self.from.min(ts);
        self.to = self.to.max(ts);
    }

    /// So much was lost until now, in all.
    pub const fn lost(&mut self, lost: u64) {
        self.lost = lost;
    }

    /// How many records were not taken, as they are none.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// How many records are in the blocks that were made.
    #[must_use]
    pub const fn in_blocks(&self) -> u64 {
        self.first
    }

    /// How many records were taken.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    fn begin_block(&mut self) {
        if self.left == 0 || self.encoder.dictionary_bytes() > DICTIONARY_BYTES {
            self.encoder.checkpoint();
            self.left = CHECKPOINT;
        }
    }

    /// What there is goes to `out` as a block.
    pub fn block(&mut self, out: &mut dyn FnMut(&[u8])) {
        if self.count == 0 {
            return;
        }
        let mut body = Vec::new();
        index::put_contents(&mut body, self.kinds);
        put_part(&mut body, PART_TABLE, &self.encoder.end());
        let checkpoint = self.left == CHECKPOINT;
        let head = Head {
            flags: if checkpoint { FLAG_CHECKPOINT } else { 0 },
            ..self.head(KIND_RECORDS, &body)
        };
        self.index
            .push(index::Block::of(&head, self.at, self.kinds));
        self.give(&head, &body, out);
        self.first += u64::from(self.count);
        (self.count, self.bytes, self.kinds) = (0, 0, 0);
        self.left -= 1;
    }

    /// The last blocks, after what there is: the index, and the end.
    pub fn end(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.block(out);
        let mut last = Vec::new();
        if let Some(body) = self.index.body() {
            put_part(&mut last, PART_PLACE, &self.at.to_le_bytes());
            self.give(&Head::of(KIND_INDEX, &body), &body, out);
        }
        self.give(&self.head(KIND_END, &last), &last, out);
    }

    fn head(&self, kind: u8, body: &[u8]) -> Head {
        Head {
            first: self.first,
            count: self.count,
            from: self.from,
            to: self.to,
            lost: self.lost,
            ..Head::of(kind, body)
        }
    }
}
