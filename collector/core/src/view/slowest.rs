//! The slowest single spans, and why each took so long.

use super::contract::{Data, Names, View};
use super::model::{Cell, Column, LeftOut, Model, Row, Table, Text, Unit, Words};
use super::waits::{self, Said};
use super::words::plural;
use super::{reasons, tree};
use crate::activity::{SINGLE_MAX, SpanTimes, Times};
use crate::measure::slowest::{KEPT, KEPT_OF_PATH, SlowSpan, SlowSpans};
use crate::spans::span::End;

pub(super) const VIEW: View = View {
    name: "slowest",
    help: "the slowest single spans, with their arguments, and in what their time went",
    activity: true,
    single: true,
    calls: false,
    make,
};

/// Spans a person reads.
const SHOWN: usize = 20;
/// Paths of children named below a span.
const CHILDREN: usize = 3;
/// A child path with less of its parent's time is not named: one part in so many.
const LEAST: u64 = 100;

/// One row for each span, the slowest first, with the reasons of its time.
fn make(data: &Data<'_>) -> Model {
    let rows = data.slowest.map_or(&[][..], |of| &of.spans);
    let mut unnamed = false;
    let line = |span| {
        let (row, some) = row(span, data.names);
        unnamed |= some;
        row
    };
    let lines = rows.iter().map(line).collect();
    let script = data.families.is_some();
    let left_out = data.slowest.map(|of| left_out(of, script));
    let left_out = left_out.unwrap_or_default();
    let mut below = Text::default();
    if unnamed && data.families.is_none() {
        waits::hint(&mut below);
    }
    Model::Table(Table {
        shown: Some(SHOWN),
        below,
        left_out,
        empty: tree::hint(),
        ..Table::new(columns(), lines)
    })
}

fn columns() -> Vec<Column> {
    let time = |title, rank| Column::new(title, Unit::Ns, rank);
    let name = |title, rank| Column::new(title, Unit::None, rank);
    let text = |key: &'static str, title, rank| Column {
        key: key.into(),
        rank,
        ..Column::names(title)
    };
    vec![
        tree::tags(),
        name("seq", 9),
        name("parent seq", 9),
        name("id", 8),
        time("duration", 0),
        time("self", 6),
        text("enter_args", "arguments", 1),
        text("exit_args", "exit arguments", 7),
        name("start", 2),
        text("comm", "process", 3),
        name("pid", 8),
        name("tid", 4),
        text("end", "end", 8),
        time("on cpu", 5),
        time("runnable", 5),
        time("blocked", 5),
        time("interleaved", 7),
    ]
}

/// Its row, and whether there was a wait for a child that is not named.
fn row(span: &SlowSpan, names: &dyn Names) -> (Row, bool) {
    let times = span.times.as_ref();
    let of = |get: fn(&Times) -> u64| Cell::ns(times.map(|times| get(&times.all)));
    let cells = vec![
        Cell::Tags {
            own: span.tags.segments().len(),
            path: span.tags.clone(),
        },
        Cell::Number(span.seq),
        span.parent.map_or(Cell::Absent, Cell::Number),
        Cell::Id(span.id),
        Cell::Ns(span.duration.into()),
        Cell::ns(span.self_ns),
        Cell::Args(span.enter_args.clone()),
        Cell::Args(span.exit_args.clone()),
        Cell::Time(span.wall),
        match &span.process {
            Some(process) => Cell::text(&process.comm),
            None => Cell::Absent,
        },
        Cell::Number(span.pid.into()),
        Cell::Number(span.tid.into()),
        span.how.map_or("open", End::name).into(),
        of(Times::on_cpu),
        of(|times| times.runnable),
        of(|times| times.blocked),
        Cell::ns(times.map(|times| times.interleaved)),
    ];
    let mut notes = Vec::new();
    notes.extend(end(span.how).map(|words| vec![words.into()]));
    let said = said(span, names);
    notes.extend(said.notes);
    notes.extend(unseen(span, times));
    notes.extend(children(span));
    let row = Row {
        notes,
        waits: said.waits,
        ..Row::new(0, cells)
    };
    (row, said.unnamed)
}

/// In what its time went; where that of a script's processes counts, the time of the one that opened it.
fn said(span: &SlowSpan, names: &dyn Names) -> Said {
    let family = span.family.as_deref();
    let lead = || {
        let lead = family?.lead(span.pid)?;
        Some((lead.times(), lead.reasons()))
    };
    let own = || Some((span.times?, span.reasons.clone()?));
    let Some((times, reasons)) = own().or_else(lead) else {
        return Said::default();
    };
    waits::said(reasons::of_span(&times, &reasons, names), family, names)
}

