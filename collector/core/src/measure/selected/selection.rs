//! What was counted of the spans that were chosen.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::keys::{Group, Keys};
use crate::activity::SpanTimes;
use crate::facts::path::TagPath;
use crate::measure::by_values::Values;
use crate::measure::decided::Decided;
use crate::measure::groups::GroupKind;
use crate::measure::slowest::SlowSpans;
use crate::measure::summary::{Row, Stats, Summary};
use crate::measure::sums::Sums;
use crate::query::Query;
use crate::query::field::Value;
use crate::query::span_metric::SpanMetric;
use crate::spans::span::Open;

/// A snapshot of [`Selected`](super::Selected).
#[derive(Clone, Debug)]
pub struct Selection {
    pub(super) query: Query,
    pub(super) all: Summary,
    pub(super) open: Vec<(Arc<TagPath>, Open)>,
    pub(super) groups: Option<Groups>,
    pub(super) slowest: Option<SlowSpans>,
    pub(super) passed_over: u64,
    pub(super) decided: Decided,
    pub(super) unknown: u64,
    pub(super) unkept: u64,
    pub(super) undecided: Sums,
}

/// The groups of a [`Selection`].
#[derive(Clone, Debug)]
pub(super) struct Groups {
    values: Vec<Values>,
    summary: Summary,
    open: Vec<(Arc<TagPath>, Open)>,
    /// Where each group stands; a group without a place is one of the others.
    ranks: FxHashMap<Group, usize>,
    others: u64,
    overflow: (u64, bool),
}

impl Selection {
    /// What is asked.
    #[must_use]
    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// The rows of all spans that were chosen, by tag path.
    #[must_use]
    pub fn total(&self) -> Vec<Row<'_>> {
        self.all.rows(self.open.iter().cloned())
    }

    /// The same by group and tag path, a group after the other: that with the longest spans first, in the end those
    /// that share one. The path of a row is one in a [group](Self::group).
    #[must_use]
    pub fn grouped(&self) -> Vec<Row<'_>> {
        let Some(groups) = &self.groups else {
            return Vec::new();
        };
        let mut rows = groups.summary.rows(groups.open.iter().cloned());
        // What is in others now is not shown a second time.
        let rank = |row: &Row<'_>| match Group::of(&row.path) {
            Some((group, _)) => groups.ranks.get(&group).copied(),
            None => Some(usize::MAX),
        };
        rows.retain(|row| rank(row).is_some());
        for row in rows.iter_mut().filter(|row| row.depth == 0) {
            // The number of the group is no tag.
            row.own_tags = row.own_tags.saturating_sub(1);
        }
        rows.sort_by_key(rank);
        rows
    }

    /// The group of a path that a row of [`grouped`](Self::grouped), or a span of [`slowest`](Self::slowest), has, and
    /// its tag path.
    #[must_use]
    pub fn group(&self, path: &TagPath) -> Option<(Group, Arc<TagPath>)> {
        let (group, path) = Group::of(path)?;
        let ranked = self.rank(group).is_some();
        Some((if ranked { group } else { Group::OTHERS }, path))
    }

    /// Where a group stands; `None` if it is one of the others.
    #[must_use]
    pub fn rank(&self, group: Group) -> Option<usize> {
        self.groups.as_ref()?.ranks.get(&group).copied()
    }

    /// What a group stands for.
    #[must_use]
    pub fn kind(&self, group: Group) -> GroupKind<'_> {
        let (groups, at_least) = self.groups.as_ref().map_or((0, false), |of| of.overflow);
        match group {
            Group::OVERFLOW => GroupKind::Overflow { groups, at_least },
            Group::OTHERS => GroupKind::Others {
                groups: self.groups.as_ref().map_or(0, |of| of.others),
            },
            group => GroupKind::Group(self.values(group)),
        }
    }

    /// The values of the fields in a group; none of one that has several.
    #[must_use]
    pub fn values(&self, group: Group) -> &[Value<'static>] {
        let values = self.groups.as_ref().zip(group.place());
        values
            .and_then(|(groups, at)| groups.values.get(at))
            .map_or(&[], |values| values)
    }

    /// How many groups are beyond the limits and share one, if there are groups, and whether there may be more.
    #[must_use]
    pub fn overflow(&self) -> Option<(u64, bool)> {
        self.groups.as_ref().map(|groups| groups.overflow)
    }

    /// The slowest of them, if they were kept; where there are groups, a path is one in a group.
    #[must_use]
    pub const fn slowest(&self) -> Option<&SlowSpans> {
        self.slowest.as_ref()
    }

    /// Spans that ended and were not chosen.
    #[must_use]
    pub const fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Those of them that do not have a value that is compared.
    #[must_use]
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// What the filter said of all spans, those that are open included, if there is one.
    #[must_use]
    pub const fn decided(&self) -> Option<Decided> {
        match self.query.filter() {
            Some(_) => Some(self.decided),
            None => None,
        }
    }

    /// Spans that were chosen, and what was called inside is not known, as too many were open.
    #[must_use]
    pub const fn unkept(&self) -> u64 {
        self.unkept
    }

    /// Calls that may be missing, as it is not known which files they are on.
    #[must_use]
    pub const fn undecided(&self) -> &Sums {
        &self.undecided
    }
}

