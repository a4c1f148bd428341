//! How the spans of guards begin and end.

use crate::context::{self, PLAIN};
use crate::dir::Dir;
use crate::encode::Writer;
use crate::literal::Literal;
use crate::room::Room;
use crate::short::Short;
use crate::tracer::send;
use crate::{Args, Id, Tracer, device, unique};

/// Writes the tags of the parents of a child.
pub(crate) type Before<'b> = Option<&'b dyn Fn(&mut Writer<'_>)>;

/// What a guard owes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// No enter was written, or the exit was.
    Closed,
    /// The exit of a literal, as it is.
    // With the literal, so that one test when the guard is dropped says both.
    Static(&'static Literal),
    /// An exit with more to say, such as the arguments in a room.
    Open(Option<Room>),
    /// The same of a span that began while a panic passed, as in a destructor: that panic is not its own.
    InPanic(Option<Room>),
}

impl State {
    /// After an enter, or none, of a literal with the id of the thread.
    #[inline(always)]
    pub(crate) fn of_literal(literal: &'static Literal, open: bool) -> Self {
        match open {
            false => Self::Closed,
            true if std::thread::panicking() => Self::InPanic(None),
            true => Self::Static(literal),
        }
    }

    /// After an enter, or none, of any other.
    #[inline(always)]
    pub(crate) fn of(open: bool) -> Self {
        match open {
            false => Self::Closed,
            true if std::thread::panicking() => Self::InPanic(None),
            true => Self::Open(None),
        }
    }

    /// When arguments are in this room.
    pub(crate) fn with_room(self, room: Room) -> Self {
        match self {
            Self::Closed => Self::Closed,
            Self::Static(_) | Self::Open(_) => Self::Open(Some(room)),
            Self::InPanic(_) => Self::InPanic(Some(room)),
        }
    }

    pub(crate) fn room(self) -> Option<Room> {
        match self {
            Self::Closed | Self::Static(_) => None,
            Self::Open(room) | Self::InPanic(room) => room,
        }
    }

    /// Whether a panic ends the span.
    #[inline]
    pub(crate) fn panicked(self) -> bool {
        !matches!(self, Self::InPanic(_)) && std::thread::panicking()
    }

    /// Whether an exit is owed.
    #[inline(always)]
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::Closed)
    }

    /// The literal whose exit is all there is to say.
    #[inline(always)]
    pub(crate) fn at_once(self) -> Option<&'static Literal> {
        match self {
            Self::Static(literal) if !std::thread::panicking() => Some(literal),
            _ => None,
        }
    }
}

/// What became of an enter.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) state: State,
    /// The number by which the span is current, or [`PLAIN`].
    pub(crate) number: i64,
    /// What was current before, if it is.
    pub(crate) outer: i64,
}

impl Begun {
    /// Of a literal in a context.
    #[inline(always)]
    pub(crate) fn within(number: i64, context: i64) -> Self {
        Self {
            state: State::of(number != PLAIN),
            number,
            outer: context,
        }
    }

    /// Of a literal without a number.
    #[inline(always)]
    pub(crate) fn literal(literal: &'static Literal, open: bool) -> Self {
        Self::without_number(State::of_literal(literal, open))
    }

    /// Of any other without a number.
    #[inline(always)]
    pub(crate) fn plain(open: bool) -> Self {
        Self::without_number(State::of(open))
    }

    #[inline(always)]
    fn without_number(state: State) -> Self {
        Self {
            state,
            number: PLAIN,
            outer: PLAIN,
        }
    }
}

/// An enter that needs more than the literal's own marker.
struct Enter<'e> {
    tracer: Tracer<'e>,
    before: Before<'e>,
    context: i64,
    /// Given by the library, in a context.
    number: i64,
    args: &'e dyn Fn(&mut Args<'_>),
}

impl Enter<'_> {
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        let tracer = self.tracer.numbered(self.number);
        mark(writer, &tracer, self.before, Dir::Enter);
        if self.number != PLAIN {
            writer.parent(context::named(self.context));
        }
        (self.args)(Args::of(writer));
    }

    // Not generic: one function for all spans.
    #[inline(never)]
    fn make(&self, short: &mut Short) -> usize {
        short.make(|writer| self.write(writer))
    }

    #[cold]
    #[inline(never)]
    fn send(&self) -> bool {
        send(Dir::Enter, |writer| self.write(writer))
    }

    /// The number by which the span is current.
    // One of choice makes it that, too. A child has that of its parent, which is.
    #[inline]
    fn current(&self) -> i64 {
        match self.tracer.span_id() {
            Id::Number(chosen) if self.before.is_none() && unique::is_one(chosen) => chosen,
            _ => self.number,
        }
    }
}

/// Begins a span that needs more than the literal's own marker.
// Its system call stands in the caller, as that of `send_short`.
#[inline(always)]
pub(crate) fn begin(
    tracer: Tracer<'_>,
    before: Before<'_>,
    context: i64,
    args: &dyn Fn(&mut Args<'_>),
) -> Begun {
    if !device::on() {
        return Begun::plain(false);
    }
    let enter = Enter {
        tracer,
        before,
        context,
        number: match context {
            PLAIN => PLAIN,
            _ => unique::next(),
        },
        args,
    };
    let mut short = Short::new();
    let open = match enter.make(&mut short) {
        0 => enter.send(),
        // SAFETY: it was made so long.
        len => device::enter(unsafe { short.marker(len) }),
    };
    match enter.current() {
        number if open && number != PLAIN => Begun {
            state: State::of(open),
            number,
            outer: context::enter(number),
        },
        _ => Begun::plain(open),
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
