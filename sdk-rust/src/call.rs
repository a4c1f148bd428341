//! The guard of a call of a `#[traced]` function. Small, as each level of a recursion has one.

use core::marker::PhantomData;

use crate::begun::{begin_literal, end_literal, mark_exit};
use crate::context::{self, PLAIN};
use crate::literal::Literal;
use crate::tracer::enter_literal;
use crate::{Args, Tracer, device};

/// As [`Span`](crate::Span), of a literal and without room for recorded arguments.
#[derive(Debug)]
#[must_use = "the span ends when its guard is dropped"]
pub struct Call {
    /// `None` when no exit is owed.
    literal: Option<&'static Literal>,
    was_panicking: bool,
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
            PLAIN if device::enter(literal.enter) => Self::open(literal, PLAIN, PLAIN),
            PLAIN => Self::silent(tracer),
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
            PLAIN if enter_literal(&tracer, &args) => Self::open(literal, PLAIN, PLAIN),
            PLAIN => Self::silent(tracer()),
            context => Self::begun(literal, context, &args),
        }
    }

    #[inline(always)]
    fn begun(literal: &'static Literal, context: i64, args: &dyn Fn(&mut Args<'_>)) -> Self {
        match begin_literal(literal, context, args) {
            PLAIN => Self::silent(Tracer::literal(literal)),
            number => Self::open(literal, number, context),
        }
    }

    #[inline(always)]
    fn open(literal: &'static Literal, number: i64, outer: i64) -> Self {
        Self {
            literal: Some(literal),
            was_panicking: std::thread::panicking(),
            number,
            outer,
            thread: PhantomData,
        }
    }

    /// One that is none.
    #[inline(always)]
    pub const fn silent(_: Tracer<'static>) -> Self {
        Self {
            literal: None,
            was_panicking: false,
            number: PLAIN,
            outer: PLAIN,
            thread: PhantomData,
        }
    }

    /// Ends it with arguments; if they cannot be said, without.
    #[inline]
    pub fn exit_with(mut self, args: impl Fn(&mut Args<'_>)) {
        if let Some(literal) = self.literal
            && mark_exit(literal, self.number, self.outer, &|writer| {
                args(Args::of(writer));
            })
        {
            self.literal = None;
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
        if let Some(literal) = self.literal {
            end_literal(literal, self.number, self.outer, self.was_panicking);
        }
    }
}
