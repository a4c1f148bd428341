//! From the bytes of a file to records.

use core::fmt;
use core::ops::Range;

use super::block::{Found, HEAD, Head, KIND_END, KIND_FILE, KIND_RECORDS, check, find, part};
use super::bytes::Bad;
use super::decode::Decoder;
use super::writer::{PART_LAYOUT, PART_TABLE, PART_VERSION, VERSION};

/// A file that is no capture, or one that this build does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not begin as captures do.
    NoCapture,
    /// A later version wrote it.
    Version(u8, u8),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCapture => f.write_str("it does not begin as captures do"),
            Self::Version(major, minor) => write!(
                f,
                "it is of version {major}.{minor}, and this build reads {}.x",
                VERSION.0
            ),
        }
    }
}

impl core::error::Error for Refused {}

/// A place of a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes from its beginning.
    pub at: Range<u64>,
    /// Why.
    pub why: Why,
}

/// Why a place could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The file ends within a block, as when a recording was killed.
    Cut,
    /// No block begins there.
    NoBlock,
    /// The bytes of a block are not those that were written: so many records are lost.
    Checksum(u32),
    /// What is in a block contradicts itself: so many records are lost.
    Contents(Bad, u32),
    /// A block before it is damaged, without which it cannot be read: so many records are lost.
    Before(u32),
}

impl Why {
    /// How many records are lost by it; 0 where that is not known.
    #[must_use]
    pub const fn records(self) -> u32 {
        match self {
            Self::Cut | Self::NoBlock => 0,
            Self::Checksum(n) | Self::Contents(_, n) | Self::Before(n) => n,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("the file ends within a block"),
            Self::NoBlock => f.write_str("no block begins there"),
            Self::Checksum(_) => f.write_str("the checksum of a block is wrong"),
            Self::Contents(bad, _) => write!(f, "a block contradicts itself: {bad}"),
            Self::Before(_) => f.write_str("a block that it needs is damaged"),
        }
    }
}

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

/// Reads a file from its beginning, as its bytes come. What is damaged is passed over, and told.
#[derive(Debug, Default)]
pub struct Reader {
    decoder: Decoder,
    /// Bytes of a block that is not whole yet.
    waiting: Vec<u8>,
    /// Where they begin in the file.
    at: u64,
    read: Read,
    begun: bool,
    /// A block that the next ones need could not be read.
    broken: bool,
}

impl Reader {
    /// Takes the next bytes of the file; gives `each` the records, aligned as records are. The first is the layout.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        self.waiting.extend_from_slice(bytes);
        let waiting = core::mem::take(&mut self.waiting);
        let mut used = 0;
        while self.read.refused.is_none() {
            let rest = waiting.get(used..).unwrap_or_default();
            let by = match find(rest) {
                Found::More(_) => break,
                found => self.found(found, each),
            };
            used += by;
            self.at += by as u64;
        }
        self.waiting = waiting;
        self.waiting.drain(..used);
    }

    /// Takes what was found, and returns how many bytes that is.
    fn found(&mut self, found: Found<'_>, each: &mut dyn FnMut(&[u8])) -> usize {
        match found {
            Found::Block(head, body) => {
                let len = HEAD + body.len();
                if let Err(why) = self.block(&head, body, each) {
                    self.damaged(len, why);
                }
                len
            }
            Found::Damaged(head) => {
                let len = HEAD + head.len as usize;
                self.broken |= head.kind == KIND_RECORDS;
                self.damaged(len, Why::Checksum(head.count));
                len
            }
            Found::Nothing(by) => {
                match self.begun {
                    true => {
                        // Whatever was there, it may have been what the next ones need.
                        self.broken = true;
                        self.damaged(by, Why::NoBlock);
                    }
                    false => self.read.refused = Some(Refused::NoCapture),
                }
                by
            }
            Found::More(_) => 0,
        }
    }

    fn block(&mut self, head: &Head, body: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Why> {
        let bad = |bad| Why::Contents(bad, head.count);
        match head.kind {
            KIND_FILE => {
                let [major, minor] = *part(body, PART_VERSION).map_err(bad)? else {
                    return Err(bad(Bad::Short));
                };
                if major != VERSION.0 {
                    self.read.refused = Some(Refused::Version(major, minor));
                    return Ok(());
                }
                self.begun = true;
                let layout = part(body, PART_LAYOUT).map_err(bad)?;
                aligned(layout, each);
                Ok(())
            }
            _ if !self.begun => {
                self.read.refused = Some(Refused::NoCapture);
                Ok(())
            }
            KIND_RECORDS => {
                self.read.lost = head.lost;
                if head.is_checkpoint() {
                    self.decoder.checkpoint();
                    self.broken = false;
                }
                if self.broken {
                    return Err(Why::Before(head.count));
                }
                let (mut count, decoder) = (0, &mut self.decoder);
                let read = part(body, PART_TABLE).and_then(|table| {
                    decoder.read(table, &mut |record| {
                        count += 1;
                        each(record);
                    })
                });
                self.read.records += count;
                let left = head.count.saturating_sub(count as u32);
                read.and_then(|()| check(count, head)).map_err(|bad| {
                    self.broken = true;
                    Why::Contents(bad, left)
                })
            }
            KIND_END => {
                self.read.lost = head.lost;
                self.read.ended = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// So many bytes from here on cannot be read.
    fn damaged(&mut self, len: usize, why: Why) {
        let at = self.at..self.at + len as u64;
        let many = self.read.damage.len() >= DAMAGE_MAX;
        match self.read.damage.last_mut() {
            Some(last) if last.at.end == at.start && (many || last.why == why) => {
                last.at.end = at.end;
            }
            Some(last) if many => last.at.end = at.end,
            _ => self.read.damage.push(Damage { at, why }),
        }
    }

    /// Whether it is a capture, as far as it was read.
    ///
    /// # Errors
    /// It is none, or none that this build reads.
    pub fn check(&self) -> Result<(), Refused> {
        self.read.refused.map_or(Ok(()), Err)
    }

    /// The file ended.
    #[must_use]
    pub fn end(mut self) -> Read {
        if !self.begun && self.read.refused.is_none() {
            self.read.refused = Some(Refused::NoCapture);
        }
        if self.read.refused.is_none() && !self.waiting.is_empty() {
            self.damaged(self.waiting.len(), Why::Cut);
        }
        self.read
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
