//! A number that may not be known.

use core::ops::{Add, AddAssign};

/// How many of something there were, or that this is not known: who counted cannot be asked.
///
/// ```
/// use nulltrace_core::count::Count;
///
/// let mut lost = Count::from(2);
/// lost += 3;
/// assert_eq!(lost, 5);
/// lost = lost + Count::Unknown;
/// lost += 1;
/// assert_eq!(lost, Count::Unknown);
/// assert_eq!(lost.known(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Known(u64),
    /// Nobody knows, so it is not 0.
    Unknown,
}

impl Count {
    /// The number, if it is known.
    #[must_use]
    pub const fn known(self) -> Option<u64> {
        match self {
            Self::Known(n) => Some(n),
            Self::Unknown => None,
        }
    }
}

impl Default for Count {
    fn default() -> Self {
        Self::Known(0)
    }
}

impl From<u64> for Count {
    fn from(n: u64) -> Self {
        Self::Known(n)
    }
}

/// What there is none of is not known.
impl From<Option<u64>> for Count {
    fn from(n: Option<u64>) -> Self {
        n.map_or(Self::Unknown, Self::Known)
    }
}

impl PartialEq<u64> for Count {
    fn eq(&self, n: &u64) -> bool {
        *self == Self::Known(*n)
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        match (self, more) {
            (Self::Known(a), Self::Known(b)) => Self::Known(a.saturating_add(b)),
            _ => Self::Unknown,
        }
    }
}

impl AddAssign<u64> for Count {
    fn add_assign(&mut self, more: u64) {
        *self = *self + Self::Known(more);
    }
}
