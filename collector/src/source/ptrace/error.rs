//! Why a command could not be traced.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::{env, error, fmt, io};

use crate::error::Kind;

/// Why [`spawn`](super::spawn) failed. Nothing of the command has run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no command to run.
    Empty,
    /// A word of the command holds a NUL byte, which exec cannot carry.
    Nul(OsString),
    /// exec refused the program.
    Exec {
        /// The program as it was named.
        program: OsString,
        /// What exec said.
        source: io::Error,
    },
    /// The process for the command could not be made.
    Fork(io::Error),
    /// The kernel, a container or Yama refuses ptrace.
    Trace(io::Error),
    /// The seccomp filter could not be installed.
    Filter(io::Error),
    /// The tracing thread could not give up its rights.
    Rights(io::Error),
    /// The tracing thread could not be started, or broke.
    Thread(io::Error),
}

impl Error {
    pub(super) fn exec(program: &OsStr, errno: i32) -> Self {
        // exec says so too when it may not look into a directory of PATH and the program is in none.
        let nowhere = errno == libc::EACCES && !is_there(program);
        Self::Exec {
            program: program.to_owned(),
            source: io::Error::from_raw_os_error(if nowhere { libc::ENOENT } else { errno }),
        }
    }

    /// Whether the program is not there, other than there and not to be run.
    fn is_not_there(&self) -> bool {
        matches!(self, Self::Exec { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Whether there is a file that `program` may mean; a name with a slash is taken to be one.
fn is_there(program: &OsStr) -> bool {
    if program.as_bytes().contains(&b'/') {
        return true;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| dir.join(program).exists())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "no command to trace; name one after --"),
            Self::Nul(word) => {
                let word = word.display();
                write!(f, "NUL byte in the command: {word}; remove it")
            }
            Self::Exec { program, source } => {
                let program = program.display();
                write!(f, "cannot run the command: {program}: {source}; ")?;
                match self.is_not_there() {
                    true => write!(f, "check its name and PATH"),
                    false => write!(f, "check its permissions and format"),
                }
            }
            Self::Fork(source) => write!(
                f,
                "cannot make a process for the command: {source}; check the limits on processes and memory"
            ),
            Self::Trace(source) => write!(
                f,
                "cannot trace the command: ptrace: {source}; allow it (kernel.yama.ptrace_scope at \
                 most 1, no other tracer such as strace -f, a container profile with ptrace) or grant \
                 CAP_BPF and CAP_PERFMON for the other backend"
            ),
            Self::Filter(source) => write!(
                f,
                "cannot trace the command: seccomp: {source}; use a kernel with CONFIG_SECCOMP_FILTER, \
                 or grant CAP_BPF and CAP_PERFMON for the other backend"
            ),
            Self::Rights(source) => write!(
                f,
                "cannot drop privileges: {source}; run nulltrace where capset(2) and prctl(2) are allowed"
            ),
            Self::Thread(source) => write!(
                f,
                "the tracing thread failed: {source}; check the limits on threads and memory"
            ),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Empty | Self::Nul(_) => None,
            Self::Exec { source, .. }
            | Self::Fork(source)
            | Self::Trace(source)
            | Self::Filter(source)
            | Self::Rights(source)
            | Self::Thread(source) => Some(source),
        }
    }
}

impl From<Error> for crate::error::Error {
    /// ```
    /// use nulltrace_collector::{error, source::ptrace};
    /// let error = error::Error::from(ptrace::spawn(&["/nowhere".into()]).err().unwrap());
    /// assert_eq!((error.kind(), error.status()), (error::Kind::CommandNotFound, 127));
    /// ```
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Empty => Kind::Usage,
            Error::Exec { .. } if error.is_not_there() => Kind::CommandNotFound,
            Error::Exec { .. } | Error::Nul(_) => Kind::CommandNotExecutable,
            Error::Fork(source)
            | Error::Trace(source)
            | Error::Filter(source)
            | Error::Rights(source)
            | Error::Thread(source) => source.into(),
        };
        Self::from_cause(kind, error)
    }
}
