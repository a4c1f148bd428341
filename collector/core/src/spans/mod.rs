//! From events to spans: matching, parents, ends that are inferred, and what was done inside.

pub mod consumer;
pub mod correlate;
mod history;
pub mod kept;
pub mod matcher;
mod owners;
pub mod single;
mod slot;
pub mod span;
mod table;
mod times;
mod waiting;
