//! The files of spans, or their sockets: what was called on each.

use nulltrace_core::facts::file::{File, Kind};
use nulltrace_core::measure::calls::CallStats;
use nulltrace_core::measure::summary::Row;

use super::grid::Style;
use super::peers;
use super::sheet::{self, Sheet};
use super::table::{self, thousands};

/// Files shown of a span.
const SHOWN: usize = 20;

/// The name of a file as a person reads it, not yet safe.
pub(super) fn name(file: &File) -> Vec<u8> {
    let arrow = match file.kind {
        Kind::Ipv4 | Kind::Ipv6 => file.name.windows(2).position(|two| two == b"->"),
        // Anything else may be a path that has such an arrow in it.
        Kind::Unix if file.name.starts_with(b"->") => Some(0),
        _ => None,
    };
    match arrow {
        Some(at) => [&file.name[..at], "→".as_bytes(), &file.name[at + 2..]].concat(),
        None => file.name.to_vec(),
    }
}

/// What a socket speaks.
pub(super) fn protocol(file: &File) -> &'static str {
    match &file.ends {
        Some(ends) => ends.protocol,
        None => file.kind.name(),
    }
}

/// One row for each file of each span and all inside: of `sockets` or of all others. Those with the most
/// bytes come first, of equal ones those that took the longest; in the end one row has the sum of the others.
pub(super) fn draw(out: &mut String, rows: &[Row<'_>], sockets: bool, style: Style) {
    let mut sheet = Sheet::default();
    for (row, label) in rows.iter().zip(table::labels(rows)) {
        sheet.span(label);
        let calls = &row.stats.calls;
        let mut files = calls.by_file();
        files.retain(|(file, _)| file.kind.is_socket() == sockets);
        let mut peers = peers::merged(files);
        // What is equal stays in the order of time and name.
        peers.sort_by_key(|peer| std::cmp::Reverse((peer.calls.bytes, peer.calls.time)));
        let more = peers.split_off(peers.len().min(SHOWN));
        for peer in peers {
            let kind = if sockets {
                protocol(peer.file)
            } else {
                peer.file.kind.name()
            };
            sheet.calls(peer.name(), kind, peer.calls);
        }
        let mut sum = CallStats::default();
        let (mut count, mut at_least) = (0, "");
        for peer in &more {
            sum.merge(&peer.calls);
            count += peer.files;
        }
        if let Some(others) = calls.other_files(sockets) {
            sum.merge(others.both.all());
            count += others.files;
            at_least = if others.at_least { "at least " } else { "" };
        }
        if !sum.is_empty() {
            sheet.rest(&format!("and {at_least}{} more", thousands(count)), sum);
        }
    }
    let columns = vec![
        sheet.kind(if sockets { "protocol" } else { "type" }, 5),
        sheet.number("calls", 0, &|calls| calls.count.to_string()),
        sheet.bytes("in", 2, &|calls| calls.bytes_in),
        sheet.bytes("out", 2, &|calls| calls.bytes_out),
        sheet.time("time", 1, &|calls| calls.time),
        sheet.time("blocked", 3, &|calls| calls.blocked),
        sheet.per_call("avg", 6, &CallStats::mean),
        sheet.per_call("min", 10, &|calls| calls.min),
        sheet.per_call("max", 9, &|calls| calls.max),
        sheet.per_call("p99", 8, &|calls| calls.quantile(0.99)),
        sheet.number("errors", 7, &sheet::errors),
    ];
    sheet.draw(out, columns, style);
}

#[cfg(test)]
mod tests {
    use super::super::{View, fixture, table, text};
    use super::*;
    use nulltrace_core::measure::summary::Summary;

    fn shown(summary: &Summary, view: View) -> String {
        let style = Style {
            width: 120,
            color: false,
        };
        fixture::report(summary, &fixture::clean(), &[], |report| {
            table::render(report, view, style)
        })
    }

    #[test]
    fn what_is_not_shown_is_summed() {
        insta::assert_snapshot!(shown(&fixture::scan(25, 64 << 20), View::Files));
        let text = shown(&fixture::scan(20, 64 << 20), View::Files);
        assert!(text.contains("/srv/files/00000") && !text.contains("more"));
        // Without room there are neither files nor numbers to tell apart.
        let text = shown(&fixture::scan(25, 0), View::Files);
        let row = text.lines().find(|line| line.contains("more"));
        let row: Vec<_> = row.unwrap().split_whitespace().collect();
        assert_eq!(row[..6], ["and", "at", "least", "1", "more", "25"]);
        let text = shown(&fixture::scan(25, 0), View::Syscalls);
        let row = text.lines().find(|line| line.contains("other calls"));
        assert_eq!(row.unwrap().split_whitespace().nth(2), Some("25"));
    }

    /// A server in a span, a pool of clients of another, and two sockets that stand alone.
    #[test]
    fn connections_of_one_peer_are_one_row() {
        let mut summary = Summary::default();
        let job = fixture::path(&[b"job"]);
        let mut on = |file, bytes| {
            let mut write = fixture::calls(syscalls::Sysno::write, 2, 1_000, 500);
            (write.bytes, write.flags) = (bytes, nulltrace_core::input::record::CALLS_OUT);
            fixture::inside(&mut summary, &job, 9_000, &[write], &[Some(file)]);
        };
        for at in 0..1500 {
            let peer = format!("10.0.0.{}:{}", at % 3, 40_000 + at);
            on(fixture::tcp("127.0.0.1:8080", &peer), 100);
        }
        for port in 50_000..50_004 {
            on(fixture::tcp(&format!("[::1]:{port}"), "[::1]:5432"), 1000);
        }
        on(fixture::tcp("127.0.0.1:8080", "10.0.0.9:40000"), 5_000_000);
        on(fixture::tcp("0.0.0.0:8080", ""), 0);
        for port in 0..1500 {
            // Each between others: these are many peers indeed.
            let local = format!("10.1.0.1:{}", 10_000 + port);
            on(
                fixture::tcp(&local, &format!("10.2.0.1:{}", 20_000 + port)),
                1,
            );
        }
        insta::assert_snapshot!(shown(&summary, View::Sockets));
    }

    #[test]
    fn names_of_others_are_safe() {
        let mut summary = Summary::default();
        let names = [
            "/\x1b[2J\x1b[31m",
            "/a\nb\r",
            "/pay\u{202e}elif",
            "/\u{9b}31m",
        ];
        for name in names {
            let file = Some(fixture::file(Kind::File, name));
            let read = fixture::calls(syscalls::Sysno::read, 1, 1_000, 0);
            fixture::inside(&mut summary, &fixture::path(&[b"job"]), 9, &[read], &[file]);
        }
        let text = shown(&summary, View::Files).replace('\n', "");
        assert!(!text.chars().any(text::is_hostile));
    }
}
