//! The slowest single spans.

use std::sync::Arc;

use nulltrace_core::activity::Inside;
use nulltrace_core::facts::names::Names;
use nulltrace_core::measure::slowest::Slowest;
use nulltrace_core::spans::consumer::{Consumer, Wants};
use nulltrace_core::spans::matcher::OpenSpan;
use nulltrace_core::spans::span::Closed;

use super::counting::{Counting, Now};
use crate::measured::Measured;

impl Counting for Slowest {
    fn wants(&self) -> Wants {
        Wants::OPENED
    }

    fn opened(&mut self, span: &OpenSpan<'_>, _: &mut Names) {
        Consumer::opened(self, span);
    }

    fn closed(&mut self, span: &Closed, _: &mut Names) {
        Consumer::closed(self, span);
    }

    fn inside(&mut self, inside: &Inside<'_>, _: &mut Names) {
        Consumer::inside(self, inside);
    }

    fn settle(&mut self, _: u64, _: &mut Names) {}

    fn answer(&mut self, now: &Now<'_>, _: &mut Names, into: &mut Measured) {
        let open = now.correlator.open_by_age();
        let spans = self.spans(open, now.moment.monotonic, now.moment.anchor());
        into.slowest = Some(Arc::new(spans));
    }
}
