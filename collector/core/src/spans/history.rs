//! Which spans a segment lies in, where a span has what others than its thread did too.
//!
//! Each group of threads, those of a process, of a script or of the machine, has a memory of what was open
//! when: a segment may end long after, when the thread comes back from a call. Only what was open is
//! remembered, by path, so that neither the number of open spans nor that of markers counts.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::activity::{DEPTH_MAX, Reach, SINGLE_MAX};
use crate::facts::path::TagPath;
use crate::facts::recent::Recent;
use crate::spans::span::{Closed, End};

/// Groups that are remembered, at least; at most twice as many.
const GROUPS: usize = 1 << 13;
/// Changes of what is open in a group that are remembered.
const CHANGES: usize = 256;
/// Paths in all of them.
const PATHS: usize = 1 << 10;

/// What is open in each group.
#[derive(Debug)]
pub(crate) struct Reached {
    reach: Reach,
    groups: Recent<u32, Group>,
    /// The groups of each open span, by its sequence number.
    open_in: FxHashMap<u64, [u32; 2]>,
    /// Segments that began before what is remembered.
    forgotten: u64,
}

/// What was open in a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// The paths, each once, that of the innermost span first, the others in no order.
    pub(crate) paths: Arc<[Arc<TagPath>]>,
    /// There were more.
    pub(crate) deep: bool,
    /// The open spans of a script, by sequence number; none where they are more than a few.
    pub(crate) single: Arc<[u64]>,
}

/// A stretch of time in which the same was open.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) from: u64,
    pub(crate) held: Held,
    /// A marker began it.
    pub(crate) by_marker: bool,
}

#[derive(Debug, Default)]
struct Group {
    /// The path of each open span, by sequence number.
    spans: BTreeMap<u64, Arc<TagPath>>,
    /// The open paths, in no order.
    paths: Vec<Arc<TagPath>>,
    /// Of each, by its address: its place in `paths`, and how many spans have it.
    places: FxHashMap<usize, (usize, u64)>,
    /// What was open from when on.
    since: VecDeque<Stretch>,
    /// Paths in `since`.
    held: usize,
    /// Something was forgotten.
    forgot: bool,
    /// Single spans are remembered too.
    single: bool,
}

impl Reached {
    pub(crate) fn new(reach: Reach) -> Self {
        Self {
            reach,
            groups: Recent::new(GROUPS),
            open_in: FxHashMap::default(),
            forgotten: 0,
        }
    }

    /// Whether spans have what others than their thread did.
    pub(crate) fn is_wide(&self) -> bool {
        self.reach != Reach::Thread
    }

    /// How many segments began before what is remembered: that part of them is in no span.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Those of a process; a script's has two, its own and its parent's.
    fn groups_of(&self, pid: u32, ppid: Option<u32>) -> [u32; 2] {
        match self.reach {
            Reach::Thread | Reach::Process => [pid; 2],
            Reach::Script => [pid, ppid.unwrap_or(pid)],
            Reach::Machine => [0; 2],
        }
    }

    /// A span was opened.
    pub(crate) fn opened(
        &mut self,
        pid: u32,
        ppid: Option<u32>,
        ts: u64,
        seq: u64,
        path: &Arc<TagPath>,
    ) {
        let keys = self.groups_of(pid, ppid);
        for key in each(keys) {
            if self.groups.get(key).is_none() {
                let group = Group {
                    single: self.reach == Reach::Script,
                    ..Group::default()
                };
                self.groups.insert(key, group);
            }
            if let Some(group) = self.groups.get(key) {
                group.opened(ts, seq, path);
            }
        }
        self.open_in.insert(seq, keys);
    }

    /// A span ended.
    pub(crate) fn closed(&mut self, span: &Closed) {
        for key in self.open_in.remove(&span.seq).into_iter().flat_map(each) {
            if let Some(group) = self.groups.get(key) {
                let by_marker = matches!(span.how, End::Exit | End::Evicted);
                group.closed(span.end, span.seq, by_marker);
            }
        }
    }

