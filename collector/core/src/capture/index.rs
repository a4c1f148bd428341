//! Where the blocks of a file are, and what is in each: so that a reader who wants only some of them reads only those.
//!
//! Each block says ahead of its table what is in it, and a block near the end of the file says it of all. A file
//! without that, as of a recording that was killed, has its index from the heads of its blocks.

use core::ops::{Range, RangeInclusive};

use super::block::{
    BODY_MAX, HEAD, Head, KIND_END, KIND_INDEX, KIND_RECORDS, PART_CONTENTS, PART_INDEX,
    PART_PLACE, part, put_part,
};
use super::bytes::{Bad, Result, number, put_number};
use crate::input::full::{KIND_IRQ, KIND_SYSCALL};
use crate::input::joined::{KIND_MARKER, KIND_TIME};
use crate::input::made::KIND_CLOCK;
use crate::input::record::{KIND_SEGMENT, KIND_SO_FAR};

/// An index has at most so many blocks; that of a larger file is made from the heads.
const BLOCKS_MAX: usize = 1 << 20;
/// So many bytes of a block say all that its part of the index does.
pub const FRONT: usize = HEAD + 16;
/// So many bytes at the end of a file say where its index is.
pub const TAIL: usize = HEAD + 10;

/// Whether records of that kind say what happened at some time. Others say what things are, from then on.
const fn is_event(kind: u8) -> bool {
    matches!(
        kind,
        KIND_SEGMENT
            | KIND_SO_FAR
            | KIND_MARKER..=KIND_TIME
            | KIND_SYSCALL..=KIND_IRQ
            | KIND_CLOCK
    )
}

/// The bit of a kind of records.
pub(super) const fn bit(kind: u8) -> u64 {
    1 << if kind < 63 { kind } else { 63 }
}

/// The bits of kinds that are no events.
const FACTS: u64 = {
    let (mut set, mut kind) = (1 << 63, 0);
    while kind < 63 {
        set |= if is_event(kind) { 0 } else { bit(kind) };
        kind += 1;
    }
    set
};

/// A block with records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    at: u64,
    /// Bytes of all of it.
    len: u64,
    from: u64,
    to: u64,
    checkpoint: bool,
    /// Which kinds of records it has.
    kinds: u64,
}

impl Block {
    pub(super) const fn of(head: &Head, at: u64, kinds: u64) -> Self {
        Self {
            at,
            len: HEAD as u64 + head.len as u64,
            from: head.from,
            to: head.to,
            checkpoint: head.is_checkpoint(),
            kinds,
        }
    }

    fn has(&self, times: &RangeInclusive<u64>) -> bool {
        let facts = self.kinds & FACTS != 0 && self.from <= *times.end();
        facts || (self.from <= *times.end() && self.to >= *times.start())
    }
}

/// The blocks of a file, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    blocks: Vec<Block>,
    full: bool,
}

impl Index {
    pub(super) fn push(&mut self, block: Block) {
        self.full |= self.blocks.len() >= BLOCKS_MAX;
        if !self.full {
            self.blocks.push(block);
        }
    }

    /// The body of the block that has it; `None` if it is too large for one.
    pub(super) fn body(&self) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        put_number(&mut all, self.blocks.len() as u64);
        let mut before = Block::default();
        for block in &self.blocks {
            put_number(&mut all, block.at.wrapping_sub(before.at + before.len));
            put_number(&mut all, block.len);
            put_number(&mut all, block.from.wrapping_sub(before.from));
            put_number(&mut all, block.to.wrapping_sub(block.from));
            put_number(&mut all, block.kinds);
            all.push(block.checkpoint.into());
            before = *block;
        }
        let mut body = Vec::new();
        put_part(&mut body, PART_INDEX, &all);
        (!self.full && body.len() <= BODY_MAX).then_some(body)
    }

    /// Where the index of a file is, in bytes from its beginning, of which these are the last [`TAIL`].
    #[must_use]
    pub fn place(tail: &[u8]) -> Option<u64> {
        let (head, body) = tail.split_first_chunk::<HEAD>()?;
        let head = Head::read(head).filter(|head| head.kind == KIND_END)?;
        if crc32c::crc32c(body) != head.crc {
            return None;
        }
        let place = part(body, PART_PLACE).ok()?;
        Some(u64::from_le_bytes(place.try_into().ok()?))
    }

    /// How many bytes the index has, of which these are the first [`FRONT`] or more.
    #[must_use]
    pub fn len_of(front: &[u8]) -> Option<usize> {
        let head = Head::read(front.first_chunk()?)?;
        let known = head.kind == KIND_INDEX && head.len as usize <= BODY_MAX;
        known.then_some(HEAD + head.len as usize)
    }

    /// Reads the block that has it. `None` if it is damaged.
    #[must_use]
    pub fn read(block: &[u8]) -> Option<Self> {
        let (head, body) = block.split_first_chunk::<HEAD>()?;
        let head = Head::read(head)?;
        if head.kind != KIND_INDEX || crc32c::crc32c(body) != head.crc {
            return None;
        }
        let all = part(body, PART_INDEX).ok()?;
        let blocks = blocks(all).ok()?;
        Some(Self {
            blocks,
            full: false,
        })
    }

    /// Takes in the block that begins at `at` with these bytes, [`FRONT`] or all of the file. Returns where the next
    /// one begins; `None` if there is none, or the place is damaged.
    pub fn scan(&mut self, at: u64, front: &[u8]) -> Option<u64> {
        let (head, rest) = front.split_first_chunk::<HEAD>()?;
        let head = Head::read(head).filter(|head| head.len as usize <= BODY_MAX)?;
        if head.kind == KIND_RECORDS {
            // What is not said may be anything.
            let kinds = contents(rest).unwrap_or(u64::MAX);
            self.push(Block::of(&head, at, kinds));
        }
        (!self.full).then_some(at + HEAD as u64 + u64::from(head.len))
    }

    /// What of a file of so many bytes has the records of these times, all that says what things are until then, and
    /// what these need to be read.
    #[must_use]
    pub fn ranges(&self, times: &RangeInclusive<u64>, len: u64) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let mut add = |at: u64, end: u64| match (ranges.last_mut(), end.min(len)) {
            (_, end) if at >= end => {}
            (Some(last), end) if last.end == at => last.end = end,
            (_, end) => ranges.push(at..end),
        };
        let first = self.blocks.first().map_or(len, |block| block.at);
        add(0, first);
        let groups = self.blocks.chunk_by(|_, next| !next.checkpoint);
        for group in groups {
            let last = group.iter().rposition(|block| block.has(times));
            let needed = last.and_then(|last| group.get(..=last));
            for block in needed.unwrap_or_default() {
                add(block.at, block.at.saturating_add(block.len));
            }
        }
        let end = self.blocks.last();
        let end = end.map_or(first, |block| block.at.saturating_add(block.len));
        add(end, len);
        ranges
    }
}

