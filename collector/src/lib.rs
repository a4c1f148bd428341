//! The collector behind the binary `nulltrace`: all input and output around `nulltrace-core`.

// These panic where nobody takes what is printed, and wait where nobody reads it: see `log`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod cli;
pub mod clock;
pub mod config;
mod consumers;
pub mod error;
mod gone;
mod host;
pub mod log;
pub mod mailbox;
pub mod measured;
pub mod memory;
pub mod names;
pub mod namespace;
pub mod nearest;
pub mod outlet;
pub mod pipeline;
pub mod recording;
mod resolve;
pub mod show;
pub mod signals;
pub mod sink;
pub mod source;
pub mod text;
pub mod units;
pub mod when;
