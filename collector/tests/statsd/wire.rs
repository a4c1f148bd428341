//! What is on the wire.

use std::collections::HashSet;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use nulltrace_collector::sink::Sink;
use nulltrace_collector::sink::statsd::{Dialect, LONGEST_LINE, MetricKind, Statsd, StatsdConfig};
use nulltrace_core::count::Count;
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::facts::process::Process;
use nulltrace_core::ledger::Lost;
use nulltrace_core::spans::span::{Closed, End};

use crate::support::{close, config, lines, path, receive, receive_udp, span, tally, udp_server};

/// Sends and closes, then gives what came.
fn exchange(batch: &[Closed], change: impl FnOnce(&mut StatsdConfig)) -> (Vec<String>, [u64; 4]) {
    let (server, address) = udp_server();
    let mut config = config(&address);
    change(&mut config);
    let mut statsd = Statsd::open(&config).unwrap();
    let reader = std::thread::spawn(move || receive_udp(&server));
    statsd.send(batch);
    let counts = close(statsd);
    (reader.join().unwrap(), counts)
}

#[test]
fn plain_lines() {
    let web = path(&[b"web", b"render"]);
    let batch = [0, 1, 123_456, 1_000_000, 86_400_000_000_001].map(|ns| span(&web, ns));
    let (datagrams, counts) = exchange(&batch, |c| c.prefix = "app.prod".into());
    assert_eq!(
        datagrams,
        ["app.prod.web.render:0.000000|ms\n\
          app.prod.web.render:0.000001|ms\n\
          app.prod.web.render:0.123456|ms\n\
          app.prod.web.render:1.000000|ms\n\
          app.prod.web.render:86400000.000001|ms\n"]
    );
    assert_eq!(counts, [5, 5, 0, 0]);
}

#[test]
fn dogstatsd_lines() {
    let span = span(&path(&[b"web"]), 1_500_000);
    let mut other = span.clone();
    other.process = Some(Process::named(b"a,b:c|d\n#"));
    let golden = |expected: &str, change: &dyn Fn(&mut StatsdConfig)| {
        let (datagrams, _) = exchange(&[span.clone(), other.clone()], |c| {
            c.dialect = Dialect::DogStatsD;
            change(c);
        });
        assert_eq!(datagrams.concat(), expected);
    };
    golden(
        "nulltrace.web:1.500000|ms|#comm:shop\nnulltrace.web:1.500000|ms|#comm:a_b_c_d__\n",
        &|_| {},
    );
    golden(
        "nulltrace.web:1.500000|d|#host:web-1.eu_,comm:shop\n\
         nulltrace.web:1.500000|d|#host:web-1.eu_,comm:a_b_c_d__\n",
        &|c| {
            c.kind = MetricKind::D;
            c.host = Some("web-1.eu|".into());
        },
    );
    golden(
        "nulltrace.web:1.500000|h|#host:h\nnulltrace.web:1.500000|h|#host:h\n",
        &|c| {
            c.kind = MetricKind::H;
            c.host = Some("h".into());
            c.comm = Some(false);
        },
    );
    golden(
        "nulltrace.web:1.500000|ms\nnulltrace.web:1.500000|ms\n",
        &|c| {
            c.comm = Some(false);
        },
    );
}

#[test]
fn the_server_may_be_named_or_on_ipv6() {
    let reach = |server: &UdpSocket, address: String| {
        let mut statsd = Statsd::open(&config(&address)).unwrap();
        statsd.send(&[span(&path(&[b"a"]), 1)]);
        assert_eq!(close(statsd), [1, 1, 0, 0], "{address}");
        assert_eq!(receive_udp(server), ["nulltrace.a:0.000001|ms\n"]);
    };
    // also where the name is ::1 first
    let (server, address) = udp_server();
    reach(&server, address.replace("127.0.0.1", "localhost"));
    match UdpSocket::bind("[::1]:0") {
        Ok(server) => reach(&server, server.local_addr().unwrap().to_string()),
        Err(error) => eprintln!("skipped: no IPv6 here: {error}"),
    }
}