/// The part of a body that says what is in it.
pub(super) fn put_contents(body: &mut Vec<u8>, kinds: u64) {
    let mut contents = Vec::new();
    put_number(&mut contents, kinds);
    put_part(body, PART_CONTENTS, &contents);
}

/// The kinds of records, as a body begins with them.
fn contents(body: &[u8]) -> Option<u64> {
    let (kind, mut rest) = body.split_first()?;
    if *kind != PART_CONTENTS {
        return None;
    }
    number(&mut rest).ok()?;
    number(&mut rest).ok()
}

fn blocks(mut from: &[u8]) -> Result<Vec<Block>> {
    let count = number(&mut from)?;
    if count > BLOCKS_MAX as u64 {
        return Err(Bad::TooMuch(count));
    }
    let mut blocks = Vec::new();
    let mut before = Block::default();
    for _ in 0..count {
        let sum = |n: u64, by: Result<u64>| n.checked_add(by?).ok_or(Bad::Counts);
        let behind = sum(before.at, Ok(before.len))?;
        let at = sum(behind, number(&mut from))?;
        let len = number(&mut from)?;
        let begins = before.from.wrapping_add(number(&mut from)?);
        let to = sum(begins, number(&mut from))?;
        let kinds = number(&mut from)?;
        let (checkpoint, rest) = from.split_first().ok_or(Bad::Short)?;
        from = rest;
        before = Block {
            at,
            len,
            from: begins,
            to,
            checkpoint: *checkpoint != 0,
            kinds,
        };
        blocks.push(before);
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(at: u64, checkpoint: bool, from: u64, fact: bool) -> Block {
        let kinds = bit(if fact { 2 } else { KIND_MARKER });
        Block {
            at,
            len: 10,
            from,
            to: from + 9,
            checkpoint,
            kinds,
        }
    }

    fn index() -> Index {
        let mut index = Index::default();
        for n in 0..12 {
            index.push(block(100 + n * 10, n % 4 == 0, n * 10, n == 1));
        }
        index
    }

    #[test]
    fn only_what_is_needed_is_read() {
        let index = index();
        // The head of the file, up to what says what things are; what ends at the time; the end.
        assert_eq!(index.ranges(&(95..=99), 250), [0..120, 180..200, 220..250]);
        assert_eq!(
            index.ranges(&(0..=u64::MAX), 250),
            vec![Range { start: 0, end: 250 }]
        );
        assert_eq!(index.ranges(&(500..=600), 250), [0..120, 220..250]);
        assert_eq!(
            Index::default().ranges(&(5..=6), 250),
            vec![Range { start: 0, end: 250 }]
        );
    }

    #[test]
    fn it_is_read_back() {
        let index = index();
        let body = index.body().unwrap();
        let bytes = [&Head::of(KIND_INDEX, &body).write()[..], &body].concat();
        assert_eq!(Index::len_of(&bytes[..HEAD]), Some(bytes.len()));
        assert_eq!(Index::read(&bytes), Some(index));
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 4;
            assert_eq!(Index::read(&bytes), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_may_be_an_index(bytes: Vec<u8>) {
            let _ = (blocks(&bytes), contents(&bytes), Index::place(&bytes), Index::len_of(&bytes));
            let _ = Index::default().scan(u64::MAX, &bytes);
        }
    }
}
