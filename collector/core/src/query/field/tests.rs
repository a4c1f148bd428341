use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use zerocopy::FromZeros;

use super::*;
use crate::activity::{InSpan, Inside, Times};
use crate::facts::ancestor::Ancestor;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::facts::process::Processes;
use crate::input::record::{CallsRecord, FileRecord, ProcessRecord};
use crate::query::condition::{BadCondition, Condition};

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
    let inside = Inside {
        pid: 7,
        tid: 8,
        process: processes.get(7),
        spans: &[InSpan::of_path(&inner), InSpan::of_path(&outer)],
        wide: false,
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

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Absent => "-".to_owned(),
        Value::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        Value::Number(n) => n.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Call(nr) => format!("#{nr}"),
    }
}

#[test]
fn every_field_of_each_call() {
    with(|inside, known| {
        let enclosing = Some(&**inside.spans[1].path);
        let values = |name: &str| {
            let field: Field = name.parse().unwrap();
            let value = |call| {
                shown(&field.get(&At {
                    inside,
                    known,
                    call,
                    enclosing,
                    ancestor: None,
                    end: None,
                }))
            };
            (0..3).map(value).collect::<Vec<_>>().join(" ")
        };
        let id = "ab".repeat(32);
        let mut met = HashSet::new();
        for (name, want) in [
            ("span.tags", "shop.pay shop.pay shop.pay"),
            ("span.tag[0]", "shop shop shop"),
            ("span.tag[-1]", "pay pay pay"),
            ("span.tag[2]", "- - -"),
            ("span.tag[-3]", "- - -"),
            ("span.tag[-32768]", "- - -"),
            ("evtin.span.tags", "shop shop shop"),
            ("evtin.span.tag[1]", "- - -"),
            ("evt.type", "#0 #1 #202"),
            ("fd.name", "127.0.0.1:8888->10.0.0.9:50412 /tmp/blob -"),
            ("fd.type", "ipv4 file -"),
            ("fd.directory", "- /tmp -"),
            ("fd.filename", "- blob -"),
            ("fd.l4proto", "tcp - -"),
            ("fd.lip", "127.0.0.1 - -"),
            ("fd.lport", "8888 - -"),
            ("fd.rip", "10.0.0.9 - -"),
            ("fd.rport", "50412 - -"),
            ("fd.sip", "127.0.0.1 - -"),
            ("fd.sport", "8888 - -"),
            ("fd.cip", "10.0.0.9 - -"),
            ("fd.cport", "50412 - -"),
            ("fd.ip", "- - -"),
            ("fd.port", "- - -"),
            ("proc.name", "shop shop shop"),
            ("proc.pid", "7 7 7"),
            ("thread.tid", "8 8 8"),
            ("proc.exe", "/usr/bin/shop /usr/bin/shop /usr/bin/shop"),
            ("proc.cmdline", "shop --all shop --all shop --all"),
            // Not the 1 of the facts: its parent ended, and it has a guardian.
            ("proc.ppid", "5 5 5"),
            ("proc.pname", "make make make"),
            ("proc.apid[0]", "7 7 7"),
            ("proc.apid[1]", "5 5 5"),
            ("proc.apid[2]", "1 1 1"),
            ("proc.apid[3]", "- - -"),
            ("proc.aname[0]", "shop shop shop"),
            ("proc.aname[1]", "make make make"),
            ("proc.aname[2]", "init init init"),
            ("proc.aname[3]", "- - -"),
            ("proc.apid", "- - -"),
            ("proc.aname", "- - -"),
            ("proc.cgroup", &[&*format!("/docker/{id}"); 3].join(" ")),
            ("user.uid", "1000 1000 1000"),
            ("user.name", "ada ada ada"),
            ("container.id", "abababababab abababababab abababababab"),
            ("container.full_id", &[&*id; 3].join(" ")),
            ("container.type", "docker docker docker"),
            ("k8s.pod.uid", "- - -"),
            ("systemd.unit", "- - -"),
        ] {
            assert_eq!(values(name), want, "{name}");
            met.insert(name.parse::<Field>().unwrap().info().name);
        }
        assert_eq!(met.len(), FIELDS.len(), "a field is not tested");
    });
}

