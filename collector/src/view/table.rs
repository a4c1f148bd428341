//! The summary as a table for a terminal.
//!
//! Laid out by hand: which column goes first on a narrow terminal, how deep tags are indented and
//! that text of others is cut at whole characters are decisions no table library takes as we want.

use std::fmt::Write as _;

use nulltrace_core::summary::{Inferred, Kind, Row};

use super::duration::human;
use super::text::{safe, safe_within, width};
use super::{Report, refused_by_code, total};

/// How a terminal wants it.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Colours are wanted.
    pub color: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const YELLOW: &str = "33";

/// Space between columns.
const GAP: usize = 2;
/// Space by which a row is indented under the path it extends.
const INDENT: usize = 2;
/// A tag column narrower than this and than a quarter of the terminal says too little: other columns
/// are left out first.
const TAGS_MIN: usize = 16;

const HINT: &str = "\
A span is two writes to /dev/null. In a shell:
  echo '>:t:hello::' > /dev/null; sleep 0.1; echo '<:t:hello::' > /dev/null
";

/// One column beside the tags.
struct Column {
    title: &'static str,
    /// Columns with a higher number are the first left out.
    rank: u8,
    cells: Vec<String>,
    width: usize,
}

impl Column {
    fn new(title: &'static str, rank: u8, cells: Vec<String>) -> Self {
        let widest = cells.iter().map(|cell| width(cell)).max();
        Self {
            title,
            rank,
            width: widest.unwrap_or(0).max(width(title)),
            cells,
        }
    }
}

/// The summary: a line about the run, the table, and the account with every loss.
#[must_use]
pub fn render(report: &Report<'_>, style: Style) -> String {
    let mut out = String::new();
    head(&mut out, report, style);
    if report.rows.is_empty() {
        out.push('\n');
        out.push_str(HINT);
    } else {
        out.push('\n');
        table(&mut out, report.rows, style);
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

fn table(out: &mut String, rows: &[Row<'_>], style: Style) {
    let labels = rows
        .iter()
        .map(|row| row.depth * INDENT + width(&label(row, style.width)));
    let tags_wanted = labels.max().unwrap_or(0).max("tags".len());
    let tags_least = tags_wanted.min(TAGS_MIN.max(style.width / 4));
    let mut columns = columns(rows);
    let taken =
        |columns: &[Column]| -> usize { columns.iter().map(|column| column.width + GAP).sum() };
    while columns.len() > 1 && tags_least + taken(&columns) > style.width {
        let last = columns.iter().map(|column| column.rank).max();
        columns.retain(|column| Some(column.rank) != last);
    }
    let tags_width = tags_wanted
        .min(style.width.saturating_sub(taken(&columns)))
        .max("tags".len());

    let mut line = pad_right("tags", tags_width);
    for column in &columns {
        push_cell(&mut line, column.title, column.width);
    }
    paint(out, style, BOLD, line.trim_end());
    out.push('\n');
    for (at, row) in rows.iter().enumerate() {
        // However deep, half of the width is left for the tag itself.
        let indent = (row.depth * INDENT).min(tags_width / 2);
        let label = label(row, tags_width - indent);
        let mut line = " ".repeat(indent);
        line.push_str(&label);
        line = pad_right(&line, tags_width);
        for column in &columns {
            push_cell(&mut line, &column.cells[at], column.width);
        }
        let code = if row.kind == Kind::Path { "" } else { DIM };
        paint(out, style, code, line.trim_end());
        out.push('\n');
    }
}

fn label(row: &Row<'_>, columns: usize) -> String {
    match row.kind {
        Kind::Path => {
            let tags = row.path.segments();
            let own = &tags[tags.len().saturating_sub(row.own_tags)..];
            safe_within(&own.join(&b'.'), columns)
        }
        Kind::Overflow { paths, at_least } => {
            let more = if at_least { "+" } else { "" };
            safe_within(
                format!("({paths}{more} more tag paths)").as_bytes(),
                columns,
            )
        }
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

/// Durations one under the other, with their units aligned.
fn times(of: impl Iterator<Item = Option<u128>>) -> Vec<String> {
    let texts: Vec<_> = of.map(|ns| ns.map(human)).collect();
    let unit = |text: &String| width(text.rsplit(' ').next().unwrap_or(""));
    let units = texts.iter().flatten().map(unit).max().unwrap_or(0);
    texts
        .into_iter()
        .map(|text| match text {
            Some(text) => {
                let pad = units - unit(&text);
                text + &" ".repeat(pad)
            }
            None => format!("-{}", " ".repeat(units + usize::from(units > 0))),
        })
        .collect()
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
        ]);
        let spans = plural(inferred.total(), "span");
        line(
            YELLOW,
            format!("{spans} ended without an exit marker: {causes}"),
        );
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
    if markers.late > 0 {
        line(
            YELLOW,
            format!("{} came out of order", plural(markers.late, "record")),
        );
    }
    if report.ledger.lost.any() {
        let causes = list(report.ledger.lost.causes()).replace('_', " ");
        let remedy = match report.ledger.lost.ring_full {
            0 => "",
            _ => "; a larger --ring-size keeps the ring from filling",
        };
        line(RED, format!("lost: {causes}{remedy}"));
    } else {
        line(
            DIM,
            format!("{}, nothing lost", plural(markers.seen, "marker")),
        );
    }
    for note in report.notes {
        line(DIM, format!("note: {}", safe(note.as_bytes())));
    }
}

/// What is not 0, with its name before it.
fn list<'n>(counts: impl IntoIterator<Item = (&'n str, u64)>) -> String {
    let counts = counts.into_iter().filter(|&(_, n)| n > 0);
    let texts: Vec<_> = counts.map(|(name, n)| format!("{name} {n}")).collect();
    texts.join(", ")
}

fn plural(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

fn push_cell(line: &mut String, cell: &str, columns: usize) {
    line.push_str(&" ".repeat(GAP + columns.saturating_sub(width(cell))));
    line.push_str(cell);
}

fn paint(out: &mut String, style: Style, code: &str, text: &str) {
    if style.color && !code.is_empty() && !text.is_empty() {
        let _ = write!(out, "\x1b[{code}m{text}\x1b[0m");
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use nulltrace_core::ledger::Ledger;
    use nulltrace_core::summary::{Limits, Summary};

    fn plain(summary: &Summary, ledger: &Ledger, columns: usize) -> String {
        let style = Style {
            width: columns,
            color: false,
        };
        let text = fixture::report(summary, ledger, &[], |report| render(report, style));
        for line in text.lines().skip(2).take_while(|line| !line.is_empty()) {
            assert!(width(line) <= columns, "{line}");
        }
        text
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
            render(report, style)
        });
        insta::assert_snapshot!(text.replace('\x1b', "␛"));
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
                nulltrace_core::span::End::Exit,
            ));
        }
        insta::assert_snapshot!(plain(&summary, &fixture::clean(), 60));
    }

    #[test]
    fn empty() {
        let ledger = Ledger::default();
        let report = fixture::of(&[], &ledger, &[]);
        insta::assert_snapshot!(render(
            &report,
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
