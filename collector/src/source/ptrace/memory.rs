//! What a tracee is about to write, and where to.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use libc::pid_t;
use nulltrace_core::input::record::PAYLOAD_MAX;
use zerocopy::IntoBytes;

use super::filter::vectored;
use super::sys::Call;

/// Read at once: most markers are whole in it, and for other writes it costs no more than one byte.
const PEEK: usize = 256;
/// The kernel's `MAX_RW_COUNT`: what a longer write has is written by the next, if the program makes one.
pub(super) const WRITE_MAX: usize = 0x7fff_f000;
/// The kernel's `UIO_MAXIOV`: a longer vector is refused by the call itself.
const VECTOR_MAX: usize = 1024;

/// Reads one write at a time; its memory is used again for the next.
pub(super) struct Reader {
    bytes: Vec<u8>,
    /// Base and length of the buffers of a vector, as `struct iovec` has them.
    vector: Vec<[usize; 2]>,
    /// The non-empty buffers up to [`PAYLOAD_MAX`] bytes.
    pieces: Vec<libc::iovec>,
    /// `process_vm_readv` is barred here, by a container's own filter.
    by_file: bool,
    /// A null device of our own.
    null: Option<File>,
}

/// One write, as far as it was read.
pub(super) struct Write<'a> {
    /// Its first bytes: as many as were asked for, or all.
    pub(super) bytes: &'a [u8],
    /// How long the whole is; a sum beyond what the kernel allows is the largest number.
    pub(super) total: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; PAYLOAD_MAX],
            vector: Vec::new(),
            pieces: Vec::new(),
            by_file: false,
            null: File::options().write(true).open("/dev/null").ok(),
        }
    }

    /// Whether the kernel refuses the write that was peeked at last, though its descriptor is good: for its offset,
    /// flags, length or address. Only a write that may be refused is tried, on a null device of our own, which
    /// reads no memory.
    pub(super) fn is_refused(&self, call: &Call, total: Option<usize>) -> bool {
        let Some(null) = &self.null else {
            return false;
        };
        let [_, base, count, rest @ ..] = call.args.map(|arg| arg as usize);
        let number = call.number as libc::c_long;
        let dot = piece(b".".as_ptr() as usize, 1);
        let plain = vectored(call.number) == Some(false);
        // What was read and is not too long is good; these two have neither offset nor flags.
        let good = total.is_some_and(|total| total <= WRITE_MAX);
        let (base, count) = match (good, plain) {
            (true, _) if matches!(number, libc::SYS_write | libc::SYS_writev) => return false,
            (true, true) => (dot.iov_base as usize, dot.iov_len),
            (true, false) => ((&raw const dot) as usize, 1),
            (false, true) => (base, count),
            (false, false) => (self.vector.as_ptr() as usize, self.vector.len()),
        };
        // SAFETY: the null device reads nothing of what it is given; a list of pieces is ours.
        let done = unsafe {
            libc::syscall(
                number,
                null.as_raw_fd(),
                base,
                count,
                rest[0],
                rest[1],
                rest[2],
            )
        };
        done < 0
    }

    /// The first bytes of what `call` of `tid` writes; `None` for a call that writes nothing.
    ///
    /// # Errors
    /// The memory is not there, or the tracee is gone (`ESRCH`).
    pub(super) fn peek(&mut self, tid: pid_t, call: &Call) -> io::Result<Option<Write<'_>>> {
        let Some(total) = self.gather(tid, call)? else {
            return Ok(None);
        };
        let bytes = self.copy(tid, total.min(PEEK))?;
        Ok(Some(Write { bytes, total }))
    }

    /// All of the write that was peeked at last, up to [`PAYLOAD_MAX`] bytes.
    ///
    /// # Errors
    /// As for [`peek`](Self::peek).
    pub(super) fn read(&mut self, tid: pid_t, total: usize) -> io::Result<&[u8]> {
        if total <= PEEK {
            return Ok(&self.bytes[..total]);
        }
        self.copy(tid, total.min(PAYLOAD_MAX))
    }

    /// Finds the buffers; returns their length together.
    fn gather(&mut self, tid: pid_t, call: &Call) -> io::Result<Option<usize>> {
        let [_, base, count, ..] = call.args.map(|arg| arg as usize);
        self.vector.clear();
        match vectored(call.number) {
            Some(false) => self.vector.push([base, count]),
            Some(true) if count <= VECTOR_MAX => {
                self.vector.resize(count, [0; 2]);
                let into = self.vector.as_mut_bytes();
                let from = piece(base, into.len());
                match read_exact(tid, &[from], into, &mut self.by_file) {
                    // The kernel cannot read the list either.
                    Err(error)
                        if matches!(error.raw_os_error(), Some(libc::EFAULT | libc::EIO)) =>
                    {
                        return Ok(None);
                    }
                    read => read?,
                }
            }
            _ => return Ok(None),
        }
        self.pieces.clear();
        let mut total = 0_usize;
        for &[base, len] in &self.vector {
            let len_seen = len.min(PAYLOAD_MAX.saturating_sub(total));
            if len_seen > 0 {
                self.pieces.push(piece(base, len_seen));
            }
            total = total.saturating_add(len);
        }
        Ok((total > 0).then_some(total))
    }

    fn copy(&mut self, tid: pid_t, len: usize) -> io::Result<&[u8]> {
        let into = &mut self.bytes[..len];
        read_exact(tid, &self.pieces, into, &mut self.by_file)?;
        Ok(into)
    }
}

