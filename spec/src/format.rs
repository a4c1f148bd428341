//! The two forms of a marker.

/// How a marker was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `>:id:tags:args:`
    Simple,
    /// `[">", id, […], […]]`
    Json,
}
