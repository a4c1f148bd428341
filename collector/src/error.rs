//! The one error a person sees.

use std::fmt;

/// What went wrong, where, and what to do about it.
///
/// ```
/// use nulltrace_collector::error::Error;
/// let error = Error::new("no such process", 7, "name a running process with --pid");
/// assert_eq!(error.to_string(), "nulltrace: no such process: 7; name a running process with --pid");
/// assert_eq!(error.status(), 1);
/// ```
#[derive(Debug)]
pub struct Error {
    text: String,
    status: u8,
}

impl Error {
    /// A failure: exit status 1.
    pub fn new(
        what: impl fmt::Display,
        place: impl fmt::Display,
        remedy: impl fmt::Display,
    ) -> Self {
        Self::told(format!("{what}: {place}; {remedy}"))
    }

    /// A failure of a room whose own error says what, where and the remedy.
    pub fn told(error: impl fmt::Display) -> Self {
        Self {
            text: error.to_string(),
            status: 1,
        }
    }

    /// The same with another exit status: 2 for wrong usage, 126 and 127 as shells use them.
    #[must_use]
    pub fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// The exit status of the program that ends with this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nulltrace: {}", self.text)
    }
}

impl std::error::Error for Error {}
