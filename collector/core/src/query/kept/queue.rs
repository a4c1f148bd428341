//! Records that wait, in their order, until it is known what becomes of them.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use zerocopy::{FromBytes, IntoBytes};

use super::facts::Record;
use super::record::{bytes_of, copied};
use super::spans::{Lies, Spans};
use super::stripped::stripped;
use crate::input::joined::{FLAG_OF_MANY, KIND_LEFT_OUT, LeftOutRecord};
use crate::input::record::{CallsRecord, FLAG_AT_MARKER, Head, SegmentRecord};
use crate::query::filter::Holds;

/// What decides over a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It says what something is.
    Fact,
    /// It matches.
    Kept,
    /// It is the enter marker of this span.
    Enter(u64),
    /// It is its exit marker.
    Exit(u64),
    /// Its thread did that in this span. Of each call what it holds; nothing of one that does not match.
    Segment(u64, Vec<Option<Holds>>),
    /// It happened in this span. What a call holds, as of those of a segment.
    Event(u64, Option<Holds>),
    /// It says how long a thread did what is left out.
    Aside,
}

impl Fate {
    /// The span that it waits for.
    pub(super) const fn span(&self) -> Option<u64> {
        match self {
            Self::Fact | Self::Kept | Self::Aside => None,
            Self::Enter(seq) | Self::Exit(seq) | Self::Segment(seq, _) | Self::Event(seq, _) => {
                Some(*seq)
            }
        }
    }

    const fn is_marker(&self) -> bool {
        matches!(self, Self::Enter(_) | Self::Exit(_))
    }
}

/// A record that waits.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) record: Record,
    pub(super) fate: Fate,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    Whole,
    /// Without arguments.
    Stripped,
    /// Those of its calls only.
    Calls(Vec<bool>),
    Dropped,
}

/// The records.
#[derive(Debug)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    limit: usize,
}

/// What an item takes beside its record.
const ITEM: usize = 2 * size_of::<Item>();

impl Queue {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            limit,
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push_back(item);
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes();
        Some(item)
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes > self.limit
    }

    /// Takes out what is known to be left out, wherever it stands, and says of what spans it was. Of what threads did only
    /// the time stays, added up from one of their other records to the next.
    pub(super) fn sweep(&mut self, spans: &Spans) -> Vec<u64> {
        let mut gone = Vec::new();
        // Where the time of a thread is, that had no other record since.
        let mut asides: FxHashMap<(u32, u32), usize> = FxHashMap::default();
        for item in std::mem::take(&mut self.items) {
            let thread = head(&item.record).map(|of| (of.pid, of.tid));
            let is_out =
                item.fate.span().is_some() && decide(&item.fate, spans) == Some(Decided::Dropped);
            if !is_out && item.fate != Fate::Aside {
                thread.map(|thread| asides.remove(&thread));
                self.items.push_back(item);
                continue;
            }
            gone.extend(item.fate.span());
            self.bytes -= item.bytes();
            let (Some(thread), Some(wall)) = (thread, item.wall()) else {
                continue;
            };
            let before = asides.get(&thread).and_then(|&at| self.items.get_mut(at));
            match before.and_then(|aside| LeftOutRecord::mut_from_prefix(aside.bytes_mut()).ok()) {
                Some((aside, _)) => aside.wall = aside.wall.saturating_add(wall),
                None => {
                    if let Some(record) = left_out(&item.record, wall) {
                        asides.insert(thread, self.items.len());
                        let fate = Fate::Aside;
                        self.push(Item { record, fate });
                    }
                }
            }
        }
        gone
    }

    /// Whether so much room is free again that it is worth to wait on.
    pub(super) const fn has_room(&self) -> bool {
        self.bytes <= self.limit / 4 * 3
    }

    /// What becomes of the first; `None` while that is not known, or if there is none. Of a segment that a marker ended
    /// it is said whether that marker follows it.
    pub(super) fn decide(&self, spans: &Spans) -> Option<(Decided, bool)> {
        let item = self.items.front()?;
        let decided = decide(&item.fate, spans)?;
        let next = self.items.get(1).filter(|next| {
            ends_at_marker(&item.record) && next.fate.is_marker() && are_of_one(item, next)
        });
        let follows = match next {
            Some(next) => decide(&next.fate, spans)? != Decided::Dropped,
            None => false,
        };
        Some((decided, follows))
    }
}

