//! What the kernel did inside spans: time on and off the cpu, and system calls.
//!
//! The kernel adds up what a thread does between two of its markers, a *segment*. The spans that are
//! open do not change within one, so a segment belongs to each of them, and to the innermost as its
//! own. A span's own thread is the one that opened it; by choice ([`Reach`]) it has what others did too.
//!
//! ```
//! use nulltrace_core::activity::Times;
//!
//! let read = Times { wall: 100, kernel: 30, runnable: 10, blocked: 40, ..Times::default() };
//! assert_eq!((read.on_cpu(), read.user()), (50, 20));
//! let mut sum = Times::default();
//! sum.add(&read);
//! sum.add(&read);
//! assert_eq!(sum.on_cpu() + sum.runnable + sum.blocked, sum.wall);
//! ```

mod both;
mod calls;
mod files;
mod room;
mod stats;

use std::sync::Arc;

use crate::file::File;
use crate::process::Process;
use crate::record::{CallsRecord, SegmentRecord};
use crate::span::TagPath;

pub use both::Both;
pub use calls::{Calls, OnFile};
pub use files::OtherFiles;
pub use room::Room;
pub use stats::{CallStats, ERROR_NAMES};

/// How many of the open spans that it lies in, from the innermost, a segment is added to. Segments that
/// lay in more are counted as `lost.depth`.
pub const DEPTH_MAX: usize = 256;

/// Whose doings belong to a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those of the thread that opened it.
    #[default]
    Thread,
    /// Those of all threads of the process that opened it.
    Process,
    /// Those of that process, its parent, its children, and all with the same parent: a script's shell and
    /// its commands, whichever of them wrote the markers.
    Script,
    /// Everybody's.
    Machine,
}

/// Where the time of a thread went. Times are nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// All of it: on the cpu, runnable and blocked.
    pub wall: u64,
    /// On the cpu in system calls.
    pub kernel: u64,
    /// Waiting for a cpu: woken or preempted, and not yet running.
    pub runnable: u64,
    /// Asleep.
    pub blocked: u64,
    /// Of which outside system calls, mostly in page faults.
    pub fault: u64,
    /// Context switches to sleep.
    pub voluntary: u64,
    /// Context switches by preemption.
    pub involuntary: u64,
    /// Page faults that needed no I/O.
    pub minor: u64,
    /// Page faults that did.
    pub major: u64,
}

impl Times {
    /// No time.
    pub const NONE: Self = Self {
        wall: 0,
        kernel: 0,
        runnable: 0,
        blocked: 0,
        fault: 0,
        voluntary: 0,
        involuntary: 0,
        minor: 0,
        major: 0,
    };

    /// On the cpu.
    #[must_use]
    pub const fn on_cpu(&self) -> u64 {
        self.wall
            .saturating_sub(self.runnable)
            .saturating_sub(self.blocked)
    }

    /// On the cpu outside system calls. What interrupts and page faults took is in it.
    #[must_use]
    pub const fn user(&self) -> u64 {
        self.on_cpu().saturating_sub(self.kernel)
    }

    /// Adds all that `other` counted.
    pub fn add(&mut self, other: &Self) {
        let Self {
            wall,
            kernel,
            runnable,
            blocked,
            fault,
            voluntary,
            involuntary,
            minor,
            major,
        } = *other;
        for (own, others) in [
            (&mut self.wall, wall),
            (&mut self.kernel, kernel),
            (&mut self.runnable, runnable),
            (&mut self.blocked, blocked),
            (&mut self.fault, fault),
            (&mut self.voluntary, voluntary),
            (&mut self.involuntary, involuntary),
            (&mut self.minor, minor),
            (&mut self.major, major),
        ] {
            *own = own.saturating_add(others);
        }
    }
}

impl From<&SegmentRecord> for Times {
    fn from(of: &SegmentRecord) -> Self {
        Self {
            wall: of.head.ts.saturating_sub(of.since),
            kernel: of.kernel,
            runnable: of.runnable,
            blocked: of.blocked,
            fault: of.fault,
            voluntary: of.voluntary.into(),
            involuntary: of.involuntary.into(),
            minor: of.minor.into(),
            major: of.major.into(),
        }
    }
}

impl core::str::FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "thread" => Ok(Self::Thread),
            "process" => Ok(Self::Process),
            "script" => Ok(Self::Script),
            "machine" => Ok(Self::Machine),
            _ => Err(format!(
                "a span has not what {text:?} does: write thread, process, script or machine"
            )),
        }
    }
}

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
    /// A span has what others than its thread did too: no [`Closed`](crate::span::Closed) tells its times,
    /// which are those of its path.
    pub wide: bool,
    /// Where the time went.
    pub times: &'a Times,
    /// The system calls, by number and file.
    pub calls: &'a [CallsRecord],
    /// The file of each of `calls`; `None` where it has none.
    pub files: &'a [Option<Arc<File>>],
}

/// The time of one span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanTimes {
    /// While it was the innermost of its thread.
    pub own: Times,
    /// While it was open.
    pub all: Times,
    /// Nanoseconds in which its thread did something else: the work of other spans that were open there, or of
    /// none.
    pub interleaved: u64,
}

impl SpanTimes {
    /// No time.
    pub const NONE: Self = Self {
        own: Times::NONE,
        all: Times::NONE,
        interleaved: 0,
    };

    /// Adds all that `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.own.add(&other.own);
        self.all.add(&other.all);
        self.interleaved = self.interleaved.saturating_add(other.interleaved);
    }
}
