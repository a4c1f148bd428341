//! What must hold for all bytes, not only for those of the vectors.

#![allow(clippy::unwrap_used)] // the lint knows tests only by their attribute, not their helpers

use nulltrace_spec::{
    ARGS_MAX, Code, Dir, Draft, Format, Fragment, Id, MARKER_MAX, Marker, TAGS_MAX, Tags, markers,
    parent_path, parse,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a marker says, owned.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    dir: Dir,
    id: Id,
    tags: Vec<Vec<u8>>,
    args: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Said {
    fn of(marker: &Marker<'_>) -> Self {
        Self {
            dir: marker.dir,
            id: marker.id,
            tags: marker.tags.iter().map(|tag| tag.to_vec()).collect(),
            args: marker
                .args
                .iter()
                .map(|(n, v)| (n.to_vec(), v.to_vec()))
                .collect(),
        }
    }

    fn encode(&self, form: Option<Format>) -> Result<Vec<u8>, Code> {
        let tags: Vec<&[u8]> = self.tags.iter().map(Vec::as_slice).collect();
        let args: Vec<(&[u8], &[u8])> = self.args.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        let draft = Draft {
            dir: self.dir,
            id: self.id,
            tags: &tags,
            args: &args,
        };
        let mut out = Vec::new();
        draft
            .encode_as(form.unwrap_or(draft.format()), &mut out)
            .map(|()| out)
    }
}

/// Bytes of which many mean something to the format.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        proptest::sample::select(&b".:=,\\<>\n\"[]{}/u0dDabefgtp- \t\r"[..]),
    ]
}

fn text(min: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(byte(), min..12)
}

fn path() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(text(1), 1..=TAGS_MAX.min(6))
}

fn said() -> impl Strategy<Value = Said> {
    let dir = prop_oneof![Just(Dir::Enter), Just(Dir::Exit)];
    let id = prop_oneof![
        Just(Id::None),
        Just(Id::Global),
        Just(Id::Thread),
        Just(Id::Process),
        Just(Id::Parent),
        any::<i64>().prop_map(Id::Number),
        (-20..20_i64).prop_map(Id::Number),
    ];
    let args = vec((text(1), text(0)), 0..=ARGS_MAX.min(5));
    (dir, id, path(), args).prop_map(|(dir, id, tags, args)| Said {
        dir,
        id,
        tags,
        args,
    })
}

/// Paths in which tags may be empty.
fn loose_path() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let tag = prop_oneof![Just(Vec::new()), text(0)];
    vec(tag, 1..=TAGS_MAX.min(6))
        .prop_filter("a path", |tags| tags.len() > 1 || !tags[0].is_empty())
}

