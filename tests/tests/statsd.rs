//! From markers to a real statsd server: what it holds is what the JSON summary says.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::path::Path;
use std::process::Command;

use nulltrace_tests::{hooks, nulltrace};
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
        let row = nulltrace_tests::row(&summary, &["load", "step"]).unwrap();
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
