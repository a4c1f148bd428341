//! The one place where a backend is chosen; callers see a [`Source`] and notes.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ExitStatus};

use rustix::thread::CapabilitySet;

use super::attempt::{self, Way, attempts};
use super::cgroup::Watched;
use super::ebpf::{self, Cgroup, EbpfError, EbpfSource, Hook, Options};
use super::processes::Processes;
use super::{Backend, Observed, Scope, Source, caller, caps, lent, ptrace};
use crate::clock::Moment;
use crate::error::{Error, Kind};
use crate::signals::Signals;
use crate::text;

/// What is under trace.
pub struct Opened {
    /// Its records.
    pub source: Box<dyn Source>,
    /// Whose end may be waited for.
    pub target: Target,
    /// From when on it is seen: for a command, before its first instruction.
    pub began: Moment,
    /// What a person should know about the choice of backend.
    pub notes: Vec<String>,
    /// The cgroup that is selected, which may come and go.
    pub cgroup: Option<Watched>,
}

/// Whose end may be waited for.
pub enum Target {
    /// That of the command.
    Command(Command),
    /// Those of the processes that were selected.
    Processes(Processes),
    /// A user, a cgroup and the machine do not end, and the end of some processes cannot be seen.
    Others,
}

impl Target {
    /// Whether it has ended.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn has_ended(&mut self) -> Result<bool, Error> {
        match self {
            Self::Command(command) => Ok(command.try_status()?.is_some()),
            Self::Processes(processes) => processes.have_ended(),
            Self::Others => Ok(false),
        }
    }

    /// How the command ended, if it is one and has.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        match self {
            Self::Command(command) => command.status,
            Self::Processes(_) | Self::Others => None,
        }
    }

    /// Nobody follows the descendants any more. Under ptrace they cannot go on by themselves and are
    /// killed.
    pub fn leave(&self) {
        if let Self::Command(Command {
            process: Process::Ptrace(command),
            ..
        }) = self
        {
            command.kill_all();
        }
    }

    /// As a sentence about its end begins.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Command(_) => "the command has",
            Self::Processes(_) | Self::Others => "the selected processes have",
        }
    }
}

/// The process a person asked to run.
pub struct Command {
    process: Process,
    /// How it ended, once that was seen.
    status: Option<ExitStatus>,
}

enum Process {
    /// A plain child.
    Child(Child),
    /// A child of the tracing thread.
    Ptrace(ptrace::Command),
}

impl Command {
    fn new(process: Process) -> Self {
        Self {
            process,
            status: None,
        }
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn try_status(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.status = match &mut self.process {
            Process::Child(child) => child.try_wait().map_err(|error| {
                Error::io(
                    "cannot wait for the command",
                    error,
                    child.id(),
                    "run it again",
                )
            })?,
            Process::Ptrace(command) => command.status(),
        };
        Ok(self.status)
    }

    /// Sends it a signal; to be called only as long as it has not been seen to end.
    pub fn signal(&self, number: i32) {
        let pid = match &self.process {
            Process::Child(child) => child.id(),
            Process::Ptrace(command) => command.pid(),
        };
        // SAFETY: plain system call. The child has not been waited for, or the call would not be made.
        unsafe { libc::kill(pid.cast_signed(), number) };
    }
}

/// Starts a command, traced from before its first instruction.
///
/// # Errors
/// The command cannot be started, or the backend that was asked for cannot be had.
pub fn command(
    backend: Backend,
    ring_bytes: u32,
    observed: Observed,
    command: &[OsString],
    signals: &Signals,
) -> Result<Opened, Error> {
    let confined = lent::confined();
    let options = options(
        backend,
        ring_bytes,
        observed,
        ebpf::Scope::Members,
        confined,
    );
    let mut refused = Vec::new();
    for attempt in attempts(backend, observed) {
        let mut opened = match attempt.way {
            Way::Ebpf { activity } => match attempt::ebpf(activity, &options) {
                Ok(source) => by_ebpf(source, command, signals)?,
                Err(error) => {
                    refused.push(error);
                    continue;
                }
            },
            Way::Ptrace => by_ptrace(command, signals)?,
        };
        opened.notes.extend(attempt::note(attempt.way, &refused));
        return Ok(opened);
    }
    let error = unavailable(refused, backend, observed);
    Err(match observed.only_ebpf() {
        None => error.or("use --backend ptrace"),
        Some(_) => error,
    })
}

fn by_ptrace(command: &[OsString], signals: &Signals) -> Result<Opened, Error> {
    let began = Moment::now();
    let (source, traced) = ptrace::spawn_with_mask(command, signals.before())?;
    // The tracing thread keeps what tracing takes.
    drop_privileges(caps::TO_SIGNAL)?;
    Ok(Opened {
        source: Box::new(source),
        target: Target::Command(Command::new(Process::Ptrace(traced))),
        began,
        notes: Vec::new(),
        cgroup: None,
    })
}

fn by_ebpf(
    mut source: EbpfSource,
    command: &[OsString],
    signals: &Signals,
) -> Result<Opened, Error> {
    source.follow_children(true)?;
    let (program, args) = command.split_first().ok_or_else(|| {
        let remedy = "name a command";
        Error::new(Kind::Usage, "no command to run", "CMD", remedy)
    })?;
    let mut start = process::Command::new(program);
    start.args(args);
    signals.restore_in(&mut start);
    let began = Moment::now();
    let child = start.spawn().map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => Kind::CommandNotFound,
            _ => Kind::CommandNotExecutable,
        };
        let name = text::safe(program.as_encoded_bytes());
        Error::io(
            "cannot run the command",
            error,
            name,
            "check its name, PATH and permissions",
        )
        .of_kind(kind)
    })?;
    source.follow_children(false)?;
    drop_privileges(caps::TO_SIGNAL)?;
    Ok(Opened {
        source: Box::new(source),
        target: Target::Command(Command::new(Process::Child(child))),
        began,
        notes: Vec::new(),
        cgroup: None,
    })
}

