//! What a thread did in one segment, and which spans it belongs to.

use std::sync::Arc;

use super::times::Times;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::record::CallsRecord;

/// What a thread did in one segment, and where.
#[derive(Clone, Copy, Debug)]
pub struct Inside<'a> {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// What is known of the process.
    pub process: Option<&'a Process>,
    /// The paths of the spans it lay in, each once, the innermost first; none outside of spans.
    pub paths: &'a [&'a Arc<TagPath>],
    /// A span has what others than its thread did too: no [`Closed`](crate::spans::span::Closed) tells its times,
    /// which are those of its path.
    pub wide: bool,
    /// Where the time went.
    pub times: &'a Times,
    /// The system calls, by number and file.
    pub calls: &'a [CallsRecord],
    /// The file of each of `calls`; `None` where it has none.
    pub files: &'a [Option<Arc<File>>],
}
