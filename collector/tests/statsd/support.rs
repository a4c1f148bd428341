//! Spans to send, sockets to receive them, and real servers to start.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nulltrace_collector::sink::SinkCounts;
use nulltrace_collector::sink::statsd::{Statsd, StatsdConfig};
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::facts::process::Process;
use nulltrace_core::spans::span::{Closed, End};
use nulltrace_spec::Id;

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn path(tags: &[&[u8]]) -> Arc<TagPath> {
    Arc::new(TagPath::new(&tags.join(&b'.'), tags))
}

pub(crate) fn span(tags: &Arc<TagPath>, ns: u64) -> Closed {
    Closed {
        seq: 1,
        parent: None,
        parent_tags: None,
        tags: Arc::clone(tags),
        id: Id::None,
        enter_args: Default::default(),
        exit_args: Default::default(),
        pid: 1,
        tid: 1,
        process: Some(Process::named(b"shop")),
        start: 1_000,
        end: 1_000 + ns,
        how: End::Exit,
        child_ns: 0,
        child_hits: 0,
        times: None,
    }
}

/// A config for a raw receiver: at a pace that a starved reader's socket buffer survives.
pub(crate) fn config(address: &str) -> StatsdConfig {
    StatsdConfig {
        address: address.into(),
        datagrams_per_second: 2_000,
        ..StatsdConfig::default()
    }
}

/// given, sent, lost, skipped
pub(crate) fn read(counts: &SinkCounts) -> [u64; 4] {
    [&counts.given, &counts.sent, &counts.lost, &counts.skipped].map(|c| c.load(Ordering::Relaxed))
}

/// Closes the sink and checks that its account holds.
pub(crate) fn close(statsd: Statsd) -> [u64; 4] {
    let counts = statsd.counts();
    statsd.close(PATIENCE);
    let [given, sent, lost, skipped] = read(&counts);
    assert_eq!(given, sent + lost + skipped);
    [given, sent, lost, skipped]
}

pub(crate) fn udp_server() -> (UdpSocket, String) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&server, 4 << 20).unwrap();
    let address = server.local_addr().unwrap().to_string();
    (server, address)
}

/// Datagrams until none has come for 300 ms.
pub(crate) fn receive_udp(server: &UdpSocket) -> Vec<String> {
    server
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    receive(|buffer| server.recv(buffer).ok())
}

pub(crate) fn receive(mut next: impl FnMut(&mut [u8]) -> Option<usize>) -> Vec<String> {
    let mut buffer = vec![0; 1 << 16];
    let mut out = Vec::new();
    while let Some(length) = next(&mut buffer) {
        out.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    out
}

/// The lines of datagrams that each end with a whole line.
pub(crate) fn lines(datagrams: &[String]) -> Vec<&str> {
    for datagram in datagrams {
        assert!(datagram.ends_with('\n'), "{datagram:?}");
    }
    datagrams.iter().flat_map(|d| d.lines()).collect()
}

/// How often each line came.
pub(crate) fn tally<'a>(lines: impl IntoIterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut out = BTreeMap::new();
    for line in lines {
        *out.entry(line).or_default() += 1;
    }
    out
}

/// A UDP and TCP port nobody has now.
pub(crate) fn free_port() -> u16 {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    server.local_addr().unwrap().port()
}

pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "no {what} within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server's process, ended with the test.
pub(crate) struct Server(pub(crate) Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn consumers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/consumers")
}

/// Whether a test whose consumer is missing may be passed over; says so.
pub(crate) fn skip(missing: &str) {
    let reason = format!("{missing} is not installed; tests/consumers/install.sh installs it");
    assert!(
        std::env::var_os("NULLTRACE_REQUIRE_CONSUMERS").is_none(),
        "{reason}"
    );
    eprintln!("skipped: {reason}");
}
