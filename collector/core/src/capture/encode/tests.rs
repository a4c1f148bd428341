use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;
use crate::capture::Decoder;
use crate::input::record::{
    BUCKETS, CALLS_AGAIN, CallsRecord, ERRORS, FileId, KIND_FORK, KIND_SEGMENT, KIND_SO_FAR,
    SegmentRecord,
};

/// A record, aligned.
#[derive(Clone, Debug)]
pub(in crate::capture) struct Aligned(Vec<u64>, usize);

impl Aligned {
    pub(in crate::capture) fn new(head: Head, body: &[u8]) -> Self {
        let size = size_of::<Head>() + body.len();
        let head = Head {
            size: size as u16,
            ..head
        };
        let mut words = vec![0_u64; size.div_ceil(8)];
        let bytes = [head.as_bytes(), body].concat();
        words.as_mut_bytes()[..size].copy_from_slice(&bytes);
        Self(words, size)
    }

    pub(in crate::capture) fn bytes(&self) -> &[u8] {
        &self.0.as_bytes()[..self.1]
    }
}

/// The blocks of these records, of which every third is a checkpoint, and how long they are.
pub(in crate::capture) fn written(blocks: &[Vec<Aligned>], how: Compress) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(how);
    let blocks = blocks.iter().enumerate().map(|(place, records)| {
        if place % 3 == 0 {
            encoder.checkpoint();
        }
        for record in records {
            encoder.push(record.bytes()).unwrap();
        }
        encoder.end()
    });
    blocks.collect()
}

pub(in crate::capture) fn read(blocks: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut decoder = Decoder::default();
    let blocks = blocks.iter().enumerate().map(|(place, block)| {
        if place % 3 == 0 {
            decoder.checkpoint();
        }
        let mut records = Vec::new();
        let mut each = |record: &[u8]| records.push(record.to_vec());
        decoder.read(block, &mut each).unwrap();
        records
    });
    blocks.collect()
}

pub(in crate::capture) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), 0..1000_u64, any::<u64>()]
}

prop_compose! {
    pub(in crate::capture) fn head()(
        ts in prop_oneof![1000..1010_u64, any::<u64>()],
        pid in 1..3_u32,
        tid in prop_oneof![1..4_u32, any::<u32>()],
        number in prop_oneof![0..5_u32, any::<u32>()],
        flags in prop_oneof![Just(0), any::<u8>()],
    ) -> Head {
        Head { ts, pid, tid, size: 0, kind: 0, flags, number }
    }
}

prop_compose! {
    /// Calls: half of them as the kernel reports them, the others with any fields.
    fn calls()(
        usual: bool,
        nr in 0..4_u32,
        flags in prop_oneof![Just(0), Just(1), Just(CALLS_AGAIN), any::<u32>()],
        file in prop_oneof![Just(FileId::NONE), (1..20_u64).prop_map(|ino| FileId { ino, dev: 8, generation: 1 })],
        durations in prop::collection::vec(prop_oneof![0..5000_u64, any::<u32>().prop_map(u64::from)], 0..6),
        fields in prop::array::uniform6(number()),
        errors in prop::option::of(prop::array::uniform6(0..3_u32)),
        buckets in prop::array::uniform24(0..3_u32),
        count: u32,
        reserved in prop_oneof![9 => Just(0_u32), 1 => Just(7)],
    ) -> CallsRecord {
        let [time, blocked, runnable, bytes, min, max] = fields;
        let errors = errors.unwrap_or([0; ERRORS]);
        if !usual {
            return CallsRecord { file, time, blocked, runnable, bytes, min, max, nr, count, errors, buckets, flags, reserved };
        }
        let time: u64 = durations.iter().sum();
        let mut buckets = [0; BUCKETS];
        for of in &durations {
            let place = (64 - (of >> 8).leading_zeros() as usize).min(BUCKETS - 1);
            buckets[place] += 1;
        }
        CallsRecord {
            file,
            time,
            blocked: blocked.min(time / 2),
            runnable: runnable.min(time / 4),
            bytes,
            min: durations.iter().copied().min().unwrap_or(0),
            max: durations.iter().copied().max().unwrap_or(0),
            nr,
            count: durations.len() as u32,
            errors,
            buckets,
            flags,
            reserved,
        }
    }
}

