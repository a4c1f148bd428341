//! The pure heart of the nulltrace collector: records in, spans and summaries out.
//!
//! Nothing here opens a file, reads a clock or starts a thread. A room is `push(event, out)` plus
//! `tick(now)`: time is passed in, so any room runs in a test from a byte slice.
//!
//! The rooms stand in the order of the flow, and none uses one that comes after it: `input`, `facts`,
//! `activity`, `spans`, `query`, `measure`, `view`; `capture` uses `input` alone. The `ledger`, and `count`,
//! stand below them all.

pub mod activity;
pub mod capture;
pub mod count;
pub mod facts;
pub mod input;
pub mod ledger;
pub mod measure;
pub mod query;
pub mod spans;
pub mod view;

// Tests of the collector take the fixture of the views as well, under this name.
#[cfg(test)]
extern crate self as nulltrace_core;
