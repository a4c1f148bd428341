//! Threads that have no span open, for the source: it need not look at what they call.

use std::collections::HashMap;

use nulltrace_core::input::record::IDLE_SLOTS;

/// They, and when each wrote last.
#[derive(Default)]
pub(crate) struct Idle(HashMap<u32, u64>);

impl Idle {
    pub(super) fn note(&mut self, tid: u32, ts: u64) {
        // A thread that is left out only costs more.
        if self.0.len() < IDLE_SLOTS {
            self.0.insert(tid, ts);
        }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (u32, u64)> {
        self.0.drain()
    }
}
