//! The collector sees the spans of a program that knows only `tracing`.
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::process::Command;

use tracing_subscriber::layer::SubscriberExt;

/// The program, when this test runs itself under the collector.
fn program() {
    let subscriber = tracing_subscriber::registry().with(nulltrace_tracing::layer().with_paths());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    for cart in 0..3 {
        let checkout = tracing::info_span!("checkout", cart).entered();
        let pay = tracing::info_span!("pay.card", user = "ann");
        drop(checkout);
        std::thread::spawn(move || drop(pay.entered()))
            .join()
            .unwrap();
    }
}

#[test]
fn the_collector_sees_it() {
    if std::env::var_os("NULLTRACE_TEST_CHILD").is_some() {
        return program();
    }
    let Some(nulltrace) = std::env::var_os("NULLTRACE_BIN") else {
        println!("skipped: NULLTRACE_BIN names no collector");
        return;
    };
    let out = Command::new(nulltrace)
        .args(["run", "--quiet", "--json", "-", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_collector_sees_it", "--quiet"])
        .env("NULLTRACE_TEST_CHILD", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    // Behind what the test harness of the child prints.
    let summary = text.lines().find(|line| line.starts_with('{')).unwrap();
    let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
    let rows: Vec<_> = summary["spans"].as_array().unwrap().iter().collect();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {}", row["tags"], row["hits"]))
        .collect();
    assert_eq!(
        seen,
        ["[\"checkout\"] 3", "[\"checkout\",\"pay\",\"card\"] 3"],
        "{summary}"
    );
    assert_eq!(summary["ledger"]["markers"]["malformed"], 0);
    assert_eq!(summary["ledger"]["spans"]["open"], 0);
}
