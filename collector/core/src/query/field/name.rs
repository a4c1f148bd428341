//! Fields by name.

use std::str::FromStr;

use super::def::{Field, Info, Source};
use super::table::FIELDS;

/// No field has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoField;

impl FromStr for Field {
    type Err = NoField;

    fn from_str(text: &str) -> Result<Self, NoField> {
        let bracket = text
            .strip_suffix(']')
            .and_then(|text| text.rsplit_once('['));
        let (base, index) = match bracket {
            Some((base, index)) => (base, index.parse().map_err(|_| NoField)?),
            None => (text, 0),
        };
        let is = |info: &&Info| match info.name.strip_suffix("[n]") {
            Some(name) => bracket.is_some() && name == base,
            None => bracket.is_none() && info.name == base,
        };
        let info = FIELDS.iter().find(is).ok_or(NoField)?;
        // A chain of ancestors has no last one: who is far enough back is not known.
        if index < 0 && info.source == Source::Ancestor {
            return Err(NoField);
        }
        Ok(Self { info, index })
    }
}
