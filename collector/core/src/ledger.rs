//! What came in, what came out, and what was lost, by cause.

use core::fmt;

use nulltrace_spec::Code;

use crate::count::Count;

/// The whole account of a run. `in = out + lost by cause` holds in every room, as far as the losses are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Markers.
    pub markers: Markers,
    /// Spans.
    pub spans: Spans,
    /// What was lost, by cause.
    pub lost: Lost,
}

/// A sum of the [`Ledger`] that is not what it must be: a fault of nulltrace itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// The sum as the ledger's documentation states it.
    pub rule: &'static str,
    /// What came in.
    pub left: u64,
    /// What is accounted for.
    pub right: u64,
}

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, left, right } = self;
        write!(
            f,
            "the ledger does not balance: {rule}, but {left} is not {right}"
        )
    }
}

impl core::error::Error for Unbalanced {}

impl Ledger {
    /// Proves the account: every marker and every span is where it should be.
    ///
    /// # Errors
    /// The first sum that does not hold.
    pub fn check(&self) -> Result<(), Unbalanced> {
        let (markers, spans) = (&self.markers, &self.spans);
        for (rule, left, right) in [
            (
                "markers seen = enter + exit + malformed",
                markers.seen,
                markers.enter + markers.exit + markers.refused(),
            ),
            ("enter markers = spans opened", markers.enter, spans.opened),
            (
                "exit markers = spans closed by exit + lost ones closed by exit + unmatched",
                markers.exit,
                spans.exit + spans.lost_exit + markers.unmatched_exit,
            ),
            (
                "spans opened, before too = closed by exit + inferred + open",
                spans.opened + spans.before,
                spans.exit + spans.inferred() + spans.open,
            ),
        ] {
            if left != right {
                return Err(Unbalanced { rule, left, right });
            }
        }
        Ok(())
    }
}

/// Account of markers. `seen = enter + exit + malformed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markers {
    /// Markers that reached userspace, fragments joined.
    pub seen: u64,
    /// Well-formed enter markers.
    pub enter: u64,
    /// Well-formed exit markers.
    pub exit: u64,
    /// Refused, by [`Code`] in the order of [`Code::ALL`]; empty while there are none.
    pub malformed: Vec<u64>,
    /// Well-formed markers whose args were cut.
    pub cut: u64,
    /// Exit markers no open span matched.
    pub unmatched_exit: u64,
    /// Of which those that came after their span had expired, as far as that is remembered.
    pub unmatched_after_expiry: u64,
    /// Continuations that continued nothing: not markers, not lost.
    pub not_markers: u64,
    /// Records that came with an earlier time than one already handled.
    pub late: u64,
}

impl Markers {
    /// Counts a refused marker.
    pub fn refuse(&mut self, code: Code) {
        if self.malformed.is_empty() {
            self.malformed = vec![0; Code::ALL.len()];
        }
        self.malformed[code as usize] += 1;
    }

    /// How many were refused, whatever for.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.malformed.iter().sum()
    }

    /// How many were refused for each reason, by its name; of the reasons there were.
    pub fn refused_by_code(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = Code::ALL.iter().map(|code| code.name());
        let counts = names.zip(self.malformed.iter().copied());
        counts.filter(|&(_, n)| n > 0)
    }
}

/// Account of spans. `opened + before = closed by exit + inferred + open`, `markers.enter = opened`,
/// `markers.exit = exit + lost_exit + unmatched_exit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Opened by an enter marker.
    pub opened: u64,
    /// Opened before the first event, as a snapshot says.
    pub before: u64,
    /// Closed by their exit marker.
    pub exit: u64,
    /// Ended with their thread.
    pub thread_exit: u64,
    /// Ended with their process.
    pub process_exit: u64,
    /// Ended by the time limit.
    pub expired: u64,
    /// Ended to make room.
    pub evicted: u64,
    /// Ended, nobody knows when: markers of their threads were lost.
    pub lost: u64,
    /// Of which by an exit marker.
    pub lost_exit: u64,
    /// Open now.
    pub open: u64,
    /// Opened without a parent, though their markers name one: it was not open.
    pub parent_gone: u64,
}

