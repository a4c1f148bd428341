//! The rows of a summary, in the order in which a person reads a tree.

use core::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::by_path::{OVERFLOW_PATHS_MAX, Overflow, Summary};
use super::stats::Stats;
use crate::activity::SpanTimes;
use crate::facts::path::TagPath;
use crate::spans::span::Open;

/// One line of a summary.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The tag path.
    pub path: Arc<TagPath>,
    /// Whether this row stands for its path alone.
    pub kind: PathKind,
    /// What was counted.
    pub stats: &'a Stats,
    /// Spans open now.
    pub open: u64,
    /// Where the time of all these spans went, as far as it was looked at: of those that ended, in whatever
    /// way, and of those that are open, so far.
    pub times: SpanTimes,
    /// Of that, nanoseconds of spans that did not end by their exit marker, which are in no latency; 0 where
    /// spans have what others than their thread did too.
    pub unfinished: u64,
    /// How many of the other rows' paths this path extends: its level in the tree.
    pub depth: usize,
    /// How many tags this path has more than the nearest of those. Prefixes that no span bears have
    /// no row, so it may be more than one.
    pub own_tags: usize,
}

/// What a [`Row`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// One tag path.
    Path,
    /// All paths beyond the limits; the row has no tags, which no marker can say.
    Overflow {
        /// How many paths have spans here.
        paths: u64,
        /// There are more than could be counted separately.
        at_least: bool,
    },
}

impl Summary {
    /// One row per path in tree order: a path comes after the nearest path it extends, siblings by the
    /// sum of their durations, the longest first; the overflow row, if any, is the last.
    ///
    /// `open` says which spans of a path are open now. A path with none but open spans has a row
    /// as well while there are fewer rows than [`Limits::paths`](super::Limits::paths).
    #[must_use]
    pub fn rows(&self, open: impl IntoIterator<Item = (Arc<TagPath>, Open)>) -> Vec<Row<'_>> {
        rows(self, open)
    }
}

fn rows(summary: &Summary, open: impl IntoIterator<Item = (Arc<TagPath>, Open)>) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = summary
        .entries
        .iter()
        .map(|entry| row(Arc::clone(&entry.path), &entry.stats))
        .collect();
    let mut overflow_open = Open::default();
    let mut overflow_paths = HashSet::new();
    let mut only_open: HashMap<Arc<TagPath>, usize> = HashMap::new();
    for (path, open) in open {
        let path = Arc::clone(path.shown());
        let known = summary
            .find(&path)
            .or_else(|| only_open.get(&path).copied());
        if let Some(at) = known {
            rows[at].add(&open);
        } else if rows.len() < summary.limits.paths {
            only_open.insert(Arc::clone(&path), rows.len());
            let mut row = row(path, Stats::EMPTY);
            row.add(&open);
            rows.push(row);
        } else {
            overflow_open.spans = overflow_open.spans.saturating_add(open.spans);
            overflow_open.times.add(&open.times);
            let hash = Overflow::hash(&path);
            if overflow_paths.len() < OVERFLOW_PATHS_MAX && !summary.overflow.paths.contains(&hash)
            {
                overflow_paths.insert(hash);
            }
        }
    }
    let mut rows = in_tree_order(rows);
    let stats = &summary.overflow.stats;
    if stats.spans() > 0 || overflow_open.spans > 0 {
        let paths = summary.overflow.paths.len() + overflow_paths.len();
        let mut row = Row {
            kind: PathKind::Overflow {
                paths: paths as u64,
                at_least: summary.overflow.more || overflow_paths.len() == OVERFLOW_PATHS_MAX,
            },
            ..row(Arc::new(TagPath::new(b"", [b""; 0])), stats)
        };
        row.add(&overflow_open);
        rows.push(row);
    }
    rows
}

fn row(path: Arc<TagPath>, stats: &Stats) -> Row<'_> {
    Row {
        path,
        kind: PathKind::Path,
        stats,
        open: 0,
        times: stats.times,
        unfinished: stats.unfinished,
        depth: 0,
        own_tags: 0,
    }
}

impl Row<'_> {
    fn add(&mut self, open: &Open) {
        self.open = self.open.saturating_add(open.spans);
        self.times.add(&open.times);
        self.unfinished = self.unfinished.saturating_add(open.times.all.wall);
    }
}

fn in_tree_order(mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    // In this order each path is followed by all that extend it.
    rows.sort_unstable_by(|a, b| a.path.segments().cmp(b.path.segments()));
    let mut roots = Vec::new();
    let mut children = vec![Vec::new(); rows.len()];
    let mut ancestors: Vec<usize> = Vec::new();
    for at in 0..rows.len() {
        let tags = rows[at].path.segments();
        while ancestors
            .last()
            .is_some_and(|&above| !tags.starts_with(rows[above].path.segments()))
        {
            ancestors.pop();
        }
        let parent = ancestors.last().copied();
        let shared = parent.map_or(0, |above| rows[above].path.segments().len());
        rows[at].own_tags = tags.len() - shared;
        rows[at].depth = ancestors.len();
        parent
            .map_or(&mut roots, |above| &mut children[above])
            .push(at);
        ancestors.push(at);
    }
    let longest_first = |siblings: &mut Vec<usize>| {
        siblings.sort_by_key(|&at| Reverse(rows[at].stats.duration.sum()));
    };
    longest_first(&mut roots);
    children.iter_mut().for_each(longest_first);
    // A stack and no recursion: the depth is that of the tags, which others choose.
    let mut order = Vec::with_capacity(rows.len());
    let mut waiting: Vec<usize> = roots.into_iter().rev().collect();
    while let Some(at) = waiting.pop() {
        order.push(rows[at].clone());
        waiting.extend(children[at].iter().rev());
    }
    order
}
