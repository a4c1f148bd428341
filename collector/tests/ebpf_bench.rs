//! What the marker hook costs the program it watches, interleaved with the same program unwatched.
//! Run by hand: `cargo test --release -p nulltrace-collector --test ebpf_bench -- --ignored --nocapture`
#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nulltrace_collector::source::Source;
use nulltrace_collector::source::ebpf::{EbpfSource, Hook, Options, Scope};

const CALLS: u32 = 20_000;
const ROUNDS: usize = 12;
const BATCHES: usize = 10;

const MARKER: &[u8] = b">:t:checkout.pay:cart=7,user=12345678:";
const END: &[u8] = b"<:t:checkout.pay::";
const OTHER: &[u8] = b"not a marker at all, merely noise 1234";

fn cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn write(fd: libc::c_int, bytes: &[u8]) {
    // SAFETY: `bytes` is readable for its length.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
}

/// CPU nanoseconds per call, the lowest of a few batches.
fn cost(call: &dyn Fn()) -> f64 {
    (0..BATCHES)
        .map(|_| {
            let begin = cpu_ns();
            for _ in 0..CALLS {
                call();
            }
            (cpu_ns() - begin) as f64 / f64::from(CALLS)
        })
        .fold(f64::MAX, f64::min)
}

/// The tenth percentile.
fn low(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 10]
}

fn measure(devices: [libc::c_int; 2]) -> [f64; 4] {
    let [null, zero] = devices;
    [
        // SAFETY: getppid touches no memory.
        cost(&|| _ = unsafe { libc::syscall(libc::SYS_getppid) }),
        cost(&|| write(null, OTHER)),
        cost(&|| write(zero, MARKER)),
        // Last, and ended surely: no pending marker makes the others dearer.
        cost(&|| {
            write(null, MARKER);
            write(null, END);
        }) / 2.0,
    ]
}

#[test]
#[ignore = "a measurement, not a test"]
fn bench() {
    let open = |path: &std::ffi::CStr| {
        // SAFETY: the path is NUL terminated.
        unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) }
    };
    let devices = [open(c"/dev/null"), open(c"/dev/zero")];
    let modes = [None, Some(Scope::Machine), Some(Scope::Members)];
    let mut rows = vec![vec![Vec::new(); 4]; modes.len()];
    let mut attach = Vec::new();
    for _ in 0..ROUNDS {
        for (row, mode) in modes.iter().enumerate() {
            let Some(scope) = mode.clone() else {
                for (cell, value) in rows[row].iter_mut().zip(measure(devices)) {
                    cell.push(value);
                }
                continue;
            };
            let begin = std::time::Instant::now();
            let mut source = EbpfSource::attach(&Options {
                hook: Hook::Auto,
                ring_bytes: 64 << 20,
                scope,
                ..Options::default()
            })
            .unwrap();
            attach.push(begin.elapsed().as_secs_f64() * 1e3);
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let stop = &stop;
                scope.spawn(|| {
                    let source = &mut source;
                    while !stop.load(Ordering::Relaxed) {
                        source.drain(&mut |_| {}).unwrap();
                        source.wait(Duration::from_millis(2));
                    }
                    assert_eq!(source.lost(), Default::default());
                });
                for (cell, value) in rows[row].iter_mut().zip(measure(devices)) {
                    cell.push(value);
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
    }
    println!("CPU ns per call     getppid  other>null  marker>zero  marker>null");
    for (name, row) in ["unwatched", "watched", "out of scope"].iter().zip(rows) {
        let cells: Vec<f64> = row.into_iter().map(low).collect();
        println!(
            "{name:<18} {:>8.1} {:>11.1} {:>12.1} {:>12.1}",
            cells[0], cells[1], cells[2], cells[3]
        );
    }
    println!("attach ms: {:.0}", low(attach));
}
