//! A set of tag paths that is cleared at once, for what is asked of every segment.

use super::tags::TagId;

/// Some of the paths of an [`Interner`](super::tags::Interner).
#[derive(Debug, Default)]
pub(crate) struct TagSet {
    /// By a path's place: the round in which it was inserted last.
    rounds: Vec<u64>,
    round: u64,
}

impl TagSet {
    /// Removes all.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.round += 1;
    }

    /// Returns whether it was not there.
    #[inline]
    pub(crate) fn insert(&mut self, tag: TagId) -> bool {
        let place = tag.place();
        if place >= self.rounds.len() {
            self.grow(place);
        }
        // What was never inserted was so in round 0, which no insertion is of.
        let before = std::mem::replace(&mut self.rounds[place], self.round + 1);
        before <= self.round
    }

    #[cold]
    fn grow(&mut self, place: usize) {
        self.rounds.resize(place + 1, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_new_once_until_it_is_cleared() {
        let (a, b) = (TagId::FIRST, TagId::new(70));
        let mut set = TagSet::default();
        for _ in 0..3 {
            let new = [a, b, a, b, b].map(|tag| set.insert(tag));
            assert_eq!(new, [true, true, false, false, false]);
            set.clear();
        }
        assert!(set.insert(b));
    }
}