fn piece(base: usize, len: usize) -> libc::iovec {
    libc::iovec {
        iov_base: base as *mut libc::c_void,
        iov_len: len,
    }
}

/// Fills `into` from `pieces`, which may hold more.
fn read_exact(
    tid: pid_t,
    pieces: &[libc::iovec],
    into: &mut [u8],
    by_file: &mut bool,
) -> io::Result<()> {
    let mut barred = *by_file;
    if !barred {
        match read_vm(tid, pieces, into) {
            Ok(got) if got == into.len() => return Ok(()),
            Ok(_) => return Err(io::Error::from_raw_os_error(libc::EFAULT)),
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOSYS | libc::EPERM) => barred = true,
                _ => return Err(error),
            },
        }
    }
    let memory = File::open(format!("/proc/{tid}/mem"))?;
    // It is not this one process that hides its memory: so do not ask the other way again.
    *by_file = barred;
    let mut into = into;
    for piece in pieces {
        let (now, rest) = into.split_at_mut(piece.iov_len.min(into.len()));
        memory.read_exact_at(now, piece.iov_base as u64)?;
        into = rest;
    }
    Ok(())
}

fn read_vm(tid: pid_t, pieces: &[libc::iovec], into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    // SAFETY: `local` is `into`, exclusively ours and as long as it says; the addresses in `pieces`
    // are of the other process and looked up by the kernel.
    let got = unsafe {
        libc::process_vm_readv(
            tid,
            &local,
            1,
            pieces.as_ptr(),
            pieces.len() as libc::c_ulong,
            0,
        )
    };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: libc::c_long, base: *const u8, count: usize) -> Call {
        Call {
            number: number as u64,
            args: [1, base as u64, count as u64, 0, 0, 0],
        }
    }

    fn own(reader: &mut Reader, call: &Call) -> Option<(Vec<u8>, usize)> {
        let pid = std::process::id() as pid_t;
        let total = reader.peek(pid, call).unwrap()?.total;
        Some((reader.read(pid, total).unwrap().to_vec(), total))
    }

    #[test]
    fn both_ways_read_the_same() {
        let (a, b) = (vec![b'a'; 300], vec![b'b'; 5000]);
        let vector = [
            piece(a.as_ptr() as usize, a.len()),
            piece(8, 0),
            piece(b.as_ptr() as usize, b.len()),
        ];
        let vector = call(libc::SYS_writev, vector.as_ptr().cast(), vector.len());
        for by_file in [false, true] {
            let mut reader = Reader {
                by_file,
                ..Reader::new()
            };
            let (bytes, total) = own(&mut reader, &vector).unwrap();
            assert_eq!(total, 5300);
            assert_eq!(bytes, [&a[..], &b[..PAYLOAD_MAX - 300]].concat());
            let plain = call(libc::SYS_pwrite64, a.as_ptr(), 3);
            assert_eq!(own(&mut reader, &plain).unwrap(), (b"aaa".to_vec(), 3));
            assert_eq!(
                own(&mut reader, &call(libc::SYS_writev, a.as_ptr(), 1025)),
                None
            );
            assert_eq!(
                own(&mut reader, &call(libc::SYS_getpid, a.as_ptr(), 3)),
                None
            );
            let nowhere = call(libc::SYS_write, std::ptr::null(), 3);
            assert!(reader.peek(std::process::id() as pid_t, &nowhere).is_err());
        }
    }
}
