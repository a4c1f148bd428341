//! What the files are that system calls are made on: their kinds and names.
//!
//! The kernel reports a file once, ahead of the first segment with calls on it. Its record may be lost,
//! and is forgotten when others were used since: then a file is known by its numbers alone.
//!
//! ```
//! use nulltrace_core::facts::file::{File, FileKind};
//! use nulltrace_core::input::record::FileRecord;
//! use zerocopy::FromZeros;
//!
//! let mut record = FileRecord::new_zeroed();
//! record.mode = 0o100_644;
//! let file = File::read(&record, b"blob.bin.4\0tmp\0");
//! assert_eq!((file.kind, &file.name[..]), (FileKind::File, &b"/tmp/blob.bin.4"[..]));
//! assert_eq!(file.directory(), Some(&b"/tmp"[..]));
//! ```

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::facts::recent::Recent;
use crate::input::record::{FLAG_DELETED, FLAG_PEERS, FLAG_SHORTENED, FileId, FileRecord, Head};
use crate::input::snapshot::{KIND_NAMED, NamedRecord};
use crate::input::write::{RecordWriter, padded};

/// How many files are remembered, at least; at most twice as many. The kernel remembers fewer.
const REMEMBERED: usize = 1 << 17;

const ANON_INODE_FS: u32 = 0x0904_1934;
const PIPE_FS: u32 = 0x5049_5045;
const NULL: u32 = 1 << 20 | 3;
/// Majors of terminals: the consoles, /dev/tty and the pseudo terminals.
const TTY_MAJORS: [core::ops::RangeInclusive<u32>; 2] = [4..=5, 136..=143];

/// All other protocols of Internet sockets.
const IP: &str = "ip";
/// Those that have names.
const PROTOCOLS: [&str; 7] = ["tcp", "udp", "icmp", "sctp", "udplite", "mptcp", "raw"];

/// What sort of file. [`FileKind::name`] is the field `fd.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A socket of the Internet protocols, version 4.
    Ipv4,
    /// Of version 6.
    Ipv6,
    /// A Unix socket.
    Unix,
    /// A netlink socket.
    Netlink,
    /// Any other socket.
    Socket,
    /// A pipe.
    Pipe,
    /// A named pipe.
    Fifo,
    /// An eventfd.
    Event,
    /// An epoll instance.
    Epoll,
    /// A timerfd.
    Timer,
    /// A signalfd.
    Signal,
    /// An inotify instance.
    Inotify,
    /// Any other of the kernel's anonymous files.
    Anonymous,
    /// Memory with a descriptor.
    Memfd,
    /// A terminal.
    Tty,
    /// The null device.
    Null,
    /// Any other character device.
    Char,
    /// A block device.
    Block,
    /// No record of it came.
    Unknown,
    /// Not one file, but all for which a segment had no room.
    Other,
}

impl FileKind {
    const ALL: [Self; 22] = [
        Self::File,
        Self::Directory,
        Self::Ipv4,
        Self::Ipv6,
        Self::Unix,
        Self::Netlink,
        Self::Socket,
        Self::Pipe,
        Self::Fifo,
        Self::Event,
        Self::Epoll,
        Self::Timer,
        Self::Signal,
        Self::Inotify,
        Self::Anonymous,
        Self::Memfd,
        Self::Tty,
        Self::Null,
        Self::Char,
        Self::Block,
        Self::Unknown,
        Self::Other,
    ];

    /// The name of the kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
            Self::Netlink => "netlink",
            Self::Socket => "socket",
            Self::Pipe => "pipe",
            Self::Fifo => "fifo",
            Self::Event => "eventfd",
            Self::Epoll => "epoll",
            Self::Timer => "timerfd",
            Self::Signal => "signalfd",
            Self::Inotify => "inotify",
            Self::Anonymous => "anon",
            Self::Memfd => "memfd",
            Self::Tty => "tty",
            Self::Null => "null",
            Self::Char => "char",
            Self::Block => "block",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }

    /// Whether it is a socket.
    #[must_use]
    pub const fn is_socket(self) -> bool {
        matches!(
            self,
            Self::Ipv4 | Self::Ipv6 | Self::Unix | Self::Netlink | Self::Socket
        )
    }
}

