//! What the exit of a span says of a panic.

use crate::encode::Writer;

/// The exit argument that says how a span failed.
pub(crate) const ERROR: &str = "error";
/// The same with its value after a panic.
pub(crate) const PANICKED: (&[u8], &[u8]) = (ERROR.as_bytes(), b"panic");

/// Whether a panic passes that did not pass when the span began. A destructor may run spans meanwhile that are well.
#[inline]
pub(crate) fn panicked(was_panicking: bool) -> bool {
    std::thread::panicking() && !was_panicking
}

#[cold]
pub(crate) fn error_of_panic(writer: &mut Writer<'_>) {
    let (name, value) = PANICKED;
    writer.arg_plain(name, |writer| writer.text(value));
}
