//! Single events that are kept for later, as what is known of them now is not all.

use std::sync::Arc;

use nulltrace_spec::{Found, Id, markers};

use super::matcher::OpenSpan;
use super::single::{Act, Innermost, Single};
use super::span::Closed;
use crate::activity::InSpan;
use crate::facts::args::ArgList;
use crate::facts::file::File;
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::full::{BlockRecord, IrqRecord, SwitchRecord, SyscallRecord, WakeupRecord};

/// An event with all that belongs to it.
#[derive(Debug)]
pub struct Kept {
    ts: u64,
    pid: u32,
    tid: u32,
    what: What,
    process: Option<Arc<Process>>,
    file: Option<Arc<File>>,
    spans: Vec<Span>,
    innermost: Option<Own>,
}

#[derive(Debug)]
enum What {
    /// As it was written, and whether it was cut.
    Marker(Box<[u8]>, bool),
    Syscall(Box<SyscallRecord>, bool, Box<[u8]>),
    Switch(SwitchRecord),
    Wakeup(WakeupRecord, bool),
    Block(Box<BlockRecord>),
    Irq(Box<IrqRecord>, bool),
}

#[derive(Debug)]
struct Span {
    seq: Option<u64>,
    path: Arc<TagPath>,
    args: Option<ArgList>,
    id: Option<Id>,
}

/// The innermost span; an open one but for what [`Span`] has.
#[derive(Debug)]
enum Own {
    Open {
        parent: Option<u64>,
        pid: u32,
        tid: u32,
        process: Option<Arc<Process>>,
        start: u64,
    },
    Closed(Box<Closed>),
}

impl From<&Single<'_>> for Kept {
    fn from(event: &Single<'_>) -> Self {
        let what = match event.act {
            Act::Marker { marker, bytes } => What::Marker(bytes.into(), marker.cut),
            Act::Syscall {
                call,
                no_return,
                texts,
            } => What::Syscall(Box::new(*call), no_return, texts.into()),
            Act::Switch(switch) => What::Switch(*switch),
            Act::Wakeup { wakeup, new } => What::Wakeup(*wakeup, new),
            Act::Block(block) => What::Block(Box::new(*block)),
            Act::Irq { irq, soft } => What::Irq(Box::new(*irq), soft),
        };
        let span = |of: &InSpan<'_>| Span {
            seq: of.seq,
            path: Arc::clone(of.path),
            args: of.args.cloned(),
            id: of.id,
        };
        let innermost = event.innermost.map(|of| match of {
            Innermost::Open(span) => Own::Open {
                parent: span.parent,
                pid: span.pid,
                tid: span.tid,
                process: span.process.cloned(),
                start: span.start,
            },
            Innermost::Closed(span) => Own::Closed(Box::new(span.clone())),
        });
        Self {
            ts: event.ts,
            pid: event.pid,
            tid: event.tid,
            what,
            process: event.process.cloned(),
            file: event.file.cloned(),
            spans: event.spans.iter().map(span).collect(),
            innermost,
        }
    }
}

impl Kept {
    /// When it happened.
    #[must_use]
    pub const fn ts(&self) -> u64 {
        self.ts
    }

    /// What is known of its process.
    #[must_use]
    pub const fn process(&self) -> Option<&Arc<Process>> {
        self.process.as_ref()
    }

    /// Bytes that it takes, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let what = match &self.what {
            What::Marker(bytes, _) => bytes.len(),
            What::Syscall(_, _, texts) => size_of::<SyscallRecord>() + texts.len(),
            What::Switch(_) | What::Wakeup(..) => 0,
            What::Block(_) | What::Irq(..) => size_of::<BlockRecord>(),
        };
        let args = self.spans.iter().flat_map(|span| &span.args);
        let args: usize = args.map(ArgList::bytes).sum();
        size_of::<Self>() + what + self.spans.len() * size_of::<Span>() + args
    }

    /// Its innermost span has ended, if it is this one.
    pub fn close(&mut self, closed: &Closed) {
        let seq = self.spans.first().and_then(|span| span.seq);
        if seq == Some(closed.seq) && matches!(self.innermost, Some(Own::Open { .. })) {
            self.innermost = Some(Own::Closed(Box::new(closed.clone())));
        }
    }

    /// What it was; its innermost span has ended as `closed`, if that is given.
    pub fn with(&self, closed: Option<&Closed>, take: impl FnOnce(&Single<'_>)) {
        let marker = match &self.what {
            What::Marker(bytes, cut) => markers(bytes, *cut).next(),
            _ => None,
        };
        let act = match (&self.what, &marker) {
            (
                What::Marker(bytes, _),
                Some(Found {
                    marker: Ok(marker), ..
                }),
            ) => Act::Marker { marker, bytes },
            // It was one when it was kept.
            (What::Marker(..), _) => return,
            (What::Syscall(call, no_return, texts), _) => Act::Syscall {
                call,
                no_return: *no_return,
                texts,
            },
            (What::Switch(switch), _) => Act::Switch(switch),
            (What::Wakeup(wakeup, new), _) => Act::Wakeup { wakeup, new: *new },
            (What::Block(block), _) => Act::Block(block),
            (What::Irq(irq, soft), _) => Act::Irq { irq, soft: *soft },
        };
        let spans: Vec<_> = self.spans.iter().map(Span::as_in_span).collect();
        let open = self.open();
        let innermost = match (closed, &self.innermost) {
            (Some(closed), _) => Some(Innermost::Closed(closed)),
            (None, Some(Own::Closed(closed))) => Some(Innermost::Closed(closed)),
            (None, _) => open.as_ref().map(Innermost::Open),
        };
        take(&Single {
            ts: self.ts,
            pid: self.pid,
            tid: self.tid,
            act,
            process: self.process.as_ref(),
            file: self.file.as_ref(),
            spans: &spans,
            innermost,
        });
    }

    fn open(&self) -> Option<OpenSpan<'_>> {
        let (span, Some(own)) = (self.spans.first()?, &self.innermost) else {
            return None;
        };
        let Own::Open {
            parent,
            pid,
            tid,
            process,
            start,
        } = own
        else {
            return None;
        };
        Some(OpenSpan {
            seq: span.seq?,
            parent: *parent,
            tags: &span.path,
            id: span.id?,
            pid: *pid,
            tid: *tid,
            process: process.as_ref(),
            args: span.args.as_ref()?,
            start: *start,
            times: None,
        })
    }
}

impl Span {
    fn as_in_span(&self) -> InSpan<'_> {
        InSpan {
            seq: self.seq,
            path: &self.path,
            args: self.args.as_ref(),
            id: self.id,
            repeated: false,
        }
    }
}
