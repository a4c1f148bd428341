//! Where the time of spans went, and why.

use nulltrace_core::activity::{CallStats, Times};
use nulltrace_core::summary::Row;

use super::grid::{self, Column, Style, times};
use super::{syscalls, table};

/// Reasons shown for a row.
const REASONS: usize = 3;
/// A part of the time smaller than this is no reason.
const LEAST: f64 = 0.01;

/// The rows with the shares of their time, and the largest parts of it in words.
pub(super) fn draw(out: &mut String, rows: &[Row<'_>], style: Style) {
    let mut labels = table::labels(rows);
    for (label, row) in labels.iter_mut().zip(rows) {
        label.notes = reasons(row);
    }
    let wide = |ns: Option<u64>| ns.map(u128::from);
    let share = |title, rank, of: &dyn Fn(&Times) -> u64| {
        let cell = |row: &Row<'_>| {
            let times = &row.stats.times.all;
            part(of(times), times.wall).map_or_else(|| "-".to_owned(), percent)
        };
        Column::new(title, rank, rows.iter().map(cell).collect())
    };
    let columns = vec![
        Column::new(
            "hits",
            0,
            rows.iter()
                .map(|row| row.stats.hits().to_string())
                .collect(),
        ),
        Column::new(
            "avg",
            1,
            times(rows.iter().map(|row| wide(row.stats.duration.mean()))),
        ),
        Column::new(
            "p99",
            4,
            times(
                rows.iter()
                    .map(|row| wide(row.stats.duration.quantile(0.99))),
            ),
        ),
        share("on cpu", 2, &Times::on_cpu),
        share("user", 6, &Times::user),
        share("kernel", 5, &|times| times.kernel),
        share("runnable", 3, &|times| times.runnable),
        share("blocked", 2, &|times| times.blocked),
    ];
    grid::draw(out, "tags", &labels, columns, style);
}

fn part(of: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| of as f64 / whole as f64)
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// The largest parts of a row's time, each as a sentence without a full stop.
fn reasons(row: &Row<'_>) -> Vec<String> {
    let times = &row.stats.times.all;
    let mut found: Vec<(f64, String)> = Vec::new();
    let mut reason = |ns: u64, text: &dyn Fn(String) -> String| {
        if let Some(part) = part(ns, times.wall).filter(|part| *part >= LEAST) {
            found.push((part, text(percent(part))));
        }
    };
    reason(times.runnable, &|part| {
        format!("runnable {part}: waiting for a cpu")
    });
    reason(times.fault, &|part| {
        format!("blocked {part} outside system calls: page faults")
    });
    reason(times.user(), &|part| {
        format!("on cpu {part} in its own code")
    });
    for (nr, both) in row.stats.calls.iter() {
        let (calls, name) = (&both.all, syscalls::name(nr));
        let how = moved(calls);
        reason(calls.blocked, &|part| {
            format!("blocked {part} in {name}{how}")
        });
        let on_cpu = calls
            .time
            .saturating_sub(calls.blocked)
            .saturating_sub(calls.runnable);
        reason(on_cpu, &|part| format!("on cpu {part} in {name}{how}"));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(REASONS);
    found.into_iter().map(|(_, text)| text).collect()
}

fn moved(calls: &CallStats) -> String {
    let times = match calls.count {
        1 => "1 call".to_owned(),
        n => format!("{n} calls"),
    };
    match calls.bytes {
        0 => format!(": {times}"),
        bytes => format!(": {} in {times}", syscalls::bytes(bytes)),
    }
}
