//! Files by the names that a person reads.

use crate::facts::file::{File, FileKind};

/// The name of a file, not yet safe.
pub(super) fn name(file: &File) -> Vec<u8> {
    let arrow = match file.kind {
        FileKind::Ipv4 | FileKind::Ipv6 => file.name.windows(2).position(|two| two == b"->"),
        // Anything else may be a path that has such an arrow in it.
        FileKind::Unix if file.name.starts_with(b"->") => Some(0),
        _ => None,
    };
    match arrow {
        Some(at) => [&file.name[..at], "→".as_bytes(), &file.name[at + 2..]].concat(),
        None => file.name.to_vec(),
    }
}

/// What a socket speaks.
pub(super) fn protocol(file: &File) -> &'static str {
    match &file.ends {
        Some(ends) => ends.protocol,
        None => file.kind.name(),
    }
}
