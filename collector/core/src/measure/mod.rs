//! Sums that can be merged: histograms, the summary of spans, groups of calls and of spans; the slowest spans, and
//! what the processes of a script did.

mod by_values;
pub mod calls;
pub mod decided;
pub mod deferred;
mod did;
pub mod family;
pub mod groups;
pub mod histogram;
pub mod selected;
mod shared;
pub mod slowest;
pub mod summary;
pub mod sums;
mod top;

#[cfg(test)]
mod story;
