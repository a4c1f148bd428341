//! Spans for which a filter holds, by tag path and by the values of fields.
//!
//! Whether a filter holds may be known only when a span ends, as by its duration: so what was called inside is held
//! until then. Comparisons of fields that only system calls have choose among the calls of a span: a span is chosen if
//! the filter can hold for a call in it. In a recursion a call counts once for a tag path, for the innermost of its
//! spans that it is chosen with.
//!
//! ```
//! use nulltrace_core::facts::path::TagPath;
//! use nulltrace_core::input::event::{Event, What};
//! use nulltrace_core::measure::selected::{Limits, Selected};
//! use nulltrace_core::query::Query;
//! use nulltrace_core::query::field::{Known, Value};
//! use nulltrace_core::query::filter::{Filter, Words};
//! use nulltrace_core::spans::correlate::Correlator;
//! use nulltrace_core::spans::matcher;
//! use nulltrace_core::spans::span::Closed;
//!
//! let write = |ts, bytes| Event {
//!     ts, pid: 1, tid: 1, number: 0,
//!     what: What::Write { bytes, beyond: 0, continues: false },
//! };
//! let of_cart = Filter::parse("span.arg.cart=7", &Words::ANY).unwrap();
//! let by = vec!["span.exitarg.status".parse().unwrap()];
//! let query = Query::view("summary").with_by(by).with_filter(Some(of_cart));
//! let mut selected = Selected::new(query, Limits::default(), false);
//! let mut correlator = Correlator::new(matcher::Limits::default());
//! let mut out = |span: &Closed| selected.closed(span, Known::default());
//! correlator.push(&write(100, b">:t:pay:cart=7:"), &mut out);
//! correlator.push(&write(110, b"<:t:pay:status=500:"), &mut out);
//! correlator.push(&write(120, b">:t:pay:cart=8:"), &mut out);
//! correlator.push(&write(150, b"<:t:pay:status=200:"), &mut out);
//! let selection = selected.snapshot(200).done(Default::default());
//! assert_eq!((selection.total()[0].stats.hits(), selection.passed_over()), (1, 1));
//! let rows = selection.grouped();
//! let (group, path) = selection.group(&rows[0].path).unwrap();
//! assert_eq!(selection.values(group), [Value::Text(b"500"[..].into())]);
//! assert_eq!(path.canonical(), b"pay");
//! ```

mod chosen;
mod counted;
mod held;
mod keys;
mod selection;
mod taking;

pub use counted::{Limits, Selected};
pub use keys::Group;
pub use selection::{Selection, metric};
pub use taking::Taking;

#[cfg(test)]
mod tests;
