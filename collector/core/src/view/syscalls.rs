//! The system calls of spans, by name.

use std::cmp::Reverse;

use super::contract::{Data, View};
use super::model::{Cell, Column, Model};
use super::sheet::{self, Sheet};

pub(super) const VIEW: View = View {
    name: "syscalls",
    help: "system calls by span: how many, errors, bytes and times",
    activity: true,
    single: false,
    calls: true,
    make,
};

/// Calls of the numbers there was no room for.
pub const OTHER: &str = "other calls";

/// One row for each call in each span and all inside, the longest first.
fn make(data: &Data<'_>) -> Model {
    let metrics = vec![
        sheet::count(0),
        sheet::errors(5),
        sheet::bytes("bytes", 2, |calls| Cell::Bytes(calls.bytes)),
        sheet::time("time", 1, |calls| Cell::Ns(calls.time.into())),
        sheet::time("blocked", 3, |calls| Cell::Ns(calls.blocked.into())),
        sheet::time("avg", 4, |calls| sheet::per_call(calls, calls.mean())),
        sheet::time("min", 8, |calls| sheet::per_call(calls, calls.min)),
        sheet::time("max", 7, |calls| sheet::per_call(calls, calls.max)),
        sheet::time("p99", 6, |calls| {
            sheet::per_call(calls, calls.quantile(0.99))
        }),
    ];
    let mut sheet = Sheet::new(vec![Column::names("call")], metrics);
    for row in data.rows {
        sheet.span(row);
        let calls = &row.stats.calls;
        let mut named: Vec<_> = calls.iter().collect();
        named.sort_by_key(|(_, both)| Reverse(both.all().time));
        for (nr, both) in named {
            sheet.calls(vec![data.names.call(nr).into()], both.all());
        }
        if let Some(both) = calls.other_numbers() {
            // How many numbers they are is not known.
            sheet.others(both.all(), 1, true, OTHER.to_owned());
        }
    }
    Model::Table(sheet.table())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::measure::summary::Summary;

    #[test]
    fn values() {
        let of = |summary: &Summary| {
            let model = fixture::data(summary, &fixture::clean(), &[], make);
            fixture::values(&model)
        };
        insta::assert_snapshot!("syscalls", of(&fixture::busy()));
        insta::assert_snapshot!("no_room", of(&fixture::scan(25, 0)));
    }
}
