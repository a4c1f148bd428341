//! The spans for which a filter holds.

use std::sync::Arc;

use nulltrace_core::activity::Inside;
use nulltrace_core::facts::names::{Known, Names, Wanted};
use nulltrace_core::measure::deferred::Deferred;
use nulltrace_core::measure::selected::Selected;
use nulltrace_core::spans::consumer::Wants;
use nulltrace_core::spans::matcher::OpenSpan;
use nulltrace_core::spans::span::Closed;

use super::counting::{Counting, Now};
use crate::measured::Measured;

/// Of more open spans than these none is looked at while the run goes on.
const OPEN: u64 = 10_000;

/// Those that were chosen, and spans that ended and wait for names by which they are.
pub(crate) struct Choosing {
    selected: Selected,
    wanted: Wanted,
    single: bool,
    deferred: Deferred<Closed>,
}

impl Choosing {
    pub(super) fn new(selected: Selected, single: bool) -> Self {
        Self {
            wanted: selected.query().names(),
            selected,
            single,
            deferred: Deferred::default(),
        }
    }
}

impl Counting for Choosing {
    fn wants(&self) -> Wants {
        match self.single {
            true => Wants::OPENED,
            false => Wants::NOTHING,
        }
    }

    fn opened(&mut self, span: &OpenSpan<'_>, _: &mut Names) {
        self.selected.opened(span);
    }

    fn closed(&mut self, span: &Closed, names: &mut Names) {
        match &span.process {
            Some(process) if self.wanted != Wanted::default() => {
                // What is not known is asked for, and then waited for.
                names.known(process);
                if names.awaits(process, self.wanted) {
                    self.deferred.push(span.clone());
                } else {
                    self.selected.closed(span, names.known(process));
                }
            }
            _ => self.selected.closed(span, Known::default()),
        }
    }

    fn inside(&mut self, inside: &Inside<'_>, _: &mut Names) {
        self.selected.inside(inside);
    }

    fn settle(&mut self, now: u64, names: &mut Names) {
        let wanted = self.wanted;
        for span in self.deferred.settle(now, |of| names.awaits(of, wanted)) {
            let known = span.process.as_ref().map(|process| names.known(process));
            self.selected.closed(&span, known.unwrap_or_default());
        }
    }

    fn answer(&mut self, now: &Now<'_>, names: &mut Names, into: &mut Measured) {
        let mut taking = self.selected.snapshot(now.moment.monotonic);
        let open = now.correlator.open();
        if now.ended || open <= OPEN {
            for span in now.correlator.open_by_age() {
                let known = span.process.map(|process| names.known(process));
                taking.open(span, known.unwrap_or_default());
            }
        } else {
            let note = format!("the {open} open spans are left out until they end");
            into.notes.push(note);
        }
        into.selected = Some(Arc::new(taking.done(now.moment.anchor())));
    }
}
