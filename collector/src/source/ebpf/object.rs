//! The compiled kernel programs and how they are loaded.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use aya::maps::{Array, Map, MapData, MapError};
use aya::programs::{RawTracePoint, TestRun};
use aya::{Btf, Ebpf, EbpfLoader, RawTracePointRunOptions, include_bytes_aligned};

use nulltrace_core::activity::Reach;

use super::error::EbpfError;
use super::full::SIGNATURES;
use super::hook::{self, Hook};
use crate::source::{Full, KernelEvents, SNAPLEN_MAX};

#[cfg(target_arch = "x86_64")]
static OBJECT: &[u8] = include_bytes_aligned!("../../../bpf/nulltrace.x86_64.bpf.o");
#[cfg(target_arch = "aarch64")]
static OBJECT: &[u8] = include_bytes_aligned!("../../../bpf/nulltrace.aarch64.bpf.o");

/// The map of `nt_scope`.
const SCOPE: &str = ".data.scope";

/// The smallest ring, in bytes; where pages are larger it is one page.
const RING_MIN: u32 = 4096;
/// The largest ring, in bytes.
const RING_MAX: u32 = 1 << 30;

/// A cgroup of the unified hierarchy, and whichever is made under its path later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// [`NO_CGROUP`] if it is not there yet.
    id: u64,
    level: u32,
    /// Below the root of the hierarchy.
    path: PathBuf,
    dir: PathBuf,
}

/// The id of no cgroup. That is not 0, which stands for one above a thread's own.
const NO_CGROUP: u64 = u64::MAX;

impl Cgroup {
    /// The cgroup whose directory is `path`.
    ///
    /// # Errors
    /// It is no directory of a mounted cgroup2 file system.
    pub fn at(path: &Path) -> Result<Self, EbpfError> {
        let fail = |source| EbpfError::Cgroup {
            path: path.to_owned(),
            source,
        };
        let full = path.canonicalize().map_err(fail)?;
        let id = full.metadata().map_err(fail)?.ino();
        Self::below_mount(full, id).map_err(fail)
    }

    /// The cgroup whose directory will be `path`.
    ///
    /// # Errors
    /// There will be none: it is not below a mounted cgroup2 file system, or too long to be recognised.
    pub fn awaited(path: &Path) -> Result<Self, EbpfError> {
        let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
        let this = match path.components().all(plain) {
            true => Self::below_mount(path.to_owned(), NO_CGROUP),
            false => Err(std::io::ErrorKind::NotFound.into()),
        };
        let long = |this: &Self| this.path.as_os_str().len() >= PATH_MAX;
        let this = match this {
            Ok(this) if long(&this) => Err(std::io::ErrorKind::InvalidFilename.into()),
            this => this,
        };
        this.map_err(|source| EbpfError::Cgroup {
            path: path.to_owned(),
            source,
        })
    }

    fn below_mount(dir: PathBuf, id: u64) -> std::io::Result<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let found = mounts.lines().find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let mut mount = mount.split(' ').skip(3);
            let (root, point) = (mount.next()?, mount.next()?);
            let below = dir.strip_prefix(point).ok()?;
            // A mount may show a part of the hierarchy only.
            let path = Path::new(root).join(below);
            let level = u32::try_from(path.components().count() - 1).ok()?;
            kind.starts_with("cgroup2 ").then_some((level, path))
        });
        let (level, path) = found.ok_or(std::io::ErrorKind::NotADirectory)?;
        Ok(Self {
            id,
            level,
            path,
            dir,
        })
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its id now, if it is there.
    #[must_use]
    pub fn current_id(&self) -> Option<u64> {
        self.dir.metadata().ok().map(|of| of.ino())
    }

    /// One whose directory is all that matters.
    #[cfg(test)]
    pub(crate) fn of_dir(dir: PathBuf) -> Self {
        Self {
            id: NO_CGROUP,
            level: 0,
            path: PathBuf::new(),
            dir,
        }
    }
}

