//! Calls by any fields.

use nulltrace_core::measure::groups::{GroupKind, Groups, Row};
use nulltrace_core::query::Query;
use nulltrace_core::query::field::Value as Field;
use nulltrace_core::query::metric::Metric;
use nulltrace_core::view::Names;
use serde_json::{Map, Value, json};

/// The names of the fields.
pub(super) fn by(query: &Query) -> Vec<String> {
    query.by().iter().map(ToString::to_string).collect()
}

/// Each group's values and sums. What a call has not is null.
pub(super) fn rows(groups: &Groups, names: &dyn Names) -> Vec<Map<String, Value>> {
    let query = groups.query();
    let row = |row: Row<'_>| {
        let sums = query.sums().iter().chain([&Metric::Count]);
        let sums = sums.map(|&metric| (metric.name(), row.sums.get(metric).into()));
        keys(query, row.kind, sums, names)
    };
    groups.rows().into_iter().map(row).collect()
}

/// The keys of a row: the values of the fields, the sums, and of how many groups it is the sum.
pub(super) fn keys(
    query: &Query,
    kind: GroupKind<'_>,
    sums: impl Iterator<Item = (&'static str, Value)>,
    names: &dyn Names,
) -> Map<String, Value> {
    let mut keys = Map::new();
    for (at, name) in by(query).into_iter().enumerate() {
        let value = match kind {
            GroupKind::Group(values) => value(&values[at], names),
            GroupKind::Others { .. } | GroupKind::Overflow { .. } => Value::Null,
        };
        keys.insert(name, value);
    }
    keys.extend(sums.map(|(name, sum)| (name.to_owned(), sum)));
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
    keys
}

/// What may be missing from the rows, if anything may.
pub(super) fn left_out(groups: &Groups) -> Option<Map<String, Value>> {
    let sums = groups.undecided();
    let asked = groups.query().sums().iter().chain([&Metric::Count]);
    let keys = asked.map(|&metric| (metric.name().to_owned(), sums.get(metric).into()));
    (sums.get(Metric::Count) > 0).then(|| keys.collect())
}

fn value(of: &Field<'_>, names: &dyn Names) -> Value {
    match of {
        Field::Absent => Value::Null,
        Field::Number(n) | Field::Duration(n) | Field::Time(n) => (*n).into(),
        Field::Integer(n) => (*n).into(),
        Field::Boolean(is) => (*is).into(),
        Field::Text(text) => String::from_utf8_lossy(text).into(),
        Field::Address(address) => address.to_string().into(),
        Field::Call(nr) => names.call(*nr).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Machine;

    #[test]
    fn values_by_their_types() {
        for (of, given) in [
            (Field::Absent, Value::Null),
            (Field::Number(7), json!(7)),
            (Field::Duration(1_500_000), json!(1_500_000)),
            (Field::Time(1_500_000), json!(1_500_000)),
            (Field::Boolean(true), json!(true)),
        ] {
            assert_eq!(value(&of, &Machine), given);
        }
    }
}
