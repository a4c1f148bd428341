//! Tag paths.

/// A tag path, shared by every span that has it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TagPath {
    canonical: Box<[u8]>,
    segments: Box<[Box<[u8]>]>,
}

impl TagPath {
    /// A path from its canonical form (see [`nulltrace_spec::Tags::canonical`]) and its unescaped tags.
    #[must_use]
    pub fn new(canonical: &[u8], segments: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        Self {
            canonical: canonical.into(),
            segments: segments
                .into_iter()
                .map(|tag| tag.as_ref().into())
                .collect(),
        }
    }
    /// The canonical bytes: equal exactly for equal paths.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }
    /// The unescaped tags, outermost first; bytes as written, never trusted.
    #[must_use]
    pub fn segments(&self) -> &[Box<[u8]>] {
        &self.segments
    }
}
