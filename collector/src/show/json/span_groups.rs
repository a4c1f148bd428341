//! Spans by any fields.

use nulltrace_core::measure::groups::GroupKind;
use nulltrace_core::measure::selected::{Selection, metric};
use nulltrace_core::query::span_metric::SpanMetric;
use nulltrace_core::view::Data;
use serde_json::{Map, Value, json};

use super::groups::value;

/// The names of the fields.
pub(super) fn by(selection: &Selection) -> Vec<String> {
    let by = selection.query().by().iter();
    by.map(ToString::to_string).collect()
}

/// Each group's values and sums. What a span has not is null, as is what no span of the group has.
pub(super) fn rows(selection: &Selection, data: &Data<'_>) -> Vec<Map<String, Value>> {
    let by = by(selection);
    let (sums, _) = selection.query().span_sums();
    let rows = selection.grouped().into_iter().filter_map(|row| {
        let (group, _) = selection.group(&row.path)?;
        let kind = selection.kind(group);
        let mut keys = Map::new();
        for (at, name) in by.iter().enumerate() {
            let value = match kind {
                GroupKind::Group(values) => value(&values[at], data.names),
                GroupKind::Others { .. } | GroupKind::Overflow { .. } => Value::Null,
            };
            keys.insert(name.clone(), value);
        }
        for &of in sums.iter().chain([&SpanMetric::Hits]) {
            let known = !of.needs_activity() || data.outside.is_some();
            let n = metric(of, row.stats, &row.times).filter(|_| known);
            let n = n.map(|n| u64::try_from(n).unwrap_or(u64::MAX));
            keys.insert(of.name().to_owned(), n.into());
        }
        match kind {
            GroupKind::Group(_) => {}
            GroupKind::Others { groups } => {
                keys.insert("others".to_owned(), json!({"groups": groups}));
            }
            GroupKind::Overflow { groups, at_least } => {
                let overflow = json!({"groups": groups, "at_least": at_least});
                keys.insert("overflow".to_owned(), overflow);
            }
        }
        Some(keys)
    });
    rows.collect()
}