prop_compose! {
    fn segment()(
        head in head(),
        kind in prop_oneof![Just(KIND_SEGMENT), Just(KIND_SO_FAR)],
        lasted in number(),
        times in prop::array::uniform5(number()),
        counts in prop::array::uniform5(prop_oneof![Just(0), any::<u32>()]),
        calls in prop::collection::vec(calls(), 0..6),
    ) -> Aligned {
        let [kernel, runnable, blocked, fault, other_time] = times;
        let [other, voluntary, involuntary, minor, major] = counts;
        let segment = SegmentRecord {
            head: Head { kind, ..head },
            since: head.ts.wrapping_sub(lasted),
            kernel, runnable, blocked, fault, other_time, other, voluntary, involuntary, minor, major,
            calls: calls.len() as u32,
        };
        let bytes = [segment.as_bytes(), calls.as_bytes()].concat();
        Aligned::new(segment.head, &bytes[size_of::<Head>()..])
    }
}

fn marker() -> impl Strategy<Value = Aligned> {
    let text = prop_oneof![
        3 => "[<>]:(|t|g|0|[1-9]{1,3}|18446744073709551615):a(\\.b)?:(cart=([0-9]{1,2}|0|00|x|)(,n=[0-9a]{1,3})?)?:",
        1 => "[<>:,=.a\\\\\\[]{0,20}",
    ];
    let write = Just(KIND_MARKER);
    (head(), write, text)
        .prop_map(|(head, kind, text)| Aligned::new(Head { kind, ..head }, text.as_bytes()))
}

fn other() -> impl Strategy<Value = Aligned> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    (head(), any::<u8>(), body)
        .prop_map(|(head, kind, body)| Aligned::new(Head { kind, ..head }, &body))
}

fn records() -> impl Strategy<Value = Vec<Aligned>> {
    let single = single::tests::single();
    let record = prop_oneof![4 => marker(), 4 => segment(), 4 => single, 1 => other()];
    prop::collection::vec(record, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_records_are_read_back_to_the_byte(
        blocks in prop::collection::vec(records(), 1..6),
        fast: bool,
    ) {
        let how = if fast { Compress::Fast } else { Compress::None };
        let tables = written(&blocks, how);
        let bytes = |of: &Vec<Aligned>| -> Vec<_> {
            of.iter().map(|record| record.bytes().to_vec()).collect()
        };
        prop_assert_eq!(read(&tables), blocks.iter().map(bytes).collect::<Vec<_>>());
    }

    #[test]
    fn damage_breaks_nothing(
        records in records(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4),
    ) {
        // Not compressed, so that what is damaged reaches the columns.
        let mut table = written(&[records], Compress::None).remove(0);
        for (at, bit) in flips {
            let at = at.index(table.len());
            table[at] ^= 1 << bit;
        }
        let _ = Decoder::default().read(&table, &mut |_| {});
    }

    #[test]
    fn any_bytes_may_be_a_table(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Decoder::default().read(&bytes, &mut |_| {});
    }
}

fn write(ts: u64, tid: u32, number: u32, text: &str) -> Aligned {
    let head = Head {
        ts,
        pid: 1,
        tid,
        size: 0,
        kind: KIND_MARKER,
        flags: 0,
        number,
    };
    Aligned::new(head, text.as_bytes())
}

#[test]
fn a_marker_takes_few_bytes() {
    let mut records = Vec::new();
    for n in 0..10_000_u32 {
        let ts = u64::from(n) * 1000 + u64::from(n.wrapping_mul(2_654_435_761) % 512);
        let (tid, id) = (n % 8, n / 16 * 8 + n % 8);
        let text = match n / 8 % 2 {
            0 => format!(">:{id}:checkout.pay:cart={}:", id % 100),
            _ => format!("<:{id}:checkout.pay::"),
        };
        records.push(write(ts, tid, n / 8 + 1, &text));
    }
    let raw: usize = records.iter().map(|record| record.bytes().len()).sum();
    let table = written(&[records], Compress::Fast).remove(0);
    assert!(
        table.len() < 10_000 * 35 / 10,
        "{} bytes of {raw}",
        table.len()
    );
}

#[test]
fn what_is_no_record_is_refused_and_not_in_the_block() {
    let mut encoder = Encoder::new(Compress::Fast);
    assert!(encoder.push(&[0; 8]).is_err());
    let mut short = write(1, 1, 1, ">::a::");
    short.1 -= 1;
    assert!(encoder.push(short.bytes()).is_err());
    let fork = Aligned::new(
        Head {
            kind: KIND_FORK,
            ..Head::of(7, 1, 1)
        },
        &[2; 8],
    );
    encoder.push(fork.bytes()).unwrap();
    let table = encoder.end();
    let mut seen = Vec::new();
    Decoder::default()
        .read(&table, &mut |record| seen.push(record.to_vec()))
        .unwrap();
    assert_eq!(seen, [fork.bytes()]);
}