/// The two ends of an Internet socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// `tcp`, `udp`, ….
    pub protocol: &'static str,
    /// This end.
    pub local: SocketAddr,
    /// The other; `None` while it is not connected.
    pub remote: Option<SocketAddr>,
}

/// The first of the ports that kernels give to who asks for none.
const EPHEMERAL: u16 = 32_768;

impl Ends {
    /// The server's end, by the ports: a server's is below 32768, and its clients' are of those that
    /// kernels give to who asks for none, which begin there. Of a socket that is not connected it is this one.
    ///
    /// ```
    /// use nulltrace_core::facts::file::Ends;
    ///
    /// let ends = |local: &str, remote: &str| Ends {
    ///     protocol: "tcp",
    ///     local: local.parse().unwrap(),
    ///     remote: remote.parse().ok(),
    /// };
    /// let accepted = ends("10.0.0.1:443", "10.0.0.9:50412");
    /// assert_eq!(accepted.server(), Some(accepted.local));
    /// assert_eq!(accepted.client(), accepted.remote);
    /// assert_eq!(ends("10.0.0.1:179", "10.0.0.9:179").server(), None);
    /// ```
    #[must_use]
    pub fn server(&self) -> Option<SocketAddr> {
        let serves = |end: &SocketAddr| (1..EPHEMERAL).contains(&end.port());
        match (serves(&self.local), self.remote) {
            (true, None) => Some(self.local),
            (true, Some(remote)) if !serves(&remote) => Some(self.local),
            (false, Some(remote)) if serves(&remote) => Some(remote),
            _ => None,
        }
    }

    /// The client's end, where the server's is known and there is one.
    #[must_use]
    pub fn client(&self) -> Option<SocketAddr> {
        match self.server()? == self.local {
            true => self.remote,
            false => Some(self.local),
        }
    }

