//! The parts that the SDKs of other languages are made of: encode a marker, write a marker.
//!
//! ```
//! use nulltrace::{Id, raw};
//!
//! let mut buffer = raw::Buffer::new();
//! let tags: &[&[u8]] = &[b"checkout", b"pay"];
//! let marker = raw::encode(&mut buffer, raw::Dir::Enter, Id::Thread, tags, &[(b"cart", b"7")])?;
//! assert_eq!(marker, b">:t:checkout.pay:cart=7:");
//! if raw::on() {
//!     raw::write(marker);
//! }
//! # Ok::<_, raw::Refused>(())
//! ```

use crate::limits::LONGEST;
use crate::{Id, device, encode as encoder, unique as counter};

pub use crate::dir::Dir;
pub use crate::encode::Buffer;
pub use crate::refused::Refused;

/// Encodes one marker as section 10 of the format says; any bytes may stand in tags, names and values.
///
/// Each of `tags` is one tag, not a path. A marker that is longer than 4096 bytes comes out as its first
/// 4097, which is how it is to be written.
///
/// The first argument of an enter may name the parent: `^`, with the number of an open span as its value or
/// nothing for a root. An SDK writes it so, and refuses it from its users.
///
/// # Errors
/// What no marker can say.
///
/// ```
/// use nulltrace::{Id, raw};
///
/// let mut buffer = raw::Buffer::new();
/// let marker = raw::encode(&mut buffer, raw::Dir::Exit, Id::Number(7), &[b"a.b"], &[])?;
/// assert_eq!(marker, br"<:7:a\.b::");
///
/// let (own, parent) = (Id::Number(raw::unique()), raw::unique().to_string());
/// let args: &[(&[u8], &[u8])] = &[(b"^", parent.as_bytes()), (b"cart", b"7")];
/// let marker = raw::encode(&mut buffer, raw::Dir::Enter, own, &[b"pay"], args)?;
/// assert!(marker.ends_with(format!(":pay:^={parent},cart=7:").as_bytes()));
/// # Ok::<_, raw::Refused>(())
/// ```
#[inline]
pub fn encode<'b>(
    buffer: &'b mut Buffer,
    dir: Dir,
    id: Id,
    tags: &[&[u8]],
    args: &[(&[u8], &[u8])],
) -> Result<&'b [u8], Refused> {
    encoder::encode(buffer, dir, id, tags, args)
}

/// Writes a marker: one system call, on this thread. Of more than 4097 bytes the first 4097 are written.
///
/// The first and the last byte are read before, so that both pages they lie on are mapped in: static
/// strings may be given as they are. `errno` is kept, nothing fails visibly, and a signal handler may
/// call it. Does nothing when [`on`] is false.
///
/// ```
/// nulltrace::raw::write(b">:t:checkout::");
/// nulltrace::raw::write(b"<:t:checkout::");
/// ```
#[inline(always)]
pub fn write(marker: &[u8]) {
    if let Some(marker) = seen(marker) {
        device::enter(marker);
    }
}

/// The same of the exit of a span whose enter was written: it is written also if
/// [`set_enabled`](crate::set_enabled) has switched markers off since, so that the span does not stay open.
///
/// ```
/// use nulltrace::raw;
///
/// if raw::on() {
///     raw::write(b">:t:checkout::");
///     raw::write_exit(b"<:t:checkout::");
/// }
/// ```
#[inline(always)]
pub fn write_exit(marker: &[u8]) {
    if let Some(marker) = seen(marker) {
        device::exit(marker);
    }
}

/// Only what a collector sees, and one byte more to show that there was more.
#[inline(always)]
fn seen(marker: &[u8]) -> Option<&[u8]> {
    let seen = marker.get(..LONGEST).unwrap_or(marker);
    (!seen.is_empty()).then_some(seen)
}

/// Reads a byte of every page that `bytes` lie on, so that they are mapped in.
///
/// [`write()`] does so itself for a marker. Longer buffers, or many at once, are warmed up by this.
///
/// ```
/// static MARKERS: &[u8] = b">:t:a::<:t:a::";
/// nulltrace::raw::touch(MARKERS);
/// ```
pub fn touch(bytes: &[u8]) {
    const SMALLEST_PAGE: usize = 4096;
    for byte in bytes.iter().step_by(SMALLEST_PAGE).chain(bytes.last()) {
        // SAFETY: a read of a borrowed byte; volatile, so that it is made though nothing needs it.
        unsafe { (&raw const *byte).read_volatile() };
    }
}

/// Whether markers are written, as [`is_enabled`](crate::is_enabled) says. Opens the device if that has not been done yet.
///
/// ```
/// if nulltrace::raw::on() {
///     // Worth the work of an argument.
/// }
/// ```
#[inline(always)]
#[must_use]
pub fn on() -> bool {
    device::on()
}

/// The descriptor of the device, opened if that has not been done yet; negative when [`on`] is false.
///
/// For languages that make the system call where the marker stands: a return right behind a system call
/// is mispredicted on many processors. The marker must be mapped ([`touch`]); where the call fails with
/// `EBADF`, give it to [`write()`], which opens the device again.
///
/// ```
/// use nulltrace::raw;
///
/// assert_eq!(raw::descriptor() >= 0, raw::on());
/// ```
#[inline(always)]
#[must_use]
pub fn descriptor() -> i32 {
    device::descriptor()
}

/// The same for exits of spans whose enter was written: there also while [`set_enabled`](crate::set_enabled) has
/// switched markers off. Where the call fails, the marker goes to [`write_exit`].
///
/// ```
/// use nulltrace::raw;
///
/// assert_eq!(raw::exit_descriptor(), raw::descriptor());
/// ```
#[inline(always)]
#[must_use]
pub fn exit_descriptor() -> i32 {
    device::exit_descriptor()
}

/// Opens the device, if that has not been done yet, so that the first marker need not. Any marker does.
///
/// ```
/// nulltrace::raw::open();
/// ```
pub fn open() {
    device::on();
}

/// A number for a span that may move between threads, or be named as a parent: above 2^32, below 2^48, and
/// given once only, also across forks of this process.
///
/// ```
/// use nulltrace::raw::unique;
///
/// let (one, two) = (unique(), unique());
/// assert!(one > 1 << 32 && one < 1 << 48 && one != two);
/// ```
#[inline]
#[must_use]
pub fn unique() -> i64 {
    counter::next()
}

/// For who makes numbers of its own, as the layer for `tracing` does.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn seed() -> u64 {
    counter::seed()
}
