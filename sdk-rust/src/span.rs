//! The guard of a span on one thread.

use core::marker::PhantomData;

use crate::encode::Writer;
use crate::raw::Dir;
use crate::record::Record;
use crate::tracer::send;
use crate::{Args, Id, Path, Tracer, Value, device};

/// A span that began on this thread and ends when this guard is dropped.
///
/// Made by [`span!`](crate::span) for literal tags, [`Span::enter`] for any, [`Tracer::enter`] for a place
/// that is entered often.
///
/// # Not across `.await`
///
/// **Hold no guard across an `.await`.** A task gives its thread to other tasks there, and goes on elsewhere:
/// the spans of those others would seem to lie in this one, and its exit could come from a thread that never
/// entered it. The guard is not `Send`, so that an executor of many threads refuses such a future when it is
/// compiled:
///
/// ```compile_fail,E0277
/// fn spawn(future: impl Future + Send) {}
///
/// spawn(async {
///     let _span = nulltrace::span!("fetch");
///     std::future::ready(()).await;
/// });
/// ```
///
/// An executor of one thread cannot know better. For futures there are [`traced`](crate::TracedExt::traced) and,
/// for `async fn`, `#[traced]`:
///
/// ```
/// use nulltrace::TracedExt;
///
/// fn spawn(future: impl Future + Send) {}
///
/// spawn(async { std::future::ready(()).await }.traced("fetch"));
/// ```
///
/// # `let _ = …`
///
/// A guard that is given no name, or the name `_`, ends at once. `let _span = …` holds it.
#[must_use = "the span ends when its guard is dropped, which is now; `let _span = …` holds it"]
#[repr(C)]
pub struct Span<'a> {
    tracer: Tracer<'a>,
    parent: Option<&'a Span<'a>>,
    /// The enter was written, so an exit is owed.
    open: bool,
    record: Record,
    /// Neither `Send` nor `Sync`: the id is that of the thread.
    thread: PhantomData<*const ()>,
}

impl<'a> Span<'a> {
    /// Begins a span whose tags are not known before: text that dots split, or a list.
    ///
    /// Nothing is traced if no marker can have such tags: one of them empty, or more than 32.
    ///
    /// ```
    /// use nulltrace::Span;
    ///
    /// # #[cfg(feature = "mock")]
    /// # let mock = nulltrace::mock::Mock::here();
    /// let table = "users";
    /// drop(Span::enter(&format!("db.query.{table}")));
    /// drop(Span::enter(&["db", "table.with.dots"]));
    /// drop(Span::enter("silent..span"));
    /// # #[cfg(feature = "mock")]
    /// # mock.expect().enter("db.query.users").exit("db.query.users")
    /// #     .enter(&["db", "table.with.dots"]).exit(&["db", "table.with.dots"]).done();
    /// ```
    #[inline]
    pub fn enter(path: impl Into<Path<'a>>) -> Self {
        Tracer::of(path.into()).enter()
    }

    /// Begins a span with an id of choice. Its exit ends a span with the same id and tags.
    ///
    /// ```
    /// use nulltrace::{Id, Span};
    ///
    /// let job = 42;
    /// let _span = Span::enter_as(Id::Number(job), "job.run");
    /// ```
    #[inline]
    pub fn enter_as(id: Id, path: impl Into<Path<'a>>) -> Self {
        Tracer::of(path.into()).id(id).enter()
    }

    /// Begins a span within this one: its tags are those of this one and its own, its id is the same.
    ///
    /// A collector would also see that from the tags alone; so [`span!`](crate::span) of the longer path is
    /// a child as well, and faster.
    ///
    /// ```
    /// # #[cfg(feature = "mock")]
    /// # let mock = nulltrace::mock::Mock::here();
    /// let checkout = nulltrace::span!("checkout");
    /// {
    ///     let pay = checkout.child("pay");
    ///     let _card = pay.child("card.charge");
    /// }
    /// drop(checkout);
    /// # #[cfg(feature = "mock")]
    /// # mock.expect().enter("checkout").enter("checkout.pay").enter("checkout.pay.card.charge")
    /// #     .exit("checkout.pay.card.charge").exit("checkout.pay").exit("checkout").done();
    /// ```
    #[inline]
    pub fn child<'s>(&'s self, path: impl Into<Path<'s>>) -> Span<'s> {
        self.child_with(path, |_| ())
    }

