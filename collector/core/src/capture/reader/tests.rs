use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::super::block::{FLAG_CHECKPOINT, HEAD, KIND_FILE, PART_VERSION};
use super::super::bytes::Bad;
use super::super::index::TAIL;
use super::super::table::Compress;
use super::super::writer::{CHECKPOINT, VERSION, Writer};
use super::*;
use crate::input::joined::KIND_MARKER;
use crate::input::record::Head as RecordHead;

/// A marker record of 32 bytes.
fn record(n: u32) -> [u64; 4] {
    let head = RecordHead {
        size: 32,
        kind: KIND_MARKER,
        number: n,
        ..RecordHead::of(u64::from(n) * 1000, 1, 1 + n % 3)
    };
    let text = if n.is_multiple_of(2) {
        b">:t:ab::"
    } else {
        b"<:t:ab::"
    };
    let mut words = [0; 4];
    let bytes = [head.as_bytes(), &text[..]].concat();
    words.as_mut_bytes().copy_from_slice(&bytes);
    words
}

/// A file of so many blocks with so many records each, and where each block ends.
fn file(blocks: u32, each: u32) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut ends) = (Vec::new(), Vec::new());
    let mut writer = Writer::new(Compress::Fast);
    writer.begin(&mut |bytes| file.extend_from_slice(bytes));
    ends.push(file.len());
    for block in 0..blocks {
        let out = &mut |bytes: &[u8]| file.extend_from_slice(bytes);
        for n in block * each..(block + 1) * each {
            writer.push(record(n).as_bytes(), out);
        }
        writer.block(out);
        ends.push(file.len());
    }
    writer.lost(7);
    writer.end(&mut |bytes| file.extend_from_slice(bytes));
    (file, ends)
}

/// The numbers of the records that are read, in pieces of so many bytes.
fn read(file: &[u8], piece: usize) -> (Vec<u32>, Read) {
    let (mut reader, mut numbers) = (Reader::default(), Vec::new());
    for piece in file.chunks(piece) {
        reader.push(piece, &mut |record| {
            let (head, _) = <RecordHead as zerocopy::FromBytes>::read_from_prefix(record).unwrap();
            if head.kind == KIND_MARKER {
                assert_eq!(record, self::record(head.number).as_bytes());
                numbers.push(head.number);
            }
        });
    }
    (numbers, reader.end())
}

#[test]
fn all_is_read_whatever_the_pieces() {
    let (file, _) = file(2 * CHECKPOINT + 3, 5);
    for piece in [1, 7, 64, 1000, file.len()] {
        let (numbers, read) = read(&file, piece);
        let all = (2 * CHECKPOINT + 3) * 5;
        assert_eq!(numbers, (0..all).collect::<Vec<_>>());
        assert_eq!((read.records, read.lost, read.ended), (all.into(), 7, true));
        assert!(read.damage.is_empty() && read.refused.is_none());
    }
}

#[test]
fn cut_at_every_byte_all_whole_blocks_are_read() {
    let (file, ends) = file(3, 4);
    for end in 0..file.len() {
        let (numbers, read) = read(&file[..end], file.len());
        let whole = ends.iter().filter(|of| **of <= end).count() as u32;
        assert_eq!(numbers.len() as u32, whole.saturating_sub(1) * 4);
        assert!(!read.ended);
        if end < ends[0] {
            assert_eq!(read.refused, Some(Refused::NoCapture));
            continue;
        }
        // The index is a block, too.
        let index = file.len() - TAIL;
        let all = ends.iter().chain([&index]);
        let last = *all.filter(|of| **of <= end).max().unwrap();
        let cut = Damage {
            at: last as u64..end as u64,
            why: Why::Cut,
        };
        let damage = if last == end { vec![] } else { vec![cut] };
        assert_eq!(read.damage, damage);
    }
}

#[test]
fn behind_a_damaged_block_reading_goes_on_at_the_next_checkpoint() {
    let (mut file, ends) = file(CHECKPOINT + 2, 4);
    // The body of the second block.
    file[ends[1] + HEAD + 3] ^= 1;
    let (numbers, read) = read(&file, 100);
    let rest = CHECKPOINT * 4..(CHECKPOINT + 2) * 4;
    assert_eq!(numbers, (0..4).chain(rest).collect::<Vec<_>>());
    let damage = [
        Damage {
            at: ends[1] as u64..ends[2] as u64,
            why: Why::Checksum(4),
        },
        Damage {
            at: ends[2] as u64..ends[CHECKPOINT as usize] as u64,
            why: Why::Before(4),
        },
    ];
    assert_eq!(read.damage, damage);
    // Its head: the place of the next one is looked for.
    file[ends[1] + HEAD + 3] ^= 1;
    file[ends[1] + 8] ^= 1;
    let (numbers, again) = self::read(&file, 100);
    assert_eq!((numbers.len(), again.records), (12, 12));
    assert_eq!(again.damage[0].at, damage[0].at);
    assert_eq!(again.damage[0].why, Why::NoBlock);
}

