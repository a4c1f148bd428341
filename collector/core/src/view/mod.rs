//! View models: what a view says, as values. How it looks is the business of what draws it.
//!
//! Each view is one file with a `VIEW` and has one line in `registry.rs`. Text, JSON and CSV are drawn from
//! its model and need not know it.
//!
//! ```
//! use nulltrace_core::ledger::Ledger;
//! use nulltrace_core::measure::summary::Summary;
//! use nulltrace_core::view::{self, Data, Model, Names};
//!
//! #[derive(Debug)]
//! struct Numbers;
//! impl Names for Numbers {
//!     fn call(&self, nr: u32) -> String {
//!         format!("system call {nr}")
//!     }
//! }
//!
//! let (summary, ledger) = (Summary::default(), Ledger::default());
//! let data = Data {
//!     backend: "ebpf", elapsed_ns: 5, since: None, rows: &summary.rows([]), groups: None, selected: None,
//!     top: None, slowest: None, families: None, ledger: &ledger,
//!     outside: None, notes: &[], log_lost: 0, names: &Numbers,
//! };
//! let Model::Table(table) = view::answer(view::find("time").unwrap(), &data) else { panic!() };
//! assert_eq!((table.columns[0].key.as_ref(), table.rows.len()), ("tags", 0));
//! assert!(view::find("tome").is_err());
//! ```

mod account;
mod contract;
mod files;
mod groups;
pub mod model;
mod named;
mod on_files;
mod peers;
mod reasons;
mod registry;
mod selected;
mod sheet;
mod slowest;
mod sockets;
mod span_groups;
mod summary;
mod syscalls;
mod time;
mod tree;
mod waits;
mod words;

pub use account::{account, head, losses};
pub use contract::{Data, Names, View};
pub use model::Model;
pub use registry::{NoView, VIEWS, answer, find, names};
pub use syscalls::OTHER;

#[cfg(test)]
mod fixture;
