//! The fields of calls, segments, spans, markers and processes: one typed table, for grouping and for filters.
//!
//! A field that a subject has by way of a larger one is found through it: `span.tags` of a call are those of its
//! innermost span, `proc.name` of a span is that of the process that opened it.
//!
//! ```
//! use nulltrace_core::query::field::{Field, Subject, Type};
//!
//! let field: Field = "span.tag[-1]".parse().unwrap();
//! assert_eq!((field.to_string(), field.info().type_), ("span.tag[-1]".to_owned(), Type::Text));
//! assert!(field.info().is_of(Subject::Call) && !field.info().is_of(Subject::Marker));
//! let field: Field = r#"span.arg["odd name"]"#.parse().unwrap();
//! assert_eq!(field.to_string(), r#"span.arg["odd name"]"#);
//! assert!("fd.nam".parse::<Field>().is_err());
//! ```

mod at;
mod info;
mod key;
mod name;
mod seen;
mod table;
mod value;

pub use crate::facts::names::Known;
pub use at::{At, Many, Subject, Written};
pub use info::{Field, Info, Source};
pub use key::{Key, KeyKind};
pub(super) use key::{outside_quotes, quote};
pub use name::{NoField, RESERVED};
pub use seen::Seen;
pub use table::all;
pub use value::{Type, Value};

#[cfg(test)]
pub(super) mod fixture;
#[cfg(test)]
mod tests;