impl Groups {
    pub(super) fn new(
        keys: &Keys,
        mut summary: Summary,
        mut open: Vec<(Arc<TagPath>, Open)>,
        query: &Query,
    ) -> Self {
        let values = keys.values();
        let order = order(&values, weights(&summary, &open, query.span_sums().1));
        let wanted = query.top().unwrap_or(usize::MAX).min(order.len());
        let mut ranks: FxHashMap<_, _> = order[..wanted].iter().copied().zip(0..).collect();
        let others = order.len() - wanted;
        if others > 0 {
            // What was counted there has its room already.
            summary.lift_limits();
            join(&mut summary, &mut open, &ranks);
            ranks.insert(Group::OTHERS, wanted);
        }
        ranks.insert(Group::OVERFLOW, wanted + 1);
        Self {
            values,
            summary,
            open,
            ranks,
            others: others as u64,
            overflow: keys.overflow(),
        }
    }
}

/// How much the spans of each group have of a metric, and how many there are.
fn weights(
    summary: &Summary,
    open: &[(Arc<TagPath>, Open)],
    by: SpanMetric,
) -> FxHashMap<Group, (u128, u64)> {
    let mut weights = FxHashMap::<Group, (u128, u64)>::default();
    let mut add = |path: &TagPath, ns: u128, spans: u64| {
        if let Some((group, _)) = Group::of(path).filter(|(group, _)| !group.is_of_many()) {
            let of = weights.entry(group).or_default();
            *of = (of.0.saturating_add(ns), of.1.saturating_add(spans));
        }
    };
    for (path, stats) in summary.each() {
        let size = metric(by, stats, &stats.times).unwrap_or_default();
        add(path, size, stats.spans());
    }
    for (path, open) in open {
        let size = match by {
            SpanMetric::Duration => open.times.all.wall.into(),
            by => metric(by, Stats::EMPTY, &open.times).unwrap_or_default(),
        };
        add(path, size, open.spans);
    }
    weights
}

/// What a row has of a metric; nothing where there is nothing to find it in.
#[must_use]
pub fn metric(of: SpanMetric, stats: &Stats, times: &SpanTimes) -> Option<u128> {
    let all = &times.all;
    let some = (stats.hits() > 0).then_some(());
    Some(match of {
        SpanMetric::Hits => stats.hits().into(),
        SpanMetric::Errors => stats.errors.into(),
        SpanMetric::Duration => some.map(|()| stats.duration.sum())?,
        SpanMetric::SelfTime => some.map(|()| stats.self_ns)?,
        SpanMetric::Cpu => all.on_cpu().into(),
        SpanMetric::Runnable => all.runnable.into(),
        SpanMetric::Blocked => all.blocked.into(),
        SpanMetric::P50 => stats.duration.quantile(0.5)?.into(),
        SpanMetric::P90 => stats.duration.quantile(0.9)?.into(),
        SpanMetric::P99 => stats.duration.quantile(0.99)?.into(),
        SpanMetric::Max => stats.duration.max()?.into(),
    })
}

/// Those with the most first; with several fields, groups that share the values of the first ones stand
/// together.
fn order(values: &[Values], weights: FxHashMap<Group, (u128, u64)>) -> Vec<Group> {
    let of = |group: Group| group.place().and_then(|at| values.get(at));
    let mut order: Vec<_> = weights.keys().copied().collect();
    order.sort_by_cached_key(|group| (Reverse(weights[group]), of(*group).cloned()));
    let mut first: HashMap<&[Value<'_>], usize> = HashMap::new();
    for (rank, group) in order.iter().enumerate() {
        let values = of(*group).map_or(&[][..], |values| values);
        for until in 1..values.len() {
            first.entry(&values[..until]).or_insert(rank);
        }
    }
    let together = |group: &Group| -> Vec<usize> {
        let values = of(*group).map_or(&[][..], |values| values);
        let ranks = (1..values.len()).filter_map(|until| first.get(&values[..until]));
        ranks.copied().collect()
    };
    // Stable: otherwise they stay in their order.
    order.sort_by_cached_key(together);
    order
}

/// Counts the groups that have no rank in others, too.
fn join(summary: &mut Summary, open: &mut [(Arc<TagPath>, Open)], ranks: &FxHashMap<Group, usize>) {
    let other = |path: &TagPath| {
        let found = Group::of(path);
        found.filter(|(group, _)| !group.is_of_many() && !ranks.contains_key(group))
    };
    // Shared until it changes.
    let before = summary.clone();
    for (path, stats) in before.each() {
        if let Some((_, of)) = other(path) {
            summary.absorb(&Group::OTHERS.path(&of), stats);
        }
    }
    for (path, _) in open {
        if let Some((_, of)) = other(path) {
            *path = Group::OTHERS.path(&of);
        }
    }
}