/// What to see and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The hook.
    pub hook: Hook,
    /// Size of the ring in bytes: a power of two from 4096 to 1 GiB.
    pub ring_bytes: u32,
    /// Whose markers.
    pub scope: Scope,
    /// How many processes can be followed or remembered at once.
    pub max_processes: u32,
    /// Observe what threads that write markers do between them.
    pub activity: bool,
    /// Report every system call of these threads; needs `activity`.
    pub full: Option<Full>,
    /// How many bytes of what each call read or wrote are reported with it, at most 4096.
    pub snaplen: u32,
    /// What the kernel does that is reported one by one.
    pub kernel: KernelEvents,
    /// Whose activity counts toward a span.
    pub inside: Reach,
    /// No threads but those of this user are observed, whatever else is chosen.
    pub confined: Option<u32>,
    /// A process of nulltrace's own, which is no part of the machine; 0 for none.
    pub keeper: u32,
}

/// Whose markers are seen; the others' do not leave the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    #[default]
    Machine,
    /// Those of processes that are followed, see [`EbpfSource::follow_children`] and
    /// [`EbpfSource::follow`].
    ///
    /// [`EbpfSource::follow_children`]: super::EbpfSource::follow_children
    /// [`EbpfSource::follow`]: super::EbpfSource::follow
    Members,
    /// Those of threads with this real user.
    Uid(u32),
    /// Those of threads in this cgroup or below it.
    Cgroup(Cgroup),
}

/// `struct nt_scope` of `collector/bpf/maps.h`.
#[derive(Clone, Copy)]
#[repr(C)]
struct ScopeValue {
    cgroup: u64,
    level: u32,
    uid: u32,
    kind: u32,
    unused: u32,
    path: [u8; PATH_MAX],
}

/// `NT_PATH_WORDS`; the end of a longer path is missing there, so that a cgroup created again is not recognised.
const PATH_MAX: usize = 64 * size_of::<u64>();

// SAFETY: numbers without padding.
unsafe impl aya::Pod for ScopeValue {}

impl From<&Scope> for ScopeValue {
    /// `enum nt_scope_kind`, and the arguments of each choice.
    fn from(scope: &Scope) -> Self {
        let mut value = Self {
            cgroup: 0,
            level: 0,
            uid: 0,
            kind: 0,
            unused: 0,
            path: [0; PATH_MAX],
        };
        match scope {
            Scope::Machine => {}
            Scope::Members => value.kind = 1,
            Scope::Uid(uid) => (value.kind, value.uid) = (2, *uid),
            Scope::Cgroup(Cgroup {
                id, level, path, ..
            }) => {
                (value.kind, value.cgroup, value.level) = (3, *id, *level);
                let path = path.as_os_str().as_bytes();
                // The kernel ends one that is cut by a NUL: without one here they differ.
                let n = path.len().min(PATH_MAX);
                value.path[..n].copy_from_slice(&path[..n]);
            }
        }
        value
    }
}

/// Sets whose markers are wanted.
fn set_scope(ebpf: &mut Ebpf, scope: &Scope) -> Result<(), EbpfError> {
    let map = ebpf
        .map_mut(SCOPE)
        .ok_or_else(|| MapError::InvalidName { name: SCOPE.into() })?;
    Array::<_, ScopeValue>::try_from(map)?.set(0, ScopeValue::from(scope), 0)?;
    Ok(())
}

/// Selects the cgroup as it is now. To be called when one that is made from now on is recognised: it may have
/// been made, or made again, before.
pub(super) fn find_cgroup(ebpf: &mut Ebpf, cgroup: &Cgroup) -> Result<(), EbpfError> {
    let mut cgroup = cgroup.clone();
    while let Some(id) = cgroup.current_id().filter(|&id| id != cgroup.id) {
        cgroup.id = id;
        set_scope(ebpf, &Scope::Cgroup(cgroup.clone()))?;
    }
    Ok(())
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hook: Hook::Auto,
            ring_bytes: 16 << 20,
            scope: Scope::Machine,
            max_processes: 1 << 16,
            activity: false,
            full: None,
            snaplen: 0,
            kernel: KernelEvents::default(),
            inside: Reach::Thread,
            confined: None,
            keeper: 0,
        }
    }
}

