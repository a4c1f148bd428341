//! Fields of the files that calls are made on.

use std::net::SocketAddr;

use super::super::info::{Info, Source};
use super::super::key::KeyKind;
use super::super::value::{Type, Value};
use crate::facts::file::{Ends, File};

pub(super) const FIELDS: &[Info] = &[
    Info {
        name: "fd.name",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::File,
        meaning: "path or address of the file the call was made on",
        get: |at, _| at.file().map(|file| &*file.name).into(),
    },
    Info {
        name: "fd.type",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::File,
        meaning: "kind of the file: file, directory, ipv4, ipv6, unix, pipe, eventfd, tty …",
        get: |at, _| at.file().map(|file| file.kind.name().as_bytes()).into(),
    },
    Info {
        name: "fd.directory",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::File,
        meaning: "directory of the file",
        get: |at, _| at.file().and_then(File::directory).into(),
    },
    Info {
        name: "fd.filename",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::File,
        meaning: "name of the file in its directory",
        get: |at, _| at.file().and_then(filename).into(),
    },
    Info {
        name: "fd.l4proto",
        key: KeyKind::None,
        type_: Type::Text,
        source: Source::File,
        meaning: "protocol of a socket: tcp, udp, icmp, raw …",
        get: |at, _| at.ends().map(|ends| ends.protocol.as_bytes()).into(),
    },
    Info {
        name: "fd.lip",
        key: KeyKind::None,
        type_: Type::Address,
        source: Source::File,
        meaning: "address of this end of a socket",
        get: |at, _| address(at.ends().map(|ends| ends.local)),
    },
    Info {
        name: "fd.lport",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::File,
        meaning: "port of this end of a socket",
        get: |at, _| port(at.ends().map(|ends| ends.local)),
    },
    Info {
        name: "fd.rip",
        key: KeyKind::None,
        type_: Type::Address,
        source: Source::File,
        meaning: "address of the other end of a socket",
        get: |at, _| address(at.ends().and_then(|ends| ends.remote)),
    },
    Info {
        name: "fd.rport",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::File,
        meaning: "port of the other end of a socket",
        get: |at, _| port(at.ends().and_then(|ends| ends.remote)),
    },
    Info {
        name: "fd.sip",
        key: KeyKind::None,
        type_: Type::Address,
        source: Source::File,
        meaning: "address of the server's end of a socket: the one with a port below 32768",
        get: |at, _| address(at.ends().and_then(Ends::server)),
    },
    Info {
        name: "fd.sport",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::File,
        meaning: "port of the server's end of a socket: the one below 32768",
        get: |at, _| port(at.ends().and_then(Ends::server)),
    },
    Info {
        name: "fd.cip",
        key: KeyKind::None,
        type_: Type::Address,
        source: Source::File,
        meaning: "address of the client's end of a socket, where the server's is known",
        get: |at, _| address(at.ends().and_then(Ends::client)),
    },
    Info {
        name: "fd.cport",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::File,
        meaning: "port of the client's end of a socket, where the server's is known",
        get: |at, _| port(at.ends().and_then(Ends::client)),
    },
    Info {
        name: "fd.dev",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Call,
        meaning: "number of the device that the file is on: major << 20 | minor",
        get: |at, _| at.file_id().map(|id| id.dev).into(),
    },
    Info {
        name: "fd.ip",
        key: KeyKind::None,
        type_: Type::Address,
        source: Source::Ends,
        meaning: "address of either end of a socket",
        get: |at, _| address(at.one_end().copied()),
    },
    Info {
        name: "fd.port",
        key: KeyKind::None,
        type_: Type::Number,
        source: Source::Ends,
        meaning: "port of either end of a socket",
        get: |at, _| port(at.one_end().copied()),
    },
];

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
