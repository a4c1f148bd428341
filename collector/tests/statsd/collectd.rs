//! collectd's statsd plugin, another reader of the protocol: whole milliseconds, told in seconds.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};

use nulltrace_collector::sink::statsd::{Statsd, StatsdConfig};

use crate::support::{Server, close, free_port, path, skip, span, wait_for};

/// Values by metric, over all intervals, from the files of the csv plugin.
fn values(folder: &Path) -> BTreeMap<String, Vec<f64>> {
    let mut out = BTreeMap::<String, Vec<f64>>::new();
    let Ok(files) = std::fs::read_dir(folder.join("csv/host/statsd")) else {
        return out;
    };
    for file in files.flatten() {
        let name = file.file_name().into_string().unwrap();
        // the date at the end
        let metric = &name[..name.len() - "-2000-01-01".len()];
        let text = std::fs::read_to_string(file.path()).unwrap();
        let rows = text.lines().filter_map(|line| line.split_once(','));
        out.entry(metric.to_owned()).or_default().extend(
            rows.filter_map(|(_, value)| value.parse::<f64>().ok())
                .filter(|v| !v.is_nan()),
        );
    }
    out
}

#[test]
fn count_sum_and_extremes_are_those_sent() {
    let Some(program) = ["/usr/sbin/collectd", "/usr/bin/collectd"]
        .into_iter()
        .find(|program| Path::new(program).exists())
    else {
        skip("collectd");
        return;
    };
    // collectd makes no directory that begins with a dot
    let folder = tempfile::Builder::new()
        .prefix("collectd-")
        .tempdir()
        .unwrap();
    let port = free_port();
    let dir = folder.path().display();
    let config = folder.path().join("collectd.conf");
    let text = format!(
        r#"
Hostname "host"
FQDNLookup false
BaseDir "{dir}"
PIDFile "{dir}/pid"
Interval 1
LoadPlugin statsd
LoadPlugin csv
<Plugin statsd>
  Host "127.0.0.1"
  Port "{port}"
  DeleteTimers true
  DeleteCounters true
  TimerCount true
  TimerSum true
  TimerLower true
  TimerUpper true
</Plugin>
<Plugin csv>
  DataDir "{dir}/csv"
</Plugin>
"#
    );
    std::fs::write(&config, text).unwrap();
    let _collectd = Server(
        Command::new(program)
            .arg("-f")
            .arg("-C")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
    wait_for("collectd", || {
        let _ = probe.send_to(b"ready:1|ms\n", ("127.0.0.1", port));
        let values = values(folder.path());
        values.contains_key("gauge-ready-count").then_some(())
    });

    let tags = path(&[b"checkout", b"pay"]);
    let batch: Vec<_> = (1..=120).map(|i| span(&tags, i * 10_000_000)).collect();
    let mut statsd = Statsd::open(&StatsdConfig {
        address: format!("127.0.0.1:{port}"),
        ..StatsdConfig::default()
    })
    .unwrap();
    statsd.send(&batch);
    assert_eq!(close(statsd), [120, 120, 0, 0]);

    let get = |kind: &str| {
        let metric = kind.replacen('/', "-nulltrace.checkout.pay-", 1);
        values(folder.path()).remove(&metric)
    };
    let total = |kind: &str| get(kind).map_or(0.0, |list| list.iter().sum::<f64>());
    // the datagrams may fall into two intervals
    wait_for("samples in collectd", || {
        (total("gauge/count") == 120.0).then_some(())
    });
    let near = |got: f64, expected: f64| {
        // collectd keeps times in steps of 2^-30 s
        assert!((got - expected).abs() < 1e-4 * expected, "{got} {expected}");
    };
    wait_for("sums", || {
        (get("latency/upper")?.len() == get("gauge/count")?.len()).then_some(())
    });
    near(total("latency/sum"), 72.6);
    let extremes = |kind| get(kind).unwrap();
    near(
        extremes("latency/lower")
            .into_iter()
            .fold(f64::MAX, f64::min),
        0.01,
    );
    near(
        extremes("latency/upper").into_iter().fold(0.0, f64::max),
        1.2,
    );
}