    /// What was open while a segment of that process went on: at its beginning, and from each change on. There
    /// is always a first stretch, which begins with the segment.
    pub(crate) fn stretches(
        &mut self,
        pid: u32,
        ppid: Option<u32>,
        since: u64,
        end: u64,
    ) -> Vec<Stretch> {
        let mut all: Option<Vec<Stretch>> = None;
        let mut forgot = false;
        for key in each(self.groups_of(pid, ppid)) {
            let Some(group) = self.groups.get(key) else {
                continue;
            };
            let found = group.stretches(since, end, &mut forgot);
            all = Some(match all {
                Some(before) => join(&before, &found),
                None => found,
            });
        }
        self.forgotten += u64::from(forgot);
        all.unwrap_or_else(|| vec![Stretch::empty(since)])
    }
}

/// Each of two keys, once.
fn each(keys: [u32; 2]) -> impl Iterator<Item = u32> {
    let n = if keys[0] == keys[1] { 1 } else { 2 };
    keys.into_iter().take(n)
}

/// What is open in one of two groups. Both begin at the same time.
fn join(a: &[Stretch], b: &[Stretch]) -> Vec<Stretch> {
    let (mut at_a, mut at_b) = (0, 0);
    let mut all = Vec::new();
    while let (Some(first), Some(second)) = (a.get(at_a), b.get(at_b)) {
        all.push(Stretch {
            from: first.from.max(second.from),
            held: first.held.join(&second.held),
            by_marker: match first.from.cmp(&second.from) {
                Ordering::Less => second.by_marker,
                Ordering::Equal => first.by_marker && second.by_marker,
                Ordering::Greater => first.by_marker,
            },
        });
        let next = |stretches: &[Stretch], at: usize| {
            stretches.get(at + 1).map_or(u64::MAX, |next| next.from)
        };
        let (next_a, next_b) = (next(a, at_a), next(b, at_b));
        if next_a == u64::MAX && next_b == u64::MAX {
            break;
        }
        at_a += usize::from(next_a <= next_b);
        at_b += usize::from(next_b <= next_a);
    }
    all
}

impl Stretch {
    fn empty(from: u64) -> Self {
        Self {
            from,
            held: Held::default(),
            by_marker: true,
        }
    }
}

impl Held {
    /// What is open in this group or the other.
    fn join(&self, other: &Self) -> Self {
        if self.paths.is_empty() || other.paths.is_empty() {
            let some = if self.paths.is_empty() { other } else { self };
            return some.clone();
        }
        let more = other
            .paths
            .iter()
            .filter(|path| !self.paths.iter().any(|known| Arc::ptr_eq(known, path)));
        let mut paths: Vec<_> = self.paths.iter().chain(more).cloned().collect();
        let deep = self.deep || other.deep || paths.len() > DEPTH_MAX;
        paths.truncate(DEPTH_MAX);
        let more = other.single.iter().filter(|seq| !self.single.contains(seq));
        Self {
            paths: paths.into(),
            deep,
            single: match self.single.is_empty() || other.single.is_empty() {
                // Where one of them has too many spans, it is not known which these are.
                true => Arc::default(),
                false => self.single.iter().chain(more).copied().collect(),
            },
        }
    }
}

impl Group {
    fn opened(&mut self, ts: u64, seq: u64, path: &Arc<TagPath>) {
        self.spans.insert(seq, Arc::clone(path));
        let next = self.paths.len();
        let (_, spans) = self.places.entry(address(path)).or_insert((next, 0));
        *spans += 1;
        let new = *spans == 1;
        if new {
            self.paths.push(Arc::clone(path));
        }
        self.note(ts, new, true);
    }

    fn closed(&mut self, ts: u64, seq: u64, by_marker: bool) {
        let Some(path) = self.spans.remove(&seq) else {
            return;
        };
        let mut last = false;
        if let Some((place, spans)) = self.places.get_mut(&address(&path)) {
            *spans -= 1;
            last = *spans == 0;
            if last {
                let place = *place;
                self.places.remove(&address(&path));
                self.paths.swap_remove(place);
                if let Some(moved) = self.paths.get(place)
                    && let Some((to, _)) = self.places.get_mut(&address(moved))
                {
                    *to = place;
                }
            }
        }
        self.note(ts, last, by_marker);
    }

