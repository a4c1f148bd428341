//! System calls by the fields that somebody asked for.

use std::sync::Arc;

use nulltrace_core::activity::Inside;
use nulltrace_core::facts::names::{Known, Names, Wanted};
use nulltrace_core::measure::deferred::{Deferred, Segment};
use nulltrace_core::measure::groups::Groups;

use super::counting::{Counting, Now};
use crate::measured::Measured;

/// Groups, and the segments that wait for names to be put into them.
pub(crate) struct Grouped {
    groups: Groups,
    wanted: Wanted,
    deferred: Deferred<Segment>,
}

impl Grouped {
    pub(super) fn new(groups: Groups) -> Self {
        Self {
            wanted: groups.query().names(),
            groups,
            deferred: Deferred::default(),
        }
    }
}

impl Counting for Grouped {
    fn inside(&mut self, inside: &Inside<'_>, names: &mut Names) {
        // Of what is outside spans only the beginning was looked at.
        if inside.spans.is_empty() {
            return;
        }
        match inside.process {
            Some(process) if self.wanted != Wanted::default() => {
                // What is not known is asked for, and then waited for.
                names.known(process);
                if names.awaits(process, self.wanted) {
                    self.deferred.push(Segment::from(inside));
                } else {
                    self.groups.push(inside, names.known(process));
                }
            }
            _ => self.groups.push(inside, Known::default()),
        }
    }

    fn settle(&mut self, now: u64, names: &mut Names) {
        let wanted = self.wanted;
        for segment in self.deferred.settle(now, |of| names.awaits(of, wanted)) {
            segment.with(|inside| {
                let known = inside.process.map(|process| names.known(process));
                self.groups.push(inside, known.unwrap_or_default());
            });
        }
    }

    fn answer(&mut self, _: &Now<'_>, _: &mut Names, into: &mut Measured) {
        into.groups = Some(Arc::new(self.groups.clone()));
    }
}
