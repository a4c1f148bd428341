//! What is kept of the few spans that began otherwise than most.

use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// How a span began.
#[derive(Clone, Copy, Default)]
pub(crate) struct Noted {
    /// Markers were on or off, other than when the layer was made.
    pub(crate) switched: bool,
    /// A panic passed already.
    pub(crate) was_panicking: bool,
}

impl Noted {
    /// Keeps it with the span. Not for the hot path.
    pub(crate) fn keep<S: for<'s> LookupSpan<'s>>(self, span: &SpanRef<'_, S>) {
        span.extensions_mut().replace(self);
    }

    /// What was kept: of most spans, nothing.
    pub(crate) fn of<S: for<'s> LookupSpan<'s>>(span: &SpanRef<'_, S>) -> Self {
        span.extensions().get().copied().unwrap_or_default()
    }
}
