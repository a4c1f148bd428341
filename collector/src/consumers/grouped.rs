//! System calls by the fields that somebody asked for.

use nulltrace_core::activity::Inside;
use nulltrace_core::measure::groups::Groups;

use crate::enrich::Enrich;

/// Groups, and the names they need.
pub(crate) struct Grouped {
    pub(crate) groups: Groups,
    pub(crate) enrich: Enrich,
}

impl Grouped {
    pub(super) fn inside(&mut self, inside: &Inside<'_>) {
        // Of what is outside spans only the beginning was looked at.
        if !inside.spans.is_empty() {
            self.groups.push(inside, self.enrich.known(inside));
        }
    }
}
