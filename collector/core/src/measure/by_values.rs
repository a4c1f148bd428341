//! Groups by the values of fields, each with what is counted of it, within limits.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::facts::path;
use crate::query::field::{At, Field, Many, Value};

/// What bounds the memory of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Groups with a row of their own.
    pub groups: usize,
    /// Bytes of text in their values.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            groups: 10_000,
            text_bytes: 4 << 20,
        }
    }
}

/// The values of a group, one for each field.
pub(super) type Values = Arc<[Value<'static>]>;

/// The groups there are.
#[derive(Clone, Debug)]
pub(super) struct ByValues<T> {
    limits: Limits,
    pub(super) entries: Vec<(Values, T)>,
    /// Into `entries`. The hasher is keyed: values come from anyone.
    places: HashTable<usize>,
    hasher: RandomState,
    text_bytes: usize,
}

impl<T: Default> ByValues<T> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::default(),
            text_bytes: 0,
        }
    }

    /// The group of these values, made if there is room.
    #[inline]
    pub(super) fn place(&mut self, values: &[Value<'_>]) -> Option<usize> {
        let hash = hash(&self.hasher, values);
        let entries = &self.entries;
        match self.places.find(hash, |&at| same(&entries[at].0, values)) {
            Some(&at) => Some(at),
            None => self.make(hash, values),
        }
    }

    #[cold]
    fn make(&mut self, hash: u64, values: &[Value<'_>]) -> Option<usize> {
        // Those that are shown alike are one group; its values are what is shown, so no others are found.
        if let Cow::Owned(values) = shown(values) {
            return self.place(&values);
        }
        let text: usize = values.iter().map(Value::text_bytes).sum();
        if self.entries.len() >= self.limits.groups
            || self.text_bytes.saturating_add(text) > self.limits.text_bytes
        {
            return None;
        }
        self.text_bytes += text;
        let at = self.entries.len();
        let values = values.iter().cloned().map(Value::into_owned).collect();
        self.entries.push((values, T::default()));
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.places
            .insert_unique(hash, at, |&at| self::hash(hasher, &entries[at].0));
        Some(at)
    }
}

/// The values as they are shown.
pub(super) fn shown<'v, 'a>(values: &'v [Value<'a>]) -> Cow<'v, [Value<'a>]> {
    let changed = |value: &Value<'_>| matches!(value, Value::Text(text) if path::is_changed(text));
    if !values.iter().any(changed) {
        return Cow::Borrowed(values);
    }
    let shown = values.iter().map(|value| match value {
        Value::Text(text) if path::is_changed(text) => {
            Value::Text(path::shown(text).into_owned().into_bytes().into())
        }
        value => value.clone(),
    });
    Cow::Owned(shown.collect())
}

#[inline]
fn hash(hasher: &RandomState, values: &[Value<'_>]) -> u64 {
    // There are as many in each group: that need not be in it.
    let mut state = hasher.build_hasher();
    values.iter().for_each(|value| value.hash(&mut state));
    state.finish()
}

#[inline]
fn same(known: &[Value<'_>], values: &[Value<'_>]) -> bool {
    let mut pairs = known.iter().zip(values);
    known.len() == values.len() && pairs.all(|(known, value)| known.is(value))
}

/// Gives the subject once for each of what it has several of, all of them with all.
pub(super) fn each<'a>(at: &At<'a>, many: &[Many], by: &[Field], f: &mut dyn FnMut(&At<'a>)) {
    let Some((&first, rest)) = many.split_first() else {
        return f(at);
    };
    let of_first = |field: &Field| {
        let of = field.info().source.many();
        // What is read from spans may be their paths.
        of == Some(first) || first == Many::Spans && of == Some(Many::Paths)
    };
    let has_value = |at: &At<'a>| {
        by.iter()
            .any(|field| of_first(field) && !matches!(field.get(at), Value::Absent))
    };
    let mut any = false;
    at.each(first, |at| {
        if has_value(at) {
            any = true;
            each(at, rest, by, f);
        }
    });
    // Only where none has a value, it is in the group without one.
    if !any {
        each(at, rest, by, f);
    }
}
