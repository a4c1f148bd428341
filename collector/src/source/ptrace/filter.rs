//! The seccomp filter: which system calls stop for the tracer: writes, and clones that may ask not to be traced.
//!
//! Hand-made because the usual builders kill a process that makes a call of a foreign ABI. Here such
//! a call (i386 or x32 on x86-64, arm on aarch64) runs untouched, and its markers are not seen.

use std::io;
use std::mem::offset_of;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_JUMP, BPF_K, BPF_LD, BPF_RET, BPF_STMT, BPF_W,
    SECCOMP_RET_ALLOW, SECCOMP_RET_TRACE, sock_filter,
};

/// The machine's own ABI as seccomp names it: ELF machine, 64 bit, little endian.
#[cfg(target_arch = "x86_64")]
pub(super) const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(super) const AUDIT_ARCH: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the ptrace source knows the system calls of x86_64 and aarch64 only");

/// The calls that can write a marker. All have their length or count in the third argument.
const WRITES: [libc::c_long; 5] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
];

/// Whether `number` takes a vector of buffers; `None` if it is none of the filter's calls.
pub(super) fn vectored(number: u64) -> Option<bool> {
    let number = libc::c_long::try_from(number).ok()?;
    WRITES
        .contains(&number)
        .then_some(number != libc::SYS_write && number != libc::SYS_pwrite64)
}

/// The program: `RET_TRACE` for the writes of at least one byte or buffer, for a `clone` whose child would not be
/// traced, and for every `clone3`, whose flags lie in memory; `RET_ALLOW` for the rest.
pub(super) fn program() -> Vec<sock_filter> {
    let mut program = vec![
        load(offset_of!(libc::seccomp_data, arch)),
        jump_if(AUDIT_ARCH, 1, 0),
        give(SECCOMP_RET_ALLOW),
        load(offset_of!(libc::seccomp_data, nr)),
    ];
    for (done, number) in (1u8..).zip(WRITES) {
        // Past the other comparisons and what is for clones.
        program.push(jump_if(number as u32, WRITES.len() as u8 - done + 6, 0));
    }
    let args = offset_of!(libc::seccomp_data, args);
    let flags = low(args);
    let length = args + 2 * size_of::<u64>();
    program.extend([
        jump_if(libc::SYS_clone3 as u32, 4, 0),
        jump_if(libc::SYS_clone as u32, 0, 2),
        load(flags),
        jump_if_any(libc::CLONE_UNTRACED as u32, 1, 0),
        give(SECCOMP_RET_ALLOW),
        give(SECCOMP_RET_TRACE),
        load(length),
        jump_if(0, 0, 3),
        load(length + size_of::<u32>()),
        jump_if(0, 0, 1),
        give(SECCOMP_RET_ALLOW),
        give(SECCOMP_RET_TRACE),
    ]);
    program
}

/// Installs `program` on the calling thread, for good. Async-signal-safe.
///
/// Without `CAP_SYS_ADMIN` the kernel asks for `no_new_privs` first: only then it is set.
pub(super) fn install(program: &[sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    let set = || {
        // SAFETY: `program` points to `len` instructions, which the kernel copies and checks.
        match unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                0,
                &program,
            )
        } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    match set() {
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
            // SAFETY: takes four numbers, touches no memory of ours.
            if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
            set()
        }
        done => done,
    }
}

fn load(offset: usize) -> sock_filter {
    // SAFETY: only fills in a struct.
    unsafe { BPF_STMT((BPF_LD | BPF_W | BPF_ABS) as u16, offset as u32) }
}

fn jump_if(value: u32, yes: u8, no: u8) -> sock_filter {
    // SAFETY: only fills in a struct.
    unsafe { BPF_JUMP((BPF_JMP | BPF_JEQ | BPF_K) as u16, value, yes, no) }
}

fn jump_if_any(bits: u32, yes: u8, no: u8) -> sock_filter {
    // SAFETY: only fills in a struct.
    unsafe { BPF_JUMP((BPF_JMP | BPF_JSET | BPF_K) as u16, bits, yes, no) }
}

/// Where the low half of an argument is.
const fn low(arg: usize) -> usize {
    match cfg!(target_endian = "little") {
        true => arg,
        false => arg + size_of::<u32>(),
    }
}

fn give(action: u32) -> sock_filter {
    // SAFETY: only fills in a struct.
    unsafe { BPF_STMT((BPF_RET | BPF_K) as u16, action) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would answer, by running the program.
    fn answer(arch: u32, number: u32, length: u64) -> u32 {
        answer_to(arch, number, 0, length)
    }

    fn answer_to(arch: u32, number: u32, first: u64, length: u64) -> u32 {
        let mut data = [0u8; size_of::<libc::seccomp_data>()];
        data[0..4].copy_from_slice(&number.to_ne_bytes());
        data[4..8].copy_from_slice(&arch.to_ne_bytes());
        data[16..24].copy_from_slice(&first.to_ne_bytes());
        data[32..40].copy_from_slice(&length.to_ne_bytes());
        let (program, mut at, mut value) = (program(), 0, 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                code if code == BPF_LD | BPF_W | BPF_ABS => {
                    let from = step.k as usize;
                    value = u32::from_ne_bytes(data[from..from + 4].try_into().unwrap());
                }
                code if code == BPF_JMP | BPF_JEQ | BPF_K => {
                    at += usize::from(if value == step.k { step.jt } else { step.jf });
                }
                code if code == BPF_JMP | BPF_JSET | BPF_K => {
                    at += usize::from(if value & step.k != 0 {
                        step.jt
                    } else {
                        step.jf
                    });
                }
                code if code == BPF_RET | BPF_K => return step.k,
                code => panic!("instruction {code}"),
            }
        }
    }

    #[test]
    fn only_writes_with_a_length_stop() {
        for number in WRITES {
            assert_eq!(answer(AUDIT_ARCH, number as u32, 1), SECCOMP_RET_TRACE);
            assert_eq!(
                answer(AUDIT_ARCH, number as u32, 1 << 32),
                SECCOMP_RET_TRACE
            );
            assert_eq!(answer(AUDIT_ARCH, number as u32, 0), SECCOMP_RET_ALLOW);
            assert_eq!(answer(AUDIT_ARCH ^ 1, number as u32, 1), SECCOMP_RET_ALLOW);
            assert_eq!(
                answer(AUDIT_ARCH, number as u32 | 0x4000_0000, 1),
                SECCOMP_RET_ALLOW
            );
        }
        let clone3 = libc::SYS_clone3 as u64;
        for number in (0..600).filter(|&number| vectored(number).is_none() && number != clone3) {
            assert_eq!(answer(AUDIT_ARCH, number as u32, 1), SECCOMP_RET_ALLOW);
        }
    }

    #[test]
    fn clones_that_may_leave_the_tracer_stop() {
        let answer = |number, flags| answer_to(AUDIT_ARCH, number as u32, flags, 0);
        let untraced = libc::CLONE_UNTRACED as u64;
        assert_eq!(answer(libc::SYS_clone, untraced | 17), SECCOMP_RET_TRACE);
        assert_eq!(answer(libc::SYS_clone, !untraced), SECCOMP_RET_ALLOW);
        assert_eq!(answer(libc::SYS_clone3, 0), SECCOMP_RET_TRACE);
        assert_eq!(answer(libc::SYS_getpid, untraced), SECCOMP_RET_ALLOW);
    }
}
