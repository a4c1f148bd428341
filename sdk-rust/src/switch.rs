//! On and off while a program runs.

use crate::device;

/// Switches markers on or off for the whole process, whatever `NULLTRACE` says in the environment.
///
/// A span that was begun while they were on writes its exit also while they are off, so that none stays open. A span
/// begun while they were off writes nothing, also not later. Has no effect with the feature `off`.
///
/// ```standalone_crate
/// use nulltrace::{set_enabled, span};
///
/// # let mock = nulltrace::mock::Mock::here();
/// let outer = span!("outer");
/// set_enabled(false);
/// drop(span!("inner")); // nothing
/// drop(outer); // its exit
/// set_enabled(true);
/// # mock.expect().enter("outer").exit("outer").done();
/// ```
#[inline]
pub fn set_enabled(enabled: bool) {
    device::set(enabled);
}

/// Whether markers are written: not with `NULLTRACE=off` in the environment (or `0`, `false` or `no`, in any case),
/// after [`set_enabled(false)`](set_enabled), with the feature `off`, or without a null device. Opens the device if
/// that has not been done yet.
///
/// ```
/// if nulltrace::is_enabled() {
///     // Worth the work of an argument.
/// }
/// ```
#[inline]
#[must_use]
pub fn is_enabled() -> bool {
    device::on()
}
