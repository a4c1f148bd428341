//! The bounds of the format.

/// How many bytes of a write are seen, and the longest marker.
pub const MARKER_MAX: usize = 4096;
/// The deepest tag path.
pub const TAGS_MAX: usize = 32;
/// The most arguments of a marker.
pub const ARGS_MAX: usize = 64;
/// How long an unfinished marker waits for its end, nanoseconds from its first part.
pub const FRAGMENT_NS: u64 = 1_000_000_000;
