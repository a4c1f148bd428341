use std::collections::HashSet;
use std::net::SocketAddr;

use zerocopy::FromZeros;

use super::fixture::each_subject;
use super::*;
use crate::activity::{Inside, Times, When};
use crate::facts::process::Processes;
use crate::input::record::ProcessRecord;
use crate::query::metric::Metric;

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
        Value::Integer(n) => n.to_string(),
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
    ("span.status", &["closed", "open"], &["500", "-"]),
    ("span.duration.human", &["closed", "open"], &["100ns", "-"]),
    (
        "span.arg[-1]",
        &["read", "segment", "closed"],
        &["ann", "ann", "1,2"],
    ),
    ("evtin.span.ntags", &["read", "segment"], &["2|1"; 2]),
    ("evtin.span.id", &["read", "segment"], &["-"; 2]),
    (
        "evtin.span.args",
        &["read", "segment"],
        &["user=ann|cart=7,cart=8"; 2],
    ),
    ("evtin.span.nargs", &["read", "segment"], &["1|2"; 2]),
    ("span.exitargs", &["closed", "open"], &["status=500", "-"]),
    (
        "span.args",
        &["closed", "open"],
        &[r"cart=7,a\=b=1\,2,status=500", r"cart=7,a\=b=1\,2"],
    ),
    ("span.nargs", &["closed", "open"], &["3", "2"]),
    ("span.id", &["closed", "open"], &["42", "g"]),
    ("span.parent.seq", &["closed", "open"], &["5", "-"]),
    ("span.time", &["closed", "open"], &["@1000"; 2]),
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
        "span.cpu",
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
    ("container.name", ALL, &["till"; 6]),
    ("container.image", ALL, &["till:3"; 6]),
    ("k8s.pod.uid", ALL, &["-"; 6]),
    ("systemd.unit", ALL, &["-"; 6]),
];

const CALLS: &[&str] = &["read", "write", "futex"];
const ALL: &[&str] = &["read", "segment", "closed", "open", "json", "process"];
const EVENTS: &[&str] = &["evt", "evt>", "evt failed", "tracer"];
/// Events, and what the same event has when its span has ended.
const LATE: &[&str] = &["evt", "evt late", "tracer"];

