//! Models as JSON.

use nulltrace_core::view::Model;
use nulltrace_core::view::model::{
    Cell, Column, Flame, Heat, Row, RowKind, Table, Text, Timeline, Unit, Wait, Words,
};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::plain::object;
use crate::show::{marker, moment, value};

/// A view by its name, and what its model has.
pub(super) struct ViewKeys<'a> {
    name: &'a str,
    model: &'a Model,
}

impl<'a> ViewKeys<'a> {
    pub(super) const fn new(name: &'a str, model: &'a Model) -> Self {
        Self { name, model }
    }
}

impl Serialize for ViewKeys<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = to.serialize_map(None)?;
        keys.serialize_entry("name", self.name)?;
        match self.model {
            Model::Table(table) => entries(&mut keys, table)?,
            Model::Heat(of) => keys.serialize_entry("heat", &heat(of))?,
            Model::Flame(of) => keys.serialize_entry("flame", &flame(of))?,
            Model::Timeline(of) => keys.serialize_entry("timeline", &timeline(of))?,
            Model::Text(of) => keys.serialize_entry("text", &text(of))?,
        }
        keys.end()
    }
}

fn entries<M: SerializeMap>(keys: &mut M, table: &Table) -> Result<(), M::Error> {
    let column = |of: &Column| json!({"key": of.key, "unit": of.unit.name()});
    let columns: Vec<_> = table.columns.iter().map(column).collect();
    let row = |row| RowKeys { row, table };
    let rows: Vec<_> = table.rows.iter().map(row).collect();
    keys.serialize_entry("columns", &columns)?;
    keys.serialize_entry("rows", &rows)?;
    if !table.totals.is_empty() {
        let columns = &table.columns[table.tree.min(table.columns.len())..];
        let cells = &table.totals;
        keys.serialize_entry("totals", &Cells { columns, cells })?;
    }
    if !table.left_out.is_empty() {
        let of = table.left_out.iter();
        let of = of.map(|of| json!({"of": of.of, "count": of.count, "at_least": of.at_least}));
        keys.serialize_entry("left_out", &of.collect::<Vec<_>>())?;
    }
    Ok(())
}

struct RowKeys<'a> {
    row: &'a Row,
    table: &'a Table,
}

impl Serialize for RowKeys<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = to.serialize_map(None)?;
        cells(&mut keys, &self.table.columns, &self.row.cells)?;
        keys.serialize_entry("depth", &self.row.depth)?;
        if let RowKind::Others {
            count, at_least, ..
        } = self.row.kind
        {
            let others = json!({"count": count, "at_least": at_least});
            keys.serialize_entry("others", &others)?;
        }
        if !self.row.notes.is_empty() {
            let notes: Vec<_> = self.row.notes.iter().map(sentence).collect();
            keys.serialize_entry("notes", &notes)?;
        }
        if !self.row.waits.is_empty() {
            let waits: Vec<_> = self.row.waits.iter().map(wait).collect();
            keys.serialize_entry("waits", &waits)?;
        }
        keys.end()
    }
}

struct Cells<'a> {
    columns: &'a [Column],
    cells: &'a [Cell],
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = to.serialize_map(None)?;
        cells(&mut keys, self.columns, self.cells)?;
        keys.end()
    }
}

fn cells<M: SerializeMap>(
    keys: &mut M,
    columns: &[Column],
    cells: &[Cell],
) -> Result<(), M::Error> {
    for (column, cell) in columns.iter().zip(cells) {
        let key = &column.key;
        match cell {
            // A sum may be more than 64 bits hold.
            Cell::Ns(ns) => keys.serialize_entry(key, ns)?,
            cell => keys.serialize_entry(key, &value_of(cell, column.unit))?,
        }
    }
    Ok(())
}

fn value_of(cell: &Cell, unit: Unit) -> Value {
    match cell {
        Cell::Absent => Value::Null,
        Cell::Text(text) | Cell::Path(text) => lossy(text).into(),
        Cell::Tags { path, .. } => {
            let tags = path.segments().iter().map(|tag| lossy(tag));
            tags.collect::<Vec<_>>().into()
        }
        Cell::Number(n) | Cell::Bytes(n) => (*n).into(),
        Cell::Id(id) => marker::id(*id),
        Cell::Args(args) => marker::args(args.iter()),
        Cell::Time(ns) => moment::rfc_3339(*ns).into(),
        Cell::Ns(ns) => u64::try_from(*ns).unwrap_or(u64::MAX).into(),
        Cell::Share(part) => (*part).into(),
        Cell::Counts(counts) => {
            let names = match unit {
                Unit::Counts(names) => names,
                _ => &[],
            };
            let counts = names.iter().copied().zip(counts.iter().copied());
            object(counts.filter(|&(_, n)| n > 0)).into()
        }
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

fn sentence(words: &Words) -> String {
    value::words(words, |text, _| lossy(text))
}

fn wait(of: &Wait) -> Value {
    let most = &of.most;
    let parts = most.parts.iter().map(|part| {
        json!({"state": part.state, "share": part.share, "what": sentence(&part.what).trim_start()})
    });
    json!({
        "call": of.call, "share": of.share, "children": of.children, "at_least": of.at_least,
        "most": {
            "name": lossy(&most.name), "pid": most.pid, "children": most.children,
            "alive_ns": most.alive, "on_cpu_ns": most.on_cpu, "runnable_ns": most.runnable,
            "blocked_ns": most.blocked, "parts": parts.collect::<Vec<_>>(),
        },
    })
}

fn heat(of: &Heat) -> Value {
    json!({
        "start_ns": of.start_ns, "step_ns": of.step_ns, "rows_ns": of.rows, "counts": of.counts,
    })
}

fn flame(of: &Flame) -> Value {
    let frames = of.frames.iter().map(|frame| {
        json!({
            "name": lossy(&frame.name), "depth": frame.depth, "total": frame.total, "self": frame.own,
        })
    });
    json!({"unit": of.unit.name(), "frames": frames.collect::<Vec<_>>()})
}

fn timeline(of: &Timeline) -> Value {
    let tracks = of.tracks.iter().map(|track| {
        let intervals = track.intervals.iter().map(
            |of| json!({"name": lossy(&of.name), "start_ns": of.start_ns, "end_ns": of.end_ns}),
        );
        json!({
            "name": lossy(&track.name), "depth": track.depth,
            "intervals": intervals.collect::<Vec<_>>(),
        })
    });
    json!({
        "start_ns": of.start_ns, "end_ns": of.end_ns, "tracks": tracks.collect::<Vec<_>>(),
    })
}

fn text(of: &Text) -> Value {
    let lines = of.lines.iter().map(|line| sentence(&line.words));
    lines.collect::<Vec<_>>().into()
}
