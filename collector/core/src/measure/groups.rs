//! Sums of system calls by any fields.
//!
//! A call is in one group, but for fields that have several values: then it is in a group for each different
//! value. So a group of `evtin.span.tags` has all that was done inside, one of `proc.aname` what all
//! descendants did.
//!
//! ```
//! use nulltrace_core::activity::{Inside, Times, When};
//! use nulltrace_core::query::field::Known;
//! use nulltrace_core::measure::groups::{Groups, Limits};
//! use nulltrace_core::query::Query;
//! use nulltrace_core::query::metric::Metric;
//! use nulltrace_core::input::record::CallsRecord;
//! use zerocopy::FromZeros;
//!
//! let query = Query::groups(vec!["proc.pid".parse().unwrap()], vec![Metric::Bytes]);
//! let mut groups = Groups::new(query, Limits::default());
//! let mut reads = CallsRecord::new_zeroed();
//! (reads.count, reads.bytes) = (2, 8192);
//! groups.push(
//!     &Inside {
//!         pid: 7, tid: 7, process: None, spans: &[], wide: false, when: When::default(), times: &Times::NONE,
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
use std::slice;

use rustc_hash::FxBuildHasher;

use crate::activity::Inside;
use crate::input::record::{CALLS_AGAIN, CALLS_RETURNED};
use crate::query::Query;
use crate::query::field::{At, Field, Known, Many, Value};
use crate::query::filter::Verdict;
use crate::query::metric::Metric;

pub use super::by_values::Limits;
use super::by_values::{ByValues, each, shown};
use super::decided::Decided;
use super::shared::Shared;
use super::sums::Sums;

/// How many distinct groups of the overflow row are counted separately before their number is a lower bound.
pub const OVERFLOW_GROUPS_MAX: usize = 1 << 16;

/// Sums of calls by a [`Query`]. Groups beyond the limits share one row, so nothing is lost.
///
/// A clone is a snapshot, and cheap: the values of the fields are shared, only the sums are copied.
#[derive(Clone, Debug)]
pub struct Groups {
    query: Query,
    table: Table,
    total: Sums,
    undecided: Sums,
    decided: Decided,
    /// The groups of the calls at hand; kept for its room.
    done: Vec<Place>,
}

/// The sums of each group.
#[derive(Clone, Debug)]
struct Table {
    groups: ByValues<Sums>,
    overflow: Shared<Overflow>,
}

#[derive(Clone, Debug, Default)]
struct Overflow {
    sums: Sums,
    /// Hashes of the groups; two with the same hash count as one.
    groups: HashSet<u64>,
    more: bool,
}

impl Overflow {
    fn add(&mut self, other: &Self) {
        self.sums.add(&other.sums);
        for &hash in &other.groups {
            self.note(hash);
        }
        self.more |= other.more;
    }

    fn note(&mut self, hash: u64) {
        if self.groups.len() < OVERFLOW_GROUPS_MAX {
            self.groups.insert(hash);
        } else if !self.groups.contains(&hash) {
            self.more = true;
        }
    }
}

/// Where a group's sums are: in a row, or with all that have none. One word, as many are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64);

impl Place {
    /// Of those without a row; the other bits are those of a hash that is the same in any [`Groups`].
    const OVERFLOW: u64 = 1 << 63;
}

/// The sums of one group, or of those that have no row of their own.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What it stands for.
    pub kind: GroupKind<'a>,
    /// Its sums.
    pub sums: Sums,
}

/// What a [`Row`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind<'a> {
    /// One group: the values of the fields.
    Group(&'a [Value<'static>]),
    /// All groups beyond the rows that are wanted.
    Others {
        /// How many.
        groups: u64,
    },
    /// All groups beyond the limits.
    Overflow {
        /// How many.
        groups: u64,
        /// There are more than could be counted separately.
        at_least: bool,
    },
}

impl Groups {
    /// No groups.
    #[must_use]
    pub fn new(query: Query, limits: Limits) -> Self {
        Self {
            query,
            table: Table {
                groups: ByValues::new(limits),
                overflow: Shared::default(),
            },
            total: Sums::default(),
            undecided: Sums::default(),
            decided: Decided::default(),
            done: Vec::new(),
        }
    }

    /// What is asked.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The sums of all calls for which the filter holds, each once.
    #[must_use]
    pub fn total(&self) -> &Sums {
        &self.total
    }

    /// The sums of calls that are in no group, but might be if it were known which files they are on.
    #[must_use]
    pub fn undecided(&self) -> &Sums {
        &self.undecided
    }

    /// How many calls the filter holds for, and for how many it does not, if there is one.
    #[must_use]
    pub const fn decided(&self) -> Option<Decided> {
        match self.query.filter() {
            Some(_) => Some(self.decided),
            None => None,
        }
    }

