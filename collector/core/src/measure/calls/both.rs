//! Calls in a span and all inside it, with what of them is the span's own.

use super::stats::CallStats;
use crate::input::record::CallsRecord;

/// What was called inside, and what of it in no inner span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Both {
    all: CallStats,
    own: Own,
}

/// Most calls are made by the innermost span, so most sums are either all own or not at all: only
/// where some are and some are not there is a second sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Own {
    #[default]
    Nothing,
    All,
    Part(Box<CallStats>),
}

impl Both {
    /// No calls.
    pub const NONE: Self = Self {
        all: CallStats::NONE,
        own: Own::Nothing,
    };

    /// In the span and all inside.
    #[must_use]
    pub const fn all(&self) -> &CallStats {
        &self.all
    }

    /// In the span itself.
    #[must_use]
    pub fn own(&self) -> &CallStats {
        match &self.own {
            Own::Nothing => &CallStats::NONE,
            Own::All => &self.all,
            Own::Part(part) => part,
        }
    }

    /// Adds the calls of a record, which the span itself made or an inner one.
    pub fn push(&mut self, of: &CallsRecord, own: bool) {
        if of.is_empty() {
            return;
        }
        match (&mut self.own, own) {
            (whole, own) if self.all.is_empty() => {
                *whole = if own { Own::All } else { Own::Nothing };
            }
            (Own::Nothing, false) | (Own::All, true) | (Own::Part(_), false) => {}
            (Own::Part(part), true) => part.push(of),
            (whole @ Own::All, false) => *whole = Own::Part(Box::new(self.all.clone())),
            (whole @ Own::Nothing, true) => {
                let mut part = Box::<CallStats>::default();
                part.push(of);
                *whole = Own::Part(part);
            }
        }
        self.all.push(of);
    }

    /// None of it is the span's own.
    pub(super) fn disown(&mut self) {
        self.own = Own::Nothing;
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        if other.all.is_empty() {
            return;
        }
        if self.all.is_empty() {
            *self = other.clone();
            return;
        }
        match (&mut self.own, &other.own) {
            (Own::Nothing, Own::Nothing) | (Own::All, Own::All) => {}
            (Own::Part(part), _) => part.merge(other.own()),
            _ => {
                let mut part = Box::new(self.own().clone());
                part.merge(other.own());
                self.own = Own::Part(part);
            }
        }
        self.all.merge(&other.all);
    }
}
