//! The guard of a span on one thread.

use core::cell::Cell;
use core::marker::PhantomData;

use crate::begun::{Begun, State, begin, begin_literal, mark};
use crate::context::{self, PLAIN};
use crate::dir::Dir;
use crate::encode::Writer;
use crate::literal::Literal;
use crate::panics::{ERROR, error_of_panic};
use crate::record::record;
use crate::room::Room;
use crate::short::Short;
use crate::tracer::{enter_literal, send};
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
/// # Panics of the program
///
/// A guard that is dropped by a panic writes `error=panic` on its exit, unless the program recorded `error` itself. One
/// that began while a panic passed already, as in a destructor, does not.
///
/// # In a context
///
/// Where a span with a number is current ([`Context`](crate::Context)), as in a future that is a span, this one has
/// a number too, names that one as its parent, and is itself current until it ends. One with an id of choice keeps
/// it and names none; it is current if the id is one of [`Id::unique`].
#[must_use = "the span ends when its guard is dropped, which is now; `let _span = …` holds it"]
pub struct Span<'a> {
    place: Place<'a>,
    /// The number by which it is current, given by the library unless the tracer has it; else [`PLAIN`].
    number: i64,
    /// What was current before, if this one is.
    outer: i64,
    state: Cell<State>,
    /// Neither `Send` nor `Sync`: the id is that of the thread.
    thread: PhantomData<*const ()>,
}

/// What its tags and its id are from.
// Most are from a literal: of those a guard has little to keep.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// A literal, with the id of the thread.
    Literal(&'static Literal),
    /// Any tracer, within a parent whose tags are before its own.
    Tracer(Tracer<'a>, Option<&'a Span<'a>>),
}

impl<'a> Place<'a> {
    #[inline(always)]
    const fn new(tracer: Tracer<'a>, parent: Option<&'a Span<'a>>) -> Self {
        match tracer.as_static() {
            Some(literal) if parent.is_none() => Self::Literal(literal),
            _ => Self::Tracer(tracer, parent),
        }
    }

    #[inline]
    const fn tracer(self) -> Tracer<'a> {
        match self {
            Self::Literal(literal) => Tracer::literal(literal),
            Self::Tracer(tracer, _) => tracer,
        }
    }

    #[inline]
    const fn parent(self) -> Option<&'a Span<'a>> {
        match self {
            Self::Literal(_) => None,
            Self::Tracer(_, parent) => parent,
        }
    }
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
        let own = match self.place.tracer().span_id() {
            // Given by the library; so is that of the child.
            Id::Thread if self.number != PLAIN => Some(self.number),
            // Not even begun: the child is one as any.
            Id::Thread if !self.is_open() => None,
            id => {
                let path = path.id(id);
                return Span::guard(path, Some(self), self.begin_child(path, PLAIN, &args));
            }
        };
        let context = own.unwrap_or_else(context::get);
        Span::guard(path, Some(self), self.begin_child(path, context, &args))
    }

    /// Keeps an argument for the exit. Of a name that is recorded twice the last value counts.
    ///
    /// There are 256 bytes for names and values, four more counted for each argument, and no heap: an
    /// argument that does not fit is dropped, whole. 4096 spans of a process keep some at a time; of more, and of guards
    /// that are forgotten, they are dropped.
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
        if self.is_open() {
            record(&self.state, name, &value);
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
        if self.is_open() {
            self.end_with(&args);
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
        self.place.tracer().numbered(self.number).span_id()
    }

    /// A span that is none: what [`span!`](crate::span) gives when tracing is off.
    #[doc(hidden)]
    #[inline]
    pub const fn silent(tracer: Tracer<'a>) -> Self {
        Self {
            place: Place::new(tracer, None),
            number: PLAIN,
            outer: PLAIN,
            state: Cell::new(State::Closed),
            thread: PhantomData,
        }
    }

    /// What [`span!`](crate::span) with arguments gives, where it is known that markers are written. The tracer is a
    /// constant one of `tracer!`.
    #[doc(hidden)]
    #[inline(always)]
    pub fn enter_on(
        tracer: impl Fn() -> Tracer<'static>,
        args: impl Fn(&mut Args<'_>),
    ) -> Span<'static> {
        let begun = match context::get() {
            _ if cfg!(feature = "off") => Begun::plain(false),
            context => match tracer().static_literal() {
                Some(literal) if context == PLAIN => {
                    Begun::literal(literal, enter_literal(&tracer, &args))
                }
                Some(literal) => Begun::within(begin_literal(literal, context, &args), context),
                None => Begun::plain(false),
            },
        };
        Span::guard(tracer(), None, begun)
    }

    #[inline(always)]
    pub(crate) fn bare(tracer: Tracer<'a>) -> Self {
        let context = context_of(&tracer);
        let begun = match tracer.as_static() {
            _ if cfg!(feature = "off") => Begun::plain(false),
            Some(literal) if context == PLAIN => {
                Begun::literal(literal, device::enter(literal.enter))
            }
            Some(literal) => Begun::within(begin_literal(literal, context, &|_| ()), context),
            None => begin(tracer, None, context, &|_| ()),
        };
        Self::guard(tracer, None, begun)
    }

    #[inline(always)]
    pub(crate) fn begin(tracer: Tracer<'a>, args: &dyn Fn(&mut Args<'_>)) -> Self {
        let begun = match cfg!(feature = "off") {
            true => Begun::plain(false),
            false => begin(tracer, None, context_of(&tracer), args),
        };
        Self::guard(tracer, None, begun)
    }

    /// The guard of what was begun.
    #[inline(always)]
    fn guard(tracer: Tracer<'a>, parent: Option<&'a Span<'a>>, begun: Begun) -> Self {
        Self {
            place: Place::new(tracer, parent),
            number: begun.number,
            outer: begun.outer,
            state: Cell::new(begun.state),
            thread: PhantomData,
        }
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.state.get().is_open()
    }

    /// The tags of its parents, outermost first, and its own.
    #[inline]
    fn tags(&self, writer: &mut Writer<'_>) {
        if let Some(parent) = self.place.parent() {
            parent.tags(writer);
        }
        self.place.tracer().path().write(writer);
    }

    #[inline]
    fn begin_child(&self, path: Tracer<'_>, context: i64, args: &dyn Fn(&mut Args<'_>)) -> Begun {
        begin(path, Some(&|writer| self.tags(writer)), context, args)
    }

    /// The exit with arguments of the caller; if they cannot be said, it goes without them when the guard is dropped.
    #[inline(never)]
    fn end_with(&self, args: &dyn Fn(&mut Args<'_>)) {
        let tracer = self.place.tracer().numbered(self.number);
        if mark_exit(
            &tracer,
            self.place.parent(),
            self.state.get().room(),
            &|writer| {
                args(Args::of(writer));
            },
        ) {
            if let Some(room) = self.state.replace(State::Closed).room() {
                room.give_back();
            }
            context::leave_number(self.number, self.outer);
        }
    }
}

