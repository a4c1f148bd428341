//! Markers that come in several writes, per thread.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use nulltrace_spec::{Fragment, Joined};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::input::record::Head;
use crate::input::snapshot::KIND_FRAGMENT;
use crate::input::write::RecordWriter;

/// Process and thread.
type Thread = (u32, u32);

/// The unfinished markers, of a bounded number of threads in all and of each process.
///
/// A thread that is within a marker costs its bytes; every other costs nothing.
#[derive(Debug)]
pub(crate) struct Fragments {
    threads: HashMap<Thread, Fragment, FxBuildHasher>,
    /// How many of them each process has.
    processes: HashMap<u32, usize, FxBuildHasher>,
    /// A process may have more than its part.
    crowded: bool,
    /// By age of the fragment, with the time it began; those that were finished since are passed over.
    ages: VecDeque<(u64, Thread)>,
    max: usize,
}

impl Fragments {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            threads: HashMap::default(),
            processes: HashMap::default(),
            crowded: false,
            ages: VecDeque::new(),
            max: max.max(1),
        }
    }

    /// How many there may be.
    pub(crate) const fn max(&self) -> usize {
        self.max
    }

    /// How many one process may have, so that a few cannot take the room of all others.
    fn each(&self) -> usize {
        (self.max / 4).max(1)
    }

    fn put(&mut self, thread: Thread, since: u64, fragment: Fragment) {
        self.ages.push_back((since, thread));
        self.threads.insert(thread, fragment);
        let each = self.each();
        let count = self.processes.entry(thread.0).or_default();
        *count += 1;
        self.crowded |= *count > each;
    }

    fn take(&mut self, thread: Thread) -> Option<Fragment> {
        let fragment = self.threads.remove(&thread)?;
        if let Entry::Occupied(mut count) = self.processes.entry(thread.0) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(fragment)
    }

    /// Takes a write; gives `each` the markers it completes. Returns whether it was a marker or a
    /// part of one.
    #[inline]
    pub(crate) fn push(
        &mut self,
        thread: Thread,
        ts: u64,
        bytes: &[u8],
        cut: bool,
        mut each: impl FnMut(Joined<'_>),
    ) -> bool {
        if !self.threads.is_empty()
            && let Some(fragment) = self.threads.get_mut(&thread)
        {
            let before = fragment.since();
            let part = fragment.push(ts, bytes, cut, &mut each);
            match fragment.since() {
                None => drop(self.take(thread)),
                since if since == before => {}
                Some(since) => self.ages.push_back((since, thread)),
            }
            return part;
        }
        // Apart from the above, so that the compiler knows that there is nothing to continue.
        let mut fragment = Fragment::new();
        let part = fragment.push(ts, bytes, cut, &mut each);
        if let Some(since) = fragment.since() {
            self.put(thread, since, fragment);
        }
        part
    }

    /// Whether a thread is within a marker.
    #[inline]
    pub(crate) fn has(&self, thread: Thread) -> bool {
        !self.threads.is_empty() && self.threads.contains_key(&thread)
    }

    /// Refuses the fragments that waited too long. Gives the thread too; without a marker, that of one there is no
    /// room for.
    #[inline]
    pub(crate) fn expire(&mut self, now: u64, each: impl FnMut(Thread, Option<Joined<'_>>)) {
        if !self.ages.is_empty() {
            self.expire_some(now, each);
        }
    }

    fn expire_some(&mut self, now: u64, mut each: impl FnMut(Thread, Option<Joined<'_>>)) {
        while let Some(&(since, thread)) = self.ages.front() {
            match self.threads.get_mut(&thread) {
                Some(fragment) if fragment.since() == Some(since) => {
                    fragment.expire(now, |joined| each(thread, Some(joined)));
                    if fragment.since().is_some() {
                        break;
                    }
                    self.take(thread);
                }
                _ => {}
            }
            self.ages.pop_front();
        }
        while let Some(thread) = self.surplus() {
            self.take(thread);
            each(thread, None);
        }
        // Behind one that waits there may be any number of finished ones.
        if self.ages.len() > 2 * self.max {
            let threads = &self.threads;
            self.ages.retain(|(since, thread)| {
                let fragment = threads.get(thread);
                fragment.is_some_and(|fragment| fragment.since() == Some(*since))
            });
        }
    }

    /// Whose fragment there is no room for: the oldest of the processes that have too many, or the most.
    fn surplus(&mut self) -> Option<Thread> {
        let full = self.threads.len() > self.max;
        if !full && !self.crowded {
            return None;
        }
        let most = self.processes.values().copied().max()?;
        self.crowded = most > self.each();
        let least = match (self.crowded, full) {
            (true, _) => self.each() + 1,
            (false, true) => most,
            (false, false) => return None,
        };
        let mut oldest = self.ages.iter().filter(|(since, thread)| {
            let fragment = self.threads.get(thread);
            fragment.is_some_and(|fragment| fragment.since() == Some(*since))
        });
        let of = |thread: &Thread| self.processes.get(&thread.0).copied().unwrap_or(0);
        oldest.find_map(|&(_, thread)| (of(&thread) >= least).then_some(thread))
    }

    /// A thread goes on with its marker under another id.
    pub(crate) fn rename(&mut self, from: Thread, to: Thread) {
        if let Some(fragment) = self.take(from)
            && let Some(since) = fragment.since()
        {
            self.put(to, since, fragment);
        }
    }

    /// Writes what is unfinished; without what was written so far where the marker will come `joined`.
    pub(crate) fn snapshot(&self, joined: bool, to: &mut RecordWriter<'_>) {
        let mut written = FxHashSet::default();
        for &(since, thread) in &self.ages {
            let Some(fragment) = self.threads.get(&thread) else {
                continue;
            };
            if fragment.since() == Some(since) && written.insert(thread) {
                let head = Head::of(since, thread.0, thread.1);
                let bytes = if joined { &[] } else { fragment.bytes() };
                to.write(KIND_FRAGMENT, &head, &[bytes]);
            }
        }
    }

    /// The thread ended: nothing will continue its marker.
    pub(crate) fn end(&mut self, thread: Thread, each: impl FnMut(Joined<'_>)) {
        if let Some(mut fragment) = self.take(thread) {
            fragment.end(each);
        }
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(Thread, Joined<'_>)) {
        for (_, thread) in std::mem::take(&mut self.ages) {
            self.end(thread, |joined| each(thread, joined));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes for thread 1 of process 1; what came out, as text.
    fn push(fragments: &mut Fragments, ts: u64, bytes: &[u8]) -> (bool, Vec<(u64, String)>) {
        let mut seen = Vec::new();
        let part = fragments.push((1, 1), ts, bytes, false, |joined| seen.push(said(&joined)));
        (part, seen)
    }

    fn said(joined: &Joined<'_>) -> (u64, String) {
        let text = match &joined.marker {
            Ok(_) => String::from_utf8_lossy(joined.bytes).into_owned(),
            Err(error) => error.code.name().to_string(),
        };
        (joined.ts, text)
    }

    #[test]
    fn threads_do_not_mix() {
        let mut fragments = Fragments::new(8);
        assert_eq!(push(&mut fragments, 5, b">:t:a"), (true, vec![]));
        let other = fragments.push((1, 2), 6, b".x::", false, |_| unreachable!());
        assert!(!other);
        let joined = push(&mut fragments, 7, b".b::");
        assert_eq!(joined, (true, vec![(5, ">:t:a.b::".to_string())]));
        assert!(fragments.threads.is_empty());
        assert_eq!(push(&mut fragments, 8, b"no marker"), (false, vec![]));
    }

    #[test]
    fn gives_up_by_age_by_number_and_at_the_end() {
        let mut fragments = Fragments::new(8);
        let mut seen = Vec::new();
        let text = |joined: Option<Joined<'_>>| joined.map(|joined| said(&joined).1);
        for tid in 1..=4 {
            fragments.push((1, tid), tid.into(), b">:t", false, |_| unreachable!());
            fragments.expire(10, |thread, joined| seen.push((thread.1, text(joined))));
        }
        let bad = |tid| (tid, Some("E_UNFINISHED".to_string()));
        assert_eq!(seen, [(1, None), (2, None)]);
        fragments.expire(1_000_000_004, |thread, joined| {
            seen.push((thread.1, text(joined)));
        });
        assert_eq!(seen[2..], [bad(3)]);
        fragments.finish(|thread, joined| seen.push((thread.1, text(Some(joined)))));
        assert_eq!(seen[3..], [bad(4)]);
        assert!(fragments.threads.is_empty() && fragments.ages.is_empty());
        assert!(fragments.processes.is_empty());
    }

    #[test]
    fn the_process_that_has_most_makes_room() {
        let mut fragments = Fragments::new(8);
        let mut lost = Vec::new();
        let mut begin = |fragments: &mut Fragments, thread: Thread| {
            fragments.push(thread, 1, b">:t:a", false, |_| unreachable!());
            fragments.expire(1, |thread, joined| {
                assert!(joined.is_none());
                lost.push(thread);
            });
            std::mem::take(&mut lost)
        };
        // One has the oldest, another two, which is its part.
        for thread in [(1, 1), (2, 1), (2, 2)] {
            assert_eq!(begin(&mut fragments, thread), []);
        }
        for tid in 3..100 {
            assert_eq!(begin(&mut fragments, (2, tid)), [(2, tid - 2)]);
        }
        // Others fill what there is.
        for thread in [(3, 1), (3, 2), (4, 1), (4, 2), (5, 1)] {
            assert_eq!(begin(&mut fragments, thread), []);
        }
        assert_eq!(begin(&mut fragments, (6, 1)), [(2, 98)]);
        assert_eq!(begin(&mut fragments, (7, 1)), [(3, 1)]);
        // The oldest of all goes on.
        let joined = push(&mut fragments, 7, b".b::");
        assert_eq!(joined, (true, vec![(1, ">:t:a.b::".to_string())]));
    }

    #[test]
    fn a_marker_goes_on_under_another_id() {
        let mut fragments = Fragments::new(8);
        fragments.push((1, 2), 5, b">:t:a", false, |_| unreachable!());
        fragments.rename((1, 2), (1, 1));
        assert!(!fragments.has((1, 2)) && fragments.has((1, 1)));
        let joined = push(&mut fragments, 7, b".b::");
        assert_eq!(joined, (true, vec![(5, ">:t:a.b::".to_string())]));
        // One that stays unfinished is given up by age all the same.
        fragments.push((1, 2), 8, b">:t:a", false, |_| unreachable!());
        fragments.rename((1, 2), (1, 1));
        let mut given_up = Vec::new();
        fragments.expire(1_000_000_009, |thread, joined| {
            given_up.push((thread, joined.is_some()));
        });
        assert_eq!(given_up, [((1, 1), true)]);
    }

    #[test]
    fn ages_of_finished_fragments_do_not_pile_up() {
        let mut fragments = Fragments::new(8);
        fragments.push((1, 2), 0, b">:t", false, |_| unreachable!());
        for ts in 1..10_000 {
            push(&mut fragments, ts, b">:t:a");
            assert_eq!(push(&mut fragments, ts, b"::").1.len(), 1);
            fragments.expire(ts, |_, _| unreachable!());
            assert!(fragments.ages.len() <= 17);
        }
    }
}
