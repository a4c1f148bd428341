//! Single events, for those who want them.

use nulltrace_spec::Joined;

use super::State;
use crate::activity::InSpan;
use crate::input::event::Event;
use crate::input::record::FileId;
use crate::spans::consumer::{Consumer, Wants};
use crate::spans::matcher::Writer;
use crate::spans::single::{Act, Innermost, Single};
use crate::spans::slot::Slot;

fn marker<'a>(joined: &'a Joined<'_>) -> Option<Act<'a>> {
    let marker = joined.marker.as_ref().ok()?;
    let bytes = joined.bytes;
    Some(Act::Marker { marker, bytes })
}

impl State {
    /// A record of a single thing.
    pub(super) fn single(&mut self, event: &Event<'_>, out: &mut impl Consumer) {
        if out.wants().any_of(Wants::EVENT)
            && let Some(act) = Act::of(&event.what)
        {
            let innermost = self.spans.innermost(event.pid, event.tid);
            self.give_single((event.ts, event.pid, event.tid), act, innermost, out);
        }
    }

    /// The marker that opened the newest span.
    #[inline]
    pub(super) fn entered(
        &mut self,
        writer: &Writer,
        joined: &Joined<'_>,
        out: &mut impl Consumer,
    ) {
        if out.wants().any_of(Wants::EVENT)
            && let Some(act) = marker(joined)
        {
            let innermost = self.spans.newest_slot();
            self.give_single(writer.who(), act, innermost, out);
        }
    }

    /// A marker that ends no span.
    pub(super) fn unmatched(
        &mut self,
        writer: &Writer,
        joined: &Joined<'_>,
        out: &mut impl Consumer,
    ) {
        if out.wants().any_of(Wants::EVENT)
            && let Some(act) = marker(joined)
        {
            let (_, pid, tid) = writer.who();
            let innermost = self.spans.innermost(pid, tid);
            self.give_single(writer.who(), act, innermost, out);
        }
    }

    /// The marker that ended the span which ended last.
    #[inline]
    pub(super) fn exited(
        &mut self,
        writer: &Writer,
        joined: &Joined<'_>,
        parent: Option<Slot>,
        out: &mut impl Consumer,
    ) {
        if !out.wants().any_of(Wants::EVENT) {
            return;
        }
        let Some(act) = marker(joined) else { return };
        let (ts, pid, tid) = writer.who();
        let closed = self.spans.last_closed();
        let mut spans = vec![InSpan {
            seq: Some(closed.seq),
            path: &closed.tags,
            args: Some(&closed.enter_args),
            id: Some(closed.id),
            repeated: false,
        }];
        self.spans.around(parent, &mut spans);
        out.event(&Single {
            ts,
            pid,
            tid,
            act,
            process: self.processes.who(pid),
            file: None,
            spans: &spans,
            innermost: Some(Innermost::Closed(closed)),
        });
    }

    fn give_single(
        &mut self,
        (ts, pid, tid): (u64, u32, u32),
        act: Act<'_>,
        innermost: Option<Slot>,
        out: &mut impl Consumer,
    ) {
        let file = match act {
            Act::Syscall { call, .. } if call.file != FileId::NONE => {
                Some(self.files.get(call.file))
            }
            _ => None,
        };
        let mut spans = Vec::new();
        self.spans.around(innermost, &mut spans);
        let open = innermost.map(|slot| self.spans.open_span(slot));
        out.event(&Single {
            ts,
            pid,
            tid,
            act,
            process: self.processes.who(pid),
            file: file.as_ref(),
            spans: &spans,
            innermost: open.as_ref().map(Innermost::Open),
        });
    }
}
