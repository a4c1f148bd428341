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
    /// The last `own` tags with dots between, as a person reads them where those before are known; `""` where that
    /// is one empty tag, which would look like no name at all.
    #[must_use]
    pub fn ending(&self, own: usize) -> Vec<u8> {
        match &self.segments[self.segments.len().saturating_sub(own)..] {
            [tag] if tag.is_empty() => b"\"\"".to_vec(),
            tags => tags.join(&b'.'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_tag_alone_has_a_name() {
        let path = TagPath::new(b"a..b.", ["a", "", "b", ""]);
        let endings = [0, 1, 2, 3, 4, 9].map(|own| String::from_utf8(path.ending(own)).unwrap());
        assert_eq!(endings, ["", r#""""#, "b.", ".b.", "a..b.", "a..b."]);
    }
}
