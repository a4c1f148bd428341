//! Subjects of every kind, for tests of what is read from them.

#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

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
use crate::facts::syscall::Syscall;
use crate::input::event::{Event, What};
use crate::input::full::{SyscallRecord, Text, TextKind};
use crate::input::made::Made;
use crate::input::record::{CallsRecord, FileRecord, ProcessRecord};
use crate::spans::matcher::OpenSpan;
use crate::spans::single::{Act, Innermost, Single};
use crate::spans::span::{Closed, End};

fn path(text: &str) -> Arc<TagPath> {
    Arc::new(TagPath::new(text.as_bytes(), text.split('.')))
}

/// A read from a connected socket, a write to a file and a futex, in `shop.pay` in `shop`.
pub(in crate::query) fn with(check: impl FnOnce(&Inside<'_>, Known<'_>)) {
    let mut processes = Processes::default();
    let mut record = ProcessRecord::new_zeroed();
    (record.head.pid, record.cgroup, record.ppid, record.uid) = (7, 3, 1, 1000);
    record.start = 1000;
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
        container: Some((b"till", b"till:3")),
    };
    check(&inside, known);
}

/// Each kind of subject, of the same process: the calls of [`with`], their segment, a span that has ended and one
/// that is open, a marker of each format, the process.
pub(in crate::query) fn each_subject(check: impl Fn(&str, &At<'_>)) {
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
        events(inside, known, &open, &closed, &check);
    });
}

/// A read of a file in an open span, the same at its beginning and when its span has ended, an open that failed, and the
/// marker that ended the span.
fn events(
    inside: &Inside<'_>,
    known: Known<'_>,
    open: &OpenSpan<'_>,
    closed: &Closed,
    check: &impl Fn(&str, &At<'_>),
) {
    let call = |nr, result, args: [u64; 3]| {
        let mut call = SyscallRecord::new_zeroed();
        (call.head.ts, call.head.pid, call.head.tid) = (1_080, 7, 8);
        (call.nr, call.time, call.result, call.fd, call.cpu) = (nr, 30, result, 6, 2);
        call.args[..3].copy_from_slice(&args);
        (call.file.ino, call.file.dev) = (9, 8 << 20 | 1);
        call
    };
    let spans = inside.spans.iter();
    let spans: Vec<_> = spans
        .zip([Id::Number(42), Id::Global])
        .map(|(span, id)| InSpan {
            id: Some(id),
            ..*span
        })
        .collect();
    let is = |name| Some(Syscall::of(name));
    let text = |arg, kind, bytes| Text {
        arg,
        kind: Some(kind),
        cut: false,
        bytes,
    };
    let data = text(1, TextKind::Data, &b"hello"[..]);
    let path = text(1, TextKind::String, &b"/none"[..]);
    let read = (call(0, 5, [6, 0x7f00, 64]), data, is("read"));
    let failed = (
        call(257, -2, [(-100_i64).cast_unsigned(), 0x7f00, 0]),
        path,
        is("openat"),
    );
    for (name, (record, text, syscall), innermost, enter) in [
        ("evt", &read, Innermost::Open(open), false),
        ("evt>", &read, Innermost::Open(open), true),
        ("evt late", &read, Innermost::Closed(closed), false),
        ("evt failed", &failed, Innermost::Open(open), false),
    ] {
        let mut made = Made::default();
        let event = Event::decode(made.syscall(*record, &[*text])).unwrap();
        let What::Syscall { call, texts, .. } = event.what else {
            panic!("{event:?}")
        };
        let act = Act::Syscall {
            call,
            no_return: false,
            texts,
        };
        let single = Single {
            ts: event.ts,
            pid: 7,
            tid: 8,
            act,
            process: inside.process,
            file: inside.files[if name == "evt failed" { 2 } else { 1 }].as_ref(),
            spans: &spans,
            innermost: Some(innermost),
        };
        let seen = Seen {
            number: 3,
            began: 1_000,
            before: 1_070,
            wall: 500,
            syscall: syscall.as_ref(),
            enter,
            wide: [&spans, &spans[..1], &spans[1..]],
        };
        check(name, &At::event(&single, &seen, known));
    }
    let marker = nulltrace_spec::parse(b"<:42:shop.pay:status=500:").unwrap();
    let single = Single {
        ts: 1_100,
        pid: 7,
        tid: 8,
        act: Act::Marker {
            marker: &marker,
            bytes: b"",
        },
        process: inside.process,
        file: None,
        spans: &spans,
        innermost: Some(Innermost::Closed(closed)),
    };
    let seen = Seen {
        number: 4,
        began: 1_000,
        before: 1_080,
        wall: 500,
        syscall: None,
        enter: false,
        wide: [&spans, &spans[..1], &spans[1..]],
    };
    check("tracer", &At::event(&single, &seen, known));
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
