//! Where the correlator's results go.
//!
//! ```
//! use nulltrace_core::spans::consumer::{Consumer, Wants};
//! use nulltrace_core::spans::correlate::Correlator;
//! use nulltrace_core::spans::matcher::{Limits, OpenSpan};
//! use nulltrace_core::input::event::{Event, What};
//!
//! /// Counts spans that were opened.
//! struct Opened(u64);
//!
//! impl Consumer for Opened {
//!     fn wants(&self) -> Wants {
//!         Wants::OPENED
//!     }
//!     fn opened(&mut self, _: &OpenSpan<'_>) {
//!         self.0 += 1;
//!     }
//! }
//!
//! let (mut correlator, mut opened) = (Correlator::new(Limits::default()), Opened(0));
//! let bytes = b">:t:checkout::";
//! let what = What::Write { bytes, beyond: 0, continues: false };
//! correlator.push(&Event { ts: 1, pid: 7, tid: 7, number: 1, what }, &mut opened);
//! assert_eq!(opened.0, 1);
//! ```

use core::ops::BitOr;
use std::sync::Arc;

use nulltrace_spec::Error;

use super::matcher::OpenSpan;
use super::single::Single;
use super::span::Closed;
use crate::activity::Inside;
use crate::facts::process::Process;
use crate::input::event::Event;
use crate::input::record::CallsRecord;

/// What a [`Consumer`] wants to be given. Nothing else is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants(u16);

impl Wants {
    /// Nothing but [`Consumer::tick`].
    pub const NOTHING: Self = Self(0);
    /// [`Consumer::opened`].
    pub const OPENED: Self = Self(1);
    /// [`Consumer::closed`].
    pub const CLOSED: Self = Self(1 << 1);
    /// [`Consumer::inside`].
    pub const INSIDE: Self = Self(1 << 2);
    /// [`Consumer::call`].
    pub const CALL: Self = Self(1 << 3);
    /// [`Consumer::sample`].
    pub const SAMPLE: Self = Self(1 << 4);
    /// [`Consumer::fact`].
    pub const FACT: Self = Self(1 << 5);
    /// [`Consumer::malformed`].
    pub const MALFORMED: Self = Self(1 << 6);
    /// [`Consumer::idle`].
    pub const IDLE: Self = Self(1 << 7);

    /// [`Consumer::joined`].
    pub const JOINED: Self = Self(1 << 8);

    /// [`Consumer::record`].
    pub const RECORD: Self = Self(1 << 9);

    /// [`Consumer::event`].
    pub const EVENT: Self = Self(1 << 10);

    /// Whether one of `these` is among them.
    #[must_use]
    #[inline]
    pub const fn any_of(self, these: Self) -> bool {
        self.0 & these.0 != 0
    }
}

impl BitOr for Wants {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Who is given what the correlator finds out: a summary, a sink, a capture. Each has what it
/// [wants](Self::wants), in the order in which it happened; times are `CLOCK_MONOTONIC` nanoseconds.
///
/// A closure that takes a `&Closed` is one that wants spans that ended.
pub trait Consumer {
    /// What it wants. The same at any time.
    fn wants(&self) -> Wants;

    /// A span was opened, or is open in the snapshot that the stream begins with.
    fn opened(&mut self, span: &OpenSpan<'_>) {
        let _ = span;
    }

    /// A span ended.
    fn closed(&mut self, span: &Closed) {
        let _ = span;
    }

    /// A thread that writes markers did something, inside spans or outside.
    fn inside(&mut self, inside: &Inside<'_>) {
        let _ = inside;
    }

    /// Calls of one number on one file in a segment, after [`inside`](Self::inside) was given that.
    fn call(&mut self, call: &CallsRecord, inside: &Inside<'_>) {
        let _ = (call, inside);
    }

    /// A stack of a thread.
    fn sample(&mut self, sample: &Sample<'_>) {
        let _ = sample;
    }

    /// Something became known: a process, a file, a user's name, a loss.
    fn fact(&mut self, fact: &Event<'_>) {
        let _ = fact;
    }

    /// A record of the stream as it is kept: with writes as [`joined`](Self::joined), and without snapshots.
    fn record(&mut self, record: &[u8]) {
        let _ = record;
    }

    /// A single thing happened: a marker was written, a system call returned. Of a marker that ends a span, after
    /// [`closed`](Self::closed) was given that; of one that opens a span, after [`opened`](Self::opened) was.
    fn event(&mut self, event: &Single<'_>) {
        let _ = event;
    }

    /// What a write was, as [joined](crate::input::joined) markers. What follows from it is given after it.
    fn joined(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// A write looked like a marker and was none. It is counted already; this is for a log.
    fn malformed(&mut self, bad: &Malformed<'_>) {
        let _ = bad;
    }

    /// A thread has no span open after what it wrote at time `ts`: what it calls until its next marker is in no
    /// span.
    fn idle(&mut self, tid: u32, ts: u64) {
        let _ = (tid, ts);
    }

    /// All that happened until `now` was given.
    fn tick(&mut self, now: u64) {
        let _ = now;
    }
}

impl<F: FnMut(&Closed)> Consumer for F {
    #[inline]
    fn wants(&self) -> Wants {
        Wants::CLOSED
    }

    #[inline]
    fn closed(&mut self, span: &Closed) {
        self(span);
    }
}

/// What looked like a marker and was none.
#[derive(Clone, Copy, Debug)]
pub struct Malformed<'a> {
    /// When it was written.
    pub ts: u64,
    /// The process that wrote it.
    pub pid: u32,
    /// The thread that wrote it.
    pub tid: u32,
    /// What is known of the process.
    pub process: Option<&'a Arc<Process>>,
    /// What was written, to the end of the bad line.
    pub bytes: &'a [u8],
    /// Why it is no marker, and where in `bytes`.
    pub error: Error,
}

/// A stack of a thread, and the spans it was in.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// When it was taken.
    pub ts: u64,
    /// Where: the process, the thread, its spans. There are no calls and no times in it.
    pub inside: &'a Inside<'a>,
    /// Instruction addresses in the kernel, the innermost first.
    pub kernel: &'a [u64],
    /// Instruction addresses in the program, the innermost first.
    pub user: &'a [u64],
}
