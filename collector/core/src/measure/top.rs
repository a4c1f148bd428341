//! The largest of many sums, in the room of a few.
//!
//! Space-saving (Metwally, Agrawal and El Abbadi 2005): where there is no room, what is new takes the place of
//! the smallest and counts as if it had that size before. So whatever has more than one part in N of the whole
//! is among the N, however it came. The value itself is what came since the key has a place: none is too large.

/// At most so many sums, by key.
#[derive(Clone, Debug)]
pub(super) struct Top<K, V> {
    entries: Vec<Entry<K, V>>,
    most: usize,
}

#[derive(Clone, Debug)]
struct Entry<K, V> {
    key: K,
    /// The size it had at most, since the beginning.
    size: u64,
    value: V,
}

impl<K, V: Default> Top<K, V> {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            entries: Vec::new(),
            most,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|of| (&of.key, &of.value))
    }

    pub(super) fn get_mut(&mut self, is: impl Fn(&K) -> bool) -> Option<&mut V> {
        let found = self.entries.iter_mut().find(|of| is(&of.key));
        found.map(|of| &mut of.value)
    }

    /// Adds to the value of a key, of which `is` says whether a key is it, and which grows by `size`. Returns
    /// what had to make room for it.
    pub(super) fn add(
        &mut self,
        is: impl Fn(&K) -> bool,
        key: impl FnOnce() -> K,
        size: u64,
        add: impl FnOnce(&mut V),
    ) -> Option<(K, V)> {
        if let Some(of) = self.entries.iter_mut().find(|of| is(&of.key)) {
            of.size = of.size.saturating_add(size);
            add(&mut of.value);
            return None;
        }
        let mut new = Entry {
            key: key(),
            size,
            value: V::default(),
        };
        add(&mut new.value);
        if self.entries.len() < self.most {
            self.entries.push(new);
            return None;
        }
        let smallest = self.entries.iter_mut().min_by_key(|of| of.size)?;
        new.size = size.saturating_add(smallest.size);
        let old = std::mem::replace(smallest, new);
        Some((old.key, old.value))
    }

    /// Takes out those of which `goes` holds.
    pub(super) fn remove(&mut self, goes: impl Fn(&K) -> bool, mut removed: impl FnMut(K, V)) {
        for of in self.entries.extract_if(.., |of| goes(&of.key)) {
            removed(of.key, of.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn the_smallest_makes_room() {
        let mut top = Top::new(2);
        let mut add = |key: char, size| {
            let gone = top.add(|of| *of == key, || key, size, |sum| *sum += size);
            gone.map(|(key, sum): (char, u64)| (key, sum))
        };
        assert_eq!([add('a', 5), add('b', 3), add('a', 1)], [None; 3]);
        assert_eq!(add('c', 1), Some(('b', 3)));
        // What `c` took the place of counts for it: 4 against the 6 of `a`.
        assert_eq!(add('d', 3), Some(('c', 1)));
        assert_eq!(add('e', 1), Some(('a', 6)));
    }

    proptest! {
        /// Whatever has more than its part of the whole has a place, and nothing is counted twice or not at all.
        #[test]
        fn the_largest_stay(items in prop::collection::vec((0_u8..40, 1_u64..1000), 0..400)) {
            let mut top: Top<u8, u64> = Top::new(8);
            let (mut sums, mut gone) = (HashMap::<u8, u64>::new(), 0);
            for (key, size) in items {
                *sums.entry(key).or_default() += size;
                let out = top.add(|of| *of == key, || key, size, |sum| *sum += size);
                gone += out.map_or(0, |(_, sum)| sum);
            }
            let whole: u64 = sums.values().sum();
            let kept: u64 = top.iter().map(|(_, sum)| sum).sum();
            prop_assert_eq!(kept + gone, whole);
            for (key, sum) in sums {
                let found = top.get_mut(|of| *of == key).copied();
                prop_assert!(found.is_some() || sum <= whole / 8, "{} of {}", sum, whole);
                prop_assert!(found.is_none_or(|found| found <= sum));
            }
        }
    }
}
