//! The table.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::def::{At, Info, Source, Type, Value};
use crate::facts::ancestor::Ancestor;
use crate::facts::container::Place;
use crate::facts::file::{Ends, File};
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::record::CallsRecord;

/// Every field there is.
pub static FIELDS: &[Info] = &[
    Info {
        name: "span.tags",
        type_: Type::Text,
        source: Source::Span,
        meaning: "tags of the innermost span, joined by dots",
        get: |at, _| innermost(at).map(TagPath::canonical).into(),
    },
    Info {
        name: "span.tag[n]",
        type_: Type::Text,
        source: Source::Span,
        meaning: "one tag of the innermost span, from 0; from the last if n is negative",
        get: |at, n| innermost(at).and_then(|path| tag(path, n)).into(),
    },
    Info {
        name: "evtin.span.tags",
        type_: Type::Text,
        source: Source::Enclosing,
        meaning: "tags of each span the call was made in",
        get: |at, _| at.enclosing.map(TagPath::canonical).into(),
    },
    Info {
        name: "evtin.span.tag[n]",
        type_: Type::Text,
        source: Source::Enclosing,
        meaning: "one tag of each span the call was made in",
        get: |at, n| at.enclosing.and_then(|path| tag(path, n)).into(),
    },
    Info {
        name: "evt.type",
        type_: Type::Call,
        source: Source::Call,
        meaning: "the system call",
        get: |at, _| call(at).map_or(Value::Absent, |of| Value::Call(of.nr)),
    },
    Info {
        name: "fd.name",
        type_: Type::Text,
        source: Source::File,
        meaning: "path or address of the file the call was made on",
        get: |at, _| file(at).map(|file| &*file.name).into(),
    },
    Info {
        name: "fd.type",
        type_: Type::Text,
        source: Source::File,
        meaning: "what it is: file, directory, ipv4, ipv6, unix, pipe, eventfd, tty …",
        get: |at, _| file(at).map(|file| file.kind.name().as_bytes()).into(),
    },
    Info {
        name: "fd.directory",
        type_: Type::Text,
        source: Source::File,
        meaning: "the directory it lies in",
        get: |at, _| file(at).and_then(File::directory).into(),
    },
    Info {
        name: "fd.filename",
        type_: Type::Text,
        source: Source::File,
        meaning: "its name there",
        get: |at, _| file(at).and_then(filename).into(),
    },
    Info {
        name: "fd.l4proto",
        type_: Type::Text,
        source: Source::File,
        meaning: "protocol of a socket: tcp, udp, icmp, raw …",
        get: |at, _| ends(at).map(|ends| ends.protocol.as_bytes()).into(),
    },
    Info {
        name: "fd.lip",
        type_: Type::Address,
        source: Source::File,
        meaning: "address of this end of a socket",
        get: |at, _| address(ends(at).map(|ends| ends.local)),
    },
    Info {
        name: "fd.lport",
        type_: Type::Number,
        source: Source::File,
        meaning: "port of this end of a socket",
        get: |at, _| port(ends(at).map(|ends| ends.local)),
    },
    Info {
        name: "fd.rip",
        type_: Type::Address,
        source: Source::File,
        meaning: "address of the other end",
        get: |at, _| address(ends(at).and_then(|ends| ends.remote)),
    },
    Info {
        name: "fd.rport",
        type_: Type::Number,
        source: Source::File,
        meaning: "port of the other end",
        get: |at, _| port(ends(at).and_then(|ends| ends.remote)),
    },
    Info {
        name: "fd.sip",
        type_: Type::Address,
        source: Source::File,
        meaning: "address of the server's end, where the ports tell: the one below 32768",
        get: |at, _| address(ends(at).and_then(Ends::server)),
    },
    Info {
        name: "fd.sport",
        type_: Type::Number,
        source: Source::File,
        meaning: "port of the server's end, where the ports tell: the one below 32768",
        get: |at, _| port(ends(at).and_then(Ends::server)),
    },
    Info {
        name: "fd.cip",
        type_: Type::Address,
        source: Source::File,
        meaning: "address of the client's end, where the ports tell",
        get: |at, _| address(ends(at).and_then(Ends::client)),
    },
    Info {
        name: "fd.cport",
        type_: Type::Number,
        source: Source::File,
        meaning: "port of the client's end, where the ports tell",
        get: |at, _| port(ends(at).and_then(Ends::client)),
    },
    Info {
        name: "fd.ip",
        type_: Type::Address,
        source: Source::Ends,
        meaning: "address of either end, for conditions",
        get: |at, _| address(at.end),
    },
    Info {
        name: "fd.port",
        type_: Type::Number,
        source: Source::Ends,
        meaning: "port of either end, for conditions",
        get: |at, _| port(at.end),
    },
    Info {
        name: "proc.name",
        type_: Type::Text,
        source: Source::Process,
        meaning: "command name of the process",
        get: |at, _| process(at).map(|process| &*process.comm).into(),
    },
    Info {
        name: "proc.pid",
        type_: Type::Number,
        source: Source::Process,
        meaning: "process id, as the machine has it",
        get: |at, _| at.inside.pid.into(),
    },
    Info {
        name: "thread.tid",
        type_: Type::Number,
        source: Source::Process,
        meaning: "thread id, as the machine has it",
        get: |at, _| at.inside.tid.into(),
    },
    Info {
        name: "proc.exe",
        type_: Type::Text,
        source: Source::Process,
        meaning: "file name of the executable",
        get: |at, _| process(at).map(|process| &*process.exe).into(),
    },
    Info {
        name: "proc.cmdline",
        type_: Type::Text,
        source: Source::Process,
        meaning: "the command line, its arguments joined by spaces, the first 512 bytes",
        get: |at, _| process(at).map_or(Value::Absent, command),
    },
    Info {
        name: "proc.ppid",
        type_: Type::Number,
        source: Source::Ancestor,
        meaning: "process id of the parent",
        get: |at, _| parent_id(at).into(),
    },
    Info {
        name: "proc.pname",
        type_: Type::Text,
        source: Source::Ancestor,
        meaning: "command name of the parent",
        get: |at, _| ancestor(at, 1).map(|of| &*of.name).into(),
    },
    Info {
        name: "proc.apid[n]",
        type_: Type::Number,
        source: Source::Ancestor,
        meaning: "process id of an ancestor: of the process itself if n is 0, of its parent if n is 1",
        get: |at, n| match n {
            0 => at.inside.pid.into(),
            1 => parent_id(at).into(),
            n => ancestor(at, n).map(|of| of.pid).into(),
        },
    },
    Info {
        name: "proc.aname[n]",
        type_: Type::Text,
        source: Source::Ancestor,
        meaning: "command name of an ancestor, by the same count",
        get: |at, n| match n {
            0 => process(at).map(|process| &*process.comm).into(),
            n => ancestor(at, n).map(|of| &*of.name).into(),
        },
    },
    Info {
        name: "proc.apid",
        type_: Type::Number,
        source: Source::Ancestors,
        meaning: "process id of any ancestor, for conditions",
        get: |at, _| at.ancestor.map(|of| of.pid).into(),
    },
    Info {
        name: "proc.aname",
        type_: Type::Text,
        source: Source::Ancestors,
        meaning: "command name of any ancestor, for conditions",
        get: |at, _| at.ancestor.map(|of| &*of.name).into(),
    },
    Info {
        name: "proc.cgroup",
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "path of the cgroup",
        get: |at, _| cgroup(at).into(),
    },
    Info {
        name: "user.uid",
        type_: Type::Number,
        source: Source::Process,
        meaning: "real user id",
        get: |at, _| process(at).map(|process| process.uid).into(),
    },
    Info {
        name: "user.name",
        type_: Type::Text,
        source: Source::User,
        meaning: "name of the user",
        get: |at, _| at.known.user.into(),
    },
    Info {
        name: "container.id",
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "first 12 characters of the container's id, or its name",
        get: |at, _| place(at).and_then(|place| place.short_id()).into(),
    },
    Info {
        name: "container.full_id",
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "all of the container's id",
        get: |at, _| place(at).and_then(|place| place.id).into(),
    },
    Info {
        name: "container.type",
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "what runs the container: docker, containerd, cri-o, podman, lxc …",
        get: |at, _| {
            let runtime = place(at).and_then(|place| place.runtime);
            runtime.map(|runtime| runtime.name().as_bytes()).into()
        },
    },
    Info {
        name: "k8s.pod.uid",
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
        type_: Type::Text,
        source: Source::Cgroup,
        meaning: "the unit of systemd: nginx.service, session-2.scope …",
        get: |at, _| place(at).and_then(|place| place.unit).into(),
    },
];

