//! What a filter says of a subject: three values, and which of them are possible where not all is known.

/// What a filter says of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// Neither: the subject does not have a value that is compared.
    Unknown,
    /// It may hold: it is not known on which file the call was made.
    Undecided,
}

/// A set of possible answers. Mostly there is one; comparisons of which the answer is not known yet, or was lost, have
/// several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth(u8);

impl Truth {
    pub(crate) const YES: Self = Self(0b001);
    pub(crate) const NO: Self = Self(0b010);
    pub(crate) const UNKNOWN: Self = Self(0b100);
    /// True or false: what is asked has an answer, which is not known.
    pub(crate) const EITHER: Self = Self(0b011);
    /// Not true, and no more is known.
    pub(crate) const NOT_YES: Self = Self(0b110);
    /// Nothing is known of it.
    pub(crate) const ANY: Self = Self(0b111);

    pub(crate) const fn of(is: bool) -> Self {
        if is { Self::YES } else { Self::NO }
    }

    /// Whether it may be true.
    pub(crate) const fn may_be_yes(self) -> bool {
        self.0 & Self::YES.0 != 0
    }

    /// Whether it is true, if that is known.
    pub(crate) fn is_yes(self) -> Option<bool> {
        match self {
            Self::YES => Some(true),
            of if of.may_be_yes() => None,
            _ => Some(false),
        }
    }

    const fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    pub(crate) const fn not(self) -> Self {
        Self(self.0 & Self::UNKNOWN.0 | (self.0 & 1) << 1 | self.0 >> 1 & 1)
    }

    /// Each answer of the one with each of the other: false if one is, true if both are.
    #[inline]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(AND[self.0 as usize & 7][other.0 as usize & 7])
    }

    /// True if one is, false if both are.
    #[inline]
    pub(crate) const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    pub(crate) const fn verdict(self) -> Verdict {
        match self {
            Self::YES => Verdict::Yes,
            Self::NO => Verdict::No,
            of if of.may_be_yes() => Verdict::Undecided,
            _ => Verdict::Unknown,
        }
    }
}

const AND: [[u8; 8]; 8] = {
    let mut table = [[0; 8]; 8];
    let mut one = 0;
    while one < 8 {
        let mut other = 0;
        while other < 8 {
            table[one as usize][other as usize] = and(Truth(one), Truth(other));
            other += 1;
        }
        one += 1;
    }
    table
};

const fn and(one: Truth, other: Truth) -> u8 {
    const YES: Truth = Truth::YES;
    const UNKNOWN: Truth = Truth::UNKNOWN;
    let yes = one.has(YES) && other.has(YES);
    let no = one.has(Truth::NO) && other.0 != 0 || other.has(Truth::NO) && one.0 != 0;
    let unknown = one.has(UNKNOWN) && (other.has(YES) || other.has(UNKNOWN))
        || other.has(UNKNOWN) && one.has(YES);
    (yes as u8) | (no as u8) << 1 | (unknown as u8) << 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Truth; 3] = [Truth::YES, Truth::NO, Truth::UNKNOWN];

    #[test]
    fn three_values() {
        let [yes, no, unknown] = ALL;
        assert_eq!(yes.and(unknown), unknown);
        assert_eq!(no.and(unknown), no);
        assert_eq!(unknown.and(unknown), unknown);
        assert_eq!(yes.or(unknown), yes);
        assert_eq!(no.or(unknown), unknown);
        assert_eq!(unknown.not(), unknown);
        assert_eq!((yes.not(), no.not()), (no, yes));
    }

    /// A set of answers has those that its members have, of each operation.
    #[test]
    fn sets_are_all_of_their_members() {
        let members = |of: Truth| ALL.into_iter().filter(move |&one| of.has(one));
        for one in (0..8).map(Truth) {
            let each = members(one).fold(0, |set, one| set | one.not().0);
            assert_eq!(one.not().0, each);
            for other in (0..8).map(Truth) {
                let pairs = || members(one).flat_map(|one| members(other).map(move |of| (one, of)));
                let and = pairs().fold(0, |set, (one, other)| set | one.and(other).0);
                let or = pairs().fold(0, |set, (one, other)| set | one.or(other).0);
                assert_eq!((one.and(other).0, one.or(other).0), (and, or));
                // De Morgan.
                assert_eq!(one.and(other).not(), one.not().or(other.not()));
            }
        }
    }

    #[test]
    fn what_may_hold_is_undecided() {
        assert_eq!(Truth::ANY.verdict(), Verdict::Undecided);
        assert_eq!(Truth::EITHER.not().verdict(), Verdict::Undecided);
        assert_eq!(Truth::ANY.and(Truth::NO).verdict(), Verdict::No);
        // Whatever it is, it is not true.
        assert_eq!(Truth::ANY.and(Truth::UNKNOWN).verdict(), Verdict::Unknown);
        assert_eq!(Truth::NOT_YES.verdict(), Verdict::Unknown);
    }
}
