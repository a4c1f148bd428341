//! Single things that happened, and the spans that they lie in.

use std::sync::Arc;

use nulltrace_spec::Marker;

use super::matcher::OpenSpan;
use super::span::Closed;
use crate::activity::InSpan;
use crate::facts::file::File;
use crate::facts::process::Process;
use crate::input::event::What;
use crate::input::full::{BlockRecord, IrqRecord, SwitchRecord, SyscallRecord, WakeupRecord};

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// A marker was written.
    Marker {
        /// The marker.
        marker: &'a Marker<'a>,
        /// As it was written.
        bytes: &'a [u8],
    },
    /// A system call returned, or its thread ended in it.
    Syscall {
        /// The call.
        call: &'a SyscallRecord,
        /// It has no result.
        no_return: bool,
        /// What its arguments point to, for [`Texts`](crate::input::full::Texts).
        texts: &'a [u8],
    },
    /// A cpu went from this thread to another.
    Switch(&'a SwitchRecord),
    /// A thread became runnable.
    Wakeup {
        /// Which, and where.
        wakeup: &'a WakeupRecord,
        /// It was just made.
        new: bool,
    },
    /// A block device completed a request.
    Block(&'a BlockRecord),
    /// An interrupt was handled.
    Irq {
        /// The interrupt.
        irq: &'a IrqRecord,
        /// It is a softirq.
        soft: bool,
    },
}

impl<'a> Act<'a> {
    /// Of the kinds that have a record of their own.
    pub(crate) const fn of(what: &What<'a>) -> Option<Self> {
        Some(match *what {
            What::Syscall {
                call,
                no_return,
                texts,
            } => Self::Syscall {
                call,
                no_return,
                texts,
            },
            What::Switch(switch) => Self::Switch(switch),
            What::Wakeup { wakeup, new } => Self::Wakeup { wakeup, new },
            What::Block(block) => Self::Block(block),
            What::Irq { irq, soft } => Self::Irq { irq, soft },
            _ => return None,
        })
    }
}

/// The innermost span of an event.
#[derive(Clone, Copy, Debug)]
pub enum Innermost<'a> {
    /// It is open.
    Open(&'a OpenSpan<'a>),
    /// It has ended: by this event, or since.
    Closed(&'a Closed),
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Single<'a> {
    /// When, `CLOCK_MONOTONIC` nanoseconds.
    pub ts: u64,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// What.
    pub act: Act<'a>,
    /// What is known of the process.
    pub process: Option<&'a Arc<Process>>,
    /// The file of a system call.
    pub file: Option<&'a Arc<File>>,
    /// The spans it lies in, the innermost first: that which a marker opened or ended, else that which was opened last
    /// on the thread, and its parents.
    pub spans: &'a [InSpan<'a>],
    /// The first of these.
    pub innermost: Option<Innermost<'a>>,
}
