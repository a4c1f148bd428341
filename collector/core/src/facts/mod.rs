//! What things are: processes, files, containers, tag paths. Filled by records only.

pub mod ancestor;
pub mod args;
pub mod container;
pub mod file;
mod lineage;
pub mod names;
pub mod path;
pub mod process;
pub mod recent;
pub(crate) mod tag_set;
pub(crate) mod tags;
