//! Spans by any fields.

use super::contract::Data;
use super::groups::{SHOWN, many, name, unit};
use super::model::{Cell, Column, Model, Row, RowKind, Table, Text, Tone};
use super::selected::left_out;
use crate::measure::groups::GroupKind;
use crate::measure::selected::{Selection, metric};
use crate::query::span_metric::SpanMetric;

/// A row for each group, that with the most of what orders them first.
pub(super) fn make(selection: &Selection, data: &Data<'_>) -> Model {
    let by = selection.query().by();
    let metrics = metrics(selection);
    let names = by.iter().map(|field| Column::names(field.to_string()));
    let sums = metrics.iter().zip(0..).map(|(metric, rank)| {
        // What was asked for first goes last.
        let rank = if rank == 0 { 0 } else { 2 + rank };
        Column::new(metric.name(), unit(metric.unit()), rank)
    });
    let rows = selection.grouped().into_iter().filter_map(|row| {
        let (group, _) = selection.group(&row.path)?;
        let (mut cells, kind): (Vec<_>, _) = match selection.kind(group) {
            GroupKind::Group(values) => {
                let values = by.iter().zip(values);
                let cells = values.map(|(field, value)| name(field, value, data.names));
                (cells.collect(), RowKind::Plain)
            }
            GroupKind::Others { groups } => (vec![Cell::Absent; by.len()], many(groups, false)),
            GroupKind::Overflow { groups, at_least } => {
                (vec![Cell::Absent; by.len()], many(groups, at_least))
            }
        };
        // Where nobody observed what happened inside, that is not known.
        let known = |of: SpanMetric| !of.needs_activity() || data.outside.is_some();
        cells.extend(metrics.iter().map(|&of| {
            let value = metric(of, row.stats, &row.times).filter(|_| known(of));
            match (value, of) {
                (Some(n), SpanMetric::Hits | SpanMetric::Errors) => {
                    Cell::Number(u64::try_from(n).unwrap_or(u64::MAX))
                }
                (ns, _) => Cell::ns(ns),
            }
        }));
        let row = Row::new(0, cells);
        Some(Row { kind, ..row })
    });
    let mut empty = Text::default();
    empty.say(Tone::Dim, ["no span matches".into()]);
    Model::Table(Table {
        // All that were asked for, where that was said.
        shown: data.top.is_none().then_some(SHOWN),
        left_out: left_out(selection),
        empty,
        ..Table::new(names.chain(sums).collect(), rows.collect())
    })
}

/// Those that were asked for; how many there were is beside them.
fn metrics(selection: &Selection) -> Vec<SpanMetric> {
    let (asked, _) = selection.query().span_sums();
    let mut metrics = asked.to_vec();
    if !asked.contains(&SpanMetric::Hits) {
        metrics.push(SpanMetric::Hits);
    }
    metrics
}