    /// Adds the calls of a segment.
    pub fn push<'a>(&mut self, inside: &'a Inside<'a>, known: Known<'a>) {
        let Self {
            query,
            table,
            total,
            undecided,
            decided,
            done,
        } = self;
        let by = query.by();
        // What there are several of is the segment's, but for the ends of each call's socket.
        let (many, ends) = match query.many() {
            [many @ .., Many::Ends] => (many, &[Many::Ends][..]),
            many => (many, &[][..]),
        };
        let (mut one, mut several) = (At::call(inside, 0, known), Vec::new());
        let subjects = match many {
            [] => slice::from_mut(&mut one),
            many => {
                each(&one, many, by, &mut |at| several.push(*at));
                &mut several[..]
            }
        };
        let mut values = Vec::with_capacity(by.len());
        let mut placed = false;
        for (call, of) in inside.calls.iter().enumerate() {
            if of.is_empty() || of.flags & CALLS_RETURNED != 0 {
                continue;
            }
            subjects.iter_mut().for_each(|at| at.go_to(call));
            let Some(at) = subjects.first() else {
                return;
            };
            // A call on two files is one call where files are not counted separately.
            let again = of.flags & CALLS_AGAIN != 0 && !query.is_of_files();
            let sums = match again {
                true => Sums::of_again(of),
                false => Sums::of(of),
            };
            if let Some(filter) = query.filter() {
                let verdict = filter.check(at);
                decided.count(verdict, sums.get(Metric::Count));
                match verdict {
                    Verdict::Yes => {}
                    Verdict::No | Verdict::Unknown => continue,
                    Verdict::Undecided => {
                        undecided.add(&sums);
                        continue;
                    }
                }
            }
            total.add(&sums);
            // What says nothing of the call itself is the same for all of them.
            if !placed {
                done.clear();
                for at in &*subjects {
                    if ends.is_empty() {
                        done.push(table.place_of(at, by, &mut values));
                    } else {
                        each(at, ends, by, &mut |at| {
                            done.push(table.place_of(at, by, &mut values));
                        });
                    }
                }
                if done.len() > 1 {
                    each_once(done);
                }
                placed = query.is_of_segments();
            }
            for &place in &*done {
                table.sums(place).add(&sums);
            }
        }
    }

    /// Adds all that `other`, of the same query, counted. Unless a limit is reached this equals pushing
    /// the same; when one is, what has no row here is added to the overflow row.
    pub fn merge(&mut self, other: &Self) {
        for (values, sums) in &other.table.groups.entries {
            let place = self.table.place(values);
            self.table.sums(place).add(sums);
        }
        Shared::make_mut(&mut self.table.overflow).add(&other.table.overflow);
        self.total.add(&other.total);
        self.undecided.add(&other.undecided);
        self.decided.add(&other.decided);
    }

    /// A row for each group, in the order that was asked for, of equal ones that of more calls first. Where fewer are
    /// wanted, the others are one row; the overflow row, if any, is the last.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let Table { groups, overflow } = &self.table;
        let mut sorted: Vec<_> = groups.entries.iter().collect();
        let sums = |of: &Sums| -> Vec<_> {
            let order = self.query.order();
            order.map(|metric| Reverse(of.get(metric))).collect()
        };
        sorted.sort_by_cached_key(|(values, of)| (sums(of), values));
        let wanted = self.query.top().unwrap_or(usize::MAX);
        let others = sorted.split_off(wanted.min(sorted.len()));
        let groups = sorted.into_iter().map(|(values, sums)| Row {
            kind: GroupKind::Group(values),
            sums: *sums,
        });
        let mut rows: Vec<_> = groups.collect();
        if !others.is_empty() {
            let mut sums = Sums::default();
            others.iter().for_each(|(_, of)| sums.add(of));
            rows.push(Row {
                kind: GroupKind::Others {
                    groups: others.len() as u64,
                },
                sums,
            });
        }
        if !overflow.groups.is_empty() {
            rows.push(Row {
                kind: GroupKind::Overflow {
                    groups: overflow.groups.len() as u64,
                    at_least: overflow.more,
                },
                sums: overflow.sums,
            });
        }
        rows
    }
}

/// A subject is in no group twice.
#[inline(never)]
fn each_once(places: &mut Vec<Place>) {
    // A few are counted separately for less than it costs to sort them.
    if places.len() > 16 {
        places.sort_unstable();
        return places.dedup();
    }
    let mut kept = 0;
    for at in 0..places.len() {
        if !places[..kept].contains(&places[at]) {
            places[kept] = places[at];
            kept += 1;
        }
    }
    places.truncate(kept);
}

impl Table {
    #[inline]
    fn sums(&mut self, place: Place) -> &mut Sums {
        if place.0 & Place::OVERFLOW == 0 {
            return &mut self.groups.entries[place.0 as usize].1;
        }
        let overflow = Shared::make_mut(&mut self.overflow);
        overflow.note(place.0);
        &mut overflow.sums
    }

    /// The group of a subject. `values` is for use again, to save allocations.
    #[inline(always)]
    fn place_of<'a>(&mut self, at: &At<'a>, by: &[Field], values: &mut Vec<Value<'a>>) -> Place {
        values.clear();
        values.extend(by.iter().map(|field| field.get(at)));
        self.place(values)
    }

    /// The group of these values, made if there is room.
    #[inline]
    fn place(&mut self, values: &[Value<'_>]) -> Place {
        match self.groups.place(values) {
            Some(at) => Place(at as u64),
            None => Place(FxBuildHasher.hash_one(&*shown(values)) | Place::OVERFLOW),
        }
    }
}

#[cfg(test)]
mod tests;
