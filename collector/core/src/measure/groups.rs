//! Sums of system calls by any fields.
//!
//! A call is in one group, but for the fields that have a value for each span it was made in: then it is
//! in a group for each different value, so that a group of `evtin.span.tags` has all that was done inside.
//!
//! ```
//! use nulltrace_core::activity::{Inside, Times};
//! use nulltrace_core::query::field::Known;
//! use nulltrace_core::measure::groups::{Groups, Limits};
//! use nulltrace_core::query::metric::Metric;
//! use nulltrace_core::query::plan::Plan;
//! use nulltrace_core::input::record::CallsRecord;
//! use zerocopy::FromZeros;
//!
//! let plan = Plan::new(vec!["proc.pid".parse().unwrap()], vec![], vec![Metric::Bytes]);
//! let mut groups = Groups::new(plan, Limits::default());
//! let mut reads = CallsRecord::new_zeroed();
//! (reads.count, reads.bytes) = (2, 8192);
//! groups.push(
//!     &Inside {
//!         pid: 7, tid: 7, process: None, spans: &[], wide: false, times: &Times::NONE,
//!         calls: &[reads], files: &[None],
//!     },
//!     Known::default(),
//! );
//! let rows = groups.rows();
//! assert_eq!((rows[0].sums.get(Metric::Bytes), rows[0].sums.get(Metric::Count)), (8192, 2));
//! ```

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::activity::Inside;
use crate::input::record::{CALLS_AGAIN, CALLS_RETURNED};
use crate::query::condition::Condition;
use crate::query::field::{At, Known, Value};

use super::sums::Sums;
use crate::query::metric::Metric;
use crate::query::plan::Plan;

/// How many distinct groups of the overflow row are told apart before their number is a lower bound.
pub const OVERFLOW_GROUPS_MAX: usize = 1 << 16;

/// What bounds the memory of [`Groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Groups with a row of their own.
    pub groups: usize,
    /// Bytes of text in their values.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            groups: 10_000,
            text_bytes: 4 << 20,
        }
    }
}

/// Sums of calls by a [`Plan`]. Groups beyond the limits share one row, so nothing is lost.
#[derive(Clone, Debug)]
pub struct Groups {
    plan: Plan,
    limits: Limits,
    entries: Vec<(Box<[Value<'static>]>, Sums)>,
    /// Into `entries`. The hasher is keyed: values come from anyone.
    table: HashTable<usize>,
    hasher: RandomState,
    text_bytes: usize,
    overflow: Overflow,
    total: Sums,
    untold: Sums,
    /// The groups of the calls at hand; kept for its room.
    done: Vec<Place>,
}

#[derive(Clone, Debug, Default)]
struct Overflow {
    sums: Sums,
    /// Hashes of the groups; two with the same hash count as one.
    groups: HashSet<u64>,
    more: bool,
}

impl Overflow {
    fn note(&mut self, hash: u64) {
        if self.groups.len() < OVERFLOW_GROUPS_MAX {
            self.groups.insert(hash);
        } else if !self.groups.contains(&hash) {
            self.more = true;
        }
    }
}

/// Where a group's sums are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Row(usize),
    /// With a hash that is the same in any [`Groups`].
    Overflow(u64),
}

/// The sums of one group.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What it stands for.
    pub kind: Kind<'a>,
    /// Its sums.
    pub sums: &'a Sums,
}

/// What a [`Row`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// One group: the values of the fields.
    Group(&'a [Value<'static>]),
    /// All groups beyond the limits.
    Overflow {
        /// How many.
        groups: u64,
        /// There are more than could be told apart.
        at_least: bool,
    },
}

impl Groups {
    /// No groups.
    #[must_use]
    pub fn new(plan: Plan, limits: Limits) -> Self {
        Self {
            plan,
            limits,
            entries: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::default(),
            text_bytes: 0,
            overflow: Overflow::default(),
            total: Sums::default(),
            untold: Sums::default(),
            done: Vec::new(),
        }
    }

    /// What is grouped.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The sums of all calls for which the conditions hold, each once.
    #[must_use]
    pub fn total(&self) -> &Sums {
        &self.total
    }

    /// The sums of calls that are in no group, but might be if it were known which files they are on.
    #[must_use]
    pub fn untold(&self) -> &Sums {
        &self.untold
    }