impl Spans {
    /// Ended without an exit marker.
    #[must_use]
    pub fn inferred(&self) -> u64 {
        self.thread_exit + self.process_exit + self.expired + self.evicted + self.lost
    }
}

/// What was lost, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Records the kernel could not put into the ring.
    pub ring_full: Count,
    /// Of which markers.
    pub ring_full_markers: Count,
    /// Marker writes whose buffer was not mapped in.
    pub fault: Count,
    /// Records lost for want of kernel memory for a thread's state.
    pub storage: Count,
    /// Processes not followed: the scope map was full, or the ptrace source cannot see into them.
    pub scope: Count,
    /// System calls inside spans for which a segment had no room: only their time is known.
    pub slots: u64,
    /// Segments: what a thread did between two markers, lost in the kernel; and how often what one came to
    /// before its end was not taken in, for want of memory.
    pub segment: Count,
    /// Names of files: they are reported again at the next use, so a lost one may have come later.
    pub name: Count,
    /// Records of single system calls, switches, wake-ups, requests and interrupts, lost in the kernel.
    pub call: Count,
    /// Segments in more open spans than they are added to: the outermost have nothing of them.
    pub depth: u64,
    /// Segments that began before what is remembered of what was open when, where spans have what others than
    /// their thread did: that part of them is in no span.
    pub history: u64,
    /// Bytes from a source that are no record.
    pub bad_record: u64,
    /// Records of kinds that this build does not know: a later version wrote them.
    pub unknown_kind: u64,
    /// Spans a sink could not deliver.
    pub sink: u64,
    /// Names of users, ancestors and cgroups that were not looked up, as too many were wanted at once: they
    /// stay unknown.
    pub lookup: u64,
    /// Bytes behind the first 4096 of a write that began with a marker, or went on with one: what they held was
    /// not seen.
    pub long_write_bytes: u64,
    /// Markers that were not written to their end yet and were given up, as too many were.
    pub fragments: u64,
}

impl Lost {
    /// How many causes there are.
    pub const CAUSES: usize = 17;

    /// Every count with the name of its cause as the JSON summary has it.
    #[must_use]
    pub const fn causes(&self) -> [(&'static str, Count); Self::CAUSES] {
        // Taken apart so that a cause added above cannot be forgotten here.
        let Self {
            ring_full,
            ring_full_markers,
            fault,
            storage,
            scope,
            slots,
            segment,
            name,
            call,
            depth,
            history,
            bad_record,
            unknown_kind,
            sink,
            lookup,
            long_write_bytes,
            fragments,
        } = *self;
        [
            ("ring_full", ring_full),
            ("ring_full_markers", ring_full_markers),
            ("fault", fault),
            ("storage", storage),
            ("slots", Count::Known(slots)),
            ("segment", segment),
            ("name", name),
            ("call", call),
            ("depth", Count::Known(depth)),
            ("history", Count::Known(history)),
            ("sink", Count::Known(sink)),
            ("scope", scope),
            ("bad_record", Count::Known(bad_record)),
            ("unknown_kind", Count::Known(unknown_kind)),
            ("lookup", Count::Known(lookup)),
            ("long_write_bytes", Count::Known(long_write_bytes)),
            ("fragments", Count::Known(fragments)),
        ]
    }

    /// What was lost since this was `before`. What was not known then is not known.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut since = self.clone();
        let causes = self.causes().into_iter().zip(before.causes());
        for ((cause, all), (_, before)) in causes {
            let count = all
                .known()
                .zip(before.known())
                .map(|(all, before)| all.saturating_sub(before));
            since.set(cause.as_bytes(), count.into());
        }
        since
    }