/// The same of events.
const OF_EVENTS: &[(&str, &[&str], &[&str])] = &[
    ("span.tags", EVENTS, &["shop.pay"; 4]),
    ("span.tag[0]", EVENTS, &["shop"; 4]),
    ("span.ntags", EVENTS, &["2"; 4]),
    ("span.seq", EVENTS, &["12"; 4]),
    ("span.arg.user", EVENTS, &["ann"; 4]),
    ("span.arg[0]", EVENTS, &["ann"; 4]),
    ("span.enterarg.user", EVENTS, &["ann"; 4]),
    ("span.enterargs", EVENTS, &["user=ann"; 4]),
    ("span.exitarg.status", LATE, &["-", "500", "500"]),
    ("span.exitargs", LATE, &["-", "status=500", "status=500"]),
    (
        "span.args",
        LATE,
        &["user=ann", "user=ann,status=500", "user=ann,status=500"],
    ),
    ("span.nargs", LATE, &["1", "2", "2"]),
    ("span.failed", LATE, &["-", "false", "false"]),
    ("span.status", LATE, &["-", "500", "500"]),
    ("span.id", LATE, &["g", "42", "42"]),
    ("span.parent.seq", LATE, &["-", "5", "5"]),
    ("span.time", LATE, &["@1000"; 3]),
    ("span.end", LATE, &["-", "exit", "exit"]),
    ("span.open", LATE, &["80ns", "80ns", "-"]),
    ("span.duration", LATE, &["-", "100ns", "100ns"]),
    ("span.duration.human", LATE, &["-", "100ns", "100ns"]),
    ("span.self", LATE, &["-", "40ns", "40ns"]),
    ("span.cpu", LATE, &["-", "40ns", "40ns"]),
    ("span.runnable", LATE, &["-", "20ns", "20ns"]),
    ("span.blocked", LATE, &["-", "30ns", "30ns"]),
    ("span.interleaved", LATE, &["-", "10ns", "10ns"]),
    ("span.depth", EVENTS, &["1"; 4]),
    ("span.parent.id", EVENTS, &["g"; 4]),
    ("span.trace", EVENTS, &["5"; 4]),
    ("evtin.span.tags", EVENTS, &["shop.pay|shop"; 4]),
    ("evtin.span.tag[0]", EVENTS, &["shop|shop"; 4]),
    ("evtin.span.ntags", EVENTS, &["2|1"; 4]),
    ("evtin.span.seq", EVENTS, &["12|5"; 4]),
    ("evtin.span.id", EVENTS, &["42|g"; 4]),
    ("evtin.span.arg.cart", EVENTS, &["8"; 4]),
    ("evtin.span.args", EVENTS, &["user=ann|cart=7,cart=8"; 4]),
    ("evtin.span.nargs", EVENTS, &["1|2"; 4]),
    ("evtin.span.p.tags", EVENTS, &["shop.pay|shop"; 4]),
    ("evtin.span.p.tag[0]", EVENTS, &["shop|shop"; 4]),
    ("evtin.span.p.ntags", EVENTS, &["2|1"; 4]),
    ("evtin.span.p.seq", EVENTS, &["12|5"; 4]),
    ("evtin.span.p.id", EVENTS, &["42|g"; 4]),
    ("evtin.span.p.args", EVENTS, &["user=ann|cart=7,cart=8"; 4]),
    ("evtin.span.p.nargs", EVENTS, &["1|2"; 4]),
    ("evtin.span.p.arg.cart", EVENTS, &["8"; 4]),
    ("evtin.span.s.tags", EVENTS, &["shop.pay"; 4]),
    ("evtin.span.s.tag[0]", EVENTS, &["shop"; 4]),
    ("evtin.span.s.ntags", EVENTS, &["2"; 4]),
    ("evtin.span.s.seq", EVENTS, &["12"; 4]),
    ("evtin.span.s.id", EVENTS, &["42"; 4]),
    ("evtin.span.s.args", EVENTS, &["user=ann"; 4]),
    ("evtin.span.s.nargs", EVENTS, &["1"; 4]),
    ("evtin.span.s.arg.user", EVENTS, &["ann"; 4]),
    ("evtin.span.m.tags", EVENTS, &["shop"; 4]),
    ("evtin.span.m.tag[0]", EVENTS, &["shop"; 4]),
    ("evtin.span.m.ntags", EVENTS, &["1"; 4]),
    ("evtin.span.m.seq", EVENTS, &["5"; 4]),
    ("evtin.span.m.id", EVENTS, &["g"; 4]),
    ("evtin.span.m.args", EVENTS, &["cart=7,cart=8"; 4]),
    ("evtin.span.m.nargs", EVENTS, &["2"; 4]),
    ("evtin.span.m.arg.cart", EVENTS, &["8"; 4]),
    ("marker.dir", EVENTS, &["-", "-", "-", "<"]),
    ("marker.id", &["evt", "tracer"], &["-", "42"]),
    ("marker.tags", &["evt", "tracer"], &["-", "shop.pay"]),
    ("marker.tag[-1]", &["evt", "tracer"], &["-", "pay"]),
    ("marker.ntags", &["evt", "tracer"], &["-", "2"]),
    ("marker.arg.status", &["evt", "tracer"], &["-", "500"]),
    ("marker.args", &["evt", "tracer"], &["-", "status=500"]),
    ("marker.nargs", &["evt", "tracer"], &["-", "1"]),
    ("marker.format", &["evt", "tracer"], &["-", "simple"]),
    ("marker.cut", &["evt", "tracer"], &["-", "false"]),
    ("marker.time", &["evt", "tracer"], &["-", "@1100"]),
    ("evt.type", EVENTS, &["#0", "#0", "#257", "#1073741824"]),
    ("evt.num", EVENTS, &["3", "3", "3", "4"]),
    ("evt.time", EVENTS, &["@1080", "@1050", "@1080", "@1100"]),
    ("evt.rawtime", EVENTS, &["1580", "1550", "1580", "1600"]),
    ("evt.reltime", EVENTS, &["80ns", "50ns", "80ns", "100ns"]),
    ("evt.deltatime", &["evt", "tracer"], &["10ns", "20ns"]),
    ("evt.latency", EVENTS, &["30ns", "-", "30ns", "-"]),
    ("evt.latency.human", EVENTS, &["30ns", "-", "30ns", "-"]),
    ("evt.dir", EVENTS, &["<", ">", "<", "<"]),
    ("evt.category", EVENTS, &["file", "file", "file", "marker"]),
    ("evt.cpu", EVENTS, &["2", "2", "2", "-"]),
    (
        "evt.args",
        EVENTS,
        &[
            "fd=6(<f>/tmp/blob) buf=hello count=64",
            "fd=6(<f>/tmp/blob) count=64",
            "dfd=AT_FDCWD filename=/none flags=0x0 mode=00",
            "id=42 tags=shop.pay args=status=500",
        ],
    ),
    (
        "evt.info",
        EVENTS,
        &[
            "res=5 fd=6(<f>/tmp/blob) buf=hello count=64",
            "fd=6(<f>/tmp/blob) count=64",
            "res=-2(ENOENT) dfd=AT_FDCWD filename=/none flags=0x0 mode=00",
            "id=42 tags=shop.pay args=status=500",
        ],
    ),
    ("evt.arg.filename", EVENTS, &["-", "-", "/none", "-"]),
    ("evt.arg[1]", EVENTS, &["hello", "64", "/none", "shop.pay"]),
    ("evt.res", EVENTS, &["SUCCESS", "-", "ENOENT", "-"]),
    ("evt.rawres", EVENTS, &["5", "-", "-2", "-"]),
    ("evt.failed", EVENTS, &["false", "-", "true", "-"]),
    ("evt.is_io", EVENTS, &["true", "true", "false", "-"]),
    ("evt.is_io_read", EVENTS, &["true", "true", "false", "-"]),
    ("evt.is_io_write", EVENTS, &["false", "false", "false", "-"]),
    ("evt.io_dir", EVENTS, &["read", "read", "-", "-"]),
    ("evt.is_wait", EVENTS, &["false", "false", "false", "-"]),
    ("evt.buflen", EVENTS, &["5", "-", "-", "-"]),
    ("evt.buffer", EVENTS, &["hello", "-", "-", "-"]),
    ("evt.count", EVENTS, &["1"; 4]),
    ("fd.num", EVENTS, &["6", "6", "6", "-"]),
    ("fd.dev", EVENTS, &["8388609", "8388609", "8388609", "-"]),
    ("fd.name", EVENTS, &["/tmp/blob", "/tmp/blob", "-", "-"]),
    ("fd.type", EVENTS, &["file", "file", "-", "-"]),
    ("fd.directory", EVENTS, &["/tmp", "/tmp", "-", "-"]),
    ("fd.filename", EVENTS, &["blob", "blob", "-", "-"]),
    ("thread.ismain", EVENTS, &["false"; 4]),
    ("proc.duration", EVENTS, &["80ns", "80ns", "80ns", "100ns"]),
    ("proc.name", EVENTS, &["shop"; 4]),
    ("thread.tid", EVENTS, &["8"; 4]),
];

