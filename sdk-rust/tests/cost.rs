//! What a span costs, against two `write`s of 30 bytes by the C library. Run by hand:
//! `cargo test -p nulltrace --release --test cost -- --ignored --nocapture`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::fs::OpenOptions;
use std::hint::black_box;
use std::os::fd::AsRawFd;

use nulltrace::__private::Task;
use nulltrace::{Id, Span, span, tracer};

/// CPU time of this thread, in nanoseconds.
fn now() -> f64 {
    // SAFETY: fills the time.
    let time = unsafe {
        let mut time = std::mem::zeroed::<libc::timespec>();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time);
        time
    };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

const BATCH: u32 = 500;
const ROUNDS: usize = 1_500;

/// Runs the cases in turn, so that what disturbs the machine disturbs them all; prints the tenth
/// percentile of each. Every case is a loop of its own: a call through a pointer costs 30 ns behind a
/// system call.
macro_rules! measure {
    ($($name:literal: |$n:ident| $case:expr;)*) => {{
        let names = [$($name),*];
        let mut times = vec![Vec::with_capacity(ROUNDS); names.len()];
        for _ in 0..ROUNDS {
            let mut all = times.iter_mut();
            $({
                let began = now();
                for $n in 0..BATCH {
                    $case;
                }
                all.next().unwrap().push((now() - began) / f64::from(BATCH));
            })*
        }
        let tenth = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 10]
        };
        let costs: Vec<f64> = times.iter_mut().map(tenth).collect();
        for (name, cost) in names.iter().zip(&costs) {
            println!("{name:20} {cost:6.1} ns  {:.2}x", cost / costs[0]);
        }
    }};
}

#[test]
#[ignore = "a measurement"]
fn spans_against_libc_writes() {
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let fd = null.as_raw_fd();
    static BYTES: [u8; 30] = [b'x'; 30];
    let write = || {
        // SAFETY: thirty bytes.
        unsafe { libc::write(fd, BYTES.as_ptr().cast(), 30) };
    };
    let text = black_box("ann");
    measure! {
        "libc": |_n| { write(); write() };
        "raw::write": |_n| {
            nulltrace::raw::write(b">:t:checkout.pay.card::");
            nulltrace::raw::write(b"<:t:checkout.pay.card::");
        };
        "span! static": |_n| drop(span!("checkout.pay.card"));
        "span! number": |n| drop(span!("checkout.pay.card", cart = n));
        "span! text": |_n| drop(span!("checkout.pay.card", user = text));
        "span! display": |n| drop(span!("checkout.pay.card", cart = %n));
        "span! two": |n| drop(span!("checkout.pay.card", cart = n, user = text));
        "record": |n| span!("checkout.pay.card").record("rows", n);
        "span! id": |n| drop(span!(id: Id::Number(n.into()), "checkout.pay.card"));
        "Span::enter": |_n| drop(Span::enter(black_box("checkout.pay.card")));
        "span and child": |_n| drop(span!("checkout").child(black_box("pay.card")));
        "task": |_n| Task::enter(tracer!("checkout.pay.card"), |_| ()).exit();
    }
}
