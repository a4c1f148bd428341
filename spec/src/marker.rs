//! What a marker says.

use crate::{Args, Dir, Format, Id, Tags};

/// One marker, borrowed from the written bytes.
#[derive(Clone, Copy, Debug)]
pub struct Marker<'a> {
    /// Enter or exit.
    pub dir: Dir,
    /// The id as written.
    pub id: Id,
    /// The tag path.
    pub tags: Tags<'a>,
    /// The arguments.
    pub args: Args<'a>,
    /// How it was written.
    pub format: Format,
    /// The write was longer than what is seen, and the cut fell behind the tags: the args are those
    /// that were whole.
    pub cut: bool,
}
