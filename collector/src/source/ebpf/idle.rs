//! Reports to the kernel programs which threads are idle: they have no span open.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;
use std::{io, ptr, slice};

use aya::maps::MapData;
use nulltrace_core::input::record::{IDLE_SLOTS, Idle};

/// The map `idle_threads` of the kernel programs, as memory of this process: a write is no system call.
pub(super) struct IdleThreads {
    /// Held, so that the map lives as long as its memory.
    _map: MapData,
    at: ptr::NonNull<Idle>,
}

const BYTES: usize = IDLE_SLOTS * size_of::<Idle>();

// SAFETY: the memory is this value's own, and only written by atomic stores.
unsafe impl Send for IdleThreads {}

impl IdleThreads {
    pub(super) fn new(map: MapData) -> io::Result<Self> {
        let fd = map.fd().as_fd().as_raw_fd();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of a descriptor that is open; nothing else is touched.
        let at = unsafe { libc::mmap(ptr::null_mut(), BYTES, access, libc::MAP_SHARED, fd, 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = ptr::NonNull::new(at.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { _map: map, at })
    }

    /// From now on the calls of all threads are counted.
    pub(super) fn clear(&self) {
        for slot in self.all() {
            slot.marker.store(0, Ordering::Release);
        }
    }

    fn all(&self) -> &[Idle] {
        // SAFETY: the mapping has that many, and all bytes are valid for atomics.
        unsafe { slice::from_raw_parts(self.at.as_ptr(), IDLE_SLOTS) }
    }

    /// The kernel compares the time and the thread, so a half-written slot matches no thread.
    pub(super) fn mark(&self, tid: u32, ts: u64) {
        if let Some(slot) = self.all().get(tid as usize % IDLE_SLOTS) {
            slot.marker.store(0, Ordering::Release);
            slot.tid.store(tid, Ordering::Release);
            slot.marker.store(ts, Ordering::Release);
        }
    }
}

impl Drop for IdleThreads {
    fn drop(&mut self) {
        // SAFETY: made by `new` with that length, and used only here.
        unsafe { libc::munmap(self.at.as_ptr().cast(), BYTES) };
    }
}
