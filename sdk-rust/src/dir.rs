//! The two ends of a span.

/// Which end of a span a marker is.
///
/// ```
/// assert_ne!(nulltrace::raw::Dir::Enter, nulltrace::raw::Dir::Exit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// `>`
    Enter,
    /// `<`
    Exit,
}
