//! Records that other versions wrote, whose parts are longer or shorter than this build's.

#![allow(clippy::unwrap_used)] // A failure is what a test is for.

use nulltrace_core::input::event::{BadRecord, Event, What};
use nulltrace_core::input::full::{KIND_SYSCALL, SyscallRecord};
use nulltrace_core::input::joined::{KIND_REFUSED, RefusedRecord};
use nulltrace_core::input::layout::{self, KindLayout, LayoutRecord, Reader};
use nulltrace_core::input::record::{
    CgroupRecord, FLAG_CUT, FileRecord, Head, KIND_CGROUP, KIND_FILE, KIND_LAYOUT, KIND_WRITE,
    SegmentRecord,
};
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

const HEAD: usize = size_of::<Head>();

/// The kinds that this build reads, from the layout that it gives of itself.
fn own_kinds() -> Vec<KindLayout> {
    let layout = layout::own();
    let (_, kinds) = LayoutRecord::ref_from_prefix(layout.as_bytes()).unwrap();
    <[KindLayout]>::ref_from_bytes(kinds).unwrap().to_vec()
}

/// Bytes at a word's beginning.
#[derive(Clone, Debug)]
struct Record {
    words: Vec<u64>,
    len: usize,
}

impl Record {
    fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        let len = bytes.len();
        Self { words, len }
    }

    fn bytes(&self) -> &[u8] {
        &self.words.as_bytes()[..self.len]
    }
}

/// What a record of this build is made of.
#[derive(Clone, Debug)]
struct Parts {
    of: KindLayout,
    fixed: Vec<u8>,
    /// The list, or other bytes as one element.
    tail: Vec<Vec<u8>>,
}

impl Parts {
    /// The record as a version writes it that has the parts this much longer, with `noise` there, or shorter.
    fn written(&self, theirs: &KindLayout, head: usize, noise: u8) -> Record {
        let mut bytes = sized(&self.fixed[..HEAD], head, noise);
        let rest = usize::from(theirs.fixed) - head;
        bytes.extend(sized(&self.fixed[HEAD..], rest, noise));
        for element in &self.tail {
            let each = match theirs.each {
                0 => element.len(),
                each => each.into(),
            };
            bytes.extend(sized(element, each, noise));
        }
        let size = bytes.len() as u16;
        bytes[16..18].copy_from_slice(&size.to_ne_bytes());
        Record::new(&bytes)
    }

    /// The same with zeros for what `theirs` does not have.
    fn without(&self, theirs: &KindLayout) -> Self {
        let mut parts = self.clone();
        parts.fixed[theirs.fixed.into()..].fill(0);
        if theirs.each > 0 {
            let tail = parts.tail.iter_mut();
            tail.for_each(|element| element[theirs.each.into()..].fill(0));
        }
        parts
    }
}

fn sized(part: &[u8], len: usize, noise: u8) -> Vec<u8> {
    let mut bytes = part.to_vec();
    bytes.resize(len, noise);
    bytes
}

/// A record of any kind, with anything in it but for how long it is.
fn parts() -> impl Strategy<Value = Parts> {
    let bytes = prop::collection::vec(any::<u8>(), 4096);
    let kinds = prop::sample::select(own_kinds());
    (kinds, bytes, 0_usize..4, 0_usize..64).prop_map(|(of, bytes, elements, names)| {
        let (fixed, rest) = bytes.split_at(of.fixed.into());
        let tail: Vec<_> = match of.each {
            0 => vec![rest[..names].to_vec()],
            each => rest
                .chunks(each.into())
                .take(elements)
                .map(<[u8]>::to_vec)
                .collect(),
        };
        let mut fixed = fixed.to_vec();
        let head = Head::mut_from_prefix(&mut fixed).unwrap().0;
        head.kind = of.kind;
        if of.kind == KIND_WRITE && names < size_of::<u64>() {
            head.flags &= !FLAG_CUT; // It would be too short.
        }
        if of.kind == KIND_REFUSED {
            // Another is one of a later version.
            let code = &mut RefusedRecord::mut_from_bytes(&mut fixed).unwrap().code;
            code.fill(0);
            code[..10].copy_from_slice(b"E_ARG_NAME");
        } else if of.kind == KIND_FILE {
            FileRecord::mut_from_bytes(&mut fixed).unwrap().names = names as u32;
        } else if of.kind == KIND_CGROUP {
            CgroupRecord::mut_from_bytes(&mut fixed).unwrap().names = names as u32;
        } else if of.kind == KIND_SYSCALL {
            SyscallRecord::mut_from_bytes(&mut fixed).unwrap().texts = names as u16;
        } else if of.each > 0 && of.fixed > HEAD as u16 {
            SegmentRecord::mut_from_bytes(&mut fixed).unwrap().calls = elements as u32;
        }
        Parts { of, fixed, tail }
    })
}

