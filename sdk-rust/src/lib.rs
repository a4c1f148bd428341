//! Spans by one short write to `/dev/null`.
//!
//! A program says where a span begins and where it ends, by one short write each to the null device. When
//! nothing observes it, that is two system calls that do nothing, about a quarter of a microsecond. The
//! collector (`nulltrace run`, `agent`) sees them in the kernel: no agent in the process, no
//! threads, no buffers, no exporter, no start-up; and what a span was waiting for in the kernel, too.
//!
//! # A span
//!
//! ```
//! use nulltrace::span;
//!
//! fn pay(cart: u32) {
//!     let span = span!("checkout.pay", cart); // begins here
//!     let items = 3;
//!     span.record("items", items); // written at the exit
//! } // ends here
//! # #[cfg(feature = "mock")]
//! # let mock = nulltrace::mock::Mock::here();
//! # pay(7);
//! # #[cfg(feature = "mock")]
//! # mock.expect().enter("checkout.pay").arg("cart", "7").exit("checkout.pay").arg("items", "3").done();
//! ```
//!
//! The tags `checkout` and `pay` make a path; a span `checkout` that is open on the same thread is its
//! parent. See [`span!`] for what arguments may be.
//!
//! # Parents
//!
//! A span within another is its child. In plain code the collector sees that from the order of a thread's spans. In
//! futures that are spans, tasks would mix there: so all spans within one have numbers and name their parents. See
//! [`Context`], which also goes by hand where the library cannot take it: to threads and spawned tasks.
//!
//! ```
//! use nulltrace::{TracedExt, span};
//!
//! # let mock = nulltrace::mock::Mock::here();
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! let fetch = async { drop(span!("parse")) }.traced("fetch");
//! # assert!(std::pin::pin!(fetch).poll(&mut context).is_ready());
//! # mock.expect().enter("fetch").root().enter("parse").child_of("fetch").exit("parse").exit("fetch").done();
//! ```
//!
//! # A span of other kinds
//!
//! ```
//! use nulltrace::{Span, Tracer, TracedExt, tracer};
//!
//! // A child of a guard, and tags that are known only now: no heap.
//! let checkout = Span::enter("checkout");
//! let card = checkout.child("card");
//! # drop(card);
//!
//! // A place entered often.
//! static READ: Tracer<'static> = tracer!("disk.read");
//! for _ in 0..3 {
//!     let _span = READ.enter();
//! }
//!
//! // A future: with an id of its own, wherever it is polled.
//! let fetch = async { 7 }.traced("api.fetch");
//! # drop(fetch);
//! ```
//!
//! **Guards do not belong across an `.await`**: see [`Span`]. Functions and `async fn` have `#[traced]`.
//!
//! # Off
//!
//! `NULLTRACE=off` in the environment (or `0`, `false`, `no`), read once, leaves one load and a branch of each span.
//! The feature `off` leaves nothing. Arguments are not evaluated then. [`set_enabled`] switches on and off while the
//! program runs.
//!
//! # What it does to your program
//!
//! Nothing but the writes. It never panics (other than code of yours that formats a value), blocks, allocates,
//! changes `errno`, or starts a thread. Spans may be entered in signal handlers and across fork. It opens
//! `/dev/null` once, at a high descriptor number, and again if it is closed; the ids of futures are
//! counted on one page of memory of its own. If there is no null device, it
//! is silent. Markers longer than 4096 bytes are cut by the collector, which says so.
//!
//! The write is a bare system call on x86_64 and aarch64, the C library's on other Linuxes, and none at all
//! on other systems.
//!
//! # Features
//!
//! - `off`: every call compiles to nothing.
//! - `mock`: the module `mock`, which keeps markers in memory for your tests.
//!
//! Needs Rust 1.88.

mod args;
mod begun;
mod call;
mod context;
mod device;
mod digits;
mod dir;
mod encode;
mod enter;
mod escape;
mod future;
mod id;
mod kept;
mod limits;
mod literal;
mod macros;
#[cfg(feature = "mock")]
pub mod mock;
mod panics;
mod path;
mod private_traced;
pub mod raw;
mod record;
mod refused;
mod room;
mod short;
mod span;
mod switch;
mod sys;
mod task;
mod tracer;
mod unique;
mod value;
mod within;

pub use args::Args;
pub use context::{Context, ContextGuard};
pub use future::{InContext, Tags, Traced, TracedExt};
pub use id::Id;
pub use nulltrace_macros::traced;
pub use path::Path;
pub use span::Span;
pub use switch::{is_enabled, set_enabled};
pub use tracer::Tracer;
pub use value::{Text, Value, debug, display, error};

/// Its examples are tests.
#[cfg(all(doctest, feature = "mock"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// What the macros and the bridges need. Not for others: it may change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::Call;
    pub use crate::context::{enter, in_context, leave};
    pub use crate::digits::{PAIRS, eight_digits};
    pub use crate::kept::Kept;
    pub use crate::literal::{Literal, Name, check_names, len, markers};
    pub use crate::private_traced::{
        call, err_debug, err_display, follow, follow_noting, never, outcome, ret_debug,
        ret_display, ret_nothing, ret_value, run,
    };
    pub use crate::task::Task;
}
