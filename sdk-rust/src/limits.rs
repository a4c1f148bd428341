//! What the format bounds, and the name that it keeps for itself.

/// What a collector sees of a write, 4096 bytes, and one more to say that there was more.
pub(crate) const LONGEST: usize = 4097;
pub(crate) const TAGS_MAX: usize = 32;
pub(crate) const ARGS_MAX: usize = 64;
/// The name of the argument that, first in an enter, names the parent.
pub(crate) const PARENT: &str = "^";
