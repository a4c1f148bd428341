//! Spans by any fields.

use nulltrace_core::measure::selected::{Selection, metric};
use nulltrace_core::query::span_metric::SpanMetric;
use nulltrace_core::view::Data;
use serde_json::{Map, Value};

use super::groups::keys;

/// Each group's values and sums. What a span has not is null, as is what no span of the group has.
pub(super) fn rows(selection: &Selection, data: &Data<'_>) -> Vec<Map<String, Value>> {
    let query = selection.query();
    let (asked, _) = query.span_sums();
    let rows = selection.grouped().into_iter().filter_map(|row| {
        let (group, _) = selection.group(&row.path)?;
        let sums = asked.iter().chain([&SpanMetric::Hits]).map(|&of| {
            let known = !of.needs_activity() || data.outside.is_some();
            let n = metric(of, row.stats, &row.times).filter(|_| known);
            let n = n.map(|n| u64::try_from(n).unwrap_or(u64::MAX));
            (of.name(), n.into())
        });
        Some(keys(query, selection.kind(group), sums, data.names))
    });
    rows.collect()
}