/// How it ended, where that was not by its exit marker.
const fn end(how: Option<End>) -> Option<&'static str> {
    Some(match how {
        Some(End::Exit) => return None,
        Some(End::ThreadExit) => "no exit marker: its thread ended",
        Some(End::ProcessExit) => "no exit marker: its process ended",
        Some(End::Expired) => "no exit marker: it was open for longer than the limit",
        Some(End::Evicted) => "no exit marker: it made room for other spans",
        Some(End::Lost) => "its end is not known: markers of its thread were lost",
        None => "still open",
    })
}

/// Time in which it was open and nobody looked.
fn unseen(span: &SlowSpan, times: Option<&SpanTimes>) -> Option<Words> {
    let seen = reasons::whole(times?);
    let unseen = span.duration.saturating_sub(seen);
    (unseen > span.duration / 10).then(|| {
        vec![
            "not observed ".into(),
            Cell::share(unseen, span.duration),
            ": it was open on a thread that is not observed, or before the trace began".into(),
        ]
    })
}

fn children(span: &SlowSpan) -> Option<Words> {
    let large = span.children.iter();
    let large = large.filter(|(_, of)| of.time > 0 && of.time >= span.duration / LEAST);
    let mut words = Words::new();
    for (path, of) in large.take(CHILDREN) {
        words.push(
            if words.is_empty() {
                "child spans: "
            } else {
                ", "
            }
            .into(),
        );
        words.extend([
            Cell::Tags {
                own: path.segments().len(),
                path: path.clone(),
            },
            " ".into(),
            Cell::Ns(of.time.into()),
            format!(" in {}", plural(of.count, "span")).into(),
        ]);
    }
    (!words.is_empty()).then_some(words)
}

fn left_out(of: &SlowSpans, script: bool) -> Vec<LeftOut> {
    let shown = of.spans.len() as u64;
    let others = of.total.saturating_sub(shown);
    let several = of.spans.windows(2).any(|two| two[0].tags != two[1].tags);
    let kept = match several {
        true => format!("{KEPT_OF_PATH} of each tag path, at most {KEPT}"),
        false => KEPT.to_string(),
    };
    let words = format!(
        "left out: {}; kept are the slowest {kept}",
        plural(others, "span")
    );
    let mut all = Vec::new();
    if others > 0 {
        all.push(LeftOut {
            of: "spans",
            count: others,
            at_least: false,
            words: vec![words.into()],
        });
    }
    if of.wide {
        let has_lead = |span: &SlowSpan| {
            let lead = span.family.as_ref().map(|of| of.lead(span.pid).is_some());
            lead.unwrap_or(false)
        };
        let unknown = of.spans.iter().filter(|span| !has_lead(span)).count() as u64;
        let words = match script {
            true => format!(
                "not known: what {} did, as more than {SINGLE_MAX} were open at once, or there was no room",
                plural(unknown, "span")
            ),
            false => "not known: what single spans did, as with --inside other threads count toward them too".to_owned(),
        };
        if unknown > 0 {
            all.push(LeftOut {
                of: "reasons",
                count: unknown,
                at_least: false,
                words: vec![words.into()],
            });
        }
        return all;
    }
    let seen = |span: &&SlowSpan| span.times.is_some() && span.reasons.is_none();
    let without = of.spans.iter().filter(seen).count() as u64;
    if without > 0 {
        all.push(LeftOut {
            of: "reasons",
            count: without,
            at_least: false,
            words: vec![
                format!(
                    "not kept: the reasons of {}, as too many spans were open",
                    plural(without, "span")
                )
                .into(),
            ],
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, slow};
    use super::*;
    use crate::measure::slowest::{Anchor, Slowest};
    use crate::measure::summary::Summary;

    fn values(spans: &SlowSpans) -> String {
        let (summary, ledger) = (Summary::default(), fixture::clean());
        let rows = summary.rows([]);
        let mut data = fixture::of(&rows, &ledger, &[]);
        data.slowest = Some(spans);
        fixture::values(&make(&data))
    }

    #[test]
    fn values_of_some_spans() {
        insta::assert_snapshot!(values(&slow::spans()));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let anchor = Anchor::default();
        let text = |slowest: &Slowest| values(&slowest.spans([].into_iter(), 0, anchor));
        let mut no_room = Slowest::new(0);
        slow::play(&mut no_room);
        let text_of = text(&no_room);
        assert!(
            text_of.contains("left out: 4 reasons: not kept: the reasons of 4 spans"),
            "{text_of}"
        );
        let mut wide = Slowest::default();
        slow::wide(&mut wide);
        let text_of = text(&wide);
        assert!(
            text_of.contains("left out: 1 reasons: not known"),
            "{text_of}"
        );
        assert!(!text_of.contains(" # "), "{text_of}");
    }
}
