//! How the spans of guards begin and end.

use crate::context::{self, PLAIN};
use crate::dir::Dir;
use crate::encode::Writer;
use crate::literal::Literal;
use crate::panics::{error_of_panic, panicked};
use crate::tracer::send;
use crate::{Args, Id, Tracer, device, unique};

/// Writes the tags of the parents of a child.
pub(crate) type Before<'b> = Option<&'b dyn Fn(&mut Writer<'_>)>;

/// What became of an enter.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) open: bool,
    /// The number by which the span is current, or [`PLAIN`].
    pub(crate) number: i64,
    /// What was current before, if it is.
    pub(crate) outer: i64,
}

impl Begun {
    /// Of a literal in a context.
    #[inline(always)]
    pub(crate) const fn within(number: i64, context: i64) -> Self {
        Self {
            open: number != PLAIN,
            number,
            outer: context,
        }
    }

    /// Without a number.
    #[inline(always)]
    pub(crate) const fn plain(open: bool) -> Self {
        Self {
            open,
            number: PLAIN,
            outer: PLAIN,
        }
    }
}

/// Begins a span that needs more than the literal's own marker.
#[inline(never)]
pub(crate) fn begin(
    tracer: Tracer<'_>,
    before: Before<'_>,
    context: i64,
    args: &dyn Fn(&mut Args<'_>),
) -> Begun {
    if !device::on() {
        return Begun::plain(false);
    }
    let number = match context {
        PLAIN => PLAIN,
        _ => unique::next(),
    };
    let tracer = match number {
        PLAIN => tracer,
        number => tracer.id(Id::Number(number)),
    };
    let open = send(Dir::Enter, |writer| {
        mark(writer, &tracer, before, Dir::Enter);
        if number != PLAIN {
            writer.parent(context::named(context));
        }
        args(Args::of(writer));
    });
    // One of choice makes a span current, too. A child has that of its parent, which is.
    let number = match tracer.span_id() {
        Id::Number(chosen) if before.is_none() && unique::is_one(chosen) => chosen,
        _ => number,
    };
    match open && number != PLAIN {
        true => Begun {
            open,
            number,
            outer: context::enter(number),
        },
        false => Begun::plain(open),
    }
}

/// The same of a literal in a context, which is then what was current before: gives the number, or [`PLAIN`] if no
/// span was begun. Small, so that the caller has it in a register.
#[inline(never)]
pub(crate) fn begin_literal(
    literal: &'static Literal,
    context: i64,
    args: &dyn Fn(&mut Args<'_>),
) -> i64 {
    begin(Tracer::literal(literal), None, context, args).number
}

/// A marker up to its arguments.
#[inline]
pub(crate) fn mark(writer: &mut Writer<'_>, tracer: &Tracer<'_>, before: Before<'_>, dir: Dir) {
    let Some(before) = before else {
        return tracer.begin(writer, dir);
    };
    writer.begin(dir, tracer.span_id());
    before(writer);
    tracer.path().write(writer);
    writer.tags_end();
}

/// The exit of a literal that has nothing to say but a panic.
// One call at most, so that the compiler inlines the drop of a guard.
#[inline(always)]
pub(crate) fn end_literal(literal: &'static Literal, number: i64, outer: i64, was_panicking: bool) {
    if number == PLAIN && !std::thread::panicking() && device::exit_at_once(literal.exit) {
        return;
    }
    end_otherwise(literal, number, outer, was_panicking);
}

#[cold]
#[inline(never)]
fn end_otherwise(literal: &'static Literal, number: i64, outer: i64, was_panicking: bool) {
    let panicked = panicked(was_panicking);
    mark_exit(literal, number, outer, &|writer| {
        if panicked {
            error_of_panic(writer);
        }
    });
}

/// Writes the exit of a literal; false if no marker can say it.
#[inline(never)]
pub(crate) fn mark_exit(
    literal: &'static Literal,
    number: i64,
    outer: i64,
    args: &dyn Fn(&mut Writer<'_>),
) -> bool {
    let tracer = match number {
        PLAIN => Tracer::literal(literal),
        number => Tracer::literal(literal).id(Id::Number(number)),
    };
    let exited = tracer.mark_with(Dir::Exit, args);
    if exited {
        context::leave_number(number, outer);
    }
    exited
}
