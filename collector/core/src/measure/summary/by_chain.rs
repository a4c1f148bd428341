//! Segments, counted once for all the paths they lie in.
//!
//! Inside of many spans a segment belongs to each of them, and as most segments lie in the same few chains of spans, it
//! would be added to the same rows again and again. So what was called is summed by chain, and added to the rows of
//! the chain when somebody looks at them, or when the sums take too much room. Addition does not depend on the order, so
//! the rows say the same.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::by_path::{Limits, Summary};
use crate::activity::{DEPTH_MAX, Inside, Times};
use crate::input::record::{CALLS_IN_PROGRESS, CALLS_RETURNED};
use crate::measure::calls::{Calls, Room};
use crate::spans::span::Closed;

/// Which part of the room for calls they have: half of it for the sums, half for the chains.
const PART: usize = 16;
/// What a chain takes, with so many paths.
const CHAIN: usize = 512;
const CHAIN_PATHS: usize = 16;
/// Files whose room is asked for at once, as much as those of a segment.
const FILES: usize = 32 << 10;
/// Segments that are added to each row at once where it was found that chains do not recur.
const PAUSE: u32 = 1 << 16;

/// What bounds the chains.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Bytes of the sums. What exceeds them is added to the rows.
    bytes: usize,
    /// How many chains are kept.
    chains: usize,
    /// The paths of them all.
    paths: usize,
    /// See [`PAUSE`].
    pause: u32,
}

impl Bounds {
    fn new(bytes: usize) -> Self {
        let chains = (bytes / 2 / CHAIN).max(1);
        Self {
            bytes: bytes / 2,
            chains,
            paths: (chains * CHAIN_PATHS).max(DEPTH_MAX),
            pause: PAUSE,
        }
    }
}

/// A [`Summary`] that segments are added to.
///
/// ```
/// use std::sync::Arc;
/// use nulltrace_core::activity::{InSpan, Inside, Times, When};
/// use nulltrace_core::facts::path::TagPath;
/// use nulltrace_core::measure::summary::{ByChain, Limits};
///
/// let [outer, inner] = ["checkout", "pay"].map(|tag| Arc::new(TagPath::new(tag.as_bytes(), [tag])));
/// let times = Times { wall: 100, ..Times::NONE };
/// let inside = Inside {
///     pid: 7, tid: 7, process: None, spans: &[InSpan::of_path(&inner), InSpan::of_path(&outer)],
///     wide: true, when: When::default(), times: &times, calls: &[], files: &[],
/// };
/// let mut sums = ByChain::new(Limits::default());
/// sums.inside(&inside);
/// sums.inside(&inside);
/// let rows = sums.summary().rows([]);
/// let times: Vec<_> = rows.iter().map(|row| (row.times.own.wall, row.times.all.wall)).collect();
/// assert_eq!(times, [(0, 200), (200, 200)]);
/// ```
#[derive(Debug)]
pub struct ByChain {
    summary: Summary,
    chains: Vec<Chain>,
    bounds: Bounds,
    /// Into `chains`, by the addresses of their paths.
    by_paths: HashTable<usize>,
    /// Paths of all chains.
    paths: usize,
    /// What the sums take. It has no end, as a sum that has no room there must not be short of a file that the row
    /// has.
    room: Room,
    /// How many addresses of paths had changed in the summary when the first chain was made.
    readdressed: u64,
    /// Segments of chains that were there.
    again: usize,
    /// Segments for which none is looked for.
    pause: u32,
    /// The chain at hand; kept for its room.
    addresses: Vec<usize>,
}

/// What was called in a chain of spans, and is not in the rows of their paths yet.
#[derive(Debug)]
struct Chain {
    /// Of the paths, each once, the innermost first.
    addresses: Box<[usize]>,
    /// The rows of these paths, which hold them, so that the addresses stay theirs; none where a path has no such row.
    rows: Box<[usize]>,
    calls: Calls,
    /// Where the time went, where that is not known of each span.
    times: Times,
    /// There is something to add.
    changed: bool,
}

