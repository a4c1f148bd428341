//! The current span of a thread, for callers that ask.

use crate::types::{NT_ID_EMPTY, NT_ID_NUMBER, nt_id};

/// What spans may be named as parents: those of nt_unique().
pub(crate) const fn is_unique(id: nt_id) -> bool {
    id.kind == NT_ID_NUMBER && (1 << 32) < id.number && id.number < 1 << 48
}

/// The id of the span that is current on this thread; nt_empty() if none is. The library never asks:
/// give it to nt_span_begin_in(), to another thread, or to a job.
#[unsafe(no_mangle)]
pub extern "C" fn nt_context() -> nt_id {
    id(place::get())
}

/// Makes a span current on this thread, by its id of nt_unique(); any other id, such as nt_empty(), makes
/// none. Gives the one before, to be set again. A child of fork() has that of the thread that forked.
///
/// @code
/// const nt_id before = nt_context_set(job->span.id);     // a worker takes up a job,
/// run(job);                                              // whose spans ask for nt_context(),
/// nt_context_set(before);                                // and lays it down
/// @endcode
#[unsafe(no_mangle)]
pub extern "C" fn nt_context_set(span: nt_id) -> nt_id {
    let before = place::get();
    place::set(if is_unique(span) { span.number } else { NONE });
    id(before)
}

/// No span is current.
const NONE: i64 = 0;

const fn id(number: i64) -> nt_id {
    nt_id {
        kind: match number {
            NONE => NT_ID_EMPTY,
            _ => NT_ID_NUMBER,
        },
        number,
    }
}

/// The thread's variable where the C library allots such a one to each thread before it runs: for a library that
/// was loaded by dlopen(), glibc would else allocate it at the first use, and that may be in a signal handler.
/// The compiler has no way to say this, the assembler has.
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
))]
mod place {
    use core::arch::{asm, global_asm};

    #[cfg(target_arch = "x86_64")]
    global_asm!(r#".pushsection .tbss.nt_current_, "awT", @nobits"#);
    #[cfg(target_arch = "aarch64")]
    global_asm!(r#".pushsection .tbss.nt_current_, "awT", %nobits"#);
    global_asm!(
        ".globl nt_current_",
        ".hidden nt_current_",
        ".p2align 3",
        "nt_current_:",
        ".zero 8",
        ".size nt_current_, 8",
        ".popsection",
    );

    #[inline(always)]
    fn address() -> *mut i64 {
        let address: *mut i64;
        // SAFETY: reads the thread's pointer and how far from it the variable is, which no code changes.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!(
                "mov {address}, qword ptr fs:[0]",
                "add {address}, qword ptr [rip + nt_current_@GOTTPOFF]",
                address = out(reg) address,
                options(pure, readonly, nostack),
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!(
                "mrs {address}, tpidr_el0",
                "adrp {offset}, :gottprel:nt_current_",
                "ldr {offset}, [{offset}, :gottprel_lo12:nt_current_]",
                "add {address}, {address}, {offset}",
                address = out(reg) address,
                offset = out(reg) _,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }

    #[inline(always)]
    pub(super) fn get() -> i64 {
        // SAFETY: this thread's own variable, which lives as long as it.
        unsafe { address().read() }
    }

    #[inline(always)]
    pub(super) fn set(number: i64) {
        // SAFETY: as in `get`.
        unsafe { address().write(number) }
    }
}

#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
)))]
mod place {
    use core::cell::Cell;

    std::thread_local! {
        static CURRENT: Cell<i64> = const { Cell::new(super::NONE) };
    }

    pub(super) fn get() -> i64 {
        CURRENT.get()
    }

    pub(super) fn set(number: i64) {
        CURRENT.set(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        let one = id(1 << 40);
        assert_eq!(nt_context_set(one).kind, NT_ID_EMPTY);
        assert_eq!(nt_context(), one);
        let other =
            std::thread::spawn(|| (nt_context(), nt_context_set(id(1 << 41)), nt_context()));
        let other = other.join().unwrap_or_else(|_| panic!("it panicked"));
        assert_eq!(other, (id(NONE), id(NONE), id(1 << 41)));
        assert_eq!(nt_context_set(id(7)), one);
        assert_eq!(nt_context(), id(NONE));
    }
}
