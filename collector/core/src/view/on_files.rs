//! What was called on each file of a span, or on each of its sockets.

use std::cmp::Reverse;

use super::model::{Cell, Column, Model, Unit};
use super::named;
use super::peers;
use super::sheet::{self, Sheet};
use super::words::thousands;
use crate::measure::calls::CallStats;
use crate::measure::summary::Row;

/// Files shown of a span.
const SHOWN: usize = 20;

/// One row for each file of each span and all inside: of `sockets` or of all others. Those with the most
/// bytes come first, of equal ones those that took the longest; in the end one row has the sum of the others.
pub(super) fn table(rows: &[Row<'_>], sockets: bool) -> Model {
    let (title, kind) = match sockets {
        true => ("socket", "protocol"),
        false => ("file", "type"),
    };
    let metrics = vec![
        sheet::count(0),
        sheet::bytes("in", 2, |calls| Cell::Bytes(calls.bytes_in)),
        sheet::bytes("out", 2, |calls| Cell::Bytes(calls.bytes_out)),
        sheet::time("time", 1, |calls| Cell::Ns(calls.time.into())),
        sheet::time("blocked", 3, |calls| Cell::Ns(calls.blocked.into())),
        sheet::time("avg", 6, |calls| sheet::per_call(calls, calls.mean())),
        sheet::time("min", 10, |calls| sheet::per_call(calls, calls.min)),
        sheet::time("max", 9, |calls| sheet::per_call(calls, calls.max)),
        sheet::time("p99", 8, |calls| {
            sheet::per_call(calls, calls.quantile(0.99))
        }),
        sheet::errors(7),
    ];
    let names = vec![Column::names(title), Column::new(kind, Unit::None, 5)];
    let mut sheet = Sheet::new(names, metrics);
    for row in rows {
        sheet.span(row);
        let calls = &row.stats.calls;
        let mut files = calls.by_file();
        files.retain(|(file, _)| file.kind.is_socket() == sockets);
        let mut peers = peers::merged(files);
        // What is equal stays in the order of time and name.
        peers.sort_by_key(|peer| Reverse((peer.calls.bytes, peer.calls.time)));
        let more = peers.split_off(peers.len().min(SHOWN));
        for peer in peers {
            let kind = match sockets {
                true => named::protocol(peer.file),
                false => peer.file.kind.name(),
            };
            let name = Cell::Path(peer.name().into());
            sheet.calls(vec![name, kind.into()], &peer.calls);
        }
        let mut sum = CallStats::default();
        let (mut count, mut at_least) = (0, false);
        for peer in &more {
            sum.merge(&peer.calls);
            count += peer.files;
        }
        if let Some(others) = calls.other_files(sockets) {
            sum.merge(others.both.all());
            count += others.files;
            at_least = others.at_least;
        }
        if !sum.is_empty() {
            let least = if at_least { "at least " } else { "" };
            let words = format!("and {least}{} more", thousands(count));
            sheet.others(&sum, count, at_least, words);
        }
    }
    Model::Table(sheet.table())
}
