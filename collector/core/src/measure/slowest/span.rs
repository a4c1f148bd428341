//! One of the slowest spans.

use std::sync::Arc;

use nulltrace_spec::Id;

use crate::activity::SpanTimes;
use crate::facts::args::ArgList;
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::measure::did::{Children, Reasons};
use crate::measure::family::Family;
use crate::spans::span::End;

/// A span among the slowest.
#[derive(Clone, Debug)]
pub struct SlowSpan {
    /// Sequence number, from 1.
    pub seq: u64,
    /// Sequence number of the parent.
    pub parent: Option<u64>,
    /// The tag path.
    pub tags: Arc<TagPath>,
    /// The id with `t`, `p`, `pp` resolved.
    pub id: Id,
    /// Arguments of the enter marker.
    pub enter_args: ArgList,
    /// Arguments of the exit marker.
    pub exit_args: ArgList,
    /// Process that opened it.
    pub pid: u32,
    /// Thread that opened it.
    pub tid: u32,
    /// What was known of that process then.
    pub process: Option<Arc<Process>>,
    /// When it was opened, `CLOCK_MONOTONIC` nanoseconds.
    pub start: u64,
    /// The same by the [`Anchor`], nanoseconds since the beginning of 1970 in UTC.
    pub wall: u64,
    /// From then until it ended, or until now.
    pub duration: u64,
    /// The duration less the time with a direct child open; `None` of one that is open.
    pub self_ns: Option<u64>,
    /// How it ended; `None` of one that is open.
    pub how: Option<End>,
    /// Where its thread's time went; `None` where nobody looked, or where it is not known of single spans.
    pub times: Option<SpanTimes>,
    /// What of that time was in which system calls; `None` where there was no room to keep it.
    pub reasons: Option<Reasons>,
    /// The paths of its children that have ended, those that took the longest first.
    pub children: Vec<(Arc<TagPath>, Children)>,
    /// What each process did, where that of a whole script counts; `None` where there was no room to keep it.
    pub family: Option<Arc<Family>>,
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anchor {
    /// `CLOCK_MONOTONIC` nanoseconds.
    pub monotonic: u64,
    /// Nanoseconds since the beginning of 1970 in UTC.
    pub wall: u64,
}

impl Anchor {
    pub(super) const fn wall(self, monotonic: u64) -> u64 {
        match monotonic.checked_sub(self.monotonic) {
            Some(later) => self.wall.saturating_add(later),
            None => self.wall.saturating_sub(self.monotonic - monotonic),
        }
    }
}

/// The slowest spans.
#[derive(Clone, Debug)]
pub struct SlowSpans {
    /// The slowest first.
    pub spans: Vec<SlowSpan>,
    /// How many there were, those included that are none of these.
    pub total: u64,
    /// Spans have what others than their thread did too, so what single ones did is not known.
    pub wide: bool,
}
