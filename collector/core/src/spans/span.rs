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
    /// Whether its arguments say that it failed: `error` has a value other than nothing, `0`, `false`, `no`, `null` and
    /// `none`, in any case, or `status` is `error`. What the exit marker says goes before what the enter marker said.
    #[must_use]
    #[inline]
    pub fn failed(&self) -> bool {
        !(self.enter_args.is_empty() && self.exit_args.is_empty()) && self.args_say_failed()
    }

    #[inline]
    fn args_say_failed(&self) -> bool {
        let (mut error, mut status) = (None, None);
        for args in [&self.enter_args, &self.exit_args] {
            for (name, value) in args.iter() {
                match name {
                    b"error" => error = Some(value),
                    b"status" => status = Some(value),
                    _ => {}
                }
            }
        }
        let is = |value: &[u8], words: &[&str]| {
            let mut words = words.iter();
            words.any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
        };
        let no = ["", "0", "false", "no", "null", "none"];
        error.is_some_and(|value| !is(value, &no))
            || status.is_some_and(|value| is(value, &["error"]))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(enter: &[(&str, &str)], exit: &[(&str, &str)]) -> bool {
        let args = |of: &[(&str, &str)]| of.iter().copied().collect::<ArgList>();
        let span = Closed {
            seq: 1,
            parent: None,
            parent_tags: None,
            tags: Arc::new(TagPath::new(b"a", ["a"])),
            id: Id::None,
            enter_args: args(enter),
            exit_args: args(exit),
            pid: 1,
            tid: 1,
            process: None,
            start: 0,
            end: 1,
            how: End::Exit,
            child_ns: 0,
            child_hits: 0,
            times: None,
        };
        span.failed()
    }

    #[test]
    fn a_span_failed_if_its_arguments_say_so() {
        for value in ["ValueError", "1", "true", "timeout", "00"] {
            assert!(failed(&[], &[("error", value)]), "{value}");
            assert!(failed(&[("error", value)], &[]), "{value}");
        }
        for value in ["", "0", "false", "No", "NULL", "none"] {
            assert!(!failed(&[], &[("error", value)]), "{value}");
        }
        assert!(failed(&[], &[("status", "Error")]));
        assert!(!failed(&[], &[("status", "500")]));
        assert!(!failed(&[("n", "error")], &[("errors", "1")]));
        // What is known at the end is what counts.
        assert!(!failed(&[("error", "1")], &[("error", "0")]));
        assert!(failed(&[("error", "0")], &[("status", "error")]));
    }
}
