//! The head of a block: what kind it is, how long, and of which time.
//!
//! ```text
//! bytes  0…3    magic
//!        4      kind
//!        5      flags
//!        6…7    bytes of the head
//!        8…11   bytes that follow the head
//!       12…15   CRC-32C of these
//!       16…23   number of the first record
//!       24…27   records
//!       28…31   zero
//!       32…39   time of the earliest record
//!       40…47   time of the latest
//!       48…55   what was lost until then, in all
//!       56…59   zero
//!       60…63   CRC-32C of the bytes 0…59
//! ```

use super::bytes::{Bad, Result};

/// How long a head is, in bytes. A later version may have a longer one, which begins with this.
pub(super) const HEAD: usize = 64;
/// What a block begins with.
const MAGIC: [u8; 4] = [0x93, b'N', b'T', b'C'];
/// The most bytes that follow a head.
pub(super) const BODY_MAX: usize = 16 << 20;

/// The block is the first of a file: what the file is.
pub(super) const KIND_FILE: u8 = 1;
/// The block has records.
pub(super) const KIND_RECORDS: u8 = 2;
/// The block is the last of a recording that ended as it should: it says where the index is.
pub(super) const KIND_END: u8 = 3;
/// The block says where the others are and what is in them.
pub(super) const KIND_INDEX: u8 = 4;
/// The block can be read without those before it.
pub(super) const FLAG_CHECKPOINT: u8 = 1;

/// The part of a body that has the table of records.
pub(super) const PART_TABLE: u8 = 1;
/// The part of the first block that says which version wrote the file.
pub(super) const PART_VERSION: u8 = 2;
/// The part of the first block that has the layout of records.
pub(super) const PART_LAYOUT: u8 = 3;
/// The part of a block that says what is in it, ahead of the table.
pub(super) const PART_CONTENTS: u8 = 4;
/// The part that has the index.
pub(super) const PART_INDEX: u8 = 5;
/// The part of the last block that says where the index is.
pub(super) const PART_PLACE: u8 = 6;

/// The head of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// One of the `KIND_` constants, or one of a later version.
    pub(super) kind: u8,
    /// A set of `FLAG_` constants.
    pub(super) flags: u8,
    /// Bytes that follow it.
    pub(super) len: u32,
    /// CRC-32C of these.
    pub(super) crc: u32,
    /// The number of the first record in the recording.
    pub(super) first: u64,
    /// How many records.
    pub(super) count: u32,
    /// Time of the earliest record, `CLOCK_MONOTONIC` nanoseconds.
    pub(super) from: u64,
    /// Time of the latest.
    pub(super) to: u64,
    /// What was lost until then: the sum of all causes.
    pub(super) lost: u64,
}

impl Head {
    /// The head of a block that has these bytes.
    #[must_use]
    pub(super) fn of(kind: u8, body: &[u8]) -> Self {
        Self {
            kind,
            len: u32::try_from(body.len()).unwrap_or(u32::MAX),
            crc: crc32c::crc32c(body),
            ..Self::default()
        }
    }

    /// Its bytes.
    #[must_use]
    pub(super) fn write(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let mut put = |at: usize, part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
        };
        put(0, &MAGIC);
        put(4, &[self.kind, self.flags]);
        put(6, &(HEAD as u16).to_le_bytes());
        put(8, &self.len.to_le_bytes());
        put(12, &self.crc.to_le_bytes());
        put(16, &self.first.to_le_bytes());
        put(24, &self.count.to_le_bytes());
        put(32, &self.from.to_le_bytes());
        put(40, &self.to.to_le_bytes());
        put(48, &self.lost.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a head. `None` if there is none at the beginning of `bytes`.
    #[must_use]
    pub(super) fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let u32_at = |at: usize| {
            let part = bytes.get(at..)?.first_chunk()?;
            Some(u32::from_le_bytes(*part))
        };
        let u64_at = |at: usize| {
            let part = bytes.get(at..)?.first_chunk()?;
            Some(u64::from_le_bytes(*part))
        };
        if bytes[..4] != MAGIC || u32_at(60)? != crc32c::crc32c(&bytes[..60]) {
            return None;
        }
        Some(Self {
            kind: bytes[4],
            flags: bytes[5],
            len: u32_at(8)?,
            crc: u32_at(12)?,
            first: u64_at(16)?,
            count: u32_at(24)?,
            from: u64_at(32)?,
            to: u64_at(40)?,
            lost: u64_at(48)?,
        })
    }

