//! Which threads hold a storage of a running agent's kernel programs.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const MAP_LOOKUP_ELEM: libc::c_int = 1;
const MAP_GET_FD_BY_ID: libc::c_int = 14;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;

/// The beginning of `struct bpf_map_info`.
#[repr(C)]
#[derive(Default)]
struct MapInfo {
    kind: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    name: [u8; 16],
}

/// bpf(2) with this prefix of its attributes.
fn bpf<T>(command: libc::c_int, attributes: &mut T) -> io::Result<i32> {
    let size = size_of::<T>();
    // SAFETY: the attributes outlive the call, and so does what they point to, which the callers made.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size) };
    match i32::try_from(done) {
        Ok(done) if done >= 0 => Ok(done),
        _ => Err(io::Error::last_os_error()),
    }
}

fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the kernel just made it for this process, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A map of task storage.
#[derive(Debug)]
pub struct TaskStorage {
    map: OwnedFd,
    value_size: usize,
}

impl TaskStorage {
    /// That of this name which a process holds open. Takes root's rights.
    ///
    /// # Errors
    /// It has none, or may not be looked at.
    pub fn of(pid: u32, name: &str) -> io::Result<Self> {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
            let text = std::fs::read_to_string(entry?.path()).unwrap_or_default();
            let Some(id) = text.lines().find_map(|line| line.strip_prefix("map_id:")) else {
                continue;
            };
            let id: u32 = id.trim().parse().map_err(io::Error::other)?;
            let map = owned(bpf(MAP_GET_FD_BY_ID, &mut [id, 0, 0])?);
            let mut info = MapInfo::default();
            let mut attributes = InfoOf {
                fd: map.as_raw_fd(),
                len: size_of::<MapInfo>() as u32,
                info: (&raw mut info).addr() as u64,
            };
            bpf(OBJ_GET_INFO_BY_FD, &mut attributes)?;
            if info.name.starts_with(name.as_bytes()) {
                let value_size = info.value_size as usize;
                return Ok(Self { map, value_size });
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Bytes of what each thread holds.
    #[must_use]
    pub fn value_size(&self) -> usize {
        self.value_size
    }

    /// Whether a thread holds one. `None` if it is gone, or no leader of a process where the kernel can be asked
    /// for these only.
    ///
    /// # Panics
    /// The map cannot be read.
    #[must_use]
    pub fn has(&self, tid: u32) -> Option<bool> {
        let thread = pidfd(tid)?;
        let mut key = thread.as_raw_fd();
        let mut value = vec![0_u8; self.value_size];
        let mut attributes = Element {
            map: self.map.as_raw_fd(),
            key: (&raw mut key).addr() as u64,
            value: value.as_mut_ptr().addr() as u64,
            flags: 0,
        };
        match bpf(MAP_LOOKUP_ELEM, &mut attributes) {
            Ok(_) => Some(true),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Some(false),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => None,
            Err(error) => panic!("the map cannot be read: {error}"),
        }
    }
}

#[repr(C)]
struct InfoOf {
    fd: i32,
    len: u32,
    info: u64,
}

#[repr(C)]
struct Element {
    map: i32,
    key: u64,
    value: u64,
    flags: u64,
}

/// A descriptor of the thread; before Linux 6.9 only of the leader of a process.
fn pidfd(tid: u32) -> Option<OwnedFd> {
    const PIDFD_THREAD: libc::c_int = libc::O_EXCL;
    [PIDFD_THREAD, 0].into_iter().find_map(|flags| {
        // SAFETY: plain numbers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, tid, flags) };
        let fd = i32::try_from(fd).ok().filter(|&fd| fd >= 0)?;
        Some(owned(fd))
    })
}
