//! System calls by any fields.

use super::contract::Names;
use super::model::{
    Cell, Column, LeftOut, Model, Row as Line, RowKind, Table, Text, Tone, Unit, Words,
};
use super::words::plural;
use crate::measure::groups::{GroupKind, Groups, Row};
use crate::measure::sums::Sums;
use crate::query::Query;
use crate::query::field::{Field, Source, Value};
use crate::query::metric::{self, Metric};

/// Rows a person reads.
pub(super) const SHOWN: usize = 50;

/// A row for each group, the largest first sum first.
pub(super) fn make(groups: &Groups, names: &dyn Names) -> Model {
    let query = groups.query();
    let rows = groups.rows();
    let mut columns: Vec<_> = query
        .by()
        .iter()
        .map(|field| Column::names(field.to_string()))
        .collect();
    for (at, &metric) in query.sums().iter().enumerate() {
        // The first is what was asked for: it and its share go last.
        let rank = match at {
            0 => 0,
            _ => 3 + u8::try_from(at).unwrap_or(u8::MAX - 3),
        };
        columns.push(column(metric, rank));
        if at == 0 {
            columns.push(Column::new("share", Unit::Share, 2));
        }
    }
    if counts_apart(query) {
        columns.push(column(Metric::Count, 3));
    }
    let mut left_out: Vec<_> = rows.last().and_then(beyond).into_iter().collect();
    left_out.extend(undecided(groups.undecided()));
    left_out.extend(unknown(groups));
    let mut empty = Text::default();
    empty.say(Tone::Dim, ["no system calls of that kind".into()]);
    Model::Table(Table {
        // All that were asked for, where that was said.
        shown: query.top().is_none().then_some(SHOWN),
        left_out,
        empty,
        ..Table::new(
            columns,
            rows.iter().map(|row| line(row, groups, names)).collect(),
        )
    })
}

/// Whether how many calls there were is beside what was asked for.
fn counts_apart(query: &Query) -> bool {
    !query.sums().contains(&Metric::Count)
}

fn column(metric: Metric, rank: u8) -> Column {
    Column::new(metric.name(), unit(metric.unit()), rank)
}

/// The unit of a metric's column.
pub(super) const fn unit(of: metric::Unit) -> Unit {
    match of {
        metric::Unit::Calls | metric::Unit::Spans => Unit::Count,
        metric::Unit::Nanoseconds => Unit::Ns,
        metric::Unit::Bytes => Unit::Bytes,
    }
}

fn line(row: &Row<'_>, groups: &Groups, names: &dyn Names) -> Line {
    let query = groups.query();
    let (mut cells, kind): (Vec<_>, _) = match row.kind {
        GroupKind::Group(values) => {
            let cells = query.by().iter().zip(values);
            let cells = cells.map(|(field, value)| name(field, value, names));
            (cells.collect(), RowKind::Plain)
        }
        GroupKind::Others { groups } => without_values(query, groups, false),
        GroupKind::Overflow { groups, at_least } => without_values(query, groups, at_least),
    };
    for (at, &metric) in query.sums().iter().enumerate() {
        cells.push(sum(row, metric));
        if at == 0 {
            // Of all calls, each once: where a call is in several groups, these come to more than the whole.
            let whole = groups.total().get(metric);
            cells.push(Cell::share(row.sums.get(metric), whole));
        }
    }
    if counts_apart(query) {
        cells.push(sum(row, Metric::Count));
    }
    Line {
        kind,
        ..Line::new(0, cells)
    }
}

fn without_values(query: &Query, groups: u64, at_least: bool) -> (Vec<Cell>, RowKind) {
    (vec![Cell::Absent; query.by().len()], many(groups, at_least))
}

/// What several groups are.
pub(super) fn many(groups: u64, at_least: bool) -> RowKind {
    let more = if at_least { "+" } else { "" };
    RowKind::Others {
        count: groups,
        at_least,
        words: vec![format!("({groups}{more} more)").into()],
    }
}

pub(super) fn name(field: &Field, value: &Value<'_>, names: &dyn Names) -> Cell {
    let text = match value {
        Value::Absent => return Cell::Absent,
        Value::Number(n) | Value::Time(n) => return Cell::Number(*n),
        Value::Duration(ns) => return Cell::Ns((*ns).into()),
        Value::Boolean(is) => is.to_string().into_bytes(),
        Value::Integer(n) => n.to_string().into_bytes(),
        Value::Text(text) => text.to_vec(),
        Value::Address(address) => address.to_string().into_bytes(),
        Value::Call(nr) => names.call(*nr).into_bytes(),
    };
    match field.info().source {
        Source::File => Cell::Path(text.into()),
        _ => Cell::Text(text.into()),
    }
}

fn sum(row: &Row<'_>, metric: Metric) -> Cell {
    let n = row.sums.get(metric);
    match metric.unit() {
        metric::Unit::Calls | metric::Unit::Spans => Cell::Number(n),
        metric::Unit::Nanoseconds => Cell::Ns(n.into()),
        metric::Unit::Bytes => Cell::Bytes(n),
    }
}

/// Groups that share the last row.
fn beyond(last: &Row<'_>) -> Option<LeftOut> {
    match last.kind {
        GroupKind::Overflow { groups, at_least } => Some(no_room(groups, at_least)),
        _ => None,
    }
}

/// Groups that had to share one row.
pub(super) fn no_room(groups: u64, at_least: bool) -> LeftOut {
    let least = if at_least { "at least " } else { "" };
    let words = format!(
        "{least}{} had no room for rows of their own",
        plural(groups, "group")
    );
    LeftOut {
        of: "groups",
        count: groups,
        at_least,
        words: vec![words.into()],
    }
}

/// Calls for which the filter neither holds nor does not.
fn unknown(groups: &Groups) -> Option<LeftOut> {
    let count = groups.decided()?.unknown;
    let words = format!(
        "left out: {} without a value to compare",
        plural(count, "call")
    );
    (count > 0).then(|| LeftOut {
        of: "unknown",
        count,
        at_least: false,
        words: vec![words.into()],
    })
}

/// Calls that may be missing from the rows.
pub(super) fn undecided(sums: &Sums) -> Option<LeftOut> {
    let count = sums.get(Metric::Count);
    let mut words: Words = vec!["left out: ".into(), plural(count, "call").into()];
    if let bytes @ 1.. = sums.get(Metric::Bytes) {
        words.extend([" with ".into(), Cell::Bytes(bytes)]);
    }
    words.push(" on files that are not known".into());
    (count > 0).then_some(LeftOut {
        of: "calls",
        count,
        at_least: false,
        words,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Calls;
    use super::*;

    #[test]
    fn values_by_their_types() {
        let cell = |value| name(&"proc.pid".parse().unwrap(), &value, &Calls);
        assert_eq!(cell(Value::Absent), Cell::Absent);
        assert_eq!(cell(Value::Time(7)), Cell::Number(7));
        assert_eq!(cell(Value::Duration(7)), Cell::Ns(7));
        assert_eq!(cell(Value::Boolean(true)), Cell::Text(b"true".into()));
    }
}