impl ByChain {
    /// An empty summary.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let part = limits.calls_bytes / PART;
        let calls_bytes = limits.calls_bytes - part;
        Self {
            summary: Summary::new(Limits {
                calls_bytes,
                ..limits
            }),
            chains: Vec::new(),
            bounds: Bounds::new(part),
            by_paths: HashTable::new(),
            paths: 0,
            room: Room::new(usize::MAX),
            readdressed: 0,
            again: 0,
            pause: 0,
            addresses: Vec::new(),
        }
    }

    /// Counts one span.
    #[inline]
    pub fn push(&mut self, span: &Closed) {
        self.summary.push(span);
    }

    /// The summary of all there was until now.
    pub fn summary(&mut self) -> &Summary {
        self.settle();
        &self.summary
    }

    /// Adds the system calls of a segment to the spans it lies in.
    pub fn inside(&mut self, inside: &Inside<'_>) {
        // The time of a call in progress is taken off the same rows when it returns. For one path there is nothing
        // to win.
        let going = |flags: u32| flags & (CALLS_IN_PROGRESS | CALLS_RETURNED) != 0;
        let many = inside.spans.len() > 1;
        if !many || inside.calls.iter().any(|of| going(of.flags)) {
            return self.summary.inside(inside);
        }
        if self.pause > 0 {
            self.pause -= 1;
            return self.summary.inside(inside);
        }
        let Some(at) = self.chain(inside) else {
            return self.summary.inside(inside);
        };
        let chain = &mut self.chains[at];
        let Inside {
            calls,
            files,
            times,
            ..
        } = inside;
        let room = &mut self.room;
        chain.calls.push(calls, files, times.wall, true, room);
        if inside.wide {
            chain.times.add(times);
        }
        chain.changed = true;
        if chain.calls.file_bytes() > FILES {
            chain.settle(&mut self.summary, &mut self.room);
        }
        if self.room.taken() > self.bounds.bytes {
            self.settle();
        }
    }

    /// The chain of a segment, made if there was none. `None` if there is nothing but one path, or a path without a
    /// row.
    fn chain(&mut self, inside: &Inside<'_>) -> Option<usize> {
        if self.readdressed != self.summary.readdressed() {
            self.forget();
        }
        let addresses = &mut self.addresses;
        addresses.clear();
        addresses.extend(inside.paths().map(|path| Arc::as_ptr(path) as usize));
        if addresses.len() < 2 {
            return None;
        }
        let hash = FxBuildHasher.hash_one(&addresses[..]);
        let chains = &self.chains;
        let found = self
            .by_paths
            .find(hash, |&at| *chains[at].addresses == addresses[..]);
        let at = match found {
            Some(&at) => {
                self.again += 1;
                at
            }
            None => self.make(hash, inside),
        };
        (!self.chains[at].rows.is_empty()).then_some(at)
    }

    #[cold]
    fn make(&mut self, hash: u64, inside: &Inside<'_>) -> usize {
        let Bounds {
            chains,
            paths,
            pause,
            ..
        } = self.bounds;
        if self.chains.len() >= chains || self.paths + self.addresses.len() > paths {
            // Where few came again, it costs more than it saves.
            if self.again < 2 * self.chains.len() {
                self.pause = pause;
            }
            self.forget();
        }
        let rows = inside.paths().map(|path| self.summary.row_of(path));
        let rows: Option<Box<[_]>> = rows.collect();
        // A row may have another address now.
        if self.readdressed != self.summary.readdressed() {
            self.forget();
        }
        let mut held = rows.iter().flatten().zip(&self.addresses);
        let all_held = held.all(|(&row, &address)| self.summary.address_of(row) == address);
        let rows = rows.filter(|_| all_held);
        let at = self.chains.len();
        self.paths += self.addresses.len();
        self.chains.push(Chain {
            addresses: self.addresses.as_slice().into(),
            rows: rows.unwrap_or_default(),
            calls: Calls::NONE,
            times: Times::NONE,
            changed: false,
        });
        let chains = &self.chains;
        self.by_paths.insert_unique(hash, at, |&at| {
            FxBuildHasher.hash_one(&*chains[at].addresses)
        });
        at
    }

    /// Adds all sums to the rows.
    fn settle(&mut self) {
        for chain in self.chains.iter_mut().filter(|chain| chain.changed) {
            chain.settle(&mut self.summary, &mut self.room);
        }
    }

    /// There are no chains any more.
    fn forget(&mut self) {
        self.settle();
        self.chains.clear();
        self.by_paths.clear();
        (self.paths, self.again) = (0, 0);
        self.readdressed = self.summary.readdressed();
    }
}

impl Chain {
    /// Adds the sums to the rows.
    fn settle(&mut self, summary: &mut Summary, room: &mut Room) {
        let mut calls = std::mem::take(&mut self.calls);
        let times = std::mem::replace(&mut self.times, Times::NONE);
        self.changed = false;
        for (at, &row) in self.rows.iter().enumerate() {
            if at == 1 {
                calls.disown();
            }
            summary.add_inside(row, &calls, &times, at == 0);
        }
        calls.give_back(room);
    }
}

#[cfg(test)]
mod tests;
