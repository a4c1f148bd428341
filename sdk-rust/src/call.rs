//! The guard of a call of a `#[traced]` function. Small, as each level of a recursion has one.

use core::marker::PhantomData;

use crate::begun::{State, begin_literal, mark_exit};
use crate::context::{self, PLAIN};
use crate::literal::Literal;
use crate::panics::error_of_panic;
use crate::tracer::enter_literal;
use crate::{Args, Tracer, device};

/// As [`Span`](crate::Span), of a literal and without room for recorded arguments.
#[derive(Debug)]
#[must_use = "the span ends when its guard is dropped"]
pub struct Call {
    /// `None` when there was nothing to begin.
    literal: Option<&'static Literal>,
    state: State,
    /// As those of a `Span`.
    number: i64,
    outer: i64,
    thread: PhantomData<*const ()>,
}

impl Call {
    /// Begins it. The tracer is one of `tracer!`.
    #[inline(always)]
    pub fn enter(tracer: Tracer<'static>) -> Self {
        let Some(literal) = on(tracer) else {
            return Self::silent(tracer);
        };
        match context::get() {
            PLAIN => Self::plain(literal, device::enter(literal.enter)),
            context => Self::begun(literal, context, &|_| ()),
        }
    }

    /// The same with arguments, where it is known that markers are written.
    #[inline(always)]
    pub fn enter_on(tracer: impl Fn() -> Tracer<'static>, args: impl Fn(&mut Args<'_>)) -> Self {
        let Some(literal) = on(tracer()) else {
            return Self::silent(tracer());
        };
        match context::get() {
            PLAIN => Self::plain(literal, enter_literal(&tracer, &args)),
            context => Self::begun(literal, context, &args),
        }
    }

    #[inline(always)]
    fn begun(literal: &'static Literal, context: i64, args: &dyn Fn(&mut Args<'_>)) -> Self {
        let number = begin_literal(literal, context, args);
        Self {
            literal: Some(literal),
            state: State::of(number != PLAIN),
            number,
            outer: context,
            thread: PhantomData,
        }
    }

    #[inline(always)]
    fn plain(literal: &'static Literal, open: bool) -> Self {
        Self {
            literal: Some(literal),
            state: State::of_literal(literal, open),
            number: PLAIN,
            outer: PLAIN,
            thread: PhantomData,
        }
    }

    /// One that is none.
    #[inline(always)]
    pub const fn silent(_: Tracer<'static>) -> Self {
        Self {
            literal: None,
            state: State::Closed,
            number: PLAIN,
            outer: PLAIN,
            thread: PhantomData,
        }
    }

    /// Ends it with arguments; if they cannot be said, without.
    #[inline]
    pub fn exit_with(mut self, args: impl Fn(&mut Args<'_>)) {
        if let Some(literal) = self.literal
            && self.state.is_open()
            && mark_exit(literal, self.number, self.outer, &|writer| {
                args(Args::of(writer));
            })
        {
            self.state = State::Closed;
        }
    }
}

#[inline(always)]
fn on(tracer: Tracer<'static>) -> Option<&'static Literal> {
    match cfg!(feature = "off") {
        true => None,
        false => tracer.as_static(),
    }
}

impl Drop for Call {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(literal) = self.literal
            && self.state.is_open()
            && !self
                .state
                .at_once()
                .is_some_and(|literal| device::exit_at_once(literal.exit))
        {
            end(literal, self.state, self.number, self.outer);
        }
    }
}

/// The exit where it is more than one system call.
#[cold]
#[inline(never)]
fn end(literal: &'static Literal, state: State, number: i64, outer: i64) {
    let panicked = state.panicked();
    mark_exit(literal, number, outer, &|writer| {
        if panicked {
            error_of_panic(writer);
        }
    });
}