fn decide(fate: &Fate, spans: &Spans) -> Option<Decided> {
    let Some(seq) = fate.span() else {
        return Some(Decided::Whole);
    };
    match (spans.lies(seq), fate) {
        (Lies::Within, _) => Some(Decided::Whole),
        (Lies::Open, _) => None,
        (Lies::Outside, Fate::Segment(_, calls)) => {
            let chosen = |of: &Option<Holds>| of.map_or(Some(false), |of| spans.is_chosen(seq, of));
            let chosen = calls.iter().map(chosen).collect::<Option<Vec<_>>>()?;
            Some(match chosen.contains(&true) {
                true => Decided::Calls(chosen),
                false => Decided::Dropped,
            })
        }
        (Lies::Outside, Fate::Enter(_) | Fate::Exit(_)) => Some(match spans.holds_kept(seq)? {
            true => Decided::Stripped,
            false => Decided::Dropped,
        }),
        (Lies::Outside, Fate::Event(_, Some(holds))) => {
            let is_chosen = spans.is_chosen(seq, *holds)?;
            Some(if is_chosen {
                Decided::Whole
            } else {
                Decided::Dropped
            })
        }
        (Lies::Outside, _) => Some(Decided::Dropped),
    }
}

fn head(record: &Record) -> Option<Head> {
    let (head, _) = Head::read_from_prefix(record.0.as_bytes()).ok()?;
    Some(head)
}

fn ends_at_marker(record: &Record) -> bool {
    use crate::input::record::KIND_SEGMENT;
    head(record).is_some_and(|of| of.kind == KIND_SEGMENT && of.flags & FLAG_AT_MARKER != 0)
}

fn are_of_one(one: &Item, other: &Item) -> bool {
    let (one, other) = (head(&one.record), head(&other.record));
    one.zip(other)
        .is_some_and(|(one, other)| (one.pid, one.tid) == (other.pid, other.tid))
}

/// What is left of a record that is left out: for how long its thread did something.
fn left_out(of: &Record, wall: u64) -> Option<Record> {
    let head = Head {
        kind: KIND_LEFT_OUT,
        flags: 0,
        number: 0,
        ..head(of)?
    };
    record_of(LeftOutRecord { head, wall }.as_bytes())
}

impl Item {
    /// The memory it takes.
    const fn bytes(&self) -> usize {
        self.record.0.len() * 8 + ITEM
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.record.0.as_mut_bytes()
    }

    /// For how long its thread did what it says, if it says that.
    fn wall(&self) -> Option<u64> {
        let bytes = bytes_of(&self.record);
        match self.fate {
            Fate::Segment(..) => {
                let (segment, _) = SegmentRecord::read_from_prefix(bytes).ok()?;
                Some(segment.head.ts.saturating_sub(segment.since))
            }
            Fate::Aside => Some(LeftOutRecord::read_from_prefix(bytes).ok()?.0.wall),
            _ => None,
        }
    }

    /// The record as it was decided; `None` if it is not kept. Behind a segment the marker that ended it may not be
    /// kept: then nothing ended it.
    pub(super) fn kept(self, decided: &Decided, follows: bool) -> Option<Record> {
        let mut record = match decided {
            Decided::Dropped => return None,
            Decided::Whole => self.record,
            Decided::Stripped => without_arguments(&self.record)?,
            Decided::Calls(chosen) => with_calls(&self.record, chosen)?,
        };
        let (head, _) = Head::mut_from_prefix(record.0.as_mut_bytes()).ok()?;
        if self.fate.is_marker() {
            head.flags &= !FLAG_OF_MANY;
        }
        if matches!(self.fate, Fate::Segment(..)) && !follows {
            head.flags &= !FLAG_AT_MARKER;
        }
        Some(record)
    }
}

