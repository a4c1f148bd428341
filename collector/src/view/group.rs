//! Calls by any fields: a table for people, rows for programs.

use std::ops::RangeInclusive;

use nulltrace_core::measure::groups::{Groups, Kind, Row};
use nulltrace_core::query::field::{Source, Value as Field};
use nulltrace_core::query::metric::{Metric, Unit};
use nulltrace_core::query::plan::Plan;
use serde_json::{Map, Value, json};

use super::grid::{self, Column, DIM, Label, Style, YELLOW, paint, times};
use super::syscalls;
use super::table::plural;
use super::text::{safe_end_within, safe_within};

/// Rows a person is shown; programs get all.
const SHOWN: usize = 50;
/// Columns of the terminal that long values beside the first are cut to: as many as there is room for.
const VALUES: RangeInclusive<usize> = 8..=40;

/// A row for each group, the largest first sum first.
pub(super) fn draw(out: &mut String, groups: &Groups, style: Style) {
    let rows = groups.rows();
    let Some(last) = rows.last() else {
        paint(out, style, DIM, "no system calls of that kind");
        out.push('\n');
        return untold(out, groups, style);
    };
    let plan = groups.plan();
    let shown = &rows[..rows.len().min(SHOWN)];
    let title = plan.by().first().map(ToString::to_string);
    let labels: Vec<_> = shown.iter().map(|row| label(row, ends(plan, 0))).collect();
    let mut columns = values(shown, groups, style);
    for (at, &metric) in plan.sums().iter().enumerate() {
        // The first is what was asked for: it and its share go last.
        let rank = match at {
            0 => 0,
            _ => 3 + u8::try_from(at).unwrap_or(u8::MAX - 3),
        };
        columns.push(Column::new(metric.name(), rank, cells(shown, metric)));
        if at == 0 {
            columns.push(Column::new("share", 2, shares(shown, groups, metric)));
        }
    }
    if !plan.sums().contains(&Metric::Count) {
        columns.push(Column::new("count", 3, cells(shown, Metric::Count)));
    }
    grid::draw(out, &title.unwrap_or_default(), &labels, columns, style);
    let mut line = |code, text: String| {
        paint(out, style, code, &text);
        out.push('\n');
    };
    let more = rows.len() - shown.len();
    if more > 0 {
        let rows = plural(more as u64, "more row");
        line(DIM, format!("{rows}: --json has all"));
    }
    if let Kind::Overflow { groups, at_least } = last.kind {
        let least = if at_least { "at least " } else { "" };
        let groups = plural(groups, "group");
        line(
            YELLOW,
            format!("{least}{groups} had no room for rows of their own"),
        );
    }
    untold(out, groups, style);
}

/// What may be missing from the rows.
fn untold(out: &mut String, groups: &Groups, style: Style) {
    let sums = groups.untold();
    let count = sums.get(Metric::Count);
    if count == 0 {
        return;
    }
    let calls = plural(count, "call");
    let bytes = match sums.get(Metric::Bytes) {
        0 => String::new(),
        n => format!(" with {}", syscalls::bytes(n)),
    };
    let text = format!("left out: {calls}{bytes} on files that were not told apart");
    paint(out, style, YELLOW, &text);
    out.push('\n');
}

/// Whether the end of a field's values says most, as it does of paths.
fn ends(plan: &Plan, at: usize) -> bool {
    let field = plan.by().get(at);
    field.is_some_and(|field| field.info().source == Source::File)
}

/// The fields beside the first. All are there, as without one of them rows would look the same: where it
/// is narrow they are cut shorter.
fn values(shown: &[Row<'_>], groups: &Groups, style: Style) -> Vec<Column> {
    let plan = groups.plan();
    let column = |at: usize, most: usize| {
        let cell = |row: &Row<'_>| match row.kind {
            Kind::Group(values) if ends(plan, at) => safe_end_within(&text(&values[at]), most),
            Kind::Group(values) => safe_within(&text(&values[at]), most),
            Kind::Overflow { .. } => String::new(),
        };
        let title = plan.by()[at].to_string();
        Column::text(title, 0, shown.iter().map(cell).collect())
    };
    let columns = |most| -> Vec<_> { (1..plan.by().len()).map(|at| column(at, most)).collect() };
    // Beside the first field and the first sum.
    let room = style.width * 2 / 3;
    let fits = |columns: &Vec<Column>| columns.iter().map(Column::taken).sum::<usize>() <= room;
    let found = VALUES.rev().map(columns).find(fits);
    found.unwrap_or_else(|| columns(*VALUES.start()))
}

