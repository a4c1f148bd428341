//! How often spans were, and how long they took.

use super::contract::{Data, View};
use super::model::{Cell, Column, Model, Unit};
use super::tree::{self, Get};
use crate::measure::summary::Row;

pub(super) const VIEW: View = View {
    name: "summary",
    help: "how often spans were entered and how long they took",
    activity: false,
    single: false,
    calls: false,
    make,
};

fn make(data: &Data<'_>) -> Model {
    let count = |title, rank, get: Get| (Column::new(title, Unit::Count, rank), get);
    let time = |title, rank, get: Get| (Column::new(title, Unit::Ns, rank), get);
    let mut columns = vec![
        count("hits", 0, |row| Cell::Number(row.stats.hits())),
        count("open", 6, |row| Cell::Number(row.open)),
        time("total", 2, |row| hits_only(row, row.stats.duration.sum())),
        time("avg", 1, |row| Cell::ns(row.stats.duration.mean())),
        time("min", 9, |row| Cell::ns(row.stats.duration.min())),
        time("max", 5, |row| Cell::ns(row.stats.duration.max())),
        time("p50", 7, |row| quantile(row, 0.5)),
        time("p90", 10, |row| quantile(row, 0.9)),
        time("p99", 4, |row| quantile(row, 0.99)),
        time("p999", 12, |row| quantile(row, 0.999)),
        time("self", 8, |row| hits_only(row, row.stats.self_ns)),
        count("child hits", 11, |row| Cell::Number(row.stats.child_hits)),
    ];
    let errors: Get = |row| Cell::Number(row.stats.errors);
    if data.rows.iter().any(|row| row.stats.errors > 0) {
        columns.push(count("errors", 3, errors));
    }
    let no_exit: Get = |row| Cell::Number(row.stats.inferred.total());
    if data.rows.iter().any(|row| row.stats.inferred.total() > 0) {
        columns.push(count("no exit", 3, no_exit));
    }
    Model::Table(tree::table(data.rows, columns))
}

fn quantile(row: &Row<'_>, q: f64) -> Cell {
    Cell::ns(row.stats.duration.quantile(q))
}

/// A sum over the spans that ended by their exit marker: of none there is none.
fn hits_only(row: &Row<'_>, sum: u128) -> Cell {
    Cell::ns((row.stats.hits() > 0).then_some(sum))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::measure::summary::Limits;

    #[test]
    fn values() {
        let limits = Limits {
            paths: 3,
            ..Limits::default()
        };
        let summary = fixture::with_inferred(fixture::shop(limits));
        let model = fixture::data(&summary, &fixture::clean(), &[], make);
        insta::assert_snapshot!(fixture::values(&model));
    }
}
