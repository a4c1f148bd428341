//! The summary for a terminal: a line about the run, a table, and the account.

use nulltrace_core::count::Count;
use nulltrace_core::ledger::Lost;
use nulltrace_core::measure::summary::{Inferred, Kind, Row};

use super::duration::human;
use super::grid::{self, BOLD, Column, DIM, Label, RED, Style, YELLOW, paint, times};
use super::text::safe;
use super::{Report, View, files, group, refused_by_code, syscalls, time, total};

const HINT: &str = "\
A span is two writes to /dev/null. In a shell:
  echo '>:t:hello::' > /dev/null; sleep 0.1; echo '<:t:hello::' > /dev/null
";

/// The summary: a line about the run, the table, and the account with every loss.
#[must_use]
pub fn render(report: &Report<'_>, view: View, style: Style) -> String {
    let mut out = String::new();
    head(&mut out, report, style);
    out.push('\n');
    if let Some(groups) = report.groups {
        group::draw(&mut out, groups, style);
    } else if report.rows.is_empty() {
        out.push_str(HINT);
    } else {
        match view {
            View::Summary => {
                let columns = columns(report.rows);
                grid::draw(&mut out, "tags", &labels(report.rows), columns, style);
            }
            View::Time => time::draw(&mut out, report.rows, style),
            View::Syscalls => syscalls::draw(&mut out, report.rows, style),
            View::Files => files::draw(&mut out, report.rows, false, style),
            View::Sockets => files::draw(&mut out, report.rows, true, style),
        }
    }
    out.push('\n');
    foot(&mut out, report, style);
    out
}

fn head(out: &mut String, report: &Report<'_>, style: Style) {
    let hits = total(report.rows.iter().map(|row| row.stats.hits()));
    let open = total(report.rows.iter().map(|row| row.open));
    let what = match (report.rows.len(), open) {
        (0, _) => "no spans".to_owned(),
        (_, 0) => plural(hits, "hit"),
        (_, open) => format!("{}, {open} open", plural(hits, "hit")),
    };
    let elapsed = human(report.elapsed_ns.into());
    let backend = safe(report.backend.as_bytes());
    let line = format!("nulltrace: {what} in {elapsed}, seen by {backend}");
    paint(out, style, BOLD, &line);
    out.push('\n');
}

