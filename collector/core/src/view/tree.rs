//! The tree of tag paths that most tables hang on.

use super::model::{Cell, Column, Row as Line, RowKind, Table, Text, Tone};
use crate::measure::summary::{PathKind, Row};

/// What a column has of a row of the summary.
pub(super) type Get = fn(&Row<'_>) -> Cell;

const HINT: [&str; 2] = [
    "A span is two writes to /dev/null. In a shell:",
    "  echo '>:t:hello::' > /dev/null; sleep 0.1; echo '<:t:hello::' > /dev/null",
];

/// A table of tag paths with these columns.
pub(super) fn table(rows: &[Row<'_>], columns: Vec<(Column, Get)>) -> Table {
    let line = |row: &Row<'_>| {
        let mut line = line(row);
        line.cells.extend(columns.iter().map(|(_, get)| get(row)));
        line
    };
    let lines = rows.iter().map(line).collect();
    let columns = columns.into_iter().map(|(column, _)| column);
    Table {
        empty: hint(),
        ..Table::new(std::iter::once(tags()).chain(columns).collect(), lines)
    }
}

/// The column of tags.
pub(super) fn tags() -> Column {
    Column::names("tags")
}

/// A row with nothing but its tags.
pub(super) fn line(row: &Row<'_>) -> Line {
    let tags = Cell::Tags {
        path: row.path.clone(),
        own: row.own_tags,
    };
    let kind = match row.kind {
        PathKind::Path => RowKind::Plain,
        PathKind::Overflow { paths, at_least } => {
            let more = if at_least { "+" } else { "" };
            RowKind::Others {
                count: paths,
                at_least,
                words: vec![format!("({paths}{more} more tag paths)").into()],
            }
        }
    };
    Line {
        kind,
        ..Line::new(row.depth, vec![tags])
    }
}

/// What is said where there was no span.
pub(super) fn hint() -> Text {
    let mut text = Text::default();
    for line in HINT {
        text.say(Tone::Plain, [line.into()]);
    }
    text
}
