//! What the kernel programs counted.

use std::os::fd::{AsRawFd, OwnedFd};

use aya::maps::{MapData, PerCpuArray};
use nulltrace_core::count::Count;
use nulltrace_core::input::record::Counter;
use nulltrace_core::ledger::Lost;

/// The counters of all programs, and the runs the kernel skipped.
pub(super) struct Counters {
    map: PerCpuArray<MapData, u64>,
    markers: Vec<OwnedFd>,
    single: Vec<OwnedFd>,
}

impl Counters {
    /// `markers` are the programs whose skipped runs are lost markers, `single` those of lost calls and the like.
    pub(super) fn new(
        map: PerCpuArray<MapData, u64>,
        markers: Vec<OwnedFd>,
        single: Vec<OwnedFd>,
    ) -> Self {
        Self {
            map,
            markers,
            single,
        }
    }

    /// A counter, summed over the cpus. Not known where the kernel does not let it be read.
    fn get(&self, counter: Counter) -> Count {
        let values = self.map.get(&(counter as u32), 0).ok();
        values.map(|values| values.iter().sum()).into()
    }

    pub(super) fn lost(&self) -> Lost {
        let markers = skipped(&self.markers);
        Lost {
            // A run that was skipped put nothing into the ring either. It may have been for a
            // write of something else: with these, the count is of what was lost at most.
            ring_full: self.get(Counter::RingFull) + markers,
            ring_full_markers: self.get(Counter::Marker) + markers,
            fault: self.get(Counter::Fault),
            storage: self.get(Counter::Storage),
            scope: self.get(Counter::Scope),
            segment: self.get(Counter::Segment),
            name: self.get(Counter::Name),
            call: self.get(Counter::Call) + skipped(&self.single),
            ..Lost::default()
        }
    }
}

/// Runs the kernel skipped because the same program was under way on that cpu: a fentry program
/// can be preempted by a thread that writes a marker too.
fn skipped(programs: &[OwnedFd]) -> Count {
    let misses: Option<u64> = programs
        .iter()
        .map(|program| recursion_misses(program).ok())
        .sum();
    misses.into()
}

/// The part of `bpf_prog_info` that aya does not show, and what is before it.
#[repr(C)]
struct ProgramInfo {
    before: [u64; 26],
    recursion_misses: u64,
}

const _: () = assert!(std::mem::offset_of!(ProgramInfo, recursion_misses) == 208);

fn recursion_misses(program: &OwnedFd) -> std::io::Result<u64> {
    const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;

    #[repr(C)]
    struct Attributes {
        fd: u32,
        len: u32,
        info: u64,
    }

    let mut info = ProgramInfo {
        before: [0; 26],
        recursion_misses: 0,
    };
    let mut attributes = Attributes {
        fd: program.as_raw_fd().cast_unsigned(),
        len: size_of::<ProgramInfo>() as u32,
        info: (&raw mut info).addr() as u64,
    };
    // SAFETY: `attributes` is the prefix of union bpf_attr that this command reads, `info` is
    // writable for `len` bytes, and both outlive the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_OBJ_GET_INFO_BY_FD,
            &raw mut attributes,
            size_of::<Attributes>(),
        )
    };
    if done < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(info.recursion_misses)
}
