//! Spans of the same id and tags, and which of them is nearest.

use std::cmp::Ordering;

use hashbrown::hash_table::{Entry, OccupiedEntry};
use nulltrace_spec::Id;

use super::Table;
use super::key::{Group, Key, SPLIT_AT};
use super::list::{List, Place, SCOPED, Scope, UNLINKED, both};
use super::open::Open;
use crate::facts::tags::TagId;
use crate::spans::slot::{NIL, Slot};

impl Table {
    /// The span of that id and tags which was opened last in the nearest scope that has one.
    #[inline]
    pub(in crate::spans) fn nearest(
        &self,
        id: Id,
        tag: TagId,
        place: &Place,
        scope: Scope,
    ) -> Option<Slot> {
        // The usual case needs no look-up: nothing can be nearer than the last of the thread.
        match self.threads.tops(both(place.pid, place.tid)) {
            [slot, NIL] if slot != NIL && self.get(slot).is(id, tag) => Some(slot),
            _ => self.nearest_in_group(id, tag, place, scope),
        }
    }

    fn nearest_in_group(&self, id: Id, tag: TagId, place: &Place, scope: Scope) -> Option<Slot> {
        let start = self.secret.start(id, tag);
        let same = |group: &Group| self.get(group.top).is(id, tag);
        let group = self.groups.find(start, same)?;
        if self.get(group.top).lingers {
            return None;
        }
        let Place {
            pid,
            tid,
            ppid,
            uid,
        } = *place;
        let uid = uid.filter(|_| scope == Scope::User);
        if group.len == SPLIT_AT {
            let top = |list, scope| {
                let key = Key { id, tag, scope };
                let same = |&slot: &Slot| self.get(slot).key(list) == key;
                let hash = self.secret.end(start, scope);
                self.scoped[list as usize].find(hash, same).copied()
            };
            return top(List::Thread, both(pid, tid))
                .or_else(|| top(List::Process, pid.into()))
                .or_else(|| top(List::Siblings, both(uid?, ppid?)))
                .or_else(|| top(List::User, uid?.into()));
        }
        self.nearest_of(self.stack(List::Anywhere, Some(group.top)), place, uid)
    }

    /// The spans of that id and tags, the one opened last first.
    pub(super) fn group(&self, id: Id, tag: TagId) -> impl Iterator<Item = Slot> {
        let start = self.secret.start(id, tag);
        let same = |group: &Group| self.get(group.top).is(id, tag);
        let top = self.groups.find(start, same).map(|group| group.top);
        let spans = self.stack(List::Anywhere, top);
        spans.map(|(slot, _)| slot)
    }

    /// The nearest of some, the one opened last first.
    pub(super) fn nearest_of<'a>(
        &self,
        spans: impl Iterator<Item = (Slot, &'a Open)>,
        place: &Place,
        uid: Option<u32>,
    ) -> Option<Slot> {
        let Place { pid, tid, ppid, .. } = *place;
        let (mut process, mut siblings, mut user) = (None, None, None);
        for (slot, span) in spans {
            if span.pid == pid && !span.orphan {
                if span.tid == tid && span.is_on(List::OfThread) {
                    return Some(slot);
                }
                process = process.or(Some(slot));
            }
            if span.is_of_user(uid) {
                if ppid.is_some() && span.ppid() == ppid {
                    siblings = siblings.or(Some(slot));
                }
                user = user.or(Some(slot));
            }
        }
        process.or(siblings).or(user)
    }

    pub(super) fn join_group(&mut self, slot: Slot, id: Id, tag: TagId) {
        let (slots, secret) = (&self.slots, self.secret);
        let entry = self.groups.entry(
            secret.start(id, tag),
            |group| slots[group.top as usize].is(id, tag),
            |group| {
                let span = &slots[group.top as usize];
                secret.start(span.id, span.tag)
            },
        );
        let (below, len) = match entry {
            Entry::Occupied(mut group) => {
                let Group { top, len } = group.get_mut();
                let below = std::mem::replace(top, slot);
                let lingers = std::mem::take(&mut self.slots[below as usize].lingers);
                if lingers {
                    (NIL, 1)
                } else {
                    let before = *len;
                    *len = SPLIT_AT.min(before + 1);
                    (below, before + 1)
                }
            }
            Entry::Vacant(free) => {
                free.insert(Group { top: slot, len: 1 });
                (NIL, 1)
            }
        };
        self.lay(List::Anywhere, slot, below);
        match len.cmp(&SPLIT_AT) {
            Ordering::Less => {}
            Ordering::Equal => self.split_by_scope(slot),
            Ordering::Greater => self.join_scopes(slot),
        }
    }

