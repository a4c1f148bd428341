//! Where the time of spans went, and why.

use nulltrace_core::activity::{CallStats, Times};
use nulltrace_core::summary::{Row, Stats};

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
    let Stats { times, calls, .. } = row.stats;
    let times = &times.all;
    let mut found: Vec<(f64, String)> = Vec::new();
    let mut reason = |ns: u64, wall: u64, text: &dyn Fn(String) -> String| {
        if let Some(part) = part(ns, wall).filter(|part| *part >= LEAST) {
            found.push((part, text(percent(part))));
        }
    };
    // Calls are those of spans without an exit as well, so they are a part of another time.
    let (wall, inside) = (times.wall, calls.wall());
    reason(times.runnable, wall, &|part| {
        format!("runnable {part}: waiting for a cpu")
    });
    reason(times.fault, wall, &|part| {
        format!("blocked {part} outside system calls: page faults")
    });
    reason(times.user(), wall, &|part| {
        format!("on cpu {part} in its own code")
    });
    for (nr, both) in calls.iter() {
        let (calls, name) = (both.all(), syscalls::name(nr));
        let how = moved(calls);
        reason(calls.blocked, inside, &|part| {
            format!("blocked {part} in {name}{how}")
        });
        let on_cpu = calls
            .time
            .saturating_sub(calls.blocked)
            .saturating_sub(calls.runnable);
        reason(on_cpu, inside, &|part| {
            format!("on cpu {part} in {name}{how}")
        });
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

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::reasons;
    use nulltrace_core::activity::{SpanTimes, Times};
    use nulltrace_core::record::CallsRecord;
    use nulltrace_core::span::{Closed, End};
    use nulltrace_core::summary::Summary;
    use syscalls::Sysno;
    use zerocopy::FromZeros;

    /// A short span that ended, and a long one that never did, asleep in the same call.
    #[test]
    fn no_part_is_more_than_the_whole() {
        let path = fixture::path(&[b"job"]);
        let all = Times {
            wall: 1_000,
            ..Times::NONE
        };
        let mut summary = Summary::default();
        summary.push(&Closed {
            times: Some(SpanTimes { own: all, all }),
            ..fixture::span(&path, 1_000, End::Exit)
        });
        let mut read = CallsRecord::new_zeroed();
        read.nr = Sysno::read as u32;
        (read.count, read.time, read.blocked) = (2, 80_000, 80_000);
        fixture::inside(&mut summary, &path, 100_000, &[read]);
        assert_eq!(
            reasons(&summary.rows([])[0]),
            [
                "on cpu 100.0 % in its own code",
                "blocked 80.0 % in read: 2 calls"
            ]
        );
    }
}
