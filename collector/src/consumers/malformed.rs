//! Lines for the log: what looked like a marker and was none.

use std::collections::VecDeque;

use nulltrace_core::spans::consumer::Malformed;

use crate::text;

/// Bytes of a malformed marker that are shown.
const SHOWN: usize = 120;
/// Lines that are kept.
const KEPT: usize = 64;

/// A sample of the malformed markers: so many a second, and bounded if nobody takes them.
pub(crate) struct MalformedLog {
    per_second: u32,
    second: u64,
    shown: u32,
    lines: VecDeque<String>,
}

impl MalformedLog {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            second: 0,
            shown: 0,
            lines: VecDeque::new(),
        }
    }

    pub(super) fn note(&mut self, bad: &Malformed<'_>) {
        let second = bad.ts / 1_000_000_000;
        if second != self.second {
            (self.second, self.shown) = (second, 0);
        }
        if self.shown >= self.per_second || self.lines.len() >= KEPT {
            return;
        }
        self.shown += 1;
        let (code, at) = (bad.error.code, bad.error.offset);
        let comm = bad.process.map_or(&[][..], |process| &process.comm);
        self.lines.push_back(
            format!(
                "malformed marker from {}[{}]: {}",
                text::safe(comm),
                bad.pid,
                text::safe_within(bad.bytes, SHOWN),
            ) + &format!(": {} at byte {at}; {}", code.name(), code.text()),
        );
    }

    /// The lines since the last time, made safe for a terminal.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = String> {
        std::mem::take(&mut self.lines).into_iter()
    }
}