    /// Begins a span within this one, with arguments, as [`Tracer::enter_with`].
    ///
    /// ```
    /// let checkout = nulltrace::span!("checkout");
    /// let _pay = checkout.child_with("pay", |args| {
    ///     args.arg("cart", 7);
    /// });
    /// ```
    #[inline]
    pub fn child_with<'s>(
        &'s self,
        path: impl Into<Path<'s>>,
        args: impl Fn(&mut Args<'_>),
    ) -> Span<'s> {
        let tracer = Tracer::of(path.into()).id(self.id());
        Span::begin(tracer, Some(self), Some(args))
    }

    /// Keeps an argument for the exit.
    ///
    /// There are 256 bytes for names and values, four more counted for each argument, and no heap: an
    /// argument that does not fit is dropped, whole.
    ///
    /// ```
    /// # #[cfg(feature = "mock")]
    /// # let mock = nulltrace::mock::Mock::here();
    /// let span = nulltrace::span!("db.query");
    /// span.record("rows", 3);
    /// span.record("blob", "x".repeat(300));
    /// drop(span);
    /// # #[cfg(feature = "mock")]
    /// # mock.expect().enter("db.query").exit("db.query").arg("rows", "3").done();
    /// ```
    #[inline]
    pub fn record(&self, name: &str, value: impl Value) {
        if self.open && device::on() {
            self.record.add(name, &value);
        }
    }

    /// Ends the span now.
    ///
    /// ```
    /// let span = nulltrace::span!("parse");
    /// span.exit();
    /// ```
    #[inline(always)]
    pub fn exit(self) {}

    /// Ends the span now, with arguments behind those that were recorded. The closure is called as that of
    /// [`Tracer::enter_with`].
    ///
    /// ```
    /// # #[cfg(feature = "mock")]
    /// # let mock = nulltrace::mock::Mock::here();
    /// let span = nulltrace::span!("db.query");
    /// let rows = 3;
    /// span.exit_with(|args| {
    ///     args.arg("rows", rows);
    /// });
    /// # #[cfg(feature = "mock")]
    /// # mock.expect().enter("db.query").exit("db.query").arg("rows", "3").done();
    /// ```
    #[inline]
    pub fn exit_with(mut self, args: impl Fn(&mut Args<'_>)) {
        if self.open && device::on() {
            let exited = self.mark_with(Dir::Exit, |writer| {
                self.record.write(writer);
                args(Args::of(writer));
            });
            // If these arguments cannot be said, the exit goes without them.
            self.open = !exited;
        }
    }

    /// The id that its markers bear.
    ///
    /// ```
    /// assert_eq!(nulltrace::span!("a").id(), nulltrace::Id::Thread);
    /// ```
    #[must_use]
    #[inline]
    pub const fn id(&self) -> Id {
        self.tracer.span_id()
    }

    /// A span that is none: what [`span!`](crate::span) gives when tracing is off.
    #[doc(hidden)]
    #[inline(always)]
    pub const fn silent(tracer: Tracer<'a>) -> Self {
        Self {
            tracer,
            parent: None,
            open: false,
            record: Record::new(),
            thread: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn begin(
        tracer: Tracer<'a>,
        parent: Option<&'a Span<'a>>,
        args: Option<impl Fn(&mut Args<'_>)>,
    ) -> Self {
        if cfg!(feature = "off") {
            return Self::silent(tracer);
        }
        // In one expression, so that the guard is made where it stays and never moved.
        Self {
            open: match (args, parent) {
                (None, None) => tracer.mark(Dir::Enter),
                (None, Some(_)) => device::on() && mark(&tracer, parent, Dir::Enter, |_| ()),
                (Some(args), _) => {
                    device::on()
                        && mark(&tracer, parent, Dir::Enter, |writer| args(Args::of(writer)))
                }
            },
            tracer,
            parent,
            record: Record::new(),
            thread: PhantomData,
        }
    }

    #[inline(always)]
    fn mark_with(&self, dir: Dir, args: impl Fn(&mut Writer<'_>)) -> bool {
        mark(&self.tracer, self.parent, dir, args)
    }

    /// The tags of its parents, outermost first, and its own.
    #[inline]
    fn tags(&self, writer: &mut Writer<'_>) {
        if let Some(parent) = self.parent {
            parent.tags(writer);
        }
        self.tracer.path().write(writer);
    }

    /// The exit of a span whose exit is not one of the literal ones.
    // Its stack of a marker must not become that of every span.
    #[inline(never)]
    fn end(&self) {
        if device::on() {
            self.mark_with(Dir::Exit, |writer| self.record.write(writer));
        }
    }
}

#[inline(always)]
fn mark(
    tracer: &Tracer<'_>,
    parent: Option<&Span<'_>>,
    dir: Dir,
    args: impl Fn(&mut Writer<'_>),
) -> bool {
    let Some(parent) = parent else {
        return tracer.mark_with(dir, args);
    };
    send(|writer| {
        writer.begin(dir, tracer.span_id());
        parent.tags(writer);
        tracer.path().write(writer);
        writer.tags_end();
        args(writer);
    })
}

impl Drop for Span<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if cfg!(feature = "off") || !self.open {
            return;
        }
        if self.parent.is_none() && self.record.is_empty() && self.tracer.is_static() {
            self.tracer.mark(Dir::Exit);
        } else {
            self.end();
        }
    }
}

impl core::fmt::Debug for Span<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let path = self.tracer.path();
        f.debug_struct("Span")
            .field("id", &self.id())
            .field("path", &path)
            .finish_non_exhaustive()
    }
}
