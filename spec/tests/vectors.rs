//! Runs the vectors of the specification through the reference codec.

#![allow(clippy::unwrap_used)] // the lint knows tests only by their attribute, not their helpers

use std::collections::HashSet;
use std::path::Path;

use nulltrace_spec::{
    Code, Dir, Draft, Format, Fragment, Id, Joined, Marker, Parent, Tags, markers, parse,
};
use serde_json::{Value, json};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The cases of one file.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let cases: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: HashSet<_> = cases
        .iter()
        .map(|case| case["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), cases.len(), "{file}: a name twice");
    cases
}

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

fn list(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().unwrap().iter().map(bytes).collect()
}

fn pairs(value: &Value) -> Pairs {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (bytes(&pair[0]), bytes(&pair[1])))
        .collect()
}

fn dir(value: &Value) -> Dir {
    match value.as_str().unwrap() {
        ">" => Dir::Enter,
        "<" => Dir::Exit,
        other => panic!("no direction: {other}"),
    }
}

fn id(value: &Value) -> Id {
    match value.as_str().unwrap() {
        "" => Id::None,
        "g" => Id::Global,
        "t" => Id::Thread,
        "p" => Id::Process,
        "pp" => Id::Parent,
        number => Id::Number(number.parse().unwrap()),
    }
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

/// Compares a marker with a case.
fn same(marker: &Marker<'_>, case: &Value, name: &Value) {
    assert_eq!(marker.dir, dir(&case["dir"]), "{name}");
    assert_eq!(marker.id, id(&case["id"]), "{name}");
    assert_eq!(tags_of(marker), list(&case["tags"]), "{name}");
    assert_eq!(args_of(marker), pairs(&case["args"]), "{name}");
    assert_eq!(marker.tags.len(), list(&case["tags"]).len(), "{name}");
    assert_eq!(marker.args.len(), pairs(&case["args"]).len(), "{name}");
    assert_eq!(marker.cut, case["cut"].as_bool().unwrap_or(false), "{name}");
}

#[test]
fn decode() {
    for case in cases("decode.jsonl") {
        let name = &case["name"];
        let input = bytes(&case["bytes"]);
        let marker = parse(&input).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        same(&marker, &case, name);
        let json = input[0] == b'[';
        assert_eq!(marker.format == Format::Json, json, "{name}");
        let parent = marker.parent().0.map(|parent| match parent {
            Parent::Root => json!(""),
            Parent::Span(number) => json!(number.to_string()),
            Parent::Unknown => Value::Null,
        });
        assert_eq!(parent.as_ref(), case.get("parent"), "{name}");
        let canonical = bytes(&case["canonical"]);
        assert_eq!(*marker.tags.canonical(), *canonical, "{name}");
        // The canonical path written as a marker reads as the same path, and its parent as all but
        // the last tag.
        if !canonical.contains(&b'\n') {
            let simple = [b">::", &canonical[..], b"::"].concat();
            let again = parse(&simple).unwrap();
            assert_eq!(tags_of(&again), tags_of(&marker), "{name}");
        }
        let mut tags = tags_of(&marker);
        tags.pop();
        match marker.tags.parent() {
            None => assert!(tags.concat().is_empty() && tags.len() < 2, "{name}"),
            Some(parent) => {
                let parent = Tags::from_canonical(&parent).unwrap();
                assert!(parent.iter().eq(tags), "{name}");
            }
        }
    }
}

#[test]
fn refuse() {
    let mut seen = HashSet::new();
    for case in cases("refuse.jsonl") {
        let name = &case["name"];
        let error = parse(&bytes(&case["bytes"])).expect_err(&name.to_string());
        let got = json!({"code": error.code.name(), "offset": error.offset});
        let want = json!({"code": case["code"], "offset": case["offset"]});
        assert_eq!(got, want, "{name}");
        seen.insert(error.code);
    }
    for code in Code::ALL {
        assert!(seen.contains(code), "no vector is refused with {code}");
    }
}

#[test]
fn encode() {
    for case in cases("encode.jsonl") {
        let name = &case["name"];
        let (tags, args) = (list(&case["tags"]), pairs(&case["args"]));
        let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
        let args: Vec<(&[u8], &[u8])> = args.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        let draft = Draft {
            dir: dir(&case["dir"]),
            id: id(&case["id"]),
            tags: &tags,
            args: &args,
        };
        let mut out = b"before".to_vec();
        let done = match case["form"].as_str() {
            Some("json") => draft.encode_as(Format::Json, &mut out),
            Some("simple") => draft.encode_as(Format::Simple, &mut out),
            None => draft.encode(&mut out),
            Some(other) => panic!("{name}: no form {other}"),
        };
        let written = out.strip_prefix(b"before").unwrap();
        let want = case.get("bytes").map(bytes).unwrap_or_default();
        assert_eq!(written, want, "{name}");
        assert_eq!(done.err().map(Code::name), case["code"].as_str(), "{name}");
        if done.is_ok() {
            same(&parse(written).unwrap(), &case, name);
        }
        if case["form"].is_null() {
            let mut buf = [0; 5000];
            let into = draft.encode_into(&mut buf);
            assert_eq!(into, done.map(|()| want.len()), "{name}");
            assert_eq!(&buf[..into.unwrap_or(0)], want, "{name}");
            // A buffer that is too short by one byte is refused, not overrun.
            if let Ok(len) = into {
                assert_eq!(
                    draft.encode_into(&mut buf[..len - 1]),
                    Err(Code::Limit),
                    "{name}"
                );
            }
        }
    }
}

fn joined(joined: &Joined<'_>) -> Value {
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({"hex": bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()}),
    };
    let mut value = match &joined.marker {
        Err(error) => {
            assert!(error.offset <= joined.bytes.len());
            json!({"ts": joined.ts, "code": error.code.name(), "offset": error.offset})
        }
        Ok(marker) => json!({
            "ts": joined.ts,
            "dir": marker.dir.text(),
            "id": marker.id.to_string(),
            "tags": tags_of(marker).iter().map(|tag| text(tag)).collect::<Vec<_>>(),
            "args": args_of(marker).iter().map(|(n, v)| json!([text(n), text(v)])).collect::<Vec<_>>(),
        }),
    };
    if joined.marker.is_ok_and(|marker| marker.cut) {
        value["cut"] = json!(true);
    }
    value
}

