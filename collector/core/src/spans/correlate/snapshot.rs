//! What is known and open, as records, so that a reader can begin in the middle of a stream.

use zerocopy::IntoBytes;

use super::{Correlator, State, watched};
use crate::facts::process::Process;
use crate::input::event::{EndedBy, Event, What};
use crate::input::layout;
use crate::input::made::LossRecord;
use crate::input::record::Head;
use crate::input::snapshot::{KIND_FRAGMENT, KIND_LOST, KIND_SNAPSHOT, OPEN_PPID, Part};
use crate::input::write::{RecordWriter, unpadded};
use crate::spans::consumer::Consumer;
use crate::spans::matcher::Restoring;
use crate::spans::waiting::Whole;

impl Correlator {
    /// Hands `out` all that is known and open as records, the layout first. A new correlator that takes them in,
    /// and then what this one takes in, gives the same spans from then on.
    ///
    /// Its consumer has each open span as opened; they are counted as [`before`](crate::ledger::Spans::before).
    /// A correlator that has taken in events knows as much already, so it passes over a snapshot in the middle of
    /// its stream.
    ///
    /// What is not in a snapshot: sums of what lay outside of spans, and spans that have ended. Where spans have
    /// what other threads did, the part of a segment that lay in a span which ended before the snapshot is in no
    /// span.
    ///
    /// ```
    /// use nulltrace_core::input::event::{Event, What};
    /// use nulltrace_core::input::layout::Reader;
    /// use nulltrace_core::spans::correlate::Correlator;
    /// use nulltrace_core::spans::matcher::Limits;
    /// use nulltrace_core::spans::span::Closed;
    ///
    /// let write = |ts, bytes| Event {
    ///     ts, pid: 1, tid: 1, number: 0,
    ///     what: What::Write { bytes, beyond: 0, continues: false },
    /// };
    /// let mut first = Correlator::new(Limits::default());
    /// first.push(&write(100, b">:t:checkout:cart=7:"), &mut |_: &Closed| {});
    ///
    /// let (mut second, mut reader) = (Correlator::new(Limits::default()), Reader::default());
    /// let mut spans = Vec::new();
    /// let mut out = |span: &Closed| spans.push(span.clone());
    /// first.snapshot(&mut |record| {
    ///     second.push(&reader.read(record).unwrap(), &mut out);
    /// });
    /// second.push(&write(160, b"<:t:checkout::"), &mut out);
    /// assert_eq!((spans[0].seq, spans[0].duration()), (1, 60));
    /// assert_eq!(spans[0].enter_args.get(b"cart"), Some(&b"7"[..]));
    /// ```
    pub fn snapshot(&self, out: &mut dyn FnMut(&[u8])) {
        out(layout::own().as_bytes());
        self.state_as_records(false, out);
    }

    /// The same, without the layout, for a stream whose markers are [joined](crate::input::joined): of a marker that is
    /// not written to its end, only that its thread is within one.
    pub fn snapshot_joined(&self, out: &mut dyn FnMut(&[u8])) {
        self.state_as_records(true, out);
    }

    fn state_as_records(&self, joined: bool, out: &mut dyn FnMut(&[u8])) {
        let to = &mut RecordWriter::new(out);
        let state = &self.state;
        state.spans.begin_snapshot(to);
        state.processes.snapshot(to);
        state.files.snapshot(to);
        state.spans.snapshot(&state.processes, to);
        state.reported.snapshot(to);
        self.fragments.snapshot(joined, to);
        for &(pid, tid) in &state.within {
            to.write(KIND_FRAGMENT, &Head::of(0, pid, tid), &[]);
        }
        state.waiting.snapshot(to);
        if state.losses.any() {
            let losses: Vec<_> = state.losses.causes().map(LossRecord::of).to_vec();
            to.write(KIND_LOST, &Head::of(0, 0, 0), &[losses.as_bytes()]);
        }
    }

    /// From the first thing that happens on, or the second snapshot, none is taken in.
    #[cold]
    pub(super) fn end_snapshot(&mut self, what: &What<'_>) {
        let begun = self
            .restoring
            .as_ref()
            .is_some_and(|restoring| restoring.begun);
        let happens = match what {
            What::Snapshot { kind, .. } => *kind == KIND_SNAPSHOT && begun,
            What::Process { facts, .. } => !facts.is_again(),
            What::Write { .. }
            | What::Marker { .. }
            | What::Refused { .. }
            | What::WriteBegins
            | What::WriteEnds { .. }
            | What::GivenUp
            | What::Time
            | What::Segment { .. }
            | What::LeftOut { .. }
            | What::NextSpan { .. }
            | What::Fork { .. }
            | What::Gone
            | What::Exit { .. } => true,
            what => what.is_full(),
        };
        if happens {
            self.restoring = None;
        }
    }

    /// Takes in a part of a snapshot.
    #[cold]
    pub(super) fn restore(
        &mut self,
        event: &Event<'_>,
        kind: u8,
        record: &[u8],
        out: &mut impl Consumer,
    ) {
        let Some(restoring) = &mut self.restoring else {
            return;
        };
        let taken = match Part::read(kind, record) {
            Ok(Part::Fragment([])) => self.state.begin_within(event, self.fragments.max()),
            Ok(Part::Fragment(bytes)) => {
                let thread = (event.pid, event.tid);
                let mut whole = false;
                let each = |_: nulltrace_spec::Joined<'_>| whole = true;
                self.fragments.push(thread, event.ts, bytes, false, each) && !whole
            }
            Ok(part) => self.state.restore(restoring, &part, out),
            Err(_) => false,
        };
        self.state.refused += u64::from(!taken);
    }
}

impl State {
    /// The thread is within a marker that comes joined. Returns whether there is room for one more.
    fn begin_within(&mut self, event: &Event<'_>, most: usize) -> bool {
        let has_room = self.within.len() < most;
        if has_room {
            self.within.insert((event.pid, event.tid));
        }
        has_room
    }

    /// Takes in a part of a snapshot, whatever it says. Returns whether it could be.
    fn restore(
        &mut self,
        restoring: &mut Restoring,
        part: &Part<'_>,
        out: &mut impl Consumer,
    ) -> bool {
        match *part {
            Part::Begin(begin) => return self.spans.begin(restoring, begin),
            Part::Dead(pids) => pids.iter().for_each(|&pid| self.processes.was_dead(pid)),
            Part::File(file, name) => self.files.restore(file, name),
            Part::Facts(record, text) => {
                return Process::from_facts(record, text)
                    .is_some_and(|facts| self.spans.facts(restoring, record.facts, facts));
            }
            Part::Open(span, text) => {
                let mut closed = watched(&mut self.reached, out);
                let processes = &mut self.processes;
                let spans = &mut self.spans;
                if !spans.restore(restoring, span, text, processes, &mut closed) {
                    return false;
                }
                drop(closed);
                self.opened((span.flags & OPEN_PPID != 0).then_some(span.ppid), out);
            }
            Part::Thread(thread) => self.spans.restore_thread(thread),
            Part::Reported(segment, calls) => self.reported.restore(segment, calls),
            Part::Waiting(segment, calls) => {
                let by = EndedBy::from_flags(segment.head.flags);
                let whole = Whole { segment, calls, by };
                self.wait(&whole, out);
            }
            Part::Lost(causes) => {
                for loss in causes {
                    let cause = unpadded(&loss.cause);
                    self.lost_before.set(cause, loss.known().into());
                    self.losses.set(cause, loss.known().into());
                }
            }
            // A fragment is restored by the caller.
            Part::Fragment(_) => return false,
        }
        true
    }
}
