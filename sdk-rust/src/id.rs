//! Ids of spans.

/// The id of a span: what ties its exit to its enter, together with its tags.
///
/// ```
/// use nulltrace::Id;
///
/// assert_eq!(Id::from(42), Id::Number(42));
/// assert_eq!(Id::default(), Id::Thread);
/// assert_ne!(Id::unique(), Id::unique());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Id {
    /// The empty id, one for all.
    Empty,
    /// `g`, one for all too.
    Global,
    /// `t`, the number of the writing thread: for spans that begin and end on one.
    #[default]
    Thread,
    /// `p`, the number of the writing process.
    Process,
    /// `pp`, the number of its parent process.
    Parent,
    /// A number of choice.
    Number(i64),
}

impl Id {
    /// A number that no other span has, between 2^32 and 2^48: for spans that may move between threads. A span
    /// with such an id is the [`Context`](crate::Context) while it is open.
    ///
    /// ```
    /// # use nulltrace::Id;
    /// assert!(matches!(Id::unique(), Id::Number(n) if n > 1 << 32 && n < 1 << 48));
    /// ```
    #[must_use]
    #[inline]
    pub fn unique() -> Self {
        Self::Number(crate::unique::next())
    }

    /// As written, but for a number.
    #[inline]
    pub(crate) const fn letters(self) -> &'static [u8] {
        match self {
            Self::Empty | Self::Number(_) => b"",
            Self::Global => b"g",
            Self::Thread => b"t",
            Self::Process => b"p",
            Self::Parent => b"pp",
        }
    }
}

impl From<i64> for Id {
    #[inline]
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
