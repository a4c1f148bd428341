//! Messages to a person, all on stderr. None ends the collector or makes it wait: see [`Outlet`].

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::outlet::{End, Outlet};

static STDERR: Outlet = Outlet::new(2);
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on nothing is said but what ends the run.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Begins to write what was said and will be. To be called when rights were given up: the thread that
/// writes has those of the caller.
///
/// # Errors
/// There can be no thread.
pub fn start() -> io::Result<()> {
    STDERR.start()
}

/// Says one line.
pub fn say(line: impl fmt::Display) {
    if !QUIET.load(Ordering::Relaxed) {
        STDERR.push(format!("nulltrace: {line}\n").into_bytes());
    }
}

/// How many lines were lost, to a stderr that is full, closed or stuck.
#[must_use]
pub fn lost() -> u64 {
    STDERR.lost()
}

/// Writes the last words: a summary, or why there is none.
pub fn last(text: String) {
    STDERR.push_last(text.into_bytes());
}

/// Waits until all is written: see [`Outlet::settle`].
pub fn settle(end: &End<'_>) {
    let _ = STDERR.settle(end);
}

/// Says why the program ends, and waits until that is written or nobody reads it.
pub fn fail(error: &crate::error::Error) {
    let text = format!("{error}\n");
    if start().is_ok() {
        last(text);
        settle(&End::new(None, true));
    } else {
        // Without a thread to spare the line is worth the risk to wait.
        let _ = rustix::io::write(rustix::stdio::stderr(), text.as_bytes());
    }
}
