//! Bounded reordering of records between CPUs.
//!
//! Each CPU fills the ring in its own order, so records of two threads that run on two CPUs may come
//! a few microseconds out of time. Records wait here until the watermark has passed them.
//!
//! ```
//! use nulltrace_core::input::order::Order;
//!
//! let record = |ts: u64| ts.to_ne_bytes(); // a record begins with its time
//! let mut order = Order::new(1 << 20);
//! let mut seen = Vec::new();
//! let mut handle = |record: &[u8]| seen.push(record[0]);
//! for ts in [3, 1, 2, 9] {
//!     order.push(&record(ts), &mut handle);
//! }
//! order.release(5, &mut handle);
//! assert_eq!(seen, [1, 2, 3]);
//! assert_eq!((order.waiting(), order.late()), (1, 0));
//! ```

use zerocopy::IntoBytes;

/// What [`Order::new`] is given where there is no reason for another bound, in bytes.
pub const DEFAULT_BYTES: usize = 8 << 20;

/// Where one waiting record lies in the arena.
#[derive(Clone, Copy, Debug)]
struct Entry {
    ts: u64,
    /// First word.
    at: u32,
    /// Length in bytes.
    len: u32,
}

impl Entry {
    fn words(self) -> usize {
        (self.len as usize).div_ceil(8)
    }
}

/// Records that wait for those of other CPUs, sorted by time on their way out.
///
/// In all it holds at most twice the bytes it was given: the arena and, while it is compacted, its copy.
#[derive(Debug)]
pub struct Order {
    /// The records, each at a word's beginning: `Event::decode` needs them aligned.
    arena: Vec<u64>,
    /// What the arena is moved to when most of it is spent.
    spare: Vec<u64>,
    entries: Vec<Entry>,
    /// Entries before this one are delivered.
    head: usize,
    /// Words of records not yet delivered.
    live: usize,
    /// The bound, in words.
    limit: usize,
    /// `entries[head..]` is in order.
    sorted: bool,
    /// Time of the last of `entries`; what the next is compared with.
    newest: u64,
    /// The latest time delivered.
    delivered: u64,
    late: u64,
}

impl Order {
    /// An empty buffer for at most `bytes` of waiting records.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            arena: Vec::new(),
            spare: Vec::new(),
            entries: Vec::new(),
            head: 0,
            live: 0,
            limit: (bytes / 8).min(u32::MAX as usize),
            sorted: true,
            newest: 0,
            delivered: 0,
            late: 0,
        }
    }

    /// Records waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.entries.len() - self.head
    }

    /// Records that were delivered after one of a later time: they came when the watermark had
    /// passed them already.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Copies a record. When there is no room for it, the older half of what waits goes to `f` at
    /// once, before its time but in order, so that nothing is lost.
    pub fn push(&mut self, record: &[u8], f: &mut impl FnMut(&[u8])) {
        let words = record.len().div_ceil(8);
        if self.arena.len() + words > self.limit {
            self.make_room(words, f);
        }
        // What is too short to have a time is no record: the decoder refuses it, in its turn.
        let ts = record
            .first_chunk()
            .map_or(self.newest, |ts| u64::from_ne_bytes(*ts));
        if ts < self.newest && self.waiting() > 0 {
            self.sorted = false;
        }
        self.newest = ts;
        let at = self.arena.len();
        let (whole, rest) = record.as_chunks();
        self.arena
            .extend(whole.iter().map(|word| u64::from_ne_bytes(*word)));
        if !rest.is_empty() {
            self.arena.push(last_word(record, rest));
        }
        self.entries.push(Entry {
            ts,
            at: at as u32,
            len: record.len() as u32,
        });
        self.live += words;
    }

    /// Hands to `f` every record up to the time `until`, in order of time; those of equal time in
    /// the order they were pushed. `u64::MAX` empties the buffer.
    pub fn release(&mut self, until: u64, f: &mut impl FnMut(&[u8])) {
        self.deliver(f, |entry, _| entry.ts <= until);
        self.reclaim();
    }

    fn make_room(&mut self, words: usize, f: &mut impl FnMut(&[u8])) {
        if self.live + words > self.limit {
            let keep = (self.limit / 2).min(self.limit.saturating_sub(words));
            self.deliver(f, |_, live| live > keep);
        }
        self.compact();
    }

    fn deliver(&mut self, f: &mut impl FnMut(&[u8]), due: impl Fn(Entry, usize) -> bool) {
        if !self.sorted {
            // Stable, and quick on what is made of sorted runs.
            self.entries[self.head..].sort_by_key(|entry| entry.ts);
            self.sorted = true;
            self.newest = self.entries.last().map_or(self.newest, |entry| entry.ts);
        }
        while let Some(&entry) = self.entries.get(self.head) {
            if !due(entry, self.live) {
                break;
            }
            if entry.ts < self.delivered {
                self.late += 1;
            }
            self.delivered = self.delivered.max(entry.ts);
            self.head += 1;
            self.live -= entry.words();
            f(&self.arena[entry.at as usize..].as_bytes()[..entry.len as usize]);
        }
    }

    /// Frees what is spent once it is more than what waits, so each record is moved at most once
    /// for every one delivered.
    fn reclaim(&mut self) {
        if self.waiting() == 0 || self.arena.len() - self.live > self.live {
            self.compact();
        }
    }

    fn compact(&mut self) {
        self.entries.drain(..self.head);
        self.head = 0;
        if self.live < self.arena.len() {
            self.spare.clear();
            for entry in &mut self.entries {
                let (from, words) = (entry.at as usize, entry.words());
                entry.at = self.spare.len() as u32;
                self.spare
                    .extend_from_slice(&self.arena[from..from + words]);
            }
            std::mem::swap(&mut self.arena, &mut self.spare);
        }
    }
}

