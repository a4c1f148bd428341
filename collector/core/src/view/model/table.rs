//! Rows and columns.

use std::borrow::Cow;

use super::cell::{Cell, Unit, Words};
use super::text::Text;
use super::wait::Wait;

/// A table whose rows may be a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What its columns are. The first [`tree`](Self::tree) name the rows.
    pub columns: Vec<Column>,
    /// How many of the columns are levels of the tree: a person sees them as one, the last that a row has.
    pub tree: usize,
    /// Its rows, each after the one it is a part of.
    pub rows: Vec<Row>,
    /// The sums of the columns beside the tree, where a person is to see them; empty if not.
    pub totals: Vec<Cell>,
    /// How many rows a person reads, where that is not all of them. Programs get all.
    pub shown: Option<usize>,
    /// What is in no row of its own, or in none.
    pub left_out: Vec<LeftOut>,
    /// What is said in its place if it has no rows.
    pub empty: Text,
    /// What is said below it.
    pub below: Text,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What programs call it.
    pub key: Cow<'static, str>,
    /// What people call it.
    pub title: Cow<'static, str>,
    /// What its values are.
    pub unit: Unit,
    /// Columns with a higher number are the first to go where there is no room; those with 0 stay.
    pub rank: u8,
    /// Its values begin at the left, and may be cut short.
    pub left: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Under how many others it stands.
    pub depth: usize,
    /// What it stands for.
    pub kind: RowKind,
    /// A value for each column. A row with fewer has nothing to do with the columns after them: with none
    /// beside the tree it is the heading of the rows below it.
    pub cells: Vec<Cell>,
    /// Sentences about it.
    pub notes: Vec<Words>,
    /// What some of these sentences say, for programs: what processes waited for.
    pub waits: Vec<Wait>,
}

/// What a row stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum RowKind {
    /// For itself.
    Plain,
    /// For several that have no row of their own.
    Others {
        /// How many.
        count: u64,
        /// There may be more than could be counted.
        at_least: bool,
        /// What a person reads in place of its name.
        words: Words,
    },
}

/// What has no row of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// What there are so many of.
    pub of: &'static str,
    /// How many.
    pub count: u64,
    /// There may be more than could be counted.
    pub at_least: bool,
    /// The same for a person, with why.
    pub words: Words,
}

impl Table {
    /// A table with one column for the names of its rows.
    #[must_use]
    pub const fn new(columns: Vec<Column>, rows: Vec<Row>) -> Self {
        Self {
            columns,
            tree: 1,
            rows,
            totals: Vec::new(),
            shown: None,
            left_out: Vec::new(),
            empty: Text { lines: Vec::new() },
            below: Text { lines: Vec::new() },
        }
    }
}

impl Column {
    /// A column of numbers. Programs call it as people do, with `_` for a space.
    #[must_use]
    pub fn new(title: impl Into<Cow<'static, str>>, unit: Unit, rank: u8) -> Self {
        let title = title.into();
        let key = match title.contains(' ') {
            true => title.replace(' ', "_").into(),
            false => title.clone(),
        };
        Self {
            key,
            title,
            unit,
            rank,
            left: false,
        }
    }

    /// A column of names, which is always there.
    #[must_use]
    pub fn names(title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            left: true,
            ..Self::new(title, Unit::None, 0)
        }
    }
}

impl Row {
    /// A row that stands for itself.
    #[must_use]
    pub const fn new(depth: usize, cells: Vec<Cell>) -> Self {
        Self {
            depth,
            kind: RowKind::Plain,
            cells,
            notes: Vec::new(),
            waits: Vec::new(),
        }
    }
}
