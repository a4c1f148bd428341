//! Servers that are not there, come back, or do not read.

use std::net::UdpSocket;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::{Duration, Instant};

use nulltrace_collector::sink::statsd::{Statsd, StatsdConfig};

use crate::support::{
    close, config, lines, path, read, receive, receive_udp, span, udp_server, wait_for,
};

#[test]
fn a_dead_udp_server_costs_only_its_own_data() {
    let (server, address) = udp_server();
    let mut statsd = Statsd::open(&config(&address)).unwrap();
    let counts = statsd.counts();
    let tags = path(&[b"a"]);
    let mut flush_each = |n: u64| {
        for i in 0..n {
            statsd.send(&[span(&tags, i)]);
            statsd.flush();
        }
        // a second flush books the last datagram
        wait_for("booked datagram", || {
            statsd.flush();
            let [given, sent, lost, _] = read(&counts);
            (given == sent + lost).then_some([sent, lost])
        })
    };
    assert_eq!(flush_each(20), [20, 0]);
    assert_eq!(lines(&receive_udp(&server)).len(), 20);

    drop(server);
    assert_eq!(flush_each(30), [20, 30]);

    let server = UdpSocket::bind(&address).unwrap();
    assert_eq!(flush_each(50), [70, 30]);
    assert_eq!(lines(&receive_udp(&server)).len(), 50);

    let trouble = statsd.take_trouble().unwrap().to_string();
    assert!(trouble.contains("refused"), "{trouble}");
    assert!(trouble.contains(&format!(": {address}; ")), "{trouble}");
    assert!(statsd.take_trouble().is_none());
    assert_eq!(close(statsd), [100, 70, 30, 0]);
}

#[test]
fn the_last_refusal_is_heard_at_the_end() {
    let (server, address) = udp_server();
    drop(server);
    let mut statsd = Statsd::open(&config(&address)).unwrap();
    statsd.send(&[span(&path(&[b"a"]), 1)]);
    assert_eq!(close(statsd), [1, 0, 1, 0]);
}

#[test]
fn a_unix_server_may_make_its_socket_later() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("statsd.sock");
    let address = format!("unix:{}", socket.display());
    let mut statsd = Statsd::open(&config(&address)).unwrap();
    let counts = statsd.counts();
    let tags = path(&[b"a"]);
    let mut send = || {
        statsd.send(&[span(&tags, 1)]);
        statsd.flush();
        wait_for("booked datagram", || {
            let [given, sent, lost, _] = read(&counts);
            (given == sent + lost).then_some([sent, lost])
        })
    };
    assert_eq!(send(), [0, 1]);
    let server = UnixDatagram::bind(&socket).unwrap();
    assert_eq!(send(), [1, 1]);
    server
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let datagrams = receive(|buffer| server.recv(buffer).ok());
    assert_eq!(datagrams, ["nulltrace.a:0.000001|ms\n"]);
    let trouble = statsd.take_trouble().unwrap().to_string();
    assert!(
        trouble.contains("cannot send to the statsd server (No such file"),
        "{trouble}"
    );
    assert_eq!(close(statsd), [2, 1, 1, 0]);
}

#[test]
fn a_unix_server_may_make_its_socket_anew() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("statsd.sock");
    let server = UnixDatagram::bind(&socket).unwrap();
    let mut statsd = Statsd::open(&config(&format!("unix:{}", socket.display()))).unwrap();
    let counts = statsd.counts();
    let tags = path(&[b"a"]);
    let mut send = || {
        statsd.send(&[span(&tags, 1), span(&tags, 2)]);
        statsd.flush();
        wait_for("booked datagram", || {
            let [given, sent, lost, _] = read(&counts);
            (given == sent + lost).then_some([sent, lost])
        })
    };
    assert_eq!(send(), [2, 0]);
    drop(server);
    assert_eq!(send(), [2, 2], "its file is there, its reader is not");
    std::fs::remove_file(&socket).unwrap();
    assert_eq!(send(), [2, 4]);
    let server = UnixDatagram::bind(&socket).unwrap();
    assert_eq!(send(), [4, 4]);
    server
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let datagrams = receive(|buffer| server.recv(buffer).ok());
    assert_eq!(
        datagrams,
        ["nulltrace.a:0.000001|ms\nnulltrace.a:0.000002|ms\n"]
    );
    assert!(statsd.take_trouble().is_some());
    assert_eq!(close(statsd), [8, 4, 4, 0]);
}

#[test]
fn a_server_that_never_reads_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("statsd.sock");
    let _server = UnixDatagram::bind(&socket).unwrap();
    let mut statsd = Statsd::open(&StatsdConfig {
        queue: 4,
        ..config(&format!("unix:{}", socket.display()))
    })
    .unwrap();
    let counts = statsd.counts();
    let batch = vec![span(&path(&[b"a"]), 1); 100_000];
    let start = Instant::now();
    statsd.send(&batch);
    let sending = start.elapsed();
    statsd.close(Duration::from_millis(100));
    let closing = start.elapsed() - sending;
    // even unoptimised it is the encoding that takes the time: the socket alone would take minutes
    assert!(sending < Duration::from_secs(10), "{sending:?}");
    assert!(closing < Duration::from_secs(2), "{closing:?}");
    let account = read(&counts);
    let [given, sent, lost, skipped] = account;
    assert_eq!((given, skipped), (100_000, 0));
    assert_eq!(sent + lost, 100_000);
    assert!(lost > 50_000, "{lost}");
    // what was counted as lost at the end is not counted again when the thread gets to it
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(read(&counts), account);
}

#[test]
fn a_wrong_address_is_reported() {
    let open = |address: &str| Statsd::open(&config(address)).unwrap_err().to_string();
    let dir = tempfile::tempdir().unwrap();
    let stream = dir.path().join("stream.sock");
    let _listener = UnixListener::bind(&stream).unwrap();
    let error = open(&format!("unix:{}", stream.display()));
    assert!(error.contains("wrong type"), "{error}");

    let error = open(&format!("unix:/{}", "x".repeat(200)));
    assert!(error.contains("start the server or correct"), "{error}");

    let error = open("no-such-host.invalid:8125");
    assert!(
        error.contains(": no-such-host.invalid; correct statsd.address"),
        "{error}"
    );
}
