//! Sums that can be merged: histograms, the summary of spans, groups of calls.

pub mod calls;
pub mod deferred;
pub mod groups;
pub mod histogram;
pub mod summary;
pub mod sums;