#[test]
fn inferred_ends_are_left_out() {
    let tags = path(&[b"a"]);
    let ends = [
        End::ThreadExit,
        End::Exit,
        End::ProcessExit,
        End::Expired,
        End::Evicted,
    ];
    let batch = ends.map(|how| Closed {
        how,
        ..span(&tags, 7)
    });
    let (datagrams, counts) = exchange(&batch, |_| {});
    assert_eq!(datagrams, ["nulltrace.a:0.000007|ms\n"]);
    assert_eq!(counts, [5, 1, 0, 4]);
}

/// Names of every length, and as many values as spans, so that each line is its own.
fn varied(n: u64) -> (Vec<Closed>, Vec<String>) {
    let tags: Vec<_> = (1..90)
        .map(|length| path(&[&vec![b'x'; length % 45 + 1], &vec![b'y'; length / 2 + 1]]))
        .collect();
    (0..n)
        .map(|i| {
            let tags = &tags[i as usize % tags.len()];
            let name = tags.segments().iter().map(|t| str::from_utf8(t).unwrap());
            let name = name.collect::<Vec<_>>().join(".");
            (span(tags, i), format!("nulltrace.{name}:0.{i:06}|ms"))
        })
        .unzip()
}

#[test]
fn udp_datagrams_are_full_but_not_too_long_and_split_no_line() {
    let (batch, expected) = varied(5_000);
    let (datagrams, counts) = exchange(&batch, |_| {});
    assert_eq!(counts, [5_000, 5_000, 0, 0]);
    assert_eq!(lines(&datagrams), expected);
    let (last, full) = datagrams.split_last().unwrap();
    assert!(full.iter().all(|d| d.len() <= 1432 && d.len() > 1432 - 150));
    assert!(last.len() <= 1432);
}

#[test]
fn unix_datagrams_too() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("statsd.sock");
    let server = UnixDatagram::bind(&socket).unwrap();
    server
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let (batch, expected) = varied(20_000);
    let mut statsd = Statsd::open(&config(&format!("unix:{}", socket.display()))).unwrap();
    let reader = std::thread::spawn(move || receive(|buffer| server.recv(buffer).ok()));
    statsd.send(&batch);
    assert_eq!(close(statsd), [20_000, 20_000, 0, 0]);
    let datagrams = reader.join().unwrap();
    assert_eq!(lines(&datagrams), expected);
    assert!(datagrams.iter().all(|d| d.len() <= 8192));
    assert!(datagrams.iter().any(|d| d.len() > 8000));
}

#[test]
fn hostile_tags_forge_nothing() {
    let long = vec![b'|'; 4096];
    let hostile: &[&[&[u8]]] = &[
        &[b"a:1|c\nfoo"],
        &[b"|#"],
        &[b"@"],
        &[b"\n"],
        &[b"\r\nnulltrace.sent:1|c"],
        &["naïve→".as_bytes(), b"\xff\xfe\0"],
        &[&long],
        &[&long[..]; 32],
        &[b"..", b"a.b"],
        &[b"nulltrace_overflow"],
        &[b"nulltrace", b"sent"],
        &[b"__proto__"],
        &[b""],
        &[b"", b""],
        &[b"main", b"Map[", b"", b"", b"]", b"func1"],
        &[],
    ];
    let batch: Vec<_> = hostile.iter().map(|tags| span(&path(tags), 1)).collect();
    let (datagrams, counts) = exchange(&batch, |_| {});
    assert_eq!(counts, [16, 16, 0, 0]);
    let lines = lines(&datagrams);
    assert_eq!(lines.len(), hostile.len());
    for line in &lines {
        let name = line.strip_suffix(":0.000001|ms").unwrap();
        let name = name.strip_prefix("nulltrace.").unwrap();
        assert!(name.len() <= 200, "{line}");
        assert!(!name.starts_with("nulltrace"), "{line}");
        for part in name.split('.') {
            assert!(!part.is_empty() && part.len() <= 65, "{line}");
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
            assert!(part.bytes().all(plain), "{line}");
        }
    }
    assert_eq!(lines[0], "nulltrace.a_1_c_foo:0.000001|ms");
    assert_eq!(lines[9], "nulltrace._nulltrace_overflow:0.000001|ms");
}