    /// Takes in how much was lost for a cause that [`causes`](Self::causes) names. One that is not known, as a
    /// later version may have, is left out.
    pub fn set(&mut self, cause: &[u8], count: Count) {
        match cause {
            b"ring_full" => self.ring_full = count,
            b"ring_full_markers" => self.ring_full_markers = count,
            b"fault" => self.fault = count,
            b"storage" => self.storage = count,
            b"segment" => self.segment = count,
            b"name" => self.name = count,
            b"call" => self.call = count,
            b"scope" => self.scope = count,
            b"slots" => self.slots = count.known().unwrap_or(self.slots),
            b"depth" => self.depth = count.known().unwrap_or(self.depth),
            b"history" => self.history = count.known().unwrap_or(self.history),
            b"sink" => self.sink = count.known().unwrap_or(self.sink),
            b"bad_record" => self.bad_record = count.known().unwrap_or(self.bad_record),
            b"unknown_kind" => self.unknown_kind = count.known().unwrap_or(self.unknown_kind),
            b"lookup" => self.lookup = count.known().unwrap_or(self.lookup),
            b"fragments" => self.fragments = count.known().unwrap_or(self.fragments),
            b"long_write_bytes" => {
                self.long_write_bytes = count.known().unwrap_or(self.long_write_bytes);
            }
            _ => {}
        }
    }

    /// The causes of which it is not known how much they lost.
    ///
    /// ```
    /// use nulltrace_core::count::Count;
    /// use nulltrace_core::ledger::Lost;
    ///
    /// let lost = Lost { fault: Count::Unknown, sink: 1, ..Lost::default() };
    /// assert_eq!(lost.unknown().collect::<Vec<_>>(), ["fault"]);
    /// assert!(lost.any());
    /// ```
    pub fn unknown(&self) -> impl Iterator<Item = &'static str> + use<> {
        let causes = self.causes().into_iter();
        causes.filter_map(|(name, n)| (n == Count::Unknown).then_some(name))
    }

    /// How much is known to be lost in all; markers are among the records of the ring.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let causes = self.causes().into_iter();
        let each = causes.filter(|(name, _)| *name != "ring_full_markers");
        each.filter_map(|(_, n)| n.known())
            .fold(0, u64::saturating_add)
    }

    /// Whether anything is known to be lost.
    ///
    /// ```
    /// use nulltrace_core::ledger::Lost;
    ///
    /// assert!(!Lost::default().any());
    /// assert!(Lost { sink: 1, ..Lost::default() }.any());
    /// ```
    #[must_use]
    pub fn any(&self) -> bool {
        let causes = self.causes().into_iter();
        causes.filter_map(|(_, n)| n.known()).any(|n| n > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_since() {
        let lost = |ring: u64, fault| Lost {
            ring_full: ring.into(),
            fault,
            slots: ring,
            ..Lost::default()
        };
        let since = lost(7, Count::Unknown).since(&lost(3, Count::Known(0)));
        assert_eq!(since, lost(4, Count::Unknown));
        assert_eq!(lost(2, 1.into()).since(&Lost::default()), lost(2, 1.into()));
    }

    #[test]
    fn each_cause_is_taken_in_by_its_name() {
        let mut lost = Lost::default();
        for (n, (cause, _)) in (1..).zip(Lost::default().causes()) {
            lost.set(cause.as_bytes(), Count::Known(n));
        }
        let counts: Vec<_> = lost.causes().iter().map(|(_, n)| n.known()).collect();
        assert_eq!(counts, (1..=17).map(Some).collect::<Vec<_>>());
        let before = lost.clone();
        lost.set(b"of a later version", Count::Known(7));
        assert_eq!(lost, before);
        lost.set(b"fault", Count::Unknown);
        assert_eq!(lost.unknown().collect::<Vec<_>>(), ["fault"]);
    }
}
