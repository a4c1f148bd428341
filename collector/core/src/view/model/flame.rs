//! A profile.

use std::borrow::Cow;

use super::cell::Unit;

/// Parts of a whole, and their parts. Lists, and no tree of boxes: however deep it is, nothing recurses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flame {
    /// What weights are.
    pub unit: Unit,
    /// Each after the one that it is a part of.
    pub frames: Vec<Frame>,
}

/// A part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Under how many others it stands.
    pub depth: usize,
    /// Its name, maybe of others.
    pub name: Cow<'static, [u8]>,
    /// What it and its parts weigh.
    pub total: u64,
    /// What of it is in none of its parts.
    pub own: u64,
}

impl Flame {
    /// The whole.
    #[must_use]
    pub fn total(&self) -> u64 {
        let roots = self.frames.iter().filter(|frame| frame.depth == 0);
        roots.fold(0, |sum, frame| sum.saturating_add(frame.total))
    }
}
