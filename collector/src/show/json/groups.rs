//! Calls by any fields.

use nulltrace_core::measure::groups::{Groups, Kind, Row};
use nulltrace_core::query::field::Value as Field;
use nulltrace_core::query::metric::Metric;
use nulltrace_core::view::Names;
use serde_json::{Map, Value, json};

/// The names of the fields.
pub(super) fn by(groups: &Groups) -> Vec<String> {
    groups.plan().by().iter().map(ToString::to_string).collect()
}

/// Each group's values and sums. What a call has not is null.
pub(super) fn rows(groups: &Groups, names: &dyn Names) -> Vec<Map<String, Value>> {
    let plan = groups.plan();
    let by = by(groups);
    let row = |row: Row<'_>| {
        let mut keys = Map::new();
        for (at, name) in by.iter().enumerate() {
            let value = match row.kind {
                Kind::Group(values) => value(&values[at], names),
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

fn value(of: &Field<'_>, names: &dyn Names) -> Value {
    match of {
        Field::Absent => Value::Null,
        Field::Number(n) => (*n).into(),
        Field::Text(text) => String::from_utf8_lossy(text).into(),
        Field::Address(address) => address.to_string().into(),
        Field::Call(nr) => names.call(*nr).into(),
    }
}
