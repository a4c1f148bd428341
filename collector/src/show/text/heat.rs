//! Spectrograms for a terminal: time goes to the right, durations go up, and the colour is how many.

use nulltrace_core::view::model::Heat;

use super::axis;
use super::paint::{DIM, Style, line, paint};
use crate::show::duration::human;
use crate::text::width;

/// From none to the most, where there are no colours.
const SHADES: &[u8; LEVELS] = b" .:-=+*#%@";
/// The same in colours, of the 256 that terminals have.
const COLORS: [&str; LEVELS] = [
    "", "48;5;22", "48;5;28", "48;5;34", "48;5;70", "48;5;106", "48;5;142", "48;5;178", "48;5;208",
    "48;5;196",
];
const LEVELS: usize = 10;
/// Columns of time are at least so many, however narrow it is.
const COLUMNS_MIN: usize = 8;

pub(super) fn draw(out: &mut String, heat: &Heat, style: Style) {
    let labels: Vec<_> = heat.rows.iter().map(|&ns| human(ns.into())).collect();
    let widest = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let room = style.width.saturating_sub(widest + 1).max(COLUMNS_MIN);
    // Where there is no room for all, some columns are one.
    let each = heat.counts.len().div_ceil(room).max(1);
    let columns = heat.counts.len().div_ceil(each);
    let count = |column: usize, row: usize| -> u64 {
        let parts = column * each..(column + 1) * each;
        parts.fold(0, |sum, at| sum.saturating_add(heat.count(at, row)))
    };
    let cells = (0..columns).flat_map(|column| (0..labels.len()).map(move |row| (column, row)));
    let most = cells.map(|(column, row)| count(column, row)).max();
    let most = most.unwrap_or(0);
    for (row, label) in labels.iter().enumerate().rev() {
        let room = " ".repeat(widest - width(label));
        paint(out, style, DIM, &format!("{room}{label}"));
        out.push(' ');
        let levels: Vec<_> = (0..columns).map(|at| level(count(at, row), most)).collect();
        cells_of(out, &levels, style);
        out.push('\n');
    }
    let end = (heat.counts.len() as u64).saturating_mul(heat.step_ns);
    let times = (heat.start_ns, heat.start_ns.saturating_add(end));
    axis::draw(out, times, widest + 1, columns, style);
    let legend = format!("{}the most in one place: {most}", " ".repeat(widest + 1));
    line(out, style, DIM, &legend);
}

/// One row, cells of one level in one colour.
fn cells_of(out: &mut String, levels: &[usize], style: Style) {
    for run in levels.chunk_by(|a, b| a == b) {
        let level = run.first().copied().unwrap_or(0);
        let shade = match style.color {
            true => ' ',
            false => char::from(SHADES[level]),
        };
        let text: String = run.iter().map(|_| shade).collect();
        paint(out, style, COLORS[level], &text);
    }
}

/// By its logarithm: one is seen beside thousands.
fn level(count: u64, most: u64) -> usize {
    match (count, most) {
        (0, _) => 0,
        (_, 0 | 1) => LEVELS - 1,
        _ => {
            let part = (count as f64).ln() / (most as f64).ln();
            1 + ((part * (LEVELS - 2) as f64) as usize).min(LEVELS - 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_seen_beside_any() {
        for most in [1, 2, 9, u64::MAX] {
            assert_eq!((level(0, most), level(most, most)), (0, 9));
            assert!(most == 1 || level(1, most) == 1);
        }
        assert_eq!(level(10, 100), 5);
    }
}
