//! JSON that is safe to look at.

use std::io::{self, Write};

use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use crate::text::is_hostile;

/// Counts by name.
pub(super) fn object(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Map<String, Value> {
    counts
        .into_iter()
        .map(|(name, n)| (name.to_owned(), n.into()))
        .collect()
}

/// Compact JSON that is safe to look at: what would control a terminal is written as an escape,
/// which stands for the same character.
pub(super) struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|&(_, c)| is_hostile(c)) {
            out.write_all(&fragment.as_bytes()[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[written..])
    }
}
