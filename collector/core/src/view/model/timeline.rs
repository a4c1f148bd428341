//! What went on when.

use std::borrow::Cow;

/// Tracks side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Where it begins, nanoseconds since the run began.
    pub start_ns: u64,
    /// Where it ends.
    pub end_ns: u64,
    /// Each after the one that it is a part of.
    pub tracks: Vec<Track>,
}

/// What went on in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Under how many others it stands.
    pub depth: usize,
    /// Its name, maybe of others.
    pub name: Cow<'static, [u8]>,
    /// In order of their beginning.
    pub intervals: Vec<Interval>,
}

/// What went on for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// What it was, maybe of others.
    pub name: Cow<'static, [u8]>,
    /// Nanoseconds since the run began.
    pub start_ns: u64,
    /// The same.
    pub end_ns: u64,
}