#[test]
fn what_is_no_capture() {
    for bytes in [
        &b""[..],
        b"x",
        &[0; 500],
        b"\x7fELF but no capture, of course, and longer than a head is!!!!!!!!!",
    ] {
        let (numbers, read) = read(bytes, 1000);
        assert_eq!((numbers.len(), read.refused), (0, Some(Refused::NoCapture)));
    }
    // Another major version is refused, another minor is read.
    let (bytes, ends) = file(1, 2);
    for (version, refused) in [([1, 9], None), ([2, 0], Some(Refused::Version(2, 0)))] {
        let mut body = bytes[HEAD..ends[0]].to_vec();
        assert_eq!(body[..4], [PART_VERSION, 2, VERSION.0, VERSION.1]);
        body[2..4].copy_from_slice(&version);
        let head = Head::of(KIND_FILE, &body).write();
        let bytes = [&head[..], &body, &bytes[ends[0]..]].concat();
        let (numbers, read) = read(&bytes, 50);
        assert_eq!(read.refused, refused);
        assert_eq!(numbers.len(), if refused.is_none() { 2 } else { 0 });
    }
}

#[test]
fn blocks_and_parts_of_later_versions_are_passed_over() {
    let (bytes, ends) = file(1, 3);
    let body = [&[99, 2, 0, 0][..], &bytes[ends[0] + HEAD..ends[1]]].concat();
    let head = Head {
        flags: FLAG_CHECKPOINT,
        count: 3,
        ..Head::of(KIND_RECORDS, &body)
    };
    let unknown = Head::of(200, b"of later").write();
    let file = [
        &bytes[..ends[0]],
        &unknown,
        b"of later",
        &head.write(),
        &body,
        &bytes[ends[1]..],
    ];
    let (numbers, read) = read(&file.concat(), 30);
    assert_eq!(numbers, [0, 1, 2]);
    assert!(read.damage.is_empty() && read.ended);
}

#[test]
fn a_head_that_says_otherwise_is_told() {
    let (bytes, ends) = file(1, 3);
    let body = &bytes[ends[0] + HEAD..ends[1]];
    let head = Head {
        flags: FLAG_CHECKPOINT,
        count: 5,
        ..Head::of(KIND_RECORDS, body)
    };
    let file = [&bytes[..ends[0]], &head.write(), body].concat();
    let (numbers, read) = read(&file, 30);
    assert_eq!(numbers.len(), 3);
    assert_eq!(read.damage[0].why, Why::Contents(Bad::Counts, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn flipped_bits_lose_no_more_than_their_blocks(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..5),
    ) {
        let (mut bytes, ends) = file(CHECKPOINT + 3, 4);
        let mut hit = Vec::new();
        for (at, bit) in flips {
            let at = ends[0] + at.index(bytes.len() - ends[0]);
            bytes[at] ^= 1 << bit;
            hit.push(ends.iter().filter(|end| **end <= at).count() - 1);
        }
        let (numbers, read) = read(&bytes, 333);
        let groups = |block: usize| block / CHECKPOINT as usize;
        for block in 0..(CHECKPOINT + 3) as usize {
            let broken = hit.iter().any(|of| *of <= block && groups(*of) == groups(block));
            let first = block as u32 * 4;
            let found = (first..first + 4).filter(|n| numbers.contains(n)).count();
            // A bit that is flipped twice does no harm.
            prop_assert!(found == 4 || (broken && found == 0), "block {}", block);
        }
        let told: u64 = read.damage.iter().map(|of| of.at.end - of.at.start).sum();
        let whole = numbers.len() as u32 == (CHECKPOINT + 3) * 4 && read.ended;
        prop_assert!(told > 0 || whole);
    }

    #[test]
    fn any_bytes_may_be_read(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let (good, ends) = file(1, 2);
        let _ = read(&bytes, 50);
        let _ = read(&[&good[..ends[0]], &bytes].concat(), 50);
    }
}
