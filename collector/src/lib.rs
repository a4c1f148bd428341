//! The collector behind the binary `nulltrace`: all input and output around `nulltrace-core`.

pub mod cli;
pub mod clock;
pub mod config;
pub mod enrich;
pub mod error;
pub mod gone;
mod namespace;
pub mod nearest;
pub mod pipeline;
pub mod signals;
pub mod sink;
pub mod source;
pub mod units;
pub mod view;
