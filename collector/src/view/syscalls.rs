//! The system calls of spans, by name.

use nulltrace_core::activity::{CallStats, ERROR_NAMES};
use nulltrace_core::summary::Row;

use super::grid::{self, Column, Label, Style, times};
use super::table;

/// The name of a system call of this machine's table.
pub(super) fn name(nr: u32) -> String {
    match syscalls::Sysno::new(nr as usize) {
        Some(call) => call.name().to_owned(),
        None => format!("system call {nr}"),
    }
}

/// Bytes as a person reads them: three digits and a binary unit.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = match (unit, value) {
        (0, _) => 0,
        (_, value) if value < 9.995 => 2,
        (_, value) if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// One row for each call in each span and all inside, the longest first.
pub(super) fn draw(out: &mut String, rows: &[Row<'_>], style: Style) {
    let mut labels: Vec<Label> = Vec::new();
    let mut of: Vec<Option<&CallStats>> = Vec::new();
    for (row, label) in rows.iter().zip(table::labels(rows)) {
        let depth = label.depth + 1;
        labels.push(label);
        of.push(None);
        let mut calls: Vec<_> = row.stats.calls.iter().collect();
        calls.sort_by_key(|(_, both)| std::cmp::Reverse(both.all().time));
        for (nr, both) in calls {
            labels.push(Label {
                depth,
                text: name(nr).into_bytes(),
                code: "",
                notes: Vec::new(),
            });
            of.push(Some(both.all()));
        }
    }
    let number = |title, rank, cell: &dyn Fn(&CallStats) -> String| {
        let cells = of.iter().map(|calls| calls.map(cell).unwrap_or_default());
        Column::new(title, rank, cells.collect())
    };
    let time = |title, rank, cell: &dyn Fn(&CallStats) -> u64| {
        let cells = of.iter().map(|calls| calls.map(|calls| cell(calls).into()));
        let mut texts = times(cells);
        for (text, calls) in texts.iter_mut().zip(&of) {
            if calls.is_none() {
                text.clear();
            }
        }
        Column::new(title, rank, texts)
    };
    let columns = vec![
        number("calls", 0, &|calls| calls.count.to_string()),
        number("errors", 5, &errors),
        number("bytes", 2, &|calls| match calls.bytes {
            0 => "-".to_owned(),
            n => bytes(n),
        }),
        time("time", 1, &|calls| calls.time),
        time("blocked", 3, &|calls| calls.blocked),
        time("avg", 4, &CallStats::mean),
        time("min", 8, &|calls| calls.min),
        time("max", 7, &|calls| calls.max),
        time("p99", 6, &|calls| calls.quantile(0.99)),
    ];
    grid::draw(out, "tags", &labels, columns, style);
}

fn errors(calls: &CallStats) -> String {
    let named = calls.errors.iter().zip(ERROR_NAMES);
    let texts: Vec<_> = named
        .filter(|(n, _)| **n > 0)
        .map(|(n, name)| format!("{n} {name}"))
        .collect();
    match texts.is_empty() {
        true => "-".to_owned(),
        false => texts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (n, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (1024, "1.00 KiB"),
            (65_536, "64.0 KiB"),
            (536_870_912, "512 MiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn calls_have_names() {
        assert_eq!(name(syscalls::Sysno::read as u32), "read");
        assert_eq!(name(100_000), "system call 100000");
    }
}
