//! What a thread did in one segment, and which spans it belongs to.

use std::sync::Arc;

use nulltrace_spec::Id;

use super::times::Times;
use crate::facts::args::ArgList;
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
    pub process: Option<&'a Arc<Process>>,
    /// The spans it lay in, the innermost first; none outside of spans.
    pub spans: &'a [InSpan<'a>],
    /// Spans have the activity of other threads too: then a [`Closed`](crate::spans::span::Closed) has no times of its
    /// own, only its path has.
    pub wide: bool,
    /// When.
    pub when: When<'a>,
    /// Where the time went.
    pub times: &'a Times,
    /// The system calls, by number and file.
    pub calls: &'a [CallsRecord],
    /// The file of each of `calls`; `None` where it has none.
    pub files: &'a [Option<Arc<File>>],
}

impl<'a> Inside<'a> {
    /// The innermost span.
    #[must_use]
    pub fn innermost(&self) -> Option<&InSpan<'a>> {
        self.spans.first()
    }

    /// The paths of the spans, each once, the innermost first.
    pub fn paths(&self) -> impl Iterator<Item = &'a Arc<TagPath>> {
        let first = self.spans.iter().filter(|span| !span.repeated);
        first.map(|span| span.path)
    }
}

/// When a thread did what it did, and, where spans have the activity of other threads too, which single spans were open
/// then.
#[derive(Clone, Copy, Debug, Default)]
pub struct When<'a> {
    /// From when on, `CLOCK_MONOTONIC` nanoseconds.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// The thread did not stop then: other spans were open from then on.
    pub goes_on: bool,
    /// The sequence numbers of the open spans; none where they are many, or are not needed.
    pub open: &'a [u64],
}

/// A span that a segment lies in.
#[derive(Clone, Copy, Debug)]
pub struct InSpan<'a> {
    /// Its sequence number; `None` where it stands for all open spans of its path, as where spans have the
    /// activity of other threads too.
    pub seq: Option<u64>,
    /// Its tag path.
    pub path: &'a Arc<TagPath>,
    /// The arguments of its enter marker, where it is one span.
    pub args: Option<&'a ArgList>,
    /// Its id, with `t`, `p` and `pp` resolved, where it is one span.
    pub id: Option<Id>,
    /// A span further in has the same path: a recursion's calls are not made as often as it is deep.
    pub repeated: bool,
}

impl<'a> InSpan<'a> {
    /// All open spans of a path.
    #[must_use]
    pub const fn of_path(path: &'a Arc<TagPath>) -> Self {
        Self {
            seq: None,
            path,
            args: None,
            id: None,
            repeated: false,
        }
    }
}
