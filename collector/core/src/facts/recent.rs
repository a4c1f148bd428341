//! A bounded map that forgets what was not asked for longest, roughly and cheaply.

use std::collections::HashMap;
use std::hash::Hash;

use rustc_hash::FxBuildHasher;

/// A map in two generations: when the young one is full it becomes the old one, and
/// what was not asked for meanwhile goes with the old one before it. Between `half` and `2 * half`
/// entries are kept.
///
/// The keys come from the kernel, so a hash without a secret is enough.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, V, FxBuildHasher>,
    old: HashMap<K, V, FxBuildHasher>,
    half: usize,
}

impl<K: Eq + Hash + Copy, V> Recent<K, V> {
    /// An empty map, that keeps at least the last `half` keys and at most twice as many.
    #[must_use]
    pub fn new(half: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            half: half.max(1),
        }
    }

    /// The value of a key, which is kept for longer because of it.
    pub fn get(&mut self, key: K) -> Option<&mut V> {
        // There is no old one until the young one was full for the first time.
        if !self.old.is_empty()
            && let Some(value) = self.old.remove(&key)
        {
            self.insert(key, value);
        }
        self.young.get_mut(&key)
    }

    /// The value of a key, which is not kept for longer because of it.
    #[must_use]
    pub fn peek(&self, key: K) -> Option<&V> {
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    /// All that there is: first what is forgotten first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.old.iter().chain(&self.young)
    }

    /// Takes in a value; another of the same key goes.
    pub fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_asked_for_and_stays_bounded() {
        let mut map = Recent::new(8);
        map.insert(0, "kept");
        for key in 1..1000 {
            map.insert(key, "passing");
            assert_eq!(map.get(0), Some(&mut "kept"));
            assert!(map.young.len() + map.old.len() <= 16);
        }
        assert_eq!(map.peek(1), None);
        assert_eq!(map.peek(999), Some(&"passing"));
        let all: Vec<_> = map.iter().map(|(key, _)| *key).collect();
        assert_eq!(all.len(), map.young.len() + map.old.len());
        assert!(all.contains(&0) && all.contains(&999));
        assert_eq!(map.get(1), None);
        assert_eq!(map.get(999), Some(&mut "passing"));
        assert_eq!(map.remove(0), Some("kept"));
        assert_eq!(map.get(0), None);
    }
}
