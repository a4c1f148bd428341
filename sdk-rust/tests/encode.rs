//! What is encoded: the vectors of the specification, byte for byte, and reading it back.
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use nulltrace::Id;
use nulltrace::raw::{self, Buffer, Dir};
use nulltrace_spec::{Marker, parse};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

/// Miri needs a second for what takes a microsecond.
const MOST: usize = if cfg!(miri) { 3 } else { 64 };

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let hex = value["hex"].as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn id(text: &str) -> Id {
    match text {
        "" => Id::Empty,
        "g" => Id::Global,
        "t" => Id::Thread,
        "p" => Id::Process,
        "pp" => Id::Parent,
        number => Id::Number(number.parse().unwrap()),
    }
}

fn encode<'b>(
    buffer: &'b mut Buffer,
    dir: Dir,
    id: Id,
    tags: &[Vec<u8>],
    args: &Pairs,
) -> Result<&'b [u8], raw::Refused> {
    let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
    let args: Vec<(&[u8], &[u8])> = args.iter().map(|(n, v)| (&n[..], &v[..])).collect();
    raw::encode(buffer, dir, id, &tags, &args)
}

fn tags_of(marker: &Marker<'_>) -> Vec<Vec<u8>> {
    marker.tags.iter().map(|tag| tag.to_vec()).collect()
}

fn args_of(marker: &Marker<'_>) -> Pairs {
    marker
        .args
        .iter()
        .map(|(n, v)| (n.to_vec(), v.to_vec()))
        .collect()
}

fn same_dir(ours: Dir, theirs: nulltrace_spec::Dir) -> bool {
    (ours == Dir::Enter) == (theirs == nulltrace_spec::Dir::Enter)
}

#[test]
fn vectors() {
    let mut ran = 0;
    for line in include_str!("../../spec/vectors/encode.jsonl").lines() {
        if cfg!(miri) && line.len() > 1000 {
            continue;
        }
        let case: Value = serde_json::from_str(line).unwrap();
        let name = &case["name"];
        if !case["form"].is_null() {
            continue; // This encoder gives no choice.
        }
        ran += 1;
        let dir = if case["dir"] == ">" {
            Dir::Enter
        } else {
            Dir::Exit
        };
        let id = id(case["id"].as_str().unwrap());
        let tags: Vec<_> = case["tags"].as_array().unwrap().iter().map(bytes).collect();
        let args: Pairs = case["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (bytes(&pair[0]), bytes(&pair[1])))
            .collect();
        let mut buffer = Buffer::new();
        let got = encode(&mut buffer, dir, id, &tags, &args);
        match case["code"].as_str() {
            None => {
                let got = got.unwrap();
                assert!(got == bytes(&case["bytes"]), "{name}");
                let read = parse(got).unwrap();
                assert!(same_dir(dir, read.dir), "{name}");
                assert_eq!(read.id.to_string(), case["id"], "{name}");
                assert!(tags_of(&read) == tags && args_of(&read) == args, "{name}");
            }
            // Section 11: an SDK sends the first 4097 bytes of it.
            Some("E_LIMIT") => {
                let got = got.unwrap();
                assert_eq!(got.len(), 4097, "{name}");
                let seen = nulltrace_spec::markers(&got[..4096], true).next().unwrap();
                assert!(seen.marker.unwrap().cut, "{name}");
            }
            Some(code) => assert_eq!(got.unwrap_err().code(), code, "{name}"),
        }
    }
    assert!(ran >= if cfg!(miri) { 30 } else { 40 }, "{ran}");
}

fn text(least: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(
            prop::sample::select(b"ab.:=,\\<>\"{}[] \n\t\0\xff".to_vec()),
            least..12
        ),
        vec(0x20_u8..0x7f, least..12),
        vec(any::<u8>(), least..30),
    ]
}

fn any_id() -> impl Strategy<Value = Id> {
    prop_oneof![
        Just(Id::Empty),
        Just(Id::Global),
        Just(Id::Thread),
        Just(Id::Process),
        Just(Id::Parent),
        any::<i64>().prop_map(Id::Number),
    ]
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_given(
        enter: bool, id in any_id(), tags in vec(text(1), 1..=MOST.min(32)),
        args in vec((text(1), text(0)), 0..=MOST),
    ) {
        let dir = if enter { Dir::Enter } else { Dir::Exit };
        let mut buffer = Buffer::new();
        let marker = encode(&mut buffer, dir, id, &tags, &args).unwrap();
        if marker.len() == 4097 {
            let seen = nulltrace_spec::markers(&marker[..4096], true).next().unwrap();
            // Cut within the tags it is no marker; else what is whole is kept.
            if let Ok(read) = seen.marker {
                prop_assert!(read.cut);
                prop_assert_eq!(tags_of(&read), tags);
                let kept = args_of(&read);
                prop_assert_eq!(&kept[..], &args[..kept.len()]);
            }
        } else {
            let read = parse(marker).unwrap();
            prop_assert!(same_dir(dir, read.dir));
            let letters = match id {
                Id::Empty => String::new(),
                Id::Global => "g".to_owned(),
                Id::Thread => "t".to_owned(),
                Id::Process => "p".to_owned(),
                Id::Parent => "pp".to_owned(),
                Id::Number(number) => number.to_string(),
            };
            prop_assert_eq!(read.id.to_string(), letters);
            prop_assert_eq!(tags_of(&read), tags);
            prop_assert_eq!(args_of(&read), args);
        }
    }

    /// The reference writes the same bytes.
    #[test]
    fn as_the_reference_does(
        tags in vec(text(0), 0..=MOST.min(32) + 2), args in vec((text(0), text(0)), 0..=MOST + 2),
    ) {
        let draft_tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
        let draft_args: Vec<(&[u8], &[u8])> = args.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        let draft = nulltrace_spec::Draft {
            dir: nulltrace_spec::Dir::Enter,
            id: nulltrace_spec::Id::Global,
            tags: &draft_tags,
            args: &draft_args,
        };
        let mut theirs = Vec::new();
        let done = draft.encode(&mut theirs);
        let mut buffer = Buffer::new();
        match (encode(&mut buffer, Dir::Enter, Id::Global, &tags, &args), done) {
            (Ok(ours), Ok(())) => prop_assert_eq!(ours, &theirs[..]),
            (Ok(ours), Err(code)) => {
                prop_assert_eq!(code.name(), "E_LIMIT");
                prop_assert_eq!(ours.len(), 4097);
            }
            (Err(refused), Err(code)) => prop_assert_eq!(refused.code(), code.name()),
            (Err(refused), Ok(())) => prop_assert!(false, "{}", refused),
        }
    }
}

#[test]
fn ids_are_unique_among_threads() {
    let each = if cfg!(miri) { 20 } else { 10_000 };
    let take = move || (0..each).map(|_| raw::unique()).collect::<Vec<_>>();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(take)).collect();
    let mut all: Vec<i64> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    assert!(all.iter().all(|&id| id > 1 << 32 && id < 1 << 48));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 4 * each);
}
