//! Fields by name.

use std::fmt;
use std::str::FromStr;

use super::info::Field;
use super::key::Key;
use super::table;

/// The words that a filter language may give a meaning: no field has one as its name.
pub const RESERVED: &[&str] = &[
    "and",
    "bcontains",
    "between",
    "bstartswith",
    "contains",
    "endswith",
    "exists",
    "false",
    "glob",
    "icontains",
    "iglob",
    "in",
    "intersects",
    "is",
    "like",
    "matches",
    "not",
    "null",
    "or",
    "pmatch",
    "regex",
    "startswith",
    "true",
];

/// No field has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoField;

impl fmt::Display for NoField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no field has this name")
    }
}

impl std::error::Error for NoField {}

impl FromStr for Field {
    type Err = NoField;

    fn from_str(text: &str) -> Result<Self, NoField> {
        let field = table::all().find_map(|info| {
            let key = Key::read(info.key, text.strip_prefix(info.name)?)?;
            Some(Self { info, key })
        });
        field.ok_or(NoField)
    }
}
