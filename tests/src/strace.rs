//! What strace saw inside spans: `strace -f -qq -yy -T -e signal=none`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Calls of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// What they read from the file.
    pub bytes_in: u64,
    /// What they wrote to it.
    pub bytes_out: u64,
    /// How long they took, nanoseconds: more than they really did, as strace looks from outside.
    pub time: u64,
}

/// What was called while a span was the innermost of its thread, by the span's path.
#[derive(Debug, Default)]
pub struct Seen {
    /// By span and system call.
    pub calls: BTreeMap<(String, String), Sum>,
    /// By span and file; all Unix sockets are one.
    pub files: BTreeMap<(String, String), Sum>,
}

/// How a call's descriptors stand in its line.
enum Fds {
    First,
    Result,
    Last,
    /// Bytes go from the one to the other.
    FromTo,
    ToFrom,
}

const IN: [&str; 8] = [
    "read",
    "pread64",
    "readv",
    "preadv",
    "preadv2",
    "recvfrom",
    "recvmsg",
    "getdents64",
];
const OUT: [&str; 7] = [
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg",
];

impl Seen {
    /// Reads a whole trace.
    ///
    /// # Panics
    /// A line is not what strace writes.
    #[must_use]
    pub fn read(trace: &str) -> Self {
        let mut seen = Self::default();
        let mut open: Vec<(&str, String)> = Vec::new();
        let lines = joined(trace);
        for line in lines.lines() {
            let (tid, line) = line.split_once(' ').expect("a thread");
            let line = line.trim_start();
            if let Some((enters, path)) = marker(line) {
                if enters {
                    open.push((tid, path.to_owned()));
                } else {
                    let of = |own: bool| {
                        let mut open = open.iter();
                        open.rposition(|(by, open)| open == path && (!own || *by == tid))
                    };
                    let at = of(true).or_else(|| of(false)).expect("an open span");
                    open.remove(at);
                }
            } else if let Some((_, span)) = open.iter().rev().find(|(by, _)| *by == tid) {
                seen.call(span, line);
            }
        }
        seen
    }

    fn call(&mut self, span: &str, line: &str) {
        let (Some((name, _)), Some((args, result))) =
            (line.split_once('('), line.rsplit_once(" = "))
        else {
            return;
        };
        // One that never returned.
        if result.trim() == "?" {
            return;
        }
        let (result, time) = result.rsplit_once(" <").expect("a time");
        let seconds: f64 = time.trim_end_matches('>').parse().expect("seconds");
        let moved: i64 = result
            .split([' ', '<'])
            .next()
            .map_or(0, |n| n.parse().unwrap_or(0));
        let moved = moved.max(0).unsigned_abs();
        let one = Sum {
            count: 1,
            time: (seconds * 1e9) as u64,
            ..Sum::default()
        };
        let (read, written) = (
            Sum {
                bytes_in: moved,
                ..one
            },
            Sum {
                bytes_out: moved,
                ..one
            },
        );
        let plain = match name {
            name if IN.contains(&name) || name == "getrandom" => read,
            name if OUT.contains(&name) => written,
            "sendfile" | "splice" | "copy_file_range" => written,
            _ => one,
        };
        add(&mut self.calls, span, name, plain);
        let mut on = |fd: Option<&str>, sum| {
            if let Some(file) = fd.and_then(file) {
                add(&mut self.files, span, &file, sum);
            }
        };
        let fds: Vec<&str> = described(args);
        let first = args
            .split_once('(')
            .is_some_and(|(_, args)| begins_described(args));
        let kind = match name {
            "openat" | "open" | "memfd_create" => Fds::Result,
            "mmap" => Fds::Last,
            "splice" | "copy_file_range" => Fds::FromTo,
            "sendfile" => Fds::ToFrom,
            _ => Fds::First,
        };
        match kind {
            Fds::First => on(fds.first().copied().filter(|_| first), plain),
            Fds::Last => on(fds.last().copied(), plain),
            Fds::Result => on(described(result).first().copied(), plain),
            Fds::FromTo => {
                on(fds.first().copied(), read);
                on(fds.last().copied(), written);
            }
            Fds::ToFrom => {
                on(fds.first().copied(), written);
                on(fds.last().copied(), read);
            }
        }
    }
}

