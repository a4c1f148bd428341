//! Spans of the same id and tags, and their hashes.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use nulltrace_spec::Id;

use crate::facts::tags::TagId;
use crate::spans::slot::Slot;

/// What the spans on one of the stacks by scope have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: Id,
    pub(super) tag: TagId,
    pub(super) scope: u64,
}

/// The spans of one id and tags.
///
/// When its last is closed a group stays, as that of the vacant slot, until the slot is used again:
/// mostly that is for a span of the same id and tags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) top: Slot,
    /// How many there are; at [`SPLIT_AT`] it stays until the last is closed.
    pub(super) len: u32,
}

/// With that many spans a group has stacks by scope.
pub(super) const SPLIT_AT: u32 = 8;

/// A hash of keys that differ in little but the scope: the part they share is computed once.
/// The keys are chosen by anyone on the machine, so it has a secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secret([u64; 3]);

impl Secret {
    pub(super) fn new() -> Self {
        let state = RandomState::default();
        Self([0u8, 1, 2].map(|n| state.hash_one(n) | 1))
    }

    /// Of what all scopes have in common.
    #[inline]
    pub(super) fn start(self, id: Id, tag: TagId) -> u64 {
        let number = match id {
            Id::Number(number) => number as u64,
            _ => 0,
        };
        fold(number ^ self.0[0], tag.bits() ^ self.0[1])
    }

    #[inline]
    pub(super) fn end(self, start: u64, scope: u64) -> u64 {
        fold(start ^ scope, self.0[2])
    }
}

#[inline]
pub(super) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
