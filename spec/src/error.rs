//! Why bytes are no marker.

use core::fmt;

/// Why bytes are no marker, and where.
///
/// ```
/// use nulltrace_spec::{Code, parse};
///
/// let error = parse(b">:t:checkout,pay::").unwrap_err();
/// assert_eq!((error.code, error.offset), (Code::TagChar, 12));
/// assert!(error.to_string().starts_with("E_TAG_CHAR a reserved character in a tag"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    /// The named error.
    pub code: Code,
    /// Byte offset of the place from the beginning of what was parsed.
    pub offset: usize,
}

impl Error {
    pub(crate) const fn new(code: Code, offset: usize) -> Self {
        Self { code, offset }
    }
    /// The bytes, of which there were `len`, ended before the marker did: more bytes could finish it.
    pub(crate) fn is_open(self, len: usize) -> bool {
        self.code == Code::Unfinished && self.offset == len
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.name(), self.code.text())
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One table for the names, the texts and the order of the codes: they cannot drift apart.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $name:literal $text:literal,)*) => {
        /// The named errors of the format; `spec/FORMAT.md` says where the offset of each points.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        // As wide as an offset: a result that may hold a narrower one is copied in pieces that lie
        // across its other fields, and the processor waits for each.
        #[repr(usize)]
        pub enum Code { $($(#[$doc])* #[doc = concat!("(`", $name, "`)")] $code,)* }

        impl Code {
            /// Every code, for counters indexed by code: `Code::ALL[code as usize] == code`.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];
            /// The name, `E_…`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }
            /// One short sentence for a person: what is wrong and what to do.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$code => $text,)* }
            }
        }
    };
}

codes! {
    /// Neither an enter nor an exit marker.
    Direction "E_DIRECTION"
        "no direction: begin with `>:` or `<:`, or in JSON with `[\">\",` or `[\"<\",`",
    /// The id is none of the allowed ones.
    Id "E_ID"
        "not an id: leave it empty, or use `g`, `t`, `p`, `pp` or a whole decimal number",
    /// There is no tag, or none but an empty one. Encoders refuse every empty tag.
    TagEmpty "E_TAG_EMPTY"
        "there is no tag: name the span",
    /// More tags than a path may have.
    TagDepth "E_TAG_DEPTH"
        "the tag path is deeper than 32: shorten it, and put what varies into arguments",
    /// A reserved character in a tag.
    TagChar "E_TAG_CHAR"
        "a reserved character in a tag: write a backslash before it",
    /// An argument has no name.
    ArgName "E_ARG_NAME"
        "an argument has no name: write `name=value`, or remove the extra comma",
    /// An argument has no `=`.
    ArgEquals "E_ARG_EQUALS"
        "an argument has no `=`: write `name=value`; the value may be empty",
    /// More arguments than a marker may have.
    ArgCount "E_ARG_COUNT"
        "more than 64 arguments: send fewer",
    /// A backslash that escapes nothing it may.
    Escape "E_ESCAPE"
        "not an escape: a newline needs the JSON form, and JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
    /// Not JSON.
    Json "E_JSON"
        "not JSON here: check quotes, commas and brackets, or use the simple form",
    /// JSON, but no marker.
    JsonShape "E_JSON_SHAPE"
        "JSON of another shape: write [\">\", id, [\"tag\", …], [{\"name\": \"value\"}, …]]",
    /// The bytes end before the marker does.
    Unfinished "E_UNFINISHED"
        "the marker is not finished: a simple one ends with its fourth colon, on its line, a JSON one with its `]`",
    /// Longer than a marker may be.
    Limit "E_LIMIT"
        "the marker is longer than 4096 bytes: shorten its arguments",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_own_index() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert_eq!(*code as usize, index);
            assert!(code.name().starts_with("E_"));
            assert!(!code.text().is_empty());
        }
    }
}
