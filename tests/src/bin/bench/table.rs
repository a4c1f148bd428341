//! The rows that are printed.

use std::io;
use std::process::Command;

/// The machine and the day.
pub(crate) fn header() -> io::Result<()> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": ?");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cpus = std::thread::available_parallelism()?;
    let date = Command::new("date").arg("+%F").output()?;
    println!(
        "machine{model}, {cpus} CPUs, Linux {}, {}",
        kernel.trim(),
        String::from_utf8_lossy(&date.stdout).trim()
    );
    Ok(())
}

/// A line between the parts.
pub(crate) fn part(title: &str) {
    println!("\n{title}");
}

/// A row with a limit, or without.
pub(crate) fn row(name: &str, value: f64, unit: &str, verdict: Option<(bool, &str)>) {
    let verdict = verdict.map_or_else(String::new, |(ok, limit)| {
        format!("{limit:>14}  {}", if ok { "reached" } else { "MISSED" })
    });
    println!("{name:<75} {value:>12.2} {unit:<10}{verdict}");
}

/// A row whose value must not be above `limit`.
pub(crate) fn at_most(name: &str, value: f64, unit: &str, limit: f64) {
    row(
        name,
        value,
        unit,
        Some((value <= limit, &format!("<= {limit}"))),
    );
}

/// A row of what could not be measured, with the first line of why.
pub(crate) fn absent(name: &str, why: &io::Error) {
    let why = why.to_string();
    println!(
        "{name}: not here: {}",
        why.lines().next().unwrap_or("it says nothing")
    );
}
