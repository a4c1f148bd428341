//! Sums that can be merged: histograms, the summary of spans, groups of calls; and the slowest spans.

pub mod calls;
pub mod deferred;
pub mod groups;
pub mod histogram;
mod shared;
pub mod slowest;
pub mod summary;
pub mod sums;
