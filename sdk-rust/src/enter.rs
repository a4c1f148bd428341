//! How a tracer begins a span.

use crate::{Args, Span, Tracer, device};

impl<'a> Tracer<'a> {
    /// Begins a span, which ends when the guard is dropped.
    ///
    /// ```
    /// let _span = nulltrace::tracer!("checkout").enter();
    /// ```
    #[inline(always)]
    pub fn enter(self) -> Span<'a> {
        Span::bare(self)
    }

    /// Begins a span with arguments. The closure is called while markers are written, and a second time
    /// if a control character in a value needs the marker's other form.
    ///
    /// ```
    /// let rows = vec![1, 2, 3];
    /// let _span = nulltrace::tracer!("sort").enter_with(|args| {
    ///     args.arg("rows", rows.len());
    /// });
    /// ```
    #[inline(always)]
    pub fn enter_with(self, args: impl Fn(&mut Args<'_>)) -> Span<'a> {
        if !device::on() {
            return Span::silent(self);
        }
        Span::begin(self, &args)
    }
}
