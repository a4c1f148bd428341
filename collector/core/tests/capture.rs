//! Captures that earlier versions wrote are read as they were.

use nulltrace_core::capture::Reader;
use nulltrace_core::input::record::Records;
use zerocopy::IntoBytes;

/// A file of version 1.0, and its records, each at a multiple of eight bytes. Records of system calls, switches,
/// wake-ups, requests and interrupts are in it as they are.
const FILE: &[u8] = include_bytes!("data/version_1_0.ntc");
const RECORDS: &[u8] = include_bytes!("data/version_1_0.records");

#[test]
fn version_1_0_is_read() {
    let mut reader = Reader::default();
    let mut read: Vec<Vec<u8>> = Vec::new();
    reader.push(FILE, &mut |record| read.push(record.to_vec()));
    let end = reader.end();
    assert!(end.ended && end.damage.is_empty());
    assert_eq!((end.records, end.lost), (1195, 5));
    let mut words = vec![0_u64; RECORDS.len() / 8];
    words.as_mut_bytes().copy_from_slice(RECORDS);
    let mut rest = words.as_bytes();
    // The first that is read is the layout.
    for record in &read[1..] {
        let next = Records::of(rest).next().unwrap();
        assert_eq!(record, next);
        rest = &rest[next.len().next_multiple_of(8)..];
    }
    assert!(rest.is_empty());
}
