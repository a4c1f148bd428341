//! Records counted by what they are of.

use nulltrace_core::input::full::{KIND_BLOCK, KIND_IRQ, KIND_SWITCH, KIND_SYSCALL, KIND_WAKEUP};
use nulltrace_core::input::joined::{
    KIND_GIVEN_UP, KIND_MARKER, KIND_REFUSED, KIND_TIME, KIND_WRITE_BEGINS, KIND_WRITE_ENDS,
};
use nulltrace_core::input::record::{KIND_SEGMENT, KIND_SO_FAR, SNAPSHOT_KINDS};

/// What records are of: their names, several of them.
const NAMES: [&str; 9] = [
    "markers",
    "writes",
    "segments",
    "calls",
    "switches and wake-ups",
    "block requests",
    "interrupts",
    "facts",
    "of snapshots",
];

/// How many records there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds([u64; NAMES.len()]);

impl Kinds {
    /// Counts a record of that [`Head::kind`](nulltrace_core::input::record::Head::kind).
    pub fn count(&mut self, kind: u8) {
        let at = match kind {
            KIND_MARKER | KIND_REFUSED => 0,
            KIND_WRITE_BEGINS | KIND_WRITE_ENDS | KIND_GIVEN_UP | KIND_TIME => 1,
            KIND_SEGMENT | KIND_SO_FAR => 2,
            KIND_SYSCALL => 3,
            KIND_SWITCH | KIND_WAKEUP => 4,
            KIND_BLOCK => 5,
            KIND_IRQ => 6,
            kind if SNAPSHOT_KINDS.contains(&kind) => 8,
            _ => 7,
        };
        if let Some(count) = self.0.get_mut(at) {
            *count += 1;
        }
    }

    /// Takes in what was counted elsewhere.
    pub(super) fn add(&mut self, others: &Self) {
        for (count, other) in self.0.iter_mut().zip(others.0) {
            *count += other;
        }
    }

    /// Those that there are, in words.
    ///
    /// ```
    /// use nulltrace_collector::sink::kinds::Kinds;
    /// use nulltrace_core::input::made::KIND_USER;
    /// use nulltrace_core::input::joined::KIND_MARKER;
    ///
    /// let mut kinds = Kinds::default();
    /// [KIND_MARKER, KIND_MARKER, KIND_USER].map(|kind| kinds.count(kind));
    /// assert_eq!(kinds.words(), "2 markers, 1 facts");
    /// ```
    #[must_use]
    pub fn words(&self) -> String {
        let each = self.0.iter().zip(NAMES).filter(|&(&n, _)| n > 0);
        let each: Vec<_> = each.map(|(n, name)| format!("{n} {name}")).collect();
        each.join(", ")
    }
}