#[test]
fn the_longest_line_fits_the_least_datagram() {
    let mut longest = span(&path(&[&[b'x'; 100][..]; 32]), 0);
    (longest.start, longest.end) = (0, u64::MAX);
    longest.process = Some(Process::named(&[b'c'; 100]));
    let batch = vec![longest; 3];
    // as many digits as a rate can have near 1, and next to nothing left out
    let rate = 0.999_999_999_999_999_9;
    let (datagrams, counts) = exchange(&batch, |c| {
        c.prefix = "p".repeat(64);
        c.dialect = Dialect::DogStatsD;
        c.host = Some("h".repeat(64));
        c.sample_rate = rate;
        c.max_datagram = Some(512);
    });
    assert_eq!(counts, [3, 3, 0, 0]);
    assert_eq!(datagrams.len(), 3, "one line fills a datagram");
    let longest = datagrams[0].len();
    assert!((400..=LONGEST_LINE).contains(&longest), "{longest}");
}

/// Paths that are several in the summary, as markers write them, and one name once they are cleaned.
#[test]
fn names_that_are_equal_once_cleaned_are_one_metric() {
    let markers = [
        r">:t:a..b::",
        r">:t:a._.b::",
        r">:t:a.\..b::",
        r">:t:a. .b::",
        r#"[">","t",["a","\n","b"]]"#,
    ];
    let batch: Vec<_> = (1..)
        .zip(markers)
        .map(|(ns, marker)| {
            let tags = nulltrace_spec::parse(marker.as_bytes()).unwrap().tags;
            let path = TagPath::new(&tags.canonical(), tags.iter());
            span(&Arc::new(path), ns * 1_000_000)
        })
        .collect();
    let paths: HashSet<_> = batch.iter().map(|span| span.tags.canonical()).collect();
    assert_eq!(paths.len(), markers.len());
    // The second time each is found by its address.
    let twice = [&batch[..], &batch[..]].concat();
    for (dialect, tail) in [
        (Dialect::Plain, ""),
        (Dialect::DogStatsD, "|#host:h,comm:shop"),
    ] {
        let (datagrams, counts) = exchange(&twice, |c| {
            c.dialect = dialect;
            c.host = (dialect == Dialect::DogStatsD).then(|| "h".into());
            // There is room for one name and no other.
            c.max_names = 1;
        });
        assert_eq!(counts, [10, 10, 0, 0]);
        let mut sum = 0.0;
        for line in lines(&datagrams) {
            let value = line.strip_prefix("nulltrace.a._.b:");
            let value = value.and_then(|rest| rest.strip_suffix(&format!("|ms{tail}")));
            sum += value
                .unwrap_or_else(|| panic!("{line}"))
                .parse::<f64>()
                .unwrap();
        }
        assert_eq!(sum, 30.0);
    }
}

#[test]
fn further_names_go_to_one() {
    let batch: Vec<_> = (0..1_000)
        .map(|i| span(&path(&[format!("n{i}").as_bytes()]), 1))
        .collect();
    let twice = [&batch[..], &batch[..]].concat();
    let (datagrams, counts) = exchange(&twice, |c| c.max_names = 10);
    assert_eq!(counts, [2_000, 2_000, 0, 0]);
    let tally = tally(lines(&datagrams));
    assert_eq!(tally.len(), 11);
    assert_eq!(tally["nulltrace_overflow:0.000001|ms"], 1_980);
    assert_eq!(tally["nulltrace.n9:0.000001|ms"], 2);
}