    /// Adds the calls of a segment.
    pub fn push(&mut self, inside: &Inside<'_>, known: Known<'_>) {
        let mut values = Vec::with_capacity(self.plan.by().len());
        for (call, of) in inside.calls.iter().enumerate() {
            let at = At {
                inside,
                known,
                call,
                enclosing: None,
                ancestor: None,
                end: None,
            };
            if of.is_empty() || of.flags & CALLS_RETURNED != 0 {
                continue;
            }
            // A call on two files is one call where files are not told apart.
            let again = of.flags & CALLS_AGAIN != 0 && !self.plan.is_of_files();
            let sums = match again {
                true => Sums::of_again(of),
                false => Sums::of(of),
            };
            let mut unmet = self.plan.only().iter().filter(|only| !only.holds(&at));
            if let Some(first) = unmet.next() {
                let file = inside.files.get(call).and_then(Option::as_deref);
                let unknown = file.is_some_and(|file| !file.is_known());
                if unknown && first.is_of_file() && unmet.all(Condition::is_of_file) {
                    self.untold.add(&sums);
                }
                continue;
            }
            self.total.add(&sums);
            self.done.clear();
            let most = if self.plan.is_enclosing() {
                usize::MAX
            } else {
                1
            };
            let mut enclosing = inside.paths().map(|path| &**path).take(most);
            let first = enclosing.next();
            for enclosing in std::iter::once(first).chain(enclosing.map(Some)) {
                let at = At { enclosing, ..at };
                values.extend(self.plan.by().iter().map(|field| field.get(&at)));
                let place = self.place(&values);
                values.clear();
                if !self.done.contains(&place) {
                    self.done.push(place);
                    self.sums(place).add(&sums);
                }
            }
        }
    }

    /// Adds all that `other`, of the same plan, counted. Unless a limit is reached this equals pushing
    /// the same; when one is, what has no row here is added to the overflow row.
    pub fn merge(&mut self, other: &Self) {
        for (values, sums) in &other.entries {
            let place = self.place(values);
            self.sums(place).add(sums);
        }
        self.overflow.sums.add(&other.overflow.sums);
        for &hash in &other.overflow.groups {
            self.overflow.note(hash);
        }
        self.overflow.more |= other.overflow.more;
        self.total.add(&other.total);
        self.untold.add(&other.untold);
    }

    /// A row for each group, the largest sum first, of equal ones that of more calls; the overflow row, if
    /// any, is the last.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<_> = self.entries.iter().collect();
        let sums = |of: &Sums| -> Vec<_> {
            let asked = self.plan.sums().iter().chain([&Metric::Count]);
            asked.map(|&metric| Reverse(of.get(metric))).collect()
        };
        rows.sort_by_cached_key(|(values, of)| (sums(of), values));
        let overflow = Row {
            kind: Kind::Overflow {
                groups: self.overflow.groups.len() as u64,
                at_least: self.overflow.more,
            },
            sums: &self.overflow.sums,
        };
        let mut rows: Vec<_> = rows
            .into_iter()
            .map(|(values, sums)| Row {
                kind: Kind::Group(values),
                sums,
            })
            .collect();
        if !self.overflow.groups.is_empty() {
            rows.push(overflow);
        }
        rows
    }

    fn sums(&mut self, place: Place) -> &mut Sums {
        match place {
            Place::Row(at) => &mut self.entries[at].1,
            Place::Overflow(hash) => {
                self.overflow.note(hash);
                &mut self.overflow.sums
            }
        }
    }

    /// The group of these values, made if there is room.
    fn place(&mut self, values: &[Value<'_>]) -> Place {
        let hash = self.hasher.hash_one(values);
        let entries = &self.entries;
        if let Some(&at) = self.table.find(hash, |&at| *entries[at].0 == *values) {
            return Place::Row(at);
        }
        let text: usize = values.iter().map(Value::text_bytes).sum();
        if self.entries.len() >= self.limits.groups
            || self.text_bytes.saturating_add(text) > self.limits.text_bytes
        {
            return Place::Overflow(FxBuildHasher.hash_one(values));
        }
        self.text_bytes += text;
        let at = self.entries.len();
        let values = values.iter().cloned().map(Value::into_owned).collect();
        self.entries.push((values, Sums::default()));
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.table
            .insert_unique(hash, at, |&at| hasher.hash_one(&*entries[at].0));
        Place::Row(at)
    }
}

#[cfg(test)]
mod tests;
