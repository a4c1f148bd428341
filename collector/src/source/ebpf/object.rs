//! The compiled kernel programs and how they are loaded.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aya::maps::{Map, MapData, MapError};
use aya::programs::{RawTracePoint, TestRun};
use aya::{Btf, Ebpf, EbpfLoader, RawTracePointRunOptions, include_bytes_aligned};

use nulltrace_core::activity::Reach;

use super::error::EbpfError;
use super::hook::{self, Hook};

#[cfg(target_arch = "x86_64")]
static OBJECT: &[u8] = include_bytes_aligned!("../../../bpf/nulltrace.x86_64.bpf.o");
#[cfg(target_arch = "aarch64")]
static OBJECT: &[u8] = include_bytes_aligned!("../../../bpf/nulltrace.aarch64.bpf.o");

/// The smallest ring, in bytes; where pages are larger it is one page.
const RING_MIN: u32 = 4096;
/// The largest ring, in bytes.
const RING_MAX: u32 = 1 << 30;

/// A cgroup of the unified hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cgroup {
    id: u64,
    level: u32,
}

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
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(fail)?;
        mounts
            .lines()
            .filter_map(|line| {
                let (mount, kind) = line.split_once(" - ")?;
                let mut mount = mount.split(' ').skip(3);
                let (root, point) = (mount.next()?, mount.next()?);
                let below = full.strip_prefix(point).ok()?;
                // A mount may show a part of the hierarchy only.
                let level = Path::new(root).components().count() - 1 + below.components().count();
                let level = u32::try_from(level).ok()?;
                kind.starts_with("cgroup2 ").then_some(Self { id, level })
            })
            .next()
            .ok_or_else(|| fail(std::io::ErrorKind::NotADirectory.into()))
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
    /// Look at what threads that write markers do between them.
    pub activity: bool,
    /// Whose doings belong to a span.
    pub inside: Reach,
}

/// Whose markers are seen; the others' do not leave the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

impl Scope {
    /// `enum nt_scope` of `collector/bpf/maps.h`, and the arguments of each choice.
    const fn globals(self) -> (u32, u32, Cgroup) {
        const NONE: Cgroup = Cgroup { id: 0, level: 0 };
        match self {
            Self::Machine => (0, 0, NONE),
            Self::Members => (1, 0, NONE),
            Self::Uid(uid) => (2, uid, NONE),
            Self::Cgroup(cgroup) => (3, 0, cgroup),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hook: Hook::Auto,
            ring_bytes: 16 << 20,
            scope: Scope::Machine,
            max_processes: 1 << 16,
            activity: false,
            inside: Reach::Thread,
        }
    }
}

/// Makes the maps and fits the programs to the running kernel. With `parts` threads tell of long segments
/// themselves.
pub(super) fn load(options: &Options, btf: &Btf, parts: bool) -> Result<Ebpf, EbpfError> {
    let size = options.ring_bytes;
    if !size.is_power_of_two() || !(RING_MIN..=RING_MAX).contains(&size) {
        return Err(EbpfError::RingSize(size));
    }
    let (scope, uid, cgroup) = options.scope.globals();
    let mut loader = EbpfLoader::new();
    if !options.activity {
        // What it needs is not used: no memory for it.
        for name in ["named", "cgroups", "marked"] {
            loader.map_max_entries(name, 1);
        }
    }
    // `enum nt_inside`.
    let inside: u32 = match options.inside {
        Reach::Thread => 0,
        Reach::Process => 1,
        Reach::Script => 2,
        Reach::Machine => 3,
    };
    loader
        .btf(Some(btf))
        // Task storage, which is the kernel programs' alone.
        .allow_unsupported_maps()
        .map_max_entries("ring", size)
        .map_max_entries("processes", options.max_processes.max(1))
        .override_global("nt_activity", &u8::from(options.activity), true)
        .override_global("nt_parts", &u8::from(parts), true)
        .override_global("nt_inside", &inside, true)
        .override_global("nt_scope", &scope, true)
        .override_global("nt_uid", &uid, true)
        .override_global("nt_cgroup", &cgroup.id, true)
        .override_global("nt_cgroup_level", &cgroup.level, true)
        .load(OBJECT)
        .map_err(EbpfError::object)
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
