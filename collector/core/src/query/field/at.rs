//! What fields are read from: a subject, and what else is known of its process.

use std::net::SocketAddr;
use std::sync::Arc;

use nulltrace_spec::Marker;

use super::seen::Seen;
use crate::activity::{InSpan, Inside, Reach, SpanTimes};
use crate::facts::ancestor::Ancestor;
use crate::facts::args::ArgList;
use crate::facts::file::{Ends, File};
use crate::facts::names::Known;
use crate::facts::path::TagPath;
use crate::facts::process::Process;
use crate::input::record::{CallsRecord, FileId};
use crate::spans::matcher::OpenSpan;
use crate::spans::single::{Act, Innermost, Single};
use crate::spans::span::Closed;

/// The kinds of things that have fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// System calls of one kind on one file in a segment.
    Call,
    /// What a thread did between two of its markers.
    Segment,
    /// A span, open or ended.
    Span,
    /// A marker.
    Marker,
    /// A process.
    Process,
    /// A single thing that happened: a marker, a system call, a switch of a cpu, an interrupt.
    Event,
}

impl Subject {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Call,
        Self::Segment,
        Self::Span,
        Self::Marker,
        Self::Process,
        Self::Event,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Segment => "segment",
            Self::Span => "span",
            Self::Marker => "marker",
            Self::Process => "process",
            Self::Event => "event",
        }
    }

    /// The name of several, in a sentence.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Call => "system calls",
            Self::Segment => "segments",
            Self::Span => "spans",
            Self::Marker => "markers",
            Self::Process => "processes",
            Self::Event => "events",
        }
    }
}

/// A marker and who wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The marker.
    pub marker: &'a Marker<'a>,
    /// When it was written, `CLOCK_MONOTONIC` nanoseconds.
    pub ts: u64,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
}

/// The subject itself.
#[derive(Clone, Copy, Debug)]
enum What<'a> {
    Call(&'a Inside<'a>, usize),
    Segment(&'a Inside<'a>),
    Closed(&'a Closed),
    /// With the time it is now.
    Open(&'a OpenSpan<'a>, u64),
    Marker(Written<'a>),
    Process(u32),
    Event(&'a Single<'a>, &'a Seen<'a>),
}

/// What of a subject there may be several of. A field of these has a value for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// The tag paths of the spans it lies in, each once.
    Paths,
    /// The spans it lies in.
    Spans,
    /// The spans that are open in that reach of an event.
    Reach(Reach),
    /// The ancestors of its process.
    Ancestors,
    /// The ends of the socket it is about.
    Ends,
}

/// A subject, as fields see it.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    what: What<'a>,
    process: Option<&'a Process>,
    known: Known<'a>,
    /// The one of many that [`any`](Self::any) is at.
    span: Option<&'a InSpan<'a>>,
    ancestor: Option<&'a Ancestor>,
    end: Option<&'a SocketAddr>,
}

#[inline]
fn of(process: Option<&Arc<Process>>) -> Option<&Process> {
    process.map(|process| &**process)
}

impl<'a> At<'a> {
    #[inline]
    const fn new(what: What<'a>, process: Option<&'a Process>, known: Known<'a>) -> Self {
        Self {
            what,
            process,
            known,
            span: None,
            ancestor: None,
            end: None,
        }
    }

    /// Calls of a segment, by their place in it.
    #[must_use]
    #[inline]
    pub fn call(inside: &'a Inside<'a>, call: usize, known: Known<'a>) -> Self {
        Self::new(What::Call(inside, call), of(inside.process), known)
    }

    /// A segment.
    #[must_use]
    pub fn segment(inside: &'a Inside<'a>, known: Known<'a>) -> Self {
        Self::new(What::Segment(inside), of(inside.process), known)
    }

    /// Goes on to other calls of the same segment, which costs less than to begin anew.
    #[inline]
    pub(crate) const fn go_to(&mut self, call: usize) {
        if let What::Call(_, at) = &mut self.what {
            *at = call;
        }
    }

    /// A span that has ended.
    #[must_use]
    pub fn closed(span: &'a Closed, known: Known<'a>) -> Self {
        Self::new(What::Closed(span), of(span.process.as_ref()), known)
    }

    /// A span that is open at the time `now`.
    #[must_use]
    pub fn open(span: &'a OpenSpan<'a>, now: u64, known: Known<'a>) -> Self {
        Self::new(What::Open(span, now), of(span.process), known)
    }

