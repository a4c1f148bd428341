//! What is counted for one query.

use nulltrace_core::activity::Inside;
use nulltrace_core::facts::names::Names;
use nulltrace_core::spans::consumer::Wants;
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::matcher::OpenSpan;
use nulltrace_core::spans::span::Closed;

use crate::clock::Moment;
use crate::measured::Measured;

/// What is counted for one query.
pub(crate) trait Counting {
    /// What it wants besides what each is given.
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    /// A span was opened.
    fn opened(&mut self, span: &OpenSpan<'_>, names: &mut Names) {
        let _ = (span, names);
    }

    /// A span ended.
    fn closed(&mut self, span: &Closed, names: &mut Names) {
        let _ = (span, names);
    }

    /// A thread did something.
    fn inside(&mut self, inside: &Inside<'_>, names: &mut Names);

    /// Counts what need not wait any more at the time `now`; all of it where that is `u64::MAX`.
    fn settle(&mut self, now: u64, names: &mut Names);

    /// Puts what was counted so far into an answer. It is a snapshot, and cheap.
    fn answer(&mut self, now: &Now<'_>, names: &mut Names, into: &mut Measured);
}

/// The moment of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Now<'a> {
    pub(crate) moment: Moment,
    /// It has the spans that are open.
    pub(crate) correlator: &'a Correlator,
    /// The run has ended, so there is time to look at all of them.
    pub(crate) ended: bool,
}
