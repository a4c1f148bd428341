//! The table.

mod arguments;
mod around;
mod calls;
mod events;
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
        around::FIELDS,
        around::OF_PROCESS,
        around::OF_SCRIPT,
        around::OF_MACHINE,
        markers::FIELDS,
        calls::FIELDS,
        events::FIELDS,
        files::FIELDS,
        processes::FIELDS,
    ]
    .into_iter()
    .flatten()
}
