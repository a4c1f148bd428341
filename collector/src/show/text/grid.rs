//! A table for a terminal.
//!
//! Laid out by hand: which column goes first on a narrow terminal, how deep tags are indented and
//! that text of others is cut at whole characters are decisions no table library takes as we want.

use std::borrow::Cow;

use super::paint::{BOLD, DIM, Style, paint};
use crate::text::{cut_within, safe_end_within, safe_within, width};

/// Space between columns.
const GAP: usize = 2;
/// Space by which a row is indented under the path it extends.
const INDENT: usize = 2;
/// A first column narrower than this and than a part of the terminal says too little: other columns
/// are left out first.
const LABEL_MIN: usize = 16;

/// The beginning of a row.
pub(super) struct Label {
    /// Under how many others it stands.
    pub(super) depth: usize,
    /// Anything: it is made safe here.
    pub(super) text: Vec<u8>,
    /// Colour of the row.
    pub(super) code: &'static str,
    /// If it is too long, the end is what to show.
    pub(super) end: bool,
    /// Lines below the row, safe text.
    pub(super) notes: Vec<String>,
}

/// One column beside the labels.
pub(super) struct Column {
    title: Cow<'static, str>,
    /// Text begins at the left, numbers end at the right.
    left: bool,
    /// Columns with a higher number are the first left out; those with 0 are kept, however narrow it is.
    rank: u8,
    cells: Vec<String>,
    width: usize,
}

impl Column {
    pub(super) fn new(title: impl Into<Cow<'static, str>>, rank: u8, cells: Vec<String>) -> Self {
        let title = title.into();
        let widest = cells.iter().map(|cell| width(cell)).max();
        Self {
            rank,
            left: false,
            width: widest.unwrap_or(0).max(width(&title)),
            title,
            cells,
        }
    }

    /// What it takes of a line.
    pub(super) fn taken(&self) -> usize {
        self.width + GAP
    }

    /// The same for text.
    pub(super) fn text(title: impl Into<Cow<'static, str>>, rank: u8, cells: Vec<String>) -> Self {
        Self {
            left: true,
            ..Self::new(title, rank, cells)
        }
    }
}

/// The table, in the width there is.
pub(super) fn draw(
    out: &mut String,
    title: &str,
    labels: &[Label],
    mut columns: Vec<Column>,
    style: Style,
) {
    let label = |label: &Label, columns| match label.end {
        true => safe_end_within(&label.text, columns),
        false => safe_within(&label.text, columns),
    };
    let widths = labels
        .iter()
        .map(|row| row.depth * INDENT + width(&label(row, style.width)));
    let wanted = widths.max().unwrap_or(0).max(title.len());
    // Names of files and sockets are what their table is about.
    let part = match labels.iter().any(|label| label.end) {
        true => style.width / 3,
        false => style.width / 4,
    };
    let least = wanted.min(LABEL_MIN.max(part));
    let taken = |columns: &[Column]| -> usize { columns.iter().map(Column::taken).sum() };
    while least + taken(&columns) > style.width {
        match columns.iter().map(|column| column.rank).max() {
            Some(last @ 1..) => columns.retain(|column| column.rank != last),
            _ => break,
        }
    }
    let label_width = wanted
        .min(style.width.saturating_sub(taken(&columns)))
        .max(title.len());

    let mut line = pad_right(title, label_width);
    for column in &columns {
        push_cell(&mut line, &column.title, column);
    }
    paint(out, style, BOLD, line.trim_end());
    out.push('\n');
    for (at, row) in labels.iter().enumerate() {
        // However deep, half of the width is left for the label itself.
        let indent = (row.depth * INDENT).min(label_width / 2);
        let mut line = " ".repeat(indent);
        line.push_str(&label(row, label_width - indent));
        line = pad_right(&line, label_width);
        for column in &columns {
            push_cell(&mut line, &column.cells[at], column);
        }
        paint(out, style, row.code, line.trim_end());
        out.push('\n');
        for note in &row.notes {
            let indent = indent + INDENT;
            let room = style.width.saturating_sub(indent).max(LABEL_MIN);
            let note = cut_within(note, room);
            paint(out, style, DIM, &format!("{}{note}", " ".repeat(indent)));
            out.push('\n');
        }
    }
}

/// Values one under the other, with their units aligned.
pub(super) fn aligned(texts: impl Iterator<Item = Option<String>>) -> Vec<String> {
    let texts: Vec<_> = texts.collect();
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

fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

fn push_cell(line: &mut String, cell: &str, column: &Column) {
    let room = " ".repeat(column.width.saturating_sub(width(cell)));
    let (before, after) = match column.left {
        true => ("", &*room),
        false => (&*room, ""),
    };
    line.push_str(&" ".repeat(GAP));
    line.extend([before, cell, after]);
}
