//! `--memory`: what anyone may write makes the collector no bigger than it was allowed to get.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

use std::time::Duration;

use nulltrace_tests::{Agent, marks, no_bpf};

/// Writes `count` markers, no faster than a slow machine's collector reads them.
fn flood(count: u64, marker: impl Fn(u64) -> String) {
    let mut null = marks::null();
    for n in 0..count {
        marks::write(&mut null, marker(n));
        if n % 500 == 499 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_flood_stays_within_the_budget_and_what_makes_room_is_counted() {
    if let Some(why) = no_bpf() {
        return println!("skipped: {why}");
    }
    const BUDGET: u64 = 16 << 20;
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("s.json");
    let agent = Agent::start(&[std::process::id()], &["--memory", "16MiB"], &json).unwrap();
    let before = agent.rss();
    let big = "x".repeat(1000);
    // Open spans with arguments: some 60 MB, of which a quarter of the budget may be kept.
    flood(60_000, |n| {
        format!(">:{}:flood.open:k={big}:", (1 << 40) + n)
    });
    // Small ones, of which some 15,000 may be kept.
    flood(60_000, |n| format!(">:{}:flood.small:^=:", (2 << 40) + n));
    // Tag paths, of which some 150 have a row.
    flood(20_000, |n| {
        let (id, path) = ((3 << 40) + n / 2, n / 2);
        let dir = if n % 2 == 0 { '>' } else { '<' };
        format!("{dir}:{id}:paths.p{path}::")
    });
    std::thread::sleep(Duration::from_millis(500));
    let grown = agent.rss().saturating_sub(before);
    let summary = agent.stop();
    assert!(
        grown < 3 * BUDGET,
        "{} MiB more with a budget of 16",
        grown >> 20
    );
    let rows = summary["spans"].as_array().unwrap();
    assert!(rows.len() < 200, "{} rows", rows.len());
    let overflow = rows.iter().find(|row| !row["overflow"].is_null());
    let shared = overflow.expect("a row for further paths");
    assert!(shared["hits"].as_u64() > Some(5_000), "{shared}");
    let spans = &summary["ledger"]["spans"];
    let count = |key: &str| spans[key].as_u64().unwrap();
    assert!(count("evicted") > 60_000, "{spans}");
    assert!(count("open") < 16_000, "{spans}");
    assert_eq!(summary["ledger"]["markers"]["malformed"], 0);
}
