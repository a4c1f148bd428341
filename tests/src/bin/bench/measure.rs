//! CPU time of short batches, and what is made of many numbers.

use std::hint::black_box;
use std::io;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity};
use rustix::time::{ClockId, clock_gettime};

const BATCHES: usize = 60;

/// ns of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) cpu: f64,
    pub(crate) elapsed: f64,
}

/// What one call costs this thread, the tenth percentile of batches of so many.
pub(crate) fn cost(batch: u32, mut call: impl FnMut()) -> Cost {
    let mut cpu = Vec::with_capacity(BATCHES);
    let mut elapsed = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let start = Instant::now();
        let began = clock(ClockId::ThreadCPUTime);
        for _ in 0..batch {
            call();
        }
        cpu.push((clock(ClockId::ThreadCPUTime) - began) as f64 / f64::from(batch));
        elapsed.push(start.elapsed().as_nanos() as f64 / f64::from(batch));
    }
    Cost {
        cpu: low(cpu),
        elapsed: low(elapsed),
    }
}

/// Of those this process may run on.
pub(crate) fn first_and_last_cpu() -> io::Result<(usize, usize)> {
    let allowed = sched_getaffinity(None)?;
    let mut cpus = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
    let first = cpus.next().unwrap_or(0);
    Ok((first, cpus.next_back().unwrap_or(first)))
}

/// The smallest system call.
pub(crate) fn getppid() {
    // SAFETY: takes nothing, cannot fail; glibc does not cache it.
    black_box(unsafe { libc::getppid() });
}

/// ns of a clock.
pub(crate) fn clock(id: ClockId) -> u64 {
    let now = clock_gettime(id);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

fn percentile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q) as usize]
}

/// The tenth percentile.
pub(crate) fn low(values: Vec<f64>) -> f64 {
    percentile(values, 0.1)
}

/// The lower quartile.
pub(crate) fn quartile(values: Vec<f64>) -> f64 {
    percentile(values, 0.25)
}

/// The lower of the middle ones.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    percentile(values, 0.5)
}

/// The numbers that a program printed.
pub(crate) fn numbers(text: &[u8]) -> io::Result<Vec<f64>> {
    let text = String::from_utf8_lossy(text);
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match numbers {
        Ok(numbers) if !numbers.is_empty() => Ok(numbers),
        _ => Err(io::Error::other(format!("no numbers in {text:?}"))),
    }
}
