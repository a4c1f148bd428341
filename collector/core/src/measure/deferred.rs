//! Segments that wait until a name is known by which they are grouped.
//!
//! A slow directory service must not hold up what else happens, nor make a row for those whose names were not
//! known yet: so what needs a name waits for it, here, within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::activity::{InSpan, Inside, Times};
use crate::facts::args::ArgList;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::record::CallsRecord;

/// How long a segment waits, nanoseconds.
const AGE: u64 = 5_000_000_000;
/// Bytes for all, roughly.
const BYTES: usize = 8 << 20;

/// The segments that wait, the oldest first.
#[derive(Debug, Default)]
pub struct Deferred {
    segments: VecDeque<Segment>,
    bytes: usize,
}

#[derive(Debug)]
struct Segment {
    /// The first time it was asked whether it may go.
    since: Option<u64>,
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
    repeated: bool,
}

impl Deferred {
    /// Takes one in.
    pub fn push(&mut self, inside: &Inside<'_>) {
        let span = |of: &InSpan<'_>| Span {
            seq: of.seq,
            path: Arc::clone(of.path),
            args: of.args.cloned(),
            repeated: of.repeated,
        };
        let segment = Segment {
            since: None,
            pid: inside.pid,
            tid: inside.tid,
            process: inside.process.cloned(),
            spans: inside.spans.iter().map(span).collect(),
            wide: inside.wide,
            times: *inside.times,
            calls: inside.calls.to_vec(),
            files: inside.files.to_vec(),
        };
        self.bytes += segment.bytes();
        self.segments.push_back(segment);
    }

    /// Gives those that need not wait any more at the time `now`: for whose process `awaits` does not hold, and the oldest where
    /// they wait for too long or are too many.
    pub fn settle(&mut self, now: u64, mut awaits: impl FnMut(&Process) -> bool) -> Vec<Released> {
        if self.segments.is_empty() {
            return Vec::new();
        }
        let mut bytes = self.bytes;
        let mut released = Vec::new();
        for mut segment in std::mem::take(&mut self.segments) {
            let since = *segment.since.get_or_insert(now);
            let waits = segment.process.as_ref().is_some_and(|of| awaits(of));
            if waits && bytes <= BYTES && now.saturating_sub(since) < AGE {
                self.segments.push_back(segment);
            } else {
                bytes -= segment.bytes();
                released.push(Released(segment));
            }
        }
        self.bytes = bytes;
        released
    }
}

/// A segment that need not wait any more.
#[derive(Debug)]
pub struct Released(Segment);

impl Released {
    /// What it was.
    pub fn with(&self, take: impl FnOnce(&Inside<'_>)) {
        let of = &self.0;
        let spans: Vec<_> = of.spans.iter().map(Span::face).collect();
        take(&Inside {
            pid: of.pid,
            tid: of.tid,
            process: of.process.as_ref(),
            spans: &spans,
            wide: of.wide,
            times: &of.times,
            calls: &of.calls,
            files: &of.files,
        });
    }
}

impl Segment {
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
    fn face(&self) -> InSpan<'_> {
        InSpan {
            seq: self.seq,
            path: &self.path,
            args: self.args.as_ref(),
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
            times: &Times::NONE,
            calls,
            files: &[],
        }
    }

    fn pids(released: &[Released]) -> Vec<u32> {
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
        deferred.push(&inside(&known, &[]));
        deferred.push(&inside(&unknown, &[]));
        assert_eq!(pids(&deferred.settle(1_000_000_001, awaits)), [7]);
        assert!(deferred.settle(AGE, awaits).is_empty());
        deferred.push(&inside(&unknown, &[]));
        // The one that came later has its time yet.
        let later = AGE + 1_000_000_001;
        assert_eq!(pids(&deferred.settle(later, awaits)), [7]);
        assert!(deferred.settle(later + AGE - 1, awaits).is_empty());
        assert_eq!(pids(&deferred.settle(later + AGE, awaits)), [7]);
        assert_eq!((deferred.segments.len(), deferred.bytes), (0, 0));
    }

    #[test]
    fn many_that_wait_are_bounded() {
        let unknown = Process::named(b"unknown");
        let mut deferred = Deferred::default();
        let calls = [zerocopy::FromZeros::new_zeroed(); 32];
        let mut released = 0;
        for _ in 0..5_000 {
            deferred.push(&inside(&unknown, &calls));
            released += deferred.settle(1, |_| true).len();
            assert!(deferred.bytes <= BYTES);
        }
        assert_eq!(released + deferred.segments.len(), 5_000);
        assert!(released > 0 && deferred.segments.len() > 1_000);
    }
}
