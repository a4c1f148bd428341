//! How many instructions a span takes, each of its two system calls as one: a child process runs spans step by step.
//! With the argument `limits` it ends with an error if a span takes more than it may on x86_64.

use std::ffi::{c_int, c_long};
use std::hint::black_box;
use std::io::{Error, Result};
use std::process::ExitCode;

use nulltrace::{span, traced};

unsafe extern "C" {
    fn fork() -> c_int;
    fn _exit(status: c_int) -> !;
    fn raise(signal: c_int) -> c_int;
    fn ptrace(request: c_long, pid: c_int, address: *mut u8, data: *mut u8) -> c_long;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
}

const TRACE_ME: c_long = 0;
const SINGLE_STEP: c_long = 9;
const SIGTRAP: c_int = 5;
const SIGSTOP: c_int = 19;

type Loop = fn(u64);

/// How many steps a child takes from its first stop to its end.
fn steps(run: Loop, times: u64) -> Result<u64> {
    // The device is opened before.
    run(1);
    // SAFETY: this process has one thread; the child uses nothing but `run` and ends.
    let child = unsafe { fork() };
    if child == 0 {
        // SAFETY: as above.
        unsafe {
            ptrace(TRACE_ME, 0, std::ptr::null_mut(), std::ptr::null_mut());
            raise(SIGSTOP);
            run(times);
            _exit(0);
        }
    }
    let mut counted = 0;
    loop {
        let mut status = 0;
        // SAFETY: fills the status of the child.
        if unsafe { waitpid(child, &raw mut status, 0) } != child {
            return Err(Error::last_os_error());
        }
        let (stopped, signal) = (status & 0xff == 0x7f, status >> 8 & 0xff);
        if !stopped {
            return match status {
                0 => Ok(counted),
                _ => Err(Error::other(format!("the child ended with {status}"))),
            };
        }
        counted += u64::from(signal == SIGTRAP);
        // SAFETY: the child is stopped, and no memory is given.
        unsafe {
            ptrace(
                SINGLE_STEP,
                child,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
    }
}

/// Loops, each a function of its own.
macro_rules! loops {
    ($($name:ident($n:ident) $body:block)*) => {$(
        #[inline(never)]
        fn $name(times: u64) {
            for $n in 0..times {
                black_box($n);
                $body
            }
        }
    )*};
}

#[traced("checkout.cart.tax")]
#[inline(never)]
fn called(n: u64) -> u64 {
    plain(n)
}

/// What may panic, as most code, for all the compiler knows.
#[inline(never)]
fn plain(n: u64) -> u64 {
    assert!(black_box(n) < u64::MAX);
    n
}

loops! {
    nothing(n) {}
    drops(n) { drop(span!("checkout.cart.tax")); }
    spans(n) { let _span = span!("checkout.cart.tax"); }
    around(n) { let _span = span!("checkout.cart.tax"); black_box(plain(n)); }
    not_around(n) { black_box(plain(n)); }
    numbers(n) { let _span = span!("checkout.cart.tax", cart = n & 7); }
    texts(n) { let _span = span!("checkout.cart.tax", user = black_box("ann")); }
    two(n) { let _span = span!("checkout.cart.tax", cart = n & 7, user = black_box("ann")); }
    recorded(n) { span!("checkout.cart.tax").record("rows", n & 7); }
    calls(n) { black_box(called(n)); }
}

fn main() -> ExitCode {
    let limited =
        std::env::args().nth(1).as_deref() == Some("limits") && cfg!(target_arch = "x86_64");
    let mut good = true;
    let cases: [(&str, Loop, Loop, u64); 8] = [
        ("span! dropped at once", drops, nothing, 44),
        ("span!", spans, nothing, 44),
        ("span! around a call", around, not_around, 54),
        ("span! with a number", numbers, nothing, 134),
        ("span! with a text", texts, nothing, 175),
        ("span! with both", two, nothing, 252),
        ("span! with a recorded number", recorded, nothing, 665),
        ("#[traced]", calls, not_around, 70),
    ];
    for (name, run, less, most) in cases {
        let each = |run| Ok::<_, Error>((steps(run, 20)? - steps(run, 10)?) / 10);
        match each(run).and_then(|all| Ok(all - each(less)?)) {
            Ok(each) => {
                println!("{name}: {each} instructions");
                good &= !limited || each <= most;
            }
            Err(error) => {
                println!("skipped: {name}: {error}");
            }
        }
    }
    match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
