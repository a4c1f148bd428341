//! What a child of a fork is not: its parent, whose spans and calls are not its own.

use crate::context;
use crate::function;
use crate::span;

/// Has each child forget what was its parent's.
pub(crate) fn watch() {
    extern "C" fn in_child() {
        context::forked();
        span::forget();
        function::forget();
    }
    // SAFETY: a handler that changes numbers, and a list of the thread that forks.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}
