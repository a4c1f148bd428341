//! What calls read and wrote, kept of some calls only.

use super::names::{known, wanted};
use crate::activity::Inside;
use crate::facts::names::{Names, Wanted};
use crate::input::event::{Event, What};
use crate::input::full::{TextKind, Texts};
use crate::input::made::Made;
use crate::query::field::{At, Seen};
use crate::query::filter::{Filter, Verdict};
use crate::spans::consumer::{Consumer, Wants};
use crate::spans::matcher::OpenSpan;
use crate::spans::single::{Act, Single};
use crate::spans::span::Closed;

/// Passes on everything, but of system calls for which a filter does not hold not what they read and wrote. It must hold
/// when the call returns: what is known of a span at its end only is not known then.
pub struct DataOf<C: Consumer> {
    filter: Filter,
    wanted: Wanted,
    names: Names,
    /// Whether it holds for the call whose record comes next.
    holds: bool,
    made: Made,
    to: C,
}

impl<C: Consumer> DataOf<C> {
    /// Passes on to `to`.
    #[must_use]
    pub fn new(filter: Filter, to: C) -> Self {
        let wanted = wanted(&filter);
        let mut names = Names::default();
        names.want(wanted);
        Self {
            filter,
            wanted,
            names,
            holds: false,
            made: Made::default(),
            to,
        }
    }
}

impl<C: Consumer> Consumer for DataOf<C> {
    fn wants(&self) -> Wants {
        self.to.wants() | Wants::RECORD | Wants::EVENT
    }

    fn event(&mut self, event: &Single<'_>) {
        if matches!(event.act, Act::Syscall { .. }) {
            let process = event.process.map(|of| &**of);
            let known = known(&mut self.names, self.wanted, process);
            let seen = Seen::alone(event.ts);
            let at = At::event(event, &seen, known);
            self.holds = self.filter.check(&at) == Verdict::Yes;
        }
        if self.to.wants().any_of(Wants::EVENT) {
            self.to.event(event);
        }
    }

    fn record(&mut self, record: &[u8]) {
        let event = Event::decode(record);
        if let Ok(event) = &event
            && event.what.is_fact()
        {
            self.names.learn(event);
        }
        let Ok(Event {
            what: What::Syscall { call, texts, .. },
            ..
        }) = event
        else {
            return self.to.record(record);
        };
        if std::mem::take(&mut self.holds) {
            return self.to.record(record);
        }
        let texts: Vec<_> = Texts::of(texts).collect();
        match texts.iter().any(|text| text.kind == Some(TextKind::Data)) {
            false => self.to.record(record),
            true => {
                let others = texts.into_iter();
                let others: Vec<_> = others
                    .filter(|text| text.kind != Some(TextKind::Data))
                    .collect();
                self.to.record(self.made.syscall(*call, &others));
            }
        }
    }

    fn opened(&mut self, span: &OpenSpan<'_>) {
        self.to.opened(span);
    }

    fn closed(&mut self, span: &Closed) {
        self.to.closed(span);
    }

    fn inside(&mut self, inside: &Inside<'_>) {
        self.to.inside(inside);
    }

    fn tick(&mut self, now: u64) {
        self.to.tick(now);
    }
}

impl<C: Consumer> std::fmt::Debug for DataOf<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataOf").finish_non_exhaustive()
    }
}
