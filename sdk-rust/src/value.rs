//! What an argument may be.

use core::fmt::{self, Debug, Display, Write as _};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::encode::Writer;

/// Something that an argument's value can be.
///
/// Implemented for numbers, `bool`, `char`, text, and for references, boxes and options of those: `None`
/// is the empty value. Floats are written as `{:?}` does, `1.0` or `1e300`. For what only has `Display`
/// or `Debug`, see [`display`] and [`debug`].
///
/// ```
/// use nulltrace::{Text, Value, span};
///
/// struct Cents(u64);
///
/// impl Value for Cents {
///     fn write(&self, text: &mut Text<'_>) {
///         text.u64(self.0 / 100).str(".").u64(self.0 % 100);
///     }
/// }
///
/// # #[cfg(feature = "mock")] {
/// let mock = nulltrace::mock::Mock::here();
/// drop(span!("pay", amount = Cents(1999), user = "ann", to = None::<&str>));
/// mock.expect().enter("pay").arg("amount", "19.99").arg("user", "ann").arg("to", "").exit("pay").done();
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of an argument",
    note = "in `span!`, `name = %value` takes its `Display` and `name = ?value` its `Debug`; elsewhere \
            `nulltrace::display(&value)` and `nulltrace::debug(&value)`"
)]
pub trait Value {
    /// Writes the value. May be called a second time for the same marker, when a control character in it
    /// turns out to need the JSON form.
    fn write(&self, text: &mut Text<'_>);
}

/// Where a [`Value`] writes its text; never fails. Also a [`fmt::Write`], so that `write!` works on it.
///
/// ```
/// use std::fmt::Write;
/// use nulltrace::{Text, Value};
///
/// struct Point(i32, i32);
///
/// impl Value for Point {
///     fn write(&self, text: &mut Text<'_>) {
///         let _ = write!(text, "{}/{}", self.0, self.1);
///     }
/// }
/// # #[cfg(feature = "mock")] {
/// # let mock = nulltrace::mock::Mock::here();
/// # drop(nulltrace::span!("draw", at = Point(1, -2)));
/// # mock.expect().enter("draw").arg("at", "1/-2").exit("draw").done();
/// # }
/// ```
#[repr(transparent)]
pub struct Text<'b>(Writer<'b>);

impl<'b> Text<'b> {
    #[inline(always)]
    pub(crate) fn of<'w>(writer: &'w mut Writer<'b>) -> &'w mut Self {
        // SAFETY: the same layout, by `repr(transparent)`, and the same borrow.
        unsafe { &mut *core::ptr::from_mut(writer).cast() }
    }

    /// Appends text.
    ///
    /// ```
    /// # struct Name;
    /// # impl nulltrace::Value for Name {
    /// fn write(&self, text: &mut nulltrace::Text<'_>) {
    ///     text.str("ann").str("@").str("example.org");
    /// }
    /// # }
    /// # drop(nulltrace::span!("a", name = Name));
    /// ```
    #[inline]
    pub fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes that need not be UTF-8.
    ///
    /// ```
    /// # struct Name;
    /// # impl nulltrace::Value for Name {
    /// fn write(&self, text: &mut nulltrace::Text<'_>) {
    ///     text.bytes(b"\xff");
    /// }
    /// # }
    /// # drop(nulltrace::span!("a", name = Name));
    /// ```
    #[inline]
    pub fn bytes(&mut self, text: &[u8]) -> &mut Self {
        self.0.text(text);
        self
    }

    /// Appends a number.
    ///
    /// ```
    /// # struct Name;
    /// # impl nulltrace::Value for Name {
    /// fn write(&self, text: &mut nulltrace::Text<'_>) {
    ///     text.u64(42);
    /// }
    /// # }
    /// # drop(nulltrace::span!("a", name = Name));
    /// ```
    #[inline]
    pub fn u64(&mut self, number: u64) -> &mut Self {
        self.0.integer(false, number);
        self
    }

    /// Appends a number that may be negative.
    ///
    /// ```
    /// # struct Name;
    /// # impl nulltrace::Value for Name {
    /// fn write(&self, text: &mut nulltrace::Text<'_>) {
    ///     text.i64(-42);
    /// }
    /// # }
    /// # drop(nulltrace::span!("a", name = Name));
    /// ```
    #[inline]
    pub fn i64(&mut self, number: i64) -> &mut Self {
        self.0.integer(number < 0, number.unsigned_abs());
        self
    }
}

