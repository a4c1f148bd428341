//! Any bytes as a capture, as the table of a block and as an index: nothing panics, and memory is bounded. What is read of
//! a table are records, which are written and read again to the byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nulltrace_core::capture::{Compress, Decoder, Encoder, Index, Reader};

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::default();
    for piece in bytes.chunks(100) {
        reader.push(piece, &mut |_| {});
    }
    let _ = reader.end();

    let _ = (Index::place(bytes), Index::len_of(bytes), Index::read(bytes));
    let mut index = Index::default();
    if index.scan(0, bytes).is_some() {
        let _ = index.ranges(&(0..=u64::MAX), bytes.len() as u64);
    }

    let mut encoder = Encoder::new(Compress::None);
    let mut records = Vec::new();
    let _ = Decoder::default().read(bytes, &mut |record| {
        encoder.push(record).expect("a record has the size that its head says");
        records.push(record.to_vec());
    });
    let mut again = Vec::new();
    Decoder::default()
        .read(&encoder.end(), &mut |record| again.push(record.to_vec()))
        .expect("what was written is read");
    assert_eq!(again, records);
});
