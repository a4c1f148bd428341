//! Records that wait, in their order, until it is known what becomes of them.

use std::collections::VecDeque;

use zerocopy::{FromBytes, IntoBytes};

use super::facts::Record;
use super::spans::{Lies, Spans};
use super::stripped::stripped;
use crate::input::joined::FLAG_OF_MANY;
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
        self.bytes += item.record.0.len() * 8 + ITEM;
        self.items.push_back(item);
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= item.record.0.len() * 8 + ITEM;
        Some(item)
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes > self.limit
    }

    /// Takes out what is known to be left out, wherever it stands, and says of what spans it was. What is said of the
    /// time of threads goes with it: that is only how long spans were open while their threads did something else.
    pub(super) fn sweep(&mut self, spans: &Spans) -> Vec<u64> {
        let mut gone = Vec::new();
        self.items.retain(|item| {
            let is_out =
                matches!(item.fate, Fate::Segment(..) | Fate::Event(..)) || item.fate.is_marker();
            let is_out = is_out && decide(&item.fate, spans) == Some(Decided::Dropped);
            if is_out {
                self.bytes -= item.record.0.len() * 8 + ITEM;
                gone.extend(item.fate.span());
            }
            !is_out
        });
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

impl Item {
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
    let mut words = vec![0_u64; bytes.len().div_ceil(8)];
    words
        .as_mut_bytes()
        .get_mut(..bytes.len())?
        .copy_from_slice(bytes);
    let (head, _) = Head::mut_from_prefix(words.as_mut_bytes()).ok()?;
    head.size = u16::try_from(bytes.len()).ok()?;
    Some((words, bytes.len()))
}

fn without_arguments((words, len): &Record) -> Option<Record> {
    let bytes = words.as_bytes().get(..*len)?;
    let (head, marker) = bytes.split_at_checked(size_of::<Head>())?;
    record_of(&[head, &stripped(marker)?].concat())
}

/// A segment with some of its calls, and of its time what these took.
fn with_calls((words, len): &Record, chosen: &[bool]) -> Option<Record> {
    let bytes = words.as_bytes().get(..*len)?;
    let (segment, calls) = SegmentRecord::read_from_prefix(bytes).ok()?;
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
