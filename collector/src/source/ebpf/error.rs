//! Why the kernel programs are not running, each with its remedy.

use std::fmt;
use std::io;

use aya::EbpfError as AyaError;
use aya::maps::MapError;
use aya::programs::ProgramError;

use super::lowest::LOWEST_KERNEL;
use super::policy::Policy;
use crate::error::{Error, Kind};
use crate::source::caps;

/// Lines of the verifier's log that a person is shown: the verdict is at its end.
const LOG_LINES: usize = 12;

/// Why there is no eBPF source.
#[derive(Debug)]
#[non_exhaustive]
pub enum EbpfError {
    /// The process lacks capabilities.
    Rights {
        /// What it would need and has not.
        missing: Vec<&'static str>,
    },
    /// It is refused though no capability is missing.
    Forbidden {
        /// The program that was refused; `None` if bpf(2) is refused altogether.
        program: Option<&'static str>,
        /// What forbids it, as far as that can be known.
        policy: Policy,
    },
    /// The kernel has no description of its own types.
    Btf(Box<dyn std::error::Error + Send + Sync>),
    /// The kernel refused a program.
    Refused {
        /// Which.
        program: &'static str,
        /// What the kernel answered.
        source: io::Error,
        /// The last lines of the verifier's log, empty if there was none.
        log: String,
    },
    /// The object does not fit this kernel.
    Object(Box<AyaError>),
    /// A map could not be made, read or written.
    Map(MapError),
    /// A program could not be loaded or attached.
    Program {
        /// Which.
        program: &'static str,
        /// Why.
        source: Box<ProgramError>,
    },
    /// The ring's size is not a power of two, or too small or too large.
    RingSize(u32),
    /// The cgroup is not one of the unified hierarchy.
    Cgroup {
        /// The path given.
        path: std::path::PathBuf,
        /// Why it could not be used.
        source: io::Error,
    },
    /// The hook would lose markers, as the kernel may preempt its programs.
    Preemptible,
    /// Reading or sleeping failed.
    Io(io::Error),
}

/// Whether the kernel's answer, wherever in the chain, is one of these.
fn answered(errors: &[i32], error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.raw_os_error().is_some_and(|code| errors.contains(&code));
        }
        next = error.source();
    }
    false
}

/// The answers to who lacks a right.
const NOT_PERMITTED: [i32; 2] = [libc::EPERM, libc::EACCES];