    /// Whether it can be read without the blocks before it.
    #[must_use]
    pub(super) const fn is_checkpoint(&self) -> bool {
        self.flags & FLAG_CHECKPOINT != 0
    }
}

/// A part of a body, by its kind. A reader passes over parts that it does not know.
pub(super) fn put_part(to: &mut Vec<u8>, kind: u8, part: &[u8]) {
    to.push(kind);
    super::bytes::put_number(to, part.len() as u64);
    to.extend_from_slice(part);
}

/// The part of that kind; empty if there is none.
pub(super) fn part(mut body: &[u8], kind: u8) -> Result<&[u8]> {
    while let Some((&found, mut rest)) = body.split_first() {
        let len = super::bytes::number(&mut rest)?;
        let part = super::bytes::take(&mut rest, len)?;
        if found == kind {
            return Ok(part);
        }
        body = rest;
    }
    Ok(&[])
}

/// What was found at some place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A block, whole.
    Block(Head, &'a [u8]),
    /// A block whose bytes are not those that were written.
    Damaged(Head),
    /// More bytes are needed: so many in all.
    More(usize),
    /// No block begins here. One may begin so many bytes on.
    Nothing(usize),
}

/// Looks at the beginning of `bytes`, which the bytes of the file are from some place on.
#[must_use]
pub(super) fn find(bytes: &[u8]) -> Found<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
        return Found::More(HEAD);
    };
    let Some(head) = Head::read(head).filter(|head| head.len as usize <= BODY_MAX) else {
        let next = bytes[1..].iter().position(|&byte| byte == MAGIC[0]);
        return Found::Nothing(next.map_or(bytes.len(), |at| at + 1));
    };
    let Some(body) = rest.get(..head.len as usize) else {
        return Found::More(HEAD + head.len as usize);
    };
    match crc32c::crc32c(body) == head.crc {
        true => Found::Block(head, body),
        false => Found::Damaged(head),
    }
}

/// That the block is what its head says.
pub(super) fn check(count: u64, head: &Head) -> Result<()> {
    match count == u64::from(head.count) {
        true => Ok(()),
        false => Err(Bad::Counts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Vec<u8> {
        let mut body = Vec::new();
        put_part(&mut body, 7, b"not known");
        put_part(&mut body, 1, b"this");
        let head = Head {
            first: 5,
            count: 2,
            from: 9,
            to: 11,
            lost: 3,
            flags: FLAG_CHECKPOINT,
            ..Head::of(KIND_RECORDS, &body)
        };
        [&head.write()[..], &body].concat()
    }

    #[test]
    fn a_block_is_found_whole() {
        let bytes = block();
        let Found::Block(head, body) = find(&bytes) else {
            panic!("{:?}", find(&bytes))
        };
        assert_eq!(
            (head.first, head.count, head.from, head.to, head.lost),
            (5, 2, 9, 11, 3)
        );
        assert!(head.is_checkpoint());
        assert_eq!(Head::read(&head.write()), Some(head));
        assert_eq!(
            (part(body, 1), part(body, 2)),
            (Ok(&b"this"[..]), Ok(&b""[..]))
        );
        assert_eq!(part(&body[..body.len() - 1], 1), Err(Bad::Short));
    }

    #[test]
    fn cut_anywhere_more_is_needed() {
        let bytes = block();
        for end in 0..bytes.len() {
            let all = if end < HEAD { HEAD } else { bytes.len() };
            assert_eq!(find(&bytes[..end]), Found::More(all));
        }
    }

    #[test]
    fn any_flipped_bit_is_seen() {
        let bytes = block();
        for at in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            match find(&bytes) {
                Found::Nothing(next) => assert!(at / 8 < HEAD && next > 0),
                Found::Damaged(_) => assert!(at / 8 >= HEAD),
                found => panic!("{found:?}"),
            }
        }
    }

    #[test]
    fn a_block_behind_rubbish_is_found() {
        let rubbish = [&[MAGIC[0]; 100][..], b"rubbish", &MAGIC].concat();
        let bytes = [&rubbish[..], &block()].concat();
        let mut at = 0;
        while let Found::Nothing(by) = find(&bytes[at..]) {
            at += by;
        }
        assert_eq!(at, rubbish.len());
    }
}
