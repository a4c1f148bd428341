//! A table of calls, under the spans that made them.

use nulltrace_core::measure::calls::{CallStats, ERROR_NAMES};

use super::grid::{self, Column, DIM, Label, Style, times};
use super::syscalls;

/// The rows; columns are made from them in the end.
#[derive(Default)]
pub(super) struct Sheet {
    labels: Vec<Label>,
    rows: Vec<Option<(&'static str, CallStats)>>,
    depth: usize,
}

impl Sheet {
    /// A span, of which nothing but its name is shown.
    pub(super) fn span(&mut self, label: Label) {
        self.depth = label.depth + 1;
        self.labels.push(label);
        self.rows.push(None);
    }

    /// Calls of the span before. `kind` is that of the file they were on, and empty if they share none.
    pub(super) fn calls(&mut self, text: Vec<u8>, kind: &'static str, calls: CallStats) {
        self.row(text, "", kind, calls);
    }

    /// Calls that have no row of their own.
    pub(super) fn rest(&mut self, text: &str, calls: CallStats) {
        self.row(text.as_bytes().to_vec(), DIM, "", calls);
    }

    fn row(&mut self, text: Vec<u8>, code: &'static str, kind: &'static str, calls: CallStats) {
        self.labels.push(Label {
            depth: self.depth,
            text,
            code,
            // What has a kind is a file, and the end of its name says most.
            end: !kind.is_empty(),
            notes: Vec::new(),
        });
        self.rows.push(Some((kind, calls)));
    }

    pub(super) fn kind(&self, title: &'static str, rank: u8) -> Column {
        let cell = |row: &Option<(&str, _)>| row.as_ref().map_or("", |(kind, _)| kind).to_owned();
        Column::new(title, rank, self.rows.iter().map(cell).collect())
    }

    pub(super) fn number(
        &self,
        title: &'static str,
        rank: u8,
        cell: &dyn Fn(&CallStats) -> String,
    ) -> Column {
        let cells = self.each().map(|calls| calls.map(cell).unwrap_or_default());
        Column::new(title, rank, cells.collect())
    }

    pub(super) fn bytes(
        &self,
        title: &'static str,
        rank: u8,
        cell: &dyn Fn(&CallStats) -> u64,
    ) -> Column {
        self.number(title, rank, &|calls| match cell(calls) {
            0 => "-".to_owned(),
            n => syscalls::bytes(n),
        })
    }

    pub(super) fn time(
        &self,
        title: &'static str,
        rank: u8,
        cell: &dyn Fn(&CallStats) -> u64,
    ) -> Column {
        self.times(title, rank, &|calls| Some(cell(calls)))
    }

    /// A time that only calls which returned have.
    pub(super) fn per_call(
        &self,
        title: &'static str,
        rank: u8,
        cell: &dyn Fn(&CallStats) -> u64,
    ) -> Column {
        self.times(title, rank, &|calls| (calls.count > 0).then(|| cell(calls)))
    }

    fn times(
        &self,
        title: &'static str,
        rank: u8,
        cell: &dyn Fn(&CallStats) -> Option<u64>,
    ) -> Column {
        let cells = self
            .each()
            .map(|calls| calls.and_then(cell).map(u128::from));
        let mut texts = times(cells);
        for (text, calls) in texts.iter_mut().zip(self.each()) {
            if calls.is_none() {
                text.clear();
            }
        }
        Column::new(title, rank, texts)
    }

    fn each(&self) -> impl Iterator<Item = Option<&CallStats>> {
        self.rows
            .iter()
            .map(|row| row.as_ref().map(|(_, calls)| calls))
    }

    pub(super) fn draw(&self, out: &mut String, columns: Vec<Column>, style: Style) {
        grid::draw(out, "tags", &self.labels, columns, style);
    }
}

/// How many failed, by class.
pub(super) fn errors(calls: &CallStats) -> String {
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
