//! Events by hand, for tests of the correlator.
#![allow(dead_code)] // Each test binary uses its part.

use nulltrace_core::input::event::{Event, What};
use nulltrace_core::input::record::{Head, KIND_PROCESS, ProcessRecord};
use nulltrace_core::spans::consumer::{Consumer, Malformed, Wants};
use nulltrace_core::spans::correlate::Correlator;
use nulltrace_core::spans::span::Closed;

/// Everything that came out.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) closed: Vec<Closed>,
    pub(crate) malformed: Vec<(u64, &'static str)>,
}

impl Consumer for Collected {
    fn wants(&self) -> Wants {
        Wants::CLOSED | Wants::MALFORMED
    }

    fn closed(&mut self, span: &Closed) {
        self.closed.push(span.clone());
    }
    fn malformed(&mut self, bad: &Malformed<'_>) {
        self.malformed.push((bad.ts, bad.error.code.name()));
    }
}

pub(crate) fn write(ts: u64, pid: u32, tid: u32, bytes: &[u8]) -> Event<'_> {
    Event {
        ts,
        pid,
        tid,
        number: 0,
        what: What::Write {
            bytes,
            beyond: 0,
            continues: false,
        },
    }
}

/// The same, of a thread that has written so many markers.
pub(crate) fn numbered(event: Event<'_>, number: u32) -> Event<'_> {
    Event { number, ..event }
}

pub(crate) fn exit(ts: u64, pid: u32, tid: u32, signal: u8, group: bool) -> Event<'static> {
    Event {
        ts,
        pid,
        tid,
        number: 0,
        what: What::Exit {
            signal,
            status: 0,
            group,
        },
    }
}

pub(crate) fn fork(ts: u64, pid: u32, child: u32) -> Event<'static> {
    Event {
        ts,
        pid,
        tid: pid,
        number: 0,
        what: What::Fork { child },
    }
}

pub(crate) fn facts(ts: u64, pid: u32, ppid: u32, start: u64, comm: &str) -> ProcessRecord {
    let mut name = [0; 16];
    name[..comm.len()].copy_from_slice(comm.as_bytes());
    ProcessRecord {
        head: Head {
            ts,
            pid,
            tid: pid,
            size: size_of::<ProcessRecord>() as u16,
            kind: KIND_PROCESS,
            flags: 0,
            number: 0,
        },
        start,
        cgroup: 0,
        ppid,
        uid: 0,
        comm: name,
        exe: [0; 64],
    }
}

pub(crate) fn process(facts: &ProcessRecord) -> Event<'_> {
    Event {
        ts: facts.head.ts,
        pid: facts.head.pid,
        tid: facts.head.tid,
        number: 0,
        what: What::Process { facts, exec: false },
    }
}

/// The thread of the facts called exec.
pub(crate) fn exec(facts: &ProcessRecord) -> Event<'_> {
    Event {
        what: What::Process { facts, exec: true },
        ..process(facts)
    }
}

/// Pushes, and proves the ledger each time.
pub(crate) fn push(correlator: &mut Correlator, event: &Event<'_>, out: &mut Collected) {
    correlator.push(event, out);
    check(correlator);
}

pub(crate) fn check(correlator: &Correlator) {
    assert_eq!(correlator.ledger().check(), Ok(()));
    let by_tags: u64 = correlator
        .open_by_tags(true)
        .map(|(_, open)| open.spans)
        .sum();
    assert_eq!(by_tags, correlator.open());
}
