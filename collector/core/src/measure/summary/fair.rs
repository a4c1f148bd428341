//! Room for the files of all tag paths, in equal parts where it is short.

use super::by_path::Summary;

impl Summary {
    /// If there is next to no room for files: those paths that have the most give up some.
    pub(super) fn make_room(&mut self) {
        let Some(wanted) = self.room.short() else {
            return;
        };
        let entries = self.entries.iter_mut().map(|entry| &mut entry.stats);
        let mut calls: Vec<_> = entries
            .chain([&mut self.overflow.stats])
            .map(|stats| &mut stats.calls)
            .filter(|calls| calls.file_bytes() > 0)
            .collect();
        let level = level(calls.iter().map(|calls| calls.file_bytes()), wanted);
        for calls in &mut calls {
            if calls.file_bytes() > level {
                calls.shrink(level, &mut self.room);
            }
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
