//! Parents and their open children.

use super::Table;
use super::list::Link;
use super::open::Open;
use crate::spans::slot::{NIL, Slot};

impl Table {
    /// The parent of an open span, if that is open.
    #[inline]
    pub(in crate::spans) fn parent(&self, span: &Open) -> Option<Slot> {
        let parent = self.slots.get(span.parent as usize)?;
        (parent.seq == span.parent_seq).then_some(span.parent)
    }

    /// Makes an open span the parent of one that is opened. Returns the parent if no other child is open.
    #[inline]
    pub(in crate::spans) fn adopt(
        &mut self,
        slot: Slot,
        parent: Slot,
        parent_seq: u64,
    ) -> Option<&mut Open> {
        let below = std::mem::replace(&mut self.get_mut(parent).child, slot);
        if let Some(span) = self.slots.get_mut(below as usize) {
            span.siblings.above = slot;
        }
        let span = self.get_mut(slot);
        span.siblings = Link { below, above: NIL };
        (span.parent, span.parent_seq) = (parent, parent_seq);
        (below == NIL).then(|| self.get_mut(parent))
    }

    /// Takes a span that ends out of its parent's children. Returns the parent, if that is open.
    #[inline(always)]
    pub(in crate::spans) fn leave_parent(&mut self, slot: Slot) -> Option<&mut Open> {
        let span = self.get(slot);
        let (parent, Link { below, above }) = (self.parent(span)?, span.siblings);
        if let Some(span) = self.slots.get_mut(below as usize) {
            span.siblings.above = above;
        }
        match self.slots.get_mut(above as usize) {
            Some(span) => span.siblings.below = below,
            None => self.get_mut(parent).child = below,
        }
        Some(self.get_mut(parent))
    }

    /// A span ends: threads are not within its children any more, nor within what is below them.
    #[cold]
    pub(super) fn let_go_of_all_below(&mut self, slot: Slot) {
        let mut below = std::mem::take(&mut self.below);
        below.push(slot);
        while let Some(slot) = below.pop() {
            let mut child = self.get(slot).child;
            while child != NIL {
                let span = self.get(child);
                let next = span.siblings.below;
                // Where it is passed already, so are those below it.
                if !std::mem::replace(&mut self.get_mut(child).passed, true) {
                    self.put_aside(child);
                    below.push(child);
                }
                child = next;
            }
        }
        self.below = below;
    }
}
