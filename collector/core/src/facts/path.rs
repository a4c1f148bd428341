//! Tag paths.

use std::borrow::Cow;
use std::sync::Arc;

/// A tag path, shared by every span that has it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TagPath {
    canonical: Box<[u8]>,
    segments: Box<[Box<[u8]>]>,
    /// The path that it is shown as, where that is another.
    shown: Option<Arc<Self>>,
}

impl TagPath {
    /// A path from its canonical form (see [`nulltrace_spec::Tags::canonical`]) and its unescaped tags.
    #[must_use]
    pub fn new(canonical: &[u8], segments: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let segments: Box<[Box<[u8]>]> = segments
            .into_iter()
            .map(|tag| tag.as_ref().into())
            .collect();
        let shown = is_changed(canonical).then(|| {
            let text = |bytes| Box::from(shown(bytes).as_bytes());
            Arc::new(Self {
                canonical: text(canonical),
                segments: segments.iter().map(|tag| text(tag)).collect(),
                shown: None,
            })
        });
        Self {
            canonical: canonical.into(),
            segments,
            shown,
        }
    }
    /// The path that this one is shown as: bytes that are no UTF-8 are U+FFFD there. Paths that differ in such bytes
    /// only are one to a reader, so what is counted of them is one row.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use nulltrace_core::facts::path::TagPath;
    ///
    /// let of = |tag: &[u8]| Arc::new(TagPath::new(tag, [tag]));
    /// assert_eq!(of(b"a\xff").shown(), of(b"a\xfe").shown());
    /// assert_eq!(of(b"a").shown(), &of(b"a"));
    /// ```
    #[must_use]
    pub fn shown(self: &Arc<Self>) -> &Arc<Self> {
        self.shown.as_ref().unwrap_or(self)
    }
    /// The path that this one is shown as, if it is another.
    pub(crate) const fn shown_otherwise(&self) -> Option<&Arc<Self>> {
        self.shown.as_ref()
    }
    /// Whether both, of which each is shared by all that have it, are shown alike.
    #[must_use]
    pub fn is_shown_as(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let changed = self.shown.is_some() || other.shown.is_some();
        Arc::ptr_eq(self, other) || (changed && self.shown() == other.shown())
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
    /// The last `own` tags with dots between, as a person reads them where those before are known. A tag that would
    /// look like something else is in quotes, with those in it doubled: one with a dot, one that begins with a quote,
    /// and an empty one that stands alone.
    #[must_use]
    pub fn ending(&self, own: usize) -> Vec<u8> {
        let tags = &self.segments[self.segments.len().saturating_sub(own)..];
        let alone = tags.len() == 1;
        let tags = tags.iter().map(|tag| match tag.first() {
            None if alone => Cow::Borrowed(&b"\"\""[..]),
            first if first == Some(&b'"') || tag.contains(&b'.') => Cow::Owned(quoted(tag)),
            _ => Cow::Borrowed(&**tag),
        });
        tags.collect::<Vec<_>>().join(&b'.')
    }
    /// All of it, likewise.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        self.ending(self.segments.len())
    }
}

/// Bytes as they are shown: what is no UTF-8 is U+FFFD.
pub(crate) fn shown(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Whether bytes are shown as others.
pub(crate) fn is_changed(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_err()
}

fn quoted(tag: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in tag {
        text.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
    }
    text.push(b'"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_tag_alone_has_a_name() {
        let path = TagPath::new(b"a..b.", ["a", "", "b", ""]);
        let endings = [0, 1, 2, 3, 4, 9].map(|own| String::from_utf8(path.ending(own)).unwrap());
        assert_eq!(endings, ["", r#""""#, "b.", ".b.", "a..b.", "a..b."]);
    }

    #[test]
    fn a_tag_that_looks_like_several_is_quoted() {
        let text = |tags: &[&str]| {
            let path = TagPath::new(tags.join(".").as_bytes(), tags);
            String::from_utf8(path.text()).unwrap()
        };
        assert_eq!(text(&["a", "b"]), "a.b");
        assert_eq!(text(&["a.b"]), r#""a.b""#);
        assert_eq!(text(&["a", "b.c", "d"]), r#"a."b.c".d"#);
        assert_eq!(text(&[r#""a"#, r#"b""#]), r#""""a".b""#);
        assert_eq!(text(&[r#"a.b"."c"#]), r#""a.b"".""c""#);
    }

    proptest! {
        /// Different tags are different text.
        #[test]
        fn no_two_paths_have_one_text(
            a in prop::collection::vec("[a.\"]{0,3}", 1..4),
            b in prop::collection::vec("[a.\"]{0,3}", 1..4),
        ) {
            let text = |tags: &[String]| TagPath::new(b"", tags).text();
            prop_assert_eq!(a == b, text(&a) == text(&b), "{:?} {:?}", a, b);
        }
    }
}
