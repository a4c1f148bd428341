//! The pure heart of the nulltrace collector: records in, spans and summaries out.
//!
//! Nothing here opens a file, reads a clock or starts a thread. A room is `push(event, out)` plus
//! `tick(now)`: time is passed in, so any room runs in a test from a byte slice.

pub mod activity;
mod args;
pub mod container;
pub mod correlate;
pub mod event;
pub mod field;
pub mod file;
mod fragments;
pub mod group;
pub mod histogram;
pub mod ledger;
pub mod order;
pub mod process;
mod reach;
pub mod recent;
pub mod record;
pub mod span;
mod spans;
pub mod summary;
mod tags;
mod told;
mod waiting;
