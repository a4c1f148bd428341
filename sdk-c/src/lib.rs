//! nulltrace for C and C++: the functions of `nulltrace.h`, on [`nulltrace::raw`].
//!
//! The header is made from this crate by cbindgen (`make -C sdk-c header`); its macros and the functions
//! that C compiles inline are in `header/`. What C sees is documented where it is declared.
//!
//! No function here can panic: the library is linked without the code for it, and a test checks it.

#![allow(non_camel_case_types)] // the names are those of C

mod api;
mod borrow;
mod current;
mod decimal;
mod mark;
mod span;
mod types;

pub use api::*;
pub use current::*;
pub use span::*;
pub use types::*;