/// A marker of such a path, which no encoder writes: its tags are encoded one by one.
fn with_path(tags: &[Vec<u8>], form: Format) -> Result<Vec<u8>, Code> {
    let (begin, empty, between, end) = match form {
        Format::Simple => (">::", "", ".", "::"),
        Format::Json => (r#"[">","",["#, "\"\"", ",", "]]"),
    };
    let written = tags.iter().map(|tag| {
        let said = Said {
            dir: Dir::Enter,
            id: Id::None,
            tags: vec![tag.clone()],
            args: Vec::new(),
        };
        match said.encode(Some(form)) {
            Err(Code::TagEmpty) => Ok(empty.as_bytes().to_vec()),
            Err(code) => Err(code),
            Ok(bytes) => Ok(bytes[begin.len()..bytes.len() - end.len()].to_vec()),
        }
    });
    let written: Vec<_> = written.collect::<Result<_, _>>()?;
    Ok([
        begin.as_bytes(),
        &written.join(between.as_bytes()),
        end.as_bytes(),
    ]
    .concat())
}

/// Bytes that are nearly a marker: a few of an encoded one's changed.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<prop::sample::Index>(), byte()), 0..4);
    (said(), any::<bool>(), edits).prop_map(|(said, json, edits)| {
        let form = json.then_some(Format::Json);
        let mut bytes = said.encode(form).unwrap_or_default();
        for (index, byte) in edits {
            if !bytes.is_empty() {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    })
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        nearly(),
        vec(byte(), 0..80),
        vec(nearly(), 0..4).prop_map(|w| w.join(&b'\n'))
    ]
}

/// Everything a marker gives can be read.
fn read(marker: &Marker<'_>) -> Said {
    let said = Said::of(marker);
    assert_eq!(said.tags.len(), marker.tags.len());
    assert_eq!(said.args.len(), marker.args.len());
    assert!((1..=TAGS_MAX).contains(&said.tags.len()));
    assert!(said.args.len() <= ARGS_MAX);
    assert!(said.tags.len() > 1 || !said.tags[0].is_empty());
    assert!(said.args.iter().all(|(name, _)| !name.is_empty()));
    let canonical = marker.tags.canonical();
    assert_eq!(marker.tags.parent().as_deref(), parent_path(&canonical));
    for (name, _) in &said.args {
        let last = said.args.iter().rev().find(|(n, _)| n == name).unwrap();
        assert_eq!(marker.args.get(name).as_deref(), Some(&last.1[..]));
    }
    said
}

/// Feeds the parts of one thread's writes; gives what came out, errors with their places.
fn feed(parts: &[&[u8]]) -> Vec<Result<Said, (Code, usize)>> {
    let mut thread = Fragment::new();
    let mut out = Vec::new();
    for part in parts {
        thread.push(1, part, false, |joined| {
            out.push(
                joined
                    .marker
                    .map(|m| Said::of(&m))
                    .map_err(|e| (e.code, e.offset)),
            );
        });
    }
    thread.end(|joined| out.push(Err((Code::Unfinished, joined.bytes.len()))));
    out
}

/// `bytes` in parts that end at the `cuts`.
fn parts<'b>(bytes: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut start = 0;
    let mut parts = Vec::new();
    for end in ends {
        parts.push(&bytes[start..end]);
        start = end;
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        max_global_rejects: 20_000,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn what_is_written_is_read(said in said()) {
        let bytes = said.encode(None).unwrap();
        prop_assert_eq!(read(&parse(&bytes).unwrap()), said.clone());
        let json = said.encode(Some(Format::Json)).unwrap();
        prop_assert_eq!(read(&parse(&json).unwrap()), said.clone());
        match said.encode(Some(Format::Simple)) {
            Ok(simple) => prop_assert_eq!(read(&parse(&simple).unwrap()), said),
            Err(code) => {
                prop_assert_eq!(code, Code::Escape);
                let newline = |text: &[u8]| text.contains(&b'\n');
                prop_assert!(said.tags.iter().any(|t| newline(t))
                    || said.args.iter().any(|(n, v)| newline(n) || newline(v)));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_in_place(bytes in any_bytes(), cut: bool) {
        match parse(&bytes) {
            Ok(marker) => {
                let said = read(&marker);
                match said.encode(Some(Format::Json)) {
                    Ok(json) => prop_assert_eq!(parse(&json).map(|m| read(&m)), Ok(said)),
                    Err(code) => {
                        prop_assert_eq!(code, Code::TagEmpty);
                        prop_assert!(said.tags.iter().any(Vec::is_empty));
                    }
                }
            }
            Err(error) => prop_assert!(error.offset <= bytes.len()),
        }
        let mut last = None;
        for found in markers(&bytes, cut) {
            prop_assert!(last.is_none_or(|last| found.offset > last));
            last = Some(found.offset);
            prop_assert!(matches!(bytes[found.offset], b'>' | b'<' | b'['));
            match found.marker {
                Ok(marker) => { read(&marker); }
                Err(error) => prop_assert!((found.offset..=bytes.len()).contains(&error.offset)),
            }
        }
    }

    #[test]
    fn a_number_is_taken_modulo_two_to_the_64(number: i128, zeros in 0..50_usize, json: bool) {
        let sign = if number < 0 { "-" } else { "" };
        // JSON has no leading zeros.
        let zeros = if json { String::new() } else { "0".repeat(zeros) };
        let text = format!("{sign}{zeros}{}", number.unsigned_abs());
        let bytes = if json { format!(r#"[">",{text},["a"]]"#) } else { format!(">:{text}:a::") };
        prop_assert_eq!(parse(bytes.as_bytes()).unwrap().id, Id::Number(number as i64));
    }

    /// More bytes behind an error do not change it, and only a marker that the bytes left open can
    /// become one.
    #[test]
    fn the_first_wrong_byte_decides(bytes in any_bytes(), more in vec(byte(), 0..8)) {
        let longer = [&bytes[..], &more[..]].concat();
        match parse(&bytes) {
            Ok(marker) => {
                let longer = parse(&longer).unwrap();
                prop_assert_eq!(read(&marker), read(&longer));
            }
            Err(error) if error.offset == bytes.len() && error.code == Code::Unfinished => {}
            Err(error) => prop_assert_eq!(parse(&longer).unwrap_err(), error),
        }
    }

    #[test]
    fn canonical_forms_are_equal_for_equal_paths_only(a in path(), b in path(), same: bool) {
        let b = if same { a.clone() } else { b };
        let said = |tags: &Vec<Vec<u8>>| Said {
            dir: Dir::Enter, id: Id::None, tags: tags.clone(), args: Vec::new(),
        };
        let (one, two) = (said(&a).encode(None).unwrap(), said(&b).encode(Some(Format::Json)).unwrap());
        let (one, two) = (parse(&one).unwrap(), parse(&two).unwrap());
        prop_assert_eq!(a == b, one.tags.canonical() == two.tags.canonical());
        let family = a[..a.len() - 1] == b[..];
        prop_assert_eq!(family, one.tags.parent() == Some(two.tags.canonical()));
    }

    /// The same where tags may be empty: each form is read, and the canonical one is of that path alone.
    #[test]
    fn empty_tags_are_tags(a in loose_path(), b in loose_path(), cut: prop::sample::Index) {
        let json = with_path(&a, Format::Json).unwrap();
        let marker = parse(&json).unwrap();
        prop_assert_eq!(&read(&marker).tags, &a);
        let canonical = marker.tags.canonical();
        prop_assert!(Tags::from_canonical(&canonical).unwrap().iter().eq(a.iter().map(Vec::as_slice)));
        let other = with_path(&b, Format::Json).unwrap();
        let other = parse(&other).unwrap();
        prop_assert_eq!(a == b, canonical == other.tags.canonical());
        let above = &a[..a.len() - 1];
        match marker.tags.parent() {
            Some(parent) => prop_assert!(Tags::from_canonical(&parent).unwrap().iter().eq(above.iter().map(Vec::as_slice))),
            None => prop_assert!(matches!(above, [] | [_]) && above.concat().is_empty()),
        }
        match with_path(&a, Format::Simple) {
            Ok(simple) => {
                let marker = parse(&simple).unwrap();
                prop_assert_eq!(&read(&marker).tags, &a);
                prop_assert_eq!(marker.tags.canonical(), canonical);
                // Parts that begin no marker join to the same.
                let (one, two) = simple.split_at(1 + cut.index(simple.len() - 1));
                if !matches!(two, [b'>' | b'<', b':', ..]) {
                    prop_assert_eq!(feed(&[one, two]), [Ok(Said::of(&marker))]);
                }
            }
            Err(code) => prop_assert!(code == Code::Escape && a.concat().contains(&b'\n')),
        }
    }

    /// However a thread splits a marker into writes, it is the same marker. Only a part that begins
    /// like a new marker would end it.
    #[test]
    fn any_split_joins_to_the_same(
        said in said(), json: bool, cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes = said.encode(json.then_some(Format::Json)).unwrap();
        let parts = parts(&bytes, &cuts);
        let begins = |part: &&[u8]| matches!(part, [b'>' | b'<', b':', ..]);
        let first = parts.iter().position(|part| !part.is_empty()).unwrap();
        prop_assume!(!parts[first + 1..].iter().any(begins));
        prop_assert_eq!(feed(&parts), [Ok(said)]);
    }

    /// The same for whatever begins like a marker: joined parts give what the whole gives.
    #[test]
    fn any_split_is_refused_alike(
        begin in prop::sample::select(vec![">:", "<:", "[\">", "[ \"<"]), rest in any_bytes(),
        cut: prop::sample::Index,
    ) {
        let bytes = [begin.as_bytes(), &rest].concat();
        prop_assume!(bytes.len() <= MARKER_MAX);
        let cut = cut.index(bytes.len() + 1);
        let (one, two) = bytes.split_at(cut);
        // The cut must fall into a marker, which must begin as one also when it is whole, and what
        // follows must not begin a new one.
        let open = markers(one, false).last().filter(
            |f| f.marker.is_err_and(|e| e.code == Code::Unfinished && e.offset == one.len()));
        let begins = open.is_some_and(|open| markers(&bytes, false).any(|f| f.offset == open.offset));
        prop_assume!(begins && !matches!(two, [b'>' | b'<', b':', ..]));
        prop_assert_eq!(feed(&[one, two]), feed(&[&bytes]));
    }

    #[test]
    fn a_cut_keeps_whole_args_only(said in said(), json: bool, cut: prop::sample::Index) {
        let bytes = said.encode(json.then_some(Format::Json)).unwrap();
        let seen = &bytes[..1 + cut.index(bytes.len() - 1)];
        let found: Vec<_> = markers(seen, true).collect();
        prop_assert_eq!(found.len(), 1);
        match found[0].marker {
            Ok(marker) => {
                let kept = read(&marker);
                prop_assert!(marker.cut && seen.len() < bytes.len());
                prop_assert_eq!(kept.tags, said.tags);
                prop_assert_eq!(&kept.args[..], &said.args[..kept.args.len()]);
            }
            Err(error) => {
                prop_assert_eq!(error.code, Code::Unfinished);
                prop_assert_eq!(error.offset, seen.len());
            }
        }
    }
}

#[test]
fn a_fragment_is_bounded() {
    let mut thread = Fragment::new();
    let mut refused = 0;
    let mut push = |thread: &mut Fragment, part: &[u8]| {
        thread.push(1, part, false, |joined| {
            assert!(joined.bytes.len() <= MARKER_MAX);
            refused += usize::from(joined.marker.is_err());
        })
    };
    assert!(push(&mut thread, b">:t:"));
    let mut parts = 0;
    while thread.since().is_some() {
        assert!(push(&mut thread, b"abc"));
        parts += 1;
    }
    assert_eq!(parts, (MARKER_MAX - 4_usize).div_ceil(3));
    assert!(!push(&mut thread, b"abc"));
    assert_eq!(refused, 1);
}
