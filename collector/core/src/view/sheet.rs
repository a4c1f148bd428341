//! A table of calls, under the spans that made them.

use super::model::{Cell, Column, Row as Line, RowKind, Table, Unit};
use super::tree;
use crate::measure::calls::{CallStats, ERROR_NAMES};
use crate::measure::summary::Row;

/// A column of calls, and what it has of them.
pub(super) type Metric = (Column, fn(&CallStats) -> Cell);

pub(super) fn count(rank: u8) -> Metric {
    let column = Column::new("calls", Unit::Count, rank);
    (column, |calls| Cell::Number(calls.count))
}

pub(super) fn bytes(title: &'static str, rank: u8, get: fn(&CallStats) -> Cell) -> Metric {
    (Column::new(title, Unit::Bytes, rank), get)
}

pub(super) fn time(title: &'static str, rank: u8, get: fn(&CallStats) -> Cell) -> Metric {
    (Column::new(title, Unit::Ns, rank), get)
}

/// How many failed, by class.
pub(super) fn errors(rank: u8) -> Metric {
    let column = Column::new("errors", Unit::Counts(&ERROR_NAMES), rank);
    (column, |calls| Cell::Counts(calls.errors.into()))
}

/// A time that only calls which returned have.
pub(super) fn per_call(calls: &CallStats, ns: u64) -> Cell {
    Cell::ns((calls.count > 0).then_some(ns))
}

/// The table as it grows.
pub(super) struct Sheet {
    /// Those of a row beside its tags that say what was called.
    names: Vec<Column>,
    metrics: Vec<Metric>,
    rows: Vec<Line>,
    /// The tags and the depth of the rows to come.
    tags: Cell,
    depth: usize,
}

impl Sheet {
    /// An empty table; the first of `names` is a level of the tree.
    pub(super) const fn new(names: Vec<Column>, metrics: Vec<Metric>) -> Self {
        Self {
            names,
            metrics,
            rows: Vec::new(),
            tags: Cell::Absent,
            depth: 0,
        }
    }

    /// A span, of which nothing but its name is shown.
    pub(super) fn span(&mut self, row: &Row<'_>) {
        let line = tree::line(row);
        self.depth = line.depth + 1;
        self.tags = line.cells.first().cloned().unwrap_or(Cell::Absent);
        self.rows.push(line);
    }

    /// Calls of the span before.
    pub(super) fn calls(&mut self, names: Vec<Cell>, calls: &CallStats) {
        self.row(names, calls, RowKind::Plain);
    }

    /// Calls that have no row of their own: those of `count` rows.
    pub(super) fn others(&mut self, calls: &CallStats, count: u64, at_least: bool, words: String) {
        let kind = RowKind::Others {
            count,
            at_least,
            words: vec![words.into()],
        };
        self.row(vec![Cell::Absent; self.names.len()], calls, kind);
    }

    fn row(&mut self, names: Vec<Cell>, calls: &CallStats, kind: RowKind) {
        let metrics = self.metrics.iter().map(|(_, get)| get(calls));
        let tags = std::iter::once(self.tags.clone());
        self.rows.push(Line {
            kind,
            ..Line::new(self.depth, tags.chain(names).chain(metrics).collect())
        });
    }

    pub(super) fn table(self) -> Table {
        let metrics = self.metrics.into_iter().map(|(column, _)| column);
        let columns = std::iter::once(tree::tags())
            .chain(self.names)
            .chain(metrics);
        Table {
            tree: 2,
            empty: tree::hint(),
            ..Table::new(columns.collect(), self.rows)
        }
    }
}
