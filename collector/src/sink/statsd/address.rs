//! Where the server is, and a socket to it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{StatsdError, bad};

/// The port of statsd.
pub const DEFAULT_PORT: u16 = 8125;
/// How long one datagram may wait for a Unix socket's reader, who holds up no other sink by it.
const SEND_TIMEOUT: Duration = Duration::from_millis(200);

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// UDP.
    Udp {
        /// Name or IP address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix datagram socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Udp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Address {
    /// Reads `HOST[:PORT]`, `[IPV6][:PORT]`, an IPv6 address alone, or `unix:PATH`.
    ///
    /// ```
    /// use nulltrace_collector::sink::statsd::Address;
    ///
    /// assert_eq!(Address::parse("localhost").unwrap().to_string(), "localhost:8125");
    /// assert_eq!(Address::parse("[::1]:9125").unwrap().to_string(), "[::1]:9125");
    /// assert!(Address::parse("localhost:http").is_err());
    /// ```
    ///
    /// # Errors
    /// [`StatsdError::Config`] for the key `address`.
    pub fn parse(text: &str) -> Result<Self, StatsdError> {
        let wrong = || {
            bad(
                "address",
                text,
                "give HOST:PORT, [IPV6]:PORT or unix:PATH".into(),
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(wrong()),
                _ => Ok(Self::Unix(path.into())),
            };
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
                host.parse::<Ipv6Addr>().map_err(|_| wrong())?;
                let port = match after {
                    "" => None,
                    _ => Some(after.strip_prefix(':').ok_or_else(wrong)?),
                };
                (host, port)
            }
            None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = match port.map(str::parse) {
            None => DEFAULT_PORT,
            Some(Ok(port)) if port != 0 => port,
            Some(_) => return Err(wrong()),
        };
        if host.is_empty() || host.bytes().any(|b| b.is_ascii_whitespace()) {
            return Err(wrong());
        }
        Ok(Self::Udp {
            host: host.into(),
            port,
        })
    }
}

/// A UDP socket that hears when its server refuses, and the server's address.
///
/// Only a connected socket hears it. IPv4 is tried first: statsd servers listen there unless configured
/// otherwise, while `localhost` is `::1` first on most machines.
pub(super) fn open_udp(host: &str, port: u16) -> Result<(UdpSocket, SocketAddr), StatsdError> {
    let mut found: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|source| StatsdError::Resolve {
            host: host.into(),
            source,
        })?
        .collect();
    found.sort_by_key(SocketAddr::is_ipv6);

    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for server in found {
        match connect(server) {
            Ok(socket) => return Ok((socket, server)),
            Err(error) => failure = error,
        }
    }
    Err(StatsdError::Open {
        address: format!("{host}:{port}"),
        source: failure,
    })
}

fn connect(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(socket)
}

/// A Unix socket for sending to `path`. Nothing need listen there yet: it stays unconnected, so the path is looked
/// up for each datagram, and a server that makes its socket later, or anew, is found.
///
/// # Errors
/// No server could ever take datagrams there: the path is too long, is forbidden, or is no datagram socket.
pub(super) fn open_unix(path: &PathBuf) -> io::Result<UnixDatagram> {
    use io::ErrorKind::{ConnectionRefused, NotFound};

    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if !matches!(error.kind(), NotFound | ConnectionRefused) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1:8125"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("stats.example:8126", "stats.example:8126"),
            ("::1", "[::1]:8125"),
            ("[::1]", "[::1]:8125"),
            ("[fe80::1]:9", "[fe80::1]:9"),
            ("unix:/run/statsd.sock", "unix:/run/statsd.sock"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
        for text in [
            "", ":8125", "a:", "a:0", "a:65536", "a:b", "a:1:2", "[::1", "[::1]x", "[a]:1", "[]:1",
            "unix:", "a b:1",
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with("bad value for statsd.address: "),
                "{error}"
            );
        }
    }

    #[test]
    fn an_unknown_host_is_named() {
        let error = open_udp("no-such-host.invalid", 8125)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(": no-such-host.invalid; correct statsd.address"),
            "{error}"
        );
    }
}
