//! Etsy's statsd reads what was sent, to the nanosecond.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Stdio};

use nulltrace_collector::sink::statsd::{Dialect, Statsd, StatsdConfig};
use nulltrace_core::spans::span::Closed;
use tempfile::TempDir;

use crate::support::{PATIENCE, Server, close, consumers, free_port, path, skip, span, wait_for};

struct Etsy {
    port: u16,
    management: u16,
    _process: Server,
    _folder: TempDir,
}

impl Etsy {
    /// `None` where it is not installed.
    fn start(port: u16, management: u16) -> Option<Self> {
        let stats = consumers().join("statsd/node_modules/statsd/stats.js");
        if !stats.exists() {
            skip("Etsy statsd");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.json");
        // timers are emptied at each flush: there is none before the test is over
        let text = format!(
            r#"{{"address": "127.0.0.1", "port": {port},
                "mgmt_address": "127.0.0.1", "mgmt_port": {management},
                "backends": ["./backends/graphite"], "flushInterval": 86400000}}"#
        );
        std::fs::write(&config, text).unwrap();
        let process = Command::new("node")
            .arg("--require")
            .arg(consumers().join("statsd/whole.js"))
            .args([stats, config])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let etsy = Self {
            port,
            management,
            _process: Server(process),
            _folder: folder,
        };
        let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
        wait_for("statsd server", || {
            let _ = probe.send_to(b"test.ready:1|c", ("127.0.0.1", port));
            let counters = etsy.ask("counters")?;
            counters.contains("test.ready").then_some(())
        });
        Some(etsy)
    }

    /// One command on a connection of its own; `None` if nobody answers.
    fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.management)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(command.as_bytes()).ok()?;
        let mut answer = Vec::new();
        let mut buffer = [0; 1 << 16];
        while !answer.ends_with(b"END\n\n") {
            match stream.read(&mut buffer) {
                Ok(length) if length > 0 => answer.extend_from_slice(&buffer[..length]),
                _ => return None,
            }
        }
        Some(String::from_utf8(answer).unwrap())
    }

    /// The samples by name, once there are `n`.
    fn timers(&self, n: usize) -> BTreeMap<String, Vec<f64>> {
        wait_for("samples", || {
            let timers = samples(&self.ask("timers")?);
            let count: usize = timers.values().map(Vec::len).sum();
            (count == n).then_some(timers)
        })
    }

    fn config(&self) -> StatsdConfig {
        StatsdConfig {
            address: format!("127.0.0.1:{}", self.port),
            ..StatsdConfig::default()
        }
    }

    fn send(&self, config: &StatsdConfig, batch: &[Closed]) {
        let mut statsd = Statsd::open(config).unwrap();
        statsd.send(batch);
        let n = batch.len() as u64;
        assert_eq!(close(statsd), [n, n, 0, 0]);
    }
}

/// Reads `{ 'a.b': [ 1.5, 2 ], c: [ 3 ] }`.
fn samples(text: &str) -> BTreeMap<String, Vec<f64>> {
    let lists = text.split(']').filter_map(|entry| entry.split_once('['));
    lists
        .map(|(name, list)| {
            let name = name.trim_matches(|c: char| " {,:'\n".contains(c));
            let list = list.split(',').map(str::trim).filter(|s| !s.is_empty());
            (name.to_owned(), list.map(|s| s.parse().unwrap()).collect())
        })
        .collect()
}

#[test]
fn each_sample_is_read_back_exactly() {
    let Some(etsy) = Etsy::start(free_port(), free_port()) else {
        return;
    };
    let mut expected: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut batch = Vec::new();
    for (name, tags) in [
        ("nulltrace.checkout.pay", path(&[b"checkout", b"pay"])),
        ("nulltrace.web.render", path(&[b"web", b"render"])),
        ("nulltrace.x", path(&[b"x"])),
    ] {
        for i in 0..500_u64 {
            // from a nanosecond to an hour
            let ns = (i * i * i * 29_000 + i * 7 + 1) % 3_600_000_000_001;
            batch.push(span(&tags, ns));
            let text = format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000);
            let list = expected.entry(name.to_owned()).or_default();
            list.push(text.parse().unwrap());
        }
    }
    etsy.send(&etsy.config(), &batch);
    assert_eq!(etsy.timers(1_500), expected);
}

