//! A closed span: the value that leaves the correlator for summaries, sinks and views.

use std::sync::Arc;

use nulltrace_spec::Id;

use crate::activity::SpanTimes;
use crate::facts::args::ArgList;
use crate::facts::path::TagPath;
use crate::facts::process::Process;

/// The spans of one path that are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// How many.
    pub spans: u64,
    /// Where their time went, as far as that was reported.
    pub times: SpanTimes,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// By its exit marker. Only these count as hits and enter latency histograms.
    Exit,
    /// Inferred: its thread ended.
    ThreadExit,
    /// Inferred: its process ended.
    ProcessExit,
    /// Inferred: it was open for longer than the limit.
    Expired,
    /// Inferred: it was the oldest when there was no room for another.
    Evicted,
    /// Markers of its thread were lost while it was open, so when it ended is not known: its exit may have been
    /// among them, and the one that came another's.
    Lost,
}

impl End {
    /// The name of the kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::ThreadExit => "thread_exit",
            Self::ProcessExit => "process_exit",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::Lost => "lost",
        }
    }
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Sequence number of the span in this collector, from 1.
    pub seq: u64,
    /// Sequence number of the parent, if it was known when this span was opened.
    pub parent: Option<u64>,
    /// The tag path of that parent.
    pub parent_tags: Option<Arc<TagPath>>,
    /// The tag path.
    pub tags: Arc<TagPath>,
    /// The id with `t`, `p`, `pp` resolved to [`Id::Number`].
    pub id: Id,
    /// Arguments of the enter marker.
    pub enter_args: ArgList,
    /// Arguments of the exit marker.
    pub exit_args: ArgList,
    /// Process that opened it.
    pub pid: u32,
    /// Thread that opened it.
    pub tid: u32,
    /// What was known of that process when the span was opened.
    pub process: Option<Arc<Process>>,
    /// When it was opened, `CLOCK_MONOTONIC` nanoseconds.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// How it ended.
    pub how: End,
    /// Time with at least one direct child open, nanoseconds.
    pub child_ns: u64,
    /// How many direct children ended before it did.
    pub child_hits: u64,
    /// Where its thread's time went; `None` where activity is not observed.
    pub times: Option<SpanTimes>,
}

impl Closed {
    /// Command name of its process when it was opened, without padding; empty if it was not known.
    #[must_use]
    pub fn comm(&self) -> &[u8] {
        self.process.as_ref().map_or(&[], |process| &process.comm)
    }
    /// From enter to exit, nanoseconds; 0 if the clocks of two CPUs disagree.
    #[must_use]
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
    /// The duration less the time with a direct child open: children that overlap count once, and one that
    /// outlives this span counts up to its end.
    #[must_use]
    pub fn self_ns(&self) -> u64 {
        self.duration().saturating_sub(self.child_ns)
    }
}
