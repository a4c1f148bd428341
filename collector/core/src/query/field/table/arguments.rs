//! The arguments of single events, as text.

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::facts::errno;
use crate::facts::file::{File, FileKind};
use crate::facts::signature::{Arg, Kind};
use crate::facts::syscall::Syscall;
use crate::input::full::{SyscallRecord, Text, TextKind, Texts};
use crate::query::field::seen::Seen;
use crate::spans::single::{Act, Single};

use super::text::joined;

/// Bytes of data that are shown within a line; a field of their own has all of them.
const DATA_SHOWN: usize = 80;
/// The largest number of an error.
const ERRORS: u64 = 4095;

/// Takes the name and the value of each argument, until it does not want more.
type Take<'t> = dyn FnMut(&str, &[u8]) -> bool + 't;

/// Gives each argument, by its name.
pub(super) fn each(event: &Single<'_>, seen: &Seen<'_>, take: &mut Take<'_>) {
    let mut value = Vec::with_capacity(32);
    match event.act {
        Act::Syscall { call, texts, .. } => {
            if let Some(syscall) = seen.syscall {
                of_call((call, texts), syscall, (event.file, seen.enter), take);
            }
        }
        Act::Marker { marker, .. } => {
            let _ = write!(value, "{}", marker.id);
            let args = joined(marker.args.iter());
            let more = take("id", &value) && take("tags", &marker.tags.canonical());
            let _ = more && !args.is_empty() && take("args", &args);
        }
        Act::Switch(switch) => {
            let next = [("next_pid", switch.next_pid), ("next", switch.next_tid)];
            numbers(&next, &mut value, take);
            take("state", state(switch.state).as_bytes());
        }
        Act::Wakeup { wakeup, new } => {
            let woken = [("pid", wakeup.pid), ("tid", wakeup.tid)];
            numbers(&woken, &mut value, take);
            take("new", if new { b"1" } else { b"0" });
        }
        Act::Block(block) => {
            let _ = write!(value, "{}:{}", block.dev >> 20, block.dev & 0xf_ffff);
            let mut go_on = take("dev", &value);
            let op = match block.op & 0xff {
                0 => "read",
                1 => "write",
                2 => "flush",
                3 => "discard",
                _ => "other",
            };
            go_on = go_on && take("op", op.as_bytes());
            for (name, number) in [
                ("sector", block.sector),
                ("bytes", block.bytes.into()),
                ("queued", block.queued),
            ] {
                value.clear();
                let _ = write!(value, "{number}");
                go_on = go_on && take(name, &value);
            }
        }
        Act::Irq { irq, .. } => {
            let _ = write!(value, "{}", irq.irq);
            let name = irq.name.split(|byte| *byte == 0).next();
            let _ = take("irq", &value) && take("name", name.unwrap_or_default());
        }
    }
}

fn numbers(of: &[(&str, u32)], value: &mut Vec<u8>, take: &mut Take<'_>) {
    for (name, number) in of {
        value.clear();
        let _ = write!(value, "{number}");
        if !take(name, value) {
            return;
        }
    }
}

/// What a thread that left a cpu waits for, by the lowest bits of its state in the kernel.
const fn state(bits: u32) -> &'static str {
    match bits & 0x7f {
        0 => "runnable",
        1 => "sleeping",
        2 => "uninterruptible",
        4 => "stopped",
        8 => "traced",
        _ => "dead",
    }
}

/// What is known of the file a call is on, and whether this is the beginning of the call.
type On<'a> = (Option<&'a std::sync::Arc<File>>, bool);

fn of_call(
    (call, texts): (&SyscallRecord, &[u8]),
    syscall: &Syscall,
    (file, enter): On<'_>,
    take: &mut Take<'_>,
) {
    let args = syscall.signature.map_or(&[][..], |of| &of.args);
    let mut value = Vec::with_capacity(64);
    for ((arg, number), at) in args.iter().zip(call.args).zip(0..) {
        // What the kernel writes is there at the return only.
        if enter && arg.kind == Kind::Read {
            continue;
        }
        value.clear();
        let text = Texts::of(texts).find(|text| text.arg == at);
        argument(
            arg,
            number,
            text.as_ref(),
            (call.fd, file.map(|file| &**file)),
            &mut value,
        );
        if !take(arg.name, &value) {
            return;
        }
    }
}

fn argument(
    arg: &Arg,
    number: u64,
    text: Option<&Text<'_>>,
    (fd, file): (i32, Option<&File>),
    to: &mut Vec<u8>,
) {
    if let Some(text) = text {
        return shown(text, to);
    }
    // Writing to a vector does not fail.
    let _ = match arg.kind {
        Kind::Fd => {
            let number = low(number);
            descriptor(number, file.filter(|_| number == fd), to);
            Ok(())
        }
        Kind::Int => write!(to, "{}", signed(number)),
        Kind::Uint => write!(to, "{number}"),
        Kind::Mode => write!(to, "0{number:o}"),
        Kind::Hex => write!(to, "{number:#x}"),
        _ if number == 0 => write!(to, "NULL"),
        _ => write!(to, "{number:#x}"),
    };
}

/// The low half: what an `int` is.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the upper half of the register has no meaning"
)]
const fn low(number: u64) -> i32 {
    number as u32 as i32
}

/// A signed number; where it was put into the register as 32 bits, a small negative one has no upper half.
fn signed(number: u64) -> i64 {
    match u32::try_from(number) {
        Ok(half) if half >= 0xffff_f000 => half.cast_signed().into(),
        _ => number.cast_signed(),
    }
}