fn label(row: &Row<'_>, end: bool) -> Label {
    let (text, code) = match row.kind {
        Kind::Group(values) => (values.first().map(text).unwrap_or_default(), ""),
        Kind::Overflow { groups, at_least } => {
            let more = if at_least { "+" } else { "" };
            (format!("({groups}{more} more)").into_bytes(), DIM)
        }
    };
    Label {
        depth: 0,
        text,
        code,
        end,
        notes: Vec::new(),
    }
}

/// As it was told, or `-`; to be made safe.
fn text(value: &Field<'_>) -> Vec<u8> {
    match value {
        Field::Absent => b"-".to_vec(),
        Field::Text(text) => text.to_vec(),
        Field::Number(n) => n.to_string().into_bytes(),
        Field::Address(address) => address.to_string().into_bytes(),
        Field::Call(nr) => syscalls::name(*nr).into_bytes(),
    }
}

fn cells(rows: &[Row<'_>], metric: Metric) -> Vec<String> {
    let sums = rows.iter().map(|row| row.sums.get(metric));
    match metric.unit() {
        Unit::Calls => sums.map(|n| n.to_string()).collect(),
        Unit::Nanoseconds => times(sums.map(|ns| Some(ns.into()))),
        Unit::Bytes => sums
            .map(|n| match n {
                0 => "-".to_owned(),
                n => syscalls::bytes(n),
            })
            .collect(),
    }
}

/// Of all calls, each once: where a call is in several groups, these come to more than the whole.
fn shares(rows: &[Row<'_>], groups: &Groups, metric: Metric) -> Vec<String> {
    let whole = groups.total().get(metric);
    let share = |row: &Row<'_>| match whole {
        0 => "-".to_owned(),
        _ => format!(
            "{:.1} %",
            row.sums.get(metric) as f64 / whole as f64 * 100.0
        ),
    };
    rows.iter().map(share).collect()
}

/// The names of the fields.
pub(super) fn by(groups: &Groups) -> Vec<String> {
    groups.plan().by().iter().map(ToString::to_string).collect()
}

/// Each group's values and sums. What a call has not is null.
pub(super) fn rows(groups: &Groups) -> Vec<Map<String, Value>> {
    let plan = groups.plan();
    let names = by(groups);
    let row = |row: Row<'_>| {
        let mut keys = Map::new();
        for (at, name) in names.iter().enumerate() {
            let value = match row.kind {
                Kind::Group(values) => value(&values[at]),
                Kind::Overflow { .. } => Value::Null,
            };
            keys.insert(name.clone(), value);
        }
        for &metric in plan.sums().iter().chain([&Metric::Count]) {
            keys.insert(metric.name().to_owned(), row.sums.get(metric).into());
        }
        if let Kind::Overflow { groups, at_least } = row.kind {
            let overflow = json!({"groups": groups, "at_least": at_least});
            keys.insert("overflow".to_owned(), overflow);
        }
        keys
    };
    groups.rows().into_iter().map(row).collect()
}

/// What may be missing from the rows, if anything may.
pub(super) fn left_out(groups: &Groups) -> Option<Map<String, Value>> {
    let sums = groups.untold();
    let asked = groups.plan().sums().iter().chain([&Metric::Count]);
    let keys = asked.map(|&metric| (metric.name().to_owned(), sums.get(metric).into()));
    (sums.get(Metric::Count) > 0).then(|| keys.collect())
}

fn value(of: &Field<'_>) -> Value {
    match of {
        Field::Absent => Value::Null,
        Field::Number(n) => (*n).into(),
        Field::Text(_) | Field::Address(_) | Field::Call(_) => {
            String::from_utf8_lossy(&text(of)).into()
        }
    }
}

#[cfg(test)]
mod tests;
