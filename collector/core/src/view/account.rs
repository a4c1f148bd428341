//! What stands above and below every view: what was seen, what was refused and why, what was lost and where.

use super::contract::Data;
use super::model::{Cell, Text, Tone};
use super::words::{list, plural};
use crate::count::Count;
use crate::ledger::Lost;
use crate::measure::summary::{Inferred, PathKind, Row};

/// A line about the run.
#[must_use]
pub fn head(data: &Data<'_>) -> Text {
    let sum = |of: fn(&Row<'_>) -> u64| data.rows.iter().map(of).fold(0, u64::saturating_add);
    let hits = sum(|row| row.stats.hits());
    let what = match (data.rows.len(), sum(|row| row.open)) {
        (0, _) => "no spans".to_owned(),
        (_, 0) => plural(hits, "hit"),
        (_, open) => format!("{}, {open} open", plural(hits, "hit")),
    };
    let mut text = Text::default();
    let mut words = vec![
        format!("nulltrace: {what} in ").into(),
        Cell::Ns(data.elapsed_ns.into()),
        ", seen by ".into(),
        Cell::text(data.backend.as_bytes()),
    ];
    if let Some(since) = data.since {
        words.extend(["; what follows is since ".into(), Cell::Time(since)]);
    }
    text.say(Tone::Head, words);
    text
}

/// The account of the run, with every loss, and what else is to be known.
#[must_use]
pub fn account(data: &Data<'_>) -> Text {
    let mut text = Text::default();
    ends(&mut text, data);
    markers(&mut text, data);
    let seen = plural(data.ledger.markers.seen, "marker");
    let lost = &data.ledger.lost;
    let unknown: Vec<_> = lost.unknown().collect();
    match (lost.any(), unknown.is_empty()) {
        (true, _) => text.say(Tone::Loss, [format!("lost: {}", losses(lost)).into()]),
        (false, true) => text.say(Tone::Dim, [format!("{seen}, nothing lost").into()]),
        (false, false) => text.say(Tone::Dim, [seen.into()]),
    }
    if !unknown.is_empty() {
        let causes = unknown.join(", ").replace('_', " ");
        let line = format!(
            "not known: how much was lost by {causes}: the kernel's counters cannot be read"
        );
        text.say(Tone::Loss, [line.into()]);
    }
    if data.log_lost > 0 {
        let lines = plural(data.log_lost, "line");
        let line = format!("log: {lines} lost, as stderr was full, closed or stuck");
        text.say(Tone::Warning, [line.into()]);
    }
    for note in data.notes {
        text.say(Tone::Dim, ["note: ".into(), Cell::text(note.as_bytes())]);
    }
    text
}

/// Spans that ended otherwise than they should, or have no row.
fn ends(text: &mut Text, data: &Data<'_>) {
    let mut inferred = Inferred::default();
    for row in data.rows {
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
        warn(text, format!("{spans} without a known end: {causes}"));
    }
    if let Some(&Row {
        kind: PathKind::Overflow { paths, at_least },
        stats,
        open,
        ..
    }) = data.rows.last()
    {
        let least = if at_least { "at least " } else { "" };
        let (paths, spans) = (
            plural(paths, "tag path"),
            plural(stats.spans().saturating_add(open), "span"),
        );
        warn(
            text,
            format!("{least}{paths} with {spans} had no room for rows of their own"),
        );
    }
}

/// Markers that are not what they should be.
fn markers(text: &mut Text, data: &Data<'_>) {
    let markers = &data.ledger.markers;
    let refused = markers.refused();
    if refused > 0 {
        let codes = list(markers.refused_by_code());
        warn(
            text,
            format!("{} refused: {codes}", plural(refused, "marker")),
        );
    }
    if markers.cut > 0 {
        let cut = plural(markers.cut, "marker");
        warn(
            text,
            format!("{cut} cut after 4096 bytes: some arguments are missing"),
        );
    }
    if markers.unmatched_exit > 0 {
        let exits = plural(markers.unmatched_exit, "exit marker");
        let expired = match markers.unmatched_after_expiry {
            0 => String::new(),
            n => format!(", {n} of them after the span had expired"),
        };
        warn(text, format!("{exits} matched no open span{expired}"));
    }
    if data.ledger.spans.parent_gone > 0 {
        let spans = plural(data.ledger.spans.parent_gone, "span");
        warn(
            text,
            format!("{spans} named a parent that was not open, and have none"),
        );
    }
    if markers.late > 0 {
        let records = plural(markers.late, "record");
        warn(text, format!("{records} came out of order"));
    }
}

fn warn(text: &mut Text, line: String) {
    text.say(Tone::Warning, [line.into()]);
}

/// Every loss by its cause, and what helps.
///
/// ```
/// use nulltrace_core::ledger::Lost;
/// use nulltrace_core::view::losses;
///
/// let lost = Lost { sink: 3, slots: 1, ..Lost::default() };
/// assert_eq!(losses(&lost), "slots 1, sink 3");
/// ```
#[must_use]
pub fn losses(lost: &Lost) -> String {
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
    if lost.call.known().is_some_and(|calls| calls > 0) {
        text.push_str("; --full=spans, or a larger --ring-size, loses fewer single calls");
    }
    if lost.long_write_bytes > 0 {
        text.push_str("; of one write 4096 bytes are seen: write each marker by itself, or flush after each line");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::ledger::Ledger;
    use crate::measure::summary::{Limits, Summary};
    use crate::view::Model;

    #[test]
    fn all_that_went_wrong_is_there() {
        let limits = Limits {
            paths: 2,
            ..Limits::default()
        };
        let summary = fixture::with_inferred(fixture::shop(limits));
        let text = fixture::data(&summary, &fixture::losses(), &["slow"], |data| {
            let mut text = head(data);
            text.lines.extend(account(data).lines);
            fixture::values(&Model::Text(text))
        });
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_was_asked_for_later_says_since_when() {
        let text = fixture::data(&Summary::default(), &Ledger::default(), &[], |data| {
            let since = Some(1_700_000_000_000_000_000);
            let data = Data { since, ..*data };
            fixture::values(&Model::Text(head(&data)))
        });
        let since = "; what follows is since @1700000000000000000\n";
        assert!(text.ends_with(since), "{text}");
    }

    #[test]
    fn nothing_went_wrong() {
        let text = fixture::data(&Summary::default(), &Ledger::default(), &[], |data| {
            fixture::values(&Model::Text(account(data)))
        });
        assert_eq!(text, "Dim: 0 markers, nothing lost\n");
    }
}
