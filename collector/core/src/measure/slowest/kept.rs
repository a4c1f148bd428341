//! A bounded list of the slowest spans, in which no tag path crowds out the others.

use std::sync::Arc;

use super::span::SlowSpan;
use crate::facts::path::TagPath;
use crate::measure::family::Family;

/// How many spans are kept.
pub const KEPT: usize = 100;
/// How many of each tag path, where there are several.
pub const KEPT_OF_PATH: usize = 10;

/// The slowest spans: of each tag path the slowest [`KEPT_OF_PATH`], of these the slowest [`KEPT`]. Where all
/// have one path, its slowest [`KEPT`].
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    spans: Vec<SlowSpan>,
    /// There were spans of several paths.
    several: bool,
}

impl Kept {
    /// Takes in a span of that path and duration, made by `make` if it is among the slowest.
    pub(super) fn push(
        &mut self,
        path: &Arc<TagPath>,
        duration: u64,
        make: impl FnOnce() -> SlowSpan,
    ) {
        let same = |of: &SlowSpan| Arc::ptr_eq(&of.tags, path) || of.tags == *path;
        if !self.several && self.spans.first().is_some_and(|of| !same(of)) {
            self.several = true;
            self.sort();
            self.spans.truncate(KEPT_OF_PATH);
        }
        let of_path = self.spans.iter().filter(|of| same(of)).count();
        let full = self.spans.len() >= KEPT;
        let path_full = self.several && of_path >= KEPT_OF_PATH;
        if full || path_full {
            let each = self.spans.iter().enumerate();
            let rivals = each.filter(|(_, of)| !path_full || same(of));
            // Of equal ones the last that came goes.
            let shortest = rivals.min_by_key(|(_, of)| (of.duration, core::cmp::Reverse(of.seq)));
            match shortest {
                Some((at, of)) if of.duration < duration => {
                    self.spans.swap_remove(at);
                }
                _ => return,
            }
        }
        self.spans.push(make());
    }

    /// What the processes in a span of that number did, if it is kept.
    pub(super) fn family(&mut self, seq: u64) -> Option<&mut Arc<Family>> {
        let span = self.spans.iter_mut().find(|of| of.seq == seq)?;
        span.family.as_mut()
    }

    /// The slowest first; of those that took as long the one opened first.
    fn sort(&mut self) {
        self.spans
            .sort_by_key(|of| (core::cmp::Reverse(of.duration), of.seq));
    }

    /// The slowest first.
    pub(super) fn into_sorted(mut self) -> Vec<SlowSpan> {
        self.sort();
        self.spans
    }
}
