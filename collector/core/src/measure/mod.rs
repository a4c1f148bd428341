//! Sums that can be merged: histograms, the summary of spans, groups of calls and of spans; and the slowest spans.

mod by_values;
pub mod calls;
pub mod deferred;
pub mod groups;
pub mod histogram;
pub mod selected;
mod shared;
pub mod slowest;
pub mod summary;
pub mod sums;

#[cfg(test)]
mod story;