#[test]
fn a_million_distinct_tags_are_bounded() {
    let (_server, address) = udp_server();
    let mut statsd = Statsd::open(&config(&address)).unwrap();
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    let mut before = 0;
    for i in 0..1_000_000 {
        if i == 10_000 {
            before = resident();
        }
        statsd.send(&[span(&path(&[format!("{i:<100}").as_bytes()]), 1)]);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes");
    assert_eq!(statsd.overflowed(), 1_000_000 - 2_000);
    let [given, ..] = close(statsd);
    assert_eq!(given, 1_000_000);
}

#[test]
fn sampling_is_fair_and_reported() {
    let batch = vec![span(&path(&[b"a"]), 1); 50_000];
    let (datagrams, [given, sent, lost, skipped]) = exchange(&batch, |c| {
        c.sample_rate = 0.1;
        c.seed = 7;
    });
    assert_eq!((given, lost), (50_000, 0));
    assert_eq!(sent + skipped, 50_000);
    // five standard deviations of a binomial are 335
    assert!(sent.abs_diff(5_000) < 335, "{sent}");
    let tally = tally(lines(&datagrams));
    assert_eq!(tally.len(), 1);
    assert_eq!(tally["nulltrace.a:0.000001|ms|@0.1"] as u64, sent);
}

#[test]
fn telemetry_tells_what_was_added() {
    let (server, address) = udp_server();
    let mut statsd = Statsd::open(&StatsdConfig {
        max_names: 1,
        ..config(&address)
    })
    .unwrap();
    let (a, b) = (path(&[b"a"]), path(&[b"b"]));
    let mut lost = Lost {
        ring_full: 5.into(),
        ..Lost::default()
    };
    statsd.send(&[span(&a, 1), span(&b, 1), span(&b, 1)]);
    assert_eq!(receive_udp(&server), Vec::<String>::new());
    statsd.tick(&lost);
    assert_eq!(
        receive_udp(&server),
        ["nulltrace.a:0.000001|ms\n\
          nulltrace_overflow:0.000001|ms\n\
          nulltrace_overflow:0.000001|ms\n\
          nulltrace_lost.ring_full:5|c\n\
          nulltrace_overflowed:2|c\n"]
    );
    lost.ring_full = 7.into();
    // The last of the causes.
    lost.lookup = 1;
    // the flush books what was sent at the one before
    statsd.flush();
    statsd.tick(&lost);
    assert_eq!(
        receive_udp(&server),
        ["nulltrace_lost.ring_full:2|c\n\
          nulltrace_lost.lookup:1|c\n\
          nulltrace_sent:3|c\n"]
    );
    // Nothing is said of a count that is not known, and all once it is.
    lost.ring_full = Count::Unknown;
    statsd.flush();
    statsd.tick(&lost);
    assert_eq!(receive_udp(&server), Vec::<String>::new());
    lost.ring_full = 9.into();
    statsd.flush();
    statsd.tick(&lost);
    assert_eq!(receive_udp(&server), ["nulltrace_lost.ring_full:2|c\n"]);
    // Nor is anything sent where nothing changed.
    for _ in 0..3 {
        statsd.flush();
        statsd.tick(&lost);
    }
    assert_eq!(receive_udp(&server), Vec::<String>::new());
    assert_eq!(close(statsd), [3, 3, 0, 0]);
}

#[test]
fn a_path_under_a_new_address_has_the_same_name() {
    let batch: Vec<_> = (0..100).map(|_| span(&path(&[b"a"]), 1)).collect();
    let first = Arc::clone(&batch[0].tags);
    assert!(!Arc::ptr_eq(&first, &batch[1].tags));
    let (datagrams, _) = exchange(&batch, |c| c.max_names = 1);
    assert_eq!(tally(lines(&datagrams))["nulltrace.a:0.000001|ms"], 100);
}
