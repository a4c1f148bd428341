//! What a verb prints to stdout.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::error::Error;

/// Writes to stdout. A reader that went away, as `head` does, has what it wanted.
pub(super) fn print(text: &str) -> Result<ExitCode, Error> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::io(
            "cannot write",
            error,
            "stdout",
            "give it a writable stdout",
        )),
        _ => Ok(ExitCode::SUCCESS),
    }
}
