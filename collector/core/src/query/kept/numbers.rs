//! How many markers each thread has written of those that are kept: what is left out is no loss, and what was lost is one.

use std::mem;

use rustc_hash::FxHashMap;

use crate::input::record::Head;

/// The numbers of threads.
#[derive(Debug, Default)]
pub(super) struct Numbers(FxHashMap<(u32, u32), Number>);

#[derive(Clone, Copy, Debug, Default)]
struct Number {
    seen: u32,
    given: u32,
    /// How many were lost before the next record.
    gap: u32,
}

impl Numbers {
    /// A record of the stream, which is one more marker or not.
    pub(super) fn see(&mut self, head: &Head, is_marker: bool) {
        if head.number == 0 {
            return;
        }
        let of = self.0.entry((head.pid, head.tid)).or_default();
        let before = mem::replace(&mut of.seen, head.number);
        let expected = before.wrapping_add(is_marker.into());
        if before != 0 {
            of.gap = of.gap.saturating_add(head.number.saturating_sub(expected));
        }
    }

    /// The number of a record that is kept.
    pub(super) fn next(&mut self, thread: (u32, u32), is_marker: bool) -> u32 {
        let Some(of) = self.0.get_mut(&thread) else {
            return 0;
        };
        let gap = mem::take(&mut of.gap);
        of.given = of.given.wrapping_add(gap).wrapping_add(is_marker.into());
        of.given
    }

    /// The thread has ended.
    pub(super) fn end(&mut self, thread: (u32, u32)) {
        self.0.remove(&thread);
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn what_is_left_out_is_no_loss() {
        let mut numbers = Numbers::default();
        let mut head = Head::new_zeroed();
        let mut see = |numbers: &mut Numbers, number| {
            head.number = number;
            numbers.see(&head, true);
        };
        // The thread wrote others before.
        see(&mut numbers, 41);
        see(&mut numbers, 42);
        assert_eq!(numbers.next((0, 0), true), 1);
        see(&mut numbers, 43);
        see(&mut numbers, 44);
        assert_eq!(numbers.next((0, 0), true), 2);
        // Two are missing.
        see(&mut numbers, 47);
        assert_eq!(numbers.next((0, 0), false), 4);
        assert_eq!(numbers.next((0, 0), true), 5);
        numbers.end((0, 0));
        assert_eq!(numbers.next((0, 0), true), 0);
    }
}