    /// A marker, and the process that wrote it.
    #[must_use]
    pub fn marker(
        marker: Written<'a>,
        process: Option<&'a Arc<Process>>,
        known: Known<'a>,
    ) -> Self {
        Self::new(What::Marker(marker), of(process), known)
    }

    /// A process.
    #[must_use]
    pub fn process(pid: u32, process: Option<&'a Arc<Process>>, known: Known<'a>) -> Self {
        Self::new(What::Process(pid), of(process), known)
    }

    /// A single event.
    #[must_use]
    pub fn event(event: &'a Single<'a>, seen: &'a Seen<'a>, known: Known<'a>) -> Self {
        Self::new(What::Event(event, seen), of(event.process), known)
    }

    /// What kind of thing it is.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        match self.what {
            What::Call(..) => Subject::Call,
            What::Segment(_) => Subject::Segment,
            What::Closed(_) | What::Open(..) => Subject::Span,
            What::Marker(_) => Subject::Marker,
            What::Process(_) => Subject::Process,
            What::Event(..) => Subject::Event,
        }
    }

    /// Whether `f` holds for one of these that the subject has: it is given the subject at each until it does.
    pub fn any(&self, many: Many, mut f: impl FnMut(&Self) -> bool) -> bool {
        let mut at = *self;
        match many {
            Many::Paths => {
                let mut paths = self.spans().iter().filter(|span| !span.repeated);
                paths.any(|span| {
                    at.span = Some(span);
                    f(&at)
                })
            }
            Many::Spans => self.spans().iter().any(|span| {
                at.span = Some(span);
                f(&at)
            }),
            Many::Reach(reach) => {
                let mut spans = self
                    .single()
                    .map_or(&[][..], |(_, seen)| seen.within(reach))
                    .iter();
                spans.any(|span| {
                    at.span = Some(span);
                    f(&at)
                })
            }
            Many::Ancestors => {
                let mut chain = self.known.parent.into_iter().flat_map(Ancestor::chain);
                chain.any(|ancestor| {
                    at.ancestor = Some(ancestor);
                    f(&at)
                })
            }
            Many::Ends => self.ends().into_iter().flat_map(Ends::each).any(|end| {
                at.end = Some(end);
                f(&at)
            }),
        }
    }

    /// Gives the subject at each of these that it has.
    pub fn each(&self, many: Many, mut f: impl FnMut(&Self)) {
        self.any(many, |at| {
            f(at);
            false
        });
    }

    #[inline]
    const fn inside(&self) -> Option<&'a Inside<'a>> {
        match self.what {
            What::Call(inside, _) | What::Segment(inside) => Some(inside),
            _ => None,
        }
    }

    /// The spans that it lies in, the innermost first.
    fn spans(&self) -> &'a [InSpan<'a>] {
        match self.what {
            What::Event(event, _) => event.spans,
            _ => self.inside().map_or(&[], |inside| inside.spans),
        }
    }

    /// Whether what its innermost span will be when it ends is not known yet: it is an event, and the span is open.
    #[inline]
    pub(crate) const fn is_before_end(&self) -> bool {
        matches!(self.what, What::Event(event, _) if matches!(event.innermost, Some(Innermost::Open(_))))
    }
}

/// What the table of fields reads.
impl<'a> At<'a> {
    /// The one of many spans that this is at.
    #[inline]
    pub(super) const fn one_span(&self) -> Option<&'a InSpan<'a>> {
        self.span
    }

