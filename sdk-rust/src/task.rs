//! The guard of a span that may move between threads. For `#[traced]` on an `async fn`.

use crate::dir::Dir;
use crate::encode::Writer;
use crate::panics::{PANICKED, panicked};
use crate::tracer::send_short;
use crate::{Args, Id, Tracer, context, device, unique};

/// A span with an id of its own, held by a future in its state. Dropped before its exit it was cancelled.
#[derive(Debug)]
#[must_use = "the span ends when its guard is dropped"]
pub struct Task<'a> {
    tracer: Tracer<'a>,
    open: bool,
    was_panicking: bool,
    /// That of what runs within it.
    context: i64,
}

impl<'a> Task<'a> {
    /// Begins it, with a unique id unless the tracer has one. With that it names its parent: what is current.
    #[inline]
    pub fn enter(tracer: Tracer<'a>, args: impl Fn(&mut Args<'_>)) -> Self {
        if !device::on() {
            return Self::silent(tracer);
        }
        let outer = context::get();
        let parent = (tracer.span_id() == Id::Thread).then_some(outer);
        Self::enter_within(tracer, parent, outer, args)
    }

    /// The same of the parent that is given, or none, where `outer` is current.
    #[inline]
    pub(crate) fn enter_within(
        tracer: Tracer<'a>,
        parent: Option<i64>,
        outer: i64,
        args: impl Fn(&mut Args<'_>),
    ) -> Self {
        let tracer = match tracer.span_id() {
            Id::Thread => tracer.id(Id::unique()),
            _ => tracer,
        };
        let open = send_short(Dir::Enter, |writer| {
            tracer.begin(writer, Dir::Enter);
            if let Some(parent) = parent {
                writer.parent(context::named(parent));
            }
            args(Args::of(writer));
        });
        let context = match tracer.span_id() {
            Id::Number(number) if open && unique::is_one(number) => number,
            _ => context::of_task(parent.unwrap_or(outer)),
        };
        Self {
            tracer,
            open,
            was_panicking: std::thread::panicking(),
            context,
        }
    }

    /// One that is none.
    #[inline]
    pub const fn silent(tracer: Tracer<'a>) -> Self {
        Self {
            tracer,
            open: false,
            was_panicking: false,
            context: context::PLAIN,
        }
    }

    #[inline]
    pub(crate) const fn context(&self) -> i64 {
        self.context
    }

    /// Its id, whether it is open, and the context within: for what ends it itself.
    #[inline]
    pub(crate) fn into_parts(mut self) -> (Id, bool, i64) {
        let open = core::mem::take(&mut self.open);
        (self.tracer.span_id(), open, self.context)
    }

    /// Ends it.
    #[inline]
    pub fn exit(mut self) {
        self.finish(|_| ());
    }

    /// Ends it with arguments.
    #[inline]
    pub fn exit_with(mut self, args: impl Fn(&mut Args<'_>)) {
        self.finish_with(args);
    }

    /// The same, where it is.
    #[inline]
    pub(crate) fn finish_with(&mut self, args: impl Fn(&mut Args<'_>)) {
        self.finish(|writer| args(Args::of(writer)));
    }

    // Not in the frame of what drops it: each poll of a future may.
    #[cold]
    #[inline(never)]
    fn dropped(&mut self) {
        let (name, value) = match panicked(self.was_panicking) {
            true => PANICKED,
            false => CANCELLED,
        };
        self.finish(|writer| writer.arg(name, |writer| writer.text(value)));
    }

    #[inline]
    fn finish(&mut self, args: impl Fn(&mut Writer<'_>)) {
        if self.open {
            self.open = false;
            let exited = send_short(Dir::Exit, |writer| {
                self.tracer.begin(writer, Dir::Exit);
                args(writer);
            });
            if !exited {
                // These arguments cannot be said; the exit goes without them.
                self.tracer.mark(Dir::Exit);
            }
        }
    }
}

impl Drop for Task<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.open {
            self.dropped();
        }
    }
}

/// What the exit says of a future that was dropped before it was ready.
pub(crate) const CANCELLED: (&[u8], &[u8]) = (b"status", b"cancelled");
