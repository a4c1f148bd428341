//! How much may be in a filter.

/// The longest filter, in bytes.
pub const TEXT_MAX: usize = 64 << 10;
/// As many parentheses, `not` and functions may be in each other.
pub const DEPTH_MAX: usize = 64;
/// As many regular expressions may be in a filter.
pub const REGEXES_MAX: usize = 32;
/// The longest pattern of `glob`, in bytes.
pub const PATTERN_MAX: usize = 1 << 10;
/// As many comparisons of calls may be mixed with comparisons of spans, where `or` or `not` joins them.
pub const MIXED_MAX: usize = 4;