impl fmt::Write for Text<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.str(text);
        Ok(())
    }
}

impl Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text")
    }
}

/// A value by its `Display`, formatted on the stack. In [`span!`](crate::span): `name = %value`.
///
/// ```
/// let address = std::net::Ipv4Addr::LOCALHOST;
/// nulltrace::span!("connect", to = nulltrace::display(&address));
/// ```
#[inline]
pub fn display<T: Display + ?Sized>(value: &T) -> impl Value {
    By(value, |value: &T, text: &mut Text<'_>| {
        write!(text, "{value}")
    })
}

/// A value by its `Debug`, formatted on the stack. In [`span!`](crate::span): `name = ?value`.
///
/// ```
/// nulltrace::span!("connect", to = nulltrace::debug(&["a", "b"]));
/// ```
#[inline]
pub fn debug<T: Debug + ?Sized>(value: &T) -> impl Value {
    By(value, |value: &T, text: &mut Text<'_>| {
        write!(text, "{value:?}")
    })
}

/// What an error says, by its `Display`: the first 200 bytes, so that a long message cannot push other
/// arguments out of the marker. All SDKs call that argument `error`.
///
/// ```
/// let span = nulltrace::span!("parse");
/// if let Err(refused) = "x".parse::<u8>() {
///     span.record("error", nulltrace::error(&refused));
/// }
/// ```
#[inline]
pub fn error<T: Display + ?Sized>(value: &T) -> impl Value {
    By(value, |value: &T, text: &mut Text<'_>| {
        write!(First { text, left: 200 }, "{value}")
    })
}

struct By<'v, T: ?Sized>(&'v T, fn(&T, &mut Text<'_>) -> fmt::Result);

impl<T: ?Sized> Value for By<'_, T> {
    #[inline]
    fn write(&self, text: &mut Text<'_>) {
        // An error is one of the value's own; what it wrote so far stands.
        let _ = (self.1)(self.0, text);
    }
}

/// Passes so many bytes on, whole characters only.
struct First<'t, 'b> {
    text: &'t mut Text<'b>,
    left: usize,
}

impl fmt::Write for First<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(self.left);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.left = if end < text.len() { 0 } else { self.left - end };
        self.text.str(&text[..end]);
        Ok(())
    }
}

macro_rules! by_number {
    ($method:ident as $wide:ty: $($number:ty)*) => {
        $(impl Value for $number {
            #[inline]
            fn write(&self, text: &mut Text<'_>) {
                text.$method(*self as $wide);
            }
        })*
    };
}

by_number!(u64 as u64: u8 u16 u32 u64 usize);
by_number!(i64 as i64: i8 i16 i32 i64 isize);

macro_rules! by_format {
    ($format:literal: $($type:ty)*) => {
        $(impl Value for $type {
            #[inline]
            fn write(&self, text: &mut Text<'_>) {
                let _ = write!(text, $format, self);
            }
        })*
    };
}

by_format!("{:?}": f32 f64);
by_format!("{}": u128 i128 fmt::Arguments<'_>);

impl Value for bool {
    #[inline]
    fn write(&self, text: &mut Text<'_>) {
        text.str(if *self { "true" } else { "false" });
    }
}

impl Value for char {
    #[inline]
    fn write(&self, text: &mut Text<'_>) {
        text.str(self.encode_utf8(&mut [0; 4]));
    }
}

impl Value for str {
    #[inline]
    fn write(&self, text: &mut Text<'_>) {
        text.str(self);
    }
}

impl Value for String {
    #[inline]
    fn write(&self, text: &mut Text<'_>) {
        text.str(self);
    }
}

impl<T: Value> Value for Option<T> {
    #[inline]
    fn write(&self, text: &mut Text<'_>) {
        if let Some(value) = self {
            value.write(text);
        }
    }
}

impl<T: Value + ToOwned + ?Sized> Value for Cow<'_, T> {
    #[inline]
    fn write(&self, text: &mut Text<'_>) {
        (**self).write(text);
    }
}

macro_rules! by_target {
    ($($pointer:ty)*) => {
        $(impl<T: Value + ?Sized> Value for $pointer {
            #[inline]
            fn write(&self, text: &mut Text<'_>) {
                (**self).write(text);
            }
        })*
    };
}

by_target!(&T &mut T Box<T> Rc<T> Arc<T>);