/// How much longer or shorter each kind's parts are, in words.
type Words = Vec<(usize, usize)>;

fn words() -> impl Strategy<Value = Words> {
    let kinds = own_kinds().len();
    prop::collection::vec((0_usize..=8, 0_usize..=8), kinds)
}

/// A reader of a stream of that layout.
fn reader(head: usize, kinds: &[KindLayout]) -> Reader {
    let mut reader = Reader::default();
    let layout = layout::record(head as u16, kinds);
    assert_eq!(reader.read(layout.as_bytes()).unwrap().what, What::Layout);
    reader
}

fn of_kind(kinds: &[KindLayout], kind: u8) -> KindLayout {
    *kinds.iter().find(|of| of.kind == kind).unwrap()
}

#[test]
fn what_a_layout_does_not_tell_of_is_not_read() {
    let mut kinds = own_kinds();
    kinds.retain(|of| of.kind == KIND_FILE);
    kinds[0].fixed += 8;
    let mut reader = reader(HEAD, &kinds);
    let head = |kind, size| Head {
        ts: 1,
        pid: 2,
        tid: 3,
        size,
        kind,
        flags: 0,
        number: 4,
    };
    let write = Record::new(head(1, 24).as_bytes());
    assert_eq!(reader.read(write.bytes()), Err(BadRecord::Kind(1)));
    let unknown = Record::new(head(200, 24).as_bytes());
    assert_eq!(reader.read(unknown.bytes()), Err(BadRecord::Kind(200)));
    // Until the next stream begins.
    assert!(reader.read(layout::own().as_bytes()).is_ok());
    assert!(reader.read(write.bytes()).is_ok());
    assert_eq!(reader.read(unknown.bytes()), Err(BadRecord::Kind(200)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Where every part of every record is longer, each says the same.
    #[test]
    fn a_later_version_says_the_same(
        records in prop::collection::vec(parts(), 1..8), head in 0_usize..=8, longer in words(), noise: u8,
    ) {
        let mut kinds = own_kinds();
        let head = HEAD + 8 * head;
        for (of, (fixed, each)) in kinds.iter_mut().zip(longer) {
            of.fixed += (head - HEAD + 8 * fixed) as u16;
            of.each += if of.each > 0 { 8 * each as u16 } else { 0 };
        }
        let mut reader = reader(head, &kinds);
        for parts in records {
            let theirs = of_kind(&kinds, parts.of.kind);
            let (own, later) = (parts.written(&parts.of, HEAD, 0), parts.written(&theirs, head, noise));
            let expected = Event::decode(own.bytes());
            prop_assert!(expected.is_ok());
            prop_assert_eq!(reader.read(later.bytes()), expected);
        }
    }

    /// Where parts are missing, they are zero.
    #[test]
    fn an_earlier_version_has_zeros(records in prop::collection::vec(parts(), 1..8), shorter in words()) {
        let mut kinds = own_kinds();
        for (of, (fixed, each)) in kinds.iter_mut().zip(shorter) {
            of.fixed = of.fixed.saturating_sub(8 * fixed as u16).max(HEAD as u16);
            of.each -= if of.each > 64 { 8 * each as u16 } else { 0 };
        }
        let mut reader = reader(HEAD, &kinds);
        for parts in records {
            let theirs = of_kind(&kinds, parts.of.kind);
            let (own, earlier) = (parts.without(&theirs).written(&parts.of, HEAD, 0), parts.written(&theirs, HEAD, 0));
            // How many elements or names there are is in a part that the first version had.
            match (reader.read(earlier.bytes()), Event::decode(own.bytes())) {
                (read, Ok(expected)) => prop_assert_eq!(read, Ok(expected)),
                (read, Err(_)) => prop_assert!(read.is_err()),
            }
        }
    }

    /// Whatever layouts and records say.
    #[test]
    fn garbage_does_no_harm(
        records in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..400), 0_u8..70, any::<bool>()), 0..40),
        head in 0_u16..100,
        kinds in prop::collection::vec((0_u8..70, any::<u16>(), 0_u16..300), 0..40),
    ) {
        let mut reader = Reader::default();
        let kinds: Vec<_> = kinds.into_iter().map(|(kind, fixed, each)| KindLayout {
            kind, fixed: fixed % 200, each, reserved: [0; 3],
        }).collect();
        let _ = reader.read(layout::record(head, &kinds).as_bytes());
        for (mut bytes, kind, is_layout) in records {
            let size = bytes.len() as u16;
            if let Ok((head, _)) = Head::mut_from_prefix(&mut bytes) {
                (head.size, head.kind) = (size, if is_layout { KIND_LAYOUT } else { kind });
            }
            let _ = reader.read(Record::new(&bytes).bytes());
        }
    }
}
