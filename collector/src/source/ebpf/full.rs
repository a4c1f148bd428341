//! Reports to the kernel programs what the arguments of system calls are, where every call is to be reported.

use aya::Ebpf;
use aya::maps::{Array, MapError};
use nulltrace_core::facts::signature::{self, Arg, Kind, Signature};
use nulltrace_core::input::full::ARGS;
use syscalls::Sysno;

use super::error::EbpfError;

/// `struct nt_signature` of `collector/bpf/full.h`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct SignatureValue {
    args: u8,
    fd: u8,
    texts: u8,
    unused: u8,
    kinds: [u8; ARGS],
    sizes: [u8; ARGS],
}

// SAFETY: numbers without padding.
unsafe impl aya::Pod for SignatureValue {}

/// `NT_FD_RESULT`.
const FD_RESULT: u8 = 7;

/// `enum nt_texts`.
const TEXTS_AT_RETURN: u8 = 1;
const TEXTS_AT_ENTRY: u8 = 2;

/// The map of signatures.
pub(super) const SIGNATURES: &str = "signatures";

/// Calls that return a descriptor and are about no other; those that `calls.h` has need not be here.
const RETURNING: [&str; 23] = [
    "epoll_create",
    "epoll_create1",
    "eventfd",
    "eventfd2",
    "fanotify_init",
    "fsmount",
    "fsopen",
    "fspick",
    "inotify_init",
    "inotify_init1",
    "io_uring_setup",
    "landlock_create_ruleset",
    "memfd_secret",
    "mq_open",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pidfd_open",
    "signalfd4",
    "socket",
    "socketpair",
    "timerfd_create",
    "userfaultfd",
];

/// Arguments that are directories which a path begins at.
const DIRECTORIES: [&str; 5] = ["dfd", "olddfd", "newdfd", "from_dfd", "to_dfd"];

/// Calls of which an argument is a list of pieces of memory, and which.
const PIECES: [(&str, usize); 6] = [
    ("preadv", 1),
    ("preadv2", 1),
    ("pwritev", 1),
    ("pwritev2", 1),
    ("readv", 1),
    ("writev", 1),
];

/// Calls of which an argument is a `struct msghdr`, and which.
const MESSAGES: [(&str, usize); 2] = [("recvmsg", 1), ("sendmsg", 1)];

/// `enum nt_arg_kind`.
const DATA: u8 = 5;
const A_PIECES: u8 = 6;
const A_MESSAGE: u8 = 7;

impl SignatureValue {
    /// With `data`, what is read and written is reported too.
    fn new(name: &str, of: &Signature, data: bool) -> Self {
        let mut value = Self {
            args: of.args.len() as u8 + 1,
            fd: fd(name, of),
            ..Self::default()
        };
        let places = value.kinds.iter_mut().zip(&mut value.sizes);
        for (n, (arg, (kind, size))) in of.args.iter().zip(places).enumerate() {
            (*kind, *size) = text(n, *arg);
            if PIECES.contains(&(name, n)) {
                *kind = A_PIECES;
            } else if MESSAGES.contains(&(name, n)) {
                *kind = A_MESSAGE;
            }
            if *kind >= DATA && !data {
                *kind = 0;
            }
        }
        let at_entry = of.args.iter().any(|arg| arg.kind == Kind::Strings);
        value.texts = match value.kinds.iter().any(|&kind| kind != 0) {
            true if at_entry => TEXTS_AT_ENTRY,
            true => TEXTS_AT_RETURN,
            false => 0,
        };
        value
    }
}

/// Which argument is the descriptor that the call is about, as `calls.h` has it.
fn fd(name: &str, of: &Signature) -> u8 {
    if RETURNING.contains(&name) {
        return FD_RESULT;
    }
    let is_fd = |arg: &Arg| arg.kind == Kind::Fd && !DIRECTORIES.contains(&arg.name);
    let at = of.args.iter().position(is_fd);
    at.map_or(0, |at| at as u8 + 1)
}

/// `enum nt_arg_kind`, and the argument that has the size.
fn text(n: usize, arg: Arg) -> (u8, u8) {
    match arg.kind {
        Kind::String => (1, 0),
        Kind::Strings => (2, 0),
        Kind::Address {
            size,
            at_pointer: false,
        } => (3, size),
        Kind::Address {
            size,
            at_pointer: true,
        } => (4, size),
        Kind::Written { size } => (DATA, size),
        // What has room for bytes is followed by the size of that.
        Kind::Read => (DATA, n as u8 + 1),
        _ => (0, 0),
    }
}

/// Fills in the map.
pub(super) fn set_signatures(ebpf: &mut Ebpf, data: bool) -> Result<(), EbpfError> {
    let map = ebpf
        .map_mut(SIGNATURES)
        .ok_or_else(|| MapError::InvalidName {
            name: SIGNATURES.into(),
        })?;
    let mut map = Array::<_, SignatureValue>::try_from(map)?;
    for call in Sysno::iter() {
        let nr = call.id().cast_unsigned();
        if let Some(of) = signature::of(call.name())
            && nr < map.len()
        {
            map.set(nr, SignatureValue::new(call.name(), of, data), 0)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> SignatureValue {
        SignatureValue::new(name, signature::of(name).unwrap(), true)
    }

    #[test]
    fn what_a_call_is_about() {
        let fds = ["socket", "signalfd4", "epoll_ctl", "renameat", "getpid"].map(|of| value(of).fd);
        assert_eq!(fds, [FD_RESULT, FD_RESULT, 1, 0, 0]);
    }

    #[test]
    fn what_is_read_of_its_arguments() {
        let exec = value("execve");
        assert_eq!((exec.args, exec.texts), (4, TEXTS_AT_ENTRY));
        assert_eq!(exec.kinds, [1, 2, 0, 0, 0, 0]);
        let accept = value("accept4");
        assert_eq!((accept.kinds[1], accept.sizes[1]), (4, 2));
        assert_eq!(value("close").texts, 0);
        let read = value("read");
        assert_eq!((read.kinds[1], read.sizes[1]), (DATA, 2));
        let without = SignatureValue::new("read", signature::of("read").unwrap(), false);
        assert_eq!((without.kinds, without.texts), ([0; 6], 0));
    }

    #[test]
    fn all_of_them_have_a_place() {
        let last = Sysno::iter().map(|call| call.id()).max();
        assert!(last < Some(512), "NT_SIGNATURES is too small: {last:?}");
    }

    #[test]
    fn behind_room_for_bytes_is_its_size() {
        for (name, of) in signature::all() {
            let reads = of.args.iter().position(|arg| arg.kind == Kind::Read);
            let size = reads.map(|at| of.args[at + 1]);
            assert!(
                size.is_none_or(|size| ["count", "size", "bufsiz"].contains(&size.name)),
                "{name}"
            );
        }
        for (name, at) in PIECES.into_iter().chain(MESSAGES) {
            assert_eq!(
                signature::of(name).unwrap().args[at].kind,
                Kind::Pointer,
                "{name}"
            );
        }
    }

    #[test]
    fn those_that_return_a_descriptor_exist() {
        for name in RETURNING {
            assert!(signature::of(name).is_some(), "{name}");
        }
    }
}