/// A descriptor, and what it is.
pub(super) fn descriptor(fd: i32, file: Option<&File>, to: &mut Vec<u8>) {
    const AT_FDCWD: i32 = -100;
    if fd == AT_FDCWD {
        to.extend_from_slice(b"AT_FDCWD");
        return;
    }
    let _ = write!(to, "{fd}");
    if let Some(file) = file {
        let _ = write!(to, "(<{}>", letter(file));
        to.extend_from_slice(&file.name);
        to.push(b')');
    }
}

/// What sort of file, as sysdig writes it.
fn letter(file: &File) -> &'static str {
    let protocol = file.ends.as_ref().map_or("", |ends| ends.protocol);
    match (file.kind, protocol) {
        (FileKind::File, _) => "f",
        (FileKind::Directory, _) => "d",
        (FileKind::Ipv4, "tcp") => "4t",
        (FileKind::Ipv4, "udp") => "4u",
        (FileKind::Ipv4, _) => "4r",
        (FileKind::Ipv6, "tcp") => "6t",
        (FileKind::Ipv6, "udp") => "6u",
        (FileKind::Ipv6, _) => "6r",
        (FileKind::Unix, _) => "u",
        (FileKind::Pipe | FileKind::Fifo, _) => "p",
        (FileKind::Event, _) => "e",
        (FileKind::Epoll, _) => "l",
        (FileKind::Inotify, _) => "i",
        (FileKind::Timer, _) => "t",
        (FileKind::Signal, _) => "s",
        (FileKind::Netlink, _) => "n",
        _ => "o",
    }
}

fn shown(text: &Text<'_>, to: &mut Vec<u8>) {
    let (mut bytes, mut cut) = (text.bytes, text.cut);
    match text.kind {
        Some(TextKind::Strings) => {
            let words = bytes.strip_suffix(b"\0").unwrap_or(bytes);
            to.extend(
                words
                    .iter()
                    .map(|&byte| if byte == 0 { b' ' } else { byte }),
            );
        }
        Some(TextKind::Address) => address(bytes, to),
        kind => {
            if kind == Some(TextKind::Data)
                && let Some(some) = bytes.get(..DATA_SHOWN)
            {
                cut |= some.len() < bytes.len();
                bytes = some;
            }
            to.extend_from_slice(bytes);
        }
    }
    if cut {
        to.extend_from_slice("…".as_bytes());
    }
}

/// A `struct sockaddr`.
fn address(bytes: &[u8], to: &mut Vec<u8>) {
    let word = |at: usize| bytes.get(at..at + 2)?.try_into().ok();
    let family = word(0).map(u16::from_ne_bytes);
    let port = word(2).map_or(0, u16::from_be_bytes);
    let _ = match family {
        Some(1) => {
            let path = bytes.get(2..).unwrap_or_default();
            let path = match path {
                // One that is in no directory begins with a NUL.
                [0, rest @ ..] if !rest.is_empty() => {
                    to.push(b'@');
                    rest
                }
                path => path,
            };
            to.extend_from_slice(path.strip_suffix(b"\0").unwrap_or(path));
            Ok(())
        }
        Some(2) => match bytes.get(4..8).and_then(|ip| <[u8; 4]>::try_from(ip).ok()) {
            Some(ip) => write!(to, "{}:{port}", Ipv4Addr::from(ip)),
            None => Ok(()),
        },
        Some(10) => match bytes
            .get(8..24)
            .and_then(|ip| <[u8; 16]>::try_from(ip).ok())
        {
            Some(ip) => write!(to, "[{}]:{port}", Ipv6Addr::from(ip)),
            None => Ok(()),
        },
        Some(family) => write!(to, "family {family}"),
        None => Ok(()),
    };
}

/// What was read or written.
pub(super) fn data<'a>(event: &Single<'a>) -> Option<&'a [u8]> {
    let Act::Syscall { texts, .. } = event.act else {
        return None;
    };
    let mut texts = Texts::of(texts);
    texts
        .find(|text| text.kind == Some(TextKind::Data))
        .map(|text| text.bytes)
}

/// The number of its error, if the call failed.
pub(super) fn error(call: &SyscallRecord) -> Option<u32> {
    let number = call.result.unsigned_abs();
    let failed = call.result < 0 && number <= ERRORS;
    failed.then(|| u32::try_from(number).unwrap_or_default())
}

/// The result of a call: a number, a descriptor, or an error by its number and name.
pub(super) fn result(
    event: &Single<'_>,
    call: &SyscallRecord,
    syscall: &Syscall,
    to: &mut Vec<u8>,
) {
    if let Some(number) = error(call) {
        let name = errno::name(number).unwrap_or("unknown");
        let _ = write!(to, "-{number}({name})");
        return;
    }
    let is_new = event.file.is_some() && i64::from(call.fd) == call.result && call.fd >= 0;
    let args = syscall.signature.map_or(&[][..], |of| &of.args);
    let is_argument = args
        .iter()
        .zip(call.args)
        .any(|(arg, number)| arg.kind == Kind::Fd && low(number) == call.fd);
    if is_new && !is_argument {
        return descriptor(call.fd, event.file.map(|file| &**file), to);
    }
    let addresses = ["mmap", "brk", "mremap", "shmat"];
    let _ = match addresses.contains(&&*syscall.name) {
        true => write!(to, "{:#x}", call.result),
        false => write!(to, "{}", call.result),
    };
}
