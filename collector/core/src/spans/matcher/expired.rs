//! Spans that expired: their exits match nothing any more, and are counted as what they are.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use nulltrace_spec::Id;
use rustc_hash::FxHashMap;

/// So many are remembered; of more, those that expired last.
const MAX: usize = 1 << 16;

/// How many spans of each id and tags expired whose exit has not come.
#[derive(Debug, Default)]
pub(super) struct Expired {
    /// By hash: anyone chooses the tags, and it has a secret.
    counts: FxHashMap<u64, u32>,
    /// In the order in which they expired, those whose exit came too.
    order: VecDeque<u64>,
    hash: RandomState,
}

impl Expired {
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// A span of this id and these tags expired.
    pub(super) fn add(&mut self, id: Id, tags: &[u8]) {
        if self.order.len() >= MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.take(oldest);
        }
        let key = self.key(id, tags);
        self.order.push_back(key);
        *self.counts.entry(key).or_default() += 1;
    }

    /// An exit came that matches no open span: whether one that expired had its id and tags.
    pub(super) fn exit(&mut self, id: Id, tags: &[u8]) -> bool {
        self.take(self.key(id, tags))
    }

    fn key(&self, id: Id, tags: &[u8]) -> u64 {
        self.hash.hash_one((id, tags))
    }

    fn take(&mut self, key: u64) -> bool {
        let Some(count) = self.counts.get_mut(&key) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&key);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exit_is_of_one_span_of_its_id_and_tags() {
        let mut expired = Expired::default();
        assert!(expired.is_empty());
        for id in [Id::None, Id::None, Id::Number(7)] {
            expired.add(id, b"a");
        }
        let came = |expired: &mut Expired, id, tags: &str| expired.exit(id, tags.as_bytes());
        assert!(!came(&mut expired, Id::None, "b") && !came(&mut expired, Id::Number(8), "a"));
        assert!(came(&mut expired, Id::Number(7), "a") && !came(&mut expired, Id::Number(7), "a"));
        assert!(came(&mut expired, Id::None, "a") && came(&mut expired, Id::None, "a"));
        assert!(!came(&mut expired, Id::None, "a") && expired.is_empty());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut expired = Expired::default();
        for number in 0..=MAX as i64 {
            expired.add(Id::Number(number), b"a");
        }
        assert_eq!((expired.counts.len(), expired.order.len()), (MAX, MAX));
        assert!(!expired.exit(Id::Number(0), b"a") && expired.exit(Id::Number(1), b"a"));
    }
}
