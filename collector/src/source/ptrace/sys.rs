//! The few ptrace and wait calls, each with its errors as values.

use std::io;
use std::ptr;

use libc::{c_int, c_ulong, pid_t};
use zerocopy::{FromBytes, IntoBytes};

/// The C libraries disagree on the type of a request.
#[cfg(target_env = "musl")]
type Request = c_int;
#[cfg(not(target_env = "musl"))]
type Request = libc::c_uint;

/// A stop that is none of the others: a new tracee's first, a group-stop, or the end of one.
pub(super) const EVENT_STOP: c_int = 128;
/// Since Linux 5.3; the same for every machine, so no registers are read.
const GET_SYSCALL_INFO: Request = 0x420e;
/// `SyscallInfo::op` at a seccomp stop.
const INFO_SECCOMP: u8 = 3;

/// `struct ptrace_syscall_info` at a seccomp stop.
#[derive(Default, FromBytes, IntoBytes)]
#[repr(C)]
struct SyscallInfo {
    op: u8,
    pad: [u8; 3],
    arch: u32,
    instruction: u64,
    stack: u64,
    number: u64,
    args: [u64; 6],
    data: u32,
    reserved: u32,
}

/// The system call a tracee is about to make.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) args: [u64; 6],
}

/// What `waitpid` reports of one tracee.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// It is gone; the status is as wait(2) gives it.
    Gone(c_int),
    /// It is about to receive a signal.
    Signal(c_int),
    /// A `PTRACE_EVENT_*`, with the signal that came with it.
    Event(c_int, c_int),
}

/// Waits for one tracee or child of the calling thread. Children of other threads are left alone.
pub(super) fn wait() -> io::Result<(pid_t, Change)> {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the answer.
    let tid = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::__WNOTHREAD) };
    if tid < 0 {
        return Err(io::Error::last_os_error());
    }
    let change = if !libc::WIFSTOPPED(status) {
        Change::Gone(status)
    } else {
        match (status >> 16, libc::WSTOPSIG(status)) {
            (0, signal) => Change::Signal(signal),
            (event, signal) => Change::Event(event, signal),
        }
    };
    Ok((tid, change))
}

/// Becomes the tracer of `pid`, a child that goes on running.
pub(super) fn seize(pid: pid_t, options: c_int) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, pid, 0, options as usize)
}

/// Lets a stopped tracee go on, with `signal` if that is not 0. One killed meanwhile is no error:
/// its end comes by [`wait`].
pub(super) fn go_on(tid: pid_t, signal: c_int) {
    let _ = request(libc::PTRACE_CONT, tid, 0, signal as usize);
}

/// Leaves a tracee in its group-stop until `SIGCONT`.
pub(super) fn stay_stopped(tid: pid_t) {
    let _ = request(libc::PTRACE_LISTEN, tid, 0, 0);
}

/// Sends `signal` to a process.
pub(super) fn kill(pid: pid_t, signal: c_int) {
    // SAFETY: takes two numbers.
    unsafe { libc::kill(pid, signal) };
}

/// The number that comes with an event: a new thread, a former thread, an exit status.
pub(super) fn message(tid: pid_t) -> io::Result<c_ulong> {
    let mut message: c_ulong = 0;
    let place = ptr::from_mut(&mut message) as usize;
    request(libc::PTRACE_GETEVENTMSG, tid, 0, place)?;
    Ok(message)
}

/// The call at which a tracee stopped; `None` if it is gone or stopped for something else.
pub(super) fn call(tid: pid_t) -> Option<Call> {
    let info = info(tid)?;
    (info.op == INFO_SECCOMP).then_some(Call {
        number: info.number,
        args: info.args,
    })
}

/// Takes `CLONE_UNTRACED` from the flags of the clone that `tid` is about to make, if they have it: without a tracer
/// each write of the child would fail. Where the kernel hides the tracee's memory they stay as they are.
pub(super) fn keep_traced(tid: pid_t, call: &Call) {
    const UNTRACED: u64 = libc::CLONE_UNTRACED as u64;
    match call.number as libc::c_long {
        libc::SYS_clone if call.args[0] & UNTRACED != 0 => {
            set_first_argument(tid, call.args[0] & !UNTRACED);
        }
        // They are the first word of its structure.
        libc::SYS_clone3 => {
            let place = call.args[0] as usize;
            if let Some(flags) = peek(tid, place)
                && flags & UNTRACED != 0
            {
                let _ = request(
                    libc::PTRACE_POKEDATA,
                    tid,
                    place,
                    (flags & !UNTRACED) as usize,
                );
            }
        }
        _ => {}
    }
}

/// A word of the memory of a tracee.
fn peek(tid: pid_t, place: usize) -> Option<u64> {
    let mut word = 0_u64;
    let local = libc::iovec {
        iov_base: ptr::from_mut(&mut word).cast(),
        iov_len: size_of::<u64>(),
    };
    let remote = libc::iovec {
        iov_base: place as *mut libc::c_void,
        iov_len: size_of::<u64>(),
    };
    // SAFETY: `local` is `word`; the other address is of the other process and looked up by the kernel.
    let got = unsafe { libc::process_vm_readv(tid, &local, 1, &remote, 1, 0) };
    (got == size_of::<u64>() as isize).then_some(word)
}

/// Sets the first argument of the call at which a tracee stopped.
fn set_first_argument(tid: pid_t, value: u64) {
    // SAFETY: registers are numbers, for which zeros are valid.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    if exchange(libc::PTRACE_GETREGSET, tid, &mut registers).is_err() {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    {
        registers.rdi = value;
    }
    #[cfg(target_arch = "aarch64")]
    {
        registers.regs[0] = value;
    }
    let _ = exchange(libc::PTRACE_SETREGSET, tid, &mut registers);
}

/// Gets or sets the registers of a tracee.
fn exchange(how: Request, tid: pid_t, registers: &mut libc::user_regs_struct) -> io::Result<()> {
    const NT_PRSTATUS: usize = 1;
    let mut place = libc::iovec {
        iov_base: ptr::from_mut(registers).cast(),
        iov_len: size_of::<libc::user_regs_struct>(),
    };
    request(how, tid, NT_PRSTATUS, ptr::from_mut(&mut place) as usize)
}

/// The ABI of a tracee at its stop, as seccomp names it.
pub(super) fn abi(tid: pid_t) -> Option<u32> {
    Some(info(tid)?.arch)
}

fn info(tid: pid_t) -> Option<SyscallInfo> {
    let mut info = SyscallInfo::default();
    let place = ptr::from_mut(&mut info) as usize;
    request(GET_SYSCALL_INFO, tid, size_of::<SyscallInfo>(), place).ok()?;
    Some(info)
}

/// Every request here takes numbers, or one place that outlives the call and is as large as what the
/// kernel writes to it.
fn request(request: Request, tid: pid_t, addr: usize, data: usize) -> io::Result<()> {
    // SAFETY: as said above; `addr` and `data` are the two words the kernel's ABI has for them.
    match unsafe { libc::ptrace(request, tid, addr, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
