//! Fields of threads and processes, their users, ancestors and cgroups.

use std::borrow::Cow;

use super::super::at::At;
use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use crate::facts::ancestor::Ancestor;
use crate::facts::container::Place;
use crate::facts::process::Process;

/// A chain of ancestors has no last one: who is far enough back is not known.
const NUMBER: KeyKind = KeyKind::Number { from_last: false };

pub(super) const FIELDS: &[Info] = &[
    Info {
        name: "proc.name",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Process,
        meaning: "command name of the process",
        get: |at, _| comm(at).into(),
    },
    Info {
        name: "proc.pid",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Process,
        meaning: "process id, as the host numbers it",
        get: |at, _| at.pid().into(),
    },
    Info {
        name: "thread.tid",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Thread,
        meaning: "thread id, as the host numbers it",
        get: |at, _| at.tid().into(),
    },
    Info {
        name: "proc.exe",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Process,
        meaning: "file name of the executable",
        get: |at, _| at.facts().map(|process| &*process.exe).into(),
    },
    Info {
        name: "proc.cmdline",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Process,
        meaning: "command line: its arguments joined by spaces, the first 512 bytes",
        get: |at, _| at.facts().map_or(Value::Absent, command),
    },
    Info {
        name: "proc.ppid",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Ancestor,
        meaning: "process id of the parent",
        get: |at, _| parent_id(at).into(),
    },
    Info {
        name: "proc.pname",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Ancestor,
        meaning: "command name of the parent",
        get: |at, _| ancestor(at, 1).map(|of| &*of.name).into(),
    },
    Info {
        name: "proc.apid",
        key: NUMBER,
        type_: Type::Number,
        source: Source::Ancestor,
        meaning: "process id of an ancestor: 0 is the process itself, 1 its parent",
        get: |at, key| match key.number() {
            0 => at.pid().into(),
            1 => parent_id(at).into(),
            n => ancestor(at, n).map(|of| of.pid).into(),
        },
    },
    Info {
        name: "proc.aname",
        key: NUMBER,
        type_: Type::Text,
        source: Source::Ancestor,
        meaning: "command name of an ancestor: 0 is the process itself, 1 its parent",
        get: |at, key| match key.number() {
            0 => comm(at).into(),
            n => ancestor(at, n).map(|of| &*of.name).into(),
        },
    },
    Info {
        name: "proc.apid",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Ancestors,
        meaning: "process id of each ancestor",
        get: |at, _| at.one_ancestor().map(|of| of.pid).into(),
    },
    Info {
        name: "proc.aname",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Ancestors,
        meaning: "command name of each ancestor",
        get: |at, _| at.one_ancestor().map(|of| &*of.name).into(),
    },
    Info {
        name: "proc.cgroup",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "path of the cgroup",
        get: |at, _| cgroup(at).into(),
    },
    Info {
        name: "user.uid",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Process,
        meaning: "real user id",
        get: |at, _| at.facts().map(|process| process.uid).into(),
    },
    Info {
        name: "user.name",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::User,
        meaning: "name of the user",
        get: |at, _| at.known().user.into(),
    },
    Info {
        name: "container.id",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "first 12 characters of the container's id, or its name",
        get: |at, _| place(at).and_then(|place| place.short_id()).into(),
    },
    Info {
        name: "container.full_id",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "whole id of the container",
        get: |at, _| place(at).and_then(|place| place.id).into(),
    },
    Info {
        name: "container.type",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "what runs the container: docker, containerd, cri-o, podman, lxc …",
        get: |at, _| {
            let runtime = place(at).and_then(|place| place.runtime);
            runtime.map(|runtime| runtime.name().as_bytes()).into()
        },
    },
    Info {
        name: "container.name",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Container,
        meaning: "name of the container, of docker, podman and containerd where their state files can be read",
        get: |at, _| at.known().container.map(|(name, _)| name).into(),
    },
    Info {
        name: "container.image",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Container,
        meaning: "name of its image, in the same way",
        get: |at, _| at.known().container.map(|(_, image)| image).into(),
    },
    Info {
        name: "k8s.pod.uid",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "uid of the pod",
        get: |at, _| {
            let uid = place(at).and_then(|place| place.pod_uid());
            uid.map_or(Value::Absent, Value::text)
        },
    },
    Info {
        name: "systemd.unit",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "unit of systemd: nginx.service, session-2.scope …",
        get: |at, _| place(at).and_then(|place| place.unit).into(),
    },
];

fn comm<'a>(at: &At<'a>) -> Option<&'a [u8]> {
    at.facts().map(|process| &*process.comm)
}

/// From the parent, who is 1.
fn ancestor<'a>(at: &At<'a>, n: i16) -> Option<&'a Ancestor> {
    let n = usize::try_from(n).ok()?.checked_sub(1)?;
    at.known().parent?.chain().nth(n)
}

fn parent_id(at: &At<'_>) -> Option<u32> {
    let reported = || at.facts().map(|process| process.ppid);
    ancestor(at, 1).map(|of| of.pid).or_else(reported)
}

fn command(process: &Process) -> Value<'_> {
    let args = process.command.strip_suffix(b"\0");
    let args = args.unwrap_or(&process.command);
    Value::text(match args.contains(&0) {
        true => args
            .iter()
            .map(|&byte| if byte == 0 { b' ' } else { byte })
            .collect(),
        false => Cow::Borrowed(args),
    })
}

fn cgroup<'a>(at: &At<'a>) -> Option<&'a [u8]> {
    let reported = at.facts().map(|process| &*process.cgroup_path);
    // Where containers are in hierarchies of version 1, all are in the root of version 2.
    reported
        .filter(|path| !matches!(*path, b"" | b"/"))
        .or(at.known().cgroup)
        .or(reported)
}

fn place<'a>(at: &At<'a>) -> Option<Place<'a>> {
    cgroup(at).map(Place::read)
}
