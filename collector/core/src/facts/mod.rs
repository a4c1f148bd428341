//! What things are: processes, files, containers, tag paths, the arguments of system calls. Filled by records only.

pub mod ancestor;
pub mod args;
pub mod container;
pub mod errno;
pub mod file;
mod lineage;
pub mod names;
pub mod path;
pub mod process;
pub mod recent;
pub mod signature;
pub mod syscall;
pub(crate) mod tag_set;
pub(crate) mod tags;
