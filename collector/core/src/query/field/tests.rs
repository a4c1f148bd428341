use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use nulltrace_spec::Id;
use zerocopy::FromZeros;

use super::*;
use crate::activity::{InSpan, Inside, SpanTimes, Times, When};
use crate::facts::ancestor::Ancestor;
use crate::facts::args::ArgList;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::facts::process::{Process, Processes};
use crate::input::record::{CallsRecord, FileRecord, ProcessRecord};
use crate::query::condition::{BadCondition, Condition};
use crate::query::metric::Metric;
use crate::spans::matcher::OpenSpan;
use crate::spans::span::{Closed, End};

fn path(text: &str) -> Arc<TagPath> {
    Arc::new(TagPath::new(text.as_bytes(), text.split('.')))
}

/// A read from a connected socket, a write to a file and a futex, in `shop.pay` in `shop`.
fn with(check: impl FnOnce(&Inside<'_>, Known<'_>)) {
    let mut processes = Processes::default();
    let mut record = ProcessRecord::new_zeroed();
    (record.head.pid, record.cgroup, record.ppid, record.uid) = (7, 3, 1, 1000);
    record.comm[..4].copy_from_slice(b"shop");
    record.exe[..13].copy_from_slice(b"/usr/bin/shop");
    processes.cgroup(3, format!("{}\0docker\0", "ab".repeat(32)).as_bytes());
    let _ = processes.learn(&record);
    processes.command(7, b"shop\0--all\0");

    let mut socket = FileRecord::new_zeroed();
    (socket.family, socket.protocol) = (2, 6);
    (socket.local_port, socket.remote_port) = (8888, 50412);
    socket.local[..4].copy_from_slice(&[127, 0, 0, 1]);
    socket.remote[..4].copy_from_slice(&[10, 0, 0, 9]);
    let mut blob = FileRecord::new_zeroed();
    blob.mode = 0o100_644;
    let files = [
        Some(Arc::new(File::read(&socket, b""))),
        Some(Arc::new(File::read(&blob, b"blob\0tmp\0"))),
        None,
    ];
    let mut calls = [CallsRecord::new_zeroed(); 3];
    for (call, nr) in calls.iter_mut().zip([0, 1, 202]) {
        (call.nr, call.count) = (nr, 1);
    }
    let (inner, outer) = (path("shop.pay"), path("shop"));
    let cart: ArgList = [("cart", "7"), ("cart", "8")].into_iter().collect();
    let user: ArgList = [("user", "ann")].into_iter().collect();
    let inside = Inside {
        pid: 7,
        tid: 8,
        process: processes.get(7),
        spans: &[
            InSpan {
                seq: Some(12),
                args: Some(&user),
                ..InSpan::of_path(&inner)
            },
            InSpan {
                seq: Some(5),
                args: Some(&cart),
                ..InSpan::of_path(&outer)
            },
        ],
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls: &calls,
        files: &files,
    };
    let init = Ancestor::new(1, b"init", None);
    let make = Ancestor::new(5, b"make", Some(&init));
    let known = Known {
        user: Some(b"ada"),
        parent: Some(&make),
        cgroup: Some(b"/not/asked/for"),
    };
    check(&inside, known);
}

