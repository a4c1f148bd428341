//! What one may ask: fields, filters, and what is grouped and summed.

pub mod asked;
pub mod field;
pub mod filter;
pub mod kept;
pub mod metric;
mod question;
pub mod span_metric;

pub use question::{Query, Show};
