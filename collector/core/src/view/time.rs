//! Where the time of spans went, and why.

use super::contract::{Data, View};
use super::model::{Cell, Column, Model, Unit};
use super::reasons::{of_row, whole};
use super::tree::{self, Get};
use super::waits;
use crate::activity::Times;
use crate::measure::summary::Row;

pub(super) const VIEW: View = View {
    name: "time",
    help: "where the time of spans went, on the cpu, runnable and blocked, and in what",
    activity: true,
    single: false,
    calls: false,
    make,
};

/// The rows with the shares of their time, and the largest parts of it in words.
fn make(data: &Data<'_>) -> Model {
    let share = |title, rank, get: Get| (Column::new(title, Unit::Share, rank), get);
    let time = |title, rank, get: Get| (Column::new(title, Unit::Ns, rank), get);
    let count = |title, rank, get: Get| (Column::new(title, Unit::Count, rank), get);
    let mut columns = vec![
        count("hits", 0, |row| Cell::Number(row.stats.hits())),
        time("avg", 1, |row| Cell::ns(row.stats.duration.mean())),
        time("p99", 4, |row| Cell::ns(row.stats.duration.quantile(0.99))),
        share("on cpu", 2, |row| part(row, Times::on_cpu)),
        share("user", 6, |row| part(row, Times::user)),
        share("kernel", 5, |row| part(row, |times| times.kernel)),
        share("runnable", 3, |row| part(row, |times| times.runnable)),
        share("blocked", 2, |row| part(row, |times| times.blocked)),
    ];
    if data.rows.iter().any(|row| row.times.interleaved > 0) {
        columns.push(share("interleaved", 2, |row| {
            Cell::share(row.times.interleaved, whole(&row.times))
        }));
    }
    // Their time is in the shares, and in no latency.
    if data.rows.iter().any(|row| row.open > 0) {
        columns.push(count("open", 3, |row| Cell::Number(row.open)));
    }
    if data.rows.iter().any(|row| row.stats.inferred.total() > 0) {
        let no_exit: Get = |row| Cell::Number(row.stats.inferred.total());
        columns.push(count("no exit", 3, no_exit));
    }
    let mut table = tree::table(data.rows, columns);
    let mut unnamed = false;
    for (line, row) in table.rows.iter_mut().zip(data.rows) {
        let family = data.families.and_then(|of| of.of(&row.path));
        let said = waits::said(of_row(row, data.names), family, data.names);
        (line.notes, line.waits) = (said.notes, said.waits);
        unnamed |= said.unnamed;
    }
    if unnamed && data.families.is_none() {
        waits::hint(&mut table.below);
    }
    Model::Table(table)
}

fn part(row: &Row<'_>, of: fn(&Times) -> u64) -> Cell {
    Cell::share(of(&row.times.all), whole(&row.times))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn values() {
        let model = fixture::data(&fixture::busy(), &fixture::clean(), &[], make);
        insta::assert_snapshot!(fixture::values(&model));
    }
}