fn innermost<'a>(at: &At<'a>) -> Option<&'a TagPath> {
    at.inside.innermost().map(|span| &**span.path)
}

fn tag(path: &TagPath, n: i16) -> Option<&[u8]> {
    let tags = path.segments();
    let at = match usize::try_from(n) {
        Ok(at) => at,
        Err(_) => tags.len().checked_sub(n.unsigned_abs().into())?,
    };
    tags.get(at).map(|tag| &**tag)
}

fn call<'a>(at: &At<'a>) -> Option<&'a CallsRecord> {
    at.inside.calls.get(at.call)
}

fn file<'a>(at: &At<'a>) -> Option<&'a File> {
    at.inside.files.get(at.call)?.as_deref()
}

fn ends<'a>(at: &At<'a>) -> Option<&'a Ends> {
    file(at)?.ends.as_ref()
}

fn address<'a>(end: Option<SocketAddr>) -> Value<'a> {
    end.map_or(Value::Absent, |end| Value::Address(end.ip()))
}

fn port<'a>(end: Option<SocketAddr>) -> Value<'a> {
    end.map(|end| u32::from(end.port())).into()
}

fn filename(file: &File) -> Option<&[u8]> {
    // Of what has no directory the name says nothing that `fd.name` does not.
    file.directory()?;
    file.name.rsplit(|&byte| byte == b'/').next()
}

fn process<'a>(at: &At<'a>) -> Option<&'a Process> {
    at.inside.process.map(|process| &**process)
}

/// From the parent, who is 1.
fn ancestor<'a>(at: &At<'a>, n: i16) -> Option<&'a Ancestor> {
    let n = usize::try_from(n).ok()?.checked_sub(1)?;
    at.known.parent?.chain().nth(n)
}

fn parent_id(at: &At<'_>) -> Option<u32> {
    let told = || process(at).map(|process| process.ppid);
    ancestor(at, 1).map(|of| of.pid).or_else(told)
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
    let told = process(at).map(|process| &*process.cgroup_path);
    // Where containers are in hierarchies of version 1, all are in the root of version 2.
    told.filter(|path| !matches!(*path, b"" | b"/"))
        .or(at.known.cgroup)
        .or(told)
}

fn place<'a>(at: &At<'a>) -> Option<Place<'a>> {
    cgroup(at).map(Place::read)
}
