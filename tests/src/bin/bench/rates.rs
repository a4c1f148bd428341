//! The rates the collector bears.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nulltrace_tests::{Agent, marks};
use serde_json::Value;

use crate::measure;
use crate::table::{at_most, part, row};

/// Markers that one loop of `produce` writes.
const LOOP: u64 = 200;

/// Writes pairs of markers for `seconds`, at most `rate` markers a second (0: as fast as it goes), with
/// so many `getppid` after each.
pub(crate) fn produce(seconds: f64, rate: f64, between: u32) {
    let mut null = marks::null();
    let began = Instant::now();
    let mut written = 0_u64;
    while began.elapsed().as_secs_f64() < seconds {
        for i in 0..LOOP {
            let marker = [b">:t:bench.produce::", b"<:t:bench.produce::"][i as usize % 2];
            marks::write(&mut null, marker);
            for _ in 0..between {
                measure::getppid();
            }
        }
        written += LOOP;
        while rate > 0.0 && written as f64 / began.elapsed().as_secs_f64() > rate {
            std::hint::spin_loop();
        }
    }
    println!("{written} {}", began.elapsed().as_secs_f64());
}

/// The highest rate of one and of two producers that loses nothing in ten seconds.
pub(crate) fn markers(json: &Path) -> io::Result<()> {
    part("rates");
    for producers in [1, 2] {
        let run = lossless(json, producers, 0)?;
        row(
            &format!("{producers} producer(s), nothing lost in 10 s"),
            run.rate,
            "markers/s",
            (producers == 1).then_some((run.rate >= 1e6, ">= 1,000,000")),
        );
        if producers == 1 {
            at_most(
                "collector, ring to summary, CPU per marker",
                run.cpu_ns,
                "ns",
                250.0,
            );
        }
    }
    Ok(())
}

/// The same of one that makes two system calls after each marker, which are looked at: each marker
/// brings a segment.
pub(crate) fn segments(json: &Path) -> io::Result<()> {
    part("rates of kernel activity: two system calls after each marker");
    let run = lossless(json, 1, 2)?;
    row(
        "1 producer, no segment lost in 10 s",
        run.rate,
        "segments/s",
        Some((run.rate >= 3e5, ">= 300,000")),
    );
    row(
        "collector, CPU per segment and its marker",
        run.cpu_ns,
        "ns",
        None,
    );
    Ok(())
}

/// Full speed, then slower until nothing is lost.
fn lossless(json: &Path, producers: u32, between: u32) -> io::Result<Rate> {
    let mut pace = 0.0;
    loop {
        let run = rate(json, producers, pace, between)?;
        println!(
            "{producers} producer(s){}: {:.2} M/s, seen {}, lost {}, collector {:.0} ns CPU per marker",
            if pace > 0.0 { " paced" } else { "" },
            run.rate / 1e6,
            run.seen,
            run.lost,
            run.cpu_ns
        );
        if run.lost == 0 {
            return Ok(run);
        }
        pace = run.rate / f64::from(producers) * 0.85;
    }
}

struct Rate {
    rate: f64,
    seen: u64,
    /// Markers and segments.
    lost: u64,
    cpu_ns: f64,
}

fn rate(json: &Path, producers: u32, pace: f64, between: u32) -> io::Result<Rate> {
    let own = std::env::current_exe()?;
    let activity = if between == 0 { "off" } else { "segments" };
    let agent = Agent::start(&[std::process::id()], &["--activity", activity], json)?;
    let before = agent.cpu();
    let children: Vec<_> = (0..producers)
        .map(|_| {
            Command::new(&own)
                .args(["produce", "10", &pace.to_string(), &between.to_string()])
                .stdout(Stdio::piped())
                .spawn()
        })
        .collect::<io::Result<_>>()?;
    let (mut written, mut rate) = (0, 0.0);
    for child in children {
        let numbers = measure::numbers(&child.wait_with_output()?.stdout)?;
        written += numbers[0] as u64;
        rate += numbers[0] / numbers[1];
    }
    std::thread::sleep(Duration::from_millis(200));
    let used = (agent.cpu() - before).as_nanos() as f64;
    let summary = agent.stop();
    let ledger = &summary["ledger"];
    let seen = count(&ledger["markers"]["seen"]);
    let refused = count(&ledger["lost"]["ring_full"]);
    let lost = refused + count(&ledger["lost"]["segment"]);
    assert_eq!(
        written,
        seen + refused,
        "every marker is seen or counted as lost"
    );
    if between > 0 && lost == 0 {
        assert_eq!(
            calls_inside(&summary),
            written / 2 * u64::from(between),
            "the segments hold every call inside the spans"
        );
    }
    Ok(Rate {
        rate,
        seen,
        lost,
        cpu_ns: used / seen as f64,
    })
}

/// How many `getppid` the spans of `produce` are said to hold.
fn calls_inside(summary: &Value) -> u64 {
    let row = nulltrace_tests::row(summary, &["bench", "produce"]).expect("spans");
    let mut calls = row["activity"].as_array().expect("activity").iter();
    let call = calls.find(|call| call["syscall"] == "getppid");
    count(&call.expect("getppid")["count"])
}

pub(crate) fn count(value: &Value) -> u64 {
    value.as_u64().expect("a count")
}
