//! The tags of a span.

use crate::text::{Text, swallow};
use pyo3::ffi;
use pyo3::prelude::*;

/// More than a marker may have, so that too many are still refused.
const MOST: usize = 33;

/// Tags, each two bytes of length and its bytes, in one piece of memory.
#[derive(Clone, Default)]
pub(crate) struct Path(Vec<u8>);

impl Path {
    /// What `tag` says, if it is a path and no function: text, whose dots separate tags, or a list.
    /// What no marker can have is kept, and refused when it is encoded.
    ///
    /// # Errors
    /// Only what a program must not lose.
    pub(crate) fn of(tag: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        // SAFETY: checks of the type of an object that is alive.
        let (string, list) = unsafe {
            let tag = tag.as_ptr();
            (
                ffi::PyUnicode_Check(tag) != 0,
                ffi::PyList_Check(tag) != 0 || ffi::PyTuple_Check(tag) != 0,
            )
        };
        if string {
            let text = Text::string(tag);
            return Ok(Some(Self::split(text.as_ref().map_or(b"", Text::bytes))));
        }
        if list {
            return Self::each(tag).map(Some);
        }
        Ok(Text::bytes_like(tag).map(|text| Self::split(text.bytes())))
    }

    /// Tags given one by one.
    ///
    /// # Errors
    /// Only what a program must not lose.
    pub(crate) fn each(tags: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut packed = Vec::with_capacity(64);
        let texts = tags
            .try_iter()
            .and_then(|tags| tags.take(MOST).collect::<PyResult<Vec<_>>>());
        match texts {
            Ok(tags) => {
                for tag in tags {
                    let Some(text) = Text::of(tag)? else {
                        return Ok(Self::one(b""));
                    };
                    push(&mut packed, text.bytes());
                }
            }
            Err(error) => swallow(tags.py(), error)?,
        }
        if packed.is_empty() {
            // No tag is refused as an empty one is, also where more follow.
            push(&mut packed, b"");
        }
        Ok(Self(packed))
    }

    /// A text's tags, which dots separate.
    pub(crate) fn split(text: &[u8]) -> Self {
        let mut packed = Vec::with_capacity(text.len() + 8);
        for tag in text.split(|&byte| byte == b'.').take(MOST) {
            push(&mut packed, tag);
        }
        Self(packed)
    }

    /// These tags and those of `more`.
    pub(crate) fn with(&self, more: &Self) -> Self {
        let mut packed = Vec::with_capacity(self.0.len() + more.0.len());
        packed.extend_from_slice(&self.0);
        packed.extend_from_slice(&more.0);
        Self(packed)
    }

    /// One tag, whatever is in it.
    pub(crate) fn one(tag: &[u8]) -> Self {
        let mut packed = Vec::with_capacity(tag.len() + 2);
        push(&mut packed, tag);
        Self(packed)
    }

    /// All but the last.
    pub(crate) fn parent(&self) -> Self {
        let last = self.iter().last().map_or(0, |tag| tag.len() + 2);
        Self(self.0[..self.0.len() - last].to_vec())
    }

    /// Whether the last is empty.
    pub(crate) fn ends_empty(&self) -> bool {
        self.iter().last().is_none_or(<[u8]>::is_empty)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first_chunk::<2>()?;
            let (tag, behind) = behind.split_at_checked(usize::from(u16::from_ne_bytes(*len)))?;
            rest = behind;
            Some(tag)
        })
    }

    /// Gives the tags to `then`, at most one more than a marker may have.
    #[inline]
    pub(crate) fn with_slices<R>(&self, then: impl FnOnce(&[&[u8]]) -> R) -> R {
        let mut tags: [&[u8]; MOST] = [b""; MOST];
        let mut count = 0;
        for (place, tag) in tags.iter_mut().zip(self.iter()) {
            *place = tag;
            count += 1;
        }
        then(&tags[..count])
    }
}

fn push(packed: &mut Vec<u8>, tag: &[u8]) {
    // A text is at most 4097 bytes long.
    let len = u16::try_from(tag.len()).unwrap_or(u16::MAX);
    packed.extend_from_slice(&len.to_ne_bytes());
    packed.extend_from_slice(&tag[..usize::from(len)]);
}
