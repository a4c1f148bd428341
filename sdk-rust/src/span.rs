//! The guard of a span on one thread.

use core::cell::Cell;
use core::marker::PhantomData;

use crate::context::{self, PLAIN};
use crate::dir::Dir;
use crate::encode::Writer;
use crate::literal::Literal;
use crate::record::Record;
use crate::tracer::send;
use crate::{Args, Id, Path, Tracer, Value, device, unique};

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
/// An executor of one thread cannot know better; there a guard within a future that is a span stays with it, and others
/// stay open for all. For futures there are [`traced`](crate::TracedExt::traced) and,
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
///
/// # In a context
///
/// Where a span with a number is current ([`Context`](crate::Context)), as in a future that is a span, this one has
/// a number too, names that one as its parent, and is itself current until it ends. One with an id of choice keeps
/// it and names none; it is current if the id is one of [`Id::unique`].
#[must_use = "the span ends when its guard is dropped, which is now; `let _span = …` holds it"]
#[repr(C)]
pub struct Span<'a> {
    tracer: Tracer<'a>,
    parent: Option<&'a Span<'a>>,
    state: Cell<State>,
    /// The number by which it is current, given by the library unless the tracer has it; else [`PLAIN`].
    number: i64,
    /// What was current before, if this one is.
    outer: i64,
    record: Record,
    /// Neither `Send` nor `Sync`: the id is that of the thread.
    thread: PhantomData<*const ()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No enter was written, or the exit was.
    Closed,
    /// An exit is owed,
    Open,
    /// which needs no more than the literal.
    // One word to test when the guard is dropped: the compiler would not inline more.
    Static,
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
        Self::bare(Tracer::of(path.into()))
    }

    /// Begins a span with an id of choice. Its exit ends a span with the same id and tags. No parent is named.
    ///
    /// ```
    /// use nulltrace::{Id, Span};
    ///
    /// let job = 42;
    /// let _span = Span::enter_as(Id::Number(job), "job.run");
    /// ```
    #[inline]
    pub fn enter_as(id: Id, path: impl Into<Path<'a>>) -> Self {
        Self::bare(Tracer::of(path.into()).id(id))
    }

    /// Begins a span within this one: its tags are those of this one and its own, its id is the same. If this one
    /// has its number from the library, because it is in a context, the child has another, names this one as its
    /// parent, and is current until it ends.
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
        let path = Tracer::of(path.into());
        if !device::on() {
            return Span::silent(path.id(self.id()));
        }
        let own = match self.tracer.span_id() {
            // Given by the library; so is that of the child.
            Id::Thread if self.number != PLAIN => Some(self.number),
            // Not even begun: the child is one as any.
            Id::Thread if !self.is_open() => None,
            id => return Span::entered(path.id(id), Some(self), Some(args), PLAIN, PLAIN),
        };
        let context = own.unwrap_or_else(context::get);
        Span::entered(path, Some(self), Some(args), number_in(context), context)
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
        if self.is_open() && device::on() {
            self.record.add(name, &value);
            self.state.set(State::Open);
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
    pub fn exit_with(self, args: impl Fn(&mut Args<'_>)) {
        if self.is_open() && device::on() {
            let exited = self.mark_with(Dir::Exit, |writer| {
                self.record.write(writer);
                args(Args::of(writer));
            });
            // If these arguments cannot be said, the exit goes without them.
            if exited {
                self.state.set(State::Closed);
                self.leave();
            }
        }
    }

    /// The id of its markers.
    ///
    /// ```
    /// assert_eq!(nulltrace::span!("a").id(), nulltrace::Id::Thread);
    /// ```
    #[must_use]
    #[inline]
    pub const fn id(&self) -> Id {
        match self.tracer.span_id() {
            Id::Thread if self.number != PLAIN => Id::Number(self.number),
            id => id,
        }
    }

    /// A span that is none: what [`span!`](crate::span) gives when tracing is off.
    #[doc(hidden)]
    #[inline(always)]
    pub const fn silent(tracer: Tracer<'a>) -> Self {
        Self {
            tracer,
            parent: None,
            state: Cell::new(State::Closed),
            number: PLAIN,
            outer: PLAIN,
            record: Record::new(),
            thread: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn bare(tracer: Tracer<'a>) -> Self {
        Self::begin(tracer, None::<fn(&mut Args<'_>)>)
    }

    #[inline(always)]
    pub(crate) fn begin(tracer: Tracer<'a>, args: Option<impl Fn(&mut Args<'_>)>) -> Self {
        if cfg!(feature = "off") {
            return Self::silent(tracer);
        }
        let context = match tracer.span_id() {
            Id::Thread => context::get(),
            _ => PLAIN,
        };
        Self::entered(tracer, None, args, number_in(context), context)
    }

    /// With a number of its own, if there is one, and the context as its parent; else as the tracer says.
    // What is not inlined here takes and gives numbers, and the guard is made in one expression: so that it is made
    // where it stays, never moved, and in plain code mostly not made at all.
    #[inline(always)]
    fn entered(
        tracer: Tracer<'a>,
        parent: Option<&'a Span<'a>>,
        args: Option<impl Fn(&mut Args<'_>)>,
        number: i64,
        context: i64,
    ) -> Self {
        let literal = match parent {
            None => tracer.as_static(),
            Some(_) => None,
        };
        let open = match (literal, &args) {
            (Some(literal), None) if number != PLAIN => enter_static(literal, number),
            (_, None) if number == PLAIN && parent.is_none() => tracer.mark(Dir::Enter),
            _ => {
                // Whoever has arguments has asked whether they are wanted.
                (args.is_some() || device::on())
                    && send(|writer| {
                        match literal {
                            _ if number == PLAIN => begin(writer, &tracer, parent, Dir::Enter),
                            Some(literal) => begin_static(writer, literal, number),
                            None => begin_within(writer, &tracer, parent, number, context),
                        }
                        if let Some(args) = &args {
                            args(Args::of(writer));
                        }
                    })
            }
        };
        let number = match number {
            _ if !open => PLAIN,
            PLAIN => chosen(&tracer, parent),
            number => number,
        };
        Self {
            outer: match number {
                PLAIN => PLAIN,
                number => make_current(number),
            },
            state: Cell::new(match literal {
                _ if !open => State::Closed,
                Some(_) => State::Static,
                None => State::Open,
            }),
            tracer,
            parent,
            number,
            record: Record::new(),
            thread: PhantomData,
        }
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.state.get() != State::Closed
    }

    /// Behind its exit.
    #[inline]
    fn leave(&self) {
        if self.number != PLAIN {
            context::leave(self.number, self.outer);
        }
    }

    #[inline(always)]
    fn mark_with(&self, dir: Dir, args: impl Fn(&mut Writer<'_>)) -> bool {
        send(|writer| {
            begin(writer, &self.tracer.id(self.id()), self.parent, dir);
            args(writer);
        })
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
        self.leave();
    }
}

/// The number by which a span with an id of choice is current. A child has that of its parent, which is.
#[inline(always)]
const fn chosen(tracer: &Tracer<'_>, parent: Option<&Span<'_>>) -> i64 {
    match (tracer.span_id(), parent) {
        (Id::Number(number), None) if unique::is_one(number) => number,
        _ => PLAIN,
    }
}

/// A number of its own for a span in a context.
#[inline(always)]
fn number_in(context: i64) -> i64 {
    #[inline(never)]
    fn number() -> i64 {
        if device::on() { unique::next() } else { PLAIN }
    }
    match context {
        PLAIN => PLAIN,
        _ => number(),
    }
}

/// Gives what was current before.
#[inline(never)]
fn make_current(number: i64) -> i64 {
    context::enter(number)
}

/// A marker up to its arguments.
#[inline(always)]
fn begin(writer: &mut Writer<'_>, tracer: &Tracer<'_>, parent: Option<&Span<'_>>, dir: Dir) {
    let Some(parent) = parent else {
        return tracer.begin(writer, dir);
    };
    writer.begin(dir, tracer.span_id());
    parent.tags(writer);
    tracer.path().write(writer);
    writer.tags_end();
}

/// An enter up to its arguments, with a number of its own and its parent.
#[inline(never)]
fn begin_within(
    writer: &mut Writer<'_>,
    tracer: &Tracer<'_>,
    parent: Option<&Span<'_>>,
    number: i64,
    context: i64,
) {
    begin(writer, &tracer.id(Id::Number(number)), parent, Dir::Enter);
    writer.parent(context::named(context));
}

/// The same of a literal in the current context.
#[inline(never)]
fn begin_static(writer: &mut Writer<'_>, literal: &'static Literal, number: i64) {
    let tracer = Tracer::literal(literal);
    begin_within(writer, &tracer, None, number, context::get());
}

/// The enter of such a one without arguments.
#[inline(never)]
fn enter_static(literal: &'static Literal, number: i64) -> bool {
    send(|writer| begin_static(writer, literal, number))
}

/// The exit of such a one that has nothing to say.
#[inline(never)]
fn exit_static(literal: &'static Literal, number: i64, outer: i64) {
    let tracer = Tracer::literal(literal);
    tracer.id(Id::Number(number)).mark(Dir::Exit);
    context::leave(number, outer);
}

impl Drop for Span<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if cfg!(feature = "off") || !self.is_open() {
            return;
        }
        match self.tracer.static_literal() {
            Some(literal) if self.state.get() == State::Static => {
                if self.number == PLAIN {
                    device::write_short(literal.exit);
                } else {
                    exit_static(literal, self.number, self.outer);
                }
            }
            _ => self.end(),
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
