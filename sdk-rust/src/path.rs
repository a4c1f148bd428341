//! Tag paths.

use crate::encode::Writer;

/// The tags of a span, outermost first: text that dots split, or a list that nothing splits.
///
/// ```
/// use nulltrace::Path;
///
/// let text = Path::from("checkout.pay");
/// assert_eq!(text.tags().collect::<Vec<_>>(), ["checkout", "pay"]);
///
/// let list = Path::from(&["example.org", "get"]);
/// assert_eq!(list.tags().collect::<Vec<_>>(), ["example.org", "get"]);
/// ```
///
/// Every byte but the dot stands for itself: what the format would misread is escaped. A path with an
/// empty tag, or with more than 32, makes no marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Path<'a> {
    /// `"checkout.pay"`
    Text(&'a str),
    /// `["checkout", "pay"]`
    List(&'a [&'a str]),
}

impl<'a> Path<'a> {
    /// The tags one by one.
    ///
    /// ```
    /// assert_eq!(nulltrace::Path::from("a.b").tags().count(), 2);
    /// ```
    pub fn tags(self) -> impl Iterator<Item = &'a str> {
        let (text, list) = match self {
            Self::Text(text) => (Some(text.split('.')), &[][..]),
            Self::List(list) => (None, list),
        };
        text.into_iter().flatten().chain(list.iter().copied())
    }

    #[inline]
    pub(crate) fn write(self, writer: &mut Writer<'_>) {
        match self {
            Self::List(list) => list.iter().for_each(|tag| writer.tag(tag.as_bytes())),
            Self::Text(text) => {
                for tag in text.as_bytes().split(|&byte| byte == b'.') {
                    writer.tag(tag);
                }
            }
        }
    }
}

impl<'a> From<&'a str> for Path<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Path<'a> {
    #[inline]
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [&'a str]> for Path<'a> {
    #[inline]
    fn from(list: &'a [&'a str]) -> Self {
        Self::List(list)
    }
}

impl<'a, const N: usize> From<&'a [&'a str; N]> for Path<'a> {
    #[inline]
    fn from(list: &'a [&'a str; N]) -> Self {
        Self::List(list)
    }
}
