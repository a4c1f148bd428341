//! The spans that are open in a process, a script, on the machine: those of other threads than an event's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use nulltrace_core::activity::{InSpan, Reach};
use nulltrace_core::facts::args::ArgList;
use nulltrace_core::facts::path::TagPath;
use nulltrace_core::query::field::{Field, Source};
use nulltrace_core::spans::matcher::OpenSpan;
use nulltrace_core::spans::single::Single;
use nulltrace_core::spans::span::Closed;
use nulltrace_spec::Id;

/// All spans that are open, by their numbers.
#[derive(Default)]
pub(super) struct Wide {
    asked: Vec<Reach>,
    open: BTreeMap<u64, Arc<Entry>>,
}

/// One that is open.
#[derive(Debug)]
pub(super) struct Entry {
    seq: u64,
    path: Arc<TagPath>,
    args: ArgList,
    id: Id,
    pid: u32,
    ppid: Option<u32>,
}

/// Those that are open around an event, by reach: process, script, machine.
pub(super) type Around = [Vec<Arc<Entry>>; 3];

const REACHES: [Reach; 3] = [Reach::Process, Reach::Script, Reach::Machine];

impl Wide {
    /// Those that these fields ask for.
    pub(super) fn of(fields: &[&Field]) -> Self {
        let asks = |reach: &Reach| {
            let mut sources = fields.iter().map(|field| field.info().source);
            sources.any(|source| source == Source::Reach(*reach))
        };
        Self {
            asked: REACHES.into_iter().filter(asks).collect(),
            open: BTreeMap::new(),
        }
    }

    /// Whether any are asked for.
    pub(super) fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    pub(super) fn opened(&mut self, span: &OpenSpan<'_>) {
        if self.is_asked() {
            let entry = Entry {
                seq: span.seq,
                path: Arc::clone(span.tags),
                args: span.args.clone(),
                id: span.id,
                pid: span.pid,
                ppid: span.process.map(|process| process.ppid),
            };
            self.open.insert(span.seq, Arc::new(entry));
        }
    }

    pub(super) fn closed(&mut self, span: &Closed) {
        self.open.remove(&span.seq);
    }

    /// Those around an event, the one that was opened last first.
    pub(super) fn around(&self, event: &Single<'_>) -> Around {
        let mut around = Around::default();
        let ppid = event.process.map(|process| process.ppid);
        for (reach, spans) in REACHES.iter().zip(&mut around) {
            if self.asked.contains(reach) {
                let all = self.open.values().rev();
                let within = all.filter(|span| span.is_within(*reach, event.pid, ppid));
                spans.extend(within.cloned());
            }
        }
        around
    }
}

impl Entry {
    /// Whether what a process of that id and parent does counts toward it.
    fn is_within(&self, reach: Reach, pid: u32, ppid: Option<u32>) -> bool {
        let same = self.pid == pid;
        match reach {
            Reach::Thread => false,
            Reach::Process => same,
            Reach::Script => {
                let siblings = ppid.is_some() && self.ppid == ppid;
                same || siblings || self.ppid == Some(pid) || ppid == Some(self.pid)
            }
            Reach::Machine => true,
        }
    }

    /// As fields see it.
    pub(super) fn as_in_span(&self) -> InSpan<'_> {
        InSpan {
            seq: Some(self.seq),
            path: &self.path,
            args: Some(&self.args),
            id: Some(self.id),
            repeated: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_events_are_within() {
        let span = Entry {
            seq: 1,
            path: Arc::new(TagPath::new(b"a", ["a"])),
            args: ArgList::default(),
            id: Id::None,
            pid: 10,
            ppid: Some(5),
        };
        // The process itself, its child, its parent, its sibling, another.
        for (pid, ppid, is) in [
            (10, Some(5), [true, true, true]),
            (11, Some(10), [false, true, true]),
            (5, Some(1), [false, true, true]),
            (12, Some(5), [false, true, true]),
            (20, Some(2), [false, false, true]),
            (20, None, [false, false, true]),
        ] {
            let found = REACHES.map(|reach| span.is_within(reach, pid, ppid));
            assert_eq!(found, is, "{pid}");
        }
    }
}
