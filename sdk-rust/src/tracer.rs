//! A span's place, for as many spans as are wanted.

use crate::context::PLAIN;
use crate::dir::Dir;
use crate::encode::{Buffer, Writer, marker};
use crate::literal::Literal;
use crate::short::Short;
use crate::{Args, Id, Path, device};

/// The tags and the id of spans: made once, entered often.
///
/// ```
/// use nulltrace::{Id, Tracer, tracer};
///
/// // Both markers are static bytes, made while compiling.
/// static PAY: Tracer<'static> = tracer!("checkout.pay");
/// // Tags that are known only now; the markers are made for each span, on the stack.
/// let path = format!("worker.{}", 3);
/// let worker = Tracer::new(&path);
///
/// # #[cfg(feature = "mock")]
/// # let mock = nulltrace::mock::Mock::here();
/// for cart in [7, 8] {
///     let _working = worker.enter();
///     let _paying = PAY.enter_with(|args| {
///         args.arg("cart", cart);
///     });
/// }
/// drop(PAY.id(Id::Number(42)).enter());
/// # #[cfg(feature = "mock")]
/// # mock.expect().enter("worker.3").enter("checkout.pay").arg("cart", "7").exit("checkout.pay").exit("worker.3")
/// #     .enter("worker.3").enter("checkout.pay").arg("cart", "8").exit("checkout.pay").exit("worker.3")
/// #     .enter("checkout.pay").id("42").exit("checkout.pay").done();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tracer<'a> {
    tags: Tags<'a>,
    id: Id,
}

#[derive(Clone, Copy, Debug)]
enum Tags<'a> {
    Literal(&'static Literal),
    Path(Path<'a>),
}

impl<'a> Tracer<'a> {
    /// For spans of these tags, which dots split. Tags that no marker can have make silent spans. For a
    /// literal [`tracer!`](crate::tracer) is faster and checks the tags while compiling.
    ///
    /// ```
    /// let name = String::from("worker.3");
    /// let _span = nulltrace::Tracer::new(&name).enter();
    /// ```
    #[must_use]
    #[inline]
    pub const fn new(path: &'a str) -> Self {
        Self::of(Path::Text(path))
    }

    /// For spans of these tags, one each.
    ///
    /// ```
    /// let _span = nulltrace::Tracer::list(&["example.org", "get"]).enter();
    /// ```
    #[must_use]
    #[inline]
    pub const fn list(tags: &'a [&'a str]) -> Self {
        Self::of(Path::List(tags))
    }

    #[inline]
    pub(crate) const fn of(path: Path<'a>) -> Self {
        Self {
            tags: Tags::Path(path),
            id: Id::Thread,
        }
    }

    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub const fn literal(literal: &'static Literal) -> Tracer<'static> {
        Tracer {
            tags: Tags::Literal(literal),
            id: Id::Thread,
        }
    }

    /// The same tags with another id than [`Id::Thread`].
    ///
    /// ```
    /// use nulltrace::{Id, tracer};
    ///
    /// let request = 1_000_042;
    /// let _span = tracer!("request").id(Id::Number(request)).enter();
    /// ```
    #[must_use]
    #[inline]
    pub const fn id(mut self, id: Id) -> Self {
        self.id = id;
        self
    }

    /// The same, with the number that the library gave a span, if it did.
    #[inline]
    pub(crate) const fn numbered(self, number: i64) -> Self {
        match self.id {
            Id::Thread if number != PLAIN => self.id(Id::Number(number)),
            _ => self,
        }
    }

    #[inline]
    pub(crate) const fn span_id(&self) -> Id {
        self.id
    }

    #[inline]
    pub(crate) const fn path(&self) -> Path<'a> {
        match self.tags {
            Tags::Literal(literal) => literal.path,
            Tags::Path(path) => path,
        }
    }

    #[inline(always)]
    pub(crate) const fn static_literal(&self) -> Option<&'static Literal> {
        match self.tags {
            Tags::Literal(literal) => Some(literal),
            Tags::Path(_) => None,
        }
    }

    /// Of a literal path with the id of the thread, all there is: its markers without arguments are static bytes.
    #[inline(always)]
    pub(crate) const fn as_static(&self) -> Option<&'static Literal> {
        match self.id {
            Id::Thread => self.static_literal(),
            _ => None,
        }
    }

    /// Writes a marker with arguments; false if no marker can say it.
    #[inline]
    pub(crate) fn mark_with(&self, dir: Dir, args: impl Fn(&mut Writer<'_>)) -> bool {
        send(dir, |writer| {
            self.begin(writer, dir);
            args(writer);
        })
    }

    /// The same without arguments.
    #[inline]
    pub(crate) fn mark(&self, dir: Dir) -> bool {
        self.mark_with(dir, |_| ())
    }

    #[inline(always)]
    pub(crate) fn begin(&self, writer: &mut Writer<'_>, dir: Dir) {
        match self.tags {
            Tags::Literal(literal) if writer.is_simple() => match literal.simple(dir) {
                Some(before_args) => writer.begin_literal(before_args, dir, self.id),
                None => begin(literal.path, self.id, writer, dir),
            },
            _ => begin(self.path(), self.id, writer, dir),
        }
    }
}

#[inline(never)]
fn begin(path: Path<'_>, id: Id, writer: &mut Writer<'_>, dir: Dir) {
    writer.begin(dir, id);
    path.write(writer);
    writer.tags_end();
}

/// Makes a marker and writes it; false if no marker can say it, or for an enter if markers are off. For what is in a
/// hurry; [`send`] does the same.
// Most markers are short: their bytes are in the caller's frame, which has no room for a long one, and are written from
// there, as a return right behind a system call is mispredicted.
#[inline(always)]
pub(crate) fn send_short(dir: Dir, parts: impl Fn(&mut Writer<'_>)) -> bool {
    let mut short = Short::new();
    match make_apart(&mut short, &parts) {
        0 => send_long(dir, &parts),
        // SAFETY: it was made so long.
        len => device::mark(dir, unsafe { short.marker(len) }),
    }
}

// What it needs of the stack is free again when the marker is written.
#[inline(never)]
fn make_apart(short: &mut Short, parts: impl Fn(&mut Writer<'_>)) -> usize {
    short.make(parts)
}

#[cold]
#[inline(never)]
fn send_long(dir: Dir, parts: &dyn Fn(&mut Writer<'_>)) -> bool {
    send(dir, parts)
}

/// The enter of a literal with the id of the thread, with arguments.
///
/// The literal is given by a function of no captures, so that it is a constant where the marker is made.
#[inline(always)]
pub(crate) fn enter_literal(
    tracer: impl Fn() -> Tracer<'static>,
    args: &impl Fn(&mut Args<'_>),
) -> bool {
    send_short(Dir::Enter, |writer| {
        tracer().begin(writer, Dir::Enter);
        args(Args::of(writer));
    })
}

/// Makes any marker and writes it; false if no marker can say it, or for an enter if markers are off.
// Never inlined: no caller of spans has the buffer in its frame.
#[inline(never)]
pub(crate) fn send(dir: Dir, parts: impl Fn(&mut Writer<'_>)) -> bool {
    let mut buffer = Buffer::new();
    let marker = marker(&mut buffer, |bytes, form| {
        let mut writer = Writer::new(bytes, form);
        parts(&mut writer);
        writer.made()
    });
    match marker {
        Ok(marker) => device::mark(dir, marker),
        Err(_) => false,
    }
}