/// Writes an exit; false if no marker can say it.
fn mark_exit(
    tracer: &Tracer<'_>,
    parent: Option<&Span<'_>>,
    room: Option<Room>,
    args: &dyn Fn(&mut Writer<'_>),
) -> bool {
    send(Dir::Exit, |writer| {
        write_exit(writer, tracer, parent, room, args);
    })
}

#[inline]
fn write_exit(
    writer: &mut Writer<'_>,
    tracer: &Tracer<'_>,
    parent: Option<&Span<'_>>,
    room: Option<Room>,
    args: impl Fn(&mut Writer<'_>),
) {
    match parent {
        None => mark(writer, tracer, None, Dir::Exit),
        Some(parent) => {
            let before = |writer: &mut Writer<'_>| parent.tags(writer);
            mark(writer, tracer, Some(&before), Dir::Exit);
        }
    }
    if let Some(room) = room {
        room.write(writer);
    }
    args(writer);
}

/// Ends it but for its exit, which it makes: gives its length if it is a short one, else writes it, too.
#[inline(never)]
fn end(span: &Span<'_>, short: &mut Short) -> usize {
    let state = span.state.get();
    let room = state.room();
    let panicked = state.panicked() && !room.is_some_and(|room| room.has(ERROR));
    let tracer = span.place.tracer().numbered(span.number);
    let error = |writer: &mut Writer<'_>| {
        if panicked {
            error_of_panic(writer);
        }
    };
    let len = short.make(|writer| {
        write_exit(writer, &tracer, span.place.parent(), room, error);
    });
    if len == 0 {
        mark_exit(&tracer, span.place.parent(), room, &error);
    }
    context::leave_number(span.number, span.outer);
    if let Some(room) = room {
        room.give_back();
    }
    len
}

/// The context that matters for a span: one with an id of choice names no parent.
#[inline(always)]
fn context_of(tracer: &Tracer<'_>) -> i64 {
    match tracer.span_id() {
        Id::Thread => context::get(),
        _ => PLAIN,
    }
}

impl Drop for Span<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let state = self.state.get();
        if cfg!(feature = "off") || !state.is_open() {
            return;
        }
        if let Some(literal) = state.at_once()
            && device::exit_at_once(literal.exit)
        {
            return;
        }
        let mut short = Short::new();
        match end(self, &mut short) {
            0 => {}
            // SAFETY: it was made so long.
            len => device::exit_made(unsafe { short.marker(len) }),
        }
    }
}

impl core::fmt::Debug for Span<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let path = self.place.tracer().path();
        f.debug_struct("Span")
            .field("id", &self.id())
            .field("path", &path)
            .finish_non_exhaustive()
    }
}
