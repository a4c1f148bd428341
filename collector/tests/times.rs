//! Some of the time of a capture: reading only the blocks that are needed gives the same records as reading all of it.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

use std::path::Path;

use nulltrace_collector::source::capture;
use nulltrace_core::capture::{Compress, Index, TAIL, Writer};
use nulltrace_core::input::joined::KIND_MARKER;
use nulltrace_core::input::made::Made;
use nulltrace_core::input::record::Head;
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

const MS: u64 = 1_000_000;

fn marker(ts: u64, n: u32) -> Vec<u8> {
    let text = format!("{}:t:step{}::", ['>', '<'][(n % 2) as usize], n / 2 % 50);
    let head = Head {
        ts,
        pid: 7,
        tid: 7,
        size: (size_of::<Head>() + text.len()) as u16,
        kind: KIND_MARKER,
        flags: 0,
        number: n + 1,
    };
    [head.as_bytes(), text.as_bytes()].concat()
}

/// A capture with blocks of so many records each, one every millisecond; every so many is a user's name.
fn write(blocks: u32, each: u32, facts: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let out = &mut |bytes: &[u8]| file.extend_from_slice(bytes);
    let mut writer = Writer::new(Compress::default());
    writer.begin(out);
    let mut made = Made::default();
    for n in 0..blocks * each {
        let ts = 5_000 * MS + u64::from(n) * MS;
        match n % facts {
            0 => writer.push(made.user(ts, n, b"ann"), out),
            _ => writer.push(&marker(ts, n), out),
        }
        if (n + 1) % each == 0 {
            writer.block(out);
        }
    }
    writer.end(out);
    file
}

/// The records that are read until then, and whether it ended as it should.
fn read(path: &Path, until: u64) -> (Vec<Vec<u8>>, bool) {
    let mut records = Vec::new();
    let mut each = |record: &[u8]| records.push(record.to_vec());
    let read = capture::read(path, until, &mut each, &mut |_| {}).unwrap();
    assert!(read.damage.is_empty() && read.refused.is_none());
    (records, read.ended)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_is_not_read_changes_nothing(
        blocks in 1..70_u32,
        each in 1..30_u32,
        facts in prop_oneof![1..9_u32, Just(1_000)],
        until in 0..2_000_u64,
        killed: bool,
    ) {
        let mut file = write(blocks, each, facts);
        if killed {
            // No index, and no end.
            let at = Index::place(&file[file.len() - TAIL..]).unwrap();
            file.truncate(at as usize);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made.ntc");
        std::fs::write(&path, &file).unwrap();
        let until = 5_000 * MS + until * MS;
        let wanted = |records: Vec<Vec<u8>>| -> Vec<_> {
            let ts = |record: &[u8]| Head::read_from_prefix(record).unwrap().0.ts;
            records.into_iter().filter(|record| ts(record) <= until).collect()
        };
        let (some, ended) = read(&path, until);
        prop_assert_eq!(ended, !killed);
        let (all, _) = read(&path, u64::MAX);
        prop_assert_eq!(wanted(some), wanted(all));
    }
}

#[test]
fn little_of_a_large_file_is_read_for_a_short_time() {
    let file = write(3_000, 100, 400_000);
    let at = Index::place(&file[file.len() - TAIL..]).unwrap() as usize;
    let len = Index::len_of(&file[at..]).unwrap();
    let index = Index::read(&file[at..at + len]).unwrap();
    // 1 s of 300 s.
    let ranges = index.ranges(&(105_000 * MS..=106_000 * MS), file.len() as u64);
    let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    // Beside the index, which has all.
    let bytes = bytes - len as u64;
    assert!(bytes < file.len() as u64 / 50, "{bytes} of {}", file.len());
}

#[test]
fn an_index_that_lies_does_no_harm() {
    let file = write(40, 5, 7);
    let at = Index::place(&file[file.len() - TAIL..]).unwrap() as usize;
    let other = write(90, 3, 2);
    let of_other = Index::place(&other[other.len() - TAIL..]).unwrap() as usize;
    // The index of another file, in the place of its own.
    let len = Index::len_of(&other[of_other..]).unwrap();
    let end = &file[file.len() - TAIL..];
    let lie = [&file[..at], &other[of_other..of_other + len], end].concat();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lie.ntc");
    std::fs::write(&path, lie).unwrap();
    capture::read(&path, 5_150 * MS, &mut |_| {}, &mut |_| {}).unwrap();
}
