//! The fields by which calls are told apart: one typed table, for grouping and for conditions.
//!
//! ```
//! use nulltrace_core::query::field::{Field, Type};
//!
//! let field: Field = "span.tag[-1]".parse().unwrap();
//! assert_eq!((field.to_string(), field.info().type_), ("span.tag[-1]".to_owned(), Type::Text));
//! assert!("fd.nam".parse::<Field>().is_err());
//! ```

mod def;
mod name;
mod table;

pub use crate::facts::names::Known;
pub use def::{At, Field, Info, Source, Type, Value};
pub use name::NoField;
pub use table::FIELDS;

#[cfg(test)]
mod tests;
