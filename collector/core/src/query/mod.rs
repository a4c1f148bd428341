//! What one may ask: fields, conditions, and what is grouped and summed.

pub mod asked;
pub mod condition;
pub mod field;
pub mod metric;
mod question;
pub mod span_metric;

pub use question::{Query, Show};