/// Bytes as a record, with the size they have.
fn record_of(bytes: &[u8]) -> Option<Record> {
    let mut record = copied(bytes);
    let (head, _) = Head::mut_from_prefix(record.0.as_mut_bytes()).ok()?;
    head.size = u16::try_from(bytes.len()).ok()?;
    Some(record)
}

fn without_arguments(record: &Record) -> Option<Record> {
    let (head, marker) = bytes_of(record).split_at_checked(size_of::<Head>())?;
    record_of(&[head, &stripped(marker)?].concat())
}

/// A segment with some of its calls, and of its time what these took.
fn with_calls(record: &Record, chosen: &[bool]) -> Option<Record> {
    let (segment, calls) = SegmentRecord::read_from_prefix(bytes_of(record)).ok()?;
    let calls = <[CallsRecord]>::ref_from_bytes(calls).ok()?;
    let kept = calls.iter().zip(chosen);
    let kept: Vec<_> = kept.filter_map(|(call, &is)| is.then_some(*call)).collect();
    let sum = |of: fn(&CallsRecord) -> u64| kept.iter().map(of).fold(0, u64::saturating_add);
    let (blocked, runnable) = (sum(|call| call.blocked), sum(|call| call.runnable));
    let on_cpu = sum(|call| call.time).saturating_sub(blocked.saturating_add(runnable));
    let segment = SegmentRecord {
        kernel: on_cpu,
        runnable,
        blocked,
        fault: 0,
        other_time: 0,
        other: 0,
        voluntary: 0,
        involuntary: 0,
        minor: 0,
        major: 0,
        calls: u32::try_from(kept.len()).ok()?,
        ..segment
    };
    record_of(&[segment.as_bytes(), kept.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;
    use crate::input::record::KIND_SEGMENT;

    fn segment(tid: u32, since: u64, ts: u64) -> Record {
        let mut segment = SegmentRecord::new_zeroed();
        (segment.head.tid, segment.head.ts) = (tid, ts);
        (segment.head.kind, segment.since) = (KIND_SEGMENT, since);
        record_of(segment.as_bytes()).unwrap()
    }

    #[test]
    fn of_what_is_swept_the_time_stays() {
        let (mut spans, mut queue) = (Spans::default(), Queue::new(0));
        // One that all waits for, and one that is known not to match.
        spans.opened(1, None, None, None);
        spans.opened(2, None, Some(false), None);
        let mut put = |seq, record| {
            queue.push(Item {
                record,
                fate: Fate::Segment(seq, Vec::new()),
            })
        };
        put(1, segment(7, 0, 10));
        put(2, segment(7, 10, 30));
        put(2, segment(8, 5, 6));
        put(2, segment(7, 30, 35));
        put(1, segment(7, 35, 36));
        put(2, segment(7, 36, 40));
        let before = queue.bytes;
        assert_eq!(queue.sweep(&spans), [2, 2, 2, 2]);
        let left = |queue: &Queue| -> Vec<_> {
            let items = queue.items.iter();
            let of = |item: &Item| (head(&item.record).unwrap().tid, item.wall().unwrap());
            items
                .map(|item| (item.fate == Fate::Aside, of(item)))
                .collect()
        };
        let all = [
            (false, (7, 10)),
            (true, (7, 25)),
            (true, (8, 1)),
            (false, (7, 1)),
            (true, (7, 4)),
        ];
        assert_eq!(left(&queue), all);
        assert!(queue.bytes < before);
        // Again, nothing more goes.
        assert_eq!(queue.sweep(&spans), []);
        assert_eq!(left(&queue), all);
        while queue.pop().is_some() {}
        assert_eq!(queue.bytes, 0);
    }
}
