//! What one may ask: fields, conditions, and what is grouped and summed.

pub mod condition;
pub mod field;
pub mod metric;
pub mod plan;