/// What is left of a record behind its whole words, as a word with zeros behind.
#[inline]
fn last_word(record: &[u8], rest: &[u8]) -> u64 {
    if let Some(tail) = record.last_chunk() {
        // With bytes of the word before, which is cheaper than to copy so few.
        let before = 64 - 8 * rest.len() as u32;
        return (u64::from_le_bytes(*tail) >> before).to_le();
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    u64::from_ne_bytes(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(ts: u64, tail: &[u8]) -> Vec<u8> {
        [&ts.to_ne_bytes(), tail].concat()
    }

    fn ts(record: &[u8]) -> u64 {
        u64::from_ne_bytes(*record.first_chunk().unwrap())
    }

    #[test]
    fn a_record_of_any_length_comes_out_as_it_went_in() {
        let mut order = Order::new(1 << 16);
        let bytes: Vec<u8> = (1..=64).collect();
        for len in 0..=64 {
            order.push(&bytes[..len], &mut |_: &[u8]| {});
            let mut out = Vec::new();
            order.release(u64::MAX, &mut |record: &[u8]| out.push(record.to_vec()));
            assert_eq!(out, [&bytes[..len]]);
        }
    }

    #[test]
    fn equal_times_keep_the_order_of_the_ring() {
        let mut order = Order::new(1 << 16);
        let mut out = Vec::new();
        let mut f = |r: &[u8]| out.push((ts(r), r[8]));
        for (t, tag) in [(5, 0), (4, 1), (5, 2), (4, 3)] {
            order.push(&record(t, &[tag]), &mut f);
        }
        order.release(u64::MAX, &mut f);
        assert_eq!(out, [(4, 1), (4, 3), (5, 0), (5, 2)]);
    }

    #[test]
    fn late_records_are_counted_and_delivered() {
        let mut order = Order::new(1 << 16);
        let mut out = Vec::new();
        let mut f = |r: &[u8]| out.push(ts(r));
        order.push(&record(10, b""), &mut f);
        order.release(10, &mut f);
        order.push(&record(3, b""), &mut f);
        order.push(&record(10, b""), &mut f);
        order.release(10, &mut f);
        assert_eq!(out, [10, 3, 10]);
        assert_eq!(order.late(), 1);
    }

    #[test]
    fn over_the_bound_it_releases_early_and_loses_nothing() {
        let mut order = Order::new(1024);
        let mut out = Vec::new();
        let mut f = |r: &[u8]| out.push(ts(r));
        for t in 0..1000 {
            order.push(&record(t, b"123456789"), &mut f);
            assert!(order.arena.len() * 8 <= 1024);
        }
        // Longer than the bound: it waits alone.
        order.push(&record(1000, &[0; 4096]), &mut f);
        assert_eq!(order.waiting(), 1);
        order.release(u64::MAX, &mut f);
        assert_eq!(out, (0..=1000).collect::<Vec<_>>());
        assert_eq!(order.late(), 0);
    }

    #[test]
    fn what_is_no_record_passes_through() {
        let mut order = Order::new(1024);
        let mut out = Vec::new();
        let mut f = |r: &[u8]| out.push(r.to_vec());
        order.push(&record(7, b""), &mut f);
        order.push(b"", &mut f);
        order.push(b"abc", &mut f);
        order.release(7, &mut f);
        assert_eq!(out, [record(7, b""), vec![], b"abc".to_vec()]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u64, usize),
        Release(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u64..60, 0usize..40).prop_map(|(ts, len)| Step::Push(ts, len)),
            1 => (0u64..60).prop_map(Step::Release),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        /// Against a list that is sorted again at each release.
        #[test]
        fn sorted_aligned_and_complete(steps in steps()) {
            let mut order = Order::new(1 << 20);
            let (mut waiting, mut expected, mut out) = (Vec::new(), Vec::new(), Vec::new());
            let (mut latest, mut late) = (0, 0);
            let mut f = |r: &[u8]| {
                assert_eq!(r.as_ptr() as usize % 8, 0);
                out.push(r.to_vec());
            };
            let mut all = steps.clone();
            all.push(Step::Release(u64::MAX));
            for (n, step) in all.into_iter().enumerate() {
                match step {
                    Step::Push(ts, len) => {
                        let r = record(ts, &vec![n as u8; len]);
                        order.push(&r, &mut f);
                        waiting.push((ts, r));
                    }
                    Step::Release(until) => {
                        order.release(until, &mut f);
                        waiting.sort_by_key(|(ts, _)| *ts);
                        let due = waiting.partition_point(|(ts, _)| *ts <= until);
                        for (ts, r) in waiting.drain(..due) {
                            late += u64::from(ts < latest);
                            latest = latest.max(ts);
                            expected.push(r);
                        }
                    }
                }
                prop_assert_eq!(order.waiting(), waiting.len());
            }
            prop_assert_eq!(out, expected);
            prop_assert_eq!(order.late(), late);
        }

        /// However small the bound, everything comes out once, and in order between releases.
        #[test]
        fn nothing_lost_in_little_room(steps in steps(), bytes in 0usize..600) {
            let mut order = Order::new(bytes);
            let (mut pushed, mut out) = (Vec::new(), Vec::new());
            let mut f = |r: &[u8]| out.push(r.to_vec());
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(ts, len) => {
                        let r = record(ts, &[&(n as u32).to_ne_bytes()[..], &vec![0; len]].concat());
                        order.push(&r, &mut f);
                        pushed.push(r);
                    }
                    Step::Release(until) => order.release(until, &mut f),
                }
            }
            order.release(u64::MAX, &mut f);
            out.sort();
            pushed.sort();
            prop_assert_eq!(out, pushed);
        }
    }
}