#[test]
fn the_root_says_less_than_what_was_found() {
    for (told, found, want) in [
        (&b"a\0"[..], Some(&b"/b"[..]), "/a"),
        (b"\0", Some(b"/b"), "/b"),
        (b"\0", None, "/"),
    ] {
        let mut processes = Processes::default();
        let mut record = ProcessRecord::new_zeroed();
        (record.head.pid, record.cgroup) = (7, 3);
        processes.cgroup(3, told);
        let _ = processes.learn(&record);
        let inside = Inside {
            pid: 7,
            tid: 7,
            process: processes.get(7),
            spans: &[],
            wide: false,
            times: &Times::NONE,
            calls: &[],
            files: &[],
        };
        let known = Known {
            cgroup: found,
            ..Known::default()
        };
        let field: Field = "proc.cgroup".parse().unwrap();
        let value = field.get(&At {
            inside: &inside,
            known,
            call: 0,
            enclosing: None,
            ancestor: None,
            end: None,
        });
        assert_eq!(shown(&value), want);
    }
}

#[test]
fn nothing_known_is_nothing_told() {
    let inside = Inside {
        pid: 7,
        tid: 8,
        process: None,
        spans: &[],
        wide: false,
        times: &Times::NONE,
        calls: &[],
        files: &[],
    };
    let at = At {
        inside: &inside,
        known: Known::default(),
        call: 0,
        enclosing: None,
        ancestor: None,
        end: None,
    };
    for info in FIELDS {
        let value = (info.get)(&at, 0);
        let numbers = ["proc.pid", "thread.tid", "proc.apid[n]"].contains(&info.name);
        assert_eq!(value != Value::Absent, numbers, "{}", info.name);
    }
}

#[test]
fn values_are_of_the_fields_type() {
    with(|inside, known| {
        for info in FIELDS {
            for call in 0..3 {
                let at = At {
                    inside,
                    known,
                    call,
                    enclosing: None,
                    ancestor: None,
                    end: None,
                };
                let is = match (info.get)(&at, 0) {
                    Value::Absent => continue,
                    Value::Text(_) => Type::Text,
                    Value::Number(_) => Type::Number,
                    Value::Address(_) => Type::Address,
                    Value::Call(_) => Type::Call,
                };
                assert_eq!(is, info.type_, "{}", info.name);
            }
        }
    });
}

#[test]
fn names() {
    for info in FIELDS {
        let number = match info.source {
            Source::Ancestor => "[2]",
            _ => "[-2]",
        };
        let text = info.name.replace("[n]", number);
        let field: Field = text.parse().unwrap();
        assert_eq!(field.to_string(), text);
        assert_eq!(field, text.parse().unwrap());
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
        "]",
        "[0]",
    ] {
        assert_eq!(bad.parse::<Field>(), Err(NoField), "{bad}");
    }
}

#[test]
fn conditions() {
    let number = |name: &str| (name == "write").then_some(1);
    with(|inside, known| {
        let holds = |text: &str| -> Vec<usize> {
            let condition = Condition::parse(text, &number).unwrap();
            (0..3)
                .filter(|&call| {
                    condition.holds(&At {
                        inside,
                        known,
                        call,
                        enclosing: None,
                        ancestor: None,
                        end: None,
                    })
                })
                .collect()
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
            ("span.tags=shop", &[]),
            ("proc.cmdline=shop --all", &[0, 1, 2]),
            ("fd.name=a=b", &[]),
            ("fd.port=8888", &[0]),
            ("fd.port=50412", &[0]),
            ("fd.port!=50412", &[1, 2]),
            ("fd.port=", &[1, 2]),
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
            assert_eq!(holds(text), want, "{text}");
        }
    });
    for (text, why) in [
        ("fd.type", BadCondition::Operator),
        ("", BadCondition::Operator),
        ("=", BadCondition::Field),
        ("!=", BadCondition::Field),
        ("fd.typ=file", BadCondition::Field),
        ("fd.lport=x", BadCondition::Value(Type::Number)),
        ("fd.rip=localhost", BadCondition::Value(Type::Address)),
        ("evt.type=wrote", BadCondition::Value(Type::Call)),
    ] {
        assert_eq!(Condition::parse(text, &number), Err(why), "{text}");
    }
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
