//! From markers to a real statsd server: what it holds is what the JSON summary says.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nulltrace_tests::marks::Puppet;
use nulltrace_tests::{Agent, hooks, no_bpf, nulltrace, row};
use serde_json::Value;

const SPANS: usize = 120;

/// Runs CMD beside a real server and prints every sample of its timers as JSON.
fn server() -> Option<std::path::PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("consumers/statsd/readback.js");
    let installed = script.with_file_name("node_modules").is_dir()
        && Command::new("node").arg("-v").output().is_ok();
    if !installed {
        assert!(
            std::env::var_os("NULLTRACE_REQUIRE_CONSUMERS").is_none(),
            "no statsd server: run tests/consumers/install.sh"
        );
        println!("skipped: no statsd server (tests/consumers/install.sh installs it)");
    }
    installed.then_some(script)
}

#[test]
fn the_server_holds_each_span_of_the_summary_to_the_nanosecond() {
    let Some(script) = server() else { return };
    for backend in hooks() {
        let dir = tempfile::tempdir().unwrap();
        let json = dir.path().join("summary.json");
        let marks = format!(
            "i=0; while [ $i -lt {SPANS} ]; do echo \">:$i:load.step::\"; sleep 0.002; echo \"<:$i:load.step::\"; i=$((i+1)); done > /dev/null"
        );
        let out = Command::new("node")
            .arg(&script)
            .args(["--json", "--"])
            .arg(nulltrace())
            .args([
                "run",
                "-q",
                "--backend",
                backend,
                "--statsd",
                "{}",
                "--statsd-prefix",
                "shop",
                "--json",
            ])
            .arg(&json)
            .args(["--", "sh", "-c", &marks])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(
            out.status.success(),
            "{said} {}",
            String::from_utf8_lossy(&out.stderr)
        );
        let timers: Value = serde_json::from_str(&said).unwrap();
        let samples: Vec<f64> = timers["shop.load.step"]
            .as_array()
            .unwrap()
            .iter()
            .map(|ms| ms.as_f64().unwrap())
            .collect();
        assert_eq!(samples.len(), SPANS);

        let summary: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        let row = row(&summary, &["load", "step"]).unwrap();
        let ns = |key: &str| row["duration_ns"][key].as_u64().unwrap();
        let exact: Vec<u64> = samples.iter().map(|ms| (ms * 1e6).round() as u64).collect();
        assert_eq!(row["hits"], SPANS);
        assert_eq!(ns("sum"), exact.iter().sum::<u64>());
        assert_eq!(
            (ns("min"), ns("max")),
            (*exact.iter().min().unwrap(), *exact.iter().max().unwrap())
        );
        assert!(ns("min") >= 2_000_000, "each span slept for 2 ms");
    }
}

/// How many lines of this name a socket holds.
fn lines(server: &UdpSocket, name: &str) -> usize {
    let mut datagram = [0; 1 << 16];
    let mut found = 0;
    while let Ok(n) = server.recv(&mut datagram) {
        let text = String::from_utf8_lossy(&datagram[..n]).into_owned();
        found += text.lines().filter(|line| line.starts_with(name)).count();
    }
    found
}

/// Each server has every span, each in its own dialect and under its own prefix.
#[test]
fn several_servers_have_all_spans_each() {
    let bind = || {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let address = server.local_addr().unwrap().to_string();
        (server, address)
    };
    let ((one, at_one), (other, at_other)) = (bind(), bind());
    let marks = "for i in 1 2 3; do echo '>:t:job::'; echo '<:t:job::'; done > /dev/null";
    let run = Command::new(nulltrace())
        .args(["run", "-q", "--statsd", &at_one, "--statsd", &at_other])
        .args(["--", "sh", "-c", marks])
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    for server in [&one, &other] {
        assert_eq!(lines(server, "nulltrace.job:"), 3);
    }

    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let config = format!(
        "[[statsd]]\naddress = \"{at_one}\"\nprefix = \"shop\"\n\
         [[statsd]]\naddress = \"{at_other}\"\ndialect = \"dogstatsd\"\nhost = \"web-1\"\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let (file, json) = (dir.path().join("agent.toml"), dir.path().join("agent.json"));
    std::fs::write(&file, config).unwrap();
    let mut puppet = Puppet::start();
    let options = ["--config", file.to_str().unwrap()];
    let agent = Agent::start(&[puppet.pid()], &options, &json).unwrap();
    for _ in 0..3 {
        puppet.mark(">:t:job::");
        puppet.mark("<:t:job::");
    }
    let summary = agent.stop();
    assert_eq!(row(&summary, &["job"]).unwrap()["hits"], 3);
    assert_eq!(summary["ledger"]["lost"]["sink"], 0);
    assert_eq!(lines(&one, "shop.job:"), 3);
    assert_eq!(lines(&other, "nulltrace.job:"), 3);
}

/// Its socket may be made later than the agent begins; an agent that has nothing to report sends nothing.
#[test]
fn a_server_that_begins_later_gets_what_comes_from_then_on() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (socket, json) = (
        dir.path().join("statsd.sock"),
        dir.path().join("agent.json"),
    );
    let address = format!("unix:{}", socket.display());
    let mut puppet = Puppet::start();
    let agent = Agent::start(&[puppet.pid()], &["--statsd", &address], &json).unwrap();
    let mut span = |tag: &str| {
        puppet.mark(&format!(">:t:{tag}::"));
        puppet.mark(&format!("<:t:{tag}::"));
    };
    span("lost");
    // Longer than it may wait for a full datagram.
    std::thread::sleep(Duration::from_millis(2500));
    let server = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    span("sent");
    let mut lines = Vec::new();
    let mut datagram = [0; 1 << 16];
    // The last comes with the sink's account of itself; then there is silence.
    while let Ok(n) = server.recv(&mut datagram) {
        let text = String::from_utf8(datagram[..n].to_vec()).unwrap();
        lines.extend(text.lines().map(str::to_owned));
        assert!(lines.len() < 20, "it goes on: {lines:?}");
    }
    let spans = lines.iter().filter(|line| line.contains("|ms"));
    let names: Vec<_> = spans.map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["nulltrace.sent"], "{lines:?}");
    assert!(
        lines.contains(&"nulltrace_sent:1|c".to_owned()),
        "{lines:?}"
    );
    let summary = agent.stop();
    assert_eq!(summary["ledger"]["lost"]["sink"], 1);
    assert_eq!(row(&summary, &["sent"]).unwrap()["hits"], 1);
}