/// Makes the maps and fits the programs to the running kernel. With `parts` threads send long segments in parts
/// themselves.
pub(super) fn load(options: &Options, btf: &Btf, parts: bool) -> Result<Ebpf, EbpfError> {
    let size = options.ring_bytes;
    if !size.is_power_of_two() || !(RING_MIN..=RING_MAX).contains(&size) {
        return Err(EbpfError::RingSize(size));
    }
    let mut loader = EbpfLoader::new();
    if !options.activity {
        // What it needs is not used: no memory for it.
        for name in ["reported_files", "cgroups", "marked"] {
            loader.map_max_entries(name, 1);
        }
    }
    if options.full.is_none() {
        loader.map_max_entries(SIGNATURES, 1);
        // Without NT_SLOT_FULL.
        loader.map_max_entries("scratch", 2);
    }
    if !options.kernel.block {
        loader.map_max_entries("requests", 1);
    }
    // `enum nt_full_of`.
    let full: u32 = match options.full {
        None => 0,
        Some(Full::Spans) => 1,
        Some(Full::All) => 2,
    };
    // The last quarter is left to markers.
    let room = u64::from(size - size / 4);
    // `enum nt_inside`.
    let inside: u32 = match options.inside {
        Reach::Thread => 0,
        Reach::Process => 1,
        Reach::Script => 2,
        Reach::Machine => 3,
    };
    let mut ebpf = loader
        .btf(Some(btf))
        // Task storage, which is the kernel programs' alone.
        .allow_unsupported_maps()
        .map_max_entries("ring", size)
        .map_max_entries("members", options.max_processes.max(1))
        .map_max_entries("processes", options.max_processes.max(1))
        .override_global("nt_activity", &u8::from(options.activity), true)
        .override_global("nt_parts", &u8::from(parts), true)
        .override_global("nt_inside", &inside, true)
        .override_global("nt_full", &full, true)
        .override_global("nt_full_room", &room, true)
        .override_global("nt_snaplen", &options.snaplen.min(SNAPLEN_MAX), true)
        .override_global("nt_keeper", &options.keeper, true)
        .override_global("nt_confined", &u8::from(options.confined.is_some()), true)
        .override_global("nt_own", &options.confined.unwrap_or(0), true)
        .load(OBJECT)
        .map_err(EbpfError::object)?;
    set_scope(&mut ebpf, &options.scope)?;
    Ok(ebpf)
}

/// Takes a map out of the object.
pub(super) fn map(ebpf: &mut Ebpf, name: &str) -> Result<Map, EbpfError> {
    ebpf.take_map(name)
        .ok_or_else(|| MapError::InvalidName { name: name.into() }.into())
}

/// Takes an array out of the object, for its memory.
pub(super) fn map_data(ebpf: &mut Ebpf, name: &str) -> Result<MapData, EbpfError> {
    match map(ebpf, name)? {
        Map::Array(data) => Ok(data),
        _ => Err(MapError::InvalidName { name: name.into() }.into()),
    }
}

/// This process's id in the initial pid namespace, which it may not be in itself.
pub(super) fn own_id(ebpf: &mut Ebpf) -> Result<u32, EbpfError> {
    let program: &mut RawTracePoint = hook::find(ebpf, hook::OWN_ID)?;
    program
        .test_run(RawTracePointRunOptions::new())
        .map(|result| result.return_value)
        .map_err(|error| EbpfError::program(hook::OWN_ID, error))
}

/// Descriptors of programs that outlive the borrow.
pub(super) fn program_fds(
    ebpf: &mut Ebpf,
    names: &[&'static str],
) -> Result<Vec<OwnedFd>, EbpfError> {
    names
        .iter()
        .filter_map(|&name| Some((name, ebpf.program(name)?)))
        .map(|(name, program)| {
            let fd = program
                .fd()
                .map_err(|error| EbpfError::program(name, error))?;
            fd.as_fd().try_clone_to_owned().map_err(EbpfError::Io)
        })
        .collect()
}