    /// Both ends, this one first.
    pub fn each(&self) -> impl Iterator<Item = &SocketAddr> {
        [&self.local].into_iter().chain(&self.remote)
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct File {
    /// What sort.
    pub kind: FileKind,
    /// Its path or address, as a person would write it; bytes of others, never trusted.
    pub name: Arc<[u8]>,
    /// The ends of an Internet socket.
    pub ends: Option<Ends>,
}

impl File {
    /// From the kernel's record and the names behind it.
    #[must_use]
    pub fn read(record: &FileRecord, names: &[u8]) -> Self {
        let kind = kind(record, names);
        let ends = ends(record, kind);
        let ino = record.id.ino;
        let name = match kind {
            FileKind::Ipv4 | FileKind::Ipv6 => {
                let text = match ends {
                    Some(Ends {
                        local,
                        remote: Some(remote),
                        ..
                    }) => format!("{local}->{remote}"),
                    Some(Ends { local, .. }) => local.to_string(),
                    None => format!("socket:[{ino}]"),
                };
                text.into_bytes()
            }
            FileKind::Unix => unix(record, names),
            FileKind::Netlink | FileKind::Socket => format!("socket:[{ino}]").into_bytes(),
            FileKind::Pipe => format!("pipe:[{ino}]").into_bytes(),
            FileKind::Event
            | FileKind::Epoll
            | FileKind::Timer
            | FileKind::Signal
            | FileKind::Inotify
            | FileKind::Anonymous => last(names).to_vec(),
            FileKind::Memfd => last(names).to_vec(),
            _ => path(record, names),
        };
        Self {
            kind,
            name: name.into(),
            ends,
        }
    }

    /// All the files for which a segment had no room.
    #[must_use]
    pub fn other() -> Self {
        Self {
            kind: FileKind::Other,
            name: b"(other files)"[..].into(),
            ends: None,
        }
    }

    /// A file of which no record came.
    #[must_use]
    pub fn unknown(id: FileId) -> Self {
        let FileId {
            ino,
            dev,
            generation,
        } = id;
        let (major, minor) = (dev >> 20, dev & 0xf_ffff);
        Self {
            kind: FileKind::Unknown,
            name: format!("inode:[{major}:{minor}:{ino}.{generation}]")
                .into_bytes()
                .into(),
            ends: None,
        }
    }

    /// From a record of a snapshot, and the name behind it.
    #[must_use]
    pub(crate) fn named(record: &NamedRecord, name: &[u8]) -> Self {
        let kind = FileKind::ALL
            .into_iter()
            .find(|kind| padded(kind.name().as_bytes()) == record.kind);
        let address = |version: u8, bytes: [u8; 16], port: u16| {
            let [a, b, c, d, ..] = bytes;
            let ip = match version {
                4 => IpAddr::from([a, b, c, d]),
                6 => IpAddr::from(bytes),
                _ => return None,
            };
            Some(SocketAddr::new(ip, port))
        };
        let protocol = PROTOCOLS
            .into_iter()
            .find(|name| padded(name.as_bytes()) == record.protocol);
        let local = address(record.local_version, record.local, record.local_port);
        Self {
            kind: kind.unwrap_or(FileKind::Unknown),
            name: name.into(),
            ends: local.map(|local| Ends {
                protocol: protocol.unwrap_or(IP),
                local,
                remote: address(record.remote_version, record.remote, record.remote_port),
            }),
        }
    }

    /// Writes it for a snapshot.
    fn write(&self, id: FileId, to: &mut RecordWriter<'_>) {
        let address = |end: Option<SocketAddr>| {
            let port = end.map_or(0, |end| end.port());
            match end.map(|end| end.ip()) {
                None => (0, [0; 16], port),
                Some(IpAddr::V4(ip)) => (4, padded(&ip.octets()), port),
                Some(IpAddr::V6(ip)) => (6, ip.octets(), port),
            }
        };
        let ends = self.ends.as_ref();
        let (local_version, local, local_port) = address(ends.map(|ends| ends.local));
        let (remote_version, remote, remote_port) = address(ends.and_then(|ends| ends.remote));
        let record = NamedRecord {
            head: Head::of(0, 0, 0),
            id,
            local,
            remote,
            local_port,
            remote_port,
            local_version,
            remote_version,
            reserved: [0; 2],
            kind: padded(self.kind.name().as_bytes()),
            protocol: padded(ends.map_or("", |ends| ends.protocol).as_bytes()),
        };
        to.write(KIND_NAMED, &record, &[&self.name]);
    }

    /// Whether it is known which file it is.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self.kind, FileKind::Unknown | FileKind::Other)
    }

    /// The directory it lies in; `None` where it has no path.
    #[must_use]
    pub fn directory(&self) -> Option<&[u8]> {
        // Of a path that is too long the beginning is left out.
        let is_path = self.name.starts_with(b"/") || self.name.starts_with(b".../");
        if !is_path || self.kind.is_socket() {
            return None;
        }
        let slash = self.name.iter().rposition(|&byte| byte == b'/')?;
        Some(&self.name[..slash.max(1)])
    }
}

fn kind(record: &FileRecord, names: &[u8]) -> FileKind {
    match i32::from(record.family) {
        0 => {}
        1 => return FileKind::Unix,
        2 => return FileKind::Ipv4,
        10 => return FileKind::Ipv6,
        16 => return FileKind::Netlink,
        _ => return FileKind::Socket,
    }
    if record.magic == ANON_INODE_FS {
        return match last(names) {
            b"[eventfd]" => FileKind::Event,
            b"[eventpoll]" => FileKind::Epoll,
            b"[timerfd]" => FileKind::Timer,
            b"[signalfd]" => FileKind::Signal,
            b"inotify" => FileKind::Inotify,
            _ => FileKind::Anonymous,
        };
    }
    let major = record.rdev >> 20;
    match record.mode & 0o170_000 {
        0o010_000 if record.magic == PIPE_FS => FileKind::Pipe,
        0o010_000 => FileKind::Fifo,
        0o020_000 if record.rdev == NULL => FileKind::Null,
        0o020_000 if TTY_MAJORS.iter().any(|majors| majors.contains(&major)) => FileKind::Tty,
        0o020_000 => FileKind::Char,
        0o040_000 => FileKind::Directory,
        0o060_000 => FileKind::Block,
        0o140_000 => FileKind::Socket,
        0o100_000 if last(names).starts_with(b"memfd:") => FileKind::Memfd,
        0o100_000 => FileKind::File,
        _ => FileKind::Unknown,
    }
}

fn ends(record: &FileRecord, kind: FileKind) -> Option<Ends> {
    let address = |bytes: [u8; 16], port| -> SocketAddr {
        let [a, b, c, d, ..] = bytes;
        let ip = match kind {
            FileKind::Ipv4 => IpAddr::from([a, b, c, d]),
            // A socket of version 6 may be connected by version 4.
            _ => IpAddr::from(bytes).to_canonical(),
        };
        SocketAddr::new(ip, port)
    };
    if !matches!(kind, FileKind::Ipv4 | FileKind::Ipv6) {
        return None;
    }
    let connected = record.remote_port != 0;
    Some(Ends {
        protocol: match (record.protocol, record.type_) {
            (6, _) => "tcp",
            (17, _) => "udp",
            (1 | 58, _) => "icmp",
            (132, _) => "sctp",
            (136, _) => "udplite",
            (262, _) => "mptcp",
            (_, 3) => "raw",
            _ => IP,
        },
        local: address(record.local, record.local_port),
        remote: connected.then(|| address(record.remote, record.remote_port)),
    })
}

/// The last name, which comes first.
fn last(names: &[u8]) -> &[u8] {
    names.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn path(record: &FileRecord, names: &[u8]) -> Vec<u8> {
    let mut path = join(names, record.head.flags & FLAG_SHORTENED != 0);
    if record.head.flags & FLAG_DELETED != 0 {
        path.extend_from_slice(b" (deleted)");
    }
    path
}

/// A path from its names, the last of which comes first.
pub(crate) fn join(names: &[u8], shortened: bool) -> Vec<u8> {
    let mut path = Vec::with_capacity(names.len() + 4);
    if shortened {
        path.extend_from_slice(b"...");
    }
    let names = names.strip_suffix(b"\0").unwrap_or(names);
    for name in names.split(|&byte| byte == 0).rev() {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    path
}

/// The names that [make](join) a path.
pub(crate) fn names(path: &[u8]) -> Vec<u8> {
    let mut names = Vec::with_capacity(path.len());
    let path = path.strip_prefix(b"/").unwrap_or(path);
    for name in path.split(|&byte| byte == b'/').rev() {
        names.extend_from_slice(name);
        names.push(0);
    }
    names
}

/// As /proc/net/unix writes it: NULs of abstract names as '@'. An end without a name has that of its peer.
fn unix(record: &FileRecord, address: &[u8]) -> Vec<u8> {
    if address.is_empty() {
        return format!("socket:[{}]", record.id.ino).into_bytes();
    }
    let mut name = Vec::with_capacity(address.len() + 2);
    if record.head.flags & FLAG_PEERS != 0 {
        name.extend_from_slice(b"->");
    }
    let text = match address {
        [0, ..] => address,
        path => last(path),
    };
    name.extend(text.iter().map(|&byte| if byte == 0 { b'@' } else { byte }));
    name
}

/// The files that were reported lately.
#[derive(Debug)]
pub struct Files {
    known: Recent<FileId, Arc<File>>,
    other: Arc<File>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            known: Recent::new(REMEMBERED),
            other: Arc::new(File::other()),
        }
    }
}

impl Files {
    /// Takes in the record of a file. A socket is reported again when it is bound or connected.
    pub fn learn(&mut self, record: &FileRecord, names: &[u8]) {
        self.known
            .insert(record.id, Arc::new(File::read(record, names)));
    }

