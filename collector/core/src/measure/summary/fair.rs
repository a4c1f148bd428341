//! Room for the files of all tag paths, in equal parts where it is short.

use super::by_path::Summary;
use super::stats::Stats;
use crate::measure::shared::Shared;

impl Summary {
    /// If there is next to no room for files: those paths that have the most give up some.
    pub(super) fn make_room(&mut self) {
        let Some(wanted) = self.room.short() else {
            return;
        };
        let stats = self.entries.iter().map(|entry| &entry.stats);
        let stats = stats.chain([&self.overflow.stats]);
        let sizes = stats.map(|stats| stats.calls.file_bytes());
        let level = level(sizes.filter(|&size| size > 0), wanted);
        // What a snapshot shares is copied only where it changes.
        let has_more = |stats: &Stats| stats.calls.file_bytes() > level;
        for entry in self.entries.iter_mut().filter(|of| has_more(&of.stats)) {
            let stats = &mut Shared::make_mut(entry).stats;
            stats.calls.shrink(level, &mut self.room);
        }
        if has_more(&self.overflow.stats) {
            let stats = &mut Shared::make_mut(&mut self.overflow).stats;
            stats.calls.shrink(level, &mut self.room);
        }
    }
}

/// How much each may have, so that all come to no more than `wanted`: who wants less has less, and the
/// others share what that leaves.
fn level(sizes: impl Iterator<Item = usize>, wanted: usize) -> usize {
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort_unstable();
    let mut left = wanted;
    for (at, &size) in sizes.iter().enumerate() {
        let each = left / (sizes.len() - at);
        if size > each {
            return each;
        }
        left -= size;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn who_wants_less_has_less_and_the_others_share() {
        for (sizes, wanted, want) in [
            (&[][..], 0, usize::MAX),
            (&[5, 5], 10, usize::MAX),
            (&[10], 6, 6),
            (&[1, 10, 2, 10], 13, 5),
            (&[10, 10, 10], 0, 0),
            (&[usize::MAX, 1], 8, 7),
        ] {
            let level = level(sizes.iter().copied(), wanted);
            assert_eq!(level, want, "{sizes:?}");
            let sum: usize = sizes.iter().map(|&size| size.min(level)).sum();
            assert!(sum <= wanted, "{sizes:?}");
        }
    }
}