    /// Remembers what is open from `ts` on, if that is another set of paths or has another innermost.
    fn note(&mut self, ts: u64, other: bool, by_marker: bool) {
        let innermost = self.spans.last_key_value().map(|(_, path)| path);
        let before = self.since.back().and_then(|last| last.held.paths.first());
        let same = match (innermost, before) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (None, None) => true,
            _ => false,
        };
        // Where they are many, single spans do not count.
        let single = self.single && self.spans.len() <= SINGLE_MAX + 1;
        if !other && same && !single {
            return;
        }
        let others = self
            .paths
            .iter()
            .filter(|path| !innermost.is_some_and(|first| Arc::ptr_eq(first, path)));
        let paths: Arc<[_]> = innermost
            .into_iter()
            .chain(others)
            .take(DEPTH_MAX)
            .cloned()
            .collect();
        let deep = self.paths.len() > DEPTH_MAX;
        while self.since.len() == CHANGES
            || (self.held + paths.len() > PATHS && !self.since.is_empty())
        {
            let gone = self.since.pop_front();
            self.held -= gone.map_or(0, |stretch| stretch.held.paths.len());
            self.forgot = true;
        }
        self.held += paths.len();
        // Ends that are inferred may be of an earlier time.
        let from = self.since.back().map_or(ts, |last| ts.max(last.from));
        let single = self.single && self.spans.len() <= SINGLE_MAX;
        let single = match single {
            true => self.spans.keys().copied().collect(),
            // Not looked at: they may be very many.
            false => Arc::default(),
        };
        let held = Held {
            paths,
            deep,
            single,
        };
        self.since.push_back(Stretch {
            from,
            held,
            by_marker,
        });
    }

    /// What was open from `since` to `end`. Sets `forgot` if that is not known from the beginning on.
    fn stretches(&self, since: u64, end: u64, forgot: &mut bool) -> Vec<Stretch> {
        let after = self.since.partition_point(|stretch| stretch.from <= since);
        let first = match after.checked_sub(1) {
            Some(at) => Stretch {
                from: since,
                held: self.since[at].held.clone(),
                by_marker: true,
            },
            None => {
                *forgot |= self.forgot;
                Stretch::empty(since)
            }
        };
        let changes = self
            .since
            .range(after..)
            .take_while(|stretch| stretch.from < end);
        std::iter::once(first).chain(changes.cloned()).collect()
    }
}