fn add(to: &mut BTreeMap<(String, String), Sum>, span: &str, what: &str, one: Sum) {
    let sum = to.entry((span.to_owned(), what.to_owned())).or_default();
    sum.count += one.count;
    sum.bytes_in += one.bytes_in;
    sum.bytes_out += one.bytes_out;
    sum.time += one.time;
}

/// Whether the marker that this line writes enters, and its path; `None` if it writes none.
fn marker(line: &str) -> Option<(bool, &str)> {
    let text = line.strip_prefix("write(")?.split('"').nth(1)?;
    let mut parts = text.split(':');
    let enters = match parts.next()? {
        ">" => true,
        "<" => false,
        _ => return None,
    };
    Some((enters, parts.nth(1)?))
}

fn begins_described(args: &str) -> bool {
    let rest = args.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < args.len() && rest.starts_with('<')
}

/// What stands in angles behind the numbers of descriptors.
fn described(args: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = args;
    while let Some(at) = rest.find('<') {
        let number = rest[..at].ends_with(|c: char| c.is_ascii_digit());
        let inside = &rest[at + 1..];
        // An arrow between two addresses ends nothing.
        let ends = inside
            .match_indices('>')
            .map(|(end, _)| end)
            .find(|&end| !inside[..end].ends_with('-') && !inside[end + 1..].starts_with('>'));
        match ends {
            Some(end) if number => {
                found.push(&inside[..end]);
                rest = &inside[end..];
            }
            _ => rest = inside,
        }
    }
    found
}

/// The name nulltrace gives to what strace describes so.
fn file(described: &str) -> Option<String> {
    let plain = described.split('<').next()?.trim_end_matches(" (deleted)");
    if let Some(name) = plain.strip_prefix("anon_inode:") {
        return Some(name.to_owned());
    }
    if plain.starts_with("signalfd:") {
        return Some("[signalfd]".to_owned());
    }
    if plain.starts_with("UNIX") {
        return Some("unix".to_owned());
    }
    if let Some(name) = plain.strip_prefix("/memfd:") {
        return Some(format!("memfd:{name}"));
    }
    for protocol in ["TCP:[", "TCPv6:[", "UDP:[", "UDPv6:["] {
        if let Some(ends) = plain.strip_prefix(protocol) {
            let ends = ends.strip_suffix(']').unwrap_or(ends);
            let ends: Vec<String> = ends.split("->").map(address).collect();
            return Some(ends.join("->"));
        }
    }
    Some(plain.to_owned())
}

/// A version 4 address in one of version 6 is what it is.
fn address(text: &str) -> String {
    match text.parse::<SocketAddr>() {
        Ok(at) => SocketAddr::new(at.ip().to_canonical(), at.port()).to_string(),
        Err(_) => text.to_owned(),
    }
}

/// `PID call(… <unfinished ...>` and `PID <... call resumed>…` on one line.
fn joined(trace: &str) -> String {
    let mut waiting: BTreeMap<&str, &str> = BTreeMap::new();
    let mut lines = String::new();
    for line in trace.lines() {
        let pid = line.split(' ').next().unwrap_or_default();
        if let Some(begun) = line.strip_suffix(" <unfinished ...>") {
            waiting.insert(pid, begun);
        } else if let Some((_, rest)) = line.split_once(" resumed>") {
            lines += waiting.remove(pid).unwrap_or(pid);
            lines += rest;
            lines.push('\n');
        } else {
            lines += line;
            lines.push('\n');
        }
    }
    lines
}
