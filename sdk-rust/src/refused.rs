//! Why no marker is made.

/// What no marker can say. Nothing is written then.
///
/// ```
/// use nulltrace::{Id, raw};
///
/// let refused = raw::encode(&mut raw::Buffer::new(), raw::Dir::Exit, Id::Empty, &[], &[]).unwrap_err();
/// assert_eq!(refused, raw::Refused::TagEmpty);
/// assert_eq!(refused.code(), "E_TAG_EMPTY");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// No tag, or an empty one.
    TagEmpty,
    /// More than 32 tags.
    TagDepth,
    /// The name of an argument is empty, or would name the parent: `^`, in front.
    ArgName,
    /// More than 64 arguments.
    ArgCount,
}

impl Refused {
    /// The code of the format's specification, `E_…`.
    ///
    /// ```
    /// assert_eq!(nulltrace::raw::Refused::ArgCount.code(), "E_ARG_COUNT");
    /// ```
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TagEmpty => "E_TAG_EMPTY",
            Self::TagDepth => "E_TAG_DEPTH",
            Self::ArgName => "E_ARG_NAME",
            Self::ArgCount => "E_ARG_COUNT",
        }
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let what = match self {
            Self::TagEmpty => "there is no tag, or an empty one",
            Self::TagDepth => "there are more than 32 tags",
            Self::ArgName => "an argument's name is empty, or in front and `^`",
            Self::ArgCount => "there are more than 64 arguments",
        };
        write!(f, "{}: {what}", self.code())
    }
}

impl core::error::Error for Refused {}
