//! The summary: for each tag path how often, how long, and how its spans ended.
//!
//! ```
//! use std::sync::Arc;
//! use nulltrace_core::spans::span::Open;
//! use nulltrace_core::facts::path::TagPath;
//! use nulltrace_core::measure::summary::{Limits, Summary};
//!
//! let summary = Summary::new(Limits::default());
//! let path = Arc::new(TagPath::new(b"checkout.pay", ["checkout", "pay"]));
//! // A path whose only span is still open has a row as well.
//! let rows = summary.rows([(path, Open { spans: 1, ..Open::default() })]);
//! assert_eq!((rows.len(), rows[0].open, rows[0].stats.hits()), (1, 1, 0));
//! ```

mod by_chain;
mod by_path;
mod fair;
mod rows;
mod stats;

pub use by_chain::ByChain;
pub use by_path::{Limits, OVERFLOW_PATHS_MAX, Summary};
pub use rows::{PathKind, Row};
pub use stats::{Inferred, Stats};

#[cfg(test)]
mod tests;
