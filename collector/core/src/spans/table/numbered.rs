//! Spans by their unique numbers.

use hashbrown::hash_table::Entry;
use nulltrace_spec::Id;

use super::Table;
use super::list::{List, Place};
use crate::facts::tags::TagId;
use crate::spans::slot::{NIL, Slot};

/// So many spans of the same number and user are compared to find the nearest. Numbers are unique, so there is
/// one, unless a program uses a number again on purpose.
pub(super) const SAME_NUMBER: usize = 64;

impl Table {
    /// The span of that unique number, of the same user, which was opened last in the nearest scope.
    pub(in crate::spans) fn numbered(&self, number: i64, place: &Place) -> Option<Slot> {
        let (id, uid) = (Id::Number(number), place.uid);
        let same = |&slot: &Slot| self.get(slot).is_numbered(id, uid);
        let top = self.numbered.find(self.numbered_hash(id, uid), same)?;
        let spans = self.stack(List::Numbered, Some(*top)).take(SAME_NUMBER);
        self.nearest_of(spans, place, uid)
    }

    pub(super) fn numbered_hash(&self, id: Id, uid: Option<u32>) -> u64 {
        let scope = uid.map_or(u64::MAX, u64::from);
        self.secret.end(self.secret.start(id, TagId::FIRST), scope)
    }

    pub(super) fn join_numbered(&mut self, slot: Slot) {
        let (id, uid) = (self.get(slot).id, self.get(slot).uid());
        let hash = self.numbered_hash(id, uid);
        let (slots, secret) = (&self.slots, self.secret);
        let entry = self.numbered.entry(
            hash,
            |&top| slots[top as usize].is_numbered(id, uid),
            |&top| {
                let span = &slots[top as usize];
                let scope = span.uid().map_or(u64::MAX, u64::from);
                secret.end(secret.start(span.id, TagId::FIRST), scope)
            },
        );
        let below = match entry {
            Entry::Occupied(mut top) => std::mem::replace(top.get_mut(), slot),
            Entry::Vacant(free) => {
                free.insert(slot);
                NIL
            }
        };
        self.lay(List::Numbered, slot, below);
    }

    pub(super) fn leave_numbered(&mut self, slot: Slot) {
        let Some(below) = self.lift(List::Numbered, slot) else {
            return;
        };
        let hash = self.numbered_hash(self.get(slot).id, self.get(slot).uid());
        if let Ok(mut top) = self.numbered.find_entry(hash, |&top| top == slot) {
            if below == NIL {
                top.remove();
            } else {
                *top.get_mut() = below;
            }
        }
    }
}
