//! Which kernels there is support for.

/// The lowest version of Linux that the kernel programs are for, and tested with.
pub const LOWEST_KERNEL: &str = "6.1";
