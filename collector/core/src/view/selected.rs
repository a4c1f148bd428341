//! A view of the spans that were chosen, by the values of fields.

use super::contract::{Data, Names, View};
use super::groups::{self, many, name, no_room};
use super::model::{Cell, Column, LeftOut, Model, Row, RowKind, Table, Text, Tone};
use super::words::plural;
use crate::measure::groups::GroupKind;
use crate::measure::selected::{Group, Selection};

/// The model of the view, in a table with the values of the fields above the rows of each group.
pub(super) fn make(view: &View, data: &Data<'_>, selection: &Selection) -> Model {
    let slowest = selection.slowest();
    let rows = selection.grouped();
    let grouped = !selection.query().by().is_empty();
    let mut model = (view.make)(&Data {
        rows: if grouped { &rows } else { data.rows },
        slowest,
        ..*data
    });
    if let Model::Table(table) = &mut model {
        if grouped {
            group(table, selection, data.names);
        }
        table.left_out.extend(left_out(selection));
        table.empty = Text::default();
        let none = "no span matches";
        table.empty.say(Tone::Dim, [none.into()]);
    }
    model
}

/// Puts each row under those of its group's values.
fn group(table: &mut Table, selection: &Selection, names: &dyn Names) {
    let by = selection.query().by();
    let rows = std::mem::take(&mut table.rows).into_iter();
    let mut rows: Vec<_> = rows.map(|row| taken(row, selection)).collect();
    let rank = |group: &Option<Group>| {
        let rank = group.and_then(|group| selection.rank(group));
        rank.unwrap_or(usize::MAX)
    };
    rows.sort_by_key(|(group, _)| rank(group));
    let mut above: Option<Group> = None;
    for (group, mut row) in rows {
        let Some(group) = group else {
            // All paths beyond the limits, of whatever group.
            row.cells.splice(0..0, by.iter().map(|_| Cell::Absent));
            table.rows.push(row);
            continue;
        };
        let of_many = |row: &mut Row, groups, at_least| {
            of_many(row, table.tree, groups, at_least);
            vec![Cell::Absent; by.len()]
        };
        let cells = match selection.kind(group) {
            GroupKind::Group(values) => {
                let values = by.iter().zip(values);
                let cells = values.map(|(field, value)| name(field, value, names));
                cells.collect()
            }
            GroupKind::Others { groups } => of_many(&mut row, groups, false),
            GroupKind::Overflow { groups, at_least } => of_many(&mut row, groups, at_least),
        };
        if above != Some(group) {
            table.rows.extend(headings(above, group, &cells, selection));
            above = Some(group);
        }
        row.depth += cells.len();
        row.cells.splice(0..0, cells);
        table.rows.push(row);
    }
    let columns = by.iter().map(|field| Column::names(field.to_string()));
    table.columns.splice(0..0, columns);
    table.tree += by.len();
    // A person reads all of a group.
    table.shown = None;
}

/// A row of groups that share it: no values say so.
fn of_many(row: &mut Row, tree: usize, count: u64, at_least: bool) {
    let mut levels = row.cells.iter().take(tree).rev();
    let name = match levels.find(|cell| **cell != Cell::Absent) {
        Some(Cell::Tags { path, own }) => Cell::text(&path.ending(*own)),
        name => name.cloned().unwrap_or(Cell::Absent),
    };
    if row.kind == RowKind::Plain {
        row.kind = RowKind::Others {
            count,
            at_least,
            words: vec![name],
        };
    }
}

/// The group of a row, and the row without it.
fn taken(mut row: Row, selection: &Selection) -> (Option<Group>, Row) {
    let found = match row.cells.first() {
        Some(Cell::Tags { path, .. }) => selection.group(path),
        _ => None,
    };
    let Some((group, tags)) = found else {
        return (None, row);
    };
    if let Some(Cell::Tags { path, own }) = row.cells.first_mut() {
        *path = tags;
        *own = (*own).min(path.segments().len());
    }
    (Some(group), row)
}

/// The rows that name a group, but for the first values that it shares with the one above.
fn headings(above: Option<Group>, group: Group, cells: &[Cell], selection: &Selection) -> Vec<Row> {
    let kind = match selection.kind(group) {
        GroupKind::Group(_) => RowKind::Plain,
        GroupKind::Others { groups } => many(groups, false),
        GroupKind::Overflow { groups, at_least } => many(groups, at_least),
    };
    let before = above.map_or(&[][..], |above| selection.values(above));
    let values = selection.values(group).iter();
    let same = values.zip(before).take_while(|(one, other)| one == other);
    let first = same.count();
    let last = cells.len() - 1;
    let heading = |at: usize| Row {
        kind: kind.clone(),
        ..Row::new(at, cells[..=at].to_vec())
    };
    match kind {
        RowKind::Plain => (first..=last).map(heading).collect(),
        // It has no values, and one line says so.
        RowKind::Others { .. } => vec![Row {
            depth: last,
            ..heading(last)
        }],
    }
}

/// What is in no row.
pub(super) fn left_out(selection: &Selection) -> Vec<LeftOut> {
    let some = |of, count, words: String| LeftOut {
        of,
        count,
        at_least: false,
        words: vec![words.into()],
    };
    let mut all = Vec::new();
    if let count @ 1.. = selection.passed_over() {
        let spans = plural(count, "span");
        let words = match selection.unknown() {
            0 => format!("left out: {spans} that do not match"),
            n if n == count => format!("left out: {spans} without a value to compare"),
            n => format!(
                "left out: {spans} that do not match, {n} of them without a value to compare"
            ),
        };
        all.push(some("spans", count, words));
    }
    if let count @ 1.. = selection.unkept() {
        let words = format!(
            "not kept: what was called in {}, as too many spans were open",
            plural(count, "span")
        );
        all.push(some("reasons", count, words));
    }
    all.extend(groups::undecided(selection.undecided()));
    if let Some((groups @ 1.., at_least)) = selection.overflow() {
        all.push(no_room(groups, at_least));
    }
    all
}

#[cfg(test)]
mod tests;