    /// Writes all that is known.
    pub(crate) fn snapshot(&self, to: &mut RecordWriter<'_>) {
        for (&id, file) in self.known.iter() {
            file.write(id, to);
        }
    }

    /// Takes in a file from a snapshot.
    pub(crate) fn restore(&mut self, record: &NamedRecord, name: &[u8]) {
        self.known
            .insert(record.id, Arc::new(File::named(record, name)));
    }

    /// The file; known by its numbers alone if no record of it came.
    pub fn get(&mut self, id: FileId) -> Arc<File> {
        if id.is_other() {
            return Arc::clone(&self.other);
        }
        match self.known.get(id) {
            Some(file) => Arc::clone(file),
            None => Arc::new(File::unknown(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    fn file(make: impl FnOnce(&mut FileRecord), names: &[u8]) -> (FileKind, String) {
        let mut record = FileRecord::new_zeroed();
        record.id.ino = 7;
        make(&mut record);
        let file = File::read(&record, names);
        (file.kind, String::from_utf8(file.name.to_vec()).unwrap())
    }

    #[test]
    fn kinds_and_names() {
        let named = |kind, name: &str| (kind, name.to_owned());
        assert_eq!(
            file(|f| f.mode = 0o100_600, b""),
            named(FileKind::File, "/")
        );
        assert_eq!(
            file(
                |f| {
                    f.mode = 0o100_600;
                    f.head.flags = FLAG_DELETED | FLAG_SHORTENED;
                },
                b"c\0b\0"
            ),
            named(FileKind::File, ".../b/c (deleted)")
        );
        assert_eq!(
            file(|f| f.mode = 0o100_777, b"memfd:buffer\0"),
            named(FileKind::Memfd, "memfd:buffer")
        );
        assert_eq!(
            file(
                |f| (f.mode, f.rdev) = (0o020_620, 136 << 20),
                b"0\0pts\0dev\0"
            ),
            named(FileKind::Tty, "/dev/pts/0")
        );
        assert_eq!(
            file(|f| (f.mode, f.magic) = (0o010_600, PIPE_FS), b"\0"),
            named(FileKind::Pipe, "pipe:[7]")
        );
        assert_eq!(
            file(|f| f.magic = ANON_INODE_FS, b"[eventpoll]\0"),
            named(FileKind::Epoll, "[eventpoll]")
        );
    }

    #[test]
    fn what_is_left_of_a_path_has_a_directory() {
        let mut record = FileRecord::new_zeroed();
        (record.mode, record.head.flags) = (0o100_600, FLAG_SHORTENED);
        let file = File::read(&record, b"c\0b\0a\0");
        assert_eq!(file.directory(), Some(&b".../a/b"[..]));
        let memory = File::read(&record, b"memfd:.../x\0");
        assert_eq!(memory.directory(), None);
    }

    #[test]
    fn sockets_are_named_by_their_ends() {
        let ipv4 = |f: &mut FileRecord| {
            (f.family, f.protocol, f.local_port) = (2, 6, 8888);
            f.local[..4].copy_from_slice(&[127, 0, 0, 1]);
        };
        assert_eq!(file(ipv4, b"").1, "127.0.0.1:8888");
        let connected = |f: &mut FileRecord| {
            ipv4(f);
            f.remote_port = 50412;
            f.remote[..4].copy_from_slice(&[127, 0, 0, 1]);
        };
        assert_eq!(file(connected, b"").1, "127.0.0.1:8888->127.0.0.1:50412");
        let ipv6 = |f: &mut FileRecord| {
            (f.family, f.local_port) = (10, 80);
            f.local[15] = 1;
        };
        assert_eq!(file(ipv6, b"").1, "[::1]:80");
        let unix = |f: &mut FileRecord| f.family = 1;
        assert_eq!(file(unix, b"/run/a.sock\0\0").1, "/run/a.sock");
        assert_eq!(file(unix, b"\0bus").1, "@bus");
        assert_eq!(file(unix, b"").1, "socket:[7]");
    }

    #[test]
    fn what_was_not_reported_has_numbers() {
        let mut files = Files::default();
        let id = FileId {
            ino: 5,
            dev: 8 << 20 | 1,
            generation: 2,
        };
        assert_eq!(&files.get(id).name[..], b"inode:[8:1:5.2]");
        let mut record = FileRecord::new_zeroed();
        (record.id, record.mode) = (id, 0o100_600);
        files.learn(&record, b"a\0");
        assert_eq!(&files.get(id).name[..], b"/a");
    }
}