#[test]
fn writes() {
    for case in cases("writes.jsonl") {
        let name = &case["name"];
        let mut thread = Fragment::new();
        let (mut seen, mut not_markers) = (Vec::new(), 0);
        let steps = case["steps"].as_array().unwrap();
        for step in steps {
            let ts = step["ts"].as_u64().unwrap();
            let mut each = |j: Joined<'_>| seen.push(joined(&j));
            if step["tick"] == true {
                thread.expire(ts, each);
            } else if step["end"] == true {
                thread.end(each);
            } else {
                let cut = step["cut"].as_bool().unwrap_or(false);
                let part = thread.push(ts, &bytes(&step["bytes"]), cut, &mut each);
                not_markers += u64::from(!part);
            }
        }
        assert_eq!(&json!(seen), &case["seen"], "{name}");
        assert_eq!(not_markers, case["not_markers"].as_u64().unwrap(), "{name}");

        // One write that leaves no fragment is also what `markers` finds in it.
        if let [step] = &steps[..] {
            let write = bytes(&step["bytes"]);
            let mut found = Vec::new();
            for f in markers(&write, step["cut"] == true) {
                let marker = f.marker.map_err(|mut error| {
                    error.offset -= f.offset;
                    error
                });
                found.push(joined(&Joined {
                    ts: 1,
                    bytes: &write[f.offset..],
                    marker,
                }));
            }
            assert_eq!(&json!(found), &case["seen"], "{name}");
        }
    }
}

#[test]
fn there_are_enough() {
    let files = ["decode", "refuse", "encode", "writes", "pairing"];
    let all: usize = files
        .iter()
        .map(|file| cases(&format!("{file}.jsonl")).len())
        .sum();
    assert!(all >= 200, "{all}");
}

/// The table of errors in the text has every code of the crate, and no other.
#[test]
fn the_text_lists_the_codes() {
    let text = include_str!("../FORMAT.md");
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `E_")?.split('`').next());
    let listed: Vec<String> = rows.map(|code| format!("E_{code}")).collect();
    let names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(listed, names);
}

/// The matcher runs the pairing cases; here it is only seen to that each of them is sound.
#[test]
fn pairing_is_sound() {
    for case in cases("pairing.jsonl") {
        let name = &case["name"];
        let spans = case["spans"].as_array().unwrap();
        let mut last = 0;
        for (index, span) in spans.iter().enumerate() {
            let start = span["start"].as_u64().unwrap();
            assert!(start >= last, "{name}: not in order of opening");
            last = start;
            if let Some(end) = span["end"].as_u64() {
                assert!(end >= start, "{name}");
            }
            if let Some(parent) = span["parent"].as_u64() {
                assert!(
                    (parent as usize) < index,
                    "{name}: a parent that opened later"
                );
            }
            assert!(
                !matches!(id(&span["id"]), Id::Thread | Id::Process | Id::Parent),
                "{name}"
            );
        }
        let mut threads = std::collections::HashMap::new();
        let (mut enters, mut exits, mut malformed) = (0, 0, 0);
        for event in case["events"].as_array().unwrap() {
            let thread: &mut Fragment = threads.entry(event["tid"].as_u64().unwrap()).or_default();
            let ts = event["ts"].as_u64().unwrap();
            thread.push(ts, &bytes(&event["bytes"]), false, |j| {
                match j.marker.map(|m| m.dir) {
                    Ok(Dir::Enter) => enters += 1,
                    Ok(Dir::Exit) => exits += 1,
                    Err(_) => malformed += 1,
                }
            });
        }
        let ended = spans.iter().filter(|span| span["end"].is_u64()).count();
        assert_eq!(enters, spans.len(), "{name}");
        assert_eq!(
            exits,
            ended + case["unmatched_exit"].as_u64().unwrap() as usize,
            "{name}"
        );
        assert_eq!(malformed, case["malformed"].as_u64().unwrap(), "{name}");
    }
}
