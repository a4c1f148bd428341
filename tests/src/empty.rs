//! A kernel program that does nothing or only reads the clock, for what the hook itself costs.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const PROG_LOAD: libc::c_long = 5;
const RAW_TRACEPOINT_OPEN: libc::c_long = 17;
const PROG_TYPE_RAW_TRACEPOINT: u32 = 17;

/// `r0 = bpf_ktime_get_ns(); r0 = 0; exit`
static CODE: [u64; 3] = [5 << 32 | 0x85, 0xb7, 0x95];

/// The prefix of union bpf_attr that loading reads.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    code: u64,
    license: u64,
}

/// The prefix that attaching reads.
#[repr(C)]
struct Open {
    name: u64,
    program: u32,
    pad: u32,
}

fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: both commands read `attributes`, up to the size given, and what its addresses point
    // at, which outlives the call; they give a descriptor or an error.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Attached until it is dropped.
#[derive(Debug)]
pub struct Empty {
    _links: Vec<OwnedFd>,
}

impl Empty {
    /// Loads it and attaches it to raw tracepoints, `c"sys_enter"`, of the whole machine.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn attach(tracepoints: &[&CStr]) -> io::Result<Self> {
        Self::attach_code(&CODE[1..], tracepoints)
    }

    /// The same that reads the clock.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn attach_clock(tracepoints: &[&CStr]) -> io::Result<Self> {
        Self::attach_code(&CODE, tracepoints)
    }

    fn attach_code(code: &'static [u64], tracepoints: &[&CStr]) -> io::Result<Self> {
        let program = bpf(
            PROG_LOAD,
            &Load {
                kind: PROG_TYPE_RAW_TRACEPOINT,
                count: code.len() as u32,
                code: code.as_ptr().addr() as u64,
                license: c"Dual MIT/GPL".as_ptr().addr() as u64,
            },
        )?;
        let link = |name: &&CStr| {
            bpf(
                RAW_TRACEPOINT_OPEN,
                &Open {
                    name: name.as_ptr().addr() as u64,
                    program: program.as_raw_fd().cast_unsigned(),
                    pad: 0,
                },
            )
        };
        // A link holds the program.
        Ok(Self {
            _links: tracepoints.iter().map(link).collect::<io::Result<_>>()?,
        })
    }
}
