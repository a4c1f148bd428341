//! Where the time of spans went, and why.

mod reasons;

use nulltrace_core::activity::{SpanTimes, Times};
use nulltrace_core::measure::summary::Row;

use super::grid::{self, Column, Style, times};
use super::table;
use reasons::reasons;

/// What a reason needs of a line beside the name of a file.
const WORDS: usize = 64;

/// The rows with the shares of their time, and the largest parts of it in words.
pub(super) fn draw(out: &mut String, rows: &[Row<'_>], style: Style) {
    let mut labels = table::labels(rows);
    for (label, row) in labels.iter_mut().zip(rows) {
        label.notes = reasons(row, style.width.saturating_sub(WORDS).clamp(16, 80));
    }
    let wide = |ns: Option<u64>| ns.map(u128::from);
    let shares = |title, rank, of: &dyn Fn(&SpanTimes) -> u64| {
        let cell = |row: &Row<'_>| {
            part(of(&row.times), whole(&row.times)).map_or_else(|| "-".to_owned(), percent)
        };
        Column::new(title, rank, rows.iter().map(cell).collect())
    };
    let share =
        |title, rank, of: &dyn Fn(&Times) -> u64| shares(title, rank, &|times| of(&times.all));
    let mut columns = vec![
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
    if rows.iter().any(|row| row.times.interleaved > 0) {
        columns.push(shares("interleaved", 2, &|times| times.interleaved));
    }
    // Their time is in the shares, and in no latency.
    let mut number = |title, of: &dyn Fn(&Row<'_>) -> u64| {
        if rows.iter().any(|row| of(row) > 0) {
            let cells = rows.iter().map(|row| of(row).to_string());
            columns.push(Column::new(title, 3, cells.collect()));
        }
    };
    number("open", &|row| row.open);
    number("no exit", &|row| row.stats.inferred.total());
    grid::draw(out, "tags", &labels, columns, style);
}

/// What shares are of: a span's time and, where its thread did the work of others meanwhile, that time too.
fn whole(times: &SpanTimes) -> u64 {
    times.all.wall.saturating_add(times.interleaved)
}

fn part(of: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| of as f64 / whole as f64)
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}
