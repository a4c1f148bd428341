//! Which spans a segment lies in, where a span has what others than its thread did too.
//!
//! A thread's segment ends at its own markers and, soon after, at those of its group: the threads of its
//! process, of its script or of the machine. So the spans that are open in the group are the same all
//! through it, and those are the spans that were open when it began. It may end long after they closed,
//! when the thread comes back from a call: hence each group has a memory of what was open when.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::activity::{DEPTH_MAX, Reach};
use crate::recent::Recent;
use crate::span::{Closed, TagPath};

/// Groups that are remembered, at least; at most twice as many.
const GROUPS: usize = 1 << 13;
/// Markers of a group that are remembered; of a segment that began before, the earliest is taken.
const MARKERS: usize = 256;

/// What is open in each group.
#[derive(Debug)]
pub(crate) struct Reached {
    reach: Reach,
    groups: Recent<u32, Group>,
    /// The groups of each open span, by its sequence number.
    of: FxHashMap<u64, [u32; 2]>,
}

/// What was open in a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// The paths, each once, the innermost first.
    pub(crate) paths: Arc<[Arc<TagPath>]>,
    /// There were more.
    pub(crate) deep: bool,
}

#[derive(Debug, Default)]
struct Group {
    /// Sequence number and path of each, the one opened last at the end.
    open: Vec<(u64, Arc<TagPath>)>,
    /// What was open from when on.
    since: VecDeque<(u64, Held)>,
}

impl Reached {
    pub(crate) fn new(reach: Reach) -> Self {
        Self {
            reach,
            groups: Recent::new(GROUPS),
            of: FxHashMap::default(),
        }
    }

    /// Whether spans have what others than their thread did.
    pub(crate) fn is_wide(&self) -> bool {
        self.reach != Reach::Thread
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
        if !self.is_wide() {
            return;
        }
        let keys = self.groups_of(pid, ppid);
        for key in each(keys) {
            if self.groups.get(key).is_none() {
                self.groups.insert(key, Group::default());
            }
            if let Some(group) = self.groups.get(key) {
                group.open.push((seq, Arc::clone(path)));
                group.note(ts);
            }
        }
        self.of.insert(seq, keys);
    }

    /// A span ended.
    pub(crate) fn closed(&mut self, span: &Closed) {
        for key in self.of.remove(&span.seq).into_iter().flat_map(each) {
            let Some(group) = self.groups.get(key) else {
                continue;
            };
            // Mostly it is the last.
            if let Some(at) = group.open.iter().rposition(|(seq, _)| *seq == span.seq) {
                group.open.remove(at);
            }
            group.note(span.end);
        }
    }

    /// The spans that were open when a segment of that process began.
    pub(crate) fn paths(&mut self, pid: u32, ppid: Option<u32>, began: u64) -> Held {
        let mut held: Option<Held> = None;
        for key in each(self.groups_of(pid, ppid)) {
            let Some(found) = self.groups.get(key).and_then(|group| group.at(began)) else {
                continue;
            };
            held = Some(match held {
                Some(held) if !found.paths.is_empty() => held.join(&found),
                Some(held) => held,
                None => found,
            });
        }
        held.unwrap_or_default()
    }
}

/// Each of two keys, once.
fn each(keys: [u32; 2]) -> impl Iterator<Item = u32> {
    let n = if keys[0] == keys[1] { 1 } else { 2 };
    keys.into_iter().take(n)
}

impl Held {
    /// What is open in this group and the other.
    fn join(self, other: &Self) -> Self {
        let more = other
            .paths
            .iter()
            .filter(|path| !self.paths.iter().any(|known| Arc::ptr_eq(known, path)));
        let mut paths: Vec<_> = self.paths.iter().chain(more).cloned().collect();
        let deep = self.deep || other.deep || paths.len() > DEPTH_MAX;
        paths.truncate(DEPTH_MAX);
        Self {
            paths: paths.into(),
            deep,
        }
    }
}

impl Group {
    /// What was open then; `None` if that was before all that is remembered of a young group.
    fn at(&self, ts: u64) -> Option<Held> {
        let after = self.since.partition_point(|(since, _)| *since <= ts);
        match self.since.get(after.saturating_sub(1)) {
            Some((since, held)) if *since <= ts || self.since.len() == MARKERS => {
                Some(held.clone())
            }
            _ => None,
        }
    }

    /// Remembers what is open from `ts` on.
    fn note(&mut self, ts: u64) {
        let mut paths: Vec<Arc<TagPath>> = Vec::new();
        let mut deep = false;
        for (_, path) in self.open.iter().rev() {
            if paths.iter().any(|known| Arc::ptr_eq(known, path)) {
                continue;
            }
            if paths.len() == DEPTH_MAX {
                deep = true;
                break;
            }
            paths.push(Arc::clone(path));
        }
        if self.since.len() == MARKERS {
            self.since.pop_front();
        }
        // Ends that are inferred may be of an earlier time.
        let ts = self.since.back().map_or(ts, |(last, _)| ts.max(*last));
        let paths = paths.into();
        self.since.push_back((ts, Held { paths, deep }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(tag: &str) -> Arc<TagPath> {
        Arc::new(TagPath::new(tag.as_bytes(), [tag]))
    }

    fn names(held: &Held) -> Vec<&[u8]> {
        held.paths.iter().map(|path| path.canonical()).collect()
    }

    /// A shell with one span, whose child opens another; the child's sibling did something meanwhile.
    #[test]
    fn a_script_is_a_shell_and_its_commands() {
        let mut reached = Reached::new(Reach::Script);
        reached.opened(10, Some(1), 100, 1, &path("shell"));
        reached.opened(11, Some(10), 200, 2, &path("command"));
        assert_eq!(names(&reached.paths(12, Some(10), 150)), [b"shell"]);
        assert_eq!(
            names(&reached.paths(12, Some(10), 200)),
            [&b"command"[..], b"shell"]
        );
        assert!(reached.paths(12, Some(10), 50).paths.is_empty());
        assert!(reached.paths(13, Some(99), 250).paths.is_empty());
    }

    #[test]
    fn what_was_open_is_remembered_for_who_comes_back_late() {
        let mut reached = Reached::new(Reach::Process);
        let span = path("a");
        for n in 0..2 * MARKERS as u64 {
            reached.opened(7, None, 10 * n + 5, n + 1, &span);
            let group = reached.groups.get(7).unwrap();
            group.open.clear();
            group.note(10 * n + 8);
        }
        let last = 20 * MARKERS as u64 - 5;
        assert_eq!(names(&reached.paths(7, None, last)), [b"a"]);
        assert!(reached.paths(7, None, last + 3).paths.is_empty());
        assert_eq!(reached.groups.get(7).unwrap().since.len(), MARKERS);
    }
}
