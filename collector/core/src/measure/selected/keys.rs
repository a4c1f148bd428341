//! Groups of spans, and tag paths within a group.
//!
//! A path in a group is the tag path with the number of the group before it: so one summary, with its limits, has
//! the paths of all groups.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::facts::path::TagPath;
use crate::measure::by_values::{ByValues, Limits, Values, each, shown};
use crate::measure::groups::OVERFLOW_GROUPS_MAX;
use crate::query::field::At;
use crate::query::{Query, Show};

/// The number of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(u32);

impl Group {
    /// All groups beyond the limits.
    pub(super) const OVERFLOW: Self = Self(u32::MAX);
    /// All groups beyond those that are wanted.
    pub(super) const OTHERS: Self = Self(u32::MAX - 1);

    /// The one at that place among the values.
    pub(super) fn at(place: usize) -> Self {
        u32::try_from(place).map_or(Self::OVERFLOW, Self)
    }

    /// Its place among the values, if it has any.
    pub(super) const fn place(self) -> Option<usize> {
        match self {
            Self::OVERFLOW | Self::OTHERS => None,
            Self(at) => Some(at as usize),
        }
    }

    /// Whether it stands for several.
    pub(super) const fn is_of_many(self) -> bool {
        self.place().is_none()
    }

    /// This path in the group.
    pub(super) fn path(self, of: &TagPath) -> Arc<TagPath> {
        let number = format!("{:08x}", self.0).into_bytes();
        let canonical = [&number[..], of.canonical()].concat();
        let tags = of.segments().iter().map(|tag| &**tag);
        Arc::new(TagPath::new(
            &canonical,
            std::iter::once(&number[..]).chain(tags),
        ))
    }

    /// The group of such a path, and the path without it.
    pub(super) fn of(path: &TagPath) -> Option<(Self, Arc<TagPath>)> {
        let (number, tags) = path.segments().split_first()?;
        let group = core::str::from_utf8(number).ok()?;
        let group = Self(u32::from_str_radix(group, 16).ok()?);
        let canonical = path.canonical().get(number.len()..)?;
        Some((group, Arc::new(TagPath::new(canonical, tags))))
    }
}

/// The groups there are, and their paths.
#[derive(Debug)]
pub(super) struct Keys {
    values: ByValues<()>,
    overflow: HashSet<u64>,
    more: bool,
    /// By group and address of a tag path; it holds that path, so the address stays its own.
    paths: FxHashMap<(Group, usize), (Arc<TagPath>, Arc<TagPath>)>,
    paths_most: usize,
    /// The path of all spans of a group.
    whole: Arc<TagPath>,
}

impl Keys {
    pub(super) fn new(limits: Limits, paths: usize) -> Self {
        Self {
            values: ByValues::new(limits),
            overflow: HashSet::new(),
            more: false,
            paths: FxHashMap::default(),
            paths_most: paths.max(1),
            whole: Arc::new(TagPath::new(b"", [b""; 0])),
        }
    }

    /// The path of a span in each of its groups; where spans are summed, whatever their tags, that of the group.
    pub(super) fn paths(
        &mut self,
        query: &Query,
        span: &At<'_>,
        of: &Arc<TagPath>,
    ) -> Vec<Arc<TagPath>> {
        let mut groups = Vec::new();
        each(span, query.many(), query.by(), &mut |at| {
            let values: Vec<_> = query.by().iter().map(|field| field.get(at)).collect();
            let group = match self.values.place(&values) {
                Some(at) => Group::at(at),
                None => {
                    self.note(FxBuildHasher.hash_one(&*shown(&values)));
                    Group::OVERFLOW
                }
            };
            groups.push(group);
        });
        // A span is in no group twice.
        groups.sort_unstable();
        groups.dedup();
        let whole = matches!(query.show(), Show::Spans { .. });
        let of = if whole { &Arc::clone(&self.whole) } else { of };
        let groups = groups.into_iter();
        groups.map(|group| self.path(group, of)).collect()
    }

    fn path(&mut self, group: Group, of: &Arc<TagPath>) -> Arc<TagPath> {
        if self.paths.len() >= self.paths_most {
            self.paths.clear();
        }
        let key = (group, Arc::as_ptr(of) as usize);
        let (_, path) = self
            .paths
            .entry(key)
            .or_insert_with(|| (Arc::clone(of), group.path(of.shown())));
        Arc::clone(path)
    }

    fn note(&mut self, hash: u64) {
        if self.overflow.len() < OVERFLOW_GROUPS_MAX {
            self.overflow.insert(hash);
        } else {
            self.more |= !self.overflow.contains(&hash);
        }
    }

    /// The values of each group.
    pub(super) fn values(&self) -> Vec<Values> {
        let entries = self.values.entries.iter();
        entries.map(|(values, ())| Arc::clone(values)).collect()
    }

    /// How many groups are beyond the limits, and whether there may be more.
    pub(super) fn overflow(&self) -> (u64, bool) {
        (self.overflow.len() as u64, self.more)
    }
}
