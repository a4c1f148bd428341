//! The table.

mod calls;
mod files;
mod markers;
mod processes;
mod spans;
mod text;

use super::info::Info;

/// Every field there is.
pub fn all() -> impl Iterator<Item = &'static Info> {
    [
        spans::FIELDS,
        markers::FIELDS,
        calls::FIELDS,
        files::FIELDS,
        processes::FIELDS,
    ]
    .into_iter()
    .flatten()
}