/// The first column: tags, each row under the one it extends.
pub(super) fn labels(rows: &[Row<'_>]) -> Vec<Label> {
    rows.iter().map(label).collect()
}

fn label(row: &Row<'_>) -> Label {
    let (text, code) = match row.kind {
        Kind::Path => {
            let tags = row.path.segments();
            let own = &tags[tags.len().saturating_sub(row.own_tags)..];
            (own.join(&b'.'), "")
        }
        Kind::Overflow { paths, at_least } => {
            let more = if at_least { "+" } else { "" };
            (format!("({paths}{more} more tag paths)").into_bytes(), DIM)
        }
    };
    Label {
        depth: row.depth,
        text,
        code,
        end: false,
        notes: Vec::new(),
    }
}

/// The columns in the order they are shown.
fn columns(rows: &[Row<'_>]) -> Vec<Column> {
    let column = |title, rank, cell: &dyn Fn(&Row<'_>) -> String| {
        Column::new(title, rank, rows.iter().map(cell).collect())
    };
    let time = |title, rank, of: &dyn Fn(&Row<'_>) -> Option<u128>| {
        Column::new(title, rank, times(rows.iter().map(of)))
    };
    let wide = |ns: Option<u64>| ns.map(u128::from);
    let quantile = |title, rank, q| time(title, rank, &|row| wide(row.stats.duration.quantile(q)));
    let mut columns = vec![
        column("hits", 0, &|row| row.stats.hits().to_string()),
        column("open", 6, &|row| row.open.to_string()),
        time("total", 2, &|row| hits_only(row, row.stats.duration.sum())),
        time("avg", 1, &|row| wide(row.stats.duration.mean())),
        time("min", 9, &|row| wide(row.stats.duration.min())),
        time("max", 5, &|row| wide(row.stats.duration.max())),
        quantile("p50", 7, 0.5),
        quantile("p90", 10, 0.9),
        quantile("p99", 4, 0.99),
        quantile("p999", 12, 0.999),
        time("self", 8, &|row| hits_only(row, row.stats.self_ns)),
        column("child hits", 11, &|row| row.stats.child_hits.to_string()),
    ];
    if rows.iter().any(|row| row.stats.inferred.total() > 0) {
        columns.push(column("no exit", 3, &|row| {
            row.stats.inferred.total().to_string()
        }));
    }
    columns
}

fn hits_only(row: &Row<'_>, sum: u128) -> Option<u128> {
    (row.stats.hits() > 0).then_some(sum)
}

fn foot(out: &mut String, report: &Report<'_>, style: Style) {
    let mut line = |code, text: String| {
        paint(out, style, code, &text);
        out.push('\n');
    };
    let mut inferred = Inferred::default();
    for row in report.rows {
        inferred.merge(&row.stats.inferred);
    }
    if inferred.total() > 0 {
        let causes = list([
            ("process exit", inferred.process_exit),
            ("thread exit", inferred.thread_exit),
            ("expired", inferred.expired),
            ("evicted", inferred.evicted),
            ("markers lost", inferred.lost),
        ]);
        let spans = plural(inferred.total(), "span");
        line(YELLOW, format!("{spans} without a known end: {causes}"));
    }
    if let Some(&Row {
        kind: Kind::Overflow { paths, at_least },
        stats,
        open,
        ..
    }) = report.rows.last()
    {
        let least = if at_least { "at least " } else { "" };
        let (paths, spans) = (
            plural(paths, "tag path"),
            plural(stats.spans().saturating_add(open), "span"),
        );
        line(
            YELLOW,
            format!("{least}{paths} with {spans} had no room for rows of their own"),
        );
    }
    let markers = &report.ledger.markers;
    let refused = total(markers.malformed.iter().copied());
    if refused > 0 {
        let codes = list(refused_by_code(markers));
        line(
            YELLOW,
            format!("{} refused: {codes}", plural(refused, "marker")),
        );
    }
    if markers.cut > 0 {
        let cut = plural(markers.cut, "marker");
        line(
            YELLOW,
            format!("{cut} cut after 4096 bytes: some arguments are missing"),
        );
    }
    if markers.unmatched_exit > 0 {
        let exits = plural(markers.unmatched_exit, "exit marker");
        line(YELLOW, format!("{exits} matched no open span"));
    }
    if report.ledger.spans.parent_gone > 0 {
        let spans = plural(report.ledger.spans.parent_gone, "span");
        line(
            YELLOW,
            format!("{spans} named a parent that was not open, and have none"),
        );
    }
    if markers.late > 0 {
        line(
            YELLOW,
            format!("{} came out of order", plural(markers.late, "record")),
        );
    }
    let lost = &report.ledger.lost;
    let unknown: Vec<_> = lost.unknown().collect();
    let seen = plural(markers.seen, "marker");
    match (lost.any(), unknown.is_empty()) {
        (true, _) => line(RED, format!("lost: {}", losses(lost))),
        (false, true) => line(DIM, format!("{seen}, nothing lost")),
        (false, false) => line(DIM, seen),
    }
    if !unknown.is_empty() {
        let causes = unknown.join(", ").replace('_', " ");
        line(
            RED,
            format!(
                "not known: how much was lost by {causes}: the kernel's counters cannot be read"
            ),
        );
    }
    if report.log_lost > 0 {
        let lines = plural(report.log_lost, "line");
        line(
            YELLOW,
            format!("log: {lines} lost, as stderr was full, closed or stuck"),
        );
    }
    for note in report.notes {
        line(DIM, format!("note: {}", safe(note.as_bytes())));
    }
}

/// Every loss by its cause, and what helps.
fn losses(lost: &Lost) -> String {
    let known = |(name, n): (&'static str, Count)| Some((name, n.known()?));
    let causes: Vec<_> = lost.causes().into_iter().filter_map(known).collect();
    let mut text = list(causes.iter().copied()).replace('_', " ");
    if let (Some(records @ 1..), Some(markers)) =
        (lost.ring_full.known(), lost.ring_full_markers.known())
    {
        let all = format!("ring full {records} ({})", plural(markers, "marker"));
        let others = list(causes.into_iter().skip(2)).replace('_', " ");
        text = match others.is_empty() {
            true => all,
            false => format!("{all}, {others}"),
        };
        text.push_str("; a larger --ring-size keeps the ring from filling");
    }
    text
}

/// What is not 0, with its name before it.
fn list<'n>(counts: impl IntoIterator<Item = (&'n str, u64)>) -> String {
    let counts = counts.into_iter().filter(|&(_, n)| n > 0);
    let texts: Vec<_> = counts.map(|(name, n)| format!("{name} {n}")).collect();
    texts.join(", ")
}

/// A count with its digits in groups of three.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn plural(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::text::width;
    use super::*;
    use nulltrace_core::ledger::Ledger;
    use nulltrace_core::measure::summary::{Limits, Summary};

    fn plain(summary: &Summary, ledger: &Ledger, columns: usize) -> String {
        let style = Style {
            width: columns,
            color: false,
        };
        let text = fixture::report(summary, ledger, &[], |report| {
            render(report, View::Summary, style)
        });
        for line in text.lines().skip(2).take_while(|line| !line.is_empty()) {
            assert!(width(line) <= columns, "{line}");
        }
        text
    }

    #[test]
    fn long_counts_are_in_groups() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(n), text);
        }
    }

    #[test]
    fn wide() {
        let summary = fixture::shop(Limits::default());
        insta::assert_snapshot!(plain(&summary, &fixture::clean(), 160));
    }

    #[test]
    fn narrow() {
        let summary = fixture::with_inferred(fixture::shop(Limits::default()));
        for columns in [100, 80, 60, 40, 24] {
            let text = plain(&summary, &fixture::clean(), columns);
            insta::assert_snapshot!(format!("narrow_{columns}"), text);
        }
    }

    #[test]
    fn losses() {
        let summary = fixture::with_inferred(fixture::shop(Limits::default()));
        let style = Style {
            width: 100,
            color: true,
        };
        let notes = [
            "no right to load BPF programs (CAP_BPF, CAP_PERFMON): ptrace is used, which is slow",
            "the file \x1b[31m was not there",
        ];
        let text = fixture::report(&summary, &fixture::losses(), &notes, |report| {
            render(report, View::Summary, style)
        });
        insta::assert_snapshot!(text.replace('\x1b', "␛"));
    }

    /// Two tasks of one thread: half of the time of each is the other's.
    #[test]
    fn interleaved() {
        let mut summary = Summary::default();
        for tag in ["/a", "/b"] {
            let times = nulltrace_core::activity::Times {
                wall: 40 * fixture::MS,
                blocked: 30 * fixture::MS,
                ..nulltrace_core::activity::Times::NONE
            };
            summary.push(&nulltrace_core::spans::span::Closed {
                times: Some(nulltrace_core::activity::SpanTimes {
                    own: times,
                    all: times,
                    interleaved: 60 * fixture::MS,
                }),
                ..fixture::span(
                    &fixture::path(&[tag.as_bytes()]),
                    100 * fixture::MS,
                    nulltrace_core::spans::span::End::Exit,
                )
            });
        }
        let style = Style {
            width: 120,
            color: false,
        };
        let text = fixture::report(&summary, &fixture::clean(), &[], |report| {
            render(report, View::Time, style)
        });
        insta::assert_snapshot!(text);
    }

    #[test]
    fn overflow() {
        let limits = Limits {
            paths: 2,
            ..Limits::default()
        };
        let summary = fixture::with_inferred(fixture::shop(limits));
        insta::assert_snapshot!(plain(&summary, &fixture::clean(), 100));
    }

    #[test]
    fn hostile() {
        let text = plain(&fixture::hostile(), &fixture::clean(), 100);
        assert!(
            !text
                .replace('\n', "")
                .chars()
                .any(super::super::text::is_hostile)
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn deep() {
        let mut summary = Summary::default();
        let tags: Vec<_> = (10..42).map(|i| format!("level{i}")).collect();
        let tags: Vec<_> = tags.iter().map(String::as_bytes).collect();
        for depth in (0..tags.len()).step_by(3) {
            let path = fixture::path(&tags[..=depth]);
            summary.push(&fixture::span(
                &path,
                1_000,
                nulltrace_core::spans::span::End::Exit,
            ));
        }
        insta::assert_snapshot!(plain(&summary, &fixture::clean(), 60));
    }

    #[test]
    fn activity() {
        let summary = fixture::busy();
        for (view, name) in [
            (View::Time, "time"),
            (View::Syscalls, "syscalls"),
            (View::Files, "files"),
            (View::Sockets, "sockets"),
        ] {
            for width in [120, 60] {
                let style = Style {
                    width,
                    color: false,
                };
                let text = fixture::report(&summary, &fixture::clean(), &[], |report| {
                    render(report, view, style)
                });
                insta::assert_snapshot!(format!("{name}_{width}"), text);
            }
        }
    }

    #[test]
    fn losses_that_are_not_known() {
        let mut ledger = fixture::unreadable();
        let foot = |ledger: &Ledger| {
            let text = plain(&Summary::default(), ledger, 200);
            let lines = text.lines().filter(|line| !line.starts_with("nulltrace"));
            lines.collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(foot(&ledger));
        ledger.lost.slots = 0;
        insta::assert_snapshot!("nothing_else_is_lost", foot(&ledger));
    }

    #[test]
    fn empty() {
        let ledger = Ledger::default();
        let report = fixture::of(&[], &ledger, &[]);
        insta::assert_snapshot!(render(
            &report,
            View::Summary,
            Style {
                width: 80,
                color: false
            }
        ));
    }

    #[test]
    fn no_width_at_all() {
        let summary = fixture::shop(Limits::default());
        fixture::report(&summary, &fixture::clean(), &[], |report| {
            for width in 0..24 {
                let text = render(
                    report,
                    View::Summary,
                    Style {
                        width,
                        color: false,
                    },
                );
                assert!(text.contains("hits"));
            }
        });
    }
}