/// Attaches to the machine, or to what `scope` selects of it. With `waits`, a cgroup need not be there yet.
///
/// # Errors
/// There is no eBPF here, or the scope names what does not exist.
pub fn machine(
    backend: Backend,
    ring_bytes: u32,
    observed: Observed,
    scope: &Scope,
    waits: bool,
) -> Result<Opened, Error> {
    let confined = lent::confined();
    let scope = &match confined {
        Some(user) => caller::within(scope, user)?,
        None => scope.clone(),
    };
    let selected = kernel_scope(scope, waits)?;
    let cgroup = match &selected {
        ebpf::Scope::Cgroup(cgroup) => Some(Watched::new(cgroup.clone())),
        _ => None,
    };
    let target = match &scope.pids[..] {
        [] => Target::Others,
        pids => Processes::of(pids)?.map_or(Target::Others, Target::Processes),
    };
    let options = options(backend, ring_bytes, observed, selected, confined);
    let mut refused = Vec::new();
    for attempt in attempts(backend, observed) {
        let Way::Ebpf { activity } = attempt.way else {
            continue;
        };
        let mut source = match attempt::ebpf(activity, &options) {
            Ok(source) => source,
            Err(error) => {
                refused.push(error);
                continue;
            }
        };
        for &pid in &scope.pids {
            source.follow(pid)?;
        }
        drop_privileges(CapabilitySet::empty())?;
        return Ok(Opened {
            source: Box::new(source),
            target,
            began: Moment::now(),
            notes: attempt::note(attempt.way, &refused).into_iter().collect(),
            cgroup,
        });
    }
    Err(unavailable(refused, backend, observed))
}

fn options(
    backend: Backend,
    ring_bytes: u32,
    observed: Observed,
    scope: ebpf::Scope,
    confined: Option<u32>,
) -> Options {
    Options {
        hook: match backend {
            Backend::Fentry => Hook::Fentry,
            Backend::RawTracepoint => Hook::RawTracepoint,
            Backend::Auto | Backend::Ebpf | Backend::Ptrace => Hook::Auto,
        },
        ring_bytes,
        scope,
        confined,
        full: observed.activity.full(),
        snaplen: observed.snaplen,
        kernel: observed.kernel,
        inside: observed.inside,
        keeper: observed.keeper,
        ..Options::default()
    }
}

/// Why nothing works. The last that was tried asked for least.
fn unavailable(mut refused: Vec<EbpfError>, backend: Backend, observed: Observed) -> Error {
    let option = observed.only_ebpf();
    if let Some(error) = refused.pop() {
        let error = Error::from(error);
        return match option {
            None => error,
            Some(option) => error.or(&format!("leave out {option}")),
        };
    }
    let (what, remedy) = match option {
        None => (
            "ptrace can trace a command only, not what runs already".to_owned(),
            "use `nulltrace run --backend ptrace CMD`, or another backend".to_owned(),
        ),
        Some(option) => (
            format!("ptrace does not see what {option} is for"),
            format!("use another backend, or leave out {option}"),
        ),
    };
    Error::new(
        Kind::Usage,
        what,
        format_args!("--backend {backend}"),
        remedy,
    )
}

/// What the kernel programs select: they know one kind at a time.
fn kernel_scope(scope: &Scope, waits: bool) -> Result<ebpf::Scope, Error> {
    match (&scope.pids[..], scope.uid, &scope.cgroup) {
        ([], None, None) => Ok(ebpf::Scope::Machine),
        ([_, ..], None, None) => Ok(ebpf::Scope::Members),
        ([], Some(uid), None) => Ok(ebpf::Scope::Uid(uid)),
        ([], None, Some(path)) => {
            let path = below_cgroup_root(path);
            let cgroup = match waits && !path.exists() {
                true => Cgroup::awaited(&path)?,
                false => Cgroup::at(&path)?,
            };
            Ok(ebpf::Scope::Cgroup(cgroup))
        }
        _ => Err(Error::new(
            Kind::Usage,
            "more than one of these",
            "--pid, --uid, --cgroup",
            "give only one of them",
        )),
    }
}

/// A path as `/proc/PID/cgroup` shows it, or one of the file system.
fn below_cgroup_root(path: &str) -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let root = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ")
            .then(|| mount.split(' ').nth(4))?
    });
    match root {
        Some(root) if !path.starts_with(root) => Path::new(root).join(path.trim_start_matches('/')),
        _ => path.into(),
    }
}

/// Before any thread is started: each has rights of its own.
fn drop_privileges(kept: CapabilitySet) -> Result<(), Error> {
    caps::keep_for_good(kept).map_err(|error| {
        Error::io(
            "cannot drop privileges",
            error,
            "capset(2), prctl(2)",
            "run nulltrace where these calls are allowed",
        )
    })
}
