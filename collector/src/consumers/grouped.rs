//! System calls by the fields that somebody asked for.

use nulltrace_core::activity::Inside;
use nulltrace_core::facts::names::{Known, Names, Wanted};
use nulltrace_core::measure::deferred::Deferred;
use nulltrace_core::measure::groups::Groups;

/// Groups, and the segments that wait for names to be put into them.
pub(crate) struct Grouped {
    groups: Groups,
    wanted: Wanted,
    deferred: Deferred,
}

impl Grouped {
    pub(crate) fn new(groups: Groups) -> Self {
        Self {
            wanted: groups.query().names(),
            groups,
            deferred: Deferred::default(),
        }
    }

    pub(super) fn inside(&mut self, inside: &Inside<'_>, names: &mut Names) {
        // Of what is outside spans only the beginning was looked at.
        if inside.spans.is_empty() {
            return;
        }
        match inside.process {
            Some(process) if self.wanted != Wanted::default() => {
                // What is not known is asked for, and then waited for.
                names.known(process);
                if names.awaits(process, self.wanted) {
                    self.deferred.push(inside);
                } else {
                    self.groups.push(inside, names.known(process));
                }
            }
            _ => self.groups.push(inside, Known::default()),
        }
    }

    /// Groups what need not wait any more at the time `now`.
    pub(super) fn settle(&mut self, now: u64, names: &mut Names) {
        let wanted = self.wanted;
        for segment in self.deferred.settle(now, |of| names.awaits(of, wanted)) {
            segment.with(|inside| {
                let known = inside.process.map(|process| names.known(process));
                self.groups.push(inside, known.unwrap_or_default());
            });
        }
    }

    /// All of them, whatever is not known.
    pub(crate) fn finish(mut self, names: &mut Names) -> Groups {
        self.settle(u64::MAX, names);
        self.groups
    }
}