    #[inline(always)]
    pub(super) fn leave_group(&mut self, slot: Slot) {
        let top = self.lift(List::Anywhere, slot);
        let span = self.get_mut(slot);
        // In a split group, all but orphans are on a stack by scope.
        if top == Some(NIL) && !span.is_scoped() && !span.orphan {
            span.lingers = true;
        } else {
            self.shrink_group(slot, top);
        }
    }

    /// Updates the group of a span that left it; `top` is its new top if the span was that.
    fn shrink_group(&mut self, slot: Slot, top: Option<Slot>) {
        let Some(mut entry) = self.group_of(slot) else {
            return;
        };
        let group = entry.get_mut();
        if group.len < SPLIT_AT {
            group.len -= 1;
        }
        match top {
            Some(NIL) => drop(entry.remove()),
            Some(top) => group.top = top,
            None => {}
        }
    }

    /// Forgets the group of a vacant slot.
    pub(super) fn forget_group(&mut self, slot: Slot) {
        if let Some(group) = self.group_of(slot) {
            group.remove();
        }
    }

    fn group_of(&mut self, slot: Slot) -> Option<OccupiedEntry<'_, Group>> {
        let slots = &self.slots;
        let Open { id, tag, .. } = slots[slot as usize];
        let same = |group: &Group| slots[group.top as usize].is(id, tag);
        self.groups
            .find_entry(self.secret.start(id, tag), same)
            .ok()
    }

    /// Splits a group, whose top is given, into stacks by scope: those opened first at the bottom.
    #[cold]
    fn split_by_scope(&mut self, top: Slot) {
        let bottom = self.stack(List::Anywhere, Some(top)).last();
        let mut next = bottom.map_or(NIL, |(slot, _)| slot);
        while next != NIL {
            self.join_scopes(next);
            next = self.link(List::Anywhere, next).above;
        }
    }

    /// Takes a span that ends off its stacks by scope.
    pub(super) fn leave_scopes(&mut self, slot: Slot) {
        for list in SCOPED {
            self.leave_scope(list, slot);
        }
        let scope_links = std::mem::replace(&mut self.get_mut(slot).scope_links, NIL);
        self.free_scope_links.push(scope_links);
    }

    fn join_scopes(&mut self, slot: Slot) {
        let scope_links = self.free_scope_links.pop().unwrap_or_else(|| {
            self.scope_links.push([UNLINKED; SCOPED.len()]);
            (self.scope_links.len() - 1) as u32
        });
        self.get_mut(slot).scope_links = scope_links;
        let span = self.get(slot);
        let start = self.secret.start(span.id, span.tag);
        let on = [
            span.is_on(List::OfThread),
            !span.orphan,
            span.has_ppid && span.has_uid,
            span.has_uid,
        ];
        for (list, on) in SCOPED.into_iter().zip(on) {
            if on {
                self.join_scope(list, slot, start);
            }
        }
    }

    /// Puts a span of a split group on the stack of its thread.
    pub(super) fn join_thread_scope(&mut self, slot: Slot) {
        let span = self.get(slot);
        let start = self.secret.start(span.id, span.tag);
        self.join_scope(List::Thread, slot, start);
    }

    fn join_scope(&mut self, list: List, slot: Slot, start: u64) {
        let key = self.get(slot).key(list);
        let (slots, secret) = (&self.slots, self.secret);
        let entry = self.scoped[list as usize].entry(
            secret.end(start, key.scope),
            |&top| slots[top as usize].key(list) == key,
            |&top| {
                let span = &slots[top as usize];
                secret.end(secret.start(span.id, span.tag), span.scope(list))
            },
        );
        let below = match entry {
            Entry::Occupied(mut top) => std::mem::replace(top.get_mut(), slot),
            Entry::Vacant(free) => {
                free.insert(slot);
                NIL
            }
        };
        self.lay(list, slot, below);
    }

    /// Takes a span off a stack by scope; nothing if it is not on it.
    pub(super) fn leave_scope(&mut self, list: List, slot: Slot) {
        if self.get(slot).is_on(list) {
            self.lift_scoped(list, slot);
        }
    }

    fn lift_scoped(&mut self, list: List, slot: Slot) {
        let Some(below) = self.lift(list, slot) else {
            return;
        };
        let Key { id, tag, scope } = self.get(slot).key(list);
        let hash = self.secret.end(self.secret.start(id, tag), scope);
        if let Ok(mut top) = self.scoped[list as usize].find_entry(hash, |&top| top == slot) {
            if below == NIL {
                top.remove();
            } else {
                *top.get_mut() = below;
            }
        }
    }
}
