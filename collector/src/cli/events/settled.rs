//! What is said when all was shown.

use crate::consumers::Shown;
use crate::error::Error;
use crate::log;

/// What a person should know of what was shown, and whether it could be.
pub(super) fn settle(shown: Shown) -> Result<(), Error> {
    for note in &shown.notes {
        log::say(note);
    }
    match shown.written.error {
        None => Ok(()),
        Some(error) => Err(Error::io(
            "cannot write",
            error,
            "stdout",
            "give it a writable stdout",
        )),
    }
}
