//! Tables for a terminal.

use std::ops::RangeInclusive;

use nulltrace_core::view::model::{Cell, Column, Row, RowKind, Table, Unit};

use super::grid::{self, Label};
use super::paint::{BOLD, DIM, Style, YELLOW, line};
use super::plain::{self, sentence};
use crate::show::duration::human;
use crate::show::moment;
use crate::show::value::{self, bytes, percent};
use crate::text::{safe, safe_end_within, safe_within};

/// Columns of the terminal that names beside the first are cut to: as many as there is room for.
const NAMES: RangeInclusive<usize> = 8..=40;

pub(super) fn draw(out: &mut String, table: &Table, style: Style) {
    match table.rows.is_empty() {
        true => plain::draw(out, &table.empty, style),
        false => rows(out, table, style),
    }
    plain::draw(out, &table.below, style);
    for of in &table.left_out {
        line(out, style, YELLOW, &sentence(&of.words, style));
    }
}

fn rows(out: &mut String, table: &Table, style: Style) {
    let count = table.rows.len().min(table.shown.unwrap_or(usize::MAX));
    let total = total(table);
    let rows: Vec<_> = table.rows[..count].iter().chain(&total).collect();
    let mut labels: Vec<_> = rows.iter().map(|row| label(row, table, style)).collect();
    if total.is_some()
        && let Some(last) = labels.last_mut()
    {
        last.code = BOLD;
    }
    let title = table.columns.first().map_or("", |column| &column.title);
    grid::draw(out, title, &labels, columns(table, &rows, style), style);
    let more = table.rows.len() - count;
    if more > 0 {
        let rows = if more == 1 { "row" } else { "rows" };
        let text = format!("{more} more {rows}: --json has all");
        line(out, style, DIM, &text);
    }
}

/// The row of totals, if there are any.
fn total(table: &Table) -> Option<Row> {
    let names = (0..table.tree).map(|_| Cell::from("total"));
    let cells = names.chain(table.totals.iter().cloned()).collect();
    (!table.totals.is_empty()).then(|| Row::new(0, cells))
}

/// The beginning of a row: its name in the last of the levels that it has.
fn label(row: &Row, table: &Table, style: Style) -> Label {
    let mut levels = row.cells.iter().take(table.tree).rev();
    // A heading is the name of its own level, also where that has none.
    let name = match row.cells.len() <= table.tree {
        true => levels.next().filter(|cell| **cell != Cell::Absent),
        false => levels.find(|cell| **cell != Cell::Absent),
    };
    let (text, code) = match &row.kind {
        RowKind::Others { words, .. } => {
            let text = value::words(words, |text, _| String::from_utf8_lossy(text).into_owned());
            (text.into_bytes(), DIM)
        }
        RowKind::Plain => (name.map_or_else(|| b"-".to_vec(), raw), ""),
    };
    Label {
        depth: row.depth,
        text,
        code,
        end: matches!((&row.kind, name), (RowKind::Plain, Some(Cell::Path(_)))),
        notes: row.notes.iter().map(|note| sentence(note, style)).collect(),
    }
}

/// The name of a row, not yet safe.
fn raw(cell: &Cell) -> Vec<u8> {
    match cell {
        Cell::Text(text) | Cell::Path(text) => text.to_vec(),
        Cell::Args(args) if !args.is_empty() => value::args(args),
        Cell::Tags { path, own } => path.ending(*own),
        other => shown(other, Unit::None).into_bytes(),
    }
}

/// The columns beside the names of the rows.
fn columns(table: &Table, rows: &[&Row], style: Style) -> Vec<grid::Column> {
    let all = || table.columns.iter().enumerate().skip(table.tree);
    // All names are there, as without one of them rows would look the same: where it is narrow they are cut
    // shorter. Beside them there are the first column and numbers.
    let names = |most| -> Vec<_> {
        let names = all().filter(|(_, column)| column.left);
        names
            .map(|(at, column)| text_column(column, at, rows, most))
            .collect()
    };
    let room = style.width * 2 / 3;
    let fits = |columns: &Vec<grid::Column>| {
        let taken: usize = columns.iter().map(grid::Column::taken).sum();
        taken <= room
    };
    let found = NAMES.rev().map(names).find(fits);
    let mut names = found.unwrap_or_else(|| names(*NAMES.start())).into_iter();
    all()
        .filter_map(|(at, column)| match column.left {
            true => names.next(),
            false => Some(number_column(column, at, rows)),
        })
        .collect()
}

fn text_column(column: &Column, at: usize, rows: &[&Row], most: usize) -> grid::Column {
    let cell = |row: &&Row| match row.cells.get(at) {
        _ if is_blank(row, at, column.unit) => String::new(),
        Some(Cell::Path(text)) => safe_end_within(text, most),
        Some(cell) => safe_within(&raw(cell), most),
        None => String::new(),
    };
    let title = column.title.clone();
    grid::Column::text(title, column.rank, rows.iter().map(cell).collect())
}

fn number_column(column: &Column, at: usize, rows: &[&Row]) -> grid::Column {
    let blank = |row: &Row| is_blank(row, at, column.unit);
    let mut cells: Vec<String> = match column.unit {
        Unit::Ns => grid::aligned(rows.iter().map(|row| match row.cells.get(at) {
            Some(Cell::Ns(ns)) => Some(human(*ns)),
            _ => None,
        })),
        unit => {
            let cell = |row: &&Row| shown(row.cells.get(at).unwrap_or(&Cell::Absent), unit);
            rows.iter().map(cell).collect()
        }
    };
    for (cell, row) in cells.iter_mut().zip(rows) {
        if blank(row) {
            cell.clear();
        }
    }
    grid::Column::new(column.title.clone(), column.rank, cells)
}

/// Whether a row has nothing to do with a column: a heading with any, the sum of others with names.
fn is_blank(row: &Row, at: usize, unit: Unit) -> bool {
    match row.cells.get(at) {
        None => true,
        Some(Cell::Absent) => row.kind != RowKind::Plain && unit == Unit::None,
        Some(_) => false,
    }
}

/// A value as safe text.
fn shown(cell: &Cell, unit: Unit) -> String {
    match cell {
        Cell::Absent | Cell::Bytes(0) => "-".to_owned(),
        Cell::Text(text) | Cell::Path(text) => safe(text),
        Cell::Tags { path, .. } => safe(&path.text()),
        Cell::Number(n) => n.to_string(),
        Cell::Id(id) => match value::id(*id) {
            id if id.is_empty() => "-".to_owned(),
            id => id,
        },
        Cell::Args(args) if args.is_empty() => "-".to_owned(),
        Cell::Args(args) => safe(&value::args(args)),
        Cell::Time(ns) => moment::time_of_day(*ns),
        Cell::Ns(ns) => human(*ns),
        Cell::Bytes(n) => bytes(*n),
        Cell::Share(part) => percent(*part),
        Cell::Counts(counts) => {
            let names = match unit {
                Unit::Counts(names) => names,
                _ => &[],
            };
            let named = counts.iter().zip(names).filter(|(n, _)| **n > 0);
            let texts: Vec<_> = named.map(|(n, name)| format!("{n} {name}")).collect();
            match texts.is_empty() {
                true => "-".to_owned(),
                false => texts.join(", "),
            }
        }
    }
}
