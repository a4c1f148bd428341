//! What the kernel did inside spans: time on and off the cpu, and system calls.
//!
//! The kernel adds up what a thread does between two of its markers, a *segment*. The spans that are
//! open do not change within one, so a segment belongs to each of them, and to the innermost as its
//! own. A span's own thread is the one that opened it; by choice ([`Reach`]) it has what others did too.

pub(crate) mod divide;
mod inside;
mod reach;
pub(crate) mod reported;
mod times;

pub use inside::{InSpan, Inside, When};
pub use reach::{DEPTH_MAX, Reach, SINGLE_MAX};
pub use times::{SpanTimes, Times};
