//! The one place where a backend is chosen; callers see a [`Source`] and notes.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ExitStatus};

use rustix::thread::CapabilitySet;

use super::ebpf::{self, Cgroup, EbpfError, EbpfSource, Hook, Options};
use super::{Activity, Backend, Look, Scope, Source, caller, caps, lent, ptrace};
use crate::clock::Moment;
use crate::error::{Error, Kind};
use crate::signals::Signals;
use crate::text;

/// A command under trace.
pub struct Traced {
    /// Its records.
    pub source: Box<dyn Source>,
    /// The command itself.
    pub command: Command,
    /// When it was started: before its first instruction.
    pub began: Moment,
    /// What a person should know about the choice of backend.
    pub notes: Vec<String>,
}

/// The process a person asked to run.
pub enum Command {
    /// A plain child.
    Child(Child),
    /// A child of the tracing thread.
    Ptrace(ptrace::Command),
}

impl Command {
    /// How it ended, once it has.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn try_status(&mut self) -> Result<Option<ExitStatus>, Error> {
        match self {
            Self::Child(child) => child.try_wait().map_err(|error| {
                Error::io(
                    "cannot wait for the command",
                    error,
                    child.id(),
                    "run it again",
                )
            }),
            Self::Ptrace(command) => Ok(command.status()),
        }
    }

    /// Sends it a signal; nothing happens if it has ended.
    pub fn signal(&self, number: i32) {
        let pid = match self {
            Self::Child(child) => child.id(),
            Self::Ptrace(command) => command.pid(),
        };
        // SAFETY: plain system call. The child has not been waited for, or the call would not be made.
        unsafe { libc::kill(pid.cast_signed(), number) };
    }

    /// Nobody follows the descendants any more. Under ptrace they cannot go on by themselves and are
    /// killed.
    pub fn leave(&self) {
        if let Self::Ptrace(command) = self {
            command.kill_all();
        }
    }
}

/// Starts a command, traced from before its first instruction.
///
/// # Errors
/// The command cannot be started (status 126 or 127), or the backend that was asked for cannot be had.
pub fn command(
    backend: Backend,
    ring_bytes: u32,
    look: Look,
    command: &[OsString],
    signals: &Signals,
) -> Result<Traced, Error> {
    let refused = match hook(backend) {
        None => None,
        Some(hook) => {
            let options = Options {
                hook,
                ring_bytes,
                scope: ebpf::Scope::Members,
                confined: lent::confined(),
                activity: look.activity == Activity::Segments,
                inside: look.inside,
                keeper: look.keeper,
                ..Options::default()
            };
            match attach(&options) {
                Ok(source) => return by_ebpf(source, command, signals),
                Err(error @ EbpfError::RingSize(_)) => return Err(error.into()),
                Err(error) if backend == Backend::Auto => Some(error),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let began = Moment::now();
    let (source, traced) = ptrace::spawn_with_mask(command, signals.before())?;
    // The tracing thread keeps what tracing takes.
    drop_privileges(caps::TO_SIGNAL)?;
    let notes = refused.map(|error| {
        format!("using ptrace, the slow one, which sees spans but no kernel activity: {error}")
    });
    Ok(Traced {
        source: Box::new(source),
        command: Command::Ptrace(traced),
        began,
        notes: notes.into_iter().collect(),
    })
}

fn by_ebpf(
    mut source: EbpfSource,
    command: &[OsString],
    signals: &Signals,
) -> Result<Traced, Error> {
    source.follow_children(true)?;
    let (program, args) = command.split_first().ok_or_else(|| {
        Error::new(
            Kind::Usage,
            "no command to run",
            "--",
            "name a command after --",
        )
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
            "check its name, PATH and mode",
        )
        .of_kind(kind)
    })?;
    source.follow_children(false)?;
    drop_privileges(caps::TO_SIGNAL)?;
    Ok(Traced {
        source: Box::new(source),
        command: Command::Child(child),
        began,
        notes: Vec::new(),
    })
}

/// Attaches to the machine, or to what `scope` selects of it.
///
/// # Errors
/// There is no eBPF here, or the scope names what does not exist.
pub fn machine(
    backend: Backend,
    ring_bytes: u32,
    look: Look,
    scope: &Scope,
) -> Result<Box<dyn Source>, Error> {
    let hook = hook(backend).ok_or_else(|| {
        Error::new(
            Kind::Usage,
            "ptrace traces a command, not a machine",
            "--backend ptrace",
            "use `nulltrace run --backend ptrace -- CMD`, or another backend",
        )
    })?;
    let confined = lent::confined();
    let scope = &match confined {
        Some(user) => caller::within(scope, user)?,
        None => scope.clone(),
    };
    let options = Options {
        hook,
        ring_bytes,
        scope: kernel_scope(scope)?,
        confined,
        activity: look.activity == Activity::Segments,
        inside: look.inside,
        keeper: look.keeper,
        ..Options::default()
    };
    let mut source = attach(&options)?;
    for &pid in &scope.pids {
        if !Path::new("/proc").join(pid.to_string()).exists() {
            return Err(Error::new(
                Kind::NotFound,
                "no such process",
                pid,
                "name a running process with --pid",
            ));
        }
        source.follow(pid)?;
    }
    drop_privileges(CapabilitySet::empty())?;
    Ok(Box::new(source))
}

/// The kernel tells by one of the three.
fn kernel_scope(scope: &Scope) -> Result<ebpf::Scope, Error> {
    match (&scope.pids[..], scope.uid, &scope.cgroup) {
        ([], None, None) => Ok(ebpf::Scope::Machine),
        ([_, ..], None, None) => Ok(ebpf::Scope::Members),
        ([], Some(uid), None) => Ok(ebpf::Scope::Uid(uid)),
        ([], None, Some(path)) => {
            let cgroup = Cgroup::at(&below_cgroup_root(path))?;
            Ok(ebpf::Scope::Cgroup(cgroup))
        }
        _ => Err(Error::new(
            Kind::Usage,
            "more than one selection",
            "--pid, --uid, --cgroup",
            "give processes, a user or a cgroup",
        )),
    }
}

fn hook(backend: Backend) -> Option<Hook> {
    match backend {
        Backend::Auto | Backend::Ebpf => Some(Hook::Auto),
        Backend::Fentry => Some(Hook::Fentry),
        Backend::RawTracepoint => Some(Hook::RawTracepoint),
        Backend::Ptrace => None,
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

fn attach(options: &Options) -> Result<EbpfSource, EbpfError> {
    let source = EbpfSource::attach(options);
    give_back_memory();
    source
}

/// Reading the kernel's types takes and frees some 13 MiB, which the allocator would keep.
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, may be called at any time.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Before any thread is started: each has rights of its own.
fn drop_privileges(kept: CapabilitySet) -> Result<(), Error> {
    caps::keep_for_good(kept).map_err(|error| {
        Error::io(
            "cannot drop privileges",
            error,
            "capset(2), prctl(2)",
            "run it where they are allowed",
        )
    })
}
