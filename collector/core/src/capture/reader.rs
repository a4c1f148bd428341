//! From the bytes of a file to records.

use super::block::{Head, KIND_END, KIND_RECORDS, PART_TABLE, check, part};
use super::cutter::{Cut, Cutter, Piece};
use super::damage::{Damage, Refused, Why};
use super::decode::Decoder;

/// What a file was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Places that could not be read.
    pub damage: Vec<Damage>,
    /// The recording ended as it should.
    pub ended: bool,
    /// Records that were read.
    pub records: u64,
    /// What the recording had lost, in all.
    pub lost: u64,
    /// Why nothing was read.
    pub refused: Option<Refused>,
}

/// So many places that cannot be read are told one by one; what follows is one more.
const DAMAGE_MAX: usize = 100;

/// What was read of a piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    damage: Option<Damage>,
    records: u64,
    lost: Option<u64>,
    ended: bool,
}

impl Read {
    /// Takes in what was read of the next piece.
    pub fn take(&mut self, told: Told) {
        self.records += told.records;
        self.lost = told.lost.unwrap_or(self.lost);
        self.ended |= told.ended;
        if let Some(damage) = told.damage {
            self.damaged(damage);
        }
    }

    fn damaged(&mut self, damage: Damage) {
        let many = self.damage.len() >= DAMAGE_MAX;
        match self.damage.last_mut() {
            Some(last) if many => last.at.end = damage.at.end,
            Some(last) if last.at.end == damage.at.start && last.why == damage.why => {
                last.at.end = damage.at.end;
            }
            _ => self.damage.push(damage),
        }
    }
}

/// Reads pieces of a file, from a checkpoint on in their order.
#[derive(Debug, Default)]
pub struct Blocks {
    decoder: Decoder,
    /// A block that the next ones need could not be read.
    broken: bool,
}

impl Blocks {
    /// Gives `each` the records of a piece, aligned as records are.
    pub fn read(&mut self, piece: &Piece, each: &mut dyn FnMut(&[u8])) -> Told {
        let mut told = Told::default();
        let why = match &piece.what {
            Cut::Layout(layout) => {
                aligned(layout, each);
                Ok(())
            }
            Cut::Damaged(why, needed) => {
                self.broken |= needed;
                Err(*why)
            }
            Cut::Block(head, body) => self.block(head, body, &mut told, each),
        };
        told.damage = why.err().map(|why| Damage {
            at: piece.at.clone(),
            why,
        });
        told
    }

    fn block(
        &mut self,
        head: &Head,
        body: &[u8],
        told: &mut Told,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Why> {
        if !matches!(head.kind, KIND_RECORDS | KIND_END) {
            return Ok(());
        }
        told.lost = Some(head.lost);
        if head.kind == KIND_END {
            told.ended = true;
            return Ok(());
        }
        if head.is_checkpoint() {
            self.decoder.checkpoint();
            self.broken = false;
        }
        if self.broken {
            return Err(Why::Before(head.count));
        }
        let decoder = &mut self.decoder;
        let read = part(body, PART_TABLE).and_then(|table| {
            decoder.read(table, &mut |record| {
                told.records += 1;
                each(record);
            })
        });
        let left = u64::from(head.count).saturating_sub(told.records);
        let checked = read.and_then(|()| check(told.records, head));
        checked.map_err(|bad| {
            self.broken = true;
            Why::Contents(bad, u32::try_from(left).unwrap_or(u32::MAX))
        })
    }
}

/// Reads a file from its beginning, as its bytes come. What is damaged is passed over, and told.
#[derive(Debug, Default)]
pub struct Reader {
    cutter: Cutter,
    blocks: Blocks,
    read: Read,
}

impl Reader {
    /// Takes the next bytes of the file; gives `each` the records, aligned as records are. The first is the layout.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        let Self {
            cutter,
            blocks,
            read,
        } = self;
        cutter.push(bytes, &mut |piece| read.take(blocks.read(&piece, each)));
    }

    /// Whether it is a capture, as far as it was read.
    ///
    /// # Errors
    /// It is none, or none that this build reads.
    pub fn check(&self) -> Result<(), Refused> {
        self.cutter.check()
    }

    /// Whether the end of the recording was read: nothing follows.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.read.ended
    }

    /// The file ended.
    #[must_use]
    pub fn end(self) -> Read {
        let Self {
            cutter,
            mut blocks,
            mut read,
        } = self;
        let (last, refused) = cutter.end();
        if let Some(piece) = last {
            read.take(blocks.read(&piece, &mut |_| {}));
        }
        read.refused = refused;
        read
    }
}

/// Gives bytes that lie anywhere as a record.
fn aligned(bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
    use zerocopy::IntoBytes;
    let mut words = vec![0_u64; bytes.len().div_ceil(8)];
    if let Some(room) = words.as_mut_bytes().get_mut(..bytes.len()) {
        room.copy_from_slice(bytes);
        each(room);
    }
}

#[cfg(test)]
mod tests;