#[test]
fn hostile_tags_make_no_bad_line() {
    let Some(etsy) = Etsy::start(free_port(), free_port()) else {
        return;
    };
    let hostile: [&[u8]; 8] = [
        b"a:1|c\nfoo:2|ms",
        b"|#x:y",
        b"@0.1",
        b"__proto__",
        b"constructor",
        b"nulltrace_overflow",
        "ä/ö ü".as_bytes(),
        &[b':'; 4096],
    ];
    let batch = hostile.map(|tag| span(&path(&[tag]), 5_000_000));
    etsy.send(&etsy.config(), &batch);
    let timers = etsy.timers(8);
    let mut expected = [
        "a_1_c_foo_2_ms",
        "__x_y",
        "_0_1",
        "__proto__",
        "constructor",
        "_nulltrace_overflow",
        "________",
        &"_".repeat(64),
    ]
    .map(|name| format!("nulltrace.{name}"));
    expected.sort();
    assert!(timers.keys().eq(&expected), "{timers:?}");
    let counters = etsy.ask("counters").unwrap();
    assert!(
        counters.contains("'statsd.bad_lines_seen': 0"),
        "{counters}"
    );
    assert!(!counters.contains("foo"), "{counters}");
}

#[test]
fn rate_and_own_counters_are_understood() {
    let Some(etsy) = Etsy::start(free_port(), free_port()) else {
        return;
    };
    let batch = vec![span(&path(&[b"a"]), 2_000_000); 4_000];
    let mut statsd = Statsd::open(&StatsdConfig {
        sample_rate: 0.25,
        ..etsy.config()
    })
    .unwrap();
    statsd.send(&batch);
    statsd.telemetry(&nulltrace_core::ledger::Lost {
        ring_full: 42.into(),
        ..Default::default()
    });
    let [_, sent, lost, _] = close(statsd);
    assert_eq!(lost, 0);
    let timers = etsy.timers(sent as usize);
    assert_eq!(timers["nulltrace.a"], vec![2.0; sent as usize]);
    let counters = etsy.ask("counters").unwrap();
    assert!(
        counters.contains("'nulltrace_lost.ring_full': 42"),
        "{counters}"
    );
    assert!(
        counters.contains("'statsd.bad_lines_seen': 0"),
        "{counters}"
    );
}

#[test]
fn dogstatsd_tags_arrive_as_tags() {
    let Some(etsy) = Etsy::start(free_port(), free_port()) else {
        return;
    };
    let config = StatsdConfig {
        dialect: Dialect::DogStatsD,
        host: Some("web-1".into()),
        ..etsy.config()
    };
    etsy.send(&config, &[span(&path(&[b"a"]), 1_500_000)]);
    let timers = etsy.timers(1);
    assert_eq!(timers["nulltrace.a;host=web-1;comm=shop"], [1.5]);
}

#[test]
fn a_restarted_server_gets_what_comes_after() {
    let (port, management) = (free_port(), free_port());
    let Some(etsy) = Etsy::start(port, management) else {
        return;
    };
    let tags = path(&[b"a"]);
    let mut statsd = Statsd::open(&etsy.config()).unwrap();
    let mut send = |ns| {
        statsd.send(&[span(&tags, ns)]);
        statsd.flush();
    };
    send(1_000_000);
    assert_eq!(etsy.timers(1)["nulltrace.a"], [1.0]);
    drop(etsy);
    send(2_000_000);
    send(3_000_000);
    let etsy = Etsy::start(port, management).unwrap();
    send(4_000_000);
    assert_eq!(etsy.timers(1)["nulltrace.a"], [4.0]);
    assert_eq!(close(statsd), [4, 2, 2, 0]);
}
