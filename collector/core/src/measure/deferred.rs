//! What waits until a name is known by which it is chosen or grouped: segments, and spans that ended.
//!
//! A slow directory service must not hold up what else happens, nor make a row for those whose names were not
//! known yet: so what needs a name waits for it, here, within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use nulltrace_spec::Id;

use crate::activity::{InSpan, Inside, Times, When};
use crate::facts::args::ArgList;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::record::CallsRecord;
use crate::spans::span::Closed;

/// How long each waits, nanoseconds.
const AGE: u64 = 5_000_000_000;
/// Bytes for all, roughly.
const BYTES: usize = 8 << 20;

/// What may wait.
pub trait Waiting {
    /// The process whose names it waits for.
    fn process(&self) -> Option<&Process>;

    /// Bytes that it takes, roughly.
    fn bytes(&self) -> usize;
}

/// Those that wait, the oldest first.
#[derive(Debug)]
pub struct Deferred<T> {
    /// Each with the first time it was asked whether it may go.
    queue: VecDeque<(Option<u64>, T)>,
    bytes: usize,
}

impl<T> Default for Deferred<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T: Waiting> Deferred<T> {
    /// Takes one in.
    pub fn push(&mut self, of: T) {
        self.bytes += of.bytes();
        self.queue.push_back((None, of));
    }

    /// Gives those that need not wait any more at the time `now`: for whose process `awaits` does not hold, and the
    /// oldest where they wait for too long or are too many.
    pub fn settle(&mut self, now: u64, mut awaits: impl FnMut(&Process) -> bool) -> Vec<T> {
        if self.queue.is_empty() {
            return Vec::new();
        }
        let mut bytes = self.bytes;
        let mut released = Vec::new();
        for (since, of) in std::mem::take(&mut self.queue) {
            let since = since.unwrap_or(now);
            let waits = of.process().is_some_and(&mut awaits);
            if waits && bytes <= BYTES && now.saturating_sub(since) < AGE {
                self.queue.push_back((Some(since), of));
            } else {
                bytes -= of.bytes();
                released.push(of);
            }
        }
        self.bytes = bytes;
        released
    }
}

impl Waiting for Closed {
    fn process(&self) -> Option<&Process> {
        self.process.as_deref()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.enter_args.bytes() + self.exit_args.bytes()
    }
}

/// A segment that waits.
#[derive(Debug)]
pub struct Segment {
    pid: u32,
    tid: u32,
    process: Option<Arc<Process>>,
    spans: Vec<Span>,
    wide: bool,
    times: Times,
    calls: Vec<CallsRecord>,
    files: Vec<Option<Arc<File>>>,
}

#[derive(Debug)]
struct Span {
    seq: Option<u64>,
    path: Arc<TagPath>,
    args: Option<ArgList>,
    id: Option<Id>,
    repeated: bool,
}

impl From<&Inside<'_>> for Segment {
    fn from(inside: &Inside<'_>) -> Self {
        let span = |of: &InSpan<'_>| Span {
            seq: of.seq,
            path: Arc::clone(of.path),
            args: of.args.cloned(),
            id: of.id,
            repeated: of.repeated,
        };
        Self {
            pid: inside.pid,
            tid: inside.tid,
            process: inside.process.cloned(),
            spans: inside.spans.iter().map(span).collect(),
            wide: inside.wide,
            times: *inside.times,
            calls: inside.calls.to_vec(),
            files: inside.files.to_vec(),
        }
    }
}

impl Segment {
    /// What it was.
    pub fn with(&self, take: impl FnOnce(&Inside<'_>)) {
        let spans: Vec<_> = self.spans.iter().map(Span::as_in_span).collect();
        take(&Inside {
            pid: self.pid,
            tid: self.tid,
            process: self.process.as_ref(),
            spans: &spans,
            wide: self.wide,
            when: When::default(),
            times: &self.times,
            calls: &self.calls,
            files: &self.files,
        });
    }
}

impl Waiting for Segment {
    fn process(&self) -> Option<&Process> {
        self.process.as_deref()
    }

    fn bytes(&self) -> usize {
        let args = self.spans.iter().filter_map(|of| of.args.as_ref());
        size_of::<Self>()
            + size_of_val(&*self.calls)
            + size_of_val(&*self.files)
            + size_of_val(&*self.spans)
            + args.map(ArgList::bytes).sum::<usize>()
    }
}

impl Span {
    fn as_in_span(&self) -> InSpan<'_> {
        InSpan {
            seq: self.seq,
            path: &self.path,
            args: self.args.as_ref(),
            id: self.id,
            repeated: self.repeated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside<'a>(process: &'a Arc<Process>, calls: &'a [CallsRecord]) -> Inside<'a> {
        Inside {
            pid: 7,
            tid: 7,
            process: Some(process),
            spans: &[],
            wide: false,
            when: When::default(),
            times: &Times::NONE,
            calls,
            files: &[],
        }
    }

    fn pids(released: &[Segment]) -> Vec<u32> {
        let mut all = Vec::new();
        for of in released {
            of.with(|inside| all.push(inside.pid));
        }
        all
    }

    #[test]
    fn each_waits_for_its_name_and_no_longer_than_its_time() {
        let (known, unknown) = (Process::named(b"known"), Process::named(b"unknown"));
        let awaits = |of: &Process| *of.comm == *b"unknown";
        let mut deferred = Deferred::default();
        deferred.push(Segment::from(&inside(&known, &[])));
        deferred.push(Segment::from(&inside(&unknown, &[])));
        assert_eq!(pids(&deferred.settle(1_000_000_001, awaits)), [7]);
        assert!(deferred.settle(AGE, awaits).is_empty());
        deferred.push(Segment::from(&inside(&unknown, &[])));
        // The one that came later has its time yet.
        let later = AGE + 1_000_000_001;
        assert_eq!(pids(&deferred.settle(later, awaits)), [7]);
        assert!(deferred.settle(later + AGE - 1, awaits).is_empty());
        assert_eq!(pids(&deferred.settle(later + AGE, awaits)), [7]);
        assert_eq!((deferred.queue.len(), deferred.bytes), (0, 0));
    }

    #[test]
    fn many_that_wait_are_bounded() {
        let unknown = Process::named(b"unknown");
        let mut deferred = Deferred::default();
        let calls = [zerocopy::FromZeros::new_zeroed(); 32];
        let mut released = 0;
        for _ in 0..5_000 {
            deferred.push(Segment::from(&inside(&unknown, &calls)));
            released += deferred.settle(1, |_| true).len();
            assert!(deferred.bytes <= BYTES);
        }
        assert_eq!(released + deferred.queue.len(), 5_000);
        assert!(released > 0 && deferred.queue.len() > 1_000);
    }
}