/// Those that no event of the fixture has a socket for, or that are read as those of other subjects are.
const AS_OTHERS: [&str; 7] = ["fd.l", "fd.r", "fd.s", "fd.c", "fd.ip", "fd.port", "proc."];

fn rows() -> impl Iterator<
    Item = &'static (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
    ),
> {
    WANT.iter().chain(OF_EVENTS)
}

#[test]
fn every_field_of_each_subject() {
    let mut seen = HashSet::new();
    for (name, subjects, want) in rows() {
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
            let tested = rows().filter(|(name, ..)| {
                let field: Field = name.parse().unwrap();
                field.info().to_string() == info.to_string()
            });
            let kind_of = |subject: &str| match subject {
                "read" | "write" | "futex" => Subject::Call,
                "segment" => Subject::Segment,
                "closed" | "lost" | "open" => Subject::Span,
                "simple" | "json" => Subject::Marker,
                "evt" | "evt>" | "evt late" | "evt failed" | "tracer" => Subject::Event,
                _ => Subject::Process,
            };
            let mut subjects = tested.flat_map(|(_, subjects, _)| subjects.iter());
            let aname = info.to_string() == "proc.aname[n]";
            let mut others = AS_OTHERS
                .iter()
                .chain(&["user.", "container.", "k8s.", "systemd."]);
            let as_others =
                kind == Subject::Event && others.any(|prefix| info.name.starts_with(prefix));
            // What a call of a segment has no record of.
            let dev = info.name == "fd.dev" && kind == Subject::Call;
            assert!(
                aname || as_others || dev || subjects.any(|subject| kind_of(subject) == kind),
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
        for (name, ..) in rows() {
            let field: Field = name.parse().unwrap();
            field.each(at, &mut |value| {
                let is = match value {
                    Value::Absent => panic!("{name} gives nothing as a value"),
                    Value::Text(text) => {
                        assert!(!text.is_empty(), "{name}");
                        Type::Text
                    }
                    Value::Number(_) if field.info().type_ == Type::Size => Type::Size,
                    Value::Number(_) => Type::Number,
                    Value::Address(_) => Type::Address,
                    Value::Call(_) => Type::Call,
                    Value::Duration(_) => Type::Duration,
                    Value::Time(_) => Type::Time,
                    Value::Boolean(_) => Type::Boolean,
                    Value::Integer(_) => Type::Integer,
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
