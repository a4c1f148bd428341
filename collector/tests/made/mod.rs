//! A run that is made up, and what is shown of it.

#![allow(clippy::unwrap_used, dead_code)] // A failure is what a test is for; not all tests use all of it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nulltrace_collector::measured::Measured;
use nulltrace_collector::show::{self, Answer};
use nulltrace_collector::source::Source;
use nulltrace_core::input::record::{
    CallsRecord, ExitRecord, FLAG_AT_MARKER, FLAG_GROUP, FileId, FileRecord, Head, KIND_EXIT,
    KIND_FILE, KIND_PROCESS, KIND_SEGMENT, KIND_WRITE, ProcessRecord, SegmentRecord,
};
use nulltrace_core::ledger::Lost;
use nulltrace_core::query::Query;
use zerocopy::{FromZeros, Immutable, IntoBytes};

/// A file in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Threads of two processes that write markers, whole and in parts, and work between them.
#[derive(Default)]
pub(crate) struct Made {
    records: VecDeque<Vec<u64>>,
    now: u64,
    state: u64,
    numbers: [u32; 8],
    since: [u64; 8],
}

impl Made {
    fn random(&mut self, below: u64) -> u64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.state >> 33) % below
    }

    fn put(
        &mut self,
        tid: u32,
        kind: u8,
        flags: u8,
        fixed: &(impl IntoBytes + Immutable),
        tail: &[u8],
    ) {
        let mut bytes = [fixed.as_bytes(), tail].concat();
        let head = Head {
            ts: self.now,
            pid: 4_000_000 + tid % 2,
            tid: 4_000_000 + tid,
            size: bytes.len() as u16,
            kind,
            flags,
            number: self.numbers[tid as usize],
        };
        bytes[..size_of::<Head>()].copy_from_slice(head.as_bytes());
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(&bytes);
        self.records.push_back(words);
    }

    fn segment(&mut self, tid: u32) {
        let since = self.since[tid as usize];
        let took = self.now - since;
        let mut segment = SegmentRecord::new_zeroed();
        segment.since = since;
        let mut calls = CallsRecord::new_zeroed();
        let blocked = self.random(took / 4 + 1);
        (calls.nr, calls.count, calls.time) = (self.random(3) as u32, 1, took / 2);
        (calls.blocked, calls.min, calls.max) = (blocked, took / 2, took / 2);
        calls.bytes = self.random(5000);
        calls.buckets[(64 - (calls.time >> 8).leading_zeros() as usize).min(23)] = 1;
        calls.file = FileId {
            ino: 1 + self.random(3),
            dev: 1,
            generation: 0,
        };
        (segment.calls, segment.blocked, segment.kernel) = (1, blocked, took / 2 - blocked);
        self.put(
            tid,
            KIND_SEGMENT,
            FLAG_AT_MARKER,
            &segment,
            calls.as_bytes(),
        );
    }

    fn write(&mut self, tid: u32, text: &str) {
        self.now += 1 + self.random(100_000);
        if self.since[tid as usize] != 0 {
            self.segment(tid);
        }
        self.numbers[tid as usize] += 1;
        self.since[tid as usize] = self.now;
        let head = Head::new_zeroed();
        self.put(tid, KIND_WRITE, 0, &head, text.as_bytes());
    }

    /// All that happens, from this moment on.
    pub(crate) fn all(now: u64) -> Self {
        let mut made = Self {
            now,
            state: 7,
            ..Self::default()
        };
        for tid in 0..2 {
            let mut facts = ProcessRecord::new_zeroed();
            (facts.start, facts.ppid, facts.comm[0]) = (5, 1, b'a' + tid as u8);
            made.put(tid, KIND_PROCESS, 0, &facts, &[]);
        }
        for ino in 1..4 {
            let mut file = FileRecord::new_zeroed();
            let names = b"blob\0tmp\0";
            (file.id, file.mode) = (
                FileId {
                    ino,
                    dev: 1,
                    generation: 0,
                },
                0o100_644,
            );
            file.names = names.len() as u32;
            made.put(0, KIND_FILE, 0, &file, names);
        }
        for n in 0..3000 {
            let tid = made.random(8) as u32;
            let cart = made.random(10);
            match made.random(12) {
                0 => made.write(tid, ">:t:no tags"),
                1 => {
                    made.write(tid, ">:t:in.par");
                    made.write(tid, "ts:k=v:");
                }
                2 => made.write(tid, ">:t:a::\n>:t:a.b::\n<:t:a.b::\n"),
                3 => made.write(tid, ">:t:::"),
                4 => made.write(tid, &format!(r#"[">",{n},["json"],{{"k":{cart}}}]"#)),
                5..8 => made.write(tid, &format!(">:t:a:cart={cart}:")),
                _ => made.write(tid, "<:t:a:status=500,error=x:"),
            }
        }
        let exit = ExitRecord::new_zeroed();
        made.put(1, KIND_EXIT, FLAG_GROUP, &exit, &[]);
        made
    }
}

impl Source for Made {
    fn name(&self) -> &'static str {
        "made"
    }
    fn drain(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
        // Some at a time, as records come.
        let some: Vec<_> = self.records.drain(..self.records.len().min(500)).collect();
        for record in &some {
            let size = u16::from_ne_bytes([record.as_bytes()[16], record.as_bytes()[17]]);
            sink(&record.as_bytes()[..usize::from(size)]);
        }
        Ok(some.len())
    }
    fn wait(&mut self, _: Duration) {}
    fn sees_activity(&self) -> bool {
        true
    }
    fn lost(&self) -> Lost {
        Lost {
            fault: 3.into(),
            ..Lost::default()
        }
    }
    fn alive(&self) -> Option<usize> {
        None
    }
}

/// All formats of the view.
pub(crate) fn shown(measured: &Measured, query: &Query, view: &str) -> String {
    let view = nulltrace_core::view::find(view).unwrap();
    measured.with_data(query, &measured.notes, |data| {
        let answer = Answer::new(*data, measured.wall_start, view);
        let mut json = Vec::new();
        show::json(&mut json, &answer).unwrap();
        let style = show::Style {
            width: 160,
            color: false,
        };
        let csv = show::csv(&answer.model);
        [
            &*show::page(&answer, style),
            &String::from_utf8(json).unwrap(),
            &String::from_utf8(csv).unwrap(),
        ]
        .concat()
    })
}