fn rights(error: &(dyn std::error::Error + 'static)) -> Option<EbpfError> {
    let missing = caps::missing_for_bpf();
    (!missing.is_empty() && answered(&NOT_PERMITTED, error))
        .then_some(EbpfError::Rights { missing })
}

impl EbpfError {
    pub(super) fn object(error: AyaError) -> Self {
        if let Some(rights) = rights(&error) {
            return rights;
        }
        match error {
            AyaError::MapError(error) => error.into(),
            AyaError::BtfError(error) => Self::Btf(Box::new(error)),
            error => Self::Object(Box::new(error)),
        }
    }

    pub(super) fn program(program: &'static str, error: ProgramError) -> Self {
        if let Some(rights) = rights(&error) {
            return rights;
        }
        // EACCES is the verifier's answer to a program that is wrong. That bpf(2) works was seen from the maps.
        if answered(&[libc::EPERM], &error) || Policy::is_locked_down() {
            return Self::Forbidden {
                program: Some(program),
                policy: Policy::on_programs(),
            };
        }
        match error {
            ProgramError::LoadError {
                io_error,
                verifier_log,
            } => Self::Refused {
                program,
                source: io_error,
                log: last_lines(&verifier_log.to_string()),
            },
            error => Self::Program {
                program,
                source: Box::new(error),
            },
        }
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// What to do about a kernel that does not take the programs.
fn fitting_kernel() -> String {
    let uname = rustix::system::uname();
    match is_older(&uname.release().to_string_lossy(), LOWEST_KERNEL) {
        true => format!("use Linux {LOWEST_KERNEL} or newer"),
        false => "report it with what `nulltrace doctor` shows".to_owned(),
    }
}

/// Whether a release like `6.1.0-18-amd64` is older than a version like `6.1`.
fn is_older(release: &str, version: &str) -> bool {
    let numbers = |text: &str| -> Option<(u32, u32)> {
        let mut parts = text.split(|c: char| !c.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    numbers(release) < numbers(version)
}

/// The error and what caused it, on one line.
fn chain(f: &mut fmt::Formatter<'_>, error: &(dyn std::error::Error + 'static)) -> fmt::Result {
    write!(f, "{error}")?;
    let mut next = error.source();
    while let Some(error) = next {
        write!(f, ": {error}")?;
        next = error.source();
    }
    Ok(())
}

impl fmt::Display for EbpfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rights { missing } => write!(
                f,
                "no right to load kernel programs: {} missing; run as root, or give the binary the \
                 rights with `setcap cap_bpf,cap_perfmon+ep`",
                missing.join(" and ")
            ),
            Self::Forbidden { program, policy } => {
                match program {
                    Some(program) => write!(f, "the program {program} is forbidden here")?,
                    None => write!(f, "bpf(2) is forbidden here")?,
                }
                write!(
                    f,
                    " though no capability is missing: {}; {}",
                    policy.reason(),
                    policy.remedy()
                )
            }
            Self::Btf(error) => {
                write!(f, "no type information of the running kernel: ")?;
                chain(f, &**error)?;
                write!(f, "; use a kernel built with CONFIG_DEBUG_INFO_BTF")
            }
            Self::Refused {
                program,
                source,
                log,
            } => {
                write!(
                    f,
                    "the kernel refused the program {program}: {source}; {}",
                    fitting_kernel()
                )?;
                if !log.is_empty() {
                    write!(f, "\nthe last lines of the verifier's log:\n{log}")?;
                }
                Ok(())
            }
            Self::Object(error) => {
                write!(f, "the kernel programs do not fit this kernel: ")?;
                chain(f, &**error)?;
                write!(f, "; {}", fitting_kernel())
            }
            Self::Map(error) => {
                write!(f, "a kernel map failed: ")?;
                chain(f, error)?;
                write!(f, "; give a smaller --ring-size if memory is short")
            }
            Self::Program { program, source } => {
                write!(f, "the program {program} could not be attached: ")?;
                chain(f, &**source)?;
                write!(f, "; {}", fitting_kernel())
            }
            Self::RingSize(size) => write!(
                f,
                "bad ring size: {size} bytes; give a power of two from 4096 to 1 GiB"
            ),
            Self::Cgroup { path, source } => write!(
                f,
                "no cgroup to filter by: {}: {source}; give a directory of a mounted cgroup2 file \
                 system",
                path.display()
            ),
            Self::Preemptible => write!(
                f,
                "it would lose markers, as this kernel may preempt it; boot with preempt=voluntary, or \
                 accept the loss, which is counted, with --backend ebpf:fentry"
            ),
            Self::Io(error) => write!(f, "reading records failed: {error}; start it again"),
        }
    }
}

impl std::error::Error for EbpfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rights { .. }
            | Self::Forbidden { .. }
            | Self::RingSize(_)
            | Self::Preemptible => None,
            Self::Btf(error) => Some(&**error),
            Self::Refused { source, .. } | Self::Cgroup { source, .. } | Self::Io(source) => {
                Some(source)
            }
            Self::Object(error) => Some(&**error),
            Self::Map(error) => Some(error),
            Self::Program { source, .. } => Some(&**source),
        }
    }
}

impl From<MapError> for EbpfError {
    fn from(error: MapError) -> Self {
        match rights(&error) {
            Some(rights) => rights,
            // Making or using a map asks for nothing but the capabilities.
            None if answered(&NOT_PERMITTED, &error) => Self::Forbidden {
                program: None,
                policy: Policy::on_bpf(),
            },
            None => Self::Map(error),
        }
    }
}

impl EbpfError {
    /// What kind of failure it is.
    fn kind(&self) -> Kind {
        match self {
            Self::Rights { .. } | Self::Forbidden { .. } => Kind::Rights,
            Self::RingSize(_) => Kind::Usage,
            Self::Btf(_)
            | Self::Refused { .. }
            | Self::Object(_)
            | Self::Program { .. }
            | Self::Preemptible => Kind::Unsupported,
            Self::Cgroup { source, .. } | Self::Io(source) => source.into(),
            Self::Map(_) => Kind::Io,
        }
    }
}

impl From<EbpfError> for Error {
    fn from(error: EbpfError) -> Self {
        Self::from_cause(error.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_older_kernel_is_to_be_replaced() {
        for release in ["5.15.0-91-generic", "6.0.19", "4.19"] {
            assert!(is_older(release, "6.1"), "{release}");
        }
        for release in ["6.1.0-18-amd64", "6.10.3", "6.18.44-fc-v669", "7.0-rc1"] {
            assert!(!is_older(release, "6.1"), "{release}");
        }
    }
}
