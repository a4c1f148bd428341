//! Markers that come in several writes, per thread.

use std::collections::{HashMap, VecDeque};

use nulltrace_spec::{Fragment, Joined};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::input::record::Head;
use crate::input::snapshot::KIND_FRAGMENT;
use crate::input::write::RecordWriter;

/// Process and thread.
type Thread = (u32, u32);

/// The unfinished markers, of a bounded number of threads.
///
/// A thread that is within a marker costs its bytes; every other costs nothing.
#[derive(Debug)]
pub(crate) struct Fragments {
    threads: HashMap<Thread, Fragment, FxBuildHasher>,
    /// By age of the fragment, with the time it began; those that were finished since are passed over.
    ages: VecDeque<(u64, Thread)>,
    max: usize,
}

impl Fragments {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            threads: HashMap::default(),
            ages: VecDeque::new(),
            max: max.max(1),
        }
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
                None => drop(self.threads.remove(&thread)),
                since if since == before => {}
                Some(since) => self.ages.push_back((since, thread)),
            }
            return part;
        }
        // Apart from the above, so that the compiler knows that there is nothing to continue.
        let mut fragment = Fragment::new();
        let part = fragment.push(ts, bytes, cut, &mut each);
        if let Some(since) = fragment.since() {
            self.ages.push_back((since, thread));
            self.threads.insert(thread, fragment);
        }
        part
    }

    /// Whether a thread is within a marker.
    #[inline]
    pub(crate) fn has(&self, thread: Thread) -> bool {
        !self.threads.is_empty() && self.threads.contains_key(&thread)
    }

    /// Refuses the fragments that waited too long, and the oldest of too many. Gives the thread too.
    #[inline]
    pub(crate) fn expire(&mut self, now: u64, each: impl FnMut(Thread, Joined<'_>)) {
        if !self.ages.is_empty() {
            self.expire_some(now, each);
        }
    }

    fn expire_some(&mut self, now: u64, mut each: impl FnMut(Thread, Joined<'_>)) {
        while let Some(&(since, thread)) = self.ages.front() {
            let over = self.threads.len() > self.max;
            match self.threads.get_mut(&thread) {
                Some(fragment) if fragment.since() == Some(since) => {
                    if over {
                        fragment.end(|joined| each(thread, joined));
                    } else {
                        fragment.expire(now, |joined| each(thread, joined));
                    }
                    if fragment.since().is_some() {
                        break;
                    }
                    self.threads.remove(&thread);
                }
                _ => {}
            }
            self.ages.pop_front();
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

    /// A thread goes on with its marker under another id.
    pub(crate) fn rename(&mut self, from: Thread, to: Thread) {
        if let Some(fragment) = self.threads.remove(&from) {
            self.ages.extend(fragment.since().map(|since| (since, to)));
            self.threads.insert(to, fragment);
        }
    }

    /// Writes what is unfinished.
    pub(crate) fn snapshot(&self, to: &mut RecordWriter<'_>) {
        let mut written = FxHashSet::default();
        for &(since, thread) in &self.ages {
            let Some(fragment) = self.threads.get(&thread) else {
                continue;
            };
            if fragment.since() == Some(since) && written.insert(thread) {
                let head = Head::of(since, thread.0, thread.1);
                to.write(KIND_FRAGMENT, &head, &[fragment.bytes()]);
            }
        }
    }

    /// The thread ended: nothing will continue its marker.
    pub(crate) fn end(&mut self, thread: Thread, each: impl FnMut(Joined<'_>)) {
        if let Some(mut fragment) = self.threads.remove(&thread) {
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
        let mut fragments = Fragments::new(2);
        let mut seen = Vec::new();
        for tid in 1..=4 {
            fragments.push((1, tid), tid.into(), b">:t", false, |_| unreachable!());
            fragments.expire(10, |thread, joined| seen.push((thread.1, said(&joined).1)));
        }
        let bad = |tid| (tid, "E_UNFINISHED".to_string());
        assert_eq!(seen, [bad(1), bad(2)]);
        fragments.expire(1_000_000_004, |thread, joined| {
            seen.push((thread.1, said(&joined).1));
        });
        assert_eq!(seen, [bad(1), bad(2), bad(3)]);
        fragments.finish(|thread, joined| seen.push((thread.1, said(&joined).1)));
        assert_eq!(seen, [bad(1), bad(2), bad(3), bad(4)]);
        assert!(fragments.threads.is_empty() && fragments.ages.is_empty());
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
        fragments.expire(1_000_000_009, |thread, _| given_up.push(thread));
        assert_eq!(given_up, [(1, 1)]);
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