/// What a path is known by: the same path is shared while spans have it.
fn address(path: &Arc<TagPath>) -> usize {
    Arc::as_ptr(path) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(tag: &str) -> Arc<TagPath> {
        Arc::new(TagPath::new(tag.as_bytes(), [tag]))
    }

    fn names(stretch: &Stretch) -> (u64, Vec<&[u8]>) {
        let paths = stretch.held.paths.iter();
        (stretch.from, paths.map(|path| path.canonical()).collect())
    }

    fn stretches(reached: &mut Reached, pid: u32, since: u64, end: u64) -> Vec<(u64, String)> {
        let found = reached.stretches(pid, Some(10), since, end);
        let each = found.iter().map(names);
        each.map(|(from, names)| (from, String::from_utf8(names.join(&b' ')).unwrap()))
            .collect()
    }

    fn end(reached: &mut Reached, ts: u64, seq: u64) {
        for key in reached.open_in.remove(&seq).into_iter().flat_map(each) {
            reached.groups.get(key).unwrap().closed(ts, seq, true);
        }
    }

    fn interval(from: u64, names: &str) -> (u64, String) {
        (from, names.to_string())
    }

    /// Their numbers, while they are a few; of a script only.
    #[test]
    fn single_spans_are_known_while_they_are_few() {
        let single = |reached: &mut Reached| -> Vec<usize> {
            let found = reached.stretches(11, Some(10), 0, 1000);
            found.iter().map(|of| of.held.single.len()).collect()
        };
        let path = path("shell");
        let mut reached = Reached::new(Reach::Script);
        for seq in 1..=SINGLE_MAX as u64 + 3 {
            reached.opened(10, Some(1), 100 + seq, seq, &path);
        }
        let grows = (0..=SINGLE_MAX).chain([0]);
        assert_eq!(single(&mut reached), grows.collect::<Vec<_>>());
        for seq in 1..=3 {
            end(&mut reached, 200 + seq, seq);
        }
        assert_eq!(single(&mut reached).last(), Some(&SINGLE_MAX));
        let last = reached.stretches(11, Some(10), 900, 1000);
        assert_eq!(
            last[0].held.single[..],
            (4..=SINGLE_MAX as u64 + 3).collect::<Vec<_>>()
        );

        let mut reached = Reached::new(Reach::Machine);
        reached.opened(10, Some(1), 100, 1, &path);
        assert_eq!(single(&mut reached), [0, 0]);
    }

    /// A shell with one span, whose child opens another; the child's sibling did something meanwhile.
    #[test]
    fn a_script_is_a_shell_and_its_commands() {
        let mut reached = Reached::new(Reach::Script);
        reached.opened(10, Some(1), 100, 1, &path("shell"));
        reached.opened(11, Some(10), 200, 2, &path("command"));
        end(&mut reached, 300, 2);
        let mut at = |pid, since, end| stretches(&mut reached, pid, since, end);
        assert_eq!(at(12, 150, 160), [interval(150, "shell")]);
        assert_eq!(at(12, 200, 210), [interval(200, "command shell")]);
        assert_eq!(
            at(12, 50, 400),
            [
                interval(50, ""),
                interval(100, "shell"),
                interval(200, "command shell"),
                interval(300, "shell")
            ]
        );
        assert_eq!(reached.stretches(13, Some(99), 250, 300).len(), 1);
        assert_eq!(reached.forgotten(), 0);
    }

    #[test]
    fn what_is_forgotten_is_counted_and_in_no_span() {
        let mut reached = Reached::new(Reach::Process);
        let span = path("a");
        for n in 0..CHANGES as u64 {
            reached.opened(7, None, 10 * n + 5, n + 1, &span);
            end(&mut reached, 10 * n + 8, n + 1);
        }
        assert_eq!(reached.groups.get(7).unwrap().since.len(), CHANGES);
        let last = 10 * CHANGES as u64 - 5;
        assert_eq!(
            stretches(&mut reached, 7, last, last + 1),
            [interval(last, "a")]
        );
        assert_eq!(reached.forgotten(), 0);
        let all = stretches(&mut reached, 7, 6, last);
        assert_eq!(all[0], interval(6, ""));
        assert_eq!(reached.forgotten(), 1);
    }

    /// Twenty thousand spans of one path are no more to remember than one.
    #[test]
    fn only_paths_count() {
        let mut reached = Reached::new(Reach::Process);
        let (one, other) = (path("one"), path("other"));
        for seq in 1..20_000 {
            reached.opened(7, None, seq, seq, &one);
        }
        assert_eq!(reached.groups.get(7).unwrap().since.len(), 1);
        reached.opened(7, None, 20_000, 20_000, &other);
        assert_eq!(
            stretches(&mut reached, 7, 20_000, 20_001),
            [interval(20_000, "other one")]
        );
        for seq in 1..20_000 {
            end(&mut reached, 20_000 + seq, seq);
        }
        assert_eq!(
            stretches(&mut reached, 7, 50_000, 50_001),
            [interval(50_000, "other")]
        );
        let group = reached.groups.get(7).unwrap();
        assert_eq!(
            (group.paths.len(), group.places.len(), group.since.len()),
            (1, 1, 3)
        );
    }

    proptest! {
        /// Against all that was open, searched again each time.
        #[test]
        fn as_a_list(steps in prop::collection::vec((0..4_usize, any::<bool>()), 0..80), ends in prop::collection::vec(0..80_u64, 2)) {
            let paths = ["a", "b", "c", "d"].map(path);
            let mut reached = Reached::new(Reach::Process);
            let (mut open, mut history) = (Vec::<(u64, usize)>::new(), vec![(0, Vec::new())]);
            for (ts, (tag, opens)) in (1..).zip(&steps) {
                if *opens || open.is_empty() {
                    open.push((ts, *tag));
                    reached.opened(7, None, ts, ts, &paths[*tag]);
                } else {
                    let (seq, _) = open.remove(tag % open.len());
                    end(&mut reached, ts, seq);
                }
                history.push((ts, open.clone()));
            }
            let (since, until) = (ends[0].min(ends[1]), ends[0].max(ends[1]) + 1);
            let found = reached.stretches(7, None, since, until);
            for at in since..until {
                let (_, want) = history.iter().rev().find(|(ts, _)| *ts <= at).unwrap();
                let held = &found.iter().rev().find(|stretch| stretch.from <= at).unwrap().held;
                let first = want.last().map(|(_, tag)| &paths[*tag]);
                prop_assert_eq!(held.paths.first(), first);
                let mut names: Vec<_> = held.paths.iter().map(|path| path.canonical()).collect();
                let mut wanted: Vec<_> = want.iter().map(|(_, tag)| paths[*tag].canonical()).collect();
                names.sort_unstable();
                wanted.sort_unstable();
                wanted.dedup();
                prop_assert_eq!(names, wanted);
            }
        }
    }
}