/// Each kind of subject, of the same process: the calls of [`with`], their segment, a span that has ended and one
/// that is open, a marker of each format, the process.
fn each_subject(check: impl Fn(&str, &At<'_>)) {
    with(|inside, known| {
        for (call, name) in ["read", "write", "futex"].into_iter().enumerate() {
            check(name, &At::call(inside, call, known));
        }
        check("segment", &At::segment(inside, known));
        let mut till = inside.process.cloned().unwrap();
        Arc::make_mut(&mut till).comm = b"till"[..].into();
        let closed = closed(till);
        check("closed", &At::closed(&closed, known));
        let lost = Closed {
            how: End::Lost,
            times: None,
            process: None,
            ..closed.clone()
        };
        check("lost", &At::closed(&lost, Known::default()));
        let open = OpenSpan {
            seq: closed.seq,
            parent: None,
            tags: &closed.tags,
            id: Id::Global,
            pid: 7,
            tid: 8,
            process: inside.process,
            args: &closed.enter_args,
            start: 1000,
            times: closed.times,
        };
        check("open", &At::open(&open, 1500, known));
        for (name, text, cut) in [
            ("simple", &br">:t:shop.pay:cart=7\,8,user=ann:"[..], false),
            ("json", br#"["<", 9, ["shop"], [{"status": "500"}]]"#, true),
        ] {
            let marker = nulltrace_spec::parse(text).unwrap();
            let marker = nulltrace_spec::Marker { cut, ..marker };
            let written = Written {
                marker: &marker,
                ts: 77,
                pid: 7,
                tid: 8,
            };
            check(name, &At::marker(written, inside.process, known));
        }
        check("process", &At::process(7, inside.process, known));
    });
}

fn closed(process: Arc<Process>) -> Closed {
    let all = Times {
        wall: 90,
        kernel: 5,
        runnable: 20,
        blocked: 30,
        ..Times::NONE
    };
    Closed {
        seq: 12,
        parent: Some(5),
        parent_tags: Some(path("shop")),
        tags: path("shop.pay"),
        id: Id::Number(42),
        enter_args: [("cart", "7"), ("a=b", "1,2")].into_iter().collect(),
        exit_args: [("status", "500")].into_iter().collect(),
        pid: 7,
        tid: 8,
        process: Some(process),
        start: 1000,
        end: 1100,
        how: End::Exit,
        child_ns: 60,
        child_hits: 2,
        times: Some(SpanTimes {
            all,
            interleaved: 10,
            ..SpanTimes::NONE
        }),
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Absent => "-".to_owned(),
        Value::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        Value::Number(n) => n.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Call(nr) => format!("#{nr}"),
        Value::Duration(ns) => format!("{ns}ns"),
        Value::Time(ns) => format!("@{ns}"),
        Value::Boolean(is) => is.to_string(),
    }
}

/// All values of a field, or `-`.
fn values(name: &str, at: &At<'_>) -> String {
    let field: Field = name.parse().unwrap();
    let mut found = Vec::new();
    field.each(at, &mut |value| found.push(shown(&value)));
    match found.is_empty() {
        true => "-".to_owned(),
        false => found.join("|"),
    }
}

/// Of each field, the values of the subjects named.
const WANT: &[(&str, &[&str], &[&str])] = &[
    (
        "span.tags",
        &["read", "segment", "closed", "open"],
        &["shop.pay"; 4],
    ),
    (
        "span.tag[0]",
        &["read", "segment", "closed", "open"],
        &["shop"; 4],
    ),
    ("span.tag[-1]", &["read", "closed", "open"], &["pay"; 3]),
    ("span.tag[2]", &["read", "closed"], &["-"; 2]),
    ("span.tag[-3]", &["read", "closed"], &["-"; 2]),
    ("span.tag[-32768]", &["read"], &["-"]),
    (
        "span.ntags",
        &["read", "segment", "closed", "open"],
        &["2"; 4],
    ),
    (
        "span.seq",
        &["read", "segment", "closed", "open"],
        &["12"; 4],
    ),
    (
        "span.arg.cart",
        &["read", "segment", "closed", "open"],
        &["-", "-", "7", "7"],
    ),
    ("span.arg.user", &["read", "segment"], &["ann"; 2]),
    (r#"span.arg["a=b"]"#, &["closed"], &["1,2"]),
    (
        "span.enterargs",
        &["read", "segment", "closed", "open"],
        &[
            "user=ann",
            "user=ann",
            r"cart=7,a\=b=1\,2",
            r"cart=7,a\=b=1\,2",
        ],
    ),
    // That of the exit marker, where the enter marker has none.
    ("span.arg.status", &["closed", "open"], &["500", "-"]),
    ("span.enterarg.cart", &["closed", "open"], &["7"; 2]),
    ("span.enterarg.user", &["read", "segment"], &["ann"; 2]),
    ("span.failed", &["closed", "open"], &["false", "-"]),
    ("span.exitarg.status", &["closed", "open"], &["500", "-"]),
    ("span.exitargs", &["closed", "open"], &["status=500", "-"]),
    (
        "span.args",
        &["closed", "open"],
        &[r"cart=7,a\=b=1\,2,status=500", r"cart=7,a\=b=1\,2"],
    ),
    ("span.nargs", &["closed", "open"], &["3", "2"]),
    ("span.id", &["closed", "open"], &["42", "g"]),
    ("span.parent_seq", &["closed", "open"], &["5", "-"]),
    ("span.start", &["closed", "open"], &["@1000"; 2]),
    (
        "span.end",
        &["closed", "lost", "open"],
        &["exit", "lost", "-"],
    ),
    ("span.open", &["closed", "open"], &["-", "500ns"]),
    (
        "span.duration",
        &["closed", "lost", "open"],
        &["100ns", "-", "-"],
    ),
    (
        "span.self",
        &["closed", "lost", "open"],
        &["40ns", "-", "-"],
    ),
    (
        "span.on_cpu",
        &["closed", "lost", "open"],
        &["40ns", "-", "40ns"],
    ),
    (
        "span.runnable",
        &["closed", "lost", "open"],
        &["20ns", "-", "20ns"],
    ),
    (
        "span.blocked",
        &["closed", "lost", "open"],
        &["30ns", "-", "30ns"],
    ),
    (
        "span.interleaved",
        &["closed", "lost", "open"],
        &["10ns", "-", "10ns"],
    ),
    (
        "evtin.span.tags",
        &["read", "segment"],
        &["shop.pay|shop"; 2],
    ),
    ("evtin.span.tag[1]", &["read", "segment"], &["pay"; 2]),
    ("evtin.span.seq", &["read", "segment"], &["12|5"; 2]),
    ("evtin.span.arg.cart", &["read", "segment"], &["8"; 2]),
    ("marker.dir", &["simple", "json"], &[">", "<"]),
    ("marker.id", &["simple", "json"], &["t", "9"]),
    ("marker.tags", &["simple", "json"], &["shop.pay", "shop"]),
    ("marker.tag[-1]", &["simple", "json"], &["pay", "shop"]),
    ("marker.tag[1]", &["simple", "json"], &["pay", "-"]),
    ("marker.ntags", &["simple", "json"], &["2", "1"]),
    ("marker.arg.cart", &["simple", "json"], &["7,8", "-"]),
    (
        "marker.args",
        &["simple", "json"],
        &[r"cart=7\,8,user=ann", "status=500"],
    ),
    ("marker.nargs", &["simple", "json"], &["2", "1"]),
    ("marker.format", &["simple", "json"], &["simple", "json"]),
    ("marker.cut", &["simple", "json"], &["false", "true"]),
    ("marker.time", &["simple", "json"], &["@77"; 2]),
    ("evt.type", CALLS, &["#0", "#1", "#202"]),
    (
        "fd.name",
        CALLS,
        &["127.0.0.1:8888->10.0.0.9:50412", "/tmp/blob", "-"],
    ),
    ("fd.type", CALLS, &["ipv4", "file", "-"]),
    ("fd.directory", CALLS, &["-", "/tmp", "-"]),
    ("fd.filename", CALLS, &["-", "blob", "-"]),
    ("fd.l4proto", CALLS, &["tcp", "-", "-"]),
    ("fd.lip", CALLS, &["127.0.0.1", "-", "-"]),
    ("fd.lport", CALLS, &["8888", "-", "-"]),
    ("fd.rip", CALLS, &["10.0.0.9", "-", "-"]),
    ("fd.rport", CALLS, &["50412", "-", "-"]),
    ("fd.sip", CALLS, &["127.0.0.1", "-", "-"]),
    ("fd.sport", CALLS, &["8888", "-", "-"]),
    ("fd.cip", CALLS, &["10.0.0.9", "-", "-"]),
    ("fd.cport", CALLS, &["50412", "-", "-"]),
    ("fd.ip", CALLS, &["127.0.0.1|10.0.0.9", "-", "-"]),
    ("fd.port", CALLS, &["8888|50412", "-", "-"]),
    // A span has the name that its process had when it opened it.
    (
        "proc.name",
        &[
            "read", "segment", "closed", "lost", "open", "simple", "process",
        ],
        &["shop", "shop", "till", "-", "shop", "shop", "shop"],
    ),
    ("proc.pid", ALL, &["7"; 6]),
    (
        "thread.tid",
        &["read", "segment", "closed", "open", "json"],
        &["8"; 5],
    ),
    ("proc.exe", ALL, &["/usr/bin/shop"; 6]),
    ("proc.cmdline", ALL, &["shop --all"; 6]),
    // Not the 1 of the facts: its parent ended, and it has a guardian.
    ("proc.ppid", ALL, &["5"; 6]),
    ("proc.pname", ALL, &["make"; 6]),
    ("proc.apid[0]", ALL, &["7"; 6]),
    ("proc.apid[1]", ALL, &["5"; 6]),
    ("proc.apid[2]", ALL, &["1"; 6]),
    ("proc.apid[3]", ALL, &["-"; 6]),
    ("proc.aname[0]", &["read", "closed"], &["shop", "till"]),
    ("proc.aname[1]", ALL, &["make"; 6]),
    ("proc.aname[2]", ALL, &["init"; 6]),
    ("proc.aname[3]", ALL, &["-"; 6]),
    ("proc.apid", ALL, &["5|1"; 6]),
    ("proc.aname", ALL, &["make|init"; 6]),
    (
        "proc.cgroup",
        ALL,
        &["/docker/abababababababababababababababababababababababababababababababab"; 6],
    ),
    ("user.uid", ALL, &["1000"; 6]),
    ("user.name", ALL, &["ada"; 6]),
    ("container.id", ALL, &["abababababab"; 6]),
    (
        "container.full_id",
        ALL,
        &["abababababababababababababababababababababababababababababababab"; 6],
    ),
    ("container.type", ALL, &["docker"; 6]),
    ("k8s.pod.uid", ALL, &["-"; 6]),
    ("systemd.unit", ALL, &["-"; 6]),
];

const CALLS: &[&str] = &["read", "write", "futex"];
const ALL: &[&str] = &["read", "segment", "closed", "open", "json", "process"];

#[test]
fn every_field_of_each_subject() {
    let mut seen = HashSet::new();
    for (name, subjects, want) in WANT {
        let field: Field = name.parse().unwrap();
        seen.insert(field.info().to_string());
        assert_eq!(subjects.len(), want.len(), "{name}");
        each_subject(|subject, at| {
            let found = values(name, at);
            // What is not of the kind has no value, whatever else there is.
            if !field.info().is_of(at.subject()) {
                assert_eq!(found, "-", "{name} of {subject}");
                assert!(!subjects.contains(&subject), "{name} of {subject}");
            }
            for (_, want) in subjects.iter().zip(*want).filter(|(of, _)| **of == subject) {
                assert_eq!(found, *want, "{name} of {subject}");
            }
        });
    }
    let missing: Vec<_> = all()
        .map(Info::to_string)
        .filter(|name| !seen.contains(name))
        .collect();
    assert_eq!(missing, [""; 0], "not tested");
}

/// What the table says who has a field is so: each kind of subject has a value in the test above, if any can.
#[test]
fn each_kind_has_what_the_table_says() {
    for info in all() {
        for &kind in info.source.subjects() {
            let tested = WANT.iter().filter(|(name, ..)| {
                let field: Field = name.parse().unwrap();
                field.info().to_string() == info.to_string()
            });
            let kind_of = |subject: &str| match subject {
                "read" | "write" | "futex" => Subject::Call,
                "segment" => Subject::Segment,
                "closed" | "lost" | "open" => Subject::Span,
                "simple" | "json" => Subject::Marker,
                _ => Subject::Process,
            };
            let mut subjects = tested.flat_map(|(_, subjects, _)| subjects.iter());
            let aname = info.to_string() == "proc.aname[n]";
            assert!(
                aname || subjects.any(|subject| kind_of(subject) == kind),
                "{info} of a {}",
                kind.name()
            );
        }
    }
}

#[test]
fn the_root_says_less_than_what_was_found() {
    for (reported, found, want) in [
        (&b"a\0"[..], Some(&b"/b"[..]), "/a"),
        (b"\0", Some(b"/b"), "/b"),
        (b"\0", None, "/"),
    ] {
        let mut processes = Processes::default();
        let mut record = ProcessRecord::new_zeroed();
        (record.head.pid, record.cgroup) = (7, 3);
        processes.cgroup(3, reported);
        let _ = processes.learn(&record);
        let known = Known {
            cgroup: found,
            ..Known::default()
        };
        let at = At::process(7, processes.get(7), known);
        assert_eq!(values("proc.cgroup", &at), want);
    }
}

#[test]
fn nothing_known_is_nothing_said() {
    let inside = Inside {
        pid: 7,
        tid: 8,
        process: None,
        spans: &[],
        wide: false,
        when: When::default(),
        times: &Times::NONE,
        calls: &[],
        files: &[],
    };
    let at = At::call(&inside, 0, Known::default());
    for info in all() {
        let value = info.get(&at, &Key::Number(0));
        let numbers = ["proc.pid", "thread.tid", "proc.apid[n]"].contains(&&*info.to_string());
        assert_eq!(value != Value::Absent, numbers, "{info}");
    }
}

#[test]
fn values_are_of_the_fields_type() {
    each_subject(|_, at| {
        for (name, ..) in WANT {
            let field: Field = name.parse().unwrap();
            field.each(at, &mut |value| {
                let is = match value {
                    Value::Absent => panic!("{name} gives nothing as a value"),
                    Value::Text(text) => {
                        assert!(!text.is_empty(), "{name}");
                        Type::Text
                    }
                    Value::Number(_) => Type::Number,
                    Value::Address(_) => Type::Address,
                    Value::Call(_) => Type::Call,
                    Value::Duration(_) => Type::Duration,
                    Value::Time(_) => Type::Time,
                    Value::Boolean(_) => Type::Boolean,
                };
                assert_eq!(is, field.info().type_, "{name}");
            });
        }
    });
}

#[test]
fn names() {
    let mut seen = HashSet::new();
    for info in all() {
        assert!(seen.insert(info.to_string()), "{info} is there twice");
        let keys: &[&str] = match info.key {
            KeyKind::None => &[""],
            KeyKind::Number { from_last: false } => &["[0]", "[2]"],
            KeyKind::Number { from_last: true } => &["[-2]", "[0]", "[2]"],
            KeyKind::Name => &[".cart", ".http.status", r#"["odd, name"]"#],
        };
        for key in keys {
            let text = format!("{}{key}", info.name);
            let field: Field = text.parse().unwrap();
            assert_eq!(field.to_string(), text);
            assert_eq!(field.info().to_string(), info.to_string());
            assert_eq!(field, text.parse().unwrap());
        }
    }
    for bad in [
        "",
        "fd",
        "fd.name[0]",
        "span.tag",
        "span.tag[n]",
        "span.tag[]",
        "span.tag[0",
        "proc.aname[-1]",
        "span.tag[40000]",
        "span.tags ",
        "span.arg",
        "span.arg.",
        "span.arg.a b",
        "span.arg[0]",
        "span.argcart",
        "]",
        "[0]",
    ] {
        assert_eq!(bad.parse::<Field>(), Err(NoField), "{bad}");
    }
}

/// A filter language may be made of these names and its own words.
#[test]
fn names_are_no_words_of_a_filter() {
    let names = all().map(|info| info.name);
    let metrics = Metric::ALL.iter().map(|metric| metric.name());
    for name in names.chain(metrics) {
        assert!(!RESERVED.contains(&name), "{name}");
        assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
        assert!(name.chars().all(plain), "{name}");
    }
    assert!(RESERVED.is_sorted());
}

#[test]
fn conditions() {
    let number = |name: &str| (name == "write").then_some(1);
    let holds = |text: &str, at: &At<'_>| Condition::parse(text, &number).unwrap().holds(at);
    with(|inside, known| {
        let calls = |text: &str| -> Vec<usize> {
            let call = |&call: &usize| holds(text, &At::call(inside, call, known));
            (0..3).filter(call).collect()
        };
        for (text, want) in [
            ("fd.type=file", &[1][..]),
            ("fd.type!=file", &[0, 2]),
            ("fd.type=", &[2]),
            ("fd.l4proto!=", &[0]),
            ("fd.rip=10.0.0.9", &[0]),
            ("fd.rport=50412", &[0]),
            ("evt.type=write", &[1]),
            ("evt.type!=202", &[0, 1]),
            ("evtin.span.tags=shop", &[0, 1, 2]),
            ("evtin.span.tags=shop.pay", &[0, 1, 2]),
            ("evtin.span.tags!=shop", &[]),
            ("evtin.span.tags!=other", &[0, 1, 2]),
            ("evtin.span.tags=", &[]),
            ("evtin.span.tag[1]=", &[]),
            ("evtin.span.tag[2]=", &[0, 1, 2]),
            ("evtin.span.arg.cart=8", &[0, 1, 2]),
            ("evtin.span.arg.cart!=8", &[]),
            ("evtin.span.seq=5", &[0, 1, 2]),
            ("span.arg.cart=8", &[]),
            ("span.arg.cart=", &[0, 1, 2]),
            ("span.tags=shop", &[]),
            ("proc.cmdline=shop --all", &[0, 1, 2]),
            ("fd.name=a=b", &[]),
            ("fd.port=8888", &[0]),
            ("fd.port=50412", &[0]),
            ("fd.port!=50412", &[1, 2]),
            ("fd.port!=1", &[0, 1, 2]),
            ("fd.port=", &[1, 2]),
            ("fd.port!=", &[0]),
            ("fd.ip=10.0.0.9", &[0]),
            ("fd.ip=10.0.0.1", &[]),
            ("proc.aname=init", &[0, 1, 2]),
            ("proc.aname=make", &[0, 1, 2]),
            ("proc.aname!=make", &[]),
            ("proc.aname=shop", &[]),
            ("proc.apid=1", &[0, 1, 2]),
            ("proc.apid=7", &[]),
            ("proc.aname=", &[]),
            ("proc.aname[1]=init", &[]),
            ("proc.aname[2]=init", &[0, 1, 2]),
        ] {
            assert_eq!(calls(text), want, "{text}");
        }
    });
    each_subject(|subject, at| {
        for (text, want) in [
            ("span.duration=100ns", &["closed"][..]),
            ("span.duration=0.1us", &["closed"]),
            ("span.exitarg.status=500", &["closed", "lost"]),
            (r#"span.arg["a=b"]=1,2"#, &["closed", "lost", "open"]),
            ("span.end!=", &["closed", "lost"]),
            ("span.start=1000", &["closed", "lost", "open"]),
            ("marker.cut=true", &["json"]),
            ("marker.dir=<", &["json"]),
            ("marker.dir!=", &["simple", "json"]),
        ] {
            assert_eq!(
                holds(text, at),
                want.contains(&subject),
                "{text} of {subject}"
            );
        }
    });
    for (text, why) in [
        ("fd.type", BadCondition::Operator),
        ("", BadCondition::Operator),
        (r#"span.arg["a=b"]"#, BadCondition::Operator),
        ("=", BadCondition::Field),
        ("!=", BadCondition::Field),
        ("fd.typ=file", BadCondition::Field),
        ("span.arg=7", BadCondition::Field),
        ("fd.lport=x", BadCondition::Value(Type::Number)),
        ("fd.rip=localhost", BadCondition::Value(Type::Address)),
        ("evt.type=wrote", BadCondition::Value(Type::Call)),
        ("span.duration=1 s", BadCondition::Value(Type::Duration)),
        ("span.start=1s", BadCondition::Value(Type::Time)),
        ("marker.cut=1", BadCondition::Value(Type::Boolean)),
    ] {
        assert_eq!(Condition::parse(text, &number), Err(why), "{text}");
    }
}

/// A call on a file of which nothing is known may have been one on that socket.
#[test]
fn what_must_be_known_of_the_file() {
    let of_file = |text: &str| Condition::parse(text, &|_| None).unwrap().is_of_file();
    assert!(of_file("fd.type=file") && of_file("fd.port=80") && of_file("fd.ip!=::1"));
    assert!(!of_file("fd.name=") && !of_file("fd.port!=") && !of_file("proc.pid=1"));
}

#[test]
fn the_server_is_who_has_the_low_port() {
    use crate::facts::file::Ends;
    for (local, remote, server, client) in [
        (
            "10.0.0.1:80",
            "10.0.0.2:40000",
            "10.0.0.1:80",
            "10.0.0.2:40000",
        ),
        (
            "10.0.0.2:40000",
            "10.0.0.1:80",
            "10.0.0.1:80",
            "10.0.0.2:40000",
        ),
        ("[::1]:32767", "[::1]:32768", "[::1]:32767", "[::1]:32768"),
        ("0.0.0.0:80", "", "0.0.0.0:80", "-"),
        ("0.0.0.0:40000", "", "-", "-"),
        ("0.0.0.0:0", "", "-", "-"),
        ("10.0.0.1:80", "10.0.0.2:81", "-", "-"),
        ("10.0.0.1:40000", "10.0.0.2:40001", "-", "-"),
    ] {
        let ends = Ends {
            protocol: "tcp",
            local: local.parse().unwrap(),
            remote: remote.parse().ok(),
        };
        let text = |end: Option<SocketAddr>| end.map_or("-".to_owned(), |end| end.to_string());
        assert_eq!(
            (&*text(ends.server()), &*text(ends.client())),
            (server, client)
        );
    }
}
