//! Models as CSV (RFC 4180, with plain line feeds), for spreadsheets and databases.
//!
//! The first line has the keys of the columns, each with its unit behind it where it has one and does not say so
//! itself: `total_ns`, `in_bytes`. Values are whole numbers of that unit, and shares parts of 1. Each row says
//! all of its name: its whole tag path, and what it is under that. Rows that are nothing but the heading of
//! others are left out. A count by class, as that of errors, is a column for each class.
//!
//! The column `others` is 0 but where a row is the sum of several that have none of their own: there it is how
//! many, as far as they could be counted. `notes` is there if any row has some.
//!
//! Text of others is made safe as for a terminal: control characters and the backslash are escapes. A text that
//! a spreadsheet would take for a formula, as it begins with `=`, `+`, `-` or `@`, has a `'` before it.

use std::borrow::Cow;

use ::csv::Writer;
use nulltrace_core::view::Model;
use nulltrace_core::view::model::{
    Cell, Column, Flame, Heat, Row, RowKind, Table, Text, Timeline, Unit, Words,
};

use super::{moment, value};
use crate::text::safe;

/// A model.
#[must_use]
pub fn csv(model: &Model) -> Vec<u8> {
    let mut out = Out(Writer::from_writer(Vec::new()));
    match model {
        Model::Table(of) => table(&mut out, of),
        Model::Heat(of) => heat(&mut out, of),
        Model::Flame(of) => flame(&mut out, of),
        Model::Timeline(of) => timeline(&mut out, of),
        Model::Text(of) => text(&mut out, of),
    }
    out.0.into_inner().unwrap_or_default()
}

/// Lines in memory, writing to which does not fail.
struct Out(Writer<Vec<u8>>);

impl Out {
    fn line(&mut self, fields: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        let _ = self.0.write_record(fields);
    }
}

fn table(out: &mut Out, table: &Table) {
    let notes = table.rows.iter().any(|row| !row.notes.is_empty());
    let mut header: Vec<_> = table.columns.iter().flat_map(names).collect();
    header.push("others".to_owned());
    header.extend(notes.then(|| "notes".to_owned()));
    out.line(&header);
    let rows = table.rows.iter();
    for row in rows.filter(|row| row.cells.len() > table.tree) {
        out.line(fields(row, table, notes));
    }
}

/// What a column, or each of its parts, is called.
fn names(column: &Column) -> Vec<String> {
    match column.unit {
        Unit::Counts(names) => {
            let names = names.iter().map(|name| format!("{}_{name}", column.key));
            names.collect()
        }
        Unit::None | Unit::Count => vec![column.key.to_string()],
        Unit::Ns | Unit::Bytes | Unit::Share => vec![with_unit(&column.key, column.unit)],
    }
}

fn with_unit(key: &str, unit: Unit) -> String {
    match unit.name() {
        Some(unit) if key.split(['_', '.']).all(|word| word != unit) => format!("{key}_{unit}"),
        _ => key.to_owned(),
    }
}

fn fields(row: &Row, table: &Table, notes: bool) -> Vec<String> {
    let mut fields = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let cell = row.cells.get(at).unwrap_or(&Cell::Absent);
        match (cell, column.unit) {
            (Cell::Counts(counts), Unit::Counts(names)) => {
                let count = |at: usize| counts.get(at).copied().unwrap_or_default().to_string();
                fields.extend((0..names.len()).map(count));
            }
            (_, Unit::Counts(names)) => fields.extend(names.iter().map(|_| String::new())),
            _ => fields.push(field(cell)),
        }
    }
    let others = match row.kind {
        RowKind::Plain => 0,
        RowKind::Others { count, .. } => count,
    };
    fields.push(others.to_string());
    if notes {
        let notes: Vec<_> = row.notes.iter().map(sentence).collect();
        fields.push(tame(notes.join("; ")));
    }
    fields
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Absent | Cell::Counts(_) => String::new(),
        Cell::Text(text) | Cell::Path(text) => others(text),
        Cell::Tags { path, .. } => others(&path.text()),
        Cell::Number(n) | Cell::Bytes(n) => n.to_string(),
        Cell::Id(id) => value::id(*id),
        Cell::Args(args) => others(&value::args(args)),
        Cell::Time(ns) => moment::rfc_3339(*ns),
        Cell::Ns(ns) => ns.to_string(),
        Cell::Share(part) => part.to_string(),
    }
}

/// Text of others.
fn others(text: &[u8]) -> String {
    tame(safe(text))
}

/// Safe text that no spreadsheet takes for a formula.
fn tame(text: String) -> String {
    match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text,
    }
}

fn sentence(words: &Words) -> String {
    value::words(words, |text, _| safe(text))
}

fn heat(out: &mut Out, heat: &Heat) {
    out.line(["start_ns", "duration_ns", "count"]);
    for column in 0..heat.counts.len() {
        let start = (column as u64).saturating_mul(heat.step_ns);
        let start = heat.start_ns.saturating_add(start);
        for (row, &duration) in heat.rows.iter().enumerate() {
            out.line([start, duration, heat.count(column, row)].map(|n| n.to_string()));
        }
    }
}

/// Frames with their stacks: a name, and before it those that it is a part of, each with a `;` behind it.
fn flame(out: &mut Out, flame: &Flame) {
    let [total, own] = ["total", "self"].map(|key| match flame.unit {
        Unit::Count => key.to_owned(),
        unit => with_unit(key, unit),
    });
    out.line(["stack", &total, &own]);
    let mut stack: Vec<Cow<'_, str>> = Vec::new();
    for frame in &flame.frames {
        stack.truncate(frame.depth);
        stack.push(safe(&frame.name).into());
        let stack = tame(stack.join(";"));
        out.line([stack, frame.total.to_string(), frame.own.to_string()]);
    }
}

fn timeline(out: &mut Out, timeline: &Timeline) {
    out.line(["track", "name", "start_ns", "end_ns"]);
    for track in &timeline.tracks {
        for of in &track.intervals {
            let times = [of.start_ns, of.end_ns].map(|n| n.to_string());
            let names = [others(&track.name), others(&of.name)];
            out.line(names.into_iter().chain(times));
        }
    }
}

fn text(out: &mut Out, text: &Text) {
    out.line(["text"]);
    for line in &text.lines {
        out.line([tame(sentence(&line.words))]);
    }
}
