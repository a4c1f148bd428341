//! What the collector's state takes.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nulltrace_tests::{Agent, marks};

use crate::rates::count;
use crate::table::{part, row};

/// Opens `count` spans and waits for a line on stdin before it ends.
pub(crate) fn open_spans(count: u64) -> io::Result<()> {
    let mut null = marks::null();
    for id in 0..count {
        marks::write(&mut null, format!(">:{id}:bench.open::"));
        // Slow enough that even a busy machine's reader keeps up.
        if id % 1000 == 999 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    println!("done");
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Resident memory with nothing, 100 thousand and a million spans open.
pub(crate) fn rows(json: &Path) -> io::Result<()> {
    part("memory");
    for spans in [0_u64, 100_000, 1_000_000] {
        let agent = Agent::start(&[std::process::id()], &[], json)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["open", &spans.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut String::new())?;
        std::thread::sleep(Duration::from_millis(500));
        let rss = agent.rss() as f64 / f64::from(1 << 20);
        let limit = (spans == 100_000).then_some((rss <= 64.0, "<= 64"));
        row(
            &format!("resident memory, {spans} open spans"),
            rss,
            "MiB",
            limit,
        );
        // Closing its stdin ends it.
        drop(child.stdin.take());
        child.wait()?;
        let summary = agent.stop();
        assert_eq!(
            count(&summary["ledger"]["markers"]["enter"]),
            spans,
            "the agent saw them all"
        );
    }
    Ok(())
}
