//! The one error a person sees: what went wrong, where, and what to do about it. For programs it keeps its
//! [`Kind`], from which the exit status follows, and its cause.

use std::error::Error as StdError;
use std::{fmt, io};

/// What went wrong, where, and what to do about it.
///
/// ```
/// use std::error::Error as _;
/// use nulltrace_collector::error::{Error, Kind};
///
/// let error = Error::new(Kind::NotFound, "no such process", 7, "name a running process with --pid");
/// assert_eq!(error.to_string(), "nulltrace: no such process: 7; name a running process with --pid");
/// assert_eq!((error.kind(), error.status()), (Kind::NotFound, 1));
///
/// let full = std::io::Error::from_raw_os_error(28);
/// let error = Error::io("cannot write", full, "out.json", "make room on the disk");
/// assert_eq!(
///     error.to_string(),
///     "nulltrace: cannot write (No space left on device (os error 28)): out.json; make room on the disk"
/// );
/// let cause = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
/// assert_eq!(cause.raw_os_error(), Some(28));
/// ```
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    text: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The command line or the configuration is wrong.
    Usage,
    /// A process, a cgroup or a file that was named is not there.
    NotFound,
    /// A right is missing, or a policy of the system forbids it.
    Rights,
    /// This kernel cannot do it.
    Unsupported,
    /// Anything else that the system refused or that failed.
    Io,
    /// The command of `run` is not there.
    CommandNotFound,
    /// The command of `run` cannot be executed.
    CommandNotExecutable,
}

impl Kind {
    /// The exit status of a program that ends so: those of commands are the ones shells use.
    ///
    /// ```
    /// use nulltrace_collector::error::Kind;
    /// assert_eq!(Kind::Usage.status(), 2);
    /// assert_eq!(Kind::CommandNotFound.status(), 127);
    /// ```
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::CommandNotExecutable => 126,
            Self::CommandNotFound => 127,
            Self::NotFound | Self::Rights | Self::Unsupported | Self::Io => 1,
        }
    }
}

impl From<&io::Error> for Kind {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::Rights,
            io::ErrorKind::Unsupported => Self::Unsupported,
            _ => Self::Io,
        }
    }
}

impl Error {
    /// `WHAT: WHERE; REMEDY`, without a cause.
    pub fn new(
        kind: Kind,
        what: impl fmt::Display,
        place: impl fmt::Display,
        remedy: impl fmt::Display,
    ) -> Self {
        Self {
            kind,
            text: format!("{what}: {place}; {remedy}"),
            cause: None,
        }
    }

    /// `WHAT (CAUSE): WHERE; REMEDY`, of the kind that the cause is.
    pub fn io(
        what: impl fmt::Display,
        cause: io::Error,
        place: impl fmt::Display,
        remedy: impl fmt::Display,
    ) -> Self {
        let what = format!("{what} ({cause})");
        Self::new(Kind::from(&cause), what, place, remedy).because(cause)
    }

    /// An error that says itself what went wrong, where, and the remedy; it is the cause.
    pub fn from_cause(kind: Kind, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self {
            kind,
            text: cause.to_string(),
            cause: None,
        }
        .because(cause)
    }

    /// The same, caused by this.
    #[must_use]
    pub fn because(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Box::new(cause)),
            ..self
        }
    }

    /// The same with one more remedy, at the end of the first line.
    ///
    /// ```
    /// use nulltrace_collector::error::{Error, Kind};
    /// let error = Error::new(Kind::Rights, "no right to do it", "bpf(2)", "run it as root\ndetails");
    /// let error = error.or("use --backend ptrace").to_string();
    /// assert!(error.ends_with("; run it as root, or use --backend ptrace\ndetails"), "{error}");
    /// ```
    #[must_use]
    pub fn or(mut self, remedy: &str) -> Self {
        let end = self.text.find('\n').unwrap_or(self.text.len());
        self.text.insert_str(end, &format!(", or {remedy}"));
        self
    }

    /// The same, of another kind.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit status of the program that ends with this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.kind.status()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nulltrace: {}", self.text)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.cause.as_deref()?;
        Some(cause)
    }
}
