//! A span's place, for as many spans as are wanted.

use crate::dir::Dir;
use crate::encode::{Buffer, Writer, marker};
use crate::literal::Literal;
use crate::{Id, Path, device};

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
    path: Path<'a>,
    id: Id,
    literal: Option<&'static Literal>,
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
            path,
            id: Id::Thread,
            literal: None,
        }
    }

    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub const fn literal(literal: &'static Literal) -> Tracer<'static> {
        Tracer {
            path: literal.path,
            id: Id::Thread,
            literal: Some(literal),
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

    #[inline]
    pub(crate) const fn span_id(&self) -> Id {
        self.id
    }

    #[inline]
    pub(crate) const fn path(&self) -> Path<'a> {
        self.path
    }

    #[inline(always)]
    pub(crate) const fn static_literal(&self) -> Option<&'static Literal> {
        self.literal
    }

    /// Of a literal path with the id of the thread, all there is: its markers without arguments are static bytes.
    #[inline(always)]
    pub(crate) const fn as_static(&self) -> Option<&'static Literal> {
        match self.id {
            Id::Thread => self.literal,
            _ => None,
        }
    }

    /// Writes a marker without arguments; false if no marker can say it.
    #[inline(always)]
    pub(crate) fn mark(&self, dir: Dir) -> bool {
        if let Some(literal) = self.as_static() {
            device::write_short(match dir {
                Dir::Enter => literal.enter,
                Dir::Exit => literal.exit,
            });
            return true;
        }
        device::on() && self.mark_with(dir, |_| ())
    }

    /// Writes a marker with arguments; false if no marker can say it.
    #[inline(always)]
    pub(crate) fn mark_with(&self, dir: Dir, args: impl Fn(&mut Writer<'_>)) -> bool {
        send(|writer| {
            self.begin(writer, dir);
            args(writer);
        })
    }

    #[inline(always)]
    pub(crate) fn begin(&self, writer: &mut Writer<'_>, dir: Dir) {
        match self.literal.and_then(|literal| literal.simple(dir)) {
            Some(before_args) if writer.is_simple() => {
                writer.begin_literal(before_args, dir, self.id);
            }
            _ => {
                writer.begin(dir, self.id);
                self.path.write(writer);
                writer.tags_end();
            }
        }
    }
}

/// Makes a marker on the stack and writes it; false if no marker can say it.
#[inline(always)]
pub(crate) fn send(parts: impl Fn(&mut Writer<'_>)) -> bool {
    let mut buffer = Buffer::new();
    match marker(&mut buffer, parts) {
        Ok(marker) => {
            device::write_short(marker);
            true
        }
        Err(_) => false,
    }
}
