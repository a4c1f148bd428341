//! The arguments of a marker that is being written.

use crate::encode::Writer;
use crate::literal::Name;
use crate::refused::Refused;
use crate::{Text, Value};

/// Takes the arguments of one marker: at most 64, in order. Names and values may be any text.
///
/// ```
/// use nulltrace::{Tracer, tracer};
///
/// static PAY: Tracer<'static> = tracer!("checkout.pay");
/// let user = "ann";
/// let span = PAY.enter_with(|args| {
///     args.arg("cart", 7).arg("user", user);
/// });
/// # drop(span);
/// ```
#[repr(transparent)]
pub struct Args<'b>(Writer<'b>);

impl<'b> Args<'b> {
    #[inline(always)]
    pub(crate) fn of<'w>(writer: &'w mut Writer<'b>) -> &'w mut Self {
        // SAFETY: the same layout, by `repr(transparent)`, and the same borrow.
        unsafe { &mut *core::ptr::from_mut(writer).cast() }
    }

    /// Adds one. With an empty name the marker is refused, and its span not traced; with the name `^` too, where
    /// it is the first one of an enter: it would name the parent.
    ///
    /// ```
    /// let tracer = nulltrace::tracer!("read");
    /// drop(tracer.enter_with(|args| {
    ///     args.arg("from", 4096).arg("file", "a.txt");
    /// }));
    /// ```
    #[inline]
    pub fn arg(&mut self, name: &str, value: impl Value) -> &mut Self {
        if self.0.is_parent(name.as_bytes()) {
            self.0.refuse(Refused::ArgName);
        }
        self.0
            .arg(name.as_bytes(), |writer| value.write(Text::of(writer)));
        self
    }

    /// One whose name was checked while compiling.
    #[doc(hidden)]
    #[inline(always)]
    pub fn named(&mut self, name: Name, value: &(impl Value + ?Sized)) {
        let text = name.text.as_bytes();
        let value = |writer: &mut Writer<'_>| value.write(Text::of(writer));
        if name.plain {
            self.0.arg_plain(text, value);
        } else {
            self.0.arg(text, value);
        }
    }
}

impl core::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Args")
    }
}