    pub(super) const fn one_ancestor(&self) -> Option<&'a Ancestor> {
        self.ancestor
    }

    pub(super) const fn one_end(&self) -> Option<&'a SocketAddr> {
        self.end
    }

    #[inline]
    pub(super) fn calls(&self) -> Option<&'a CallsRecord> {
        match self.what {
            What::Call(inside, call) => inside.calls.get(call),
            _ => None,
        }
    }

    /// The file that the calls were made on.
    #[inline]
    pub(crate) fn file(&self) -> Option<&'a File> {
        match self.what {
            What::Call(inside, call) => inside.files.get(call)?.as_deref(),
            What::Event(event, _) => event.file.map(|file| &**file),
            _ => None,
        }
    }

    /// The numbers of the file that the calls were made on.
    pub(super) fn file_id(&self) -> Option<FileId> {
        let id = match self.what {
            What::Event(event, _) => match event.act {
                Act::Syscall { call, .. } => call.file,
                _ => return None,
            },
            _ => self.calls()?.file,
        };
        (id != FileId::NONE).then_some(id)
    }

    pub(super) fn ends(&self) -> Option<&'a Ends> {
        self.file()?.ends.as_ref()
    }

    /// The tag path of the span, or of the innermost span.
    #[inline]
    pub(super) fn path(&self) -> Option<&'a TagPath> {
        match self.what {
            What::Call(inside, _) | What::Segment(inside) => {
                inside.spans.first().map(|span| &**span.path)
            }
            What::Closed(span) => Some(&span.tags),
            What::Open(span, _) => Some(span.tags),
            What::Event(event, _) => event.spans.first().map(|span| &**span.path),
            What::Marker(_) | What::Process(_) => None,
        }
    }

    /// The number of the span, or of the innermost span.
    pub(super) fn seq(&self) -> Option<u64> {
        match self.what {
            What::Call(inside, _) | What::Segment(inside) => inside.spans.first()?.seq,
            What::Closed(span) => Some(span.seq),
            What::Open(span, _) => Some(span.seq),
            What::Event(event, _) => event.spans.first()?.seq,
            What::Marker(_) | What::Process(_) => None,
        }
    }

    /// The arguments of the enter marker of the span, or of the innermost span.
    pub(super) fn enter_args(&self) -> Option<&'a ArgList> {
        match self.what {
            What::Call(inside, _) | What::Segment(inside) => inside.spans.first()?.args,
            What::Closed(span) => Some(&span.enter_args),
            What::Open(span, _) => Some(span.args),
            What::Event(event, _) => event.spans.first()?.args,
            What::Marker(_) | What::Process(_) => None,
        }
    }

    /// The span, or the innermost span of an event, if it has ended.
    pub(super) const fn ended(&self) -> Option<&'a Closed> {
        match self.what {
            What::Closed(span) => Some(span),
            What::Event(event, _) => match event.innermost {
                Some(Innermost::Closed(span)) => Some(span),
                _ => None,
            },
            _ => None,
        }
    }

    /// The span, or the innermost span of an event, if it is open, and the time it is now.
    pub(super) const fn still_open(&self) -> Option<(&'a OpenSpan<'a>, u64)> {
        match self.what {
            What::Open(span, now) => Some((span, now)),
            What::Event(event, _) => match event.innermost {
                Some(Innermost::Open(span)) => Some((span, event.ts)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The event, and its place in the stream.
    pub(super) const fn single(&self) -> Option<(&'a Single<'a>, &'a Seen<'a>)> {
        match self.what {
            What::Event(event, seen) => Some((event, seen)),
            _ => None,
        }
    }

    /// The spans around an event, the innermost first.
    pub(super) const fn chain(&self) -> &'a [InSpan<'a>] {
        match self.what {
            What::Event(event, _) => event.spans,
            _ => &[],
        }
    }

    /// Where the time of the span went, if somebody looked.
    pub(super) fn times(&self) -> Option<&'a SpanTimes> {
        match self.what {
            What::Closed(span) => span.times.as_ref(),
            What::Open(span, _) => span.times.as_ref(),
            What::Event(..) => self.ended()?.times.as_ref(),
            _ => None,
        }
    }

    pub(super) const fn written(&self) -> Option<Written<'a>> {
        match self.what {
            What::Marker(written) => Some(written),
            What::Event(event, _) => match event.act {
                Act::Marker { marker, .. } => Some(Written {
                    marker,
                    ts: event.ts,
                    pid: event.pid,
                    tid: event.tid,
                }),
                _ => None,
            },
            _ => None,
        }
    }

    #[inline]
    pub(super) const fn pid(&self) -> u32 {
        match self.what {
            What::Call(inside, _) | What::Segment(inside) => inside.pid,
            What::Closed(span) => span.pid,
            What::Open(span, _) => span.pid,
            What::Marker(written) => written.pid,
            What::Process(pid) => pid,
            What::Event(event, _) => event.pid,
        }
    }

    #[inline]
    pub(super) const fn tid(&self) -> Option<u32> {
        match self.what {
            What::Call(inside, _) | What::Segment(inside) => Some(inside.tid),
            What::Closed(span) => Some(span.tid),
            What::Open(span, _) => Some(span.tid),
            What::Marker(written) => Some(written.tid),
            What::Event(event, _) => Some(event.tid),
            What::Process(_) => None,
        }
    }

    /// What the kernel reported of its process: of a span's, when it opened the span.
    #[inline]
    pub(super) const fn facts(&self) -> Option<&'a Process> {
        self.process
    }

    #[inline]
    pub(super) const fn known(&self) -> &Known<'a> {
        &self.known
    }
}
