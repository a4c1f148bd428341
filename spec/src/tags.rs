//! A tag path.

use core::fmt;
use std::borrow::Cow;

use crate::TAGS_MAX;
use crate::text::{next_string, split, tag_escapes, unescape, unescape_json};

/// How the raw bytes of a path are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Simple, with no escape but those that must be: already canonical.
    Canonical,
    /// Simple, with an escape that need not be.
    Loose,
    /// What is between the brackets of a JSON array of strings.
    Json,
}

/// A validated tag path, at least one tag long. A tag may be empty, but not the only one.
///
/// ```
/// let marker = nulltrace_spec::parse(br">:t:web.render\.html::").unwrap();
/// let tags: Vec<_> = marker.tags.iter().collect();
/// assert_eq!(tags, [&b"web"[..], b"render.html"]);
/// assert_eq!(&*marker.tags.canonical(), br"web.render\.html");
/// assert_eq!(marker.tags.parent().as_deref(), Some(&b"web"[..]));
///
/// let json = nulltrace_spec::parse(br#"[">", "t", ["web", "render.html"]]"#).unwrap();
/// assert_eq!(json.tags.canonical(), marker.tags.canonical());
/// ```
#[derive(Clone, Copy)]
pub struct Tags<'a> {
    raw: &'a [u8],
    len: u8,
    form: Form,
}

impl<'a> Tags<'a> {
    #[inline]
    pub(crate) const fn new(raw: &'a [u8], len: u8, form: Form) -> Self {
        Self { raw, len, form }
    }

    /// The path that [`canonical`](Self::canonical) gave; `None` if no path has these canonical bytes.
    ///
    /// ```
    /// use nulltrace_spec::Tags;
    ///
    /// let tags = Tags::from_canonical(br"web.render\.html").unwrap();
    /// assert_eq!(tags.iter().last().as_deref(), Some(&b"render.html"[..]));
    /// let tags = Tags::from_canonical(b"main.Map[...].func1").unwrap();
    /// assert!(tags.iter().eq([&b"main"[..], b"Map[", b"", b"", b"]", b"func1"]));
    /// for none in ["", "a=b", r"a\b", "a\\"] {
    ///     assert!(Tags::from_canonical(none.as_bytes()).is_none(), "{none}");
    /// }
    /// ```
    #[must_use]
    pub fn from_canonical(canonical: &'a [u8]) -> Option<Self> {
        let mut len = 1;
        let mut bytes = canonical.iter();
        while let Some(&byte) = bytes.next() {
            match byte {
                b'\\' if bytes.next().is_some_and(|&byte| tag_escapes(byte)) => {}
                b'.' if usize::from(len) < TAGS_MAX => len += 1,
                _ if tag_escapes(byte) => return None,
                _ => {}
            }
        }
        (!canonical.is_empty()).then(|| Self::new(canonical, len, Form::Canonical))
    }

    /// How many tags the path has: 1 to [`TAGS_MAX`](crate::TAGS_MAX).
    // A path is never empty, so there is no `is_empty`.
    #[allow(clippy::len_without_is_empty)]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The unescaped tags, outermost first. Borrowed unless an escape had to be undone.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Cow<'a, [u8]>> + use<'a> {
        let (mut rest, json) = (self.raw, self.form == Form::Json);
        (0..self.len).map(move |_| {
            let tag;
            if json {
                (tag, rest) = next_string(rest);
                unescape_json(tag)
            } else {
                (tag, rest) = split(rest, b'.');
                unescape(tag)
            }
        })
    }

    /// The one byte string that stands for this path in either format: the simple form with exactly
    /// the escapes that must be. Equal paths have equal canonical bytes. Borrowed where it can be.
    #[inline]
    #[must_use]
    pub fn canonical(&self) -> Cow<'a, [u8]> {
        match self.form {
            Form::Canonical => Cow::Borrowed(self.raw),
            Form::Loose | Form::Json => self.make_canonical(),
        }
    }

    fn make_canonical(&self) -> Cow<'a, [u8]> {
        let mut tags = self.iter();
        if self.len == 1
            && let Some(Cow::Borrowed(tag)) = tags.next()
            && !tag.iter().any(|&byte| tag_escapes(byte))
        {
            return Cow::Borrowed(tag);
        }
        let mut out = Vec::with_capacity(self.raw.len());
        for (index, tag) in self.iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            for &byte in &*tag {
                if tag_escapes(byte) {
                    out.push(b'\\');
                }
                out.push(byte);
            }
        }
        Cow::Owned(out)
    }

    /// The canonical bytes of the path less its last tag; `None` if no tag is left, or none but an empty one.
    #[must_use]
    pub fn parent(&self) -> Option<Cow<'a, [u8]>> {
        if self.len == 1 {
            return None;
        }
        match self.canonical() {
            Cow::Borrowed(path) => parent_path(path).map(Cow::Borrowed),
            Cow::Owned(mut path) => {
                let len = parent_path(&path)?.len();
                path.truncate(len);
                Some(Cow::Owned(path))
            }
        }
    }
}

impl fmt::Debug for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tags({})", self.canonical().escape_ascii())
    }
}

/// The path less its last tag, both canonical; `None` if no tag is left, or none but an empty one.
///
/// ```
/// use nulltrace_spec::parent_path;
///
/// assert_eq!(parent_path(br"a.b\.c"), Some(&b"a"[..]));
/// assert_eq!(parent_path(br"b\.c"), None);
/// assert_eq!(parent_path(b"a."), Some(&b"a"[..]));
/// assert_eq!(parent_path(b".a"), None);
/// ```
#[must_use]
pub fn parent_path(canonical: &[u8]) -> Option<&[u8]> {
    let mut end = canonical.len();
    while let Some(dot) = memchr::memrchr(b'.', &canonical[..end]) {
        let before = &canonical[..dot];
        // An odd number of backslashes escapes the dot.
        let slashes = before.iter().rev().take_while(|&&b| b == b'\\').count();
        if slashes % 2 == 0 {
            return (!before.is_empty()).then_some(before);
        }
        end = dot;
    }
    None
}
