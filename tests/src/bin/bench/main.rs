//! `make bench`: what a marker costs, what kernel activity costs, who pays, and how much the collector
//! bears.
//!
//! CPU time, not wall time; observed and unobserved rounds interleave; the tenth percentile of many
//! short batches. Absolute numbers drift with the machine; the ratios are the result.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what fails here fails a test"
)]

mod activity;
mod markers;
mod measure;
mod memory;
mod program;
mod rates;
mod server;
mod subject;
mod switches;
mod table;
mod watch;

use std::io;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => all(),
        ["markers"] => {
            let dir = tempfile::tempdir()?;
            markers::rows(&dir.path().join("summary.json"))
        }
        ["activity"] => activity::rows(tempfile::tempdir()?.path()),
        ["server"] => server::rows(tempfile::tempdir()?.path()),
        ["cost"] => {
            markers::print_costs();
            Ok(())
        }
        ["produce", seconds, rate, between] => {
            rates::produce(
                seconds.parse().expect("seconds"),
                rate.parse().expect("rate"),
                between.parse().expect("calls"),
            );
            Ok(())
        }
        ["open", count] => memory::open_spans(count.parse().expect("count")),
        ["subject"] => subject::obey(),
        _ => Err(io::Error::other(
            "usage: bench [markers | activity | server]",
        )),
    }
}

fn all() -> io::Result<()> {
    table::header()?;
    let dir = tempfile::tempdir()?;
    let json = dir.path().join("summary.json");
    markers::rows(&json)?;
    rates::markers(&json)?;
    memory::rows(&json)?;
    activity::rows(dir.path())?;
    rates::segments(&json)?;
    server::rows(dir.path())
}
