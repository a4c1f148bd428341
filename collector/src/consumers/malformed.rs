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

#[cfg(test)]
mod tests {
    use nulltrace_core::facts::process::Process;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Refused markers of any bytes, also of huge numbers and of empty tags, by processes of any name.
        #[test]
        fn a_line_is_harmless(
            begin in prop::sample::select(vec![">:", ">:99999999999999999999999:a..", "[\">\",\"t\",[\"\",\""]),
            rest in vec(any::<u8>(), 0..80), comm in vec(any::<u8>(), 0..16),
        ) {
            let bytes = [begin.as_bytes(), &rest].concat();
            let mut log = MalformedLog::new(5);
            let process = Process::named(&comm);
            let refused = nulltrace_spec::parse(&bytes).err();
            if let Some(error) = refused {
                let process = Some(&process);
                log.note(&Malformed { ts: 1, pid: 7, tid: 7, process, bytes: &bytes, error });
            }
            let lines: Vec<_> = log.take().collect();
            prop_assert_eq!(lines.len(), usize::from(refused.is_some()));
            for line in lines {
                prop_assert!(!line.chars().any(text::is_hostile), "{}", line);
                // The text of the marker is cut, so that no line fills the log.
                prop_assert!(line.len() < 1_500);
            }
        }
    }
}
