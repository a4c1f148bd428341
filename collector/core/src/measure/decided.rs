//! What a filter said of all that it was asked about.

use crate::query::filter::Verdict;

/// How many there were of each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// For so many it holds.
    pub matched: u64,
    /// For so many it does not.
    pub not: u64,
    /// So many do not have a value that is compared.
    pub unknown: u64,
    /// Of so many calls it is not known on which files they were made.
    pub undecided: u64,
}

impl Decided {
    pub(super) const fn count(&mut self, verdict: Verdict, n: u64) {
        let of = match verdict {
            Verdict::Yes => &mut self.matched,
            Verdict::No => &mut self.not,
            Verdict::Unknown => &mut self.unknown,
            Verdict::Undecided => &mut self.undecided,
        };
        *of = of.saturating_add(n);
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (verdict, n) in [
            (Verdict::Yes, other.matched),
            (Verdict::No, other.not),
            (Verdict::Unknown, other.unknown),
            (Verdict::Undecided, other.undecided),
        ] {
            self.count(verdict, n);
        }
    }
}
